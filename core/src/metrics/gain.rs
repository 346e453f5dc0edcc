//! Cumulative gain and lift: how many are reached by asking the likeliest first.

use super::roc::sorted;

/// The share of positive rows among the highest scores, for any share of all rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Gain {
    /// After each group of equal scores, from the highest: how many rows there are so far, and how many are
    /// positive.
    steps: Vec<(usize, usize)>,
}

impl Gain {
    /// Measures scored rows, each with whether it is positive.
    pub fn measure(scored: &[(f32, bool)]) -> Self {
        let mut steps = vec![(0, 0)];
        let (mut rows, mut hits) = (0, 0);
        for tied in sorted(scored).chunk_by(|a, b| a.0 == b.0).rev() {
            rows += tied.len();
            hits += tied.iter().filter(|(_, is_it)| *is_it).count();
            steps.push((rows, hits));
        }
        Self { steps }
    }

    /// The share (0 to 1) of the positive rows that are among a share (0 to 1) of all rows, those with the
    /// highest scores. A group of equal scores counts in proportion. `None` if no row is positive.
    pub fn at(&self, share: f64) -> Option<f64> {
        let (rows, hits) = *self.steps.last()?;
        if hits == 0 {
            return None;
        }
        let wanted = share.clamp(0.0, 1.0) * rows as f64;
        let after = self.steps.partition_point(|(rows, _)| (*rows as f64) < wanted);
        let step = |at: usize| self.steps.get(at).map(|(rows, hits)| (*rows as f64, *hits as f64));
        let (to, to_hits) = step(after)?;
        let (from, from_hits) = step(after.saturating_sub(1))?;
        let part = if to > from { (wanted - from) / (to - from) } else { 0.0 };
        Some((from_hits + part * (to_hits - from_hits)) / hits as f64)
    }

    /// The lift: the share of positives in a share (above 0) of all rows, those with the highest scores, over
    /// the share in as many random rows. `None` if no row is positive.
    pub fn lift(&self, share: f64) -> Option<f64> {
        Some(self.at(share)? / share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-12, "{actual} instead of {expected}");
    }

    #[test]
    fn worked_out_by_hand() {
        // Ten rows, two of them positive: the highest score, and one of the two that share the next.
        let mut scored: Vec<(f32, bool)> = (0..7).map(|row| (row as f32 / 10.0, false)).collect();
        scored.extend([(0.9, true), (0.8, true), (0.8, false)]);
        let gain = Gain::measure(&scored);
        close(gain.at(0.0).unwrap(), 0.0);
        close(gain.at(0.1).unwrap(), 0.5);
        close(gain.at(0.2).unwrap(), 0.75);
        close(gain.at(0.3).unwrap(), 1.0);
        close(gain.at(1.0).unwrap(), 1.0);
        close(gain.lift(0.1).unwrap(), 5.0);
        close(gain.lift(1.0).unwrap(), 1.0);
    }

    #[test]
    fn equal_scores_gain_what_chance_does() {
        let scored: Vec<(f32, bool)> = (0..50).map(|row| (0.25, row % 5 == 0)).collect();
        let gain = Gain::measure(&scored);
        for percent in 1..=100 {
            let share = f64::from(percent) / 100.0;
            close(gain.at(share).unwrap(), share);
            close(gain.lift(share).unwrap(), 1.0);
        }
    }

    #[test]
    fn without_ties_it_counts() {
        let scored: Vec<(f32, bool)> =
            (0..1000u32).map(|i| (((i * 379) % 1000) as f32, (i * 31) % 97 < 9)).collect();
        let gain = Gain::measure(&scored);
        let mut order = scored.clone();
        order.sort_by(|a, b| b.0.total_cmp(&a.0));
        let total = scored.iter().filter(|row| row.1).count() as f64;
        for rows in [1, 10, 123, 500, 999] {
            let hits = order.iter().take(rows).filter(|row| row.1).count() as f64;
            close(gain.at(rows as f64 / 1000.0).unwrap(), hits / total);
        }
    }

    #[test]
    fn where_nothing_is_it_there_is_no_gain() {
        assert!(Gain::measure(&[(0.5, false)]).at(0.5).is_none() && Gain::measure(&[]).lift(0.1).is_none());
    }
}
