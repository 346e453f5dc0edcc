//! Files read in blocks beside the same files read from their beginning, by us and by others.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

/// What a text holds: each record with its cells.
type Content = Vec<(Record, Vec<Vec<u8>>)>;

fn content_of(text: &[u8], delimiter: u8, first_line: u64) -> Content {
    let mut records = Records::new(text, delimiter, first_line);
    let (mut cells, mut content) = (Vec::new(), Vec::new());
    let mut start = 0;
    while let Some(record) = records.next(&mut cells) {
        let end = records.position().0;
        assert_eq!(record.is_blank, text[start..end].iter().all(|byte| is_line_end(Some(byte))));
        start = end;
        content.push((record, cells.iter().map(|cell| cell.text(text).into_owned()).collect()));
    }
    content
}

fn content_in_blocks(text: &[u8], delimiter: u8, size: usize) -> Content {
    let mut content = Vec::new();
    for block in Blocks::new(text, delimiter, size, 1) {
        let block = block.unwrap();
        content.extend(content_of(&block.text, delimiter, block.first_line));
        assert!(block.is_last || !content.last().unwrap().0.is_blank, "{:?}", block.text);
    }
    content
}

/// Whether others read the same cells, but for spaces around them; of what has a flaw, only as many.
fn agree<'c>(ours: impl Iterator<Item = &'c (Record, Vec<Vec<u8>>)>, others: &[Vec<Vec<u8>>]) -> bool {
    let ours: Vec<_> = ours.collect();
    let same = |a: &[u8], b: &[u8]| a.trim_ascii_end() == b.trim_ascii_end();
    ours.len() == others.len()
        && ours.iter().zip(others).all(|((record, ours), others)| {
            let mut pairs = ours.iter().zip(others);
            ours.len() == others.len() && (record.flaw.is_some() || pairs.all(|(a, b)| same(a, b)))
        })
}

/// Texts of what matters to the grammar, and delimiters.
fn dialects() -> impl Strategy<Value = (Vec<u8>, u8)> {
    let piece = prop_oneof![
        4 => Just("\""), 3 => Just("D"), 2 => Just("\n"), 1 => Just("\r\n"), 1 => Just("\r"), 2 => Just("a"), 1 => Just(" "),
        1 => Just("\"\""), 1 => Just("D\""), 1 => Just("\"D"), 1 => Just("\"\n"), 1 => Just("\n\""), 1 => Just("é"), 1 => Just("\0"),
    ];
    let delimiter = prop::sample::select(b",;\t|".to_vec());
    (prop::collection::vec(piece, 0..40), delimiter).prop_map(|(pieces, delimiter)| {
        let text = pieces.concat().replace('D', &char::from(delimiter).to_string());
        (text.into_bytes(), delimiter)
    })
}

/// Where a row stands, its cells, and what is wrong with it.
type ReadRow = (String, Vec<Vec<u8>>, Option<String>);

/// All that a table has of a file, or why it can't be read.
fn read(path: &Path, file: &CsvFile) -> Result<Vec<ReadRow>, String> {
    let parts = Mutex::new(BTreeMap::new());
    let columns: Vec<usize> = (0..file.names().len()).collect();
    let keep = |part: Part, cells| {
        parts.lock().unwrap().insert(part.group, cells);
        Ok(())
    };
    file.read(path, &columns, keep).map_err(|error| format!("{error:#}"))?;
    let mut rows = Vec::new();
    for cells in parts.into_inner().unwrap().into_values() {
        for row in 0..cells.rows {
            let texts = cells.columns.iter().map(|column| match column {
                CellColumn::Text(texts) => texts.get(row).to_vec(),
                _ => panic!("CSV has texts"),
            });
            let problem = cells.malformed.iter().find(|(malformed, _)| *malformed == row);
            rows.push((cells.places.of(row), texts.collect(), problem.map(|(_, problem)| problem.clone())));
        }
    }
    Ok(rows)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// Blocks of any size give the records of the whole text, on the same lines; and cells are those that the
    /// `csv` crate reads.
    #[test]
    fn blocks_are_the_whole_text((text, delimiter) in dialects(), size in 1usize..60) {
        let whole = content_of(&text, delimiter, 1);
        prop_assert_eq!(&content_in_blocks(&text, delimiter, size), &whole);

        let mut reader =
            ::csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_slice());
        let others: Vec<Vec<Vec<u8>>> =
            reader.byte_records().map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect()).collect();
        // That crate skips blank lines.
        let ours = whole.iter().filter(|(record, _)| !record.is_blank);
        prop_assert!(agree(ours, &others), "{:?} and {:?}", whole, others);
    }

    /// A file's rows, their lines and what is wrong with them do not depend on the blocks.
    #[test]
    fn a_file_is_the_same_in_blocks_of_any_size((rows, delimiter) in dialects(), wide: bool, size in 1usize..60) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let header = if wide { vec![b'x', delimiter, b'y', b'\n'] } else { b"x\n".to_vec() };
        std::fs::write(&path, [header, rows].concat()).unwrap();
        let mut file = CsvFile::open(&path, Some(delimiter)).unwrap();
        let at_once = read(&path, &file);
        file.block = size;
        prop_assert_eq!(at_once, read(&path, &file));
    }
}

#[test]
fn a_file_of_many_blocks_is_read_whole_and_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let mut text = String::from("id,text\n");
    let count = 300_000;
    for row in 0..count {
        // Every seventh row takes two lines; and some have a mark that quotes nothing.
        text += &match row % 7 {
            0 => format!("{row},\"two\nlines\"\n"),
            1 if row % 1000 == 1 => format!("{row},15\" screen\n"),
            _ => format!("{row},one\n"),
        };
    }
    std::fs::write(&path, text).unwrap();
    let rows = read(&path, &CsvFile::open(&path, None).unwrap()).unwrap();
    let mut line = 2;
    for (row, (place, cells, problem)) in rows.iter().enumerate() {
        assert_eq!((place.as_str(), problem), (format!(":{line}").as_str(), &None));
        assert_eq!(cells[0], row.to_string().into_bytes());
        line += if row % 7 == 0 { 2 } else { 1 };
    }
    assert_eq!(rows.len(), count);
}

#[test]
fn what_can_not_be_read_is_placed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let rows_of = |text: &str| {
        std::fs::write(&path, text).unwrap();
        read(&path, &CsvFile::open(&path, None).unwrap())
    };
    let problems = |text: &str| -> Vec<(String, String)> {
        rows_of(text).unwrap().into_iter().filter_map(|(place, _, problem)| Some((place, problem?))).collect()
    };
    for (text, place, problem) in [
        ("a,b\n1,2\n\n3,4\n", ":3", "the line is blank"),
        ("a,b\r\n1,2\r3,4,5\n", ":3", "expected 2 columns, got 3"),
        ("a,b\n1,2,\n", ":2", "expected 2 columns, got 3"),
        ("a,b\n\"1\n\",2\n3\n", ":4", "expected 2 columns, got 1"),
        ("a,b\n1, \"2\"\n", ":2", "a cell begins with a space and a quotation mark"),
        ("a,b\n1,\"2\"3\n", ":2", "text stands behind a closing quotation mark"),
        ("sep=;\na;b\n1\n", ":3", "expected 2 columns, got 1"),
    ] {
        let found = problems(text);
        assert!(
            matches!(found.as_slice(), [(at, what)] if at == place && what.contains(problem)),
            "{found:?}"
        );
    }
    // Leaving out what a stray mark began would leave out more than a row.
    for (text, expected) in [
        ("a,b\n1,\"2\n3,4\n", "t.csv:2: the quotation mark that opens on line 2 is never closed"),
        ("a,b\n\"15 in,2\n3,\"4\"\n", "t.csv:2: the quotation mark that opens on line 2 is closed on line 3"),
        ("a,b\n\"1\n\",\"2\n3,4\n", "t.csv:2: the quotation mark that opens on line 3 is never closed"),
    ] {
        let error = rows_of(text).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    // Blank lines at the end are no rows, except where a row may be one.
    let count = |text: &str| rows_of(text).unwrap().len();
    assert_eq!((count("a,b\n1,2\n\r\n\n"), count("a,b\n\n"), count("a\n1\n\n2\n\n")), (1, 0, 4));
    assert!(problems("a\n1\n\n2\n\n").is_empty());
}

/// A file as Python's `csv` module reads it; bytes are written as characters.
#[derive(Deserialize)]
struct Case {
    text: String,
    delimiter: char,
    /// The line of each record, and its cells.
    records: Vec<(u64, Vec<String>)>,
}

/// Reads what `tests/oracles/csv_records.py` wrote to the file `CSV_CASES`: random texts, and what Python's
/// `csv` made of them.
#[test]
#[ignore = "scripts/test-oracles.sh writes the file that it reads"]
fn records_are_those_of_python() {
    let cases = std::fs::read_to_string(std::env::var("CSV_CASES").unwrap()).unwrap();
    let bytes = |text: &str| -> Vec<u8> { text.chars().map(|c| c as u8).collect() };
    let (mut records, mut flawed) = (0, 0);
    for case in cases.lines() {
        let case: Case = serde_json::from_str(case).unwrap();
        let (text, delimiter) = (bytes(&case.text), case.delimiter as u8);
        let lines: Vec<u64> = case.records.iter().map(|(line, _)| *line).collect();
        let others: Vec<Vec<Vec<u8>>> =
            case.records.iter().map(|(_, cells)| cells.iter().map(|cell| bytes(cell)).collect()).collect();
        let sizes: &[usize] = if text.len() > BLOCK { &[BLOCK] } else { &[1, 7, 30, BLOCK] };
        for size in sizes {
            let content = content_in_blocks(&text, delimiter, *size);
            records += content.len();
            flawed += content.iter().filter(|(record, _)| record.flaw.is_some()).count();
            let place = || case.text.chars().take(1000).collect::<String>();
            assert!(content.iter().map(|(record, _)| &record.line).eq(&lines), "{:?}", place());
            assert!(agree(content.iter(), &others), "{:?}", place());
        }
    }
    assert!(records > 100_000 && flawed > 1_000 && flawed < records / 2, "{flawed} of {records}");
}
