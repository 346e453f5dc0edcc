//! A feature table knows its clock, horizon, keys and cut-offs. A config that says otherwise is refused: a
//! model would learn from outcomes that lie in the time that tests it, or be measured by another question
//! than it was asked.

use std::path::Path;

use anyhow::{anyhow, bail};
use nextbest_core::time;

use super::{FeatureTable, Layout};
use crate::app::usage;
use crate::config::Config;
use crate::config::cutoffs;

impl FeatureTable {
    /// Reads the feature table of a config.
    ///
    /// # Errors
    /// As [`FeatureTable::read_parquet`], and where the config says otherwise than the table (exit code 2).
    pub(crate) fn of_config(config: &Config) -> anyhow::Result<Self> {
        let path = config.feature_table().with_extension("parquet");
        let table = Self::read_parquet(&path)?;
        table.layout.check(config, &table.distinct_cutoffs(), &path).map_err(usage)?;
        Ok(table)
    }

    /// Checks that a config says the same of its feature table as the table itself, where there is one.
    ///
    /// # Errors
    /// As [`FeatureTable::of_config`].
    pub(crate) fn check_config(config: &Config) -> anyhow::Result<()> {
        let path = config.feature_table().with_extension("parquet");
        if !path.exists() {
            return Ok(());
        }
        let (layout, mut cutoffs, _) = Self::read_outline(&path)?;
        cutoffs.sort_unstable();
        cutoffs.dedup();
        layout.check(config, &cutoffs, &path).map_err(usage)
    }
}

impl Layout {
    /// Checks that a config says the same of a table as the table itself, which has these cut-offs, in order.
    ///
    /// # Errors
    /// Names the key of the config, and what either says.
    pub(crate) fn check(&self, config: &Config, cutoffs: &[i64], path: &Path) -> anyhow::Result<()> {
        let differ = |key: &str, config: &str, table: &str| {
            anyhow!(
                "{key}: the config says {config}, but {} was made with {table}: change the config back, or \
                 run `nextbest \
                 features` and `nextbest train` again",
                path.display()
            )
        };
        let (snapshots, store) = (&config.snapshots, &config.feature_store);
        let horizons = [snapshots.horizon_days, self.schema.horizon_days()].map(|days| days.to_string());
        let zone = config.data_source.clock()?.zone;
        let names = [
            ("data_source.time_zone", zone.as_str(), self.schema.clock().zone.as_str()),
            ("snapshots.horizon_days", horizons[0].as_str(), horizons[1].as_str()),
            ("feature_store.primary_keys", store.key()?, &self.key_column),
            ("feature_store.timestamp_key", &store.timestamp_key, &self.cutoff_column),
            ("model.target_variable", &config.model.target_variable, &self.label_column),
        ];
        if let Some((key, config, table)) = names.into_iter().find(|(_, config, table)| config != table) {
            return Err(differ(key, config, table));
        }
        let expected = cutoffs::expected(snapshots, cutoffs)?;
        if expected != cutoffs {
            return Err(differ(
                "snapshots (first, last, every_months, data_end)",
                &listed(&expected),
                &listed(cutoffs),
            ));
        }
        Ok(())
    }

    /// Checks that a model was trained for the question that a table's rows answer.
    ///
    /// # Errors
    /// Says both horizons.
    pub(crate) fn check_horizon(&self, model_days: u32) -> anyhow::Result<()> {
        let days = self.schema.horizon_days();
        if days != model_days {
            bail!(
                "the model says what is taken within {model_days} days, but these rows know what was taken \
                 within {days} days \
                 (snapshots.horizon_days)"
            );
        }
        Ok(())
    }
}

/// Cut-offs in few words.
fn listed(cutoffs: &[i64]) -> String {
    let dates: Vec<String> = cutoffs.iter().map(|cutoff| time::format(*cutoff)).collect();
    match dates.as_slice() {
        [] => "no cut-offs".into(),
        [first, second, .., last] => format!("{} cut-offs ({first}, {second}, … {last})", dates.len()),
        few => format!("the cut-offs {}", few.join(", ")),
    }
}
