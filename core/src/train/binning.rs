//! Chooses the bins of each feature from training rows.

use rayon::prelude::*;

use crate::Error;
use crate::matrix::{Column, Matrix};
use crate::model::bins::{Bins, MAX_BINS};

/// Chooses bins for rows, one column per feature: one bin per value if a feature has few different values,
/// otherwise bins of about equally many rows.
///
/// # Errors
/// If `max_bins` is not 2 to 255.
///
/// # Examples
/// ```
/// use nextbest_core::matrix::Matrix;
/// use nextbest_core::train::fit_bins;
///
/// let ages: Vec<f32> = (18..98).map(|age| age as f32).collect();
/// let bins = fit_bins(Matrix::new(&ages, 1)?, 5)?;
/// assert_eq!(bins.count(0), 6); // Five for numbers, and one for missing values.
/// assert!(bins.bin(0, 20.0) < bins.bin(0, 90.0));
/// # Ok::<(), nextbest_core::Error>(())
/// ```
pub fn fit_bins(rows: Matrix<'_, f32>, max_bins: usize) -> Result<Bins, Error> {
    if !(2..=MAX_BINS).contains(&max_bins) {
        return Err(Error::Training(format!("max_bins is {max_bins}, not 2 to {MAX_BINS}")));
    }
    let columns: Vec<Column<'_, f32>> = rows.columns().collect();
    let edges = columns
        .into_par_iter()
        .map(|values| {
            let mut values: Vec<f32> = values.filter(|value| !value.is_nan()).collect();
            values.sort_unstable_by(f32::total_cmp);
            edges(&values, max_bins)
        })
        .collect();
    Bins::new(edges).map_err(Error::Training)
}

/// The edges between the bins, given sorted values.
fn edges(sorted: &[f32], max_bins: usize) -> Vec<f32> {
    // Each distinct value, with the number of values up to and including it.
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
            // No finite number separates -∞ from the least finite value; the edge above that would be the
            // same.
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

/// The shortest finite number that separates two in the sense of [`Bins`]: not below the first, below the
/// second. Among the numbers with the fewest significant bits it is one of the two around the middle, so that
/// its bytes compress well and unseen values hardly notice.
fn between(below: f32, above: f32) -> f32 {
    let (least, limit) = (below.max(f32::MIN), above);
    let middle = ((f64::from(least) + f64::from(limit.min(f32::MAX))) / 2.0) as f32;
    let middle = if middle >= least && middle < limit { middle } else { least };
    if least <= 0.0 && 0.0 < limit {
        return 0.0;
    }
    // Among numbers of one sign, the order of the bits is the order of the numbers, and a prefix of the bits
    // is a shorter number.
    for dropped in (0..f32::MANTISSA_DIGITS).rev() {
        let shorter = middle.to_bits() >> dropped << dropped;
        let neighbours = [Some(shorter), shorter.checked_add(1 << dropped)];
        let fits = |bits: Option<u32>| bits.map(f32::from_bits).filter(|edge| (least..limit).contains(edge));
        let distance = |edge: &f32| (f64::from(*edge) - f64::from(middle)).abs();
        let fitting = neighbours.into_iter().filter_map(fits).filter(|edge| edge.is_finite());
        if let Some(edge) = fitting.min_by(|a, b| distance(a).total_cmp(&distance(b))) {
            return edge;
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn few_values_get_a_bin_each() {
        let bins = fit_bins(Matrix::new(&[3.0, 1.0, f32::NAN, 1.0, 2.0, 3.0], 1).unwrap(), 255).unwrap();
        assert_eq!(bins.edges(0), [1.0, 2.0]);
        assert_eq!(
            fit_bins(Matrix::new(&[f32::NAN, 5.0, 5.0], 1).unwrap(), 255).unwrap().edges(0),
            [0f32; 0]
        );
    }

    /// The number of fraction bits needed to write a number.
    fn significant_bits(value: f32) -> u32 {
        let fraction = value.to_bits() << 9;
        32 - fraction.trailing_zeros().min(32)
    }

    #[test]
    fn edges_are_the_shortest_numbers_that_separate() {
        for (below, above, edge) in [
            (1.0, 2.0, 1.0),
            (3.3, 3.4, 3.375),
            (-3.4, -3.3, -3.375),
            (-1.0, 5.0, 0.0),
            (0.0, 1.0, 0.0),
            (-1.0, 0.0, -0.5),
            (1999.99, 2100.0, 2048.0),
            (f32::MAX, f32::INFINITY, f32::MAX),
            (f32::NEG_INFINITY, f32::MIN, f32::MIN),
            (f32::from_bits(1), f32::from_bits(2), f32::from_bits(1)),
        ] {
            assert_eq!(between(below, above), edge, "{below} {above}");
        }
    }

    proptest! {
        #[test]
        fn an_edge_separates_and_none_nearby_is_shorter(
            bits in any::<u32>(), gap in 1u32..3000, negative in any::<bool>()
        ) {
            let bits = bits & 0x7fff_ffff;
            let of = |bits: u32| if negative { -f32::from_bits(bits) } else { f32::from_bits(bits) };
            let (a, b) = (of(bits), of(bits.saturating_add(gap)));
            prop_assume!(a.is_finite() && b.is_finite());
            let (below, above) = (a.min(b), a.max(b));
            let edge = between(below, above);
            prop_assert!(below <= edge && edge < above);
            let shortest = (0..=gap)
                .map(|step| of(bits + step))
                .filter(|it| below <= *it && *it < above)
                .map(significant_bits)
                .min();
            prop_assert_eq!(Some(significant_bits(edge)), shortest);
        }

        #[test]
        fn edges_part_the_values_as_middles_would(
            values in prop::collection::vec(prop_oneof![any::<f32>(), -9f32..9.0, (0u8..9).prop_map(f32::from)], 1..200),
            max_bins in 2usize..40,
        ) {
            let bins = fit_bins(Matrix::new(&values, 1).unwrap(), max_bins).unwrap();
            let edges = bins.edges(0);
            prop_assert!(edges.len() < max_bins && edges.iter().all(|edge| edge.is_finite()));
            prop_assert!(edges.is_sorted_by(|a, b| a < b));
            // Every edge separates rows: each has a value of its own below it, and the last one has some
            // above.
            let mut counts = vec![0; bins.count(0)];
            values.iter().for_each(|value| counts[usize::from(bins.bin(0, *value))] += 1);
            let infinite = values.contains(&f32::NEG_INFINITY);
            prop_assert!(infinite || counts[1..].iter().all(|count| *count > 0) || edges.is_empty());
        }
    }

    #[test]
    fn many_values_get_bins_of_equal_size() {
        let values: Vec<f32> = (0..10_000).map(|i| ((i * 7919) % 10_000) as f32).collect();
        let bins = fit_bins(Matrix::new(&values, 1).unwrap(), 100).unwrap();
        let mut counts = vec![0; bins.count(0)];
        for value in &values {
            counts[usize::from(bins.bin(0, *value))] += 1;
        }
        assert_eq!(counts[1..], [100; 100]);
    }

    #[test]
    fn a_frequent_value_takes_one_bin_and_leaves_the_others_to_the_rest() {
        let values: Vec<f32> = (0..1000).map(|i| if i < 900 { 0.0 } else { i as f32 }).collect();
        let bins = fit_bins(Matrix::new(&values, 1).unwrap(), 20).unwrap();
        assert_eq!(bins.bin(0, 0.0), 1);
        assert!(bins.bin(0, 999.0) >= 2, "the tail is told apart");
    }

    #[test]
    fn infinities_are_told_apart_by_finite_edges() {
        let bins = fit_bins(Matrix::new(&[f32::NEG_INFINITY, 0.0, f32::INFINITY, f32::MAX], 1).unwrap(), 255)
            .unwrap();
        let found: Vec<u8> =
            [f32::NEG_INFINITY, 0.0, f32::MAX, f32::INFINITY].iter().map(|v| bins.bin(0, *v)).collect();
        assert_eq!(found, [1, 2, 3, 4]);
    }
}
