//! The rows of a plain table → the probability of each class.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use nextbest_core::matrix::Matrix;
use nextbest_core::schema::Task;
use rayon::prelude::*;
use serde::Serialize;

use super::Session;
use super::score::Options;
use crate::app::human_bytes;
use crate::app::usage;
use crate::config::OutputFormat;
use crate::io::class_scores::{ClassScores, check_names};
use crate::io::tables::plain::{InvalidCells, PlainTable, Reading, UnknownWords, read_rows};
use crate::io::tables::unknown_in_words;

#[derive(Debug, Serialize)]
pub(crate) struct ScoredTable {
    file: PathBuf,
    bytes: u64,
    rows: usize,
    /// Rows that were left out since they can't be read.
    bad_rows: usize,
    /// Cells that are not what their column holds, and count as missing.
    strays: Vec<InvalidCells>,
    /// Words that the model has never seen, which count as missing.
    unknown_words: Vec<UnknownWords>,
    model_version: String,
    seconds: f64,
}

/// Scores a file; its rows are named by the column `id`, or else by their numbers from 1. The results go to
/// `out`, or else into the folder of predictions.
pub(crate) fn run(
    session: &Session,
    options: &Options,
    file: &Path,
    id: Option<&str>,
    out: Option<&Path>,
) -> anyhow::Result<ScoredTable> {
    session.lock([session.outputs()])?;
    let recommender = options.open(session)?.recommender;
    let schema = recommender.schema();
    if let Task::NextProduct = schema.task() {
        bail!("the bundle offers products to customers: `nextbest score` without --table scores those");
    }
    let key = id.unwrap_or("ROW");
    check_names(key, &schema.class_names())?;
    let started = std::time::Instant::now();
    session.progress.step(format!("reading {}", file.display()));
    let read = |name: &str| Some(name) == id || schema.customer().column(name).is_some();
    let reading = Reading { columns: None, skip_bad_rows: options.skip_bad_rows };
    let table = PlainTable::read(file, schema.clock(), reading, read)?;
    let ids = match id {
        Some(name) => table.ids(table.column(name).context("--id").map_err(usage)?)?,
        None => table.row_numbers(),
    };
    let rows = read_rows(&table, schema)?;
    table.warnings().iter().for_each(|warning| session.warn(warning));
    for unknown in &rows.unknown {
        // A rare word is not for a log.
        let first = if unknown.withheld == 0 {
            format!(" (the first is {:?})", unknown.first)
        } else {
            String::new()
        };
        session
            .warn(&format!("{}{first}", unknown_in_words(&unknown.column, unknown.cells, unknown.withheld)));
    }
    session.progress.step("scoring".into());
    let scored = (0..table.len())
        .into_par_iter()
        .map_init(
            || recommender.scorer(),
            |scorer, row| {
                let row = rows.rows.get(row).context("the table ends early")?;
                // Of a row without its time nothing is known to be past.
                Ok(scorer.score(&recommender.features(&row, i64::MIN))?.to_vec())
            },
        )
        .collect::<anyhow::Result<Vec<_>>>()?;
    let (scored, classes) = (scored.concat(), schema.class_names());
    let probabilities = Matrix::new(&scored, classes.len())?;
    let scores = ClassScores { key, ids: &ids, classes: &classes, probabilities };
    let (path, format) = destination(session, file, out)?;
    match format {
        OutputFormat::Csv => scores.write_csv(&path)?,
        OutputFormat::Parquet => scores.write_parquet(&path)?,
    }
    Ok(ScoredTable {
        bytes: std::fs::metadata(&path)?.len(),
        file: path,
        rows: table.len(),
        bad_rows: table.bad_rows(),
        strays: table.strays(),
        unknown_words: rows.unknown,
        model_version: recommender.model_version(),
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Where the results go, and how they are written there: as the file's ending says, or else the config.
fn destination(
    session: &Session,
    file: &Path,
    out: Option<&Path>,
) -> anyhow::Result<(PathBuf, OutputFormat)> {
    let config = &session.config;
    let Some(out) = out else {
        let format = config.deployment.batch_inference.output_format;
        let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let ending = match format {
            OutputFormat::Csv => "csv",
            OutputFormat::Parquet => "parquet",
        };
        return Ok((config.outputs.path.join("predictions").join(format!("{name}.{ending}")), format));
    };
    match out.extension().and_then(|ending| ending.to_str()) {
        Some("csv") => Ok((out.to_owned(), OutputFormat::Csv)),
        Some("parquet") => Ok((out.to_owned(), OutputFormat::Parquet)),
        _ => Err(usage(anyhow::anyhow!("--out: {}: end it in .csv or .parquet", out.display()))),
    }
}

impl fmt::Display for ScoredTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} rows by model {} in {:.2} s", self.rows, self.model_version, self.seconds)?;
        writeln!(f, "wrote {} ({})", self.file.display(), human_bytes(self.bytes as usize))
    }
}
