//! A file in blocks of whole records.

use std::io::Read;

use anyhow::bail;

use super::records::{Flaw, Records, end_of_last_record, line_ends};

/// A record longer than this is a quotation mark that is never closed.
const MAX_RECORD: usize = 64 << 20;

/// Whole records.
pub(super) struct Block {
    pub(super) text: Vec<u8>,
    /// The line on which they begin.
    pub(super) first_line: u64,
    /// Whether the file ends with them. Only this block can end with blank lines.
    pub(super) is_last: bool,
}

/// The blocks of a file, or of what follows its header.
pub(super) struct Blocks<R> {
    source: R,
    delimiter: u8,
    /// About how many bytes a block has.
    size: usize,
    /// What was read but belongs to the next block.
    rest: Vec<u8>,
    next_line: u64,
    is_done: bool,
}

impl<R: Read> Blocks<R> {
    pub(super) fn new(source: R, delimiter: u8, size: usize, first_line: u64) -> Self {
        Self { source, delimiter, size, rest: Vec::new(), next_line: first_line, is_done: false }
    }

    /// The next block.
    ///
    /// # Errors
    /// If the file can't be read, or a record has no end.
    pub(super) fn read_block(&mut self) -> anyhow::Result<Option<Block>> {
        let mut text = std::mem::take(&mut self.rest);
        while !self.is_done {
            let wanted = self.size.saturating_sub(text.len()).max(self.size / 2).max(1) as u64;
            let count = self.source.by_ref().take(wanted).read_to_end(&mut text)?;
            self.is_done = (count as u64) < wanted;
            if self.is_done {
                break;
            }
            if let Some(end) = end_of_last_record(&text, self.delimiter) {
                self.rest = text.split_off(end);
                break;
            }
            if text.len() > MAX_RECORD {
                bail!("{}", self.endless(&text));
            }
        }
        if text.is_empty() {
            return Ok(None);
        }
        let first_line = self.next_line;
        self.next_line += line_ends(&text);
        Ok(Some(Block { text, first_line, is_last: self.is_done }))
    }

    /// Why a text of one record alone is that long.
    fn endless(&self, text: &[u8]) -> String {
        let flaw =
            Records::new(text, self.delimiter, self.next_line).next(&mut Vec::new()).and_then(|it| it.flaw);
        match flaw {
            Some(Flaw::NeverClosed { opened }) => {
                format!(
                    "the quotation mark that opens on line {opened} is not closed within {MAX_RECORD} bytes"
                )
            }
            _ => format!("line {} begins a record of more than {MAX_RECORD} bytes", self.next_line),
        }
    }
}

impl<R: Read> Iterator for Blocks<R> {
    type Item = anyhow::Result<Block>;

    fn next(&mut self) -> Option<Self::Item> {
        let block = self.read_block().transpose();
        if matches!(block, Some(Err(_))) {
            self.is_done = true;
            self.rest.clear();
        }
        block
    }
}
