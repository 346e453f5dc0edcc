//! Choosing the bins of each feature from training rows.

use rayon::prelude::*;

use crate::Error;
use crate::model::bins::{Bins, MAX_BINS};

/// Chooses the bins of rows that stand one after the other, `width` values each: a bin for each value where a feature
/// has few, else bins that hold about equally many rows.
///
/// # Errors
/// Where `max_bins` is not 2 to 255.
pub fn fit_bins(rows: &[f32], width: usize, max_bins: usize) -> Result<Bins, Error> {
    if !(2..=MAX_BINS).contains(&max_bins) {
        return Err(Error::Training(format!("max_bins is {max_bins}, not 2 to {MAX_BINS}")));
    }
    let edges = (0..width)
        .into_par_iter()
        .map(|feature| {
            let values = rows.iter().skip(feature).step_by(width).copied();
            let mut values: Vec<f32> = values.filter(|value| !value.is_nan()).collect();
            values.sort_unstable_by(f32::total_cmp);
            edges(&values, max_bins)
        })
        .collect();
    Bins::new(edges).map_err(Error::Training)
}

/// The edges between the bins of sorted values.
fn edges(sorted: &[f32], max_bins: usize) -> Vec<f32> {
    // Each distinct value with the number of values up to and including it.
    let mut distinct: Vec<(f32, usize)> = Vec::new();
    for (position, value) in sorted.iter().enumerate() {
        match distinct.last_mut() {
            Some((last, upto)) if last == value => *upto = position + 1,
            _ => distinct.push((*value, position + 1)),
        }
    }
    let mut edges = Vec::new();
    let mut next_quantile = 1;
    for pair in distinct.windows(2) {
        let &[(below, upto), (above, _)] = pair else { continue };
        let full = distinct.len() <= max_bins || upto * max_bins >= next_quantile * sorted.len();
        if full && edges.len() + 1 < max_bins {
            // No finite number separates -∞ from the least one, whose edge to the next would be the same.
            let edge = between(below, above);
            if edges.last().is_none_or(|last| *last < edge) {
                edges.push(edge);
            }
            while upto * max_bins >= next_quantile * sorted.len() {
                next_quantile += 1;
            }
        }
    }
    edges
}

/// A finite number that separates two: not below the first, below the second.
fn between(below: f32, above: f32) -> f32 {
    let middle = below + (above - below) / 2.0;
    let edge = if middle.is_finite() && middle >= below && middle < above { middle } else { below };
    edge.max(f32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_get_a_bin_each() {
        let bins = fit_bins(&[3.0, 1.0, f32::NAN, 1.0, 2.0, 3.0], 1, 255).unwrap();
        assert_eq!(bins.edges(0), [1.5, 2.5]);
        assert_eq!(fit_bins(&[f32::NAN, 5.0, 5.0], 1, 255).unwrap().edges(0), [0f32; 0]);
    }

    #[test]
    fn many_values_get_bins_of_equal_size() {
        let values: Vec<f32> = (0..10_000).map(|i| ((i * 7919) % 10_000) as f32).collect();
        let bins = fit_bins(&values, 1, 100).unwrap();
        let mut counts = vec![0; bins.count(0)];
        for value in &values {
            counts[usize::from(bins.bin(0, *value))] += 1;
        }
        assert_eq!(counts[1..], [100; 100]);
    }

    #[test]
    fn a_frequent_value_takes_one_bin_and_leaves_the_others_to_the_rest() {
        let values: Vec<f32> = (0..1000).map(|i| if i < 900 { 0.0 } else { i as f32 }).collect();
        let bins = fit_bins(&values, 1, 20).unwrap();
        assert_eq!(bins.bin(0, 0.0), 1);
        assert!(bins.bin(0, 999.0) >= 2, "the tail is told apart");
    }

    #[test]
    fn infinities_are_told_apart_by_finite_edges() {
        let bins = fit_bins(&[f32::NEG_INFINITY, 0.0, f32::INFINITY, f32::MAX], 1, 255).unwrap();
        let found: Vec<u8> =
            [f32::NEG_INFINITY, 0.0, f32::MAX, f32::INFINITY].iter().map(|v| bins.bin(0, *v)).collect();
        assert_eq!(found, [1, 2, 3, 4]);
    }
}
