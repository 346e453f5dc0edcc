//! What is computed, in words, for people.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use nextbest_core::bundle::Bundle;
use nextbest_core::features::{Expression, FeatureDefinition, FeatureType, HoldingAggregate};
use serde::Serialize;

use super::Session;
use super::bundles::read_bundle;
use super::features::{checked_definitions, definitions};
use crate::app::usage;
use crate::config::Config;
use crate::io::feature_table::{read_feature, read_layout};
use crate::io::output;
use crate::io::tables::{declared_schema, products};
use crate::trust::Demands;

/// The catalogue that was written.
#[derive(Debug, Serialize)]
pub struct Catalogue {
    markdown: PathBuf,
    csv: PathBuf,
    features: Vec<Entry>,
}

/// A feature as the catalogue lists it.
#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    group: String,
    label: String,
    definition: String,
    r#type: FeatureType,
    /// The number that stands for a missing value; `None` where that is kept missing.
    missing: Option<f32>,
    /// The share of the feature table's rows without a value; `None` without such a table.
    missing_share: Option<f64>,
    /// The feature's share of what the model's features explain; `None` without a model.
    importance: Option<f32>,
}

/// Lists the features of a bundle, or of the config.
///
/// # Errors
/// Where they can't be read, or the list can't be written.
pub fn catalogue(session: &Session, bundle: Option<&Path>) -> anyhow::Result<Catalogue> {
    session.lock([session.feature_table(), session.outputs()])?;
    let config = &session.config;
    let (definitions, schema, model) = match bundle {
        Some(path) => {
            let (bytes, bundle) = read_bundle(path, "export")?;
            let demands = Demands::new(&config.trust, None)?;
            demands.check_signature(&bytes).with_context(|| path.display().to_string())?;
            (bundle.features.clone(), bundle.schema.clone(), Some(bundle))
        }
        None => {
            checked_definitions(config).map_err(usage)?;
            let definitions = config_definitions(config).map_err(usage)?;
            let schema = declared_schema(config, &definitions).map_err(usage)?;
            (definitions, schema, trained_model(session))
        }
    };
    let importance = model.map(|model| importance(&model)).unwrap_or_default();
    let missing_shares = missing_shares(session, &definitions);
    let entry = |definition: &FeatureDefinition| Entry {
        name: definition.name.clone(),
        group: definition.group.clone(),
        label: definition.label.clone(),
        definition: definition.expression.to_string(),
        r#type: definition.feature_type(&schema),
        missing: definition.missing,
        missing_share: missing_shares.get(&definition.name).copied(),
        importance: importance.get(&definition.name).copied(),
    };
    let features: Vec<Entry> = definitions.iter().map(entry).collect();
    let folder = config.outputs.path.join("features");
    let (markdown, csv) = ("CATALOGUE.md", "catalogue.csv");
    output::FileSet { folder: &folder, command: "features --catalogue", names: &[markdown, csv], stale: &[] }
        .write(|files| {
            if let [markdown, csv] = files.as_mut_slice() {
                write_markdown(markdown, &features)?;
                write_csv(csv, &features)?;
            }
            Ok(())
        })?;
    Ok(Catalogue { markdown: folder.join(markdown), csv: folder.join(csv), features })
}

/// The config's definitions. Where the products stand in a table that is not there yet, a definition for each
/// product is listed once, as it was written.
fn config_definitions(config: &Config) -> anyhow::Result<Vec<FeatureDefinition>> {
    if let Ok(products) = products(config, &config.schema()?) {
        return definitions(config, &products);
    }
    let periods = &config.feature_engineering.lookback_periods;
    let mut all = Vec::new();
    for feature in config.features()? {
        let definitions = feature.definitions(periods, &[])?;
        if definitions.is_empty() {
            all.push(FeatureDefinition {
                name: feature.name.clone(),
                group: feature.group,
                label: feature.label.unwrap_or(feature.name),
                expression: Expression::Holdings(HoldingAggregate::Holds("{product}".into())),
                missing: None,
            });
        }
        all.extend(definitions);
    }
    Ok(all)
}

/// The model that `nextbest train` wrote, if it did.
fn trained_model(session: &Session) -> Option<Bundle> {
    let path = session.config.model_path();
    if !path.exists() {
        return None;
    }
    match read_bundle(&path, "train") {
        Ok((_, bundle)) => Some(bundle),
        Err(error) => {
            session.warn(&format!("the catalogue is without importances: {error:#}"));
            None
        }
    }
}

fn importance(model: &Bundle) -> BTreeMap<String, f32> {
    let names = model.features.iter().map(|feature| feature.name.clone());
    names.zip(model.card.importance.iter().copied()).collect()
}

/// The share of rows without a value, for each feature that the feature table has with the same definition.
fn missing_shares(session: &Session, definitions: &[FeatureDefinition]) -> BTreeMap<String, f64> {
    let path = session.config.feature_table().with_extension("parquet");
    if !path.exists() {
        return BTreeMap::new();
    }
    let shares = || -> anyhow::Result<BTreeMap<String, f64>> {
        let layout = read_layout(&path)?;
        let mut shares = BTreeMap::new();
        for (position, feature) in layout.features.iter().enumerate() {
            if definitions.contains(feature) {
                let values = read_feature(&path, position)?;
                let missing = values.iter().filter(|value| value.is_nan()).count();
                shares.insert(feature.name.clone(), missing as f64 / values.len().max(1) as f64);
            }
        }
        Ok(shares)
    };
    shares().unwrap_or_else(|error| {
        session.warn(&format!("the catalogue is without shares of missing values: {error:#}"));
        BTreeMap::new()
    })
}

/// A table a group, in the order in which the groups first come.
fn write_markdown(out: &mut impl Write, features: &[Entry]) -> anyhow::Result<()> {
    let mut groups: Vec<&str> = Vec::new();
    for feature in features {
        if !groups.contains(&feature.group.as_str()) {
            groups.push(&feature.group);
        }
    }
    writeln!(out, "# Feature catalogue\n")?;
    writeln!(
        out,
        "{} features. *Missing* says what stands for a missing value (keep: nothing does).",
        features.len()
    )?;
    for group in groups {
        writeln!(out, "\n## {}\n", if group.is_empty() { "without a group" } else { group })?;
        writeln!(out, "| name | what it is | definition | type | missing | missing share | importance |")?;
        writeln!(out, "|---|---|---|---|---|---|---|")?;
        for feature in features.iter().filter(|feature| feature.group == group) {
            let percent =
                |share: Option<f64>| share.map_or("–".into(), |share| format!("{:.1} %", 100.0 * share));
            let cells = [
                format!("`{}`", feature.name),
                feature.label.clone(),
                feature.definition.clone(),
                feature.type_name().into(),
                feature.policy(),
                percent(feature.missing_share),
                percent(feature.importance.map(f64::from)),
            ];
            let cells = cells.map(|cell| cell.replace('|', "\\|").replace('\n', " "));
            writeln!(out, "| {} |", cells.join(" | "))?;
        }
    }
    Ok(())
}

fn write_csv(out: &mut impl Write, features: &[Entry]) -> anyhow::Result<()> {
    let header = ["NAME", "GROUP", "LABEL", "DEFINITION", "TYPE", "MISSING", "MISSING_SHARE", "IMPORTANCE"];
    let rows = features.iter().map(|feature| {
        [
            feature.name.clone(),
            feature.group.clone(),
            feature.label.clone(),
            feature.definition.clone(),
            feature.type_name().to_owned(),
            feature.policy(),
            feature.missing_share.map(|share| share.to_string()).unwrap_or_default(),
            feature.importance.map(|importance| importance.to_string()).unwrap_or_default(),
        ]
    });
    Ok(out.write_all(&output::csv(header, rows)?)?)
}

impl Entry {
    fn type_name(&self) -> &'static str {
        match self.r#type {
            FeatureType::Number => "number",
            FeatureType::Category => "category",
            FeatureType::Flag => "flag",
        }
    }

    /// As the config says it.
    fn policy(&self) -> String {
        self.missing.map_or_else(|| "keep".to_owned(), |missing| missing.to_string())
    }
}

impl fmt::Display for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.features.len();
        writeln!(f, "{count} features: wrote {} and {}", self.markdown.display(), self.csv.display())
    }
}
