//! Reliability: whether events happen as often as their predicted probability says.

use serde::Serialize;

use super::roc::sorted;

/// The number of equal-width bins of the calibration error.
const CALIBRATION_BINS: usize = 15;
/// The most bins of a reliability diagram.
const MOST_BINS: usize = 12;
/// The least expected variance, Σ p (1 − p), in each of them.
const LEAST_VARIANCE: f64 = 10.0;
/// The 97.5th percentile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// A bin of a reliability diagram: rows of similar probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// The lowest probability.
    pub lowest: f32,
    /// The highest probability.
    pub highest: f32,
    /// The number of rows.
    pub count: usize,
    /// The number of rows in which the event happened.
    pub happened: usize,
    /// The mean probability.
    pub predicted: f64,
    /// The share of rows in which the event happened.
    pub observed: f64,
    /// The 95 % Wilson score interval (1927) of that share.
    pub interval: (f64, f64),
}

/// The bins of a reliability diagram, by ascending probability, from rows with a probability and whether the
/// event happened.
///
/// Equal-width bins would put nearly all rows of a rare class into the first bin, and bins of equally many
/// rows would spend most bins on probabilities close to 0. These bins hold equal parts of the expected
/// variance, Σ p (1 − p), so that each is equally informative: for a rare class, about equally many expected
/// events. Equal probabilities stay in one bin.
pub fn reliability(scored: &[(f32, bool)]) -> Vec<ReliabilityBin> {
    let sorted = sorted(scored);
    let variance = |probability: f32| f64::from(probability) * (1.0 - f64::from(probability)).max(0.0);
    let total: f64 = sorted.iter().map(|(probability, _)| variance(*probability)).sum();
    let bins = ((total / LEAST_VARIANCE) as usize).clamp(1, MOST_BINS);
    let mut found = Vec::new();
    let (mut rest, mut seen, mut width) = (sorted.as_slice(), 0.0, 0);
    for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
        width += tied.len();
        seen += tied.iter().map(|(probability, _)| variance(*probability)).sum::<f64>();
        let is_full = seen >= total * (found.len() + 1) as f64 / bins as f64 && found.len() + 1 < bins;
        if is_full || width == rest.len() {
            let (bin, others) = rest.split_at(width);
            found.extend(ReliabilityBin::of(bin));
            (rest, width) = (others, 0);
        }
    }
    found
}

impl ReliabilityBin {
    fn of(rows: &[(f32, bool)]) -> Option<Self> {
        let (lowest, highest) = (rows.first()?.0, rows.last()?.0);
        let happened = rows.iter().filter(|(_, happened)| *happened).count();
        let count = rows.len();
        Some(Self {
            lowest,
            highest,
            count,
            happened,
            predicted: super::mean(rows.iter().map(|(probability, _)| f64::from(*probability))),
            observed: happened as f64 / count as f64,
            interval: wilson(happened, count),
        })
    }
}

/// The 95 % Wilson score interval (1927) of a share, if the event happened in `happened` of `count`
/// independent rows. (0, 1) for no rows.
pub fn wilson(happened: usize, count: usize) -> (f64, f64) {
    if count == 0 {
        return (0.0, 1.0);
    }
    let n = count as f64;
    let share = happened as f64 / n;
    let center = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((center - half).max(0.0), (center + half).min(1.0))
}

/// The calibration error of a class, from its probability in each row and whether the row is of it.
pub(super) fn class_calibration_error(scored: impl Iterator<Item = (f32, bool)>) -> f64 {
    // For each bin, the sum of the probabilities and the number of events.
    let mut bins = [(0.0, 0.0); CALIBRATION_BINS];
    let mut rows = 0usize;
    for (probability, is_it) in scored {
        rows += 1;
        let probability = f64::from(probability);
        let bin = ((probability * CALIBRATION_BINS as f64) as usize).min(CALIBRATION_BINS - 1);
        if let Some((predicted, happened)) = bins.get_mut(bin) {
            *predicted += probability;
            *happened += f64::from(u8::from(is_it));
        }
    }
    bins.iter().map(|(predicted, happened): &(f64, f64)| (predicted - happened).abs()).sum::<f64>()
        / rows.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-6, "{actual} instead of {expected}");
    }

    #[test]
    fn wilson_agrees_with_published_values() {
        // Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I, method 3.
        for ((happened, count), (low, high)) in [
            ((81, 263), (0.2553, 0.3662)),
            ((15, 148), (0.0624, 0.1605)),
            ((0, 20), (0.0, 0.1611)),
            ((1, 29), (0.0061, 0.1718)),
        ] {
            let (our_low, our_high) = wilson(happened, count);
            assert!((our_low - low).abs() < 5e-5 && (our_high - high).abs() < 5e-5, "{our_low} {our_high}");
        }
        assert_eq!(wilson(0, 0), (0.0, 1.0));
    }

    #[test]
    fn bins_of_a_rare_class_hold_about_equally_many_expected_cases() {
        let scored: Vec<(f32, bool)> = (0..40_000u32)
            .map(|row| {
                let chance = ((row as f32 + 1.0) / 40_000.0).powi(6) * 0.2;
                (chance, (row.wrapping_mul(2_654_435_761) as f32 / u32::MAX as f32) < chance)
            })
            .collect();
        let bins = reliability(&scored);
        assert_eq!(bins.len(), 12);
        let expected: Vec<f64> = bins.iter().map(|bin| bin.predicted * bin.count as f64).collect();
        let mean = expected.iter().sum::<f64>() / 12.0;
        assert!(expected.iter().all(|cases| (cases / mean - 1.0).abs() < 0.25), "{expected:?}");
        assert!(bins[0].count > 50 * bins[11].count, "most rows lie next to 0");
        // No row is lost or counted twice.
        assert_eq!(bins.iter().map(|bin| bin.count).sum::<usize>(), scored.len());
        assert!(bins.windows(2).all(|pair| pair[0].highest < pair[1].lowest));
        let happened: usize = bins.iter().map(|bin| bin.happened).sum();
        assert_eq!(happened, scored.iter().filter(|row| row.1).count());
        // For calibrated probabilities, nearly all intervals contain them.
        let inside =
            bins.iter().filter(|bin| bin.interval.0 <= bin.predicted && bin.predicted <= bin.interval.1);
        assert!(inside.count() >= 10);
    }

    #[test]
    fn worked_out_by_hand() {
        let bins = reliability(&[(0.5, true), (0.5, false), (0.25, false), (0.75, true)]);
        assert_eq!(bins.len(), 1, "four rows expect too little to be told apart");
        assert_eq!((bins[0].count, bins[0].happened), (4, 2));
        close(bins[0].predicted, 0.5);
        close(bins[0].observed, 0.5);
        assert_eq!((bins[0].lowest, bins[0].highest), (0.25, 0.75));
        let certain: Vec<(f32, bool)> =
            (0..100).map(|row| (f32::from(u8::from(row < 40)), row < 40)).collect();
        assert_eq!(reliability(&certain).len(), 1, "the certain expect no variance");
        let constant = [(0.5, true), (0.5, false)].repeat(500);
        assert_eq!(reliability(&constant).len(), 1, "equal probabilities stay together");
        assert!(reliability(&[]).is_empty());
    }
}
