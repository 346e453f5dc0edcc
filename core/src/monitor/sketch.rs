//! Sketches: the number of rows in each cell of a bundle's distributions, and nothing else about them. They
//! are small, and adding them up gives the same sum in any order.
//!
//! Encoding (docs/FORMAT.md): `NBSK`, the version 1, one byte of flags (1: randomised, 2: merged), the first
//! 16 bytes of the bundle's content hash, 8 bytes of identity; then, as LEB128 numbers, the rows and each
//! cell's count, distribution by distribution; last the first 8 bytes of the SHA-256 of everything before.

use sha2::{Digest, Sha256};

use super::profile::{MOST_ROWS, Profile};
use super::tally::Tally;
use crate::error::SketchError;

const MAGIC: [u8; 4] = *b"NBSK";
const VERSION: u8 = 1;
const RANDOMISED: u8 = 1;
const MERGED: u8 = 2;
const BUNDLE: usize = 16;
const CHECK: usize = 8;

/// The most rows of a merged sketch.
const MOST_MERGED_ROWS: u64 = 1 << 53;

/// The layout of a bundle's sketches.
#[derive(Debug, Clone, PartialEq)]
pub struct SketchLayout {
    bundle: [u8; BUNDLE],
    cells: Vec<usize>,
    /// The ε with which rows were randomised, if they were.
    epsilon: Option<f64>,
}

/// Rows counted by cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Sketch {
    /// A number that its maker chose at random, by which duplicates are recognised. For merged sketches, the
    /// identities combined.
    pub identity: u64,
    /// The number of rows counted.
    pub rows: u64,
    /// Whether it was merged from several sketches.
    pub merged: bool,
    counts: Vec<u64>,
}

impl SketchLayout {
    /// The layout for a bundle with this profile and content hash (hexadecimal digits).
    ///
    /// # Errors
    /// [`SketchError::OtherBundle`] if the hash is too short or not hexadecimal.
    pub fn new(profile: &Profile, content_hash: &str) -> Result<Self, SketchError> {
        let (pairs, _) = content_hash.as_bytes().as_chunks::<2>();
        let byte = |digits: &[u8; 2]| u8::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok();
        let bytes: Option<Vec<u8>> = pairs.iter().take(BUNDLE).map(byte).collect();
        let bundle = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(SketchError::OtherBundle)?;
        Ok(Self {
            bundle,
            cells: profile.distributions().map(|it| it.cells()).collect(),
            epsilon: profile.sketches.epsilon.map(f64::from),
        })
    }

    /// A sketch without rows.
    pub fn empty(&self) -> Sketch {
        Sketch { identity: 0, rows: 0, merged: false, counts: vec![0; self.cells.iter().sum()] }
    }

    /// Whether rows are randomised before they are counted.
    pub fn is_randomised(&self) -> bool {
        self.epsilon.is_some()
    }

    /// The number of cells of each distribution.
    pub fn cells(&self) -> &[usize] {
        &self.cells
    }

    /// Encodes a sketch.
    pub fn write(&self, sketch: &Sketch) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let randomised = if self.epsilon.is_some() { RANDOMISED } else { 0 };
        bytes.extend([VERSION, randomised | if sketch.merged { MERGED } else { 0 }]);
        bytes.extend(self.bundle);
        bytes.extend(sketch.identity.to_le_bytes());
        write_number(sketch.rows, &mut bytes);
        sketch.counts.iter().for_each(|count| write_number(*count, &mut bytes));
        let hash = Sha256::digest(&bytes);
        bytes.extend(hash.iter().take(CHECK));
        bytes
    }

    /// Decodes a sketch and checks everything that can be checked: that it is undamaged, made with this
    /// bundle, and that its counts can come from its number of rows.
    ///
    /// # Errors
    /// Says what is wrong. Nothing in a refused sketch is ever counted.
    pub fn read(&self, bytes: &[u8]) -> Result<Sketch, SketchError> {
        if !bytes.starts_with(&MAGIC) {
            return Err(SketchError::Magic);
        }
        let (content, check) =
            bytes.split_at_checked(bytes.len().saturating_sub(CHECK)).ok_or(SketchError::Length)?;
        let mut rest = Reader(content.get(MAGIC.len()..).ok_or(SketchError::Length)?);
        let [version, flags] = rest.take()?;
        if version != VERSION || flags > (RANDOMISED | MERGED) {
            return Err(SketchError::Version);
        }
        if Sha256::digest(content).get(..CHECK) != Some(check) {
            return Err(SketchError::Damaged);
        }
        if rest.take::<BUNDLE>()? != self.bundle {
            return Err(SketchError::OtherBundle);
        }
        if (flags & RANDOMISED != 0) != self.epsilon.is_some() {
            return Err(SketchError::Counts(
                "they are randomised and the bundle asks for plain ones, or the other way round",
            ));
        }
        let (identity, merged) = (u64::from_le_bytes(rest.take()?), flags & MERGED != 0);
        let rows = rest.number()?;
        let mut counts = Vec::with_capacity(self.cells.iter().sum());
        let mut reports = 0u64;
        for cells in &self.cells {
            let start = counts.len();
            for _ in 0..*cells {
                counts.push(rest.number()?);
            }
            let of_this = counts.iter().skip(start).try_fold(0u64, |sum, count| sum.checked_add(*count));
            let of_this = of_this.ok_or(SketchError::Counts("a count is larger than any number of rows"))?;
            if self.epsilon.is_none() && of_this != rows {
                return Err(SketchError::Counts("a distribution does not count each row once"));
            }
            reports = reports.saturating_add(of_this);
        }
        if !rest.0.is_empty() {
            return Err(SketchError::Length);
        }
        if self.epsilon.is_some() && reports != rows {
            return Err(SketchError::Counts("the number of reports is not the number of rows"));
        }
        let most = if merged { MOST_MERGED_ROWS } else { MOST_ROWS };
        if rows == 0 || rows > most {
            return Err(SketchError::Rows { rows, most });
        }
        Ok(Sketch { identity, rows, merged, counts })
    }

    /// The counts of each distribution's cells.
    pub fn tallies(&self, sketch: &Sketch) -> Vec<Tally> {
        let mut rest = sketch.counts.as_slice();
        let tally = |cells: &usize| {
            let (these, others) = rest.split_at_checked(*cells).unwrap_or((rest, &[]));
            rest = others;
            let counts = these.iter().map(|count| *count as f64).collect();
            match self.epsilon {
                Some(epsilon) => Tally::randomised(counts, epsilon),
                None => Tally::counted(counts),
            }
        };
        self.cells.iter().map(tally).collect()
    }
}

impl Sketch {
    /// Counts a row in its cell of every distribution.
    pub(super) fn count_row(&mut self, layout: &SketchLayout, cells: impl Iterator<Item = usize>) {
        let mut counts = self.counts.as_mut_slice();
        for (count, cell) in layout.cells.iter().zip(cells) {
            let (these, others) = counts.split_at_mut_checked(*count).unwrap_or_default();
            counts = others;
            these.get_mut(cell).into_iter().for_each(|count| *count += 1);
        }
        self.rows += 1;
    }

    /// Counts a row in a cell of one distribution only.
    pub(super) fn count_report(&mut self, layout: &SketchLayout, distribution: usize, cell: usize) {
        let before: usize = layout.cells.iter().take(distribution).sum();
        self.counts.get_mut(before + cell).into_iter().for_each(|count| *count += 1);
        self.rows += 1;
    }

    /// Adds another sketch with the same layout. The sum does not depend on the order or grouping.
    ///
    /// # Errors
    /// If the sum would exceed the most rows that can be counted; then nothing is added.
    pub fn merge(&mut self, other: &Sketch) -> Result<(), SketchError> {
        let rows = self.rows.saturating_add(other.rows);
        if rows > MOST_MERGED_ROWS {
            return Err(SketchError::Rows { rows, most: MOST_MERGED_ROWS });
        }
        // No count exceeds the number of rows.
        self.counts.iter_mut().zip(&other.counts).for_each(|(sum, count)| *sum += count);
        self.rows = rows;
        self.identity ^= other.identity;
        self.merged = true;
        Ok(())
    }
}

fn write_number(mut number: u64, bytes: &mut Vec<u8>) {
    while number > 127 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
}

struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], SketchError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(SketchError::Length)?;
        self.0 = rest;
        Ok(*head)
    }

    /// Reads a number, which must have its shortest encoding.
    fn number(&mut self) -> Result<u64, SketchError> {
        let mut number = 0;
        for shift in (0..63).step_by(7) {
            let [byte] = self.take()?;
            number |= u64::from(byte & 127) << shift;
            if byte < 128 {
                let shortest = byte > 0 || shift == 0;
                return if shortest { Ok(number) } else { Err(SketchError::Length) };
            }
        }
        Err(SketchError::Length)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Sketches of rows, and sums of sketches up to the limit, are decoded as they were encoded.
        #[test]
        fn what_is_written_is_read_again(
            cells in vec(1usize..6, 1..5),
            bundle in any::<[u8; BUNDLE]>(),
            epsilon in proptest::option::of(0.1f64..10.0),
            rows in vec(vec(any::<usize>(), 5), 1..20),
            identity in any::<u64>(),
            doublings in 0u32..55,
        ) {
            let layout = SketchLayout { bundle, cells: cells.clone(), epsilon };
            let mut sketch = Sketch { identity, ..layout.empty() };
            for row in &rows {
                let mut of_row = cells.iter().zip(row).map(|(count, cell)| cell % count);
                match epsilon {
                    None => sketch.count_row(&layout, of_row),
                    Some(_) => {
                        let distribution = row[0] % cells.len();
                        let cell = of_row.nth(distribution).unwrap();
                        sketch.count_report(&layout, distribution, cell);
                    }
                }
            }
            prop_assert_eq!(&layout.read(&layout.write(&sketch)).unwrap(), &sketch);
            for _ in 0..doublings {
                let other = sketch.clone();
                if sketch.merge(&other).is_err() {
                    prop_assert!(2 * other.rows > MOST_MERGED_ROWS);
                    break;
                }
            }
            prop_assert_eq!(&layout.read(&layout.write(&sketch)).unwrap(), &sketch);
        }
    }
}
