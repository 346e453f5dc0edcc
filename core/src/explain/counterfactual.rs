//! The smallest change of a customer's features that would change the first offer.

mod pairs;
mod steps;

use serde::Serialize;

use crate::Error;
use crate::bundle::Bundle;
use crate::model::forest::BLOCK;
use crate::score::Scorer;
use pairs::Pairs;
use steps::{Step, steps};

/// The most changes that a search tries.
pub const MAX_CHANGES: usize = 200_000;

/// A change of features that changes the first offer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counterfactual {
    /// The changes: one feature or two, in the order of the features.
    pub changes: Vec<Change>,
    /// The position of the product that would then be offered first.
    pub offer: usize,
}

/// A change of one feature.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The feature's name.
    pub feature: String,
    /// The feature's label.
    pub label: String,
    /// The customer's value; `None` if it is missing or beyond the range of `f32`.
    pub from: Option<f32>,
    /// The changed value.
    pub to: f32,
    /// The customer's value, in words.
    pub from_text: String,
    /// The changed value, in words.
    pub to_text: String,
}

/// Finds the smallest change of a row's mutable features (given by position) that changes which product `top`
/// chooses; `None` if no change that was tried does. `top` maps the probabilities of all classes to a
/// product's position, or to `None` if no product is to be offered; a change to `None` is not looked for.
///
/// One or two features change. A change of one feature is smaller than any of two; otherwise the smaller sum
/// of step sizes wins. The size of a step is the number of bins moved, divided by the number of the feature's
/// bins. The bins of a category have no order: every other word is a step of size 1, as is every value from a
/// missing one. Ties go to the first features, then to the lower bins.
///
/// All bins that the model distinguishes are tried, smallest changes first, up to [`MAX_CHANGES`] changes.
/// The new value is the value in the bin that is nearest to the customer's: an integer if the feature is one,
/// otherwise no finer than its words can say. Features computed from others (a ratio, a longer window) do not
/// follow the change: the caller chooses which features are mutable.
///
/// # Errors
/// [`Error::RowLength`] if the row does not fit the bundle.
///
/// # Examples
/// ```
/// # use nextbest_core::Bundle;
/// use nextbest_core::explain::counterfactual;
///
/// # let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/bank.bundle"));
/// # let bundle = Bundle::decode(bytes)?;
/// let best = |probabilities: &[f32]| {
///     let products = probabilities.iter().skip(1).enumerate();
///     products.max_by(|a, b| a.1.total_cmp(b.1)).map(|(product, _)| product)
/// };
/// # let row = bundle.goldens[0].row.clone();
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
            // Two changes of one feature are not a pair, but count towards the limit since they take time.
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
    /// The first offer without a change.
    present: Option<usize>,
}

impl<T: Fn(&[f32]) -> Option<usize>> Search<'_, T> {
    /// The first of some changes after which another product is offered first, with that product.
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
                // Batches give the same bits as single rows; an answer about a customer is checked all the
                // same.
                let alone = self.scorer.score(row)?.to_vec();
                if let Some(offer) = self.other(&alone) {
                    return Ok(Some((*steps, offer)));
                }
            }
        }
    }

    /// The first offer for these probabilities, if it differs from the present one.
    fn other(&self, probabilities: &[f32]) -> Option<usize> {
        (self.top)(probabilities).filter(|offer| Some(*offer) != self.present)
    }
}
