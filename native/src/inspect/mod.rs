//! Contents, origin and validity of a bundle.

pub(crate) mod gives_away;
pub(crate) mod policy;
pub(crate) mod standing;
pub(crate) mod text;

use std::path::PathBuf;

use anyhow::Context as _;
use nextbest_core::Error;
use nextbest_core::bundle::card::Card;
use nextbest_core::model::Model;
use nextbest_core::policy::PolicyDefinition;
use nextbest_core::recommend::Recommender;
use nextbest_core::schema::{SchemaDefinition, Task};
use serde::Serialize;

use crate::trust::Demands;
use gives_away::Disclosure;
use standing::{ProfileSummary, Signature, Validity};

/// Contents of a bundle.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Inspected {
    pub(crate) file: PathBuf,
    pub(crate) bytes: usize,
    pub(crate) content_hash: String,
    pub(crate) model_version: String,
    pub(crate) format_version: u32,
    /// Reasons not to use it, not to use it yet, or to review it first.
    pub(crate) warnings: Vec<String>,
    pub(crate) signature: Signature,
    pub(crate) validity: Validity,
    pub(crate) model: String,
    pub(crate) calibration: &'static str,
    pub(crate) goldens: usize,
    pub(crate) profile: Option<ProfileSummary>,
    pub(crate) self_test: &'static str,
    /// What it tells of customers to whoever has it.
    pub(crate) gives_away: Vec<Disclosure>,
    pub(crate) features: Vec<InspectedFeature>,
    pub(crate) classes: Vec<String>,
    pub(crate) card: Card,
    pub(crate) policy: PolicyDefinition,
    pub(crate) schema: SchemaDefinition,
    /// The page, where it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) html: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
pub(crate) struct InspectedFeature {
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) label: String,
    pub(crate) bins: usize,
    pub(crate) importance: f32,
}

impl Inspected {
    /// Looks into a bundle's bytes.
    ///
    /// # Errors
    /// If they are no sound bundle, fail its own test, or lack a signature that is demanded. That it may
    /// not be used yet or any longer is a warning.
    pub(crate) fn new(file: PathBuf, bytes: &[u8], demands: &Demands) -> anyhow::Result<Self> {
        let place = || file.display().to_string();
        let signature = Signature::new(bytes, demands.check_signature(bytes).with_context(place)?);
        let recommender = Recommender::load(bytes).with_context(place)?;
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
            Model::Forest(forest) => {
                format!("{} trees with {} nodes", forest.tree_count(), forest.node_count())
            }
            Model::Linear(linear) => format!("logistic regression of {} classes", linear.class_count()),
        };
        // Inspection must show why a bundle is refused, so this is the first warning and not an error.
        let refused = demands.check_validity(bundle).err().map(|error| match error {
            Error::Bundle(refused) => refused.to_string(),
            other => other.to_string(),
        });
        Ok(Self {
            bytes: bytes.len(),
            content_hash: recommender.content_hash().to_owned(),
            model_version: recommender.model_version(),
            format_version: standing::format_version(bytes),
            warnings: signature.warning().into_iter().chain(refused).collect(),
            signature,
            validity: Validity::new(&bundle.validity, bundle.schema.clock()),
            model,
            calibration: bundle.calibration.name(),
            goldens: bundle.goldens.len(),
            profile: bundle.profile.as_ref().map(ProfileSummary::from),
            self_test: "passed",
            gives_away: gives_away::gives_away(bundle),
            features: features.collect(),
            classes: bundle.schema.class_names().into_iter().map(str::to_owned).collect(),
            card: bundle.card.clone(),
            policy: bundle.policy.clone(),
            schema: bundle.schema.definition().clone(),
            html: None,
            file,
        })
    }

    /// What times without a zone are times of.
    pub(crate) fn clock(&self) -> String {
        format!("{}: what a time without a zone means", self.schema.clock.zone)
    }

    /// The features, the most important first.
    pub(crate) fn by_importance(&self) -> Vec<&InspectedFeature> {
        let mut features: Vec<_> = self.features.iter().collect();
        features.sort_by(|a, b| b.importance.total_cmp(&a.importance));
        features
    }

    /// The cut-offs of some rows, in words; of a plain table the first and the last time, if they have any.
    pub(crate) fn dates(&self, dates: &[String]) -> String {
        match (dates, &self.schema.task) {
            ([], _) => "without dates".into(),
            ([first, last], Task::Label { .. }) => format!("from {first} to {last}"),
            (dates, _) => format!("at {}", dates.join(", ")),
        }
    }

    /// What it was built with, in words.
    pub(crate) fn tools(&self) -> String {
        let tools = self.card.tools.iter().map(|(name, version)| format!("{name} {version}"));
        let nextbest = format!("nextbest {}", self.card.trained_with);
        std::iter::once(nextbest).chain(tools).collect::<Vec<_>>().join(", ")
    }
}

/// What nobody has said.
pub(crate) const NOT_STATED: &str = "not stated";

pub(crate) fn stated(text: &str) -> &str {
    if text.is_empty() { NOT_STATED } else { text }
}
