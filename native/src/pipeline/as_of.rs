//! Point-in-time reads of the feature table.
//!
//! Each customer's row is the latest that was known at the moment of the question. What the customer took
//! next is left out: at that moment it was not known.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use nextbest_core::time::Clock;
use serde::Serialize;

use super::Session;
use crate::app::usage;
use crate::config::StoreFormat;
use crate::io::feature_table::{FeatureTable, FeatureTableWriter};
use crate::io::output;
use crate::io::tables::plain::{PlainTable, Reading};

/// The rows that were found.
#[derive(Debug, Serialize)]
pub struct Read {
    files: Vec<PathBuf>,
    rows: usize,
    /// Questions to which the table has no answer: no row of the customer that early.
    unanswered: usize,
}

/// Which customers are asked for, and when.
#[derive(Debug, Clone, Copy)]
pub struct Questions<'a> {
    /// The moment of the question; of those in the file that name none.
    pub as_of: &'a str,
    /// A file with a column of customers and perhaps one of dates; all customers where there is none.
    pub entities: Option<&'a Path>,
}

/// Reads the feature table as it was known at a moment.
///
/// # Errors
/// Where the table can't be read or answers nothing.
pub fn read(session: &Session, questions: &Questions<'_>) -> anyhow::Result<Read> {
    session.lock([session.feature_table(), session.outputs()])?;
    let config = &session.config;
    let clock = config.data_source.clock().map_err(usage)?;
    let as_of = super::as_of(&clock, questions.as_of).map_err(usage)?;
    let path = config.feature_table().with_extension("parquet");
    session.progress.step(format!("reading {}", path.display()));
    let table = FeatureTable::of_config(config)?;
    let clock = table.layout.schema.clock();
    let mut rows_of: HashMap<&str, Vec<usize>> = HashMap::new();
    for (row, id) in table.ids.iter().enumerate() {
        rows_of.entry(id).or_default().push(row);
    }
    let latest = |id: &str, as_of: i64| {
        let cutoff = |row: &usize| table.cutoffs.get(*row).copied().filter(|cutoff| *cutoff <= as_of);
        rows_of.get(id)?.iter().filter(|row| cutoff(row).is_some()).max_by_key(|row| cutoff(row)).copied()
    };
    let found: Vec<Option<usize>> = match questions.entities {
        Some(file) => {
            let asked = read_entities(file, clock, &table.layout.key_column, as_of)?;
            asked.iter().map(|(id, as_of)| latest(id, *as_of)).collect()
        }
        None => {
            let mut seen = std::collections::HashSet::new();
            let ids = table.ids.iter().filter(|id| seen.insert(id.as_str()));
            ids.map(|id| latest(id, as_of)).collect()
        }
    };
    let rows: Vec<usize> = found.iter().flatten().copied().collect();
    if rows.is_empty() {
        bail!("{}: no row is as old as {}", path.display(), questions.as_of);
    }
    let answers = table.rows(&rows);
    let folder = config.outputs.path.join("features");
    let name = format!("{}_as_of_{}", config.feature_store.table_name, questions.as_of);
    let extensions: &[&str] =
        if config.feature_store.wants(StoreFormat::Csv) { &["parquet", "csv"] } else { &["parquet"] };
    let names: Vec<String> = extensions.iter().map(|extension| format!("{name}.{extension}")).collect();
    let layout = Arc::clone(&answers.layout);
    output::FileSet {
        folder: &folder,
        command: "features --as-of",
        names: &names.iter().map(String::as_str).collect::<Vec<_>>(),
        stale: &[],
    }
    .write(|files| {
        let mut files = files.iter_mut();
        let file = files.next().context("no file to write to")?;
        let mut writer = FeatureTableWriter::without_label(&layout, file, files.next())?;
        writer.push(answers)?;
        writer.finish().map(drop)
    })?;
    Ok(Read {
        files: names.iter().map(|name| folder.join(name)).collect(),
        rows: rows.len(),
        unanswered: found.len() - rows.len(),
    })
}

/// The customers of a file, each with the date in its other column, or `as_of` where there is none.
fn read_entities(file: &Path, clock: &Clock, key: &str, as_of: i64) -> anyhow::Result<Vec<(String, i64)>> {
    let names = PlainTable::header_of(file)?.names;
    let when = match names.iter().filter(|name| *name != key).collect::<Vec<_>>().as_slice() {
        [] => None,
        [when] => Some(*when),
        several => bail!(
            "{}: beside `{key}` stands one column, with dates; there are {}",
            file.display(),
            several.len()
        ),
    };
    let table = PlainTable::read(file, clock, Reading::default(), |_| true)?;
    let ids = table.texts(table.column(key)?)?;
    let times = match when {
        Some(when) => table.times(table.column(when)?)?,
        None => vec![None; table.len()],
    };
    Ok(ids.into_iter().zip(times).map(|(id, time)| (id, time.unwrap_or(as_of))).collect())
}

impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} rows, each the latest that was known", self.rows)?;
        if self.unanswered > 0 {
            writeln!(f, "{} of those asked for had no row that early", self.unanswered)?;
        }
        self.files.iter().try_for_each(|file| writeln!(f, "wrote {}", file.display()))
    }
}
