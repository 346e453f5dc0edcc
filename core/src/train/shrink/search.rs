//! Searches the recipes that lose least for what they save.

use rayon::prelude::*;
use serde::Serialize;

use super::judge::Judge;
use super::prune::Prunable;
use super::recipe::{Recipe, Way};
use crate::Error;

/// What is left of a forest, how good it is and how large.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// What is left.
    pub recipe: Recipe,
    /// The log-loss of the rows that judge.
    pub log_loss: f64,
    /// What it takes to store it.
    pub bytes: usize,
}

/// Tells how large the final model is under a recipe.
pub trait Sizes: Sync {
    /// About how large, fast: it decides which way to go.
    ///
    /// # Errors
    /// Where the model can't be stored.
    fn rough(&self, recipe: &Recipe) -> Result<usize, Error>;

    /// How large.
    ///
    /// # Errors
    /// Where the model can't be stored.
    fn exact(&self, recipe: &Recipe) -> Result<usize, Error>;
}

/// Makes a forest smaller step by step. Each step is the one that costs the least log-loss per byte saved;
/// `on_step` is called after each.
///
/// Without a limit, it runs until no step saves anything. With one, it stops below two thirds of the limit
/// unless the loss has not risen yet; the step that crosses the limit is bisected up to three times.
///
/// # Errors
/// Those of the judge and the sizes.
pub fn search(
    model: &Prunable,
    judge: &Judge<'_>,
    sizes: &impl Sizes,
    limit: Option<usize>,
    on_step: impl Fn(&Point),
) -> Result<Vec<Point>, Error> {
    let point = |recipe: Recipe| {
        let log_loss = judge.log_loss(&model.apply(&recipe))?;
        Ok::<_, Error>(Point { recipe, log_loss, bytes: sizes.exact(&recipe)? })
    };
    let mut points = vec![point(Recipe::WHOLE)?];
    let mut rough = sizes.rough(&Recipe::WHOLE)?;
    let far_enough = limit.map_or(0, |limit| limit / 3 * 2);
    let whole = points.first().map_or(f64::INFINITY, |whole| whole.log_loss);
    // As long as it costs nothing (a forest that has learned its rows by heart gets better), there is a
    // reason to go on.
    let goes_on = |now: &Point| now.bytes > far_enough || now.log_loss <= whole;
    while let Some(now) = points.last().copied().filter(goes_on) {
        let candidates = Way::ALL.into_par_iter().map(|way| {
            let Some((recipe, bytes)) = saving(&now.recipe, way, sizes, rough)? else { return Ok(None) };
            let log_loss = judge.log_loss(&model.apply(&recipe))?;
            Ok(Some((Point { recipe, log_loss, bytes: 0 }, bytes)))
        });
        let candidates = candidates.collect::<Result<Vec<_>, Error>>()?.into_iter().flatten();
        let price = |(next, bytes): &(Point, usize)| (next.log_loss - now.log_loss) / (rough - bytes) as f64;
        let best = candidates.min_by(|a, b| price(a).total_cmp(&price(b)));
        let Some((mut next, next_rough)) = best else { break };
        next.bytes = sizes.exact(&next.recipe)?;
        if let Some(limit) = limit.filter(|limit| (next.bytes..now.bytes).contains(limit)) {
            points.extend(halved(now, next, limit, point)?);
        }
        on_step(&next);
        points.push(next);
        rough = next_rough;
    }
    Ok(points)
}

/// The next recipe in a way that is smaller than so many bytes, and its size. A step of a small forest may be
/// less than a whole tree or leaf, so several may be needed.
fn saving(
    from: &Recipe,
    way: Way,
    sizes: &impl Sizes,
    than: usize,
) -> Result<Option<(Recipe, usize)>, Error> {
    let mut next = from.smaller(way);
    while let Some(recipe) = next {
        let bytes = sizes.rough(&recipe)?;
        if bytes < than {
            return Ok(Some((recipe, bytes)));
        }
        next = recipe.smaller(way);
    }
    Ok(None)
}

/// How often a step is halved.
const HALVINGS: usize = 3;

/// Points between one above the limit and one below, ever nearer to it.
fn halved(
    mut above: Point,
    mut below: Point,
    limit: usize,
    point: impl Fn(Recipe) -> Result<Point, Error>,
) -> Result<Vec<Point>, Error> {
    let mut points = Vec::new();
    for _ in 0..HALVINGS {
        let Some(recipe) = above.recipe.half_way(&below.recipe) else { break };
        let half = point(recipe)?;
        points.push(half);
        *(if half.bytes > limit { &mut above } else { &mut below }) = half;
    }
    Ok(points)
}

/// The points that no other beats in both size and log-loss, the largest first: each is smaller and worse
/// than the one before.
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
