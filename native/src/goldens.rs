//! Golden rows: some of a table, with what this machine makes of them.

use nextbest_core::Error;
use nextbest_core::model::bundle::{Bundle, Golden};
use nextbest_core::score::Scorer;

use crate::feature_table::FeatureTable;

/// How many golden rows a bundle carries.
const GOLDENS: usize = 16;

/// Rows spread over a table.
pub(crate) fn golden_rows(table: &FeatureTable) -> Vec<Vec<f32>> {
    let step = (table.len() / GOLDENS).max(1);
    table.values.chunks_exact(table.width().max(1)).step_by(step).take(GOLDENS).map(<[f32]>::to_vec).collect()
}

/// Gives a bundle golden rows.
///
/// # Errors
/// Where the rows do not fit it.
pub(crate) fn set_goldens(bundle: &mut Bundle, rows: &[Vec<f32>]) -> Result<(), Error> {
    let mut scorer = Scorer::new(bundle);
    let goldens = rows
        .iter()
        .map(|row| Ok(Golden { row: row.clone(), probabilities: scorer.score(row)?.to_vec() }))
        .collect::<Result<_, Error>>()?;
    bundle.goldens = goldens;
    Ok(())
}
