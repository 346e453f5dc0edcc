//! Isotonic regression by pooling adjacent violators (Ayer et al., 1955), one curve per class (Zadrozny &
//! Elkan, 2002).

use rayon::prelude::*;

use crate::matrix::{Column, Matrix};
use crate::model::calibration::{Calibration, Curve, LEAST, MAX_POINTS};

/// Consecutive rows, by input, that share one mean outcome.
struct Block {
    first: f32,
    last: f32,
    rows: f64,
    happened: f64,
}

impl Block {
    fn mean(&self) -> f64 {
        self.happened / self.rows
    }
}

/// Fits a curve for each class; classes that are not `learned` stay unchanged.
pub(super) fn fit(probabilities: Matrix<'_, f32>, labels: &[usize], learned: &[bool]) -> Calibration {
    let classes: Vec<_> = learned.iter().zip(probabilities.columns()).collect();
    let curve = |(class, (learned, inputs)): (usize, (&bool, Column<'_, f32>))| {
        if !learned {
            return Curve { inputs: vec![0.0, 1.0], outputs: vec![LEAST, 1.0] };
        }
        let outcomes = inputs.zip(labels).map(|(input, label)| (input, *label == class));
        isotonic(outcomes.collect())
    };
    Calibration::Isotonic { curves: classes.into_par_iter().enumerate().map(curve).collect() }
}

/// The monotone curve with the least squared distance from some outcomes. Its outputs stay between
/// 1 / (rows + 2) and 1 minus that, as in Laplace's rule of succession for this number of rows: what never
/// happened still may.
fn isotonic(mut outcomes: Vec<(f32, bool)>) -> Curve {
    outcomes.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut blocks: Vec<Block> = Vec::new();
    for equal in outcomes.chunk_by(|a, b| a.0 == b.0) {
        let Some((input, _)) = equal.first().copied() else { continue };
        let happened = equal.iter().filter(|(_, happened)| *happened).count() as f64;
        let mut block = Block { first: input, last: input, rows: equal.len() as f64, happened };
        while let Some(before) = blocks.pop_if(|before| before.mean() >= block.mean()) {
            block.first = before.first;
            block.rows += before.rows;
            block.happened += before.happened;
        }
        blocks.push(block);
    }
    let least = 1.0 / (outcomes.len() as f64 + 2.0);
    let mut curve = Curve::default();
    for block in &blocks {
        let height = block.mean().clamp(least, 1.0 - least) as f32;
        for input in
            [Some(block.first), Some(block.last).filter(|last| *last > block.first)].into_iter().flatten()
        {
            curve.inputs.push(input);
            curve.outputs.push(height);
        }
    }
    thin_out(&mut curve);
    curve
}

/// Keeps the first, the last and evenly spaced points between them, if there are more than a bundle may hold.
fn thin_out(curve: &mut Curve) {
    let count = curve.inputs.len();
    if count <= MAX_POINTS {
        return;
    }
    let kept = |points: &[f32]| {
        let position = |n: usize| n * (count - 1) / (MAX_POINTS - 1);
        (0..MAX_POINTS).filter_map(|n| points.get(position(n)).copied()).collect()
    };
    *curve = Curve { inputs: kept(&curve.inputs), outputs: kept(&curve.outputs) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violators_are_pooled() {
        // By hand: 0 | 1 0 0 → 1/3 | 1 0 1 1 → 1 and 0 pool to 1/2, then 1, 1; the equal 0.7s are one point.
        let outcomes = [
            (0.1, false),
            (0.2, true),
            (0.3, false),
            (0.4, false),
            (0.5, true),
            (0.6, false),
            (0.7, true),
            (0.7, true),
        ];
        let curve = isotonic(outcomes.to_vec());
        assert_eq!(curve.inputs, [0.1, 0.2, 0.4, 0.5, 0.6, 0.7]);
        let expected = [0.1, 1.0 / 3.0, 1.0 / 3.0, 0.5, 0.5, 0.9];
        assert!(curve.outputs.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{curve:?}");
    }

    #[test]
    fn the_curve_is_no_further_from_the_outcomes_than_any_other_that_rises() {
        // Brute force over all monotone step functions of four heights at six points.
        let outcomes: Vec<(f32, bool)> = [false, true, false, true, true, false]
            .into_iter()
            .enumerate()
            .map(|(n, it)| (n as f32 / 6.0, it))
            .collect();
        let curve = isotonic(outcomes.clone());
        let distance = |height: &dyn Fn(usize) -> f64| -> f64 {
            let squares =
                outcomes.iter().enumerate().map(|(n, it)| (height(n) - f64::from(u8::from(it.1))).powi(2));
            squares.sum()
        };
        let found = distance(&|n| f64::from(curve.at(outcomes[n].0)));
        let heights = [0.125, 0.25, 0.5, 2.0 / 3.0, 0.875];
        for code in 0..5usize.pow(6) {
            let chosen: Vec<usize> = (0..6).map(|n| code / 5usize.pow(n) % 5).collect();
            if chosen.is_sorted() {
                assert!(
                    found <= distance(&|n| heights[chosen[n]]) + 1e-6,
                    "{chosen:?} is nearer than {curve:?}"
                );
            }
        }
    }

    #[test]
    fn more_points_than_a_bundle_holds_are_thinned_out() {
        let mut curve = Curve::default();
        for n in 0..5000 {
            curve.inputs.push(n as f32 / 5000.0);
            curve.outputs.push((n as f32 + 1.0) / 5001.0);
        }
        let whole = curve.clone();
        thin_out(&mut curve);
        assert_eq!(curve.inputs.len(), MAX_POINTS);
        assert_eq!((curve.inputs[0], curve.inputs[MAX_POINTS - 1]), (0.0, 4999.0 / 5000.0));
        assert!((0..100).all(|n| (curve.at(n as f32 / 100.0) - whole.at(n as f32 / 100.0)).abs() < 1e-3));
    }
}
