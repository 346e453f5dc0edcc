//! One CSV file to columns, with every problem placed by file, line and column.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use csv::ByteRecord;
use nextbest_core::schema::{ColumnKind, Schema};

use super::SHOWN_BAD_ROWS;
use super::cell;
use super::keys::{KeyMap, Row};
use crate::config::{ColumnConfig, ColumnType, Config, SchemaConfig, TableConfig};

/// A table as it was read.
#[derive(Debug)]
pub(super) struct RawTable {
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) rows: usize,
    pub(super) outside: usize,
    pub(super) bad: BadRows,
    pub(super) keys: KeyMap,
    /// For each reference: the table's name and the row there of each row here.
    pub(super) references: Vec<(String, Vec<Option<u32>>)>,
    pub(super) columns: Vec<RawColumn>,
    /// The texts of the column that identifies customers, where this table has it.
    pub(super) ids: Vec<String>,
}

/// A typed column: values as the core holds them.
#[derive(Debug)]
pub(super) struct RawColumn {
    pub(super) name: String,
    pub(super) kind: ColumnKind,
    pub(super) current: bool,
    pub(super) values: Vec<f64>,
}

/// Rows that can't be used: how many, and what the first ones suffer from.
#[derive(Debug, Default)]
pub(super) struct BadRows {
    pub(super) count: usize,
    pub(super) shown: Vec<String>,
}

/// Reads one table after those that it refers to.
pub(super) struct TableReader<'a> {
    pub(super) config: &'a Config,
    pub(super) schema: &'a SchemaConfig,
    /// The schema whose words are to be used, where there is one.
    pub(super) known: Option<&'a Schema>,
    pub(super) loaded: &'a [RawTable],
    pub(super) id_column: &'a str,
}

/// What is read of one column of the file.
struct Source<'a> {
    name: &'a str,
    config: &'a ColumnConfig,
    /// Its place in the file.
    position: usize,
    target: Option<&'a RawTable>,
    words: Option<Words>,
}

/// The words of a category, in the order in which they are met or as they are known.
struct Words {
    codes: HashMap<String, usize>,
    fixed: bool,
}

/// A category with more words than this is an id or a text.
const MAX_WORDS: usize = 10_000;

impl TableReader<'_> {
    pub(super) fn read(&self, name: &str) -> anyhow::Result<RawTable> {
        let table =
            self.schema.tables.get(name).with_context(|| format!("schema: there is no table `{name}`"))?;
        let (file, mut reader) = open(self.config, name, table)?;
        let header = Header::read(&mut reader, &file)?;
        let key = table.key.as_deref().map(|key| header.position(key, name)).transpose()?;
        let id = match name == self.schema.customer.table {
            true => Some(header.position(self.id_column, name).context("feature_store.primary_keys")?),
            false => None,
        };
        let filters = table
            .rows_where
            .iter()
            .map(|(column, words)| Ok((header.position(column, name)?, words)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let mut sources = self.sources(name, table, &header)?;
        let mut raw = RawTable {
            name: name.to_owned(),
            file: file.clone(),
            rows: 0,
            outside: 0,
            bad: BadRows::default(),
            keys: KeyMap::default(),
            references: sources
                .iter()
                .filter_map(|source| Some((source.target?.name.clone(), Vec::new())))
                .collect(),
            columns: Vec::new(),
            ids: Vec::new(),
        };
        let typed = sources.iter().filter(|source| source.config.r#type.is_some()).count();
        let mut columns: Vec<Vec<f64>> = vec![Vec::new(); typed];
        let (mut values, mut targets) = (Vec::new(), Vec::new());
        let mut record = ByteRecord::new();
        loop {
            let outcome = match reader.read_byte_record(&mut record) {
                Ok(false) => break,
                Ok(true) => {
                    let row = RowReader { record: &record, header: &header, time: table.time.as_deref() };
                    row.read(&mut sources, &filters, &mut values, &mut targets)
                }
                Err(error) => Err(unreadable(&error)),
            };
            let line = record.position().map_or(0, csv::Position::line);
            let outcome = outcome.and_then(|used| {
                let Some(position) = key else { return Ok(used) };
                let text = text_at(&record, position)?.trim();
                if text.is_empty() {
                    return Err(format!("column {}: the key is empty", header.name(position)));
                }
                let row = if used { Row::At(raw.rows as u32) } else { Row::Outside };
                match raw.keys.insert(text, row) {
                    true => Ok(used),
                    false => {
                        Err(format!("column {}: the key {text:?} is there twice", header.name(position)))
                    }
                }
            });
            match outcome {
                Err(problem) => raw.bad.add(&file, line, &problem),
                Ok(false) => raw.outside += 1,
                Ok(true) => {
                    raw.rows += 1;
                    if let Some(position) = id {
                        raw.ids.push(text_at(&record, position).unwrap_or_default().trim().to_owned());
                    }
                    columns.iter_mut().zip(&values).for_each(|(column, value)| column.push(*value));
                    raw.references.iter_mut().zip(&targets).for_each(|((_, rows), row)| rows.push(*row));
                }
            }
        }
        let typed = sources.into_iter().filter_map(|source| Some((source.config.r#type?, source)));
        for ((kind, source), values) in typed.zip(columns) {
            raw.columns.push(finish_column(kind, source, values));
        }
        Ok(raw)
    }

    fn sources<'s>(
        &'s self,
        table_name: &str,
        table: &'s TableConfig,
        header: &Header,
    ) -> anyhow::Result<Vec<Source<'s>>> {
        let mut sources = Vec::new();
        for (name, config) in &table.columns {
            let position = header.position(config.from.as_deref().unwrap_or(name), table_name)?;
            let target = config
                .references
                .as_deref()
                .map(|target| {
                    self.loaded.iter().find(|loaded| loaded.name == target).context("table not read yet")
                })
                .transpose()?;
            let words =
                (config.r#type == Some(ColumnType::Category)).then(|| self.known_words(table_name, name));
            sources.push(Source { name, config, position, target, words });
        }
        Ok(sources)
    }

    fn known_words(&self, table: &str, column: &str) -> Words {
        let Some(schema) = self.known else { return Words { codes: HashMap::new(), fixed: false } };
        // A column of the customer's own table or of one that is joined to it is an attribute.
        let event_table = schema.tables().iter().find(|other| other.name == table);
        let columns = &event_table.unwrap_or(schema.customer()).columns;
        let words = columns.iter().find(|other| other.name == column).map(|column| &column.kind);
        let codes = match words {
            Some(ColumnKind::Category(words)) => words.iter().cloned().zip(0..).collect(),
            _ => HashMap::new(),
        };
        Words { codes, fixed: true }
    }
}

/// One record while it is read.
struct RowReader<'a> {
    record: &'a ByteRecord,
    header: &'a Header,
    time: Option<&'a str>,
}

impl RowReader<'_> {
    /// Fills the row's values and the rows that it refers to; `false` where the row is outside what is asked for.
    fn read(
        &self,
        sources: &mut [Source<'_>],
        filters: &[(usize, &Vec<String>)],
        values: &mut Vec<f64>,
        targets: &mut Vec<Option<u32>>,
    ) -> Result<bool, String> {
        values.clear();
        targets.clear();
        for (position, words) in filters {
            let text = text_at(self.record, *position)?.trim();
            if !words.iter().any(|word| word == text) {
                return Ok(false);
            }
        }
        let mut used = true;
        for source in sources {
            let column = |problem: String| format!("column {}: {problem}", self.header.name(source.position));
            let cell = text_at(self.record, source.position)?;
            if let Some(target) = source.target {
                match cell.trim() {
                    "" if source.config.optional => targets.push(None),
                    "" => {
                        return Err(column(format!(
                            "empty, but it must name a row of table `{}`",
                            target.name
                        )));
                    }
                    key => match target.keys.get(key) {
                        Some(Row::At(row)) => targets.push(Some(row)),
                        Some(Row::Outside) => {
                            targets.push(None);
                            used = false;
                        }
                        None => return Err(column(format!("{key:?} is not in table `{}`", target.name))),
                    },
                }
            }
            let Some(kind) = source.config.r#type else { continue };
            let text = cell::text(source.config, cell);
            let value = match &mut source.words {
                Some(words) => words.code(&text).map_err(column)?,
                None => cell::value(source.config, kind, &text).map_err(column)?,
            };
            if value.is_nan() && self.time == Some(source.name) {
                return Err(column("the row's time is empty".into()));
            }
            values.push(value);
        }
        Ok(used)
    }
}

impl Words {
    fn code(&mut self, text: &str) -> Result<f64, String> {
        if text.is_empty() {
            return Ok(f64::NAN);
        }
        match self.codes.get(text) {
            Some(code) => Ok(*code as f64),
            None if self.fixed => Ok(f64::NAN),
            None if self.codes.len() < MAX_WORDS => {
                let code = self.codes.len();
                self.codes.insert(text.to_owned(), code);
                Ok(code as f64)
            }
            None => Err(format!("more than {MAX_WORDS} different words: this is no category")),
        }
    }
}

/// Gives the column its final form: the words of a category sorted, so that the order of rows changes nothing.
fn finish_column(kind: ColumnType, source: Source<'_>, mut values: Vec<f64>) -> RawColumn {
    let kind = match (kind, source.words) {
        (ColumnType::Number, _) => ColumnKind::Number,
        (ColumnType::Date | ColumnType::Timestamp, _) | (ColumnType::Category, None) => ColumnKind::Time,
        (ColumnType::Category, Some(words)) => {
            let mut met: Vec<(String, usize)> = words.codes.into_iter().collect();
            if words.fixed {
                met.sort_by_key(|(_, code)| *code);
            } else {
                met.sort();
                let mut sorted = vec![0.0; met.len()];
                for (position, (_, code)) in met.iter().enumerate() {
                    if let Some(slot) = sorted.get_mut(*code) {
                        *slot = position as f64;
                    }
                }
                for value in values.iter_mut().filter(|value| !value.is_nan()) {
                    *value = sorted.get(*value as usize).copied().unwrap_or(f64::NAN);
                }
            }
            ColumnKind::Category(met.into_iter().map(|(word, _)| word).collect())
        }
    };
    RawColumn { name: source.name.to_owned(), kind, current: source.config.current, values }
}

pub(super) fn open(
    config: &Config,
    name: &str,
    table: &TableConfig,
) -> anyhow::Result<(PathBuf, csv::Reader<std::fs::File>)> {
    let csv = &config.data_source.csv;
    let file = csv.input_path.join(csv.tables.get(name).unwrap_or(&table.file));
    let delimiter = u8::try_from(csv.delimiter).ok().filter(u8::is_ascii);
    let delimiter = delimiter.context("data_source.csv.delimiter: expected one ASCII character")?;
    let reader = csv::ReaderBuilder::new().delimiter(delimiter).from_path(&file).with_context(|| {
        format!(
            "{}: can't be read as table `{name}`; data_source.csv.input_path says where the tables are, and \
             `nextbest generate` makes a synthetic bank",
            file.display()
        )
    })?;
    Ok((file, reader))
}

/// The names of a file's columns.
pub(super) struct Header {
    file: PathBuf,
    names: Vec<String>,
}

impl Header {
    pub(super) fn read(reader: &mut csv::Reader<std::fs::File>, file: &Path) -> anyhow::Result<Self> {
        let names = reader.headers().with_context(|| format!("{}:1", file.display()))?;
        // A byte-order mark is no part of the first name.
        let names: Vec<String> =
            names.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
        let distinct: BTreeSet<&String> = names.iter().collect();
        if distinct.len() < names.len() {
            bail!("{}:1: a column name stands there twice", file.display());
        }
        Ok(Self { file: file.to_owned(), names })
    }

    pub(super) fn position(&self, column: &str, table: &str) -> anyhow::Result<usize> {
        self.names.iter().position(|name| name == column).with_context(|| {
            format!(
                "{}:1: no column `{column}`, which table `{table}` needs; there are {}",
                self.file.display(),
                self.names.join(", ")
            )
        })
    }

    pub(super) fn name(&self, position: usize) -> &str {
        self.names.get(position).map_or("?", String::as_str)
    }
}

impl BadRows {
    fn add(&mut self, file: &Path, line: u64, problem: &str) {
        self.count += 1;
        if self.shown.len() < SHOWN_BAD_ROWS {
            self.shown.push(format!("{}:{line}: {problem}", file.display()));
        }
    }
}

pub(super) fn text_at(record: &ByteRecord, position: usize) -> Result<&str, String> {
    let bytes = record.get(position).ok_or_else(|| format!("has no column {}", position + 1))?;
    std::str::from_utf8(bytes).map_err(|_| format!("column {} is not UTF-8", position + 1))
}

fn unreadable(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("expected {expected_len} columns, got {len}")
        }
        _ => error.to_string(),
    }
}
