//! Fits calibrations to rows that the model did not learn from, and chooses among the methods.
//!
//! Each method is fitted to four fifths of the customers and judged on the rest, five times over, so that
//! none is judged on rows that it was fitted to. A more flexible method is chosen only if it is better than
//! the simpler one by more than the standard error of the difference (the rule of Breiman et al., 1984,
//! "Classification and Regression Trees"): a smaller advantage may well be noise, and the simpler method errs
//! less on other data.

mod dirichlet;
mod isotonic;
mod temperature;

use std::collections::BTreeMap;
use std::ops::Range;

use dirichlet::{Effort, ROUGH, THOROUGH};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::Error;
use crate::matrix::Matrix;
use crate::metrics;
use crate::model::calibration::{Calibration, LEAST};
use crate::schema::MAX_CLASSES;

const FOLDS: usize = 5;
/// The fewest rows to calibrate on: if a model happens to be right about all of a few rows, a temperature
/// would make it certain of everything.
const MIN_ROWS: usize = 200;
/// The fewest rows of a class to learn from: with fewer, its score stays its logarithm and its curve a
/// straight line.
const MIN_ROWS_OF_CLASS: usize = 10;
/// The standard deviations of the prior that are tried.
const DEVIATIONS: [f64; 3] = [0.05, 0.2, 0.8];
const SEED: u64 = 42;

/// A calibration method; simpler methods come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CalibrationMethod {
    /// Leaves the probabilities unchanged.
    None,
    /// One temperature for all classes.
    Temperature,
    /// A linear map of the logarithms.
    Dirichlet,
    /// A monotone curve per class.
    Isotonic,
}

/// Rows that a model was not fitted to, with its predictions.
#[derive(Debug, Clone, Copy)]
pub struct CalibrationRows<'r> {
    /// The model's uncalibrated probabilities, one column per class.
    pub probabilities: Matrix<'r, f32>,
    /// The class of each row.
    pub labels: &'r [usize],
    /// The customer of each row, as any number: a customer's rows are always in the same fold.
    pub groups: &'r [usize],
}

/// The chosen calibration, with the reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct CalibrationChoice {
    /// The chosen method, fitted to all rows.
    pub calibration: Calibration,
    /// Every method that was tried, simplest first. The first is no calibration.
    pub trials: Vec<CalibrationTrial>,
    /// Why it was chosen, in words.
    pub reason: String,
}

/// The cross-validated quality of a method.
#[derive(Debug, Clone, PartialEq)]
pub struct CalibrationTrial {
    /// The method.
    pub method: CalibrationMethod,
    /// The mean of −ln(probability of what happened).
    pub log_loss: f64,
    /// For [`CalibrationMethod::Dirichlet`]: the standard deviation of the prior of off-diagonal weights and
    /// intercepts; the best of three.
    pub deviation: Option<f64>,
    /// The class-wise expected calibration error, as in [`metrics::Metrics::calibration_error`].
    pub calibration_error: f64,
    /// The decrease of the log-loss from the best simpler method; 0 for none.
    pub gain: f64,
    /// The standard error of the gain, clustered by customer.
    pub standard_error: f64,
}

impl CalibrationMethod {
    /// The method's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Temperature => "temperature",
            Self::Dirichlet => "dirichlet",
            Self::Isotonic => "isotonic",
        }
    }
}

impl CalibrationRows<'_> {
    /// Chooses a method, or takes the one in `wanted`, and fits it. With too few rows it chooses none and
    /// says so.
    ///
    /// # Errors
    /// If the lists do not fit each other, or a loss can't be minimised.
    ///
    /// # Examples
    /// ```
    /// use nextbest_core::matrix::Matrix;
    /// use nextbest_core::train::{CalibrationMethod, CalibrationRows};
    ///
    /// // A model that says 90 % where 6 of 10 rows are right.
    /// let probabilities: Vec<f32> = (0..2000).flat_map(|_| [0.9, 0.1]).collect();
    /// let labels: Vec<usize> = (0..2000).map(|row| usize::from(row % 10 >= 6)).collect();
    /// let groups: Vec<usize> = (0..2000).collect();
    /// let probabilities = Matrix::new(&probabilities, 2)?;
    /// let rows = CalibrationRows { probabilities, labels: &labels, groups: &groups };
    /// let choice = rows.choose(Some(CalibrationMethod::Temperature))?;
    /// let mut row = [0.9, 0.1];
    /// choice.calibration.apply(&mut row);
    /// assert!((row[0] - 0.6).abs() < 0.01);
    /// # Ok::<(), nextbest_core::Error>(())
    /// ```
    pub fn choose(&self, wanted: Option<CalibrationMethod>) -> Result<CalibrationChoice, Error> {
        self.check()?;
        let shortage = self.shortage();
        let learned = self.learned_classes();
        let methods =
            [CalibrationMethod::Temperature, CalibrationMethod::Dirichlet, CalibrationMethod::Isotonic];
        let is_asked = |method: &CalibrationMethod| match wanted {
            _ if shortage.is_some() => false,
            Some(wanted) => *method == wanted,
            None => true,
        };
        let folds = self.folds();
        let mut trials = vec![CalibrationTrial {
            method: CalibrationMethod::None,
            log_loss: metrics::log_loss(self.labels, self.probabilities),
            calibration_error: metrics::calibration_error(self.labels, self.probabilities),
            deviation: None,
            gain: 0.0,
            standard_error: 0.0,
        }];
        let mut best = Candidate {
            method: CalibrationMethod::None,
            deviation: 0.0,
            probabilities: self.probabilities.values().to_vec(),
        };
        for method in methods.into_iter().filter(is_asked) {
            let candidate = self.cross_fit(method, &folds, &learned)?;
            let corrected = Matrix::new(&candidate.probabilities, self.probabilities.width())?;
            let before = Matrix::new(&best.probabilities, self.probabilities.width())?;
            let (gain, standard_error) = self.gain(before, corrected);
            trials.push(CalibrationTrial {
                method,
                log_loss: metrics::log_loss(self.labels, corrected),
                calibration_error: metrics::calibration_error(self.labels, corrected),
                deviation: (method == CalibrationMethod::Dirichlet).then_some(candidate.deviation),
                gain,
                standard_error,
            });
            if wanted.is_some() || gain > standard_error {
                best = candidate;
            }
        }
        let left_alone = learned.iter().filter(|learned| !**learned).count();
        let reason = match (shortage, wanted) {
            (Some(shortage), _) => shortage,
            (None, Some(_)) => "as configured".into(),
            (None, None) if left_alone == 0 => {
                "the simplest that none beats by more than a standard error".into()
            }
            (None, None) => format!(
                "the simplest that none beats by more than a standard error; {left_alone} classes have too \
                 few rows to learn \
                 from"
            ),
        };
        Ok(CalibrationChoice {
            calibration: self.fit(best.method, best.deviation, &learned, None, &THOROUGH)?,
            trials,
            reason,
        })
    }

    /// Fits a method to all rows. Only [`CalibrationMethod::Dirichlet`] uses the deviation, the start
    /// (another calibration) and the effort.
    fn fit(
        &self,
        method: CalibrationMethod,
        deviation: f64,
        learned: &[bool],
        from: Option<&Calibration>,
        effort: &Effort,
    ) -> Result<Calibration, Error> {
        let logs = || Logs::new(self.probabilities, self.labels);
        match method {
            CalibrationMethod::None => Ok(Calibration::None),
            CalibrationMethod::Temperature => Ok(temperature::fit(&logs())),
            CalibrationMethod::Dirichlet => dirichlet::fit(&logs(), deviation, learned, from, effort),
            CalibrationMethod::Isotonic => Ok(isotonic::fit(self.probabilities, self.labels, learned)),
        }
    }

    fn check(&self) -> Result<(), Error> {
        let count = self.labels.len();
        let classes = self.probabilities.width();
        if !(1..=MAX_CLASSES).contains(&classes)
            || self.probabilities.height() != count
            || self.groups.len() != count
            || self.labels.iter().any(|label| *label >= classes)
        {
            return Err(Error::Training(format!(
                "calibration: {} probabilities, {count} labels and {} groups do not fit {classes} classes",
                self.probabilities.values().len(),
                self.groups.len()
            )));
        }
        Ok(())
    }

    /// Says which of rows or customers are too few to learn from, if so.
    fn shortage(&self) -> Option<String> {
        let groups = sorted_groups(self.groups).len();
        let is_short = self.labels.len() < MIN_ROWS || groups < FOLDS;
        is_short
            .then(|| format!("{} rows of {groups} customers are too few to learn from", self.labels.len()))
    }

    /// Whether each class has enough rows to learn from.
    fn learned_classes(&self) -> Vec<bool> {
        let mut counts = vec![0; self.probabilities.width()];
        for label in self.labels {
            counts.iter_mut().skip(*label).take(1).for_each(|count| *count += 1);
        }
        counts.into_iter().map(|count| count >= MIN_ROWS_OF_CLASS).collect()
    }

    /// The fold of each row.
    fn folds(&self) -> Vec<usize> {
        let groups = sorted_groups(self.groups);
        let mut folds: Vec<usize> = (0..groups.len()).map(|position| position % FOLDS).collect();
        folds.shuffle(&mut ChaCha8Rng::seed_from_u64(SEED));
        let folds: BTreeMap<usize, usize> = groups.into_iter().zip(folds).collect();
        self.groups.iter().filter_map(|group| folds.get(group).copied()).collect()
    }

    /// The probabilities that a method gives each row when fitted to the other folds.
    fn cross_fit(
        &self,
        method: CalibrationMethod,
        folds: &[usize],
        learned: &[bool],
    ) -> Result<Candidate, Error> {
        let deviations = if method == CalibrationMethod::Dirichlet { &DEVIATIONS[..] } else { &[0.0] };
        let mut best: Option<(f64, Candidate)> = None;
        let of_others = |fold: usize| {
            let others = Subset::of(self, |row| folds.get(row).is_some_and(|other| *other != fold));
            // Each fit starts from the result of the one before for the same rows.
            let mut fitted: Vec<Calibration> = Vec::new();
            for deviation in deviations {
                let rows = others.rows(self.probabilities.width())?;
                fitted.push(rows.fit(method, *deviation, learned, fitted.last(), &ROUGH)?);
            }
            Ok(fitted)
        };
        let of_folds = (0..FOLDS).into_par_iter().map(of_others).collect::<Result<Vec<_>, Error>>()?;
        for (position, deviation) in deviations.iter().enumerate() {
            let classes = self.probabilities.width();
            let mut probabilities = self.probabilities.values().to_vec();
            for (fold, fitted) in of_folds.iter().enumerate() {
                let Some(calibration) = fitted.get(position) else { continue };
                for (row, own) in probabilities.chunks_exact_mut(classes).zip(folds) {
                    if *own == fold {
                        calibration.apply(row);
                    }
                }
            }
            let loss = metrics::log_loss(self.labels, Matrix::new(&probabilities, classes)?);
            if best.as_ref().is_none_or(|(least, _)| loss < *least) {
                best = Some((loss, Candidate { method, deviation: *deviation, probabilities }));
            }
        }
        best.map(|(_, candidate)| candidate)
            .ok_or_else(|| Error::Training("calibration: the probabilities are not finite".into()))
    }

    /// The decrease of the mean log-loss from the first to the second probabilities, and its standard error.
    fn gain(&self, before: Matrix<'_, f32>, after: Matrix<'_, f32>) -> (f64, f64) {
        let losses = |probabilities: Matrix<'_, f32>| -> Vec<f64> {
            let rows = probabilities.rows().zip(self.labels);
            rows.map(|(row, label)| metrics::row_log_loss(row, *label)).collect()
        };
        let gains: Vec<f64> = losses(before).into_iter().zip(losses(after)).map(|(a, b)| a - b).collect();
        let count = gains.len().max(1) as f64;
        let mean = gains.iter().sum::<f64>() / count;
        // Summed by customer: the rows of one customer resemble one another.
        let mut by_group: Vec<(usize, f64)> =
            self.groups.iter().copied().zip(gains.iter().map(|it| it - mean)).collect();
        by_group.sort_by_key(|(group, _)| *group);
        let squares = by_group
            .chunk_by(|a, b| a.0 == b.0)
            .map(|rows| rows.iter().map(|(_, gain)| gain).sum::<f64>().powi(2));
        (mean, squares.sum::<f64>().sqrt() / count)
    }
}

/// A method with its cross-validated probabilities.
struct Candidate {
    method: CalibrationMethod,
    deviation: f64,
    probabilities: Vec<f32>,
}

/// Some of the rows.
struct Subset {
    probabilities: Vec<f32>,
    labels: Vec<usize>,
}

impl Subset {
    fn of(all: &CalibrationRows<'_>, is_in: impl Fn(usize) -> bool) -> Self {
        let mut subset = Self { probabilities: Vec::new(), labels: Vec::new() };
        let rows = all.probabilities.rows().zip(all.labels).enumerate();
        for (_, (row, label)) in rows.filter(|(row, _)| is_in(*row)) {
            subset.probabilities.extend(row);
            subset.labels.push(*label);
        }
        subset
    }

    fn rows(&self, class_count: usize) -> Result<CalibrationRows<'_>, Error> {
        let probabilities = Matrix::new(&self.probabilities, class_count)?;
        Ok(CalibrationRows { probabilities, labels: &self.labels, groups: &[] })
    }
}

/// The logarithms of probabilities, and the labels.
struct Logs {
    classes: usize,
    values: Vec<f64>,
    labels: Vec<usize>,
}

impl Logs {
    fn new(probabilities: Matrix<'_, f32>, labels: &[usize]) -> Self {
        let log = |probability: &f32| f64::from(probability.max(LEAST)).ln();
        Self {
            classes: probabilities.width(),
            values: probabilities.values().iter().map(log).collect(),
            labels: labels.to_vec(),
        }
    }

    fn len(&self) -> usize {
        self.labels.len()
    }

    /// The mean and the variance of each class's logarithms.
    fn moments(&self) -> (Vec<f64>, Vec<f64>) {
        let count = self.len().max(1) as f64;
        let (mut means, mut variances) = (vec![0.0; self.classes], vec![0.0; self.classes]);
        for row in self.values.chunks_exact(self.classes.max(1)) {
            means.iter_mut().zip(row).for_each(|(sum, log)| *sum += log / count);
        }
        for row in self.values.chunks_exact(self.classes.max(1)) {
            for ((sum, log), mean) in variances.iter_mut().zip(row).zip(&means) {
                *sum += (log - mean).powi(2) / count;
            }
        }
        (means, variances)
    }

    /// The frequency of each class.
    fn shares(&self) -> Vec<f64> {
        let mut shares = vec![0.0; self.classes];
        for label in &self.labels {
            shares.iter_mut().skip(*label).take(1).for_each(|share| *share += 1.0 / self.len() as f64);
        }
        shares
    }

    /// The logarithms and the label of each of some rows.
    fn rows(&self, rows: Range<usize>) -> impl Iterator<Item = (&[f64], usize)> {
        let values = self.values.chunks_exact(self.classes.max(1)).skip(rows.start);
        values.zip(self.labels.iter().copied().skip(rows.start)).take(rows.len())
    }
}

fn sorted_groups(groups: &[usize]) -> Vec<usize> {
    let mut groups = groups.to_vec();
    groups.sort_unstable();
    groups.dedup();
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_even_and_split_no_customer() {
        let groups: Vec<usize> = (0..1000).map(|row| row * row % 317 * 1_000_003).collect();
        let labels = vec![0; groups.len()];
        let rows = CalibrationRows {
            probabilities: Matrix::new(&[1.0; 1000], 1).unwrap(),
            labels: &labels,
            groups: &groups,
        };
        let folds = rows.folds();
        let mut of_group = BTreeMap::new();
        for (group, fold) in groups.iter().zip(&folds) {
            assert_eq!(of_group.entry(group).or_insert(fold), &fold);
        }
        for fold in 0..FOLDS {
            let customers = of_group.values().filter(|other| ***other == fold).count();
            assert!(customers.abs_diff(of_group.len() / FOLDS) <= 1, "{customers} in fold {fold}");
        }
    }

    #[test]
    fn rows_of_one_customer_count_as_one() {
        // A hundred customers with ten rows each: the standard error is that of a hundred rows, not of a
        // thousand.
        let before: Vec<f32> = [0.5, 0.5].repeat(1000);
        let after: Vec<f32> =
            (0..1000).flat_map(|row| if row / 10 % 2 == 0 { [0.8, 0.2] } else { [0.4, 0.6] }).collect();
        let labels = vec![0; 1000];
        let [before, after] = [&before, &after].map(|rows| Matrix::new(rows, 2).unwrap());
        let error = |groups: &[usize]| {
            let rows = CalibrationRows { probabilities: before, labels: &labels, groups };
            rows.gain(before, after)
        };
        let (mean, alone) = error(&(0..1000).collect::<Vec<_>>());
        let (_, together) = error(&(0..1000).map(|row| row / 10).collect::<Vec<_>>());
        let deviation = (0.8f64 / 0.4).ln() / 2.0;
        assert!((mean - ((0.8f64 * 0.4).sqrt() / 0.5).ln()).abs() < 1e-6, "{mean}");
        assert!((alone - deviation / 1000f64.sqrt()).abs() < 1e-6, "{alone}");
        assert!((together - deviation / 100f64.sqrt()).abs() < 1e-6, "{together}");
    }
}
