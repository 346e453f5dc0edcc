//! Confidence intervals of metrics: the percentile bootstrap (Efron and Tibshirani, 1993, "An Introduction to
//! the Bootstrap", chapter 13) over customers.
//!
//! A customer's rows at several cut-offs are alike, so whole customers are drawn, with all their rows. All
//! models are measured on the same draws, so that their differences can be compared in pairs. A draw depends
//! only on the seed and its number, not on the threads.

use std::collections::HashMap;
use std::hash::Hash;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{average_precision_at_3, brier, most_probable, rank, row_log_loss, without_none};
use crate::Error;
use crate::matrix::Matrix;

/// A metric that is resampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resampled {
    /// [`super::Metrics::log_loss`].
    LogLoss,
    /// [`super::Metrics::roc_auc_ovr`].
    RocAuc,
    /// [`super::Metrics::accuracy`].
    Accuracy,
    /// [`super::Metrics::top_3_accuracy`].
    Top3,
    /// [`super::Metrics::map_at_3`].
    MapAt3,
    /// [`super::Metrics::brier`].
    Brier,
    /// The log-loss of [`super::Metrics::measure_without_none`].
    LogLossWithoutNone,
}

impl Resampled {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::LogLoss,
        Self::RocAuc,
        Self::Accuracy,
        Self::Top3,
        Self::MapAt3,
        Self::Brier,
        Self::LogLossWithoutNone,
    ];

    /// Its name, as in the field of [`super::Metrics`].
    pub fn name(self) -> &'static str {
        match self {
            Self::LogLoss => "log_loss",
            Self::RocAuc => "roc_auc_ovr",
            Self::Accuracy => "accuracy",
            Self::Top3 => "top_3_accuracy",
            Self::MapAt3 => "map_at_3",
            Self::Brier => "brier",
            Self::LogLossWithoutNone => "log_loss_without_none",
        }
    }

    /// Whether lower values are better.
    pub fn less_is_better(self) -> bool {
        matches!(self, Self::LogLoss | Self::Brier | Self::LogLossWithoutNone)
    }
}

/// The interval that holds a number in 95 % of the draws.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The 2.5th percentile.
    pub low: f64,
    /// The 97.5th percentile.
    pub high: f64,
}

/// A model's probabilities for some rows, with the rows' labels.
#[derive(Debug, Clone, Copy)]
pub struct Scores<'s> {
    /// The class of each row.
    pub labels: &'s [usize],
    /// The probabilities, one column per class.
    pub probabilities: Matrix<'s, f32>,
    /// Whether the first class is NONE, so that [`Resampled::LogLossWithoutNone`] can be measured.
    pub has_none: bool,
}

/// Draws customers.
///
/// # Examples
/// ```
/// use nextbest_core::metrics::bootstrap::Bootstrap;
///
/// let customers: Vec<u32> = (0..500).collect(); // One row each.
/// let values: Vec<f64> = customers.iter().map(|customer| f64::from(customer % 2)).collect();
/// let interval = Bootstrap::new(&customers, 1000, 42).mean(&values).unwrap();
/// assert!(interval.low < 0.5 && 0.5 < interval.high);
/// assert!(interval.high - interval.low < 0.1);
/// ```
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// The customer of each row, numbered.
    customer_of: Vec<u32>,
    customers: usize,
    draws: u64,
    seed: u64,
}

/// A model's metrics in each draw.
#[derive(Debug, Clone)]
pub struct Replicates(Vec<[f64; Resampled::ALL.len()]>);

impl Bootstrap {
    /// Prepares draws of rows that belong to these customers.
    pub fn new<K: Hash + Eq>(customers: &[K], draws: u32, seed: u64) -> Self {
        let mut numbers: HashMap<&K, u32> = HashMap::with_capacity(customers.len());
        let mut customer_of = Vec::with_capacity(customers.len());
        for customer in customers {
            let next = numbers.len() as u32;
            customer_of.push(*numbers.entry(customer).or_insert(next));
        }
        Self { customer_of, customers: numbers.len(), draws: draws.into(), seed }
    }

    /// The number of different customers.
    pub fn customers(&self) -> usize {
        self.customers
    }

    /// Measures each model in each draw.
    ///
    /// # Errors
    /// [`Error::RowLength`] if a model's scores are not for the rows that the bootstrap was created for.
    #[expect(clippy::indexing_slicing, reason = "customers are numbered from 0, and each has a weight")]
    pub fn replicates(&self, models: &[Scores<'_>]) -> Result<Vec<Replicates>, Error> {
        let expected = self.customer_of.len();
        let actual = models.iter().flat_map(|it| [it.labels.len(), it.probabilities.height()]);
        if let Some(actual) = actual.into_iter().find(|actual| *actual != expected) {
            return Err(Error::RowLength { expected, actual });
        }
        let prepared: Vec<Prepared> = models
            .par_iter()
            .map(|scores| Prepared::new(scores, &self.customer_of, self.customers))
            .collect();
        let measured: Vec<Vec<[f64; Resampled::ALL.len()]>> = (0..self.draws)
            .into_par_iter()
            .map_init(
                || vec![0; self.customer_of.len()],
                |row_weights, number| {
                    let weights = self.draw(number);
                    for (weight, customer) in row_weights.iter_mut().zip(&self.customer_of) {
                        *weight = weights[*customer as usize];
                    }
                    prepared.iter().map(|model| model.measure(&weights, row_weights)).collect()
                },
            )
            .collect();
        let of_model =
            |model: usize| Replicates(measured.iter().filter_map(|draw| draw.get(model).copied()).collect());
        Ok((0..models.len()).map(of_model).collect())
    }

    /// The interval of the mean of one number per row.
    pub fn mean(&self, values: &[f64]) -> Option<Interval> {
        let mut sums = vec![(0.0, 0u64); self.customers];
        for (value, customer) in values.iter().zip(&self.customer_of) {
            if let Some((sum, rows)) = sums.get_mut(*customer as usize) {
                *sum += value;
                *rows += 1;
            }
        }
        let mean = |number: u64| {
            let (mut total, mut count) = (0.0, 0);
            for (weight, (sum, rows)) in self.draw(number).into_iter().zip(&sums) {
                total += f64::from(weight) * sum;
                count += u64::from(weight) * rows;
            }
            total / count as f64
        };
        Interval::of((0..self.draws).into_par_iter().map(mean).collect())
    }

    /// How often each customer is drawn.
    fn draw(&self, number: u64) -> Vec<u32> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(number);
        let mut weights = vec![0; self.customers];
        for _ in 0..self.customers {
            if let Some(weight) = weights.get_mut(rng.random_range(0..self.customers)) {
                *weight += 1;
            }
        }
        weights
    }
}

impl Replicates {
    /// The interval of a metric; `None` if it is not defined in any draw.
    pub fn interval(&self, metric: Resampled) -> Option<Interval> {
        Interval::of(self.of(metric).collect())
    }

    /// The interval of this model's metric minus the other's, paired by draw.
    pub fn difference(&self, other: &Self, metric: Resampled) -> Option<Interval> {
        Interval::of(self.of(metric).zip(other.of(metric)).map(|(ours, theirs)| ours - theirs).collect())
    }

    fn of(&self, metric: Resampled) -> impl Iterator<Item = f64> {
        self.0.iter().filter_map(move |draw| draw.get(metric as usize).copied())
    }
}

impl Interval {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.retain(|value| !value.is_nan());
        values.sort_by(f64::total_cmp);
        Some(Self { low: quantile(&values, 0.025)?, high: quantile(&values, 0.975)? })
    }
}

/// A quantile of sorted values, with linear interpolation.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted.get(place.floor() as usize)?, sorted.get(place.ceil() as usize)?);
    Some(below + (above - below) * place.fract())
}

/// How many of the metrics are means over rows.
const MEANS: usize = 6;

/// A model's rows, prepared for weighting.
struct Prepared {
    /// For each customer, the sums over its rows of the terms that the metrics average.
    sums: Vec<[f64; MEANS]>,
    /// For each customer, the number of rows, and the number of rows whose class is not NONE.
    counts: Vec<(u32, u32)>,
    /// The ranking of each class.
    rankings: Vec<Ranking>,
}

impl Prepared {
    fn new(scores: &Scores<'_>, customer_of: &[u32], customers: usize) -> Self {
        let mut sums = vec![[0.0; MEANS]; customers];
        let mut counts = vec![(0, 0); customers];
        for ((row, label), customer) in scores.probabilities.rows().zip(scores.labels).zip(customer_of) {
            let (Some(sums), Some(counts)) =
                (sums.get_mut(*customer as usize), counts.get_mut(*customer as usize))
            else {
                continue;
            };
            counts.0 += 1;
            let mut of_taker = 0.0;
            if let Some(product) = label.checked_sub(1).filter(|_| scores.has_none) {
                counts.1 += 1;
                of_taker = row_log_loss(&without_none(row).collect::<Vec<_>>(), product);
            }
            let values = [
                row_log_loss(row, *label),
                f64::from(u8::from(most_probable(row) == *label)),
                f64::from(u8::from(rank(row, *label) < 3)),
                average_precision_at_3(row, *label),
                brier(row, *label),
                of_taker,
            ];
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
        let columns = scores.probabilities.columns().enumerate();
        let rankings = columns.map(|(class, column)| Ranking::new(column, scores.labels, class)).collect();
        Self { sums, counts, rankings }
    }

    /// All metrics, in the order of [`Resampled::ALL`], given each customer's (and so each row's) weight.
    fn measure(&self, weights: &[u32], row_weights: &[u32]) -> [f64; Resampled::ALL.len()] {
        let mut totals = [0.0; MEANS];
        let (mut rows, mut takers) = (0, 0);
        for ((weight, sums), counts) in weights.iter().zip(&self.sums).zip(&self.counts) {
            totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += f64::from(*weight) * sum);
            rows += u64::from(*weight) * u64::from(counts.0);
            takers += u64::from(*weight) * u64::from(counts.1);
        }
        let [log_loss, accuracy, top_3, map_at_3, brier, of_takers] = totals;
        let areas = self.rankings.iter().map(|ranking| ranking.area(row_weights));
        let area = super::mean(areas.filter(|area| !area.is_nan()));
        let mean = |total: f64| total / rows as f64;
        let of_takers = of_takers / takers as f64;
        [mean(log_loss), area, mean(accuracy), mean(top_3), mean(map_at_3), mean(brier), of_takers]
    }
}

/// The rows by ascending probability of a class, sorted once, so that a weighted area under the ROC curve
/// takes one pass.
struct Ranking(Vec<u32>);

impl Ranking {
    /// Bit of an entry: the row is of the class.
    const IS_IT: u32 = 1;
    /// Bit of an entry: the next row's probability is higher.
    const ENDS_TIE: u32 = 2;
    /// Shift of the row in an entry; there can be 2³⁰ rows (some hundred gigabytes of features).
    const ROW: u32 = 2;

    fn new(probabilities: impl Iterator<Item = f32>, labels: &[usize], class: usize) -> Self {
        let mut rows: Vec<(f32, u32)> = probabilities
            .zip(labels)
            .zip(0u32..)
            .map(|((probability, label), row)| {
                (probability, row << Self::ROW | if *label == class { Self::IS_IT } else { 0 })
            })
            .collect();
        rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for tied in rows.chunk_by_mut(|a, b| a.0 == b.0) {
            if let Some((_, last)) = tied.last_mut() {
                *last |= Self::ENDS_TIE;
            }
        }
        Self(rows.into_iter().map(|(_, entry)| entry).collect())
    }

    /// As [`super::roc_auc`], with each row counted by its weight.
    #[expect(clippy::indexing_slicing, reason = "the rows are those of the bootstrap, and each has a weight")]
    fn area(&self, row_weights: &[u32]) -> f64 {
        // Counts wins twice, so that a tie adds an integer.
        let (mut wins, mut positives, mut negatives) = (0u64, 0u64, 0u64);
        let (mut tied_positives, mut tied_negatives) = (0u64, 0u64);
        for entry in &self.0 {
            let weight = u64::from(row_weights[(entry >> Self::ROW) as usize]);
            let is_it = u64::from(entry & Self::IS_IT);
            tied_positives += weight * is_it;
            tied_negatives += weight * (1 - is_it);
            if entry & Self::ENDS_TIE != 0 {
                wins += tied_positives * (2 * negatives + tied_negatives);
                positives += tied_positives;
                negatives += tied_negatives;
                (tied_positives, tied_negatives) = (0, 0);
            }
        }
        // NaN if there are no positives or no negatives.
        wins as f64 / 2.0 / (positives as f64 * negatives as f64)
    }
}

#[cfg(test)]
mod tests;
