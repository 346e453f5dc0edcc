//! `nextbest evaluate`: the model on the test cut-offs, beside the two baselines that matter.

use std::fmt;
use std::path::Path;

use anyhow::bail;
use nextbest_core::metrics::Metrics;
use nextbest_core::model::bundle::{Bundle, content_hash};
use nextbest_core::score::Scorer;
use nextbest_core::time;
use serde::{Deserialize, Serialize};

use super::ceiling::{self, Ceiling, Rivals};
use crate::cli::Context;
use crate::feature_table::FeatureTable;
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
    without_none: RecordedMetrics,
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
    pub(super) without_none: Metrics,
}

pub(crate) fn run(context: &Context) -> anyhow::Result<Evaluation> {
    let config = &context.config;
    let (bytes, bundle) = super::read_bundle(&config.model_path(), "train")?;
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
    let names = bundle.schema.class_names();
    let model = Scorer::new(&bundle).score_batch(&test.values, test.len())?;
    let prior = class_prior(&train.labels, names.len());
    let popular = most_popular_not_owned(&prior, &bundle, &test);
    let ceiling = ceiling::measure(context, &names, &test, &Rivals { model: &model, prior: &prior })?;
    let contestants =
        [("model", model), ("class prior", prior.repeat(test.len())), ("popular, not owned", popular)]
            .into_iter()
            .map(|(name, probabilities)| Contestant {
                name,
                all: Metrics::measure(&names, &test.labels, &probabilities),
                without_none: Metrics::measure_without_none(&names, &test.labels, &probabilities),
            })
            .collect();
    let mut importance: Vec<(String, f32)> = bundle
        .features
        .iter()
        .map(|feature| feature.name.clone())
        .zip(bundle.card.importance.iter().copied())
        .collect();
    importance.sort_by(|a, b| b.1.total_cmp(&a.1));
    let evaluation = Evaluation {
        model: content_hash(&bytes),
        algorithm: bundle.card.algorithm.clone(),
        test_cutoffs: bundle.card.test_cutoffs.clone(),
        contestants,
        ceiling,
        importance,
    };
    evaluation.write(&config.outputs.path.join("models"))?;
    Ok(evaluation)
}

/// How often each class occurs in training: what someone who knows nothing of a customer would say.
pub(crate) fn class_prior(labels: &[usize], class_count: usize) -> Vec<f32> {
    let mut counts = vec![0usize; class_count];
    for label in labels {
        if let Some(count) = counts.get_mut(*label) {
            *count += 1;
        }
    }
    counts.iter().map(|count| *count as f32 / labels.len().max(1) as f32).collect()
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
        let Some(model) = self.contestants.first() else { return Vec::new() };
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
        named("", &model.all).chain(named("_without_none", &model.without_none)).collect()
    }
}

impl Evaluation {
    fn write(&self, folder: &Path) -> anyhow::Result<()> {
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
        writeln!(
            f,
            "{} on {} test rows at {}\n",
            self.algorithm,
            model.all.rows,
            self.test_cutoffs.join(", ")
        )?;
        write_contest(f, "all customers", self.contestants.iter().map(|it| (it.name, &it.all)))?;
        let title = format!("the {} who took a product, NONE left out", model.without_none.rows);
        write_contest(f, &title, self.contestants.iter().map(|it| (it.name, &it.without_none)))?;
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
