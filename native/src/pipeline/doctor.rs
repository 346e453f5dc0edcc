//! Looks at the tables and the feature table for what would make a model useless or dishonest.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::Session;
use crate::app::usage;
use crate::doctor::{self, Diagnosis};
use crate::io::feature_table::FeatureTable;
use crate::io::tables::{LoadOptions, load};

#[derive(Debug, Serialize)]
pub(crate) struct Examined {
    folder: PathBuf,
    pub(crate) problems: usize,
    #[serde(flatten)]
    diagnosis: Diagnosis,
}

pub(crate) fn run(session: &Session) -> anyhow::Result<Examined> {
    session.lock([session.tables(), session.feature_table(), session.outputs()])?;
    let config = &session.config;
    let parquet = config.feature_table().with_extension("parquet");
    session.progress.step(format!("reading {}", parquet.display()));
    let (layout, cutoffs, labels) = FeatureTable::read_outline(&parquet)?;
    let mut distinct = cutoffs.clone();
    distinct.sort_unstable();
    distinct.dedup();
    layout.check(config, &distinct, &parquet).map_err(usage)?;
    // A doctor looks at bad rows, too.
    let options = LoadOptions { skip_bad_rows: true, ..LoadOptions::default() };
    let bank = load(config, &options, &session.progress)?;
    session.progress.step("looking at dates".into());
    let late_rows = doctor::date_suspects(&bank, &layout.features, &distinct)?;
    session.progress.step("looking at features".into());
    let diagnosis = Diagnosis {
        leak_threshold: config.snapshots.leak_threshold,
        leak_scores: doctor::leak_scores(&parquet, &layout)?,
        late_rows,
        columns: doctor::examine_columns(&parquet, &layout)?,
        target: doctor::target_by_cutoff(&cutoffs, &labels, layout.schema.class_count()),
        tables: bank.quality,
    };
    let folder = config.outputs.path.join("doctor");
    diagnosis.write(&folder)?;
    let problems = diagnosis.problems();
    Ok(Examined { folder, problems, diagnosis })
}

impl fmt::Display for Examined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}wrote {}", self.diagnosis, self.folder.display())
    }
}
