//! `nextbest train`: the feature table → a model, chosen on the validation cut-offs.

use std::fmt;
use std::path::PathBuf;

use anyhow::Context as _;
use nextbest_core::metrics::Metrics;
use nextbest_core::model::Model;
use nextbest_core::model::bins::Bins;
use nextbest_core::model::bundle::Bundle;
use nextbest_core::model::card::Card;
use nextbest_core::score::Scorer;
use nextbest_core::time;
use nextbest_core::train::{Dataset, fit_bins};
use serde::Serialize;

use crate::cli::{Context, usage};
use crate::config::Algorithm;
use crate::feature_table::FeatureTable;
use crate::{cutoffs, output};

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Which kind of model (config: model.algorithm)
    #[arg(long, value_enum)]
    algorithm: Option<AlgorithmArgument>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
enum AlgorithmArgument {
    RandomForest,
    LogisticRegression,
    Auto,
}

#[derive(Debug, Serialize)]
pub(crate) struct Trained {
    model: PathBuf,
    candidates: Vec<Candidate>,
    algorithm: &'static str,
    training_rows: usize,
    training_cutoffs: Vec<String>,
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct Candidate {
    algorithm: &'static str,
    validation_log_loss: f64,
    validation_roc_auc: f64,
    prior_log_loss: f64,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Trained> {
    let started = std::time::Instant::now();
    let config = &context.config;
    let path = config.feature_table().with_extension("parquet");
    context.progress.step(format!("reading {}", path.display()));
    let table = FeatureTable::read_parquet(&path)?;
    let split = cutoffs::split(&config.snapshots, &table.distinct_cutoffs()).map_err(usage)?;
    let algorithm = arguments.algorithm.map_or(config.model.algorithm, Algorithm::from);
    let kinds = match algorithm {
        Algorithm::Auto => vec![Kind::RandomForest, Kind::LogisticRegression],
        Algorithm::RandomForest => vec![Kind::RandomForest],
        Algorithm::LogisticRegression => vec![Kind::LogisticRegression],
    };
    let (train, validation) = (table.at(&split.train), table.at(&split.validation));
    let mut candidates = Vec::new();
    for kind in &kinds {
        let fitted = fit(context, *kind, &train, "training")?;
        candidates.push(fitted.candidate(*kind, context, &train, &validation)?);
    }
    let best = candidates.iter().min_by(|a, b| a.validation_log_loss.total_cmp(&b.validation_log_loss));
    let best = best.map(|best| best.algorithm).context("there was no candidate")?;
    let kind = kinds.into_iter().find(|kind| kind.name() == best).context("there was no candidate")?;
    // What was chosen learns from the validation cut-offs too; those of the test stay unseen.
    let refit_cutoffs: Vec<i64> = split.train.iter().chain(&split.validation).copied().collect();
    let all = table.at(&refit_cutoffs);
    let fitted = fit(context, kind, &all, "training on all but the test")?;
    let dates = |cutoffs: &[i64]| cutoffs.iter().map(|cutoff| time::format(*cutoff)).collect::<Vec<_>>();
    let card = Card {
        name: config.model.name.clone(),
        algorithm: kind.name().into(),
        parameters: kind.parameters(context),
        seed: kind.seed(context),
        training_cutoffs: dates(&refit_cutoffs),
        validation_cutoffs: dates(&split.validation),
        test_cutoffs: dates(&split.test),
        training_rows: all.len() as u64,
        training_data: output::file_hash(&path)?,
        test_metrics: Vec::new(),
        importance: fitted.importance.clone(),
        trained_with: env!("CARGO_PKG_VERSION").into(),
    };
    let bundle = fitted.bundle(context, &all, card);
    bundle.check()?;
    let model = config.model_path();
    output::write_bytes(&model, &bundle.encode()?)?;
    let trained = Trained {
        model,
        candidates,
        algorithm: kind.name(),
        training_rows: all.len(),
        training_cutoffs: dates(&refit_cutoffs),
        seconds: started.elapsed().as_secs_f64(),
    };
    output::write_json(&config.outputs.path.join("models").join("training.json"), &trained)?;
    Ok(trained)
}

/// A kind of model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    RandomForest,
    LogisticRegression,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::RandomForest => "random_forest",
            Kind::LogisticRegression => "logistic_regression",
        }
    }

    fn seed(self, context: &Context) -> u64 {
        let parameters = &context.config.model.hyperparameters;
        match self {
            Kind::RandomForest => parameters.random_forest.random_state,
            Kind::LogisticRegression => parameters.logistic_regression.random_state,
        }
    }

    fn parameters(self, context: &Context) -> Vec<(String, String)> {
        let model = &context.config.model;
        let (forest, logistic) =
            (&model.hyperparameters.random_forest, &model.hyperparameters.logistic_regression);
        let mut parameters = vec![("max_bins", model.max_bins.to_string())];
        match self {
            Kind::RandomForest => parameters.extend([
                ("n_estimators", forest.n_estimators.to_string()),
                ("max_depth", forest.max_depth.to_string()),
                ("min_samples_split", forest.min_samples_split.to_string()),
                ("min_samples_leaf", forest.min_samples_leaf.to_string()),
                ("max_features", forest.max_features.map_or("sqrt".into(), |share| share.to_string())),
                ("leaf_smoothing", forest.leaf_smoothing.to_string()),
            ]),
            Kind::LogisticRegression => parameters.extend([
                ("alpha", logistic.alpha.to_string()),
                ("max_majority_rows", logistic.max_majority_rows.to_string()),
            ]),
        }
        parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl From<AlgorithmArgument> for Algorithm {
    fn from(argument: AlgorithmArgument) -> Self {
        match argument {
            AlgorithmArgument::RandomForest => Algorithm::RandomForest,
            AlgorithmArgument::LogisticRegression => Algorithm::LogisticRegression,
            AlgorithmArgument::Auto => Algorithm::Auto,
        }
    }
}

struct Fitted {
    bins: Bins,
    model: Model,
    importance: Vec<f32>,
}

fn fit(context: &Context, kind: Kind, table: &FeatureTable, what: &str) -> anyhow::Result<Fitted> {
    let parameters = &context.config.model.hyperparameters;
    let bins =
        fit_bins(&table.values, table.width(), context.config.model.max_bins).map_err(|e| usage(e.into()))?;
    let classes = table.layout.schema.class_count();
    let data = Dataset::new(&bins, &table.values, &table.labels, classes)?;
    let what = format!("{what}: {}", kind.name());
    let (model, importance) = match kind {
        Kind::RandomForest => {
            let params = parameters.random_forest.params().check().map_err(|error| usage(error.into()))?;
            context.progress.parts(what, parameters.random_forest.n_estimators as u64);
            let grown = params.fit(&data, || context.progress.part_done())?;
            (Model::Forest(grown.forest), grown.importance)
        }
        Kind::LogisticRegression => {
            context.progress.step(what);
            let linear = parameters.logistic_regression.params().fit(&data)?;
            let importance = linear.importance();
            (Model::Linear(linear), importance)
        }
    };
    Ok(Fitted { bins, model, importance })
}

impl Fitted {
    fn bundle(self, context: &Context, table: &FeatureTable, card: Card) -> Bundle {
        Bundle {
            schema: table.layout.schema.clone(),
            features: table.layout.features.clone(),
            bins: self.bins,
            model: self.model,
            policy: context.config.policy.definition(),
            reference: medians(table),
            goldens: Vec::new(),
            card,
        }
    }

    fn candidate(
        self,
        kind: Kind,
        context: &Context,
        train: &FeatureTable,
        validation: &FeatureTable,
    ) -> anyhow::Result<Candidate> {
        let names = train.layout.schema.class_names();
        let bundle = self.bundle(context, train, Card::default());
        let probabilities = Scorer::new(&bundle).score_batch(&validation.values, validation.len())?;
        let metrics = Metrics::measure(&names, &validation.labels, &probabilities);
        let prior = super::evaluate::class_prior(&train.labels, names.len()).repeat(validation.len());
        Ok(Candidate {
            algorithm: kind.name(),
            validation_log_loss: metrics.log_loss,
            validation_roc_auc: metrics.roc_auc_ovr,
            prior_log_loss: Metrics::measure(&names, &validation.labels, &prior).log_loss,
        })
    }
}

/// Each feature's median over the rows that have it; NaN where most rows do not.
fn medians(table: &FeatureTable) -> Vec<f32> {
    let median = |feature: usize| {
        let values = table.values.iter().skip(feature).step_by(table.width().max(1)).copied();
        let mut known: Vec<f32> = values.filter(|value| !value.is_nan()).collect();
        known.sort_unstable_by(f32::total_cmp);
        if known.len() * 2 < table.len() {
            f32::NAN
        } else {
            known.get(known.len() / 2).copied().unwrap_or(f32::NAN)
        }
    };
    (0..table.width()).map(median).collect()
}

impl fmt::Display for Trained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for candidate in &self.candidates {
            writeln!(
                f,
                "{:<22} validation log-loss {:.4} (prior {:.4}), AUC {:.3}",
                candidate.algorithm,
                candidate.validation_log_loss,
                candidate.prior_log_loss,
                candidate.validation_roc_auc
            )?;
        }
        let cutoffs = (self.training_cutoffs.first(), self.training_cutoffs.last());
        writeln!(
            f,
            "{} trained on {} rows of {} cut-offs ({} to {}) in {:.1} s",
            self.algorithm,
            self.training_rows,
            self.training_cutoffs.len(),
            cutoffs.0.map_or("", String::as_str),
            cutoffs.1.map_or("", String::as_str),
            self.seconds
        )?;
        writeln!(f, "wrote {}", self.model.display())
    }
}
