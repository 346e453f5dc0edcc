//! How far a quantity of today is from the reference: tests, which ask whether chance explains it, and
//! distances, which do not grow with the number of rows.

use nextbest_core::monitor::chi_square::{ChiSquare, chi_square};
use nextbest_core::monitor::distance::{jensen_shannon, population_stability_index, wasserstein};
use nextbest_core::monitor::distribution::Summary;
use nextbest_core::monitor::false_discovery::benjamini_hochberg;
use nextbest_core::monitor::kolmogorov_smirnov::{KolmogorovSmirnov, kolmogorov_smirnov};
use nextbest_core::monitor::{Sample, binned};
use serde::Serialize;

use super::quantity::Quantity;
use crate::config::MonitoringConfig;

/// What was found of a quantity.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Drift {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) group: String,
    /// Its share of the model's importance.
    pub(crate) importance: f64,
    pub(crate) verdict: Verdict,
    /// The population stability index over all cells, that of missing values included.
    pub(crate) psi: Option<f64>,
    /// The Jensen–Shannon distance over the same cells (natural logarithms).
    pub(crate) jensen_shannon: Option<f64>,
    /// Of numbers.
    pub(crate) kolmogorov_smirnov: Option<Smirnov>,
    /// Of numbers: the Wasserstein distance in standard deviations of the reference.
    pub(crate) wasserstein: Option<f64>,
    /// Of words.
    pub(crate) chi_square: Option<ChiSquare>,
    /// The p-value of the test above. For numbers: twice the smaller of that and the p-value of the test of
    /// missing values, at most 1.
    pub(crate) p_value: Option<f64>,
    /// The p-value adjusted for all quantities of its kind (Benjamini–Hochberg).
    pub(crate) adjusted_p_value: Option<f64>,
    pub(crate) missing: MissingShares,
    /// Of numbers: the share of today's rows that lie beyond the reference's least and greatest number.
    pub(crate) beyond_range: Option<f64>,
    /// Of words: those that the reference does not have, and in how many of today's rows.
    pub(crate) new_words: Vec<(String, usize)>,
    pub(crate) cells: Vec<Cell>,
    pub(crate) reference: Option<Summary>,
    pub(crate) current: Option<Summary>,
}

/// How far something has moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// Chance explains it, or it is small.
    Stable,
    Drifted,
    HeavilyDrifted,
}

/// The test of Kolmogorov and Smirnov.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Smirnov {
    #[serde(flatten)]
    pub(crate) test: KolmogorovSmirnov,
    /// What it saw: values, or bins alone.
    pub(crate) of: &'static str,
}

/// The shares of rows without a value.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct MissingShares {
    pub(crate) reference: f64,
    pub(crate) current: f64,
}

/// A cell: a bin, a word, or no value.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cell {
    pub(crate) name: String,
    /// The shares of all rows.
    pub(crate) reference: f64,
    pub(crate) current: f64,
}

/// Measures quantities of one kind (features, or scores), which are judged together.
pub(crate) fn measure(quantities: &[Quantity], config: &MonitoringConfig) -> Vec<Drift> {
    let mut drifts: Vec<Drift> = quantities.iter().map(Drift::of).collect();
    judge(&mut drifts, config);
    drifts
}

/// Gives each its adjusted p-value and verdict.
pub(crate) fn judge(drifts: &mut [Drift], config: &MonitoringConfig) {
    let tested: Vec<f64> = drifts.iter().filter_map(|drift| drift.p_value).collect();
    let mut adjusted = benjamini_hochberg(&tested).into_iter();
    for drift in drifts {
        drift.adjusted_p_value = drift.p_value.and_then(|_| adjusted.next());
        let by_chance = drift.adjusted_p_value.is_none_or(|p_value| p_value > config.significance);
        let index_from = |least: f64| drift.psi.is_some_and(|psi| psi >= least);
        let is_far =
            index_from(config.drift) || drift.exact_distance().is_some_and(|it| it >= config.distance);
        drift.verdict = match by_chance {
            false if index_from(config.heavy_drift) => Verdict::HeavilyDrifted,
            false if is_far => Verdict::Drifted,
            _ => Verdict::Stable,
        };
    }
}

impl Drift {
    /// The Wasserstein distance of whole values. That of bins takes the outermost for evenly filled: where
    /// tails are long, few rows more in there look far.
    fn exact_distance(&self) -> Option<f64> {
        self.wasserstein.filter(|_| self.kolmogorov_smirnov.is_some_and(|it| it.of == "values"))
    }

    /// Measures a quantity; it is stable as far as is known, until all of its kind are judged.
    pub(crate) fn of(it: &Quantity) -> Self {
        let reference = it.reference_counts();
        // Randomised counts may be below 0.
        let mut current: Vec<f64> = it.current.counts.iter().map(|count| count.max(0.0)).collect();
        let mut reference_cells = reference.clone();
        if it.new_rows() > 0 {
            // New words are no missing values.
            let new = it.new_rows() as f64;
            current.first_mut().into_iter().for_each(|missing| *missing -= new);
            current.push(new);
            reference_cells.push(0.0);
        }
        let numbers = it.words.is_none();
        // Tests see what was reported, and what the reference would have reported.
        let mut reported = it.current.reported.clone();
        let mut expected = it.current.as_reported(&reference);
        if it.new_rows() > 0 {
            let new = it.new_rows() as f64;
            reported.first_mut().into_iter().for_each(|missing| *missing -= new);
            reported.push(new);
            expected.push(0.0);
        }
        let smirnov = numbers.then(|| smirnov(it.samples.as_ref(), &expected, &reported)).flatten();
        let squared = (!numbers).then(|| chi_square(&expected, &reported)).flatten();
        let missing_test =
            chi_square(&known_or_not(&expected), &known_or_not(&reported)).map(|it| it.p_value);
        let of_both = |test: f64| missing_test.map_or(test, |missing| (2.0 * test.min(missing)).min(1.0));
        let p_value = match numbers {
            true => smirnov.map(|it| it.test.p_value).map(of_both).or(missing_test),
            false => squared.map(|it| it.p_value),
        };
        let shares = |counts: &[f64]| {
            let rows = counts.iter().sum::<f64>().max(1.0);
            counts.iter().map(|count| count / rows).collect::<Vec<f64>>()
        };
        let (before, today) = (shares(&reference_cells), shares(&current));
        let ([before_missing, _], [missing, _]) = (known_or_not(&before), known_or_not(&today));
        let names = cell_names(it).into_iter().zip(before.iter().zip(&today));
        let cells = names.map(|(name, (before, today))| Cell { name, reference: *before, current: *today });
        let rows = it.current.reports().max(1.0);
        Self {
            name: it.name.clone(),
            label: it.label.clone(),
            group: it.group.clone(),
            importance: it.importance,
            verdict: Verdict::Stable,
            psi: population_stability_index(&reference_cells, &current),
            jensen_shannon: jensen_shannon(&reference_cells, &current),
            wasserstein: numbers.then(|| distance(it, &reference, &current)).flatten(),
            kolmogorov_smirnov: smirnov,
            chi_square: squared,
            p_value,
            adjusted_p_value: None,
            missing: MissingShares { reference: before_missing, current: missing },
            beyond_range: it.beyond.map(|(below, above)| (below + above) as f64 / rows),
            new_words: it.new_words.clone(),
            cells: cells.collect(),
            reference: it.reference.summary,
            current: it.summary,
        }
    }
}

fn smirnov(samples: Option<&(Sample, Sample)>, expected: &[f64], reported: &[f64]) -> Option<Smirnov> {
    let (test, of) = match samples {
        Some((reference, current)) => (kolmogorov_smirnov(reference, current)?, "values"),
        None => {
            let known = |counts: &[f64]| counts.iter().skip(1).copied().collect::<Vec<f64>>();
            (binned::kolmogorov_smirnov(&known(expected), &known(reported))?, "bins")
        }
    };
    Some(Smirnov { test, of })
}

/// The Wasserstein distance in standard deviations of the reference; `None` where that has none.
fn distance(it: &Quantity, reference: &[f64], current: &[f64]) -> Option<f64> {
    let (found, deviation) = match &it.samples {
        Some((ours, theirs)) => (wasserstein(ours, theirs)?, ours.standard_deviation()),
        None => {
            let summary = it.reference.summary?;
            let known = |counts: &[f64]| counts.iter().skip(1).copied().collect::<Vec<f64>>();
            let found =
                binned::wasserstein(&it.reference.edges, &summary, &known(reference), &known(current))?;
            (found, f64::from(summary.standard_deviation))
        }
    };
    (deviation > 0.0 && found.is_finite()).then_some(found / deviation)
}

/// How many rows have no value, and how many have one.
fn known_or_not(counts: &[f64]) -> [f64; 2] {
    match counts {
        [missing, known @ ..] => [*missing, known.iter().sum()],
        [] => [0.0, 0.0],
    }
}

/// What the cells are called: no value, the bins or words, and new words where there are some.
fn cell_names(it: &Quantity) -> Vec<String> {
    let mut names = vec!["missing".to_owned()];
    match &it.words {
        Some(words) => names.extend(words.iter().cloned()),
        None => names.extend(bin_names(&it.reference.edges)),
    }
    names.extend((it.new_rows() > 0).then(|| "new words".to_owned()));
    names
}

fn bin_names(edges: &[f32]) -> Vec<String> {
    let word = |edge: &f32| crate::app::number::number(f64::from(*edge));
    let mut names: Vec<String> = edges.first().map(|edge| format!("to {}", word(edge))).into_iter().collect();
    let pairs = edges.iter().zip(edges.iter().skip(1));
    names.extend(pairs.map(|(low, high)| format!("{} to {}", word(low), word(high))));
    names.push(edges.last().map_or_else(|| "any number".into(), |edge| format!("above {}", word(edge))));
    names
}

impl Verdict {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Drifted => "drifted",
            Self::HeavilyDrifted => "heavily drifted",
        }
    }
}
