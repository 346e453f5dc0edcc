//! What a column of a plain table holds: numbers, dates or words; and what of its cells is something else.
//!
//! What nearly all cells are is what the column holds. The others are strays: an error that names them, or missing values
//! where bad rows are to be skipped. What is in doubt is told.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use anyhow::bail;
use serde::Serialize;

use super::super::batch::CellColumn;
use super::{PlainTable, cell};

/// Of so many cells that are there, one may be something else.
const NEARLY: usize = 20;
/// So many strays of a column are shown.
const SHOWN: usize = 3;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    Date,
    Word,
}

/// What the user says that columns hold: `AGE=number,ZIP=word`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Kinds(pub(crate) BTreeMap<String, Kind>);

/// What the user says of a plain table's cells.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reading<'a> {
    /// What columns hold.
    pub(crate) columns: &'a [Kinds],
    /// Leave out rows that can't be read, and count strays as missing, instead of stopping.
    pub(crate) skip_bad_rows: bool,
}

/// Cells of a column that are not what it holds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Strays {
    pub(crate) column: String,
    /// How many, of how many cells that are there.
    pub(crate) cells: usize,
    pub(crate) of: usize,
    /// The first ones: where they stand, and what is wrong.
    pub(crate) first: Vec<String>,
}

/// What was found while columns were read, by their positions.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) strays: BTreeMap<usize, Strays>,
    pub(super) doubts: BTreeMap<usize, String>,
}

impl FromStr for Kinds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut kinds = BTreeMap::new();
        let mut name = String::new();
        // A comma may be part of a name: what names no kind goes with what follows.
        for piece in text.split(',') {
            name += piece;
            let Some((column, kind)) = name.rsplit_once('=') else {
                name.push(',');
                continue;
            };
            let kind = match kind.trim() {
                "number" => Kind::Number,
                "date" => Kind::Date,
                "word" => Kind::Word,
                other => return Err(format!("{other:?} is no kind: there are number, date and word")),
            };
            if kinds.insert(column.trim().to_owned(), kind).is_some_and(|before| before != kind) {
                return Err(format!("column {column} is said to hold two things"));
            }
            name.clear();
        }
        match name.is_empty() {
            true => Ok(Self(kinds)),
            false => Err("expected COLUMN=number, COLUMN=date or COLUMN=word".into()),
        }
    }
}

impl Kinds {
    /// All of them together.
    ///
    /// # Errors
    /// Names a column that is said to hold two things, or that is not among `names`.
    pub(super) fn merged(several: &[Self], names: &[String]) -> anyhow::Result<Self> {
        let mut merged = Self::default();
        for (column, kind) in several.iter().flat_map(|kinds| &kinds.0) {
            if !names.contains(column) {
                bail!("--columns: no column `{column}` stands in the header");
            }
            if merged.0.insert(column.clone(), *kind).is_some_and(|before| before != *kind) {
                bail!("--columns: column `{column}` is said to hold two things");
            }
        }
        Ok(merged)
    }
}

/// How many cells of a column of texts are what.
#[derive(Default)]
struct Counts {
    present: usize,
    numbers: usize,
    dates: usize,
    /// Whole numbers with zeros before them, which would be lost.
    codes: usize,
    /// Numbers with thousands separators.
    in_thousands: usize,
    first_code: Option<String>,
    first_other: Option<String>,
}

impl PlainTable {
    /// What a column holds: what the user or the file says, or else what nearly all cells are.
    ///
    /// # Errors
    /// Where a cell is no text.
    pub(super) fn kind(&self, column: usize) -> anyhow::Result<Kind> {
        if let Some(kind) = self.kinds.0.get(&self.name(column)) {
            return Ok(*kind);
        }
        match self.cells(column)?.first() {
            Some((CellColumn::Times(_), _)) => return Ok(Kind::Date),
            Some((CellColumn::Numbers(_) | CellColumn::Integers(_) | CellColumn::Decimals(..), _)) => {
                return Ok(Kind::Number);
            }
            Some((CellColumn::Text(_), _)) | None => {}
        }
        let counts = self.counts(column)?;
        let (kind, doubt) = if self.typed { counts.of_text() } else { counts.of_cells() };
        if let Some(doubt) = doubt {
            self.findings().doubts.insert(column, doubt);
        }
        Ok(kind)
    }

    fn counts(&self, column: usize) -> anyhow::Result<Counts> {
        let mut counts = Counts::default();
        for (cells, part) in self.cells(column)? {
            for row in 0..part.rows {
                let place = || part.places.of(row);
                let word = cell::word(cells, row);
                let word =
                    word.map_err(|problem| anyhow::anyhow!("{}", self.problem(column, &place(), &problem)))?;
                let Some(word) = word else { continue };
                counts.present += 1;
                let example = || Some(format!("{word:?} ({}{})", self.file.display(), place()));
                if cell::number(cells, row, self.decimal_comma).is_err() {
                    match () {
                        () if is_in_thousands(&word) => counts.in_thousands += 1,
                        () if self.time(cells, row).is_ok() => counts.dates += 1,
                        () => {}
                    }
                    counts.first_other = counts.first_other.or_else(example);
                } else if is_code(&word) {
                    counts.codes += 1;
                    counts.first_code = counts.first_code.or_else(example);
                } else {
                    counts.numbers += 1;
                }
            }
        }
        Ok(counts)
    }

    /// Reads a column as numbers or dates, NaN where there is none. Strays are NaN too, and are kept in mind
    /// ([`PlainTable::check`]).
    ///
    /// # Errors
    /// Where there is no such column.
    pub(super) fn read_as(&self, column: usize, kind: Kind) -> anyhow::Result<Vec<f64>> {
        let foreign = if kind == Kind::Number { self.foreign_mark(column)? } else { None };
        let mut values = Vec::with_capacity(self.rows);
        let mut strays = Strays { column: self.name(column), cells: 0, of: 0, first: Vec::new() };
        for (cells, part) in self.cells(column)? {
            for row in 0..part.rows {
                let read = match kind {
                    Kind::Number => cell::number(cells, row, self.decimal_comma),
                    Kind::Date | Kind::Word => self.time(cells, row),
                };
                let text = cells.text(row);
                let has_foreign = foreign.is_some_and(|mark| text.as_ref().is_ok_and(|it| it.contains(mark)));
                let value = match (read, text) {
                    (Ok(value), _) if !has_foreign => value,
                    (_, text) => {
                        strays.cells += 1;
                        if strays.first.len() < SHOWN {
                            let problem = match text {
                                Ok(text) => unlike(kind, &text, foreign.filter(|_| has_foreign)),
                                Err(problem) => problem,
                            };
                            strays.first.push(self.problem(column, &part.places.of(row), &problem));
                        }
                        f64::NAN
                    }
                };
                strays.of += usize::from(!value.is_nan());
                values.push(value);
            }
        }
        strays.of += strays.cells;
        if strays.cells > 0 {
            self.findings().strays.insert(column, strays);
        }
        Ok(values)
    }

    /// The decimal mark that a column of numbers has here and there, where most of its numbers have the other one. Tells
    /// where marks may separate thousands.
    fn foreign_mark(&self, column: usize) -> anyhow::Result<Option<char>> {
        if !self.decimal_comma {
            return Ok(None);
        }
        let (mut points, mut commas, mut before_three_digits) = (0, 0, 0);
        let mut first = None;
        for (cells, part) in self.cells(column)? {
            for row in 0..part.rows {
                let Some(text) = cells.text(row).ok().filter(|text| text.contains(['.', ','])) else {
                    continue;
                };
                if cell::number(cells, row, true).is_ok_and(|number| !number.is_nan()) {
                    *if text.contains(',') { &mut commas } else { &mut points } += 1;
                    before_three_digits += usize::from(is_in_thousands(&text));
                    first.get_or_insert_with(|| {
                        format!("{text:?} ({}{})", self.file.display(), part.places.of(row))
                    });
                }
            }
        }
        if let Some(first) = first.filter(|_| before_three_digits == commas + points) {
            let doubt = format!(
                "three digits follow every point or comma, which are read as decimal marks, as in {first}: leave them out if \
                 they separate thousands"
            );
            self.findings().doubts.insert(column, doubt);
        }
        Ok(match (points, commas) {
            (0, _) | (_, 0) => None,
            _ if points > commas => Some(','),
            _ => Some('.'),
        })
    }

    /// Stops where columns that were read have strays, unless these count as missing.
    ///
    /// # Errors
    /// Names the first strays of each column.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let findings = self.findings();
        if self.skips_bad_rows || findings.strays.is_empty() {
            return Ok(());
        }
        let cells: usize = findings.strays.values().map(|strays| strays.cells).sum();
        let first: Vec<&str> =
            findings.strays.values().flat_map(|strays| &strays.first).map(String::as_str).collect();
        let columns: Vec<&str> = findings.strays.values().map(|strays| strays.column.as_str()).collect();
        bail!(
            "{cells} cells are not what their column holds:\n  {}\nMend them, count them as missing with --skip-bad-rows, or \
             say what a column holds where it is to be found out: --columns {}=word",
            first.join("\n  "),
            columns.join("=word,")
        )
    }

    /// What there is to tell of a table whose columns were read.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let findings = self.findings();
        let rows = self.bad_rows.shown.first().map(|first| {
            format!("left out {} rows that can't be read; the first: {first}", self.bad_rows.count)
        });
        let strays = findings.strays.values().map(Strays::to_string);
        let doubts =
            findings.doubts.iter().map(|(column, doubt)| format!("column {}: {doubt}", self.name(*column)));
        rows.into_iter().chain(strays).chain(doubts).collect()
    }

    /// The strays of the columns that were read.
    pub(crate) fn strays(&self) -> Vec<Strays> {
        self.findings().strays.values().cloned().collect()
    }

    fn problem(&self, column: usize, place: &str, problem: &str) -> String {
        format!("{}{place}: column {}: {problem}", self.file.display(), self.name(column))
    }
}

impl Counts {
    /// Whether nearly all cells are of some sort.
    fn nearly_all(&self, cells: usize) -> bool {
        cells * NEARLY >= self.present * (NEARLY - 1)
    }

    /// What a column of texts holds in a file without types, and what is in doubt.
    fn of_cells(self) -> (Kind, Option<String>) {
        let numbers = self.numbers + self.in_thousands;
        let half = |cells: usize| cells * 2 >= self.present;
        let other = self.first_other.as_deref().or(self.first_code.as_deref()).unwrap_or_default();
        let mostly = |cells: usize, what: &str, kind: &str| {
            let (present, name) = (self.present, what);
            format!(
                "its cells are words, although {cells} of {present} are {name}, but not {other}; --columns says otherwise (COLUMN={kind})"
            )
        };
        match () {
            () if self.present == 0 => (Kind::Word, None),
            () if self.nearly_all(numbers) => (Kind::Number, None),
            () if self.nearly_all(self.dates) => (Kind::Date, None),
            () if self.codes > 0 && self.nearly_all(numbers + self.codes) => {
                let code = self.first_code.unwrap_or_default();
                let doubt = format!(
                    "its cells are words, since numbers would lose the zeros of codes such as {code}; --columns says otherwise \
                     (COLUMN=number)"
                );
                (Kind::Word, Some(doubt))
            }
            () if half(numbers) => (Kind::Word, Some(mostly(numbers, "numbers", "number"))),
            () if half(self.dates) => (Kind::Word, Some(mostly(self.dates, "dates", "date"))),
            () => (Kind::Word, None),
        }
    }

    /// The same where the file says that it is text: only dates have no other form in some files.
    fn of_text(self) -> (Kind, Option<String>) {
        match () {
            () if self.present == 0 => (Kind::Word, None),
            () if self.dates == self.present => (Kind::Date, None),
            () if self.nearly_all(self.numbers) => (
                Kind::Word,
                Some(
                    "its cells are words, since the file says so, although they are numbers; --columns says otherwise \
                     (COLUMN=number)"
                        .into(),
                ),
            ),
            () => (Kind::Word, None),
        }
    }
}

impl fmt::Display for Strays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { column, cells, of, first } = self;
        let first = first.first().map_or("", String::as_str);
        write!(
            f,
            "column {column}: {cells} of {of} cells are not what it holds and count as missing; the first: {first}"
        )
    }
}

/// What is wrong with a cell that is no number or date.
fn unlike(kind: Kind, text: &str, foreign: Option<char>) -> String {
    match (kind, foreign) {
        (Kind::Number, Some(mark)) => {
            format!("most numbers have another decimal mark than {mark:?}, got {text:?}")
        }
        (Kind::Number, None) if is_in_thousands(text) => {
            format!("expected a number, without thousands separators, got {text:?}")
        }
        (Kind::Number, None) => format!("expected a number, got {text:?}"),
        _ => format!("expected a date such as 2024-05-03 or 2024-05-03 12:30, got {text:?}"),
    }
}

/// Whether a text is a whole number with zeros before it.
fn is_code(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text is a number whose digits a separator parts in threes, as in `1,234` or `1.234.567,89`.
fn is_in_thousands(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let Some(separator) = text.chars().find(|character| !character.is_ascii_digit()) else { return false };
    if !(",.'’_".contains(separator) || separator.is_whitespace()) {
        return false;
    }
    // A fraction stands behind the other mark.
    let (whole, fraction) =
        text.split_once(|it| (it == ',' || it == '.') && it != separator).unwrap_or((text, "0"));
    let mut groups = whole.split(separator);
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    groups.next().is_some_and(|first| are_digits(first) && first.len() <= 3 && !first.starts_with('0'))
        && groups.all(|group| group.len() == 3 && are_digits(group))
        && are_digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_said_by_name() {
        let kinds: Kinds = "AGE=number,a, b=word,x=y=date".parse().unwrap();
        let expected = [("AGE", Kind::Number), ("a, b", Kind::Word), ("x=y", Kind::Date)];
        assert_eq!(kinds.0, expected.map(|(name, kind)| (name.to_owned(), kind)).into());
        for (text, expected) in [
            ("AGE", "expected COLUMN=number"),
            ("A=text", "\"text\" is no kind"),
            ("A=word,A=date", "two things"),
        ] {
            assert!(text.parse::<Kinds>().unwrap_err().contains(expected), "{text}");
        }
        let names = ["A".to_owned()];
        let merged = |texts: &[&str]| {
            let several: Vec<Kinds> = texts.iter().map(|text| text.parse().unwrap()).collect();
            Kinds::merged(&several, &names).map_err(|error| error.to_string())
        };
        assert!(merged(&["A=word", "A=word"]).is_ok());
        assert!(merged(&["A=word", "A=date"]).unwrap_err().contains("two things"));
        assert!(merged(&["B=word"]).unwrap_err().contains("no column `B`"));
    }

    #[test]
    fn codes_and_thousands_are_told_from_numbers() {
        for text in ["01", "00123", "-007", "00"] {
            assert!(is_code(text), "{text}");
        }
        for text in ["0", "10", "0.5", "00.5", "0x1", "", "-"] {
            assert!(!is_code(text), "{text}");
        }
        for text in ["1,234", "1.234.567,89", "-12'345", "1 234", "1\u{a0}234.5", "999_000"] {
            assert!(is_in_thousands(text), "{text}");
        }
        for text in [
            "1234",
            "1,23",
            "12,3456",
            "0,123",
            "1,234,56",
            "1,,234",
            "a,bcd",
            "2024-05-03",
            "1,234.",
            "1:234",
            "",
        ] {
            assert!(!is_in_thousands(text), "{text}");
        }
    }
}
