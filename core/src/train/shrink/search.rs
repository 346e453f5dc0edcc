//! Searches the recipes that lose least for what they save.

use serde::Serialize;

use super::judge::Judge;
use super::prune::Prunable;
use super::recipe::Recipe;
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
pub trait Sizes {
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

/// Makes a forest smaller step by step, always by the step that costs the least log-loss for each byte that it saves, until
/// nothing is left to save. `on_step` is called after each.
///
/// Where a limit is given, the step that goes beyond it is halved until it hardly does.
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
    while let Some(now) = points.last().copied() {
        let mut best: Option<(f64, Point, usize)> = None;
        for recipe in now.recipe.smaller() {
            let bytes = sizes.rough(&recipe)?;
            let saved = rough.saturating_sub(bytes);
            if saved > 0 {
                let log_loss = judge.log_loss(&model.apply(&recipe))?;
                let price = (log_loss - now.log_loss) / saved as f64;
                if best.as_ref().is_none_or(|(least, ..)| price < *least) {
                    best = Some((price, Point { recipe, log_loss, bytes: 0 }, bytes));
                }
            }
        }
        let Some((_, mut next, next_rough)) = best else { break };
        next.bytes = sizes.exact(&next.recipe)?;
        if let Some(limit) = limit.filter(|limit| (next.bytes..now.bytes).contains(limit)) {
            points.extend(halved(now, next, limit, &point)?);
        }
        on_step(&next);
        points.push(next);
        rough = next_rough;
    }
    Ok(points)
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

/// The points that no other beats in both size and log-loss, the largest first: each is smaller and worse than the one
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
