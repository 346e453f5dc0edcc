//! `nextbest evaluate`: the model on the test cut-offs, beside the two baselines that matter.

use std::fmt;
use std::path::Path;

use anyhow::bail;
use nextbest_core::metrics::Metrics;
use nextbest_core::model::bundle::{Bundle, content_hash};
use nextbest_core::score::Scorer;
use nextbest_core::time;
use serde::{Deserialize, Serialize};

use super::ceiling::{self, Ceiling};
use crate::cli::Context;
use crate::feature_table::FeatureTable;
use crate::training::class_prior;
use crate::output;

/// What was measured, of which model.
#[derive(Debug, Serialize)]
pub(crate) struct Evaluation {
    /// The hash of the model's file content.
    model: String,
    algorithm: String,
    test_cutoffs: Vec<String>,
    /// The model, then the baselines.
    contestants: Vec<Contestant>,
    /// The best that anyone could do, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    ceiling: Option<Ceiling>,
    importance: Vec<(String, f32)>,
}

/// What `nextbest export` needs to know of an evaluation.
#[derive(Debug, Deserialize)]
pub(crate) struct Recorded {
    pub(crate) model: String,
    contestants: Vec<RecordedContestant>,
}

#[derive(Debug, Deserialize)]
struct RecordedContestant {
    all: RecordedMetrics,
    without_none: Option<RecordedMetrics>,
}

#[derive(Debug, Deserialize)]
struct RecordedMetrics {
    rows: f64,
    accuracy: Option<f64>,
    f1_weighted: Option<f64>,
    roc_auc_ovr: Option<f64>,
    log_loss: Option<f64>,
    top_3_accuracy: Option<f64>,
    brier: Option<f64>,
    calibration_error: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Contestant {
    pub(super) name: &'static str,
    pub(super) all: Metrics,
    /// Of those to whom something happened, where there is a class for nothing.
    pub(super) without_none: Option<Metrics>,
}

pub(crate) fn run(context: &Context) -> anyhow::Result<Evaluation> {
    let config = &context.config;
    let (bytes, bundle) = super::read_model(&config.model_path())?;
    let path = config.feature_table().with_extension("parquet");
    context.progress.step(format!("reading {}", path.display()));
    let table = FeatureTable::read_parquet(&path)?;
    if output::file_hash(&path)? != bundle.card.training_data {
        bail!(
            "{} is not the table that {} was trained on: run `nextbest train` again",
            path.display(),
            config.model_path().display()
        );
    }
    let cutoffs = |dates: &[String]| dates.iter().filter_map(|date| time::parse(date)).collect::<Vec<_>>();
    let train = table.at(&cutoffs(&bundle.card.training_cutoffs));
    let test = table.at(&cutoffs(&bundle.card.test_cutoffs));
    context.progress.step("measuring".into());
    let mut evaluation = Evaluation::measure(&bundle, content_hash(&bytes), &train.labels, &test)?;
    evaluation.ceiling = ceiling::measure(context, &bundle, &train.labels, &test)?;
    evaluation.write(&config.outputs.path.join("models"))?;
    Ok(evaluation)
}

impl Evaluation {
    /// Measures a model, and the baselines beside it, on rows that it did not learn from.
    ///
    /// # Errors
    /// Where the rows do not fit the model.
    pub(super) fn measure(
        bundle: &Bundle,
        model_hash: String,
        training_labels: &[usize],
        test: &FeatureTable,
    ) -> anyhow::Result<Self> {
        let names = bundle.schema.class_names();
        let prior = class_prior(training_labels, names.len());
        let mut contestants = vec![
            ("model", Scorer::new(bundle).score_batch(&test.values, test.len())?),
            ("class prior", prior.repeat(test.len())),
        ];
        let none = bundle.schema.none_class();
        if none.is_some() {
            contestants.push(("popular, not owned", most_popular_not_owned(&prior, bundle, test)));
        }
        let contestants = contestants.into_iter().map(|(name, probabilities)| Contestant {
            name,
            all: Metrics::measure(&names, &test.labels, &probabilities),
            without_none: none.map(|_| Metrics::measure_without_none(&names, &test.labels, &probabilities)),
        });
        let features = bundle.features.iter().map(|feature| feature.name.clone());
        let mut importance: Vec<(String, f32)> =
            features.zip(bundle.card.importance.iter().copied()).collect();
        importance.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(Self {
            model: model_hash,
            algorithm: bundle.card.algorithm.clone(),
            test_cutoffs: bundle.card.test_cutoffs.clone(),
            contestants: contestants.collect(),
            ceiling: None,
            importance,
        })
    }
}

/// The prior without the products that a customer holds and can't take again: the usual rule of thumb.
fn most_popular_not_owned(prior: &[f32], bundle: &Bundle, table: &FeatureTable) -> Vec<f32> {
    let products = bundle.schema.products();
    let rows = table.held.iter().flat_map(|held| {
        let possible: Vec<f32> = prior
            .iter()
            .enumerate()
            .map(|(class, probability)| {
                let product =
                    class.checked_sub(1).and_then(|position| Some((position, products.get(position)?)));
                let owned =
                    product.is_some_and(|(position, product)| !product.repeatable && held.contains(position));
                if owned { 0.0 } else { *probability }
            })
            .collect();
        let total: f32 = possible.iter().sum();
        possible.into_iter().map(move |probability| probability / total)
    });
    rows.collect()
}

impl Recorded {
    /// The evaluation's metrics for the model card, where it is of this model.
    pub(crate) fn card_metrics(&self) -> Vec<(String, f64)> {
        let model = self.contestants.first();
        model.map_or_else(Vec::new, |model| card_metrics(&model.all, model.without_none.as_ref()))
    }
}

fn card_metrics(all: &RecordedMetrics, without_none: Option<&RecordedMetrics>) -> Vec<(String, f64)> {
    let named = |suffix: &'static str, metrics: &RecordedMetrics| {
        let values = [
            ("rows", Some(metrics.rows)),
            ("accuracy", metrics.accuracy),
            ("f1_weighted", metrics.f1_weighted),
            ("roc_auc_ovr", metrics.roc_auc_ovr),
            ("log_loss", metrics.log_loss),
            ("top_3_accuracy", metrics.top_3_accuracy),
            ("brier", metrics.brier),
            ("calibration_error", metrics.calibration_error),
        ];
        values.into_iter().filter_map(move |(name, value)| Some((format!("{name}{suffix}"), value?)))
    };
    let without_none = without_none.into_iter().flat_map(|metrics| named("_without_none", metrics));
    named("", all).chain(without_none).collect()
}

impl From<&Metrics> for RecordedMetrics {
    fn from(metrics: &Metrics) -> Self {
        let known = |value: f64| value.is_finite().then_some(value);
        Self {
            rows: metrics.rows as f64,
            accuracy: known(metrics.accuracy),
            f1_weighted: known(metrics.f1_weighted),
            roc_auc_ovr: known(metrics.roc_auc_ovr),
            log_loss: known(metrics.log_loss),
            top_3_accuracy: known(metrics.top_3_accuracy),
            brier: known(metrics.brier),
            calibration_error: known(metrics.calibration_error),
        }
    }
}

impl Evaluation {
    /// The metrics for the model card.
    pub(super) fn card_metrics(&self) -> Vec<(String, f64)> {
        let Some(model) = self.contestants.first() else { return Vec::new() };
        card_metrics(&(&model.all).into(), model.without_none.as_ref().map(Into::into).as_ref())
    }

    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        output::write_json(&folder.join("evaluation.json"), self)?;
        output::write_bytes(&folder.join("evaluation.txt"), self.to_string().as_bytes())?;
        output::write_csv(
            &folder.join("feature_importance.csv"),
            ["FEATURE", "IMPORTANCE"],
            self.importance.iter().map(|(name, share)| [name.clone(), share.to_string()]),
        )?;
        let Some(model) = self.contestants.first() else { return Ok(()) };
        let classes = &model.all.classes;
        output::write_file(&folder.join("confusion_matrix.csv"), |file| {
            let mut csv = csv::Writer::from_writer(file);
            csv.write_record(["ACTUAL"].into_iter().chain(classes.iter().map(|class| class.name.as_str())))?;
            for (class, counts) in classes.iter().zip(&model.all.confusion) {
                csv.write_record(
                    [class.name.clone()].into_iter().chain(counts.iter().map(usize::to_string)),
                )?;
            }
            Ok(csv.flush()?)
        })
    }
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(model), Some(prior)) = (self.contestants.first(), self.contestants.get(1)) else {
            return Ok(());
        };
        write!(f, "{} on {} test rows", self.algorithm, model.all.rows)?;
        match self.test_cutoffs.as_slice() {
            [] => writeln!(f, "\n")?,
            [first, last] if model.without_none.is_none() => writeln!(f, " from {first} to {last}\n")?,
            cutoffs => writeln!(f, " at {}\n", cutoffs.join(", "))?,
        }
        let everyone = if model.without_none.is_some() { "all customers" } else { "all rows" };
        write_contest(f, everyone, self.contestants.iter().map(|it| (it.name, &it.all)))?;
        if let Some(takers) = &model.without_none {
            let title = format!("the {} who took a product, NONE left out", takers.rows);
            let contestants = self.contestants.iter();
            write_contest(
                f,
                &title,
                contestants.filter_map(|it| Some((it.name, it.without_none.as_ref()?))),
            )?;
        }
        if let Some(ceiling) = &self.ceiling {
            write!(f, "{ceiling}")?;
        }
        writeln!(
            f,
            "{:<24}{:>8}{:>9}{:>11}{:>14}",
            "class against the rest", "rows", "AUC", "log-loss", "prior's"
        )?;
        for (class, prior) in model.all.classes.iter().zip(&prior.all.classes) {
            writeln!(
                f,
                "  {:<22}{:>8}{:>9.3}{:>11.4}{:>14.4}",
                class.name, class.support, class.roc_auc, class.log_loss, prior.log_loss
            )?;
        }
        writeln!(f, "\nmost important features")?;
        for (name, share) in self.importance.iter().take(10) {
            writeln!(f, "  {name:<32}{:>6.1} %", share * 100.0)?;
        }
        Ok(())
    }
}

pub(super) fn write_contest<'m>(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    contestants: impl Iterator<Item = (&'m str, &'m Metrics)>,
) -> fmt::Result {
    let columns = ["log-loss", "AUC", "accuracy", "top-3", "precision", "recall", "F1", "Brier", "cal.error"];
    writeln!(f, "{title}")?;
    write!(f, "  {:<20}", "")?;
    columns.iter().try_for_each(|column| write!(f, "{column:>10}"))?;
    writeln!(f)?;
    for (name, metrics) in contestants {
        write!(f, "  {name:<20}{:>10.4}{:>10.3}", metrics.log_loss, metrics.roc_auc_ovr)?;
        for value in [
            metrics.accuracy,
            metrics.top_3_accuracy,
            metrics.precision_weighted,
            metrics.recall_weighted,
            metrics.f1_weighted,
            metrics.brier,
            metrics.calibration_error,
        ] {
            write!(f, "{value:>10.4}")?;
        }
        writeln!(f)?;
    }
    writeln!(f)
}
