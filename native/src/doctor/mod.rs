//! The doctor: what is wrong with the data and features before a model is trained on them.
//!
//! *Problems* make a model useless or dishonest: a feature that knows the answer, or one that owes its
//! strength to rows from after the cut-off. *Remarks* are worth a look: constant and repeated features, bad
//! rows, a target that drifts.

mod columns;
mod dates;
mod leaks;
mod target;

use std::fmt;
use std::path::Path;

use nextbest_core::schema::Product;
use nextbest_core::snapshot::ProductSet;
use serde::Serialize;

pub(crate) use columns::{Columns, examine as examine_columns};
pub(crate) use dates::{LateRows, suspects as date_suspects};
pub(crate) use leaks::{LeakScore, scores as leak_scores};
pub(crate) use target::{TargetAtCutoff, by_cutoff as target_by_cutoff};

use crate::io::output;
use crate::io::tables::TableQuality;

/// How many of the strongest features are shown.
const SHOWN: usize = 10;

/// Fewer takers than this prove nothing.
const MIN_SUPPORT: usize = 20;

/// Whether a row's customer holds the product of a class already and can't take it twice.
fn holds_already(held: &[ProductSet], products: &[Product]) -> impl Fn(usize, usize) -> bool + Sync {
    move |row, class| {
        let product = class.saturating_sub(1);
        let repeatable = products.get(product).is_none_or(|product| product.repeatable);
        !repeatable && held.get(row).is_some_and(|held| held.contains(product))
    }
}

/// What was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Diagnosis {
    /// A feature that alone tells a class this well is a problem.
    pub(crate) leak_threshold: f64,
    /// What became of the tables' rows.
    pub(crate) tables: Vec<TableQuality>,
    /// How well each feature alone tells each product's takers, the best first.
    pub(crate) leak_scores: Vec<LeakScore>,
    /// Features that owe their strength to rows from after the cut-off, by some other date column.
    pub(crate) late_rows: Vec<LateRows>,
    /// Constant and repeated features.
    pub(crate) columns: Columns,
    /// What was taken next, cut-off by cut-off.
    pub(crate) target: Vec<TargetAtCutoff>,
}

impl Diagnosis {
    /// How many problems there are.
    pub(crate) fn problems(&self) -> usize {
        self.leaks().count() + self.late_rows.len()
    }

    fn leaks(&self) -> impl Iterator<Item = &LeakScore> {
        self.leak_scores.iter().filter(|score| score.is_leak(self.leak_threshold))
    }

    /// Writes the diagnosis as JSON, words and CSV.
    ///
    /// # Errors
    /// If a file can't be written.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        output::write_json(&folder.join("diagnosis.json"), self)?;
        output::write_bytes(&folder.join("diagnosis.txt"), self.to_string().as_bytes())?;
        output::write_csv(
            &folder.join("leak_scores.csv"),
            ["FEATURE", "PRODUCT", "ROC_AUC", "SUPPORT"],
            self.leak_scores.iter().map(LeakScore::cells),
        )?;
        output::write_csv(
            &folder.join("target_by_cutoff.csv"),
            ["CUTOFF", "CUSTOMERS", "BUYERS", "BUYER_SHARE", "STANDARD_ERRORS_OFF", "MIX_PSI"],
            self.target.iter().map(TargetAtCutoff::cells),
        )
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems() {
            0 => writeln!(f, "no problem found\n")?,
            1 => writeln!(f, "1 problem found\n")?,
            count => writeln!(f, "{count} problems found\n")?,
        }
        for leak in self.leaks() {
            writeln!(
                f,
                "PROBLEM  {} alone tells who takes {} next (area under the ROC curve {:.3}, {} takers): it \
                 was probably \
                 written down after the fact",
                leak.feature, leak.product, leak.roc_auc, leak.support
            )?;
        }
        for late in &self.late_rows {
            writeln!(f, "PROBLEM  {late}")?;
        }
        for table in self.tables.iter().filter(|table| table.spoilt() > 0) {
            writeln!(f, "remark   {}: {} of {} rows are bad", table.table, table.spoilt(), table.read)?;
        }
        write!(f, "{}", self.columns)?;
        for cutoff in self.target.iter().filter(|cutoff| cutoff.stands_out()) {
            writeln!(f, "remark   {cutoff}")?;
        }
        writeln!(f, "\nhow well one feature alone tells a product's takers (area under the ROC curve)")?;
        for score in self.leak_scores.iter().take(SHOWN) {
            writeln!(
                f,
                "  {:<28}{:<22}{:>7.3}{:>8} takers",
                score.feature, score.product, score.roc_auc, score.support
            )?;
        }
        writeln!(f, "\nwhat was taken next, cut-off by cut-off")?;
        self.target.iter().try_for_each(|cutoff| writeln!(f, "  {}", cutoff.line()))
    }
}
