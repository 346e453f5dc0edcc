//! Rows of events that do not fit into memory: a temporary file, column by column, in each column part by
//! part.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};

use super::events::{Block, BlockColumn, range};

/// The rows of some blocks, put aside in a file without a name, which ends with the process however that
/// ends.
#[derive(Debug)]
pub(super) struct SpilledRun {
    /// Parts are read side by side, but each in one go.
    file: Mutex<File>,
    folder: PathBuf,
    /// Where each part's rows start; one more entry than parts.
    starts: Vec<u64>,
    /// Where each column's values start in the file, and what they are; the customers' come first, from 0.
    columns: Vec<(u64, Kind)>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Number,
    Code,
}

impl SpilledRun {
    /// Writes blocks of the same parts and columns to a file in a folder.
    ///
    /// # Errors
    /// If the file can't be written.
    pub(super) fn write(folder: &Path, blocks: &[Block]) -> anyhow::Result<Self> {
        let place = || format!("{}: events can't be put aside there", folder.display());
        std::fs::create_dir_all(folder).with_context(place)?;
        let file = tempfile::tempfile_in(folder).with_context(place)?;
        let mut writer = BufWriter::with_capacity(1 << 20, &file);
        let parts = blocks.iter().map(|block| block.starts.len()).max().unwrap_or(1) - 1;
        let starts: Vec<u64> = (0..=parts)
            .map(|part| {
                blocks.iter().filter_map(|block| block.starts.get(part)).map(|start| u64::from(*start)).sum()
            })
            .collect();
        let mut position = 0u64;
        let mut write = |bytes: &mut dyn Iterator<Item = anyhow::Result<Vec<u8>>>| -> anyhow::Result<u64> {
            let from = position;
            for bytes in bytes {
                let bytes = bytes?;
                writer.write_all(&bytes).with_context(place)?;
                position += bytes.len() as u64;
            }
            Ok(from)
        };
        let slices =
            || (0..parts).flat_map(|part| blocks.iter().map(move |block| (block, block.rows_of(part))));
        write(&mut slices().map(|(block, rows)| codes(&block.customers, rows)))?;
        let mut columns = Vec::new();
        for column in 0..blocks.first().map_or(0, |block| block.columns.len()) {
            let kind = match blocks.first().and_then(|block| block.columns.get(column)) {
                Some(BlockColumn::Codes(_)) => Kind::Code,
                _ => Kind::Number,
            };
            let from = write(&mut slices().map(|(block, rows)| match block.columns.get(column) {
                Some(BlockColumn::Numbers(values)) => {
                    Ok(range(values, rows)?.iter().flat_map(|value| value.to_le_bytes()).collect())
                }
                Some(BlockColumn::Codes(values)) => codes(values, rows),
                None => bail!("a block of events lacks column {column}"),
            }))?;
            columns.push((from, kind));
        }
        writer.flush().with_context(place)?;
        drop(writer);
        Ok(Self { file: Mutex::new(file), folder: folder.to_owned(), starts, columns })
    }

    /// The rows of a part, as a block of that part alone.
    ///
    /// # Errors
    /// If the file can't be read.
    pub(super) fn read(&self, part: usize) -> anyhow::Result<Block> {
        let place = || format!("{}: events that were put aside can't be read", self.folder.display());
        // A part behind the last has no rows.
        let (first, rows) = match self.starts.get(part..).unwrap_or_default() {
            [start, end, ..] => (*start, end - start),
            _ => (0, 0),
        };
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut read = |from: u64, width: u64| -> anyhow::Result<Vec<u8>> {
            read_at(&mut file, from + first * width, rows * width).with_context(place)
        };
        let customers = to_codes(&read(0, 2)?);
        let columns = self.columns.iter().map(|(from, kind)| {
            Ok(match kind {
                Kind::Code => BlockColumn::Codes(to_codes(&read(*from, 2)?)),
                Kind::Number => BlockColumn::Numbers(to_numbers(&read(*from, 8)?)),
            })
        });
        let columns = columns.collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Block { starts: vec![0, rows as u32], customers, columns })
    }
}

fn codes(values: &[u16], rows: std::ops::Range<usize>) -> anyhow::Result<Vec<u8>> {
    Ok(range(values, rows)?.iter().flat_map(|value| value.to_le_bytes()).collect())
}

fn to_codes(bytes: &[u8]) -> Vec<u16> {
    bytes.as_chunks::<2>().0.iter().map(|value| u16::from_le_bytes(*value)).collect()
}

fn to_numbers(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks::<8>().0.iter().map(|value| f64::from_le_bytes(*value)).collect()
}

fn read_at(file: &mut File, from: u64, length: u64) -> std::io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = vec![0; usize::try_from(length).map_err(std::io::Error::other)?];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// A block of a column of numbers and one of codes, by the rows of each of its parts.
    fn block(parts: &[Vec<(u16, u64, u16)>]) -> Block {
        let rows = || parts.iter().flatten();
        let ends = parts.iter().scan(0, |end, rows| {
            *end += rows.len() as u32;
            Some(*end)
        });
        Block {
            starts: [0].into_iter().chain(ends).collect(),
            customers: rows().map(|row| row.0).collect(),
            columns: vec![
                BlockColumn::Numbers(rows().map(|row| f64::from_bits(row.1)).collect()),
                BlockColumn::Codes(rows().map(|row| row.2).collect()),
            ],
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Each part has the rows of all blocks, in their order, with the very bits.
        #[test]
        fn what_is_put_aside_is_read_again(blocks in vec(vec(vec(any::<(u16, u64, u16)>(), 0..4), 3), 1..4)) {
            let folder = tempfile::tempdir().unwrap();
            let run = SpilledRun::write(folder.path(), &blocks.iter().map(|it| block(it)).collect::<Vec<_>>()).unwrap();
            for part in 0..3 {
                let read = run.read(part).unwrap();
                let expected: Vec<(u16, u64, u16)> = blocks.iter().flat_map(|block| block[part].clone()).collect();
                let [BlockColumn::Numbers(numbers), BlockColumn::Codes(codes)] = &read.columns[..] else { panic!() };
                let rows = read.customers.iter().zip(numbers).zip(codes);
                let rows: Vec<_> = rows.map(|((customer, number), code)| (*customer, number.to_bits(), *code)).collect();
                prop_assert_eq!(rows, expected);
            }
        }
    }
}
