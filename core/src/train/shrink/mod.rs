//! Makes a trained forest smaller, at the least cost in log-loss.
//!
//! A [`Pruning`] says what stays: a share of the trees, a share of their leaves, and the number of steps that
//! leaf values are rounded to. [`search()`] finds prunings on a forest that did not learn from the validation
//! rows, so the log-loss there is honest; the chosen one is then applied to the final forest, so the size is
//! that of what is shipped.

mod leaf_weights;
mod prune;

use rayon::prelude::*;
use serde::Serialize;

use super::dataset::Dataset;
use crate::Error;
use crate::matrix::Matrix;
use crate::metrics;
use crate::model::calibration::Calibration;
use crate::model::forest::{BLOCK, Link, Scratch};
use prune::Step;
pub use prune::{Prunable, Pruned, Pruning};

/// A pruning with its log-loss and its size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// What stays.
    pub pruning: Pruning,
    /// The log-loss on the validation rows.
    pub log_loss: f64,
    /// Bytes of the stored model.
    pub bytes: usize,
}

/// The size of the final model under a pruning, in bytes.
pub trait Sizes: Sync {
    /// A fast estimate, which decides the next step.
    ///
    /// # Errors
    /// If the model can't be stored.
    fn rough(&self, pruning: &Pruning) -> Result<usize, Error>;

    /// The exact size.
    ///
    /// # Errors
    /// If the model can't be stored.
    fn exact(&self, pruning: &Pruning) -> Result<usize, Error>;
}

/// Makes a forest smaller step by step. Each step is the one that costs the least log-loss per byte saved;
/// `on_step` is called after each.
///
/// Without a limit, it runs until no step saves anything. With one, it stops below two thirds of the limit
/// unless the loss has not risen yet; the step that crosses the limit is bisected up to three times.
///
/// # Errors
/// If a pruned forest is broken, or `sizes` fails.
pub fn search(
    model: &Prunable,
    validation: &ValidationRows<'_>,
    sizes: &impl Sizes,
    limit: Option<usize>,
    on_step: impl Fn(&Point),
) -> Result<Vec<Point>, Error> {
    let point = |pruning: Pruning| {
        let log_loss = validation.log_loss(&model.apply(&pruning))?;
        Ok::<_, Error>(Point { pruning, log_loss, bytes: sizes.exact(&pruning)? })
    };
    let mut points = vec![point(Pruning::WHOLE)?];
    let mut rough = sizes.rough(&Pruning::WHOLE)?;
    let far_enough = limit.map_or(0, |limit| limit / 3 * 2);
    let whole = points.first().map_or(f64::INFINITY, |whole| whole.log_loss);
    // Pruning an overfitted forest lowers the loss: go on while it does.
    let goes_on = |now: &Point| now.bytes > far_enough || now.log_loss <= whole;
    while let Some(now) = points.last().copied().filter(goes_on) {
        let candidates = Step::ALL.into_par_iter().map(|step| {
            let Some((pruning, bytes)) = saving(&now.pruning, step, sizes, rough)? else { return Ok(None) };
            let log_loss = validation.log_loss(&model.apply(&pruning))?;
            Ok(Some((Point { pruning, log_loss, bytes: 0 }, bytes)))
        });
        let candidates = candidates.collect::<Result<Vec<_>, Error>>()?.into_iter().flatten();
        let price = |(next, bytes): &(Point, usize)| (next.log_loss - now.log_loss) / (rough - bytes) as f64;
        let best = candidates.min_by(|a, b| price(a).total_cmp(&price(b)));
        let Some((mut next, next_rough)) = best else { break };
        next.bytes = sizes.exact(&next.pruning)?;
        if let Some(limit) = limit.filter(|limit| (next.bytes..now.bytes).contains(limit)) {
            points.extend(halved(now, next, limit, point)?);
        }
        on_step(&next);
        points.push(next);
        rough = next_rough;
    }
    Ok(points)
}

/// The first pruning in the direction of `step` that takes fewer than `than` bytes, with its rough size. A
/// single step of a small forest may remove less than a whole tree or leaf, so it may take several.
fn saving(
    from: &Pruning,
    step: Step,
    sizes: &impl Sizes,
    than: usize,
) -> Result<Option<(Pruning, usize)>, Error> {
    let mut next = from.smaller(step);
    while let Some(pruning) = next {
        let bytes = sizes.rough(&pruning)?;
        if bytes < than {
            return Ok(Some((pruning, bytes)));
        }
        next = pruning.smaller(step);
    }
    Ok(None)
}

/// Bisections of the step that crosses the limit.
const HALVINGS: usize = 3;

/// Bisects between a point above the limit and one below it.
fn halved(
    mut above: Point,
    mut below: Point,
    limit: usize,
    point: impl Fn(Pruning) -> Result<Point, Error>,
) -> Result<Vec<Point>, Error> {
    let mut points = Vec::new();
    for _ in 0..HALVINGS {
        let Some(pruning) = above.pruning.half_way(&below.pruning) else { break };
        let half = point(pruning)?;
        points.push(half);
        *(if half.bytes > limit { &mut above } else { &mut below }) = half;
    }
    Ok(points)
}

/// The Pareto frontier of size and log-loss, the largest first: each point is smaller and worse than the one
/// before.
pub fn frontier(points: &[Point]) -> Vec<Point> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.bytes.cmp(&b.bytes).then(a.log_loss.total_cmp(&b.log_loss)));
    let mut frontier: Vec<Point> = Vec::new();
    for point in sorted {
        if frontier.last().is_none_or(|best| point.log_loss < best.log_loss) {
            frontier.push(point);
        }
    }
    frontier.reverse();
    frontier
}

/// Validation rows, in the blocks that a forest scores.
pub struct ValidationRows<'c> {
    labels: Vec<usize>,
    /// Each block holds the bins of its rows feature by feature.
    blocks: Vec<Vec<u8>>,
    calibration: &'c Calibration,
}

impl<'c> ValidationRows<'c> {
    /// Invariant: `rows` have the bins that the forests learned from. `calibration` corrects the
    /// probabilities.
    pub fn new(rows: &Dataset, calibration: &'c Calibration) -> Self {
        let block = |start: usize| {
            let of_rows =
                |column: &Vec<u8>| column.iter().skip(start).take(BLOCK).copied().collect::<Vec<u8>>();
            rows.columns().iter().flat_map(of_rows).collect()
        };
        Self {
            labels: rows.labels().iter().map(|label| usize::from(*label)).collect(),
            blocks: (0..rows.row_count()).step_by(BLOCK).map(block).collect(),
            calibration,
        }
    }

    /// The mean log-loss of a pruned forest.
    ///
    /// # Errors
    /// If its trees are broken.
    pub fn log_loss(&self, pruned: &Pruned) -> Result<f64, Error> {
        let forest = pruned.forest()?;
        let class_count = forest.class_count().max(1);
        let mut probabilities = vec![0.0; self.labels.len() * class_count];
        let blocks = probabilities.par_chunks_mut(BLOCK * class_count).zip(&self.blocks);
        blocks.try_for_each_init(Scratch::default, |scratch, (probabilities, bins)| {
            let bins = Matrix::new(bins, probabilities.len() / class_count)?;
            forest.predict_block(bins, scratch, probabilities);
            probabilities.chunks_exact_mut(class_count).for_each(|row| self.calibration.apply(row));
            Ok::<(), Error>(())
        })?;
        Ok(metrics::log_loss(&self.labels, Matrix::new(&probabilities, class_count)?))
    }
}

/// The number of values of a leaf: a distribution in a random forest, one number in boosted trees.
fn values_a_leaf(link: &Link, class_count: usize) -> usize {
    match link {
        Link::Mean => class_count.max(1),
        Link::Softmax(_) => 1,
    }
}
