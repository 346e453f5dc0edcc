//! A plain table → rows of features with labels, and what each row is for.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use nextbest_core::features::FeatureEngine;
use nextbest_core::snapshot::moment;
use nextbest_core::time::Clock;
use rayon::prelude::*;

use super::infer::{Roles, SkippedColumn, describe};
use super::kind::Reading;
use super::split::{Split, UsableRow, leave_out_recurring, split_by_hash, split_by_time};
use super::strays::InvalidCells;
use super::table::PlainTable;
use super::target::labels;
use super::values::read_rows;
use crate::app::usage;
use crate::io::feature_table::{FeatureTable, Layout};
use crate::io::rare_words;

/// A file, and the roles and kinds of its columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) file: &'a Path,
    /// What is predicted.
    pub(crate) target: &'a str,
    /// What identifies a case.
    pub(crate) id: Option<&'a str>,
    /// When a row is seen from.
    pub(crate) time: Option<&'a str>,
    /// What times without a zone are times of.
    pub(crate) clock: &'a Clock,
    /// What is said of the cells.
    pub(crate) reading: Reading<'a>,
}

/// A plain table, ready to learn from.
pub(crate) struct Prepared {
    /// All rows; those without a label or time have some of no meaning, and stand in no group.
    pub(crate) table: FeatureTable,
    pub(crate) split: Split,
    pub(crate) left_out: Vec<SkippedColumn>,
    /// Rows that were left out since they can't be read.
    pub(crate) bad_rows: usize,
    /// Cells that are not what their column holds, and count as missing.
    pub(crate) strays: Vec<InvalidCells>,
    /// What there is to tell of the file.
    pub(crate) warnings: Vec<String>,
    /// How many rows can't be learned from since they have no target,
    pub(crate) without_target: usize,
    /// or no time, where one is asked for,
    pub(crate) without_time: usize,
    /// or are of an id that has rows in a later group.
    pub(crate) recurring: usize,
}

/// Reads a plain table and finds out what there is to learn from. `seed` decides which rows test a model,
/// where no time does.
///
/// # Errors
/// If the file can't be read, a column is not there (the user's mistake), the target is no class, or there
/// are too few rows.
pub(crate) fn prepare(source: Source<'_>, seed: u64) -> anyhow::Result<Prepared> {
    let plain = PlainTable::read(source.file, source.clock, source.reading, |_| true)?;
    let roles = roles(&plain, source).map_err(usage)?;
    let (classes, labels) = labels(&plain, roles.target)?;
    let times = roles.time.map(|column| plain.times(column)).transpose()?;
    let ids = match roles.id {
        Some(column) => plain.ids(column)?,
        None => plain.row_numbers(),
    };
    let usable = usable(&labels, times.as_deref());
    let split = match &times {
        Some(_) => split_by_time(&usable.rows),
        None => split_by_hash(&usable.rows, &ids, seed),
    };
    let mut split = split.with_context(|| source.file.display().to_string())?;
    let recurring = match (roles.id, roles.time) {
        (Some(_), Some(_)) => {
            leave_out_recurring(&mut split, &ids).with_context(|| source.file.display().to_string())?
        }
        _ => 0,
    };
    let described = describe(&plain, roles, classes, &split.learning())?;
    plain.check()?;
    let layout = Layout {
        key_column: source.id.unwrap_or_default().to_owned(),
        cutoff_column: source.time.unwrap_or_default().to_owned(),
        label_column: source.target.to_owned(),
        schema: described.schema,
        features: described.features,
        rare_words: Vec::new(),
    };
    let mut table = FeatureTable {
        values: features(&plain, &layout)?,
        layout: Arc::new(layout),
        cutoffs: times.unwrap_or_default().into_iter().map(Option::unwrap_or_default).collect(),
        labels: labels.into_iter().map(Option::unwrap_or_default).collect(),
        held: Vec::new(),
        ids,
    };
    let rare_words = rare_words::of_table(&table)?;
    table.layout = Arc::new(Layout { rare_words, ..(*table.layout).clone() });
    let Usable { without_target, without_time, .. } = usable;
    Ok(Prepared {
        table,
        split,
        left_out: described.left_out,
        bad_rows: plain.bad_rows(),
        strays: plain.strays(),
        warnings: plain.warnings(),
        without_target,
        without_time,
        recurring,
    })
}

fn roles(table: &PlainTable, source: Source<'_>) -> anyhow::Result<Roles> {
    let optional = |name: Option<&str>| name.map(|name| table.column(name)).transpose();
    let roles = Roles {
        target: table.column(source.target).context("--target")?,
        id: optional(source.id).context("--id")?,
        time: optional(source.time).context("--time")?,
    };
    let target = Some(roles.target);
    if roles.id == target || roles.time == target || (roles.id.is_some() && roles.id == roles.time) {
        bail!("--target, --id and --time: a column can be only one of them");
    }
    Ok(roles)
}

/// The rows that can be learned from.
struct Usable {
    rows: Vec<UsableRow>,
    without_target: usize,
    without_time: usize,
}

fn usable(labels: &[Option<usize>], times: Option<&[Option<i64>]>) -> Usable {
    let mut usable = Usable { rows: Vec::new(), without_target: 0, without_time: 0 };
    for (row, label) in labels.iter().enumerate() {
        let time = times.map_or(Some(0), |times| times.get(row).copied().flatten());
        match (*label, time) {
            (None, _) => usable.without_target += 1,
            (Some(_), None) => usable.without_time += 1,
            (Some(class), Some(time)) => usable.rows.push(UsableRow { row, class, time }),
        }
    }
    usable
}

/// The features of all rows, row by row.
fn features(table: &PlainTable, layout: &Layout) -> anyhow::Result<Vec<f32>> {
    let engine = FeatureEngine::new(&layout.schema, &layout.features)?;
    let read = read_rows(table, &layout.schema)?;
    let of_row = |row: usize| {
        let mut values = Vec::with_capacity(engine.len());
        if let Some(row) = read.rows.get(row) {
            // Of a row without its time nothing is known to be past.
            engine.compute(&row, moment(&layout.schema, &row, i64::MIN), &mut values);
        }
        values
    };
    Ok((0..table.len()).into_par_iter().flat_map_iter(of_row).collect())
}
