//! Features that say nothing, or nothing new.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::io::feature_table::{Layout, read_feature};

/// Constant and repeated features.
#[derive(Debug, Serialize)]
pub(crate) struct Columns {
    /// Features with the same value in every row, and that value (none where it is always missing).
    pub(crate) constant: Vec<(String, Option<f32>)>,
    /// Features that are equal in every row to one that stands before them.
    pub(crate) repeated: Vec<(String, String)>,
}

/// Looks at one feature after the other.
///
/// # Errors
/// If the table can't be read.
pub(crate) fn examine(parquet: &Path, layout: &Layout) -> anyhow::Result<Columns> {
    let looked_at = (0..layout.features.len())
        .into_par_iter()
        .map(|feature| {
            let values = read_feature(parquet, feature)?;
            let first = values.first().copied().unwrap_or(f32::NAN);
            let is_constant = values.iter().all(|value| value.to_bits() == first.to_bits());
            let mut hash = Sha256::new();
            values.iter().for_each(|value| hash.update(value.to_bits().to_le_bytes()));
            Ok((is_constant.then_some(first), hash.finalize().to_vec()))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut columns = Columns { constant: Vec::new(), repeated: Vec::new() };
    let mut first_with: BTreeMap<Vec<u8>, &str> = BTreeMap::new();
    for (feature, (constant, hash)) in layout.features.iter().zip(looked_at) {
        let name = feature.name.as_str();
        if let Some(value) = constant {
            columns.constant.push((name.to_owned(), (!value.is_nan()).then_some(value)));
        } else if let Some(first) = first_with.get(&hash) {
            columns.repeated.push((name.to_owned(), (*first).to_owned()));
        } else {
            first_with.insert(hash, name);
        }
    }
    Ok(columns)
}

impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.constant {
            match value {
                Some(value) => writeln!(f, "remark   {name} is {value} in every row")?,
                None => writeln!(f, "remark   {name} is missing in every row")?,
            }
        }
        self.repeated
            .iter()
            .try_for_each(|(name, first)| writeln!(f, "remark   {name} is equal to {first} in every row"))
    }
}
