//! What is wrong with today's rows, whatever they are compared with.

use nextbest_core::time::{self, DAY};
use serde::Serialize;

use super::columns::{duplicate_rows, hash};
use super::drift::Drift;
use super::frame::Frame;
use crate::app::clock;

/// Flaws of today's rows.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Quality {
    pub(crate) rows: u64,
    /// Rows that are the same as another one in everything; `None` where rows are only counted.
    pub(crate) duplicate_rows: Option<usize>,
    /// Columns that the reference has and today's rows do not.
    pub(crate) absent: Vec<String>,
    /// Columns that are not compared, and why.
    pub(crate) left_out: Vec<(String, String)>,
    /// What there is to tell of the files: rows and cells that can't be read, and what is in doubt.
    pub(crate) warnings: Vec<String>,
    /// Columns with one value only, of which the reference has several.
    pub(crate) constant: Vec<String>,
    /// Columns without any value, of which the reference has some.
    pub(crate) empty: Vec<String>,
    /// The share of all values that are missing.
    pub(crate) missing: f64,
    pub(crate) missing_in_reference: f64,
    /// Columns with words that the reference does not have.
    pub(crate) new_words: Vec<String>,
    /// Columns with numbers beyond the reference's range.
    pub(crate) beyond_range: Vec<String>,
    /// The newest moment that rows are about.
    pub(crate) newest: Option<String>,
    /// How many days ago that is.
    pub(crate) age_days: Option<i64>,
}

impl Quality {
    /// From the drifts of the columns and the number of rows.
    pub(crate) fn of_drifts(drifts: &[Drift], rows: u64) -> Self {
        let names = |is: &dyn Fn(&Drift) -> bool| {
            drifts.iter().filter(|drift| is(drift)).map(|drift| drift.name.clone()).collect::<Vec<_>>()
        };
        let mean = |of: fn(&Drift) -> f64| drifts.iter().map(of).sum::<f64>() / drifts.len().max(1) as f64;
        Self {
            rows,
            duplicate_rows: None,
            absent: Vec::new(),
            left_out: Vec::new(),
            warnings: Vec::new(),
            constant: names(&|drift| drift.is_constant_now()),
            empty: names(&|drift| drift.missing.current >= 1.0 && drift.missing.reference < 1.0),
            missing: mean(|drift| drift.missing.current),
            missing_in_reference: mean(|drift| drift.missing.reference),
            new_words: names(&|drift| !drift.new_words.is_empty()),
            beyond_range: names(&|drift| drift.beyond_range.is_some_and(|share| share > 0.0)),
            newest: None,
            age_days: None,
        }
    }

    /// The same with what only whole rows tell.
    pub(crate) fn of_frame(drifts: &[Drift], frame: &Frame) -> Self {
        let table = &frame.table;
        let identity = |row: usize| {
            let cutoff = table.cutoffs.get(row).copied().unwrap_or_default().unsigned_abs();
            // Rows of a plain table have numbers for names, which make none of them different.
            let id = if table.cutoffs.is_empty() { None } else { table.ids.get(row) };
            hash(id.map(String::as_str)) ^ cutoff
        };
        let newest = frame.newest;
        // Rows are dated by the bank's clock.
        let now = table.layout.schema.clock().local(clock::seconds());
        Self {
            duplicate_rows: Some(duplicate_rows(&table.values, table.width(), identity)),
            absent: frame.absent.clone(),
            warnings: frame.warnings.clone(),
            newest: newest.map(time::format),
            age_days: newest.map(|newest| (now - newest).div_euclid(DAY)),
            ..Self::of_drifts(drifts, table.len() as u64)
        }
    }
}

impl Drift {
    /// Whether all of today's rows lie in one cell, and have one value as far as is known, where the
    /// reference's do not.
    fn is_constant_now(&self) -> bool {
        let only = |share: fn(&super::drift::Cell) -> f64| self.cells.iter().any(|cell| share(cell) >= 1.0);
        let one_number = self.current.is_none_or(|it| it.least == it.greatest);
        only(|cell| cell.current) && one_number && !only(|cell| cell.reference) && self.missing.current < 1.0
    }
}
