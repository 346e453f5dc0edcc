//! How columns of numbers go together: Pearson's and Spearman's correlation of every two, over the rows where
//! both have a value.

use rayon::prelude::*;

use super::sorted::Sorted;

/// A column with its order and ranks.
#[derive(Debug, Clone)]
pub(crate) struct Ranked<'a> {
    values: &'a [f32],
    pub(crate) sorted: Sorted,
    /// Twice the rank of each row among all rows with a value; 0 without one.
    pub(crate) ranks: Vec<u32>,
}

impl<'a> Ranked<'a> {
    /// Ranks a column.
    pub(crate) fn new(values: &'a [f32], sorted: Sorted) -> Self {
        let mut ranks = vec![0; values.len()];
        sorted.doubled_ranks(|_| true, &mut ranks);
        Self { values, sorted, ranks }
    }

    fn has(&self, row: usize) -> bool {
        self.ranks.get(row).is_some_and(|rank| *rank > 0)
    }
}

/// Ranks of two columns, written over by every pair of columns.
#[derive(Debug, Default)]
pub(crate) struct Scratch(Vec<u32>, Vec<u32>);

/// A number for every two columns, the same both ways round; `None` where it is not defined.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matrix {
    size: usize,
    cells: Vec<Option<f64>>,
}

impl Matrix {
    /// Correlates every two columns.
    pub(crate) fn of(
        columns: &[Ranked<'_>],
        correlate: impl Fn(&Ranked<'_>, &Ranked<'_>, &mut Scratch) -> Option<f64> + Sync,
    ) -> Self {
        let size = columns.len();
        let pairs: Vec<(usize, usize)> = (0..size).flat_map(|a| (0..=a).map(move |b| (a, b))).collect();
        let found: Vec<Option<f64>> = pairs
            .par_iter()
            .map_init(Scratch::default, |scratch, (a, b)| {
                correlate(columns.get(*a)?, columns.get(*b)?, scratch)
            })
            .collect();
        let mut cells = vec![None; size * size];
        for ((a, b), found) in pairs.into_iter().zip(found) {
            for cell in [a * size + b, b * size + a] {
                cells.get_mut(cell).into_iter().for_each(|cell| *cell = found);
            }
        }
        Self { size, cells }
    }

    /// The number of two columns.
    pub(crate) fn get(&self, a: usize, b: usize) -> Option<f64> {
        self.cells.get(a * self.size + b).copied().flatten()
    }

    /// How many columns there are.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Every two different columns with a number, the strongest first.
    pub(crate) fn strongest(&self) -> Vec<(usize, usize, f64)> {
        let pairs = (0..self.size).flat_map(|a| (a + 1..self.size).map(move |b| (a, b)));
        let mut pairs: Vec<_> = pairs.filter_map(|(a, b)| Some((a, b, self.get(a, b)?))).collect();
        pairs.sort_by(|a, b| b.2.abs().total_cmp(&a.2.abs()));
        pairs
    }
}

/// Pearson's correlation.
pub(crate) fn pearson(a: &Ranked<'_>, b: &Ranked<'_>, _: &mut Scratch) -> Option<f64> {
    let both = a.values.iter().zip(b.values).filter(|(a, b)| !a.is_nan() && !b.is_nan());
    correlation(both.map(|(a, b)| (f64::from(*a), f64::from(*b))))
}

/// Spearman's correlation: Pearson's of the ranks among the rows where both have a value.
pub(crate) fn spearman(a: &Ranked<'_>, b: &Ranked<'_>, scratch: &mut Scratch) -> Option<f64> {
    let Scratch(of_a, of_b) = scratch;
    let (ranks_of_a, ranks_of_b) = (ranks_where(a, b, of_a), ranks_where(b, a, of_b));
    let both = ranks_of_a.iter().zip(ranks_of_b).filter(|(a, b)| **a > 0 && **b > 0);
    correlation(both.map(|(a, b)| (f64::from(*a), f64::from(*b))))
}

/// The ranks of a column's values among the rows where the other has a value too.
fn ranks_where<'r>(column: &'r Ranked<'_>, other: &Ranked<'_>, scratch: &'r mut Vec<u32>) -> &'r [u32] {
    let gap = column.ranks.iter().zip(&other.ranks).any(|(here, there)| *here > 0 && *there == 0);
    if !gap {
        return &column.ranks;
    }
    scratch.resize(column.ranks.len(), 0);
    column.sorted.doubled_ranks(|row| other.has(row), scratch);
    scratch
}

/// `None` where one of the two does not vary.
fn correlation(both: impl Iterator<Item = (f64, f64)> + Clone) -> Option<f64> {
    // Deviations from the first row: those of a constant are exactly 0, whatever its digits.
    let origin = both.clone().next()?;
    let shifted = both.map(|(a, b)| (a - origin.0, b - origin.1));
    let (count, sum_a, sum_b) =
        shifted.clone().fold((0.0, 0.0, 0.0), |(count, a, b), it| (count + 1.0, a + it.0, b + it.1));
    let (mean_a, mean_b) = (sum_a / count, sum_b / count);
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (a, b) in shifted {
        let (a, b) = (a - mean_a, b - mean_b);
        aa += a * a;
        bb += b * b;
        ab += a * b;
    }
    (aa > 0.0 && bb > 0.0).then(|| (ab / (aa * bb).sqrt()).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAN: f32 = f32::NAN;

    fn both(a: &[f32], b: &[f32]) -> (Option<f64>, Option<f64>) {
        let ranked = |column| Ranked::new(column, Sorted::of(column));
        let (a, b) = (ranked(a), ranked(b));
        let mut scratch = Scratch::default();
        (pearson(&a, &b, &mut scratch), spearman(&a, &b, &mut scratch))
    }

    /// Both correlations by their textbook formulas, with ranks counted one by one.
    fn by_brute_force(a: &[f32], b: &[f32]) -> (f64, f64) {
        let known: Vec<(f64, f64)> = a
            .iter()
            .zip(b)
            .filter(|(a, b)| !a.is_nan() && !b.is_nan())
            .map(|(a, b)| (f64::from(*a), f64::from(*b)))
            .collect();
        let rank = |values: Vec<f64>| -> Vec<f64> {
            let of = |value: &f64| {
                let below = values.iter().filter(|other| *other < value).count();
                let equal = values.iter().filter(|other| *other == value).count();
                below as f64 + (equal as f64 + 1.0) / 2.0
            };
            values.iter().map(of).collect()
        };
        let pearson = |a: &[f64], b: &[f64]| {
            let n = a.len() as f64;
            let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
            let (mean_a, mean_b) = (mean(a), mean(b));
            let product = |x: &[f64], mx: f64, y: &[f64], my: f64| -> f64 {
                x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum()
            };
            product(a, mean_a, b, mean_b)
                / (product(a, mean_a, a, mean_a) * product(b, mean_b, b, mean_b)).sqrt()
        };
        let (a, b): (Vec<f64>, Vec<f64>) = known.into_iter().unzip();
        (pearson(&a, &b), pearson(&rank(a.clone()), &rank(b.clone())))
    }

    #[test]
    fn both_agree_with_brute_force_whatever_is_missing_or_tied() {
        // A small linear congruential generator: values with ties, every seventh missing in one column or the
        // other.
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        for levels in [2, 5, 40, 5000] {
            let a: Vec<f32> = (0..300).map(|_| (next() % levels) as f32 * 0.1 - 3.0).collect();
            let b: Vec<f32> = a.iter().map(|a| a * a + (next() % levels) as f32).collect();
            let holes = |column: &[f32], modulus: u32, next: &mut dyn FnMut() -> u32| -> Vec<f32> {
                let keep = |value: &f32| if next().is_multiple_of(modulus) { NAN } else { *value };
                column.iter().map(keep).collect()
            };
            for (a, b) in [
                (a.clone(), b.clone()),
                (holes(&a, 7, &mut next), b.clone()),
                (holes(&a, 7, &mut next), holes(&b, 3, &mut next)),
            ] {
                let (pearson, spearman) = both(&a, &b);
                let expected = by_brute_force(&a, &b);
                assert!((pearson.unwrap() - expected.0).abs() < 1e-13, "{pearson:?} {expected:?}");
                assert!((spearman.unwrap() - expected.1).abs() < 1e-13, "{spearman:?} {expected:?}");
            }
        }
    }

    #[test]
    fn the_extremes_are_exact_and_constants_have_none() {
        let rising = [1.0, 2.0, NAN, 4.0, 8.0];
        let falling = [8.0, 4.0, 3.0, 2.0, 1.0];
        assert_eq!(both(&rising, &rising), (Some(1.0), Some(1.0)));
        assert_eq!(both(&rising, &falling).1, Some(-1.0));
        assert_eq!(both(&rising, &[0.1; 5]), (None, None));
        // Constant only where the other has a value.
        assert_eq!(both(&rising, &[0.1, 0.1, 7.0, 0.1, 0.1]), (None, None));
        assert_eq!(both(&rising, &[NAN; 5]), (None, None));
    }

    #[test]
    fn the_matrix_is_symmetric_and_its_pairs_come_strongest_first() {
        let columns: [&[f32]; 3] = [&[1.0, 2.0, 3.0, 4.0], &[-1.0, -2.0, -3.0, -4.5], &[1.0, 0.0, 1.0, 0.5]];
        let ranked: Vec<Ranked<'_>> =
            columns.into_iter().map(|column| Ranked::new(column, Sorted::of(column))).collect();
        let matrix = Matrix::of(&ranked, pearson);
        for a in 0..3 {
            assert_eq!(matrix.get(a, a), Some(1.0));
            (0..3).for_each(|b| assert_eq!(matrix.get(a, b), matrix.get(b, a)));
        }
        let strongest = matrix.strongest();
        assert_eq!((strongest.len(), strongest[0].0, strongest[0].1), (3, 0, 1));
        assert!(strongest[0].2 < -0.99 && strongest[1].2.abs() >= strongest[2].2.abs());
    }
}
