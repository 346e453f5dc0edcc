//! What a column of a plain table holds: what the user or the file says, or else what nearly all of its cells
//! are. The others are [`strays`](super::strays). What is in doubt is told.

use std::collections::BTreeMap;
use std::str::FromStr;

use anyhow::bail;

use super::super::batch::CellColumn;
use super::cell;
use super::table::PlainTable;

/// One of this number of present cells may be a stray.
const NEARLY: usize = 20;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    Date,
    Word,
}

/// What the user says that columns hold: `AGE=number,ZIP=word`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kinds(pub(crate) BTreeMap<String, Kind>);

/// What the user says of a plain table's cells.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reading<'a> {
    /// What columns hold (`--columns`), where a command can be told.
    pub(crate) columns: Option<&'a [Kinds]>,
    /// Leave out rows that can't be read, and count strays as missing, instead of stopping.
    pub(crate) skip_bad_rows: bool,
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
    /// If a cell is no text.
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
                "its cells are words, although {cells} of {present} are {name}, but not {other}; --columns \
                 says otherwise (COLUMN={kind})"
            )
        };
        match () {
            () if self.present == 0 => (Kind::Word, None),
            () if self.nearly_all(numbers) => (Kind::Number, None),
            () if self.nearly_all(self.dates) => (Kind::Date, None),
            () if self.codes > 0 && self.nearly_all(numbers + self.codes) => {
                let code = self.first_code.unwrap_or_default();
                let doubt = format!(
                    "its cells are words, since numbers would lose the zeros of codes such as {code}; \
                     --columns says otherwise \
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
                    "its cells are words, since the file says so, although they are numbers; --columns says \
                     otherwise \
                     (COLUMN=number)"
                        .into(),
                ),
            ),
            () => (Kind::Word, None),
        }
    }
}

/// Whether a text is a whole number with zeros before it.
fn is_code(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text is a number whose digits a separator parts in threes, as in `1,234` or `1.234.567,89`.
pub(super) fn is_in_thousands(text: &str) -> bool {
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
