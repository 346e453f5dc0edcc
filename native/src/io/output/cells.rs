//! Tables as CSV. For machines cells are as they are; where people open a file, no cell is one that a
//! spreadsheet would run.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use super::write_file;
use crate::io::column_names;

/// A cell with one of these stands in quotes: what may stand between values or end a line in any file, so
/// that whoever guesses the delimiter finds the comma, and a mark that would be taken for the file's
/// encoding.
const QUOTED: [char; 8] = [',', ';', '\t', '|', '"', '\r', '\n', '\u{feff}'];
/// A spreadsheet runs a cell that begins with one of these, unless it is a number (OWASP, "CSV Injection").
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
/// Where `;` or a tab separates values, as `;` does in the spreadsheets of many countries, our quotes are
/// characters like others but in the first column: behind one of these, another cell begins there.
const SEPARATORS: [char; 4] = [';', '\t', '\r', '\n'];

/// Writes records as CSV: commas between cells, LF at the end of a line.
pub(crate) struct CsvWriter<W: Write>(W);

impl<W: Write> CsvWriter<W> {
    /// Writes to a file.
    pub(crate) fn new(file: W) -> Self {
        Self(file)
    }

    /// Adds a record.
    ///
    /// # Errors
    /// If it can't be written.
    pub(crate) fn record<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) -> io::Result<()> {
        let mut is_blank = true;
        for (position, cell) in cells.into_iter().enumerate() {
            if position > 0 {
                self.0.write_all(b",")?;
            }
            let cell = cell.as_ref();
            is_blank = position == 0 && cell.is_empty();
            match cell.contains(QUOTED) {
                true => write!(self.0, "\"{}\"", cell.replace('"', "\"\""))?,
                false => self.0.write_all(cell.as_bytes())?,
            }
        }
        // A blank line would be no record.
        self.0.write_all(if is_blank { b"\"\"\n" } else { b"\n" })
    }
}

/// Writes a table for people as CSV: a header and rows. No cell is one that a spreadsheet would run.
///
/// # Errors
/// As [`write_file`].
pub(crate) fn write_csv<const N: usize>(
    path: &Path,
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> anyhow::Result<()> {
    let header = header.map(harmless);
    let rows = rows.into_iter().map(|row| row.map(|cell| harmless(cell).into_owned()));
    write_exact_csv(path, header.each_ref().map(|name| name.as_ref()), rows)
}

/// Writes a table that is read back as CSV: its cells are as they are.
///
/// # Errors
/// As [`write_file`].
pub(crate) fn write_exact_csv<const N: usize>(
    path: &Path,
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> anyhow::Result<()> {
    write_file(path, |file| {
        let mut csv = CsvWriter::new(file);
        csv.record(header)?;
        Ok(rows.into_iter().try_for_each(|row| csv.record(row))?)
    })
}

/// A table for people as CSV in memory: a header and rows. No two columns have one name, and no cell is one
/// that a spreadsheet would run.
///
/// # Errors
/// None: memory does not fail.
pub(crate) fn csv<'h, R>(
    header: impl IntoIterator<Item = &'h str>,
    rows: impl IntoIterator<Item = R>,
) -> anyhow::Result<Vec<u8>>
where
    R: IntoIterator<Item = String>,
{
    let mut bytes = Vec::new();
    let mut csv = CsvWriter::new(&mut bytes);
    csv.record(column_names::numbered(header).iter().map(harmless))?;
    for row in rows {
        csv.record(row.into_iter().map(harmless))?;
    }
    Ok(bytes)
}

/// A cell that a spreadsheet takes for a text and not for something to run, whatever separates values there:
/// an apostrophe stands before what begins like a formula, unless the cell is a number.
fn harmless<'c>(cell: impl Into<Cow<'c, str>>) -> Cow<'c, str> {
    let cell = cell.into();
    let pieces = || cell.split_inclusive(SEPARATORS).enumerate();
    let runs = |(position, piece): (usize, &str)| match position {
        0 => piece.starts_with(FORMULA),
        // Marks that nothing needs may vanish there.
        _ => piece.trim_start_matches('"').starts_with(FORMULA),
    };
    if cell.parse::<f64>().is_ok_and(f64::is_finite) || !pieces().any(runs) {
        return cell;
    }
    pieces().flat_map(|piece| [if runs(piece) { "'" } else { "" }, piece.1]).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_becomes_a_text() {
        for cell in ["=1+1", "+a", "-a", "@SUM(A1)", "＝1", "-", "-5-3", "+inf", "-inf", "-5 EUR", "-5|-7"] {
            assert_eq!(harmless(cell), format!("'{cell}"), "{cell:?}");
        }
        for cell in
            ["-5", "-5.25e-3", "+7", "-0", "", "a=b", "Home|Loan", "'", " =1", "1|-5", "a;b", "a;\"b\""]
        {
            assert_eq!(harmless(cell), cell, "{cell:?}");
        }
        for (cell, expected) in [
            ("a;=1", "a;'=1"),
            ("a;\"=1\"", "a;'\"=1\""),
            ("a\n-b;c;+d", "a\n'-b;c;'+d"),
            ("\t=1", "'\t'=1"),
            ("\r\n=1", "'\r'\n'=1"),
        ] {
            assert_eq!(harmless(cell), expected, "{cell:?}");
        }
        let bytes = csv(["=A", "b", "B"], [["-1", "@x", "y;z"].map(str::to_owned)]).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), "'=A,b,B_2\n-1,'@x,\"y;z\"\n");
    }

    /// What a program reads in which this separates values.
    fn read(bytes: &[u8], delimiter: u8) -> Vec<Vec<String>> {
        let mut reader = ::csv::ReaderBuilder::new();
        let mut reader = reader.delimiter(delimiter).has_headers(false).flexible(true).from_reader(bytes);
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_reader_finds_a_formula_whatever_separates_values(
            rows in vec(vec(r#"([-=+@;,\t\r\n"' a|＝1]{0,6})|(\PC{0,3})"#, 3), 1..4),
        ) {
            let bytes = csv(["a", "b", "c"], rows.clone()).unwrap();
            for delimiter in *b",;\t" {
                // What stands before a cell that nobody sees may vanish.
                let trimmed = |cell: String| cell.trim_start_matches(['\t', '\r', '\n']).to_owned();
                let cells: Vec<String> = read(&bytes, delimiter).concat().into_iter().map(trimmed).collect();
                // Behind a number that begins a line, the rest of the line is text.
                let first = |cell: &str| cell.split(',').next().is_some_and(|it| it.parse().is_ok_and(f64::is_finite));
                let runs = |cell: &&String| cell.starts_with(FORMULA) && !first(cell);
                let found: Vec<&String> = cells.iter().filter(runs).collect();
                prop_assert!(found.is_empty(), "{:?} in {:?}", found, String::from_utf8_lossy(&bytes));
            }
            // To who reads it as it is, all cells are there.
            let expected: Vec<Vec<String>> =
                rows.iter().map(|row| row.iter().map(|cell| harmless(cell).into_owned()).collect()).collect();
            prop_assert_eq!(&read(&bytes, b',')[1..], &expected[..]);
        }

        #[test]
        fn exact_cells_are_read_again(rows in vec(vec(any::<String>(), 1..4), 0..4)) {
            let mut bytes = Vec::new();
            let mut csv = CsvWriter::new(&mut bytes);
            rows.iter().try_for_each(|row| csv.record(row)).unwrap();
            prop_assert_eq!(read(&bytes, b','), rows);
        }
    }
}
