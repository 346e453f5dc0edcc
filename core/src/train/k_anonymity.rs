//! k-anonymity (Samarati and Sweeney, 1998) with k = [`LEAST_CUSTOMERS`]: cells that hold at least k
//! customers, and bounds that at least k reach.

use std::collections::HashSet;

use crate::Error;
use crate::features::word_position;
use crate::matrix::{Column, Matrix};
use crate::model::bins::Bins;
use crate::monitor::distribution::{Distribution, Summary};
use crate::monitor::profile::LEAST_CUSTOMERS;

/// The share of customers beyond each end of a summary, unless [`LEAST_CUSTOMERS`] are more.
const BEYOND: f64 = 0.01;
/// The significant digits of the ends.
const DIGITS: i32 = 2;

/// A set of customers that stops growing once it is large enough.
#[derive(Debug, Clone, Default)]
struct CustomerSet(HashSet<usize>);

impl CustomerSet {
    fn add(&mut self, customer: usize) {
        if !self.is_many() {
            self.0.insert(customer);
        }
    }

    fn join(&mut self, others: &Self) {
        others.0.iter().for_each(|customer| self.add(*customer));
    }

    fn is_many(&self) -> bool {
        self.0.len() >= LEAST_CUSTOMERS
    }
}

/// The customers in each of some cells.
fn customers_by_cell(cells: usize, rows: impl Iterator<Item = (usize, usize)>) -> Vec<CustomerSet> {
    let mut sets = vec![CustomerSet::default(); cells];
    for (cell, customer) in rows {
        if let Some(set) = sets.get_mut(cell) {
            set.add(customer);
        }
    }
    sets
}

/// Whether there are at least [`LEAST_CUSTOMERS`] customers.
pub fn is_many(customers: &[usize]) -> bool {
    let mut set = CustomerSet::default();
    customers.iter().for_each(|customer| set.add(*customer));
    set.is_many()
}

/// Counts numbers, each with its customer, between edges. An edge next to a bin of too few customers is
/// dropped, until there is none.
pub(super) fn numbers(
    values: impl Iterator<Item = f32> + Clone,
    customers: &[usize],
    edges: &[f32],
) -> Distribution {
    let whole = Distribution { edges: edges.to_vec(), counts: vec![0; edges.len() + 2], summary: None };
    let cells = values.clone().map(|value| whole.cell(value)).zip(customers.iter().copied());
    let bins = customers_by_cell(whole.cells(), cells);
    let mut kept: Vec<f32> = Vec::new();
    let mut open = CustomerSet::default();
    for (set, edge) in bins.iter().skip(1).zip(edges) {
        open.join(set);
        if open.is_many() {
            kept.push(*edge);
            open = CustomerSet::default();
        }
    }
    bins.last().into_iter().for_each(|last| open.join(last));
    if !open.is_many() {
        kept.pop();
    }
    let summary = summary(values.clone(), customers);
    let counted = Distribution { summary, ..Distribution::of_numbers(values.clone(), kept) };
    without_small_cells(counted, values, customers)
}

/// Counts positions of words, of which there are `words`, each with its customer.
pub(super) fn words(
    values: impl Iterator<Item = f32> + Clone,
    customers: &[usize],
    words: usize,
) -> Distribution {
    without_small_cells(Distribution::of_words(values.clone(), words), values, customers)
}

/// Counts the rows in cells of too few customers as rows of the largest cell.
fn without_small_cells(
    mut counted: Distribution,
    values: impl Iterator<Item = f32>,
    customers: &[usize],
) -> Distribution {
    let cells = values.map(|value| counted.cell(value)).zip(customers.iter().copied());
    let sets = customers_by_cell(counted.cells(), cells);
    let mut moved: u32 = 0;
    for (count, set) in counted.counts.iter_mut().zip(&sets) {
        if !set.is_many() {
            moved = moved.saturating_add(std::mem::take(count));
        }
    }
    if let Some(largest) = counted.counts.iter_mut().max() {
        *largest = largest.saturating_add(moved);
    }
    counted
}

/// Summarises numbers with clipped ends: the ends are rounded, at least [`LEAST_CUSTOMERS`] reach each, and
/// numbers beyond them count as the ends. `None` if too few are known.
fn summary(values: impl Iterator<Item = f32>, customers: &[usize]) -> Option<Summary> {
    let mut known: Vec<(f32, usize)> =
        values.zip(customers.iter().copied()).filter(|(value, _)| value.is_finite()).collect();
    known.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let least = end(known.iter())?;
    let greatest = end(known.iter().rev())?;
    let (least, greatest) = (outward(least.min(greatest), false), outward(greatest.max(least), true));
    let within = known.iter().map(|(value, _)| value.clamp(least, greatest));
    Some(Summary { least, greatest, ..Summary::of(within)? })
}

/// The first number that enough customers have reached.
fn end<'v>(from_outside: impl ExactSizeIterator<Item = &'v (f32, usize)>) -> Option<f32> {
    let share = (BEYOND * from_outside.len() as f64) as usize;
    let mut reached = CustomerSet::default();
    for (position, (value, customer)) in from_outside.enumerate() {
        reached.add(*customer);
        if reached.is_many() && position >= share {
            return Some(*value);
        }
    }
    None
}

/// A number with few digits that is at least (if `up`) or at most another one.
fn outward(value: f32, up: bool) -> f32 {
    if value == 0.0 {
        return 0.0;
    }
    let value = f64::from(value);
    let unit = 10f64.powi(value.abs().log10().floor() as i32 + 1 - DIGITS);
    let steps = value / unit;
    let rounded = if up { steps.ceil() } else { steps.floor() } * unit;
    rounded.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
}

/// For each feature, the number of edges with too few customers on one of their sides.
///
/// # Errors
/// [`Error::RowLength`] if the values are not rows of the bins' features.
pub fn edges_of_few(bins: &Bins, rows: &[f32], customers: &[usize]) -> Result<Vec<usize>, Error> {
    let of_feature = |(feature, values): (usize, Column<'_, f32>)| {
        let cells = values.map(|value| usize::from(bins.bin(feature, value))).zip(customers.iter().copied());
        let sets = customers_by_cell(bins.count(feature), cells);
        let edges = bins.edges(feature).len();
        let few = |known: &mut dyn Iterator<Item = &CustomerSet>| {
            let mut reached = CustomerSet::default();
            known
                .take(edges)
                .take_while(|set| {
                    reached.join(set);
                    !reached.is_many()
                })
                .count()
        };
        // The first set is that of the missing values.
        let known = || sets.iter().skip(1);
        (few(&mut known()) + few(&mut known().rev())).min(edges)
    };
    Ok(Matrix::new(rows, bins.feature_count())?.columns().enumerate().map(of_feature).collect())
}

/// The least number of customers that a word must have so as not to identify them: [`LEAST_CUSTOMERS`], or
/// with fewer than 500 customers a fiftieth of them, because otherwise small tables would have no words left;
/// but always at least two.
pub fn fewest_with_a_word(customers: usize) -> usize {
    customers.div_ceil(50).clamp(2, LEAST_CUSTOMERS)
}

/// For each word, whether fewer than [`fewest_with_a_word`] of the customers have it.
pub fn rare_words(values: impl Iterator<Item = f32>, customers: &[usize], words: usize) -> Vec<bool> {
    let fewest = fewest_with_a_word(customers.iter().collect::<HashSet<_>>().len());
    let known = values.zip(customers.iter().copied());
    let sets = customers_by_cell(
        words,
        known.filter_map(|(value, customer)| Some((word_position(value)?, customer))),
    );
    sets.iter().map(|set| set.0.len() < fewest).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ends_are_rounded_outward() {
        for (value, down, up) in [
            (113.0, 110.0, 120.0),
            (-113.0, -120.0, -110.0),
            (0.0, 0.0, 0.0),
            (0.0123, 0.012, 0.013),
            (40.0, 40.0, 40.0),
        ] {
            assert_eq!((outward(value, false), outward(value, true)), (down, up), "{value}");
        }
    }

    #[test]
    fn one_customer_with_many_rows_is_one() {
        let values: Vec<f32> = (0..200).map(|row| if row < 100 { 9_999_999.0 } else { row as f32 }).collect();
        let customers: Vec<usize> = (0..200).map(|row| if row < 100 { 0 } else { row }).collect();
        let found = numbers(values.iter().copied(), &customers, &[150.0, 250.0]);
        assert_eq!((found.edges.as_slice(), found.counts.as_slice()), (&[150.0][..], &[0, 51, 149][..]));
        let summary = found.summary.unwrap();
        assert!(
            summary.greatest <= 200.0 && summary.mean <= 200.0 && summary.standard_deviation < 60.0,
            "{summary:?}"
        );
        assert_eq!(rare_words([0.0, 1.0, 1.0].into_iter(), &[1, 2, 2], 3), [true; 3]);
    }

    proptest! {
        /// By brute force: who is in each cell of a distribution, and who is beyond the ends?
        #[test]
        fn whatever_the_rows_no_cell_is_of_few(
            rows in prop::collection::vec((prop_oneof![(0u8..12).prop_map(f32::from), -1e6f32..1e6, Just(f32::NAN)], 0usize..60), 0..400),
            edges in prop::collection::btree_set(-9i32..15, 0..9),
        ) {
            let (values, customers): (Vec<f32>, Vec<usize>) = rows.iter().copied().unzip();
            prop_assume!(is_many(&customers));
            let edges: Vec<f32> = edges.into_iter().map(|edge| edge as f32).collect();
            let word = |value: &f32| if *value < 12.0 && *value >= 0.0 { value.floor() } else { f32::NAN };
            let of_words: Vec<f32> = values.iter().map(word).collect();
            for (found, values) in [
                (numbers(values.iter().copied(), &customers, &edges), &values),
                (words(of_words.iter().copied(), &customers, 12), &of_words),
            ] {
                prop_assert_eq!(found.rows(), rows.len() as u64);
                let largest = found.counts.iter().max().copied();
                for (cell, count) in found.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                    let members: HashSet<usize> = values.iter().zip(&customers)
                        .filter(|(value, _)| found.cell(**value) == cell).map(|(_, customer)| *customer).collect();
                    prop_assert!(members.len() >= LEAST_CUSTOMERS || Some(*count) == largest, "{:?}", found);
                }
                if let Some(it) = found.summary {
                    prop_assert!(it.least <= it.mean * 1.0001 + 1e-3 && it.mean <= it.greatest + it.greatest.abs() * 1e-4 + 1e-3);
                }
            }
        }
    }
}
