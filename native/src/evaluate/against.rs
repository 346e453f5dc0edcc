//! Paired comparison of two models on the same rows, with confidence intervals of the differences.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use nextbest_core::bundle::{Bundle, content_hash};
use nextbest_core::metrics::bootstrap::{Bootstrap, Interval, Replicates, Resampled};
use nextbest_core::schema::Task;
use nextbest_core::time::{self, DAY};
use serde::Serialize;

use super::contestants::{Contestant, Predictions};
use crate::config::EvaluationConfig;
use crate::io::feature_table::FeatureTable;
use crate::privacy::withheld;
use crate::trust::Demands;

/// So many features that do not fit are named.
const NAMED: usize = 8;

/// Another model that can be compared fairly on the test rows.
pub(crate) struct Opponent {
    path: PathBuf,
    hash: String,
    pub(crate) bundle: Bundle,
    /// Column of each of its features in the table.
    columns: Vec<usize>,
}

/// Result of the comparison.
#[derive(Debug, Serialize)]
pub(crate) struct Against {
    pub(crate) bundle: PathBuf,
    pub(crate) model: String,
    pub(crate) name: String,
    pub(crate) algorithm: String,
    pub(crate) trained_until: Option<String>,
    pub(crate) contestant: Contestant,
    pub(crate) differences: Vec<Difference>,
}

/// One metric of both models.
#[derive(Debug, Serialize)]
pub(crate) struct Difference {
    pub(crate) metric: &'static str,
    pub(crate) model: f64,
    pub(crate) other: f64,
    /// The model's value minus the other's.
    pub(crate) difference: f64,
    /// 95 % bootstrap confidence interval of the difference.
    pub(crate) interval: Option<Interval>,
    pub(crate) verdict: Verdict,
}

/// Which model is better by a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Verdict {
    #[serde(rename = "better")]
    Better,
    #[serde(rename = "worse")]
    Worse,
    #[serde(rename = "no difference that this data can show")]
    Undecided,
}

impl Verdict {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Verdict::Better => "better",
            Verdict::Worse => "worse",
            Verdict::Undecided => "no difference that this data can show",
        }
    }

    fn of(interval: Option<Interval>, less_is_better: bool) -> Self {
        match interval {
            Some(it) if it.high < 0.0 => {
                if less_is_better {
                    Verdict::Better
                } else {
                    Verdict::Worse
                }
            }
            Some(it) if it.low > 0.0 => {
                if less_is_better {
                    Verdict::Worse
                } else {
                    Verdict::Better
                }
            }
            _ => Verdict::Undecided,
        }
    }
}

impl Opponent {
    /// Decodes a bundle, which messages call `path`, and checks that a comparison on the test rows is fair.
    ///
    /// # Errors
    /// If the key that is asked for did not sign it, it predicts other classes, reads features that the
    /// table does not have, or has learned from customers whose outcomes lie in the test period.
    pub(crate) fn new(
        path: &Path,
        bytes: &[u8],
        test: &FeatureTable,
        demands: &Demands,
    ) -> anyhow::Result<Self> {
        demands.check_signature(bytes).with_context(|| path.display().to_string())?;
        let bundle = Bundle::decode(bytes).with_context(|| path.display().to_string())?;
        let place = || format!("{}: can't be compared with", path.display());
        check_classes(&bundle, test).with_context(place)?;
        check_times(&bundle, test).with_context(place)?;
        let columns = columns(&bundle, test).with_context(place)?;
        Ok(Self { path: path.to_owned(), hash: content_hash(bytes), bundle, columns })
    }

    /// The test rows' features in the order in which this model has them.
    pub(crate) fn values(&self, test: &FeatureTable) -> Vec<f32> {
        let rows = test.values.chunks_exact(test.width().max(1));
        let value = |row: &[f32], column: &usize| row.get(*column).copied().unwrap_or(f32::NAN);
        rows.flat_map(|row| self.columns.iter().map(|column| value(row, column)).collect::<Vec<_>>())
            .collect()
    }

    pub(crate) fn compare(
        &self,
        model: (&Contestant, &Replicates),
        other: (Contestant, &Replicates),
    ) -> Against {
        let differences = differences(model, (&other.0, other.1));
        Against {
            bundle: self.path.clone(),
            model: self.hash.clone(),
            name: self.bundle.card.name.clone(),
            algorithm: self.bundle.card.algorithm.clone(),
            trained_until: self.bundle.card.training_cutoffs.iter().max().cloned(),
            contestant: other.0,
            differences,
        }
    }
}

/// What two models that have not learned from the test rows differ by on them, in each metric that both have.
///
/// # Errors
/// If the rows do not fit a model.
pub(crate) fn paired_differences(
    model: &Opponent,
    other: &Opponent,
    test: &FeatureTable,
    config: &EvaluationConfig,
) -> anyhow::Result<Vec<Difference>> {
    let names = test.layout.schema.class_names();
    let has_none = test.layout.schema.none_class().is_some();
    let predictions = [model, other].map(|it| Predictions::of("model", &it.bundle, &it.values(test)));
    let [model, other] = predictions;
    let (model, other) = (model?, other?);
    let scores = [&model, &other].map(|it| it.scores(&test.labels, names.len(), has_none));
    let scores: Vec<_> = scores.into_iter().collect::<anyhow::Result<_>>()?;
    let bootstrap = Bootstrap::new(&test.ids, config.bootstrap_draws, config.random_state);
    let replicates = bootstrap.replicates(&scores)?;
    let measured = [&model, &other]
        .map(|it| Contestant::measure(it.name.clone(), &names, &test.labels, &it.probabilities, has_none));
    let [of_model, of_other] = measured;
    match replicates.as_slice() {
        [model, other] => Ok(differences((&of_model?, model), (&of_other?, other))),
        _ => bail!("there are not two models to compare"),
    }
}

fn differences(model: (&Contestant, &Replicates), other: (&Contestant, &Replicates)) -> Vec<Difference> {
    let difference = |metric: Resampled| {
        let interval = model.1.difference(other.1, metric);
        let (ours, theirs) = (model.0.value(metric)?, other.0.value(metric)?);
        Some(Difference {
            metric: metric.name(),
            model: ours,
            other: theirs,
            difference: ours - theirs,
            interval,
            verdict: Verdict::of(interval, metric.less_is_better()),
        })
    };
    Resampled::ALL.into_iter().filter_map(difference).collect()
}

fn check_classes(bundle: &Bundle, test: &FeatureTable) -> anyhow::Result<()> {
    let (ours, theirs) = (test.layout.schema.class_names(), bundle.schema.class_names());
    if ours != theirs {
        let only = |these: &[&str], those: &[&str]| {
            let names: Vec<&str> = these.iter().copied().filter(|name| !those.contains(name)).collect();
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        };
        bail!(
            "it predicts other classes, or the same in another order; only in the table: {}; only in the \
             bundle: {}",
            only(&ours, &theirs),
            only(&theirs, &ours)
        );
    }
    Ok(())
}

/// Refuses a model trained on outcomes of the test period: it would win by leakage.
fn check_times(bundle: &Bundle, test: &FeatureTable) -> anyhow::Result<()> {
    if let Task::Label { .. } = bundle.schema.task() {
        bail!("it is a model of a plain table");
    }
    test.layout.check_horizon(bundle.schema.horizon_days())?;
    let horizon = i64::from(bundle.schema.horizon_days()) * DAY;
    let first_test = test.cutoffs.iter().min().copied().unwrap_or(i64::MAX);
    let cutoffs = bundle.card.training_cutoffs.iter();
    let Some(last) = cutoffs.filter_map(|date| time::parse(date)).max() else {
        bail!("it does not say which cut-offs it was trained on, so it may have seen the test rows");
    };
    if last + horizon > first_test {
        bail!(
            "it was trained on customers at {}, whose outcomes reach to {}, but the test rows begin at {}: \
             it has seen \
             what it would be asked. Compare with one that was trained on cut-offs until {}, or test later \
             (snapshots.test_from)",
            time::format(last),
            time::format(last + horizon),
            time::format(first_test),
            time::format(first_test - horizon)
        );
    }
    Ok(())
}

/// Where the table has each feature of a model. Names alone prove nothing: what is computed must be the same,
/// and the words of categories in the same order.
fn columns(bundle: &Bundle, test: &FeatureTable) -> anyhow::Result<Vec<usize>> {
    let ours = &test.layout;
    let (mut columns, mut missing, mut different) = (Vec::new(), Vec::new(), Vec::new());
    for feature in &bundle.features {
        let found = ours.features.iter().enumerate().find(|(_, other)| other.name == feature.name);
        match found {
            None => missing.push(feature.name.as_str()),
            Some((position, other)) => {
                let words = match (feature.words(&bundle.schema), other.words(&ours.schema)) {
                    (Some(told), Some(all)) => withheld::agree(told, all),
                    (told, all) => told == all,
                };
                let same = words
                    && other.expression == feature.expression
                    && other.missing.map(f32::to_bits) == feature.missing.map(f32::to_bits);
                if same { columns.push(position) } else { different.push(feature.name.as_str()) }
            }
        }
    }
    let list = |names: &[&str]| {
        let more = names.len().saturating_sub(NAMED);
        let named = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        if more > 0 { format!("{named} and {more} more") } else { named }
    };
    if !missing.is_empty() {
        bail!("the feature table has no {}, which it reads", list(&missing));
    }
    if !different.is_empty() {
        bail!("the feature table computes {} in another way than it does", list(&different));
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_needs_an_interval_beside_zero() {
        let interval = |low, high| Some(Interval { low, high });
        assert_eq!(Verdict::of(interval(-0.2, -0.1), true), Verdict::Better);
        assert_eq!(Verdict::of(interval(-0.2, -0.1), false), Verdict::Worse);
        assert_eq!(Verdict::of(interval(0.1, 0.2), true), Verdict::Worse);
        assert_eq!(Verdict::of(interval(0.1, 0.2), false), Verdict::Better);
        assert_eq!(Verdict::of(interval(-0.1, 0.2), true), Verdict::Undecided);
        assert_eq!(Verdict::of(interval(0.0, 0.0), true), Verdict::Undecided);
        assert_eq!(Verdict::of(None, true), Verdict::Undecided);
    }
}
