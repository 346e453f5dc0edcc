//! The usual statistics of a column of numbers, as pandas defines them.

/// The quantiles that are reported, beside the least and the greatest value.
pub(crate) const QUANTILES: [(&str, f64); 7] =
    [("P1", 0.01), ("P5", 0.05), ("P25", 0.25), ("MEDIAN", 0.5), ("P75", 0.75), ("P95", 0.95), ("P99", 0.99)];

/// Statistics of the values that there are. What is not defined (the mean of nothing, the skewness of a
/// constant) is `None`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statistics {
    /// How many rows have a value.
    pub(crate) count: usize,
    pub(crate) mean: Option<f64>,
    /// The sample standard deviation (divided by n − 1).
    pub(crate) std: Option<f64>,
    pub(crate) min: Option<f64>,
    /// Those of [`QUANTILES`], interpolated linearly between the two nearest values.
    pub(crate) quantiles: [Option<f64>; QUANTILES.len()],
    pub(crate) max: Option<f64>,
    /// The adjusted Fisher–Pearson coefficient G₁ (Joanes and Gill, 1998, "Comparing measures of sample
    /// skewness and kurtosis").
    pub(crate) skewness: Option<f64>,
    /// The excess kurtosis G₂ (of the same paper); 0 for a normal distribution.
    pub(crate) kurtosis: Option<f64>,
    /// How many values are 0.
    pub(crate) zeros: usize,
    /// How many different values there are.
    pub(crate) distinct: usize,
}

impl Statistics {
    /// Measures a column; `sorted` are its values in order, without the missing ones.
    pub(crate) fn of(column: &[f32], sorted: &[f32]) -> Self {
        let count = sorted.len();
        let n = count as f64;
        let known = column.iter().filter(|value| !value.is_nan()).map(|value| f64::from(*value));
        // Deviations from a value of the column itself: those of a constant are exactly 0.
        let origin = sorted.first().map_or(0.0, |value| f64::from(*value));
        let shift = known.clone().map(|value| value - origin).sum::<f64>() / n;
        let moment =
            |power: i32| known.clone().map(|value| (value - origin - shift).powi(power)).sum::<f64>();
        let second = moment(2);
        let varies = second > 0.0;
        Self {
            count,
            mean: (count > 0).then_some(origin + shift),
            std: (count > 1).then(|| (second / (n - 1.0)).sqrt()),
            min: sorted.first().copied().map(f64::from),
            quantiles: QUANTILES.map(|(_, share)| quantile(sorted, share)),
            max: sorted.last().copied().map(f64::from),
            skewness: (count > 2 && varies)
                .then(|| n * (n - 1.0).sqrt() / (n - 2.0) * moment(3) / second.powf(1.5)),
            kurtosis: (count > 3 && varies).then(|| {
                let scale = n * (n + 1.0) * (n - 1.0) / ((n - 2.0) * (n - 3.0));
                scale * moment(4) / (second * second) - 3.0 * (n - 1.0).powi(2) / ((n - 2.0) * (n - 3.0))
            }),
            zeros: sorted.iter().filter(|value| **value == 0.0).count(),
            distinct: sorted.chunk_by(|a, b| a == b).count(),
        }
    }

    /// Whether there are values and they are all the same.
    pub(crate) fn is_constant(&self) -> bool {
        self.distinct == 1
    }
}

/// A quantile of sorted values, interpolated linearly (the definition 7 of Hyndman and Fan, 1996, "Sample
/// quantiles in statistical packages"); `None` without values.
pub(crate) fn quantile(sorted: &[f32], share: f64) -> Option<f64> {
    let place = share * (sorted.len().checked_sub(1)? as f64);
    let at = |place: f64| sorted.get(place as usize).map(|value| f64::from(*value));
    let (below, above) = (at(place.floor())?, at(place.ceil())?);
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eda::sorted::Sorted;

    fn measure(column: &[f32]) -> Statistics {
        Statistics::of(column, &Sorted::of(column).values)
    }

    fn near(found: Option<f64>, expected: f64) {
        let found = found.unwrap();
        assert!((found - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{found} is not {expected}");
    }

    /// The numbers 1, …, n have closed forms: mean (n+1)/2, variance n(n+1)/12, skewness 0, excess kurtosis
    /// −6/5 (G₂ of evenly spaced numbers, for every n).
    #[test]
    fn evenly_spaced_numbers_have_their_closed_forms() {
        for n in [4usize, 5, 10, 101, 1000] {
            let column: Vec<f32> = (1..=n).rev().map(|value| value as f32).chain([f32::NAN]).collect();
            let found = measure(&column);
            let n_ = n as f64;
            assert_eq!((found.count, found.zeros, found.distinct), (n, 0, n));
            near(found.mean, (n_ + 1.0) / 2.0);
            near(found.std, (n_ * (n_ + 1.0) / 12.0).sqrt());
            near(found.skewness, 0.0);
            near(found.kurtosis, -1.2);
            near(found.min, 1.0);
            near(found.max, n_);
            for ((_, share), quantile) in QUANTILES.iter().zip(found.quantiles) {
                near(quantile, 1.0 + share * (n_ - 1.0));
            }
        }
    }

    /// k ones among n values: skewness and kurtosis of a coin, by hand.
    #[test]
    fn a_coin_has_its_closed_forms() {
        let (n, k) = (50.0, 7.0);
        let column: Vec<f32> = (0..50).map(|row| f32::from(u8::from(row % 50 < 7))).collect();
        let found = measure(&column);
        let p: f64 = k / n;
        let variance = p * (1.0 - p);
        near(found.mean, p);
        near(found.std, (variance * n / (n - 1.0)).sqrt());
        let g1 = (1.0 - 2.0 * p) / variance.sqrt();
        near(found.skewness, g1 * (n * (n - 1.0)).sqrt() / (n - 2.0));
        let g2 = (1.0 - 6.0 * variance) / variance;
        near(found.kurtosis, (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * g2 + 6.0));
        assert_eq!((found.zeros, found.distinct), (43, 2));
    }

    #[test]
    fn what_is_not_defined_is_none() {
        let nothing = measure(&[f32::NAN, f32::NAN]);
        assert_eq!((nothing.count, nothing.mean, nothing.min, nothing.distinct), (0, None, None, 0));
        let one = measure(&[3.0]);
        assert_eq!((one.mean, one.std, one.quantiles[3]), (Some(3.0), None, Some(3.0)));
        // 0.1 has no exact sum; a constant still has no spread at all.
        let constant = measure(&vec![0.1; 1000]);
        assert_eq!((constant.std, constant.skewness, constant.kurtosis), (Some(0.0), None, None));
        assert!(constant.is_constant());
    }
}
