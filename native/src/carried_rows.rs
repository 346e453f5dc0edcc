//! What a bundle carries of rows: some of a table, by which it tests itself, with what this machine makes of them; and what
//! those looked like that it was measured on.

use nextbest_core::Error;
use nextbest_core::model::bundle::{Bundle, Golden};
use nextbest_core::monitor::profile::SketchRules;
use nextbest_core::score::Scorer;
use nextbest_core::train::profile;

use crate::config::MonitoringConfig;
use crate::feature_table::FeatureTable;

/// How many golden rows a bundle carries.
const GOLDENS: usize = 16;

/// The profile of more features than this might not fit into its section of a bundle; then there is none.
const MOST_PROFILED: usize = 3_000;

/// The rows that a bundle will know something of.
pub(crate) struct CarriedRows<'c> {
    golden_rows: Vec<Vec<f32>>,
    /// Those for its profile, if it is to have one.
    measured: Option<(&'c FeatureTable, SketchRules)>,
}

impl<'c> CarriedRows<'c> {
    /// Golden rows that are spread over a table, and the profile of the rows that the model was measured on.
    ///
    /// # Errors
    /// Where the config's rules for sketches are out of range.
    pub(crate) fn new(
        table: &FeatureTable,
        measured: &'c FeatureTable,
        config: &MonitoringConfig,
    ) -> anyhow::Result<Self> {
        let rules = config.sketches.rules()?;
        let step = (table.len() / GOLDENS).max(1);
        let rows = table.values.chunks_exact(table.width().max(1)).step_by(step);
        Ok(Self {
            golden_rows: rows.take(GOLDENS).map(<[f32]>::to_vec).collect(),
            measured: (config.profile && !measured.is_empty() && table.width() <= MOST_PROFILED)
                .then_some((measured, rules)),
        })
    }

    /// Gives them to a bundle.
    ///
    /// # Errors
    /// Where the rows do not fit it.
    pub(crate) fn fill(&self, bundle: &mut Bundle) -> Result<(), Error> {
        self.fill_goldens(bundle)?;
        let profile = |(table, rules)| {
            let table: &FeatureTable = table;
            profile(bundle, &table.values, &table.labels, rules)
        };
        bundle.profile = self.measured.map(profile).transpose()?;
        Ok(())
    }

    /// Gives it golden rows, and leaves the profile as it is.
    ///
    /// # Errors
    /// As [`CarriedRows::fill`].
    pub(crate) fn fill_goldens(&self, bundle: &mut Bundle) -> Result<(), Error> {
        let mut scorer = Scorer::new(bundle);
        let golden =
            |row: &Vec<f32>| Ok(Golden { row: row.clone(), probabilities: scorer.score(row)?.to_vec() });
        bundle.goldens = self.golden_rows.iter().map(golden).collect::<Result<_, Error>>()?;
        Ok(())
    }
}
