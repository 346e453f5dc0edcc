//! The feature table → its description as CSV, text and a page.

use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::bail;
use serde::Serialize;

use super::Session;
use crate::app::human_bytes;
use crate::eda::findings::{Finding, as_text, findings};
use crate::eda::{Analysis, Dataset, files};
use crate::io::feature_table::FeatureTable;
use crate::io::output;
use crate::reports;

const PAGE: &str = "report.html";

#[derive(Debug, Serialize)]
pub(crate) struct Explored {
    folder: PathBuf,
    files: Vec<WrittenFile>,
    rows: usize,
    features: usize,
    /// Seconds spent on the numbers, without reading the table.
    seconds: f64,
    findings: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct WrittenFile {
    name: &'static str,
    bytes: usize,
}

pub(crate) fn run(session: &Session) -> anyhow::Result<Explored> {
    session.lock([session.feature_table(), session.outputs()])?;
    let config = &session.config;
    let path = config.feature_table().with_extension("parquet");
    session.progress.step(format!("reading {}", path.display()));
    let table_bytes = path.metadata().map(|metadata| metadata.len());
    let table = FeatureTable::of_config(config)?;
    if table.is_empty() {
        bail!("{} has no rows: there is nothing to look at", path.display());
    }
    let data = Dataset::of(config.feature_store.table_name.clone(), &table)?;
    drop(table);
    let started = Instant::now();
    let analysis = Analysis::of(&data, |what| session.progress.step(what.to_owned()));
    let seconds = started.elapsed().as_secs_f64();
    let findings = findings(&data, &analysis);
    let mut files = files::csv_files(&data, &analysis, table_bytes.unwrap_or_default())?;
    files.push(("summary.txt", as_text(&findings).into_bytes()));
    let folder = config.eda_path();
    let stale: &[&str] = if config.eda.generate_plots { &[] } else { &[PAGE] };
    if config.eda.generate_plots {
        session.progress.step(format!("drawing {PAGE}"));
        files.push((PAGE, reports::eda::html(&data, &analysis, &findings)?.into_bytes()));
    }
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    output::FileSet { folder: &folder, command: "eda", names: &names, stale }.write(|writers| {
        for (writer, (_, content)) in writers.iter_mut().zip(&files) {
            writer.write_all(content)?;
        }
        Ok(())
    })?;
    Ok(Explored {
        folder,
        files: files.iter().map(|(name, content)| WrittenFile { name, bytes: content.len() }).collect(),
        rows: data.target.codes.len(),
        features: data.columns.len(),
        seconds,
        findings,
    })
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", as_text(&self.findings))?;
        writeln!(
            f,
            "analysed {} rows of {} features in {:.1} s; wrote to {}",
            self.rows,
            self.features,
            self.seconds,
            self.folder.display()
        )?;
        for file in &self.files {
            writeln!(f, "  {:<28}{:>10}", file.name, human_bytes(file.bytes))?;
        }
        Ok(())
    }
}
