//! The ledger of a table: every row that was read is used, left out for a reason, or bad. The counts add up.

use std::fmt;
use std::path::PathBuf;

use nextbest_core::customers::words::is_withheld;
use serde::Serialize;

use super::batch::{Batch, Noted};
use super::plan::TablePlan;
use super::read::in_file;
use crate::app::Progress;

/// What became of a table's rows: each that was read is used, or left out for one reason. All but `read`,
/// `rows` and `shared` are such reasons.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct TableQuality {
    /// The table.
    pub(crate) table: String,
    /// Its file.
    pub(crate) file: PathBuf,
    /// Rows that the file has.
    pub(crate) read: usize,
    /// Rows that are used.
    pub(crate) rows: usize,
    /// Of those, rows that several customers share: each of them has the row.
    pub(crate) shared: usize,
    /// Rows of others than the customers that the config asks for.
    pub(crate) outside: usize,
    /// Rows of a time that no feature can see.
    pub(crate) unseen: usize,
    /// Rows that lead to no customer.
    pub(crate) nobody: usize,
    /// Rows whose key an earlier row has.
    pub(crate) repeated: usize,
    /// Rows that could not be read.
    pub(crate) bad: usize,
    /// The first rows that could not be read or whose key is there twice, with file and line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) problems: Vec<String>,
    /// Columns with words that the bundle does not know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) unknown_words: Vec<UnknownWords>,
}

/// Words of a column that the bundle does not know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct UnknownWords {
    pub(crate) column: String,
    /// How many cells have one.
    pub(crate) cells: usize,
    /// How many words of the column the bundle withholds, since few customers have them: they are unknown to
    /// whoever has it.
    #[serde(skip_serializing_if = "is_none")]
    pub(crate) withheld: usize,
    /// The first of them, with file and line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) first: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

/// What there is to tell of the cells of a column that have words which the bundle does not tell. Where it
/// withholds some, nobody can say which those are.
pub(crate) fn unknown_in_words(column: &str, cells: usize, withheld: usize) -> String {
    match withheld {
        0 => format!(
            "column {column}: {cells} cells have words that the bundle does not know: they count as unknown"
        ),
        withheld => format!(
            "column {column}: {cells} cells have words that the bundle does not tell, which count as \
             unknown: it withholds {withheld} \
             words of this column that few customers have (docs/PRIVACY.md)"
        ),
    }
}

impl TableQuality {
    /// Nothing read yet.
    pub(super) fn new(plan: &TablePlan<'_>, file: PathBuf) -> Self {
        let unknown = plan.typed().map(|(column, _)| UnknownWords {
            column: plan.file_column_name(column.from).to_owned(),
            withheld: column.words.iter().flatten().filter(|(word, _)| is_withheld(word)).count(),
            ..UnknownWords::default()
        });
        Self { table: plan.name.to_owned(), unknown_words: unknown.collect(), file, ..Self::default() }
    }

    /// Adds the counts of a batch. Whether its rows lead to a customer is counted later, in the join.
    pub(super) fn add(&mut self, batch: &mut Batch) {
        self.read += batch.read;
        self.rows += batch.rows;
        self.outside += batch.outside;
        self.unseen += batch.unseen;
        self.bad += batch.bad.count;
        self.repeated += batch.repeated.count;
        for mut noted in [std::mem::take(&mut batch.bad), std::mem::take(&mut batch.repeated)] {
            noted.shown.iter_mut().for_each(|problem| *problem = in_file(&self.file, problem));
            Noted::show(&mut self.problems, noted.shown);
        }
        for (words, noted) in self.unknown_words.iter_mut().zip(&mut batch.unknown) {
            words.cells += noted.count;
            // A rare word is not for a log.
            if words.withheld > 0 {
                continue;
            }
            let shown = noted.shown.iter().map(|word| in_file(&self.file, word)).collect();
            Noted::show(&mut words.first, shown);
        }
    }

    /// Rows lead to nobody, after all, or to several.
    pub(super) fn add_owners(&mut self, nobody: usize, shared: usize) {
        self.rows -= nobody;
        self.nobody += nobody;
        self.shared += shared;
    }

    /// The table is read.
    pub(super) fn finish(&mut self) {
        self.unknown_words.retain(|words| words.cells > 0);
    }

    /// How many rows can't be used as they are.
    pub(crate) fn spoilt(&self) -> usize {
        self.bad + self.repeated
    }

    /// Warns of what the user should know. Of a table that is only looked up, nobody expects every row to be
    /// used.
    pub(super) fn tell(&self, is_event_table: bool, progress: &Progress) {
        let file = self.file.display();
        if self.spoilt() > 0 {
            let (count, problems) = (self.spoilt(), listed(&self.problems, self.spoilt()));
            progress.warn(&format!("{file}: left out {count} bad rows:{problems}"));
        }
        for UnknownWords { column, cells, withheld, first } in &self.unknown_words {
            let said = unknown_in_words(column, *cells, *withheld);
            progress.warn(&format!(
                "{file}: {said}{}",
                if first.is_empty() { String::new() } else { format!(":{}", listed(first, *cells)) }
            ));
        }
        if self.nobody > 0 && is_event_table {
            progress.warn(&format!(
                "{file}: {} of {} rows of table `{}` lead to no customer, and are left out",
                self.nobody, self.read, self.table
            ));
        }
    }
}

/// The first few, one line each.
fn listed(first: &[String], count: usize) -> String {
    let more = if count > first.len() { "\n  …" } else { "" };
    first.iter().map(|one| format!("\n  {one}")).collect::<String>() + more
}

impl fmt::Display for TableQuality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<16}{:>10} rows", self.table, self.rows)?;
        if self.shared > 0 {
            write!(f, " ({} of several customers)", self.shared)?;
        }
        for (count, reason) in [
            (self.outside, "of others than our customers"),
            (self.unseen, "of a time that no feature sees"),
            (self.nobody, "of no customer"),
            (self.repeated, "rows with a repeated key left out"),
            (self.bad, "bad rows left out"),
        ] {
            if count > 0 {
                write!(f, ", {count} {reason}")?;
            }
        }
        Ok(())
    }
}
