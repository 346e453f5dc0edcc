//! Bars for a chart of a column's distribution.

use super::describe::quantile;

/// Most different values of a column that gets a bar for each.
const DIFFERENT_VALUES: usize = 20;
/// About this number of bars otherwise, between the 1st and the 99th percentile.
const BARS: f64 = 24.0;

/// How often values occur.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Histogram {
    /// Each different value and its count, in order.
    Values(Vec<(f32, usize)>),
    /// Bins of equal width.
    Bins(Bins),
}

/// Bins of equal width between the outer percentiles; the long tails beyond are counted, not drawn out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bins {
    /// The bounds, one more than bins. A bin holds its lower bound but not its upper one.
    pub(crate) edges: Vec<f64>,
    /// How many values each bin holds.
    pub(crate) counts: Vec<usize>,
    /// How many values lie below the first bound.
    pub(crate) below: usize,
    /// How many values lie at or above the last one.
    pub(crate) above: usize,
}

impl Histogram {
    /// Counts the sorted values of a column.
    pub(crate) fn of(sorted: &[f32]) -> Self {
        let mut runs = sorted.chunk_by(|a, b| a == b);
        let values: Vec<(f32, usize)> =
            runs.by_ref().take(DIFFERENT_VALUES).filter_map(|run| Some((*run.first()?, run.len()))).collect();
        match (runs.next(), quantile(sorted, 0.01), quantile(sorted, 0.99)) {
            (Some(_), Some(low), Some(high)) => {
                // Where nearly all values are one, the few others are what there is to see.
                let ends = sorted.first().zip(sorted.last()).filter(|_| low == high);
                let ends = ends.map(|(least, greatest)| (f64::from(*least), f64::from(*greatest)));
                Self::Bins(Bins::between(sorted, ends.unwrap_or((low, high))))
            }
            _ => Self::Values(values),
        }
    }
}

impl Bins {
    fn between(sorted: &[f32], (low, high): (f64, f64)) -> Self {
        let whole = sorted.iter().all(|value| value.fract() == 0.0);
        let width = round_width((high - low) / BARS);
        let width = if whole { width.max(1.0) } else { width };
        let (first, last) = ((low / width).floor(), (high / width).floor() + 1.0);
        // Multiples of the width and no running sum: the bounds are round numbers.
        let edges: Vec<f64> = (0..=(last - first) as usize).map(|bin| (first + bin as f64) * width).collect();
        let places: Vec<usize> =
            edges.iter().map(|edge| sorted.partition_point(|value| f64::from(*value) < *edge)).collect();
        Self {
            counts: places.iter().zip(places.iter().skip(1)).map(|(low, high)| high - low).collect(),
            below: places.first().copied().unwrap_or_default(),
            above: sorted.len() - places.last().copied().unwrap_or_default(),
            edges,
        }
    }
}

/// The next greater 1, 2, 2.5 or 5 times a power of ten.
fn round_width(width: f64) -> f64 {
    let power = 10f64.powf(width.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0].into_iter().find(|step| step * power >= width);
    step.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eda::sorted::Sorted;

    #[test]
    fn few_different_values_get_a_bar_each() {
        let sorted = Sorted::of(&[1.0, 0.0, f32::NAN, 1.0, 3.5, 1.0]).values;
        assert_eq!(Histogram::of(&sorted), Histogram::Values(vec![(0.0, 1), (1.0, 3), (3.5, 1)]));
        assert_eq!(Histogram::of(&[]), Histogram::Values(vec![]));
    }

    #[test]
    fn bins_count_every_value_once_and_are_round() {
        let columns: [Vec<f32>; 4] = [
            (0..1000).map(|value| value as f32 * 0.37 - 50.0).collect(),
            (0..500).map(|value| (value as f32 / 40.0).exp()).collect(),
            (0..300).map(|value| (value / 2) as f32).collect(),
            // So many equal values that the outer percentiles are one.
            (0..5000).map(|value| if value < 4970 { 0.0 } else { value as f32 }).collect(),
        ];
        for column in columns {
            let sorted = Sorted::of(&column).values;
            let Histogram::Bins(bins) = Histogram::of(&sorted) else { panic!("no bins") };
            assert_eq!(bins.edges.len(), bins.counts.len() + 1);
            assert!((10..=30).contains(&bins.counts.len()), "{bins:?}");
            let total: usize = bins.counts.iter().sum();
            assert_eq!(total + bins.below + bins.above, column.len());
            for (pair, count) in bins.edges.windows(2).zip(&bins.counts) {
                let within = |value: &&f32| (pair[0]..pair[1]).contains(&f64::from(**value));
                assert_eq!(column.iter().filter(within).count(), *count);
            }
        }
    }

    #[test]
    fn widths_are_the_next_round_ones() {
        for (width, round) in [(0.9, 1.0), (1.0, 1.0), (1.1, 2.0), (2.2, 2.5), (30.0, 50.0), (0.06, 0.1)] {
            assert!((round_width(width) / round - 1.0).abs() < 1e-12, "{width}");
        }
    }
}
