//! The final model, what a recipe leaves of it, and how large its bundle then is.

use nextbest_core::Error;
use nextbest_core::bundle::Bundle;
use nextbest_core::model::Model;
use nextbest_core::train::shrink::{Point, Prunable, Recipe, Sizes};

use super::brotli::{BEST, FAST, compressed_size};
use super::frontier::FrontierPoint;
use super::without_unused_edges;
use crate::privacy::carried_rows::CarriedRows;

/// The final model.
pub(super) struct Shipped<'s> {
    /// As it was trained. Its profile is good enough for what smaller ones weigh.
    pub(super) bundle: &'s Bundle,
    pub(super) model: Prunable,
    pub(super) rows: CarriedRows<'s>,
    /// How many bytes a signature adds.
    pub(super) signature: usize,
}

impl Shipped<'_> {
    /// The bundle of what a recipe leaves. Its card says what that is.
    pub(super) fn bundle(&self, recipe: &Recipe) -> Result<Bundle, Error> {
        if *recipe == Recipe::WHOLE {
            // Taken apart and put together it would differ in the last bit from what was evaluated.
            let mut whole = without_unused_edges(self.bundle.clone())?;
            self.rows.fill_goldens(&mut whole)?;
            return Ok(whole);
        }
        let pruned = self.model.apply(recipe);
        let (bins, forest) = pruned.compact(&self.bundle.bins)?;
        let mut bundle =
            Bundle { bins, model: Model::Forest(forest), goldens: Vec::new(), ..self.bundle.clone() };
        let kept = [
            ("trees_kept", pruned.trees.len().to_string()),
            ("leaves_kept", pruned.leaf_count().to_string()),
            ("leaf_steps", pruned.leaf_steps.to_string()),
        ];
        bundle.card.parameters.extend(kept.map(|(name, value)| (name.to_owned(), value)));
        self.rows.fill_goldens(&mut bundle)?;
        Ok(bundle)
    }

    /// A point of the frontier, for people.
    pub(super) fn describe(&self, point: &Point) -> FrontierPoint {
        let pruned = self.model.apply(&point.recipe);
        FrontierPoint {
            trees: pruned.trees.len(),
            leaves: pruned.leaf_count(),
            leaf_steps: pruned.leaf_steps,
            validation_log_loss: point.log_loss,
            bytes: point.bytes,
            chosen: false,
        }
    }

    fn size(&self, recipe: &Recipe, quality: i32) -> Result<usize, Error> {
        let bytes = self.bundle(recipe)?.encode()?;
        let compressed = compressed_size(&bytes, quality);
        Ok(compressed.map_err(|error| Error::Training(error.to_string()))? + self.signature)
    }
}

impl Sizes for Shipped<'_> {
    fn rough(&self, recipe: &Recipe) -> Result<usize, Error> {
        self.size(recipe, FAST)
    }

    fn exact(&self, recipe: &Recipe) -> Result<usize, Error> {
        self.size(recipe, BEST)
    }
}
