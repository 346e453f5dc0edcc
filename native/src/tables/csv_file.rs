//! CSV files, read in blocks of whole records that are parsed side by side.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use csv::ByteRecord;
use rayon::prelude::*;

use super::batch::{CellColumn, Cells, Part, Places, TextColumn};

/// Files are read in blocks of about this many bytes.
const BLOCK: usize = 2 << 20;
/// A record longer than this is a quotation mark that is never closed.
const MAX_RECORD: usize = 64 << 20;

/// A CSV file whose header was read.
#[derive(Debug)]
pub(super) struct CsvFile {
    delimiter: u8,
    names: Vec<String>,
}

impl CsvFile {
    /// Opens a file and reads the names of its columns.
    pub(super) fn open(path: &Path, delimiter: u8) -> anyhow::Result<Self> {
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_path(path)?;
        let names = reader.headers().with_context(|| format!("{}:1", path.display()))?;
        // A byte-order mark is no part of the first name.
        let names: Vec<String> =
            names.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
        let distinct: BTreeSet<&String> = names.iter().collect();
        if distinct.len() < names.len() {
            bail!("{}:1: a column name stands there twice", path.display());
        }
        Ok(Self { delimiter, names })
    }

    /// The names of the columns.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Passes all rows to `each`, part by part, from several threads at once.
    pub(super) fn read(
        &self,
        path: &Path,
        columns: &[usize],
        each: impl Fn(Part, Cells) -> anyhow::Result<()> + Sync,
    ) -> anyhow::Result<()> {
        let place = || path.display().to_string();
        let blocks = Blocks::new(File::open(path).with_context(place)?);
        blocks.enumerate().par_bridge().try_for_each(|(number, block)| {
            let block = block.with_context(place)?;
            each(Part { group: number, number: 0, is_last: true }, self.parse(&block, columns))
        })
    }

    /// The cells of a block. Only the first one begins with the header.
    fn parse(&self, block: &Block, columns: &[usize]) -> Cells {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(self.delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(block.text.as_slice());
        let mut texts: Vec<TextColumn> = columns.iter().map(|_| TextColumn::default()).collect();
        let (mut lines, mut malformed) = (Vec::new(), Vec::new());
        let mut record = ByteRecord::new();
        let mut is_header = block.first_line == 1;
        loop {
            let problem = match reader.read_byte_record(&mut record) {
                Ok(false) => break,
                Ok(true) if std::mem::take(&mut is_header) => continue,
                Ok(true) if record.len() == self.names.len() => None,
                Ok(true) => Some(format!("expected {} columns, got {}", self.names.len(), record.len())),
                Err(error) => Some(error.to_string()),
            };
            let line = record.position().map_or(0, csv::Position::line);
            lines.push(block.first_line - 1 + line);
            for (text, &column) in texts.iter_mut().zip(columns) {
                text.push(if problem.is_none() { record.get(column).unwrap_or_default() } else { &[] });
            }
            malformed.extend(problem.map(|problem| (lines.len() - 1, problem)));
        }
        let columns = texts.into_iter().map(CellColumn::Text).collect();
        let (rows, places) = (lines.len(), Places::Lines(lines));
        Cells { rows, columns, places, malformed, unseen: 0, last_unseen: f64::NEG_INFINITY }
    }
}

/// Whole records, and the line on which they begin.
struct Block {
    text: Vec<u8>,
    first_line: u64,
}

/// The blocks of a file.
struct Blocks<R> {
    source: R,
    /// What was read but belongs to the next block.
    rest: Vec<u8>,
    next_line: u64,
    is_done: bool,
}

impl<R: Read> Blocks<R> {
    fn new(source: R) -> Self {
        Self { source, rest: Vec::new(), next_line: 1, is_done: false }
    }

    fn read_block(&mut self) -> std::io::Result<Option<Block>> {
        let mut text = std::mem::take(&mut self.rest);
        while !self.is_done {
            let wanted = BLOCK.saturating_sub(text.len()).max(BLOCK / 2) as u64;
            let count = self.source.by_ref().take(wanted).read_to_end(&mut text)?;
            self.is_done = (count as u64) < wanted;
            if self.is_done {
                break;
            }
            if let Some(end) = end_of_last_record(&text) {
                self.rest = text.split_off(end);
                break;
            }
            if text.len() > MAX_RECORD {
                let message = format!(
                    "line {} begins a record of more than {MAX_RECORD} bytes: is a quotation mark not closed?",
                    self.next_line
                );
                return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, message));
            }
        }
        if text.is_empty() {
            return Ok(None);
        }
        let first_line = self.next_line;
        self.next_line += memchr::memchr_iter(b'\n', &text).count() as u64;
        Ok(Some(Block { text, first_line }))
    }
}

impl<R: Read> Iterator for Blocks<R> {
    type Item = std::io::Result<Block>;

    fn next(&mut self) -> Option<Self::Item> {
        let block = self.read_block().transpose();
        if matches!(block, Some(Err(_))) {
            self.is_done = true;
            self.rest.clear();
        }
        block
    }
}

/// The position behind the last line end that lies outside quotation marks. A text begins outside; each mark leads in
/// or out (a doubled one in and out again).
fn end_of_last_record(text: &[u8]) -> Option<usize> {
    if memchr::memchr(b'"', text).is_none() {
        return memchr::memrchr(b'\n', text).map(|end| end + 1);
    }
    let mut inside = false;
    let mut end = None;
    for position in memchr::memchr2_iter(b'"', b'\n', text) {
        match text.get(position) {
            Some(b'"') => inside = !inside,
            _ if !inside => end = Some(position + 1),
            _ => {}
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_end_with_records() {
        assert_eq!(end_of_last_record(b"a,b\nc,d"), Some(4));
        assert_eq!(end_of_last_record(b"a,b"), None);
        assert_eq!(end_of_last_record(b"a,\"x\ny\"\nc,\"d\ne"), Some(8));
        assert_eq!(end_of_last_record(b"\"a\"\"\n\""), None);
    }

    #[test]
    fn a_file_of_many_blocks_is_read_whole_and_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let mut text = String::from("id,text\n");
        let count = 300_000;
        for row in 0..count {
            // Every seventh row takes two lines.
            text += &if row % 7 == 0 { format!("{row},\"two\nlines\"\n") } else { format!("{row},one\n") };
        }
        std::fs::write(&path, text).unwrap();
        let file = CsvFile::open(&path, b',').unwrap();
        let parts = std::sync::Mutex::new(std::collections::BTreeMap::new());
        file.read(&path, &[0], |part, cells| {
            parts.lock().unwrap().insert(part.group, cells);
            Ok(())
        })
        .unwrap();
        let (mut row, mut line) = (0usize, 2);
        let parts = parts.into_inner().unwrap();
        assert!(parts.len() > 1);
        for (_, cells) in parts {
            assert!(cells.malformed.is_empty());
            for position in 0..cells.rows {
                assert_eq!(cells.columns[0].text(position).unwrap(), row.to_string());
                assert_eq!(cells.places.of(position), format!(":{line}"));
                line += if row % 7 == 0 { 2 } else { 1 };
                row += 1;
            }
        }
        assert_eq!(row, count);
    }
}
