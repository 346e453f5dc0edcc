//! Values far out, by Tukey's fences (1977, "Exploratory Data Analysis").

use super::describe::quantile;

/// So many of the lowest and of the highest values are shown.
const EXTREMES: usize = 3;

/// The values beyond the fences.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outliers {
    /// How many values there are.
    pub(crate) count: usize,
    /// The quartiles, and what lies beyond 1.5 and 3 times their distance; `None` where the quartiles are
    /// equal: the fences would call everything far out that is not the usual value.
    pub(crate) fences: Option<Fences>,
    /// The lowest different values, from the lowest on.
    pub(crate) lowest: Vec<f32>,
    /// The highest different values, from the highest on.
    pub(crate) highest: Vec<f32>,
}

/// Quartiles and fences.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fences {
    pub(crate) q1: f64,
    pub(crate) median: f64,
    pub(crate) q3: f64,
    /// At 1.5 times the distance of the quartiles.
    pub(crate) inner: Fence,
    /// At 3 times.
    pub(crate) outer: Fence,
    /// The least and the greatest value within the inner fence: the ends of a box plot's whiskers.
    pub(crate) whiskers: (f32, f32),
}

/// A lower and an upper bound, and how many values lie beyond.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fence {
    pub(crate) lower: f64,
    pub(crate) upper: f64,
    pub(crate) below: usize,
    pub(crate) above: usize,
}

impl Fence {
    /// How many values lie beyond.
    pub(crate) fn beyond(&self) -> usize {
        self.below + self.above
    }
}

impl Outliers {
    /// Looks at the sorted values of a column.
    pub(crate) fn of(sorted: &[f32]) -> Self {
        let different = || sorted.chunk_by(|a, b| a == b).filter_map(|run| run.first().copied());
        Self {
            count: sorted.len(),
            fences: Fences::of(sorted),
            lowest: different().take(EXTREMES).collect(),
            highest: different().rev().take(EXTREMES).collect(),
        }
    }
}

impl Fences {
    fn of(sorted: &[f32]) -> Option<Self> {
        let (q1, median, q3) = (quantile(sorted, 0.25)?, quantile(sorted, 0.5)?, quantile(sorted, 0.75)?);
        if q1 == q3 {
            return None;
        }
        let inner = Fence::at(sorted, q1, q3, 1.5);
        let within = sorted.get(inner.below..sorted.len() - inner.above)?;
        Some(Self {
            q1,
            median,
            q3,
            outer: Fence::at(sorted, q1, q3, 3.0),
            whiskers: (*within.first()?, *within.last()?),
            inner,
        })
    }
}

impl Fence {
    fn at(sorted: &[f32], q1: f64, q3: f64, times: f64) -> Self {
        let (lower, upper) = (q1 - times * (q3 - q1), q3 + times * (q3 - q1));
        Self {
            lower,
            upper,
            below: sorted.partition_point(|value| f64::from(*value) < lower),
            above: sorted.len() - sorted.partition_point(|value| f64::from(*value) <= upper),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_beyond_the_fences_are_counted() {
        // Quartiles 25 and 75 of 0, …, 100; inner fences at −50 and 150, outer ones at −125 and 225.
        let mut values: Vec<f32> = (0..=100).map(|value| value as f32).collect();
        let plain = Outliers::of(&values).fences.unwrap();
        assert_eq!((plain.inner.lower, plain.inner.upper, plain.inner.beyond()), (-50.0, 150.0, 0));
        assert_eq!(plain.whiskers, (0.0, 100.0));
        // As many on both sides, so the quartiles move one step out each.
        values.splice(0..0, [-1000.0, -60.0]);
        values.extend([160.0, 1000.0]);
        let found = Outliers::of(&values);
        let fences = found.fences.unwrap();
        assert_eq!((fences.q1, fences.median, fences.q3), (24.0, 50.0, 76.0));
        assert_eq!((fences.inner.below, fences.inner.above), (2, 2));
        assert_eq!((fences.outer.below, fences.outer.above), (1, 1));
        assert_eq!(fences.whiskers, (0.0, 100.0));
        assert_eq!((found.lowest, found.highest), (vec![-1000.0, -60.0, 0.0], vec![1000.0, 160.0, 100.0]));
    }

    #[test]
    fn a_value_on_the_fence_is_within() {
        let values = [0.0, 25.0, 25.0, 50.0, 75.0, 75.0, 150.0];
        let fences = Outliers::of(&values).fences.unwrap();
        assert_eq!((fences.q1, fences.q3, fences.inner.upper), (25.0, 75.0, 150.0));
        assert_eq!(fences.inner.beyond(), 0);
    }

    #[test]
    fn without_a_spread_there_are_no_fences() {
        let found = Outliers::of(&[0.0, 0.0, 0.0, 0.0, 9.0]);
        assert_eq!((found.fences, found.lowest, found.highest), (None, vec![0.0, 9.0], vec![9.0, 0.0]));
        assert_eq!(Outliers::of(&[]).highest, [0.0; 0]);
    }
}
