//! Two tables of which nothing is known: their columns by name, each read as what it holds.
//!
//! Columns are read some at a time, so that tables much larger than memory for all of them can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use nextbest_core::monitor::distribution::Distribution;
use nextbest_core::time::Clock;
use rayon::prelude::*;

use super::drift::Drift;
use super::quantity::{Named, Quantity};
use crate::io::tables::is_parquet;
use crate::io::tables::plain::{BothValues, PlainTable, Reading, SkippedColumn};

/// A column of more different words is an id or a text, which nothing is to be expected of.
const MOST_WORDS: usize = 1_000;

/// What two tables have in common.
pub(crate) struct Columns {
    /// What was found of each, not yet judged: the columns themselves are not kept.
    pub(crate) drifts: Vec<Drift>,
    pub(crate) rows: (usize, usize),
    /// Columns that are not compared, and why.
    pub(crate) left_out: Vec<(String, String)>,
    /// Today's columns with one value only, missing ones included.
    pub(crate) constant: Vec<String>,
    /// How many of today's rows have the same values as another one in all columns.
    pub(crate) duplicates: usize,
    /// What there is to tell of the files.
    pub(crate) warnings: Vec<String>,
}

/// Reads the columns of both files.
///
/// # Errors
/// If one can't be read, or they have no column in common; where cells are not what their column holds in
/// the reference, and these do not count as missing.
pub(crate) fn read(
    clock: &Clock,
    reference: &Path,
    current: &Path,
    reading: Reading<'_>,
) -> anyhow::Result<Columns> {
    let headers = (PlainTable::header_of(reference)?, PlainTable::header_of(current)?);
    let names = (&headers.0.names, &headers.1.names);
    let mut left_out =
        [only(names.0, names.1, "the reference"), only(names.1, names.0, "today's rows")].concat();
    let mut common: Vec<&String> = names.0.iter().filter(|name| names.1.contains(name)).collect();
    for SkippedColumn { column, why } in headers.0.left_out.iter().chain(&headers.1.left_out) {
        // Only once where it is so in both.
        if common.contains(&column) {
            common.retain(|name| *name != column);
            left_out.push((column.clone(), why.clone()));
        }
    }
    if common.is_empty() {
        bail!("{} and {} have no column in common", reference.display(), current.display());
    }
    let mut found = Columns {
        drifts: Vec::new(),
        rows: (0, 0),
        left_out,
        constant: Vec::new(),
        duplicates: 0,
        warnings: Vec::new(),
    };
    // Of Parquet files one column for each core; of CSV files all, since their lines must be read for any.
    let is_parquet = is_parquet(reference)? && is_parquet(current)?;
    let at_a_time = if is_parquet { rayon::current_num_threads().max(1) } else { common.len() };
    let mut hashes = RowHashes::default();
    for some in common.chunks(at_a_time) {
        let wanted = |name: &str| some.iter().any(|other| *other == name);
        let read = |path| PlainTable::read(path, clock, reading, wanted);
        let (ours, theirs) = rayon::join(|| read(reference), || read(current));
        let (ours, theirs) = (ours?, theirs?);
        found.rows = (ours.len(), theirs.len());
        let compared = some.par_iter().map(|name| compare(name, &ours, &theirs));
        let compared = compared.collect::<anyhow::Result<Vec<_>>>()?;
        for table in [&ours, &theirs] {
            table.check()?;
            found.warnings.extend(table.warnings());
        }
        for (name, compared) in some.iter().zip(compared) {
            let Compared { drift, constant, hashes: of_column } = compared;
            hashes.add(&of_column);
            found.constant.extend(constant.then(|| (*name).clone()));
            match drift {
                Ok(drift) => found.drifts.push(drift),
                Err(why) => found.left_out.push(((*name).clone(), why)),
            }
        }
    }
    found.duplicates = hashes.duplicates();
    let share = 1.0 / found.drifts.len().max(1) as f64;
    found.drifts.iter_mut().for_each(|drift| drift.importance = share);
    Ok(found)
}

/// Columns that only one of two tables has.
fn only(ours: &[String], theirs: &[String], whose: &str) -> Vec<(String, String)> {
    let only = ours.iter().filter(|name| !theirs.contains(name));
    only.map(|name| (name.clone(), format!("only in {whose}"))).collect()
}

struct Compared {
    /// The column on both sides, or why it is not compared.
    drift: Result<Drift, String>,
    constant: bool,
    /// A number for each of today's values.
    hashes: Vec<u64>,
}

fn compare(name: &str, reference: &PlainTable, current: &PlainTable) -> anyhow::Result<Compared> {
    let named =
        Named { name: name.to_owned(), label: name.to_owned(), group: "table".into(), importance: 0.0 };
    Ok(match reference.values_of_both(current, name)? {
        BothValues::Numbers(before, today) => {
            let hashes: Vec<u64> = today.iter().map(|number| (number + 0.0).to_bits()).collect();
            let constant = hashes.windows(2).all(|pair| matches!(pair, [a, b] if a == b));
            let quantity = Quantity::of_both(named, before, today)?;
            Compared { drift: Ok(Drift::of(&quantity)), constant, hashes }
        }
        BothValues::Words(before, today) => {
            let hashes: Vec<u64> = today.iter().map(|word| hash(word.as_deref())).collect();
            let constant = hashes.windows(2).all(|pair| matches!(pair, [a, b] if a == b));
            let quantity = words(named, &before, &today);
            Compared { drift: quantity.map(|quantity| Drift::of(&quantity)), constant, hashes }
        }
    })
}

fn words(named: Named, before: &[Option<Arc<str>>], today: &[Option<Arc<str>>]) -> Result<Quantity, String> {
    let distinct: BTreeSet<&str> = before.iter().flatten().map(|word| &**word).collect();
    let words: Vec<String> = distinct.iter().map(|word| (*word).to_owned()).collect();
    if words.len() > MOST_WORDS {
        return Err(format!("{} different words: an id or a text", words.len()));
    }
    let codes: BTreeMap<&str, f32> =
        distinct.iter().zip(0u16..).map(|(word, code)| (*word, f32::from(code))).collect();
    let code = |word: &Option<Arc<str>>| {
        word.as_deref().and_then(|word| codes.get(word)).copied().unwrap_or(f32::NAN)
    };
    let reference = Distribution::of_words(before.iter().map(code), words.len());
    let mut new: BTreeMap<&str, usize> = BTreeMap::new();
    for word in today.iter().flatten().filter(|word| !codes.contains_key(&***word)) {
        *new.entry(word).or_default() += 1;
    }
    let mut new: Vec<(String, usize)> = new.into_iter().map(|(word, rows)| (word.to_owned(), rows)).collect();
    new.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    Ok(Quantity::of_words(named, words, reference, today.iter().map(code), new))
}

/// A number for each row, column by column.
#[derive(Default)]
struct RowHashes(Vec<u64>);

impl RowHashes {
    fn add(&mut self, column: &[u64]) {
        self.0.resize(column.len(), 0);
        self.0.iter_mut().zip(column).for_each(|(row, value)| *row = mix(*row ^ value));
    }

    fn duplicates(mut self) -> usize {
        let rows = self.0.len();
        self.0.sort_unstable();
        self.0.dedup();
        rows - self.0.len()
    }
}

/// How many rows have the same bits as another one.
pub(crate) fn duplicate_rows(values: &[f32], width: usize, more: impl Fn(usize) -> u64) -> usize {
    let rows = values.chunks_exact(width.max(1)).enumerate();
    let of_row = |(row, values): (usize, &[f32])| {
        values.iter().fold(mix(more(row)), |hash, value| mix(hash ^ u64::from((value + 0.0).to_bits())))
    };
    RowHashes(rows.map(of_row).collect()).duplicates()
}

/// A number for a text, or for none.
pub(crate) fn hash(text: Option<&str>) -> u64 {
    text.map_or(1, |text| text.bytes().fold(2, |hash, byte| mix(hash ^ u64::from(byte))))
}

/// Spreads every bit over all (the finaliser of SplitMix64; Steele, Lea & Flood, 2014).
fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
