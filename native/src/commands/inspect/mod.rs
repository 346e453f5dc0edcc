//! `nextbest inspect`: what is in a bundle, where it comes from, and whether it may be used: as text, JSON or a page.

mod gives_away;
mod page;
mod policy;
mod standing;
mod text;

use std::path::PathBuf;

use anyhow::Context as _;
use nextbest_core::Error;
use nextbest_core::model::Model;
use nextbest_core::model::card::Card;
use nextbest_core::policy::PolicyDefinition;
use nextbest_core::recommend::Recommender;
use nextbest_core::schema::{SchemaDefinition, Task};
use serde::Serialize;

use crate::commands::Context;
use crate::output;
use crate::trust::Demands;
use gives_away::GivesAway;
use standing::{Remembered, Signature, Validity};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The bundle; outputs/bundle/nextbest.bundle where it is not given
    #[arg(value_name = "BUNDLE")]
    bundle: Option<PathBuf>,
    /// Also write it as a page: one HTML file that needs no network
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Refuse a bundle that this public key (PEM) did not sign (config: trust.public_key)
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
}

/// What is in a bundle.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Inspected {
    file: PathBuf,
    bytes: usize,
    content_hash: String,
    model_version: String,
    format_version: u32,
    /// Why it should not be used, or not yet, or not without a second look.
    warnings: Vec<String>,
    signature: Signature,
    validity: Validity,
    model: String,
    calibration: &'static str,
    goldens: usize,
    profile: Option<Remembered>,
    self_test: &'static str,
    /// What it tells of customers to whoever has it.
    gives_away: Vec<GivesAway>,
    features: Vec<InspectedFeature>,
    classes: Vec<String>,
    card: Card,
    policy: PolicyDefinition,
    schema: SchemaDefinition,
    /// The page, where it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<PathBuf>,
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
    let place = || file.display().to_string();
    let bytes = super::bundle_bytes(context, &file)?;
    let demands = Demands::new(&context.config.trust, arguments.public_key.as_deref())?;
    let signature = Signature::new(&bytes, demands.check_signature(&bytes).with_context(place)?);
    let recommender = Recommender::load(&bytes).with_context(place)?;
    let bundle = recommender.bundle();
    bundle.self_test().with_context(place)?;
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
    // Who looks at a bundle wants to see why it is refused: no error, but said first.
    let refused = demands.check_validity(bundle).err().map(|error| match error {
        Error::Bundle(refused) => refused.to_string(),
        other => other.to_string(),
    });
    let mut inspected = Inspected {
        bytes: bytes.len(),
        content_hash: recommender.content_hash().to_owned(),
        model_version: recommender.model_version(),
        format_version: standing::format_version(&bytes),
        warnings: signature.warning().into_iter().chain(refused).collect(),
        signature,
        validity: Validity::new(&bundle.validity, bundle.schema.clock()),
        model,
        calibration: bundle.calibration.name(),
        goldens: bundle.goldens.len(),
        profile: bundle.profile.as_ref().map(Remembered::from),
        self_test: "passed",
        gives_away: gives_away::gives_away(bundle),
        features: features.collect(),
        classes: bundle.schema.class_names().into_iter().map(str::to_owned).collect(),
        card: bundle.card.clone(),
        policy: bundle.policy.clone(),
        schema: bundle.schema.definition().clone(),
        html: None,
        file,
    };
    if let Some(path) = &arguments.html {
        output::write_bytes(path, page::html(&inspected).as_bytes())?;
        inspected.html = Some(path.clone());
    }
    Ok(inspected)
}

impl Inspected {
    /// What times without a zone are times of.
    fn clock(&self) -> String {
        format!("{}: what a time without a zone means", self.schema.clock.zone)
    }

    /// The features, the most important first.
    fn by_importance(&self) -> Vec<&InspectedFeature> {
        let mut features: Vec<_> = self.features.iter().collect();
        features.sort_by(|a, b| b.importance.total_cmp(&a.importance));
        features
    }

    /// The cut-offs of some rows, in words; of a plain table the first and the last time, if they have any.
    fn dates(&self, dates: &[String]) -> String {
        match (dates, &self.schema.task) {
            ([], _) => "without dates".into(),
            ([first, last], Task::Label { .. }) => format!("from {first} to {last}"),
            (dates, _) => format!("at {}", dates.join(", ")),
        }
    }

    /// What it was built with, in words.
    fn tools(&self) -> String {
        let tools = self.card.tools.iter().map(|(name, version)| format!("{name} {version}"));
        let nextbest = format!("nextbest {}", self.card.trained_with);
        std::iter::once(nextbest).chain(tools).collect::<Vec<_>>().join(", ")
    }
}

/// What nobody has said.
const NOT_STATED: &str = "not stated";

fn stated(text: &str) -> &str {
    if text.is_empty() { NOT_STATED } else { text }
}
