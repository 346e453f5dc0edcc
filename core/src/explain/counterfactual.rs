//! The smallest change of a customer's features that would change what is offered first.

mod pairs;
mod steps;

use serde::Serialize;

use crate::Error;
use crate::bundle::Bundle;
use crate::model::forest::BLOCK;
use crate::score::Scorer;
use pairs::Pairs;
use steps::{Step, steps};

/// So many changes are looked at, and no more.
pub const MAX_CHANGES: usize = 200_000;

/// A change of features that changes what is offered first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counterfactual {
    /// What changes: one feature or two, in their order.
    pub changes: Vec<Change>,
    /// The position of the product that is then offered first.
    pub offer: usize,
}

/// A change of one feature.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The feature's name.
    pub feature: String,
    /// What it is, in words.
    pub label: String,
    /// The customer's value; `None` where it is missing, or too large for a number of 32 bits.
    pub from: Option<f32>,
    /// The value instead.
    pub to: f32,
    /// The customer's value in words.
    pub from_text: String,
    /// The value instead, in words.
    pub to_text: String,
}

/// The smallest change of a row's mutable features (positions) that changes which product `top` chooses from
/// the probabilities of all classes; `None` where none of those looked at does. `top` gives a product's
/// position, or `None` where none is to be offered, which is no change that is looked for.
///
/// A change of one feature is smaller than any of two, and more than two do not change. Of as many features,
/// the smaller is that whose steps have the smaller sum: a step is as large as the bins that it goes on, by
/// the number of the feature's bins. A category's bins have no order: every other word is 1 step away, as is
/// every value from a missing one. Of equally small changes, that of the first features wins, then that to
/// the lower bins.
///
/// All bins are tried that the model tells apart, but no more than [`MAX_CHANGES`] changes, the smallest
/// first. A feature's new value is that of its bin which is nearest to the customer's, but a whole number
/// where the feature is one, and else no finer than its words say. Features that are computed from others (a
/// ratio, a longer window) do not follow: it is the caller's choice which are mutable.
///
/// # Errors
/// [`Error::RowLength`] where the row does not fit the bundle.
///
/// # Examples
/// ```
/// use nextbest_core::Bundle;
/// use nextbest_core::explain::counterfactual;
///
/// let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/bank.bundle"));
/// let bundle = Bundle::decode(bytes)?;
/// let best = |probabilities: &[f32]| {
///     let products = probabilities.iter().skip(1).enumerate();
///     products.max_by(|a, b| a.1.total_cmp(b.1)).map(|(product, _)| product)
/// };
/// let row = bundle.goldens[0].row.clone();
/// let mutable: Vec<u16> = (0..bundle.features.len() as u16).collect();
/// let found = counterfactual(&bundle, &row, 1_782_864_000, &mutable, best)?.unwrap();
/// let mut changed = row.clone();
/// for change in &found.changes {
///     let at = bundle.features.iter().position(|feature| feature.name == change.feature);
///     changed[at.unwrap()] = change.to;
/// }
/// assert_ne!(best(bundle.scorer().score(&row)?), Some(found.offer));
/// assert_eq!(best(bundle.scorer().score(&changed)?), Some(found.offer));
/// # Ok::<(), nextbest_core::Error>(())
/// ```
pub fn counterfactual(
    bundle: &Bundle,
    row: &[f32],
    as_of: i64,
    mutable: &[u16],
    top: impl Fn(&[f32]) -> Option<usize>,
) -> Result<Option<Counterfactual>, Error> {
    let mut scorer = bundle.scorer();
    let present = top(scorer.score(row)?);
    let mut search = Search { scorer, row, top, present };
    let steps = steps(bundle, row, mutable);
    let singles = steps.iter().map(|step| [Some(step), None]).take(MAX_CHANGES);
    let found = match search.first(singles)? {
        Some(found) => Some(found),
        None => {
            // Both changes of one feature are no pair, but are counted: they take time too.
            let pairs = Pairs::new(&steps).take(MAX_CHANGES.saturating_sub(steps.len()));
            let pairs = pairs.filter(|[one, other]| one.feature != other.feature);
            search.first(pairs.map(|pair| pair.map(Some)))?
        }
    };
    Ok(found.map(|(steps, offer)| {
        let mut steps: Vec<&Step> = steps.into_iter().flatten().collect();
        steps.sort_unstable_by_key(|step| step.feature);
        let changes = steps.into_iter().filter_map(|step| change(bundle, row, as_of, step)).collect();
        Counterfactual { changes, offer }
    }))
}

fn change(bundle: &Bundle, row: &[f32], as_of: i64, step: &Step) -> Option<Change> {
    let (feature, from) = (bundle.features.get(step.feature)?, *row.get(step.feature)?);
    Some(Change {
        feature: feature.name.clone(),
        label: feature.label.clone(),
        from: from.is_finite().then_some(from),
        to: step.value,
        from_text: feature.value_in_words(&bundle.schema, from, as_of),
        to_text: feature.value_in_words(&bundle.schema, step.value, as_of),
    })
}

/// One step or two.
type Steps<'s> = [Option<&'s Step>; 2];

struct Search<'b, T> {
    scorer: Scorer<'b>,
    row: &'b [f32],
    top: T,
    /// What is offered first as it is.
    present: Option<usize>,
}

impl<T: Fn(&[f32]) -> Option<usize>> Search<'_, T> {
    /// The first of some changes with which another product is offered first, and which that is.
    fn first<'s>(
        &mut self,
        mut changes: impl Iterator<Item = Steps<'s>>,
    ) -> Result<Option<(Steps<'s>, usize)>, Error> {
        let mut rows = Vec::new();
        loop {
            let batch: Vec<Steps<'s>> = changes.by_ref().take(BLOCK).collect();
            if batch.is_empty() {
                return Ok(None);
            }
            rows.clear();
            for steps in &batch {
                let start = rows.len();
                rows.extend_from_slice(self.row);
                for step in steps.iter().flatten() {
                    if let Some(value) = rows.get_mut(start + step.feature) {
                        *value = step.value;
                    }
                }
            }
            let probabilities = self.scorer.score_batch(&rows, batch.len())?;
            let classes = probabilities.len() / batch.len();
            let rows = rows.chunks_exact(self.row.len().max(1));
            let scored = batch.iter().zip(rows).zip(probabilities.chunks_exact(classes.max(1)));
            for ((steps, row), probabilities) in scored {
                if self.other(probabilities).is_none() {
                    continue;
                }
                // Many rows score as each alone does; what is told of a customer is looked at twice all the
                // same.
                let alone = self.scorer.score(row)?.to_vec();
                if let Some(offer) = self.other(&alone) {
                    return Ok(Some((*steps, offer)));
                }
            }
        }
    }

    /// What is offered first with these probabilities, where that is another product than now.
    fn other(&self, probabilities: &[f32]) -> Option<usize> {
        (self.top)(probabilities).filter(|offer| Some(*offer) != self.present)
    }
}
