//! Rows of today (or of the reference) as a model reads them, wherever they stand: a feature table, a plain
//! table, or the bank's tables at a date.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use nextbest_core::Bundle;
use nextbest_core::features::{FeatureEngine, word_position};
use nextbest_core::schema::Task;
use nextbest_core::snapshot::{Snapshot, moment};
use nextbest_core::time::{self, DAY};
use rayon::prelude::*;

use crate::app::Progress;
use crate::config::Config;
use crate::io::feature_table::{FeatureTable, Layout};
use crate::io::tables::plain::{PlainTable, Reading, read_rows};
use crate::io::tables::{LoadOptions, Part, is_parquet, load};

/// So many names are listed.
const NAMED: usize = 8;

/// Rows as a model reads them.
pub(crate) struct Frame {
    /// Where they come from.
    pub(crate) name: String,
    /// With the model's schema and features.
    pub(crate) table: FeatureTable,
    /// Whether the classes are known.
    pub(crate) labelled: bool,
    /// The moment that the newest row is about, where rows have one.
    pub(crate) newest: Option<i64>,
    /// The model's features that the rows do not have.
    pub(crate) absent: Vec<String>,
    /// By feature: words that the model does not know, and in how many rows; the most frequent first.
    pub(crate) new_words: BTreeMap<String, Vec<(String, usize)>>,
    /// What there is to tell of its file.
    pub(crate) warnings: Vec<String>,
}

impl Frame {
    /// Reads a file: a feature table, or a plain table like the one that the model was trained on.
    ///
    /// # Errors
    /// If it can't be read, or has none of the model's features.
    pub(crate) fn of_file(bundle: &Bundle, file: &Path, skip_bad_rows: bool) -> anyhow::Result<Self> {
        match bundle.schema.task() {
            Task::Label { .. } => Self::of_plain_table(bundle, file, skip_bad_rows),
            Task::NextProduct if is_parquet(file)? => Self::of_feature_table(bundle, file),
            Task::NextProduct => bail!(
                "{}: the model reads feature tables, in Parquet (as `nextbest features` writes them), or \
                 the bank's tables \
                 (a date instead of a file)",
                file.display()
            ),
        }
    }

    fn of_feature_table(bundle: &Bundle, file: &Path) -> anyhow::Result<Self> {
        let table = FeatureTable::read_parquet(file)?;
        let place = || file.display().to_string();
        table.layout.check_horizon(bundle.schema.horizon_days()).with_context(place)?;
        let newest = table.cutoffs.iter().max().copied();
        let (names, own) = (bundle.schema.class_names(), table.layout.schema.class_names());
        let class = |label: &usize| names.iter().position(|name| Some(name) == own.get(*label));
        // A class that the model does not know makes its metrics those of another question.
        let labels: Option<Vec<usize>> = table.labels.iter().map(class).collect();
        let labelled = labels.is_some();
        let labels = labels.unwrap_or_else(|| vec![0; table.len()]);
        Self::translated(bundle, file.display().to_string(), table, (labelled, labels), newest)
    }

    /// The bank's tables as they were known at a moment.
    ///
    /// # Errors
    /// If they can't be read, or nobody was a customer then.
    pub(crate) fn of_bank(
        config: &Config,
        progress: &Progress,
        bundle: &Bundle,
        as_of: Option<i64>,
        skip_bad_rows: bool,
    ) -> anyhow::Result<Self> {
        config.data_source.clock_of(&bundle.schema)?;
        // With its own words: those that the model does not know are to be found.
        let bank = load(config, &LoadOptions { skip_bad_rows, ..LoadOptions::default() }, progress)?;
        let as_of = as_of.unwrap_or(bank.data_end);
        let layout = Layout {
            key_column: String::new(),
            cutoff_column: String::new(),
            label_column: String::new(),
            schema: bank.schema.clone(),
            features: bundle.features.clone(),
            rare_words: Vec::new(),
        };
        layout.check_horizon(bundle.schema.horizon_days()).context("the bank's tables")?;
        let engine = FeatureEngine::new(&layout.schema, &layout.features)
            .context("the model's features can't be computed from these tables")?;
        let layout = Arc::new(layout);
        let snapshot = Snapshot::new(&bank.schema, as_of);
        let rows_of_part = |part: &Part| {
            let mut table = FeatureTable::empty(&layout);
            for (index, customer) in part.customers.iter().enumerate() {
                if !snapshot.is_customer(&customer) {
                    continue;
                }
                table.ids.push(bank.ids.get(part.first + index).cloned().context("a customer has no id")?);
                table.cutoffs.push(as_of);
                table.labels.extend(snapshot.label(&customer));
                table.held.push(snapshot.held(&customer));
                engine.compute(&customer, as_of, &mut table.values);
            }
            Ok(table)
        };
        let mut table = FeatureTable::empty(&layout);
        progress.parts(format!("computing features as of {}", time::format(as_of)), bank.part_count() as u64);
        bank.each_part(rows_of_part, |rows| {
            table.append(rows);
            progress.part_done();
            Ok(())
        })?;
        if table.is_empty() {
            bail!("nobody was a customer before {}", time::format(as_of));
        }
        let horizon = i64::from(bank.schema.horizon_days()) * DAY;
        let same_classes = bank.schema.class_names() == bundle.schema.class_names();
        let labelled = same_classes && as_of + horizon <= bank.data_end && table.labels.len() == table.len();
        let labels = if labelled { table.labels.clone() } else { vec![0; table.len()] };
        let name = format!("the bank's tables as of {}", time::format(as_of));
        let newest = Some(as_of.min(bank.data_end));
        Self::translated(bundle, name, table, (labelled, labels), newest)
    }

    fn of_plain_table(bundle: &Bundle, file: &Path, skip_bad_rows: bool) -> anyhow::Result<Self> {
        let schema = &bundle.schema;
        let reading = Reading { columns: None, skip_bad_rows };
        let is_read = |name: &str| schema.customer().column(name).is_some();
        let plain = PlainTable::read(file, schema.clock(), reading, is_read)?;
        let read = read_rows(&plain, schema)?;
        let engine = FeatureEngine::new(schema, &bundle.features)?;
        let of_row = |row: usize| {
            let mut values = Vec::with_capacity(engine.len());
            if let Some(row) = read.rows.get(row) {
                engine.compute(&row, moment(schema, &row, i64::MIN), &mut values);
            }
            values
        };
        let values: Vec<f32> = (0..plain.len()).into_par_iter().flat_map_iter(of_row).collect();
        let labels = plain.classes(schema)?;
        plain.check()?;
        let labelled = labels.iter().all(Option::is_some);
        let layout = Layout {
            key_column: String::new(),
            cutoff_column: String::new(),
            label_column: String::new(),
            schema: schema.clone(),
            features: bundle.features.clone(),
            rare_words: Vec::new(),
        };
        let words = read.unknown.into_iter().map(|it| (it.column, it.words));
        let table = FeatureTable {
            layout: Arc::new(layout),
            ids: plain.row_numbers(),
            cutoffs: Vec::new(),
            labels: labels.into_iter().map(Option::unwrap_or_default).collect(),
            held: Vec::new(),
            values,
        };
        let name = file.display().to_string();
        Ok(Self {
            name,
            table,
            labelled,
            newest: None,
            absent: Vec::new(),
            new_words: words.collect(),
            warnings: plain.warnings(),
        })
    }

    /// Rows with the model's features in the model's order, words by the model's positions.
    fn translated(
        bundle: &Bundle,
        name: String,
        table: FeatureTable,
        (labelled, labels): (bool, Vec<usize>),
        newest: Option<i64>,
    ) -> anyhow::Result<Self> {
        let (theirs, schema) = (&table.layout.features, &table.layout.schema);
        let mut absent = Vec::new();
        let mut new_words = BTreeMap::new();
        let mut columns: Vec<Vec<f32>> = Vec::with_capacity(bundle.features.len());
        let matrix = table.matrix()?;
        for feature in &bundle.features {
            let mut found = theirs.iter().zip(matrix.columns());
            let Some((other, values)) = found.find(|(other, _)| other.name == feature.name) else {
                absent.push(feature.name.clone());
                columns.push(vec![f32::NAN; table.len()]);
                continue;
            };
            match (feature.words(&bundle.schema), other.words(schema)) {
                (Some(words), Some(own)) if words != own => {
                    let (values, new) = translate(values, words, own);
                    columns.push(values);
                    new_words.extend((!new.is_empty()).then(|| (feature.name.clone(), new)));
                }
                (Some(_), None) | (None, Some(_)) => bail!(
                    "{name}: {} is a number on one side and a word on the other: is this a table of this \
                     model?",
                    feature.name
                ),
                _ => columns.push(values.collect()),
            }
        }
        if absent.len() == bundle.features.len() {
            let names: Vec<&str> = absent.iter().take(NAMED).map(String::as_str).collect();
            bail!("{name}: has none of the model's features ({}, …)", names.join(", "));
        }
        let rows = 0..table.len();
        let values = rows
            .flat_map(|row| columns.iter().map(move |column| column.get(row).copied().unwrap_or(f32::NAN)));
        let values = values.collect();
        let layout = Layout {
            schema: bundle.schema.clone(),
            features: bundle.features.clone(),
            rare_words: Vec::new(),
            key_column: table.layout.key_column.clone(),
            cutoff_column: table.layout.cutoff_column.clone(),
            label_column: table.layout.label_column.clone(),
        };
        let table = FeatureTable {
            layout: Arc::new(layout),
            labels,
            values,
            // Products are those of the table, not of the model; nothing here asks for them.
            held: Vec::new(),
            ids: table.ids,
            cutoffs: table.cutoffs,
        };
        Ok(Self { name, table, labelled, newest, absent, new_words, warnings: Vec::new() })
    }
}

/// Positions among some words as positions among others; and the words that are not among those, with their
/// rows.
fn translate(
    values: impl Iterator<Item = f32>,
    words: &[String],
    own: &[String],
) -> (Vec<f32>, Vec<(String, usize)>) {
    let code = |word: &String| words.iter().position(|other| other == word);
    let codes: Vec<Option<usize>> = own.iter().map(code).collect();
    let mut rows = vec![0usize; own.len()];
    let value = |value: f32| {
        let Some(position) = word_position(value) else { return f32::NAN };
        rows.get_mut(position).into_iter().for_each(|rows| *rows += 1);
        codes.get(position).copied().flatten().map_or(f32::NAN, |code| code as f32)
    };
    let values = values.map(value).collect();
    let mut new: Vec<(String, usize)> = own
        .iter()
        .zip(&codes)
        .zip(rows)
        .filter(|((_, code), rows)| code.is_none() && *rows > 0)
        .map(|((word, _), rows)| (word.clone(), rows))
        .collect();
    new.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    (values, new)
}
