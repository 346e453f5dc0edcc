//! The start of a CSV file: its encoding, the character between its values, and the names of its columns.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, bail};

use super::BLOCK;
use super::blocks::Blocks;
use super::records::{Records, is_line_end};

/// So many bytes of a file are looked at to find the delimiter,
const SAMPLE: usize = 256 << 10;
/// and so many of their records.
const RECORDS: usize = 100;

/// What may stand between values; of equally good ones, the first is taken.
const DELIMITERS: [u8; 4] = *b",;\t|";

const UTF_8: &[u8] = b"\xEF\xBB\xBF";
const UTF_16: [&[u8]; 2] = [b"\xFF\xFE", b"\xFE\xFF"];

/// What stands before the rows.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) names: Vec<String>,
    pub(super) delimiter: u8,
    /// The line of the names.
    pub(super) header_line: u64,
    /// Where the rows begin, in bytes and in lines.
    pub(super) offset: u64,
    pub(super) line: u64,
}

impl Start {
    /// Reads the start of a file. The delimiter is the given one, or found out.
    ///
    /// # Errors
    /// If it is no text in UTF-8, names no columns, or is of another delimiter by its own word.
    pub(super) fn read(path: &Path, given: Option<u8>) -> anyhow::Result<Self> {
        let mut file = File::open(path)?;
        let mut sample = Vec::new();
        file.by_ref().take(SAMPLE as u64).read_to_end(&mut sample)?;
        if UTF_16.iter().any(|mark| sample.starts_with(mark)) {
            bail!("is UTF-16: save it as UTF-8");
        }
        let (said, before) = preamble(&sample);
        let rest = sample.get(before..).unwrap_or_default();
        let delimiter = match (given, said) {
            (Some(given), Some(said)) if given != said => bail!(
                "its first line says that {:?} stands between values, and the config \
                 (data_source.csv.delimiter) {:?}",
                char::from(said),
                char::from(given)
            ),
            (Some(delimiter), _) | (None, Some(delimiter)) => delimiter,
            (None, None) => found(rest, sample.len() == SAMPLE),
        };
        let first_line = 1 + u64::from(said.is_some());
        file.seek(SeekFrom::Start(before as u64))?;
        let block = Blocks::new(file, delimiter, BLOCK, first_line).read_block()?;
        let block = block.context("is empty: the first line names the columns")?;
        let mut records = Records::new(&block.text, delimiter, first_line);
        let mut cells = Vec::new();
        let header = records.next(&mut cells).context("is empty: the first line names the columns")?;
        let (bytes, line) = records.position();
        if block.text.get(..bytes).is_some_and(|text| text.contains(&0)) {
            bail!("is neither CSV nor Parquet: there are bytes of zero in its first line");
        }
        if let Some(flaw) = header.flaw {
            bail!("line {first_line}: {flaw}");
        }
        if header.is_blank {
            bail!("line {first_line} is blank: the first line names the columns");
        }
        let names = cells.iter().enumerate().map(|(column, cell)| {
            let name = String::from_utf8(cell.text(&block.text).into_owned());
            let name = name.ok().with_context(|| {
                format!(
                    "line {first_line}: the name of column {} is not UTF-8: save the file as UTF-8",
                    column + 1
                )
            })?;
            Ok(name.trim().to_owned())
        });
        let names = names.collect::<anyhow::Result<_>>()?;
        Ok(Self { names, delimiter, header_line: first_line, offset: (before + bytes) as u64, line })
    }
}

/// What stands before the header: a byte-order mark, and a line `sep=;` as Excel reads it. Gives the
/// delimiter of that line, and how many bytes both take.
fn preamble(text: &[u8]) -> (Option<u8>, usize) {
    let mark = if text.starts_with(UTF_8) { UTF_8.len() } else { 0 };
    let rest = text.get(mark..).unwrap_or_default();
    let line = rest.split(|byte| is_line_end(Some(byte))).next().unwrap_or_default();
    let quoted = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\""));
    let delimiter = match quoted.unwrap_or(line) {
        [name @ .., delimiter] if name.eq_ignore_ascii_case(b"sep=") && delimiter.is_ascii() => *delimiter,
        _ => return (None, mark),
    };
    let line_end = match rest.get(line.len()..).unwrap_or_default() {
        [b'\r', b'\n', ..] => 2,
        end => end.len().min(1),
    };
    (Some(delimiter), mark + line.len() + line_end)
}

/// The delimiter by which most of the first records have as many values as the header, which has several; of
/// equally good ones, the one that makes the most columns. A comma where there is none: a file may have one
/// column.
fn found(text: &[u8], is_cut: bool) -> u8 {
    let mut best = (0.0, 1, b',');
    for delimiter in DELIMITERS {
        let (agreeing, columns) = agreement(text, delimiter, is_cut);
        if columns > 1 && (agreeing, columns) > (best.0, best.1) {
            best = (agreeing, columns, delimiter);
        }
    }
    best.2
}

/// The share of the first records that have as many values as the header, and how many it has.
fn agreement(text: &[u8], delimiter: u8, is_cut: bool) -> (f64, usize) {
    let mut records = Records::new(text, delimiter, 1);
    let (mut cells, mut counts) = (Vec::new(), Vec::new());
    while let Some(record) = records.next(&mut cells).filter(|_| counts.len() < RECORDS) {
        if !record.is_blank {
            counts.push(cells.len());
        }
    }
    // The last record may go on behind the sample.
    if is_cut && counts.len() > 2 {
        counts.pop();
    }
    let Some((header, records)) = counts.split_first() else { return (0.0, 0) };
    let agreeing = records.iter().filter(|count| *count == header).count();
    (if records.is_empty() { 1.0 } else { agreeing as f64 / records.len() as f64 }, *header)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(bytes: &[u8], given: Option<u8>) -> Result<Start, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, bytes).unwrap();
        Start::read(&path, given).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn the_delimiter_is_found() {
        let cases = [
            ("a,b\n1,2\n", b','),
            ("a;b\n1,5;2,5\n", b';'),
            ("a;b;c\n\"x, y, z\";1,5;\"2\n, ;3\"\n", b';'),
            ("a\tb\n1,2\t3\n", b'\t'),
            ("a|b|c\r\n1|2|3\r\n", b'|'),
            ("\"last, first\";age\n\"Doe, J\";3\n\"Roe, R\";4\n", b';'),
            ("name,note\nx,\"a;b;c\"\ny,\"d;e;f\"\n", b','),
            ("only\n1\n2\n", b','),
            ("a,b;c\n1,2;3\n", b','),
            ("a;b\n\n1,0;2\n\n2,0;3\n", b';'),
        ];
        for (text, delimiter) in cases {
            let found = start(text.as_bytes(), None).unwrap().delimiter;
            assert_eq!(found as char, delimiter as char, "{text:?}");
        }
    }

    #[test]
    fn one_ragged_line_misleads_no_one() {
        let mut text = "a;b;c\n".to_owned() + &"1,0;2;3\n".repeat(50);
        text.push_str("1,0;2\n");
        assert_eq!(start(text.as_bytes(), None).unwrap().delimiter, b';');
    }

    #[test]
    fn what_stands_before_the_header_is_passed() {
        type Case = (&'static [u8], u8, &'static [&'static str], u64, u64);
        let cases: [Case; 7] = [
            (b"a,b\n1,2\n", b',', &["a", "b"], 4, 2),
            (b"\xEF\xBB\xBF\"a\" ; b\r\n1;2\r\n", b';', &["a", "b"], 12, 2),
            (b"sep=;\r\na,b;c\r\n1;2\r\n", b';', &["a,b", "c"], 14, 3),
            (b"\xEF\xBB\xBFSEP=~\na~b\n", b'~', &["a", "b"], 13, 3),
            (b"\"sep=|\"\na|b", b'|', &["a", "b"], 11, 2),
            (b"sep=5,b\n1,2\n", b',', &["sep=5", "b"], 8, 2),
            (b"a,\"b\nc\"\r1,2\r", b',', &["a", "b\nc"], 8, 3),
        ];
        for (bytes, delimiter, names, offset, line) in cases {
            let start = start(bytes, None).unwrap();
            let found = (start.delimiter, start.offset, start.line);
            assert_eq!(
                (start.names, found),
                (names.iter().map(|it| (*it).to_owned()).collect(), (delimiter, offset, line))
            );
        }
    }

    #[test]
    fn what_names_no_columns_is_refused() {
        let cases: [(&[u8], Option<u8>, &str); 9] = [
            (b"\xFF\xFEa\0", None, "UTF-16"),
            (b"a\0,\0b\0\n\0", None, "neither CSV nor Parquet"),
            (b"", None, "is empty"),
            (b"\xEF\xBB\xBF", None, "is empty"),
            (b"sep=;\n", None, "is empty"),
            (b"\na,b\n", None, "line 1 is blank"),
            (b"a,Stra\xDFe\n1,2\n", None, "line 1: the name of column 2 is not UTF-8"),
            (b"a,\"b\n1,2\n", None, "line 1: the quotation mark that opens on line 1 is never closed"),
            (b"sep=;\na;b\n", Some(b','), "its first line says that ';' stands between values"),
        ];
        for (bytes, given, expected) in cases {
            let error = start(bytes, given).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(start(b"sep=;\na;b\n", Some(b';')).unwrap().names, ["a", "b"]);
    }
}
