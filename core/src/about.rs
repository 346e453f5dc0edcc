//! What a loaded bundle is, for a page, a worker or a host to show.

use crate::bundle::card::Card;
use crate::bundle::validity::Validity;
use crate::monitor::profile::SketchRules;
use crate::recommend::Recommender;
use crate::schema::{Column, ColumnKind, Schema, Task};
use serde::Serialize;

/// A loaded bundle.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct About<'a> {
    /// `"nextProduct"`, or `{"label": {"column": …}}` for a plain table.
    task: &'a Task,
    /// The classes' names, in the order of the probabilities.
    classes: Vec<&'a str>,
    /// The products' names, in class order.
    products: Vec<&'a str>,
    /// The features' names, in the order of a row.
    features: Vec<&'a str>,
    /// The columns of a plain table's rows, without the label.
    columns: Vec<Known<'a>>,
    model_version: String,
    /// The SHA-256 of the bundle's content, in hexadecimal digits.
    content_hash: &'a str,
    validity: &'a Validity,
    /// The field of a customer's own row that holds the id from which an experiment derives the arm, if there
    /// is an experiment.
    customer_key: Option<&'a str>,
    /// Whether contributions add up to `"probability"` or `"score"`.
    contribution_space: &'static str,
    /// How customers' rows are counted for monitoring; null if the bundle has no profile.
    sketch_rules: Option<SketchRules>,
    /// The model card.
    card: &'a Card,
    /// The shape of a customer's rows.
    schema: &'a Schema,
}

/// A column of a plain table.
#[derive(Debug, Serialize)]
struct Known<'a> {
    name: &'a str,
    kind: &'static str,
}

impl<'a> About<'a> {
    /// Describes a recommender's bundle.
    pub fn new(recommender: &'a Recommender) -> Self {
        let (bundle, schema) = (recommender.bundle(), recommender.schema());
        Self {
            task: schema.task(),
            classes: schema.class_names(),
            products: schema.products().iter().map(|product| product.name.as_str()).collect(),
            features: bundle.features.iter().map(|feature| feature.name.as_str()).collect(),
            columns: columns(schema),
            model_version: recommender.model_version(),
            content_hash: recommender.content_hash(),
            validity: &bundle.validity,
            customer_key: recommender.customer_key(),
            contribution_space: if bundle.model.adds_scores() { "score" } else { "probability" },
            sketch_rules: bundle.profile.as_ref().map(|profile| profile.sketches),
            card: &bundle.card,
            schema,
        }
    }
}

fn columns(schema: &Schema) -> Vec<Known<'_>> {
    if let Task::NextProduct = schema.task() {
        return Vec::new();
    }
    let columns = schema.customer().columns.iter().enumerate();
    columns
        .filter(|(position, _)| schema.label() != Some(*position))
        .map(|(_, column)| known(column))
        .collect()
}

fn known(column: &Column) -> Known<'_> {
    let kind = match column.kind {
        ColumnKind::Number => "number",
        ColumnKind::Time => "time",
        ColumnKind::Category(_) => "word",
    };
    Known { name: &column.name, kind }
}
