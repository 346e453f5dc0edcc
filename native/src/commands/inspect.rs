//! `nextbest inspect`: what is in a bundle.

use std::fmt;
use std::path::PathBuf;

use anyhow::Context as _;
use nextbest_core::model::Model;
use nextbest_core::model::card::{Card, Metric};
use nextbest_core::recommend::Recommender;
use nextbest_core::schema::{SchemaDefinition, Task};
use serde::Serialize;

use super::human_bytes;
use crate::cli::Context;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The bundle; outputs/bundle/nextbest.bundle where it is not given
    #[arg(value_name = "BUNDLE")]
    bundle: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Inspected {
    file: PathBuf,
    bytes: usize,
    content_hash: String,
    model_version: String,
    model: String,
    calibration: &'static str,
    goldens: usize,
    self_test: &'static str,
    features: Vec<InspectedFeature>,
    classes: Vec<String>,
    card: Card,
    schema: SchemaDefinition,
}

#[derive(Debug, Serialize)]
struct InspectedFeature {
    name: String,
    group: String,
    label: String,
    bins: usize,
    importance: f32,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Inspected> {
    let file = arguments.bundle.clone().unwrap_or_else(|| context.config.bundle_path());
    let bytes =
        std::fs::read(&file).with_context(|| format!("{}: `nextbest export` writes it", file.display()))?;
    let recommender = Recommender::load(&bytes).with_context(|| file.display().to_string())?;
    let bundle = recommender.bundle();
    bundle.self_test().with_context(|| file.display().to_string())?;
    let features = bundle.features.iter().enumerate().map(|(position, feature)| InspectedFeature {
        name: feature.name.clone(),
        group: feature.group.clone(),
        label: feature.label.clone(),
        bins: bundle.bins.edges(position).len() + 1,
        importance: bundle.card.importance.get(position).copied().unwrap_or_default(),
    });
    let model = match &bundle.model {
        Model::Forest(forest) => format!("{} trees with {} nodes", forest.tree_count(), forest.node_count()),
        Model::Linear(linear) => format!("logistic regression of {} classes", linear.class_count()),
    };
    Ok(Inspected {
        bytes: bytes.len(),
        content_hash: recommender.content_hash().to_owned(),
        model_version: recommender.model_version(),
        model,
        calibration: bundle.calibration.name(),
        goldens: bundle.goldens.len(),
        self_test: "passed",
        features: features.collect(),
        classes: bundle.schema.class_names().into_iter().map(str::to_owned).collect(),
        card: bundle.card.clone(),
        schema: bundle.schema.definition().clone(),
        file,
    })
}

impl fmt::Display for Inspected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let card = &self.card;
        writeln!(f, "{} ({})", self.file.display(), human_bytes(self.bytes))?;
        writeln!(f, "  model     {} {} ({}): {}", card.name, self.model_version, card.algorithm, self.model)?;
        writeln!(f, "  corrected by calibration: {}", self.calibration)?;
        writeln!(f, "  SHA-256   {}", self.content_hash)?;
        write!(f, "  trained   on {} rows", card.training_rows)?;
        write_dates(f, &card.training_cutoffs, &self.schema.task)?;
        write!(f, "  tested   ")?;
        write_dates(f, &card.test_cutoffs, &self.schema.task)?;
        writeln!(f, "  self-test {} on {} golden rows", self.self_test, self.goldens)?;
        writeln!(f, "  seed      {}, nextbest {}", card.seed, card.trained_with)?;
        writeln!(f, "parameters")?;
        for (name, value) in &card.parameters {
            writeln!(f, "  {name:<32}{value}")?;
        }
        writeln!(f, "test metrics")?;
        for Metric { name, value, .. } in &card.test_metrics {
            writeln!(f, "  {name:<32}{value:.4}")?;
        }
        if let Task::Label { column } = &self.schema.task {
            writeln!(f, "classes of {column}")?;
            self.classes.iter().try_for_each(|class| writeln!(f, "  {class}"))?;
        } else {
            writeln!(f, "products")?;
        }
        for product in &self.schema.products {
            write!(f, "  {:<32}{}", product.name, if product.repeatable { "repeatable" } else { "once" })?;
            if let Some(age) = product.min_age {
                write!(f, ", from {age} years on")?;
            }
            if let Some(value) = product.value {
                write!(f, ", worth {value:.0}")?;
            }
            writeln!(f)?;
        }
        writeln!(f, "features ({})", self.features.len())?;
        for feature in &self.features {
            writeln!(
                f,
                "  {:<32}{:<16}{:>4} bins{:>7.1} %  {}",
                feature.name,
                feature.group,
                feature.bins,
                feature.importance * 100.0,
                feature.label
            )?;
        }
        Ok(())
    }
}

/// The cut-offs of some rows; of a plain table the first and the last time, if they have any.
fn write_dates(f: &mut fmt::Formatter<'_>, dates: &[String], task: &Task) -> fmt::Result {
    match (dates, task) {
        ([], _) => writeln!(f, " without dates"),
        ([first, last], Task::Label { .. }) => writeln!(f, " from {first} to {last}"),
        (dates, _) => writeln!(f, " at {}", dates.join(", ")),
    }
}
