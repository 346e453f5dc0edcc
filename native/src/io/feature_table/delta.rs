//! The feature table as a Delta table: a folder with a Parquet file for each version and a log that says
//! which one counts. Other engines read it, and read older versions of it.
//!
//! The log is Delta's protocol at reader version 1 and writer version 2, see
//! <https://github.com/delta-io/delta/blob/master/PROTOCOL.md>. A file is named by the hash of its content,
//! so the same table twice is one version.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::{HELD_COLUMN, Layout};
use crate::io::output::{self, Readers};

/// A version of a Delta table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Commit {
    /// It was written as this version.
    Written(u64),
    /// It is the current version already.
    Unchanged(u64),
}

/// Makes a feature table's Parquet file the next version of the Delta table in a folder, instead of what it
/// held.
///
/// # Errors
/// If the folder's log can't be read or written, or was written by a program that uses more of the
/// protocol.
pub(crate) fn commit(
    folder: &Path,
    parquet: &Path,
    layout: &Layout,
    description: &str,
) -> anyhow::Result<Commit> {
    let place = || format!("{}: can't be written as a Delta table", folder.display());
    let hash = output::file_hash(parquet)?;
    let name = format!("part-00000-{hash}.snappy.parquet");
    let data = folder.join(&name);
    let log = folder.join("_delta_log");
    fs::create_dir_all(&log).with_context(place)?;
    loop {
        let state = State::read(&log).with_context(place)?;
        if let (Some(version), true) = (state.version, state.files.iter().eq([&name])) {
            return Ok(Commit::Unchanged(version));
        }
        if !data.exists() {
            let bytes = fs::read(parquet).with_context(place)?;
            output::write_bytes(&data, &bytes)?;
        }
        let size = fs::metadata(&data).with_context(place)?.len();
        let version = state.version.map_or(0, |version| version + 1);
        let entry = state.overwritten_by(&name, size, &hash, layout, description)?;
        // An entry appears whole: half a one would spoil the log for whoever reads it meanwhile.
        let path = log.join(format!("{version:020}.json"));
        match output::write_new(&path, entry.as_bytes(), Readers::All) {
            Ok(()) => return Ok(Commit::Written(version)),
            // Another writer was quicker: look again at what there is now.
            Err(error) if output::was_there(&error) => {}
            Err(error) => return Err(error).with_context(place),
        }
    }
}

/// What the log says.
#[derive(Debug, Default)]
struct State {
    /// The latest version.
    version: Option<u64>,
    /// The files that count.
    files: BTreeSet<String>,
    metadata: Option<Value>,
}

impl State {
    fn read(log: &Path) -> anyhow::Result<Self> {
        if log.join("_last_checkpoint").exists() {
            bail!(
                "another program has written checkpoints there; choose another folder \
                 (feature_store.table_name)"
            );
        }
        let mut versions: Vec<u64> = Vec::new();
        for entry in fs::read_dir(log)? {
            let name = entry?.file_name();
            let version = name.to_str().and_then(|name| name.strip_suffix(".json")?.parse::<u64>().ok());
            versions.extend(version);
        }
        versions.sort_unstable();
        let mut state = Self::default();
        for version in versions {
            let path = log.join(format!("{version:020}.json"));
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            for (line, text) in text.lines().enumerate() {
                let place = || format!("{}:{}", path.display(), line + 1);
                let action: Value = serde_json::from_str(text).with_context(place)?;
                state.apply(&action).with_context(place)?;
            }
            state.version = Some(version);
        }
        Ok(state)
    }

    fn apply(&mut self, action: &Value) -> anyhow::Result<()> {
        let path = |action: &Value| action.get("path").and_then(Value::as_str).map(str::to_owned);
        if let Some(protocol) = action.get("protocol") {
            let needed = |key: &str| protocol.get(key).and_then(Value::as_u64).unwrap_or(u64::MAX);
            if needed("minReaderVersion") > 1 || needed("minWriterVersion") > 2 {
                bail!("the table needs more of Delta's protocol than nextbest writes");
            }
        } else if let Some(metadata) = action.get("metaData") {
            self.metadata = Some(metadata.clone());
        } else if let Some(added) = action.get("add") {
            self.files.extend(path(added));
        } else if let Some(removed) = action.get("remove").and_then(path) {
            self.files.remove(&removed);
        }
        Ok(())
    }

    /// The log entry by which a file takes the place of all that there was.
    fn overwritten_by(
        &self,
        name: &str,
        size: u64,
        hash: &str,
        layout: &Layout,
        description: &str,
    ) -> anyhow::Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        let schema = schema_string(layout);
        let operation = if self.version.is_some() { "WRITE" } else { "CREATE TABLE AS SELECT" };
        let mut actions = vec![json!({"commitInfo": {
            "timestamp": now,
            "operation": operation,
            "operationParameters": {"mode": "Overwrite", "contentHash": hash},
            "engineInfo": concat!("nextbest/", env!("CARGO_PKG_VERSION")),
        }})];
        if self.version.is_none() {
            actions.push(json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}));
        }
        let known = |key: &str| self.metadata.as_ref().and_then(|metadata| metadata.get(key)).cloned();
        if known("schemaString").as_ref().and_then(Value::as_str) != Some(&schema) {
            actions.push(json!({"metaData": {
                "id": known("id").unwrap_or_else(|| uuid(hash).into()),
                "name": known("name").unwrap_or_else(|| "customer features".into()),
                "description": description,
                "format": {"provider": "parquet", "options": {}},
                "schemaString": schema,
                "partitionColumns": [],
                "configuration": {
                    "nextbest.primaryKeys": layout.key_column,
                    "nextbest.timestampKey": layout.cutoff_column,
                },
                "createdTime": known("createdTime").unwrap_or_else(|| now.into()),
            }}));
        }
        for file in &self.files {
            actions.push(json!({"remove": {"path": file, "deletionTimestamp": now, "dataChange": true}}));
        }
        actions.push(json!({"add": {
            "path": name,
            "partitionValues": {},
            "size": size,
            "modificationTime": now,
            "dataChange": true,
        }}));
        let mut entry = String::new();
        for action in actions {
            entry += &serde_json::to_string(&action)?;
            entry.push('\n');
        }
        Ok(entry)
    }
}

/// The columns as Delta declares them, each with what it is in words.
fn schema_string(layout: &Layout) -> String {
    let field = |name: &str, kind: &str, nullable: bool, comment: &str| json!({"name": name, "type": kind, "nullable": nullable, "metadata": {"comment": comment}});
    let mut fields = vec![
        field(&layout.key_column, "string", false, "the customer"),
        field(&layout.cutoff_column, "date", false, "the moment before which everything was known"),
        field(&layout.label_column, "string", false, "the product taken next, or NONE"),
        field(HELD_COLUMN, "string", false, "the products held at that moment"),
    ];
    fields.extend(layout.features.iter().map(|feature| field(&feature.name, "float", true, &feature.label)));
    json!({"type": "struct", "fields": fields}).to_string()
}

/// Digits of a hash in the form of a UUID.
fn uuid(hash: &str) -> String {
    let digits = |from: usize, to: usize| hash.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", digits(0, 8), digits(8, 12), digits(12, 16), digits(16, 20), digits(20, 32))
}
