//! What a bundle carries of rows: golden rows for the self-test, which are nobody's, and the profile of the
//! evaluation rows, in counts of many customers. It withholds words that few customers have
//! (docs/PRIVACY.md).

use nextbest_core::Error;
use nextbest_core::bundle::Bundle;
use nextbest_core::monitor::profile::SketchRules;
use nextbest_core::train::{edges_of_few, goldens, profile_of_many, rounded_reference};

use crate::config::MonitoringConfig;
use crate::io::feature_table::FeatureTable;
use crate::privacy::withheld;

/// The profile of more features than this might not fit into its section of a bundle; then there is none.
const MOST_PROFILED: usize = 3_000;

/// The rows that a bundle will know something of.
pub(crate) struct CarriedRows<'c> {
    /// All that there are.
    table: &'c FeatureTable,
    /// Those for its profile, if it is to have one.
    measured: Option<(&'c FeatureTable, SketchRules)>,
}

impl<'c> CarriedRows<'c> {
    /// All rows, and those that the model was measured on.
    ///
    /// # Errors
    /// If the config's rules for sketches are out of range.
    pub(crate) fn new(
        table: &'c FeatureTable,
        measured: &'c FeatureTable,
        config: &MonitoringConfig,
    ) -> anyhow::Result<Self> {
        let rules = config.sketches.rules()?;
        let is_profiled = config.profile && !measured.is_empty() && table.width() <= MOST_PROFILED;
        Ok(Self { table, measured: is_profiled.then_some((measured, rules)) })
    }

    /// Fills golden rows and profile into a bundle.
    ///
    /// # Errors
    /// If the rows do not fit it.
    pub(crate) fn fill(&self, bundle: &mut Bundle) -> Result<(), Error> {
        withheld::withhold(bundle, &self.table.layout.rare_words)?;
        self.fill_goldens(bundle)?;
        let profile = |(table, rules): (&FeatureTable, _)| {
            profile_of_many(bundle, &table.values, &table.customers(), &table.labels, rules)
        };
        bundle.profile = self.measured.map(profile).transpose()?.flatten();
        Ok(())
    }

    /// Gives it golden rows and a rounded reference row, and leaves the rest as it is.
    ///
    /// # Errors
    /// As [`CarriedRows::fill`].
    pub(crate) fn fill_goldens(&self, bundle: &mut Bundle) -> Result<(), Error> {
        bundle.reference = rounded_reference(bundle);
        bundle.goldens = goldens(bundle, &self.table.values)?;
        Ok(())
    }

    /// The features of which a bundle's edges part few customers from all others, each with the number of
    /// such edges.
    ///
    /// # Errors
    /// As [`CarriedRows::fill`].
    pub(crate) fn edges_of_few(&self, bundle: &Bundle) -> Result<Vec<(String, usize)>, Error> {
        let edges = edges_of_few(&bundle.bins, &self.table.values, &self.table.customers())?;
        let features = bundle.features.iter().map(|feature| feature.name.clone()).zip(edges);
        Ok(features.filter(|(_, edges)| *edges > 0).collect())
    }
}
