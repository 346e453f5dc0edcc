//! The column that is predicted: its words are the classes.

use anyhow::bail;
use nextbest_core::customers::words;
use nextbest_core::schema::{MAX_CLASSES, Schema};

use super::cell;
use super::infer::distinct_words;
use super::kind::Kind;
use super::table::PlainTable;

/// Reads the column that is predicted: the classes (whole numbers in order, or words in order) and that of
/// each row, if it has one.
///
/// # Errors
/// If it has fractions, one class only, or more than a model can tell apart.
pub(super) fn labels(table: &PlainTable, column: usize) -> anyhow::Result<(Vec<String>, Vec<Option<usize>>)> {
    let (values, classes) = match numbers(table, column)? {
        Some(numbers) => whole_numbers(table, column, &numbers)?,
        None => {
            let words =
                table.map(column, |cells, row| Ok(cell::word(cells, row)?.map(|word| word.into_owned())))?;
            let classes = distinct_words(words.iter().flatten().map(String::as_str));
            let classes = classes.into_iter().map(str::to_owned).collect();
            (words, classes)
        }
    };
    let name = table.columns.get(column).map_or("", |column| &column.name);
    let place = format!("{}: column {name}", table.file.display());
    match classes.as_slice() {
        [] => bail!("{place}: every cell is missing: there is nothing to learn"),
        [only] => bail!("{place}: every row is {only:?}: there is nothing to tell apart"),
        many if many.len() > MAX_CLASSES => bail!(
            "{place}: {} different values are more than the {MAX_CLASSES} classes that a model can tell \
             apart; numbers \
             such as amounts can't be predicted, only classes",
            many.len()
        ),
        _ => {}
    }
    let class = |value: &Option<String>| words::position(&classes, value.as_deref()?);
    let of_row = values.iter().map(class).collect();
    Ok((classes, of_row))
}

impl PlainTable {
    /// The class of each row by the words of a model's label; `None` where it is missing or none of them, and
    /// everywhere where the column is not there.
    ///
    /// # Errors
    /// If a cell can't be read.
    pub(crate) fn classes(&self, schema: &Schema) -> anyhow::Result<Vec<Option<usize>>> {
        let label = schema.label().and_then(|position| schema.customer().columns.get(position));
        let column = label.and_then(|label| self.column(&label.name).ok());
        let Some(column) = column else { return Ok(vec![None; self.len()]) };
        let labels = match numbers(self, column)? {
            Some(numbers) => whole_numbers(self, column, &numbers)?.0,
            None => {
                self.map(column, |cells, row| Ok(cell::word(cells, row)?.map(|word| word.into_owned())))?
            }
        };
        let names = schema.class_names();
        let class = |word: &Option<String>| words::position(&names, word.as_deref()?);
        Ok(labels.iter().map(class).collect())
    }
}

/// The column as numbers, where it holds them.
fn numbers(table: &PlainTable, column: usize) -> anyhow::Result<Option<Vec<f64>>> {
    (table.kind(column)? == Kind::Number).then(|| table.read_as(column, Kind::Number)).transpose()
}

/// Numbers as classes: `1` and `1.0` are the same.
fn whole_numbers(
    table: &PlainTable,
    column: usize,
    numbers: &[f64],
) -> anyhow::Result<(Vec<Option<String>>, Vec<String>)> {
    if let Some(fraction) = numbers.iter().find(|number| !number.is_nan() && number.fract() != 0.0) {
        bail!(
            "{}: column {}: {fraction} is no class: numbers with fractions can't be predicted, only words \
             and whole \
             numbers",
            table.file.display(),
            table.columns.get(column).map_or("", |column| &column.name)
        );
    }
    let mut distinct: Vec<f64> = numbers.iter().copied().filter(|number| !number.is_nan()).collect();
    distinct.sort_unstable_by(f64::total_cmp);
    distinct.dedup_by(|a, b| a == b);
    // There is one zero.
    let word = |number: &f64| (number + 0.0).to_string();
    let words = numbers.iter().map(|number| (!number.is_nan()).then(|| word(number)));
    Ok((words.collect(), distinct.iter().map(word).collect()))
}
