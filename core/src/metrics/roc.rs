//! The ROC curve of a class against the rest, and the area under it.

use serde::Serialize;

/// Points of a drawn curve closer to the last one than this share of both axes are left out.
const STEP: f64 = 1.0 / 200.0;

/// A point of a ROC curve: the shares of positive and of negative rows that score at least the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RocPoint {
    /// The least score that is predicted positive; infinite at the start of the curve.
    pub threshold: f32,
    /// The share of the negative rows that are predicted positive.
    pub false_positive_rate: f64,
    /// The share of the positive rows that are predicted positive.
    pub true_positive_rate: f64,
}

/// The ROC curve of scored rows from (0, 0) to (1, 1), with a point for each different score, except for
/// those too close to the point before to be seen: about 400 at most. Every point lies on the exact curve.
/// Empty if all rows or no rows are positive.
pub fn roc_curve(scored: &[(f32, bool)]) -> Vec<RocPoint> {
    let sorted = sorted(scored);
    let total = sorted.iter().filter(|(_, is_it)| *is_it).count();
    let others = sorted.len() - total;
    if total == 0 || others == 0 {
        return Vec::new();
    }
    let start = RocPoint { threshold: f32::INFINITY, false_positive_rate: 0.0, true_positive_rate: 0.0 };
    let (mut curve, mut kept) = (vec![start], start);
    let (mut positives, mut negatives) = (0, 0);
    for tied in sorted.chunk_by(|a, b| a.0 == b.0).rev() {
        let hits = tied.iter().filter(|(_, is_it)| *is_it).count();
        positives += hits;
        negatives += tied.len() - hits;
        let point = RocPoint {
            threshold: tied.first().map_or(f32::NEG_INFINITY, |(score, _)| *score),
            false_positive_rate: negatives as f64 / others as f64,
            true_positive_rate: positives as f64 / total as f64,
        };
        let is_last = positives == total && negatives == others;
        let moved = (point.false_positive_rate - kept.false_positive_rate)
            .max(point.true_positive_rate - kept.true_positive_rate);
        if is_last || moved >= STEP {
            curve.push(point);
            kept = point;
        }
    }
    curve
}

/// The area under the ROC curve of scored rows: the probability that a positive row scores above a negative
/// one, ties counting half (the Mann–Whitney statistic). `None` if all rows or no rows are positive.
///
/// # Examples
/// ```
/// use nextbest_core::metrics::roc_auc;
///
/// // Of the four pairs of a positive and a negative row, three are in the right order.
/// let area = roc_auc(&[(0.9, true), (0.6, false), (0.4, true), (0.1, false)]);
/// assert_eq!(area, Some(0.75));
/// assert_eq!(roc_auc(&[(0.9, true)]), None);
/// ```
pub fn roc_auc(scored: &[(f32, bool)]) -> Option<f64> {
    let sorted = sorted(scored);
    let (mut below, mut wins) = (0.0, 0.0);
    for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
        let positives = tied.iter().filter(|(_, is_it)| *is_it).count() as f64;
        let negatives = tied.len() as f64 - positives;
        wins += positives * (below + negatives / 2.0);
        below += negatives;
    }
    let positives = sorted.len() as f64 - below;
    (positives > 0.0 && below > 0.0).then(|| wins / (positives * below))
}

/// Scored rows by ascending score.
pub(super) fn sorted(scored: &[(f32, bool)]) -> Vec<(f32, bool)> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-6, "{actual} instead of {expected}");
    }

    #[test]
    fn auc_counts_pairs() {
        let scored: Vec<(f32, bool)> = (0..200).map(|i| (((i * 37) % 23) as f32, (i * 13) % 7 < 2)).collect();
        let (mut wins, mut pairs) = (0.0, 0.0);
        for (positive, _) in scored.iter().filter(|(_, is_it)| *is_it) {
            for (negative, _) in scored.iter().filter(|(_, is_it)| !*is_it) {
                pairs += 1.0;
                wins += if positive > negative {
                    1.0
                } else if positive == negative {
                    0.5
                } else {
                    0.0
                };
            }
        }
        close(roc_auc(&scored).unwrap(), wins / pairs);
        assert_eq!(roc_auc(&[(1.0, true)]), None);
    }

    fn rows(count: u32) -> Vec<(f32, bool)> {
        (0..count).map(|i| ((i.wrapping_mul(2_654_435_761) >> 8) as f32, i % 41 == 0 || i % 7 == 3)).collect()
    }

    #[test]
    fn a_curve_worked_out_by_hand() {
        // From the highest score: positive; negative and positive, tied; negative.
        let curve = roc_curve(&[(0.2, false), (0.9, true), (0.5, true), (0.5, false)]);
        let places: Vec<(f64, f64)> =
            curve.iter().map(|it| (it.false_positive_rate, it.true_positive_rate)).collect();
        assert_eq!(places, [(0.0, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 1.0)]);
        let thresholds: Vec<f32> = curve.iter().map(|it| it.threshold).collect();
        assert_eq!(thresholds, [f32::INFINITY, 0.9, 0.5, 0.2]);
    }

    #[test]
    fn every_point_is_what_its_threshold_takes() {
        let rows = rows(5000);
        let curve = roc_curve(&rows);
        assert!((100..=402).contains(&curve.len()), "{}", curve.len());
        let share = |is_it: bool, threshold: f32| {
            let of: Vec<bool> =
                rows.iter().filter(|row| row.1 == is_it).map(|row| row.0 >= threshold).collect();
            of.iter().filter(|taken| **taken).count() as f64 / of.len() as f64
        };
        for point in &curve {
            assert_eq!(point.true_positive_rate, share(true, point.threshold));
            assert_eq!(point.false_positive_rate, share(false, point.threshold));
        }
        assert_eq!(curve.last().map(|it| (it.false_positive_rate, it.true_positive_rate)), Some((1.0, 1.0)));
    }

    #[test]
    fn what_is_left_out_can_not_be_seen() {
        let rows = rows(50_000);
        let curve = roc_curve(&rows);
        let trapezoids = curve.windows(2).map(|pair| {
            (pair[1].false_positive_rate - pair[0].false_positive_rate)
                * (pair[0].true_positive_rate + pair[1].true_positive_rate)
                / 2.0
        });
        assert!((trapezoids.sum::<f64>() - roc_auc(&rows).unwrap()).abs() < STEP);
    }

    #[test]
    fn one_kind_of_row_has_no_curve() {
        assert!(roc_curve(&[(0.5, true)]).is_empty() && roc_curve(&[]).is_empty());
    }
}
