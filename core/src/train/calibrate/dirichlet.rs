//! Dirichlet calibration with off-diagonal and intercept regularisation (ODIR; Kull et al., 2019, "Beyond
//! temperature scaling").

use super::Logs;
use crate::Error;
use crate::model::calibration::Calibration;
use crate::train::chunks::sum_rows;
use crate::train::minimise::minimise;
use crate::train::softmax::errors;

/// How precisely the loss is minimised.
pub(super) struct Effort {
    max_iterations: u64,
    /// The length of the gradient, in the coordinates of [`View`], at which it stops.
    tolerance: f64,
}

/// For comparing methods: the loss is within a few millionths of the minimum, even where it hardly depends on
/// some directions.
pub(super) const ROUGH: Effort = Effort { max_iterations: 150, tolerance: 1e-4 };
/// For the final calibration.
pub(super) const THOROUGH: Effort = Effort { max_iterations: 2000, tolerance: 1e-6 };

/// Fits a map, starting from another one if there is one. `deviation` is the standard deviation of the normal
/// prior of off-diagonal weights and intercepts. For k classes, λ = k(k − 1) / (2 × deviation² × rows) gives
/// the penalty of the paper. Classes that are not `learned` keep a weight of 1 for themselves and 0 for
/// others.
///
/// # Errors
/// If the loss can't be minimised.
pub(super) fn fit(
    logs: &Logs,
    deviation: f64,
    learned: &[bool],
    from: Option<&Calibration>,
    effort: &Effort,
) -> Result<Calibration, Error> {
    let classes = logs.classes;
    let squares = classes * classes;
    let mut start = vec![0.0; squares + classes];
    match from {
        Some(Calibration::Dirichlet { weights, intercepts }) => {
            let numbers = weights.iter().chain(intercepts);
            start.iter_mut().zip(numbers).for_each(|(slot, number)| *slot = f64::from(*number));
        }
        _ => start.iter_mut().take(squares).step_by(classes + 1).for_each(|weight| *weight = 1.0),
    }
    let penalty = 1.0 / (deviation * deviation * logs.len().max(1) as f64);
    let of_weights = learned.iter().flat_map(|of_score| learned.iter().map(|of_log| *of_score && *of_log));
    let free: Vec<bool> = of_weights.chain(learned.iter().copied()).collect();
    let view = View::new(logs, penalty);
    let loss = |seen: &[f64]| {
        let (value, mut gradient) = loss(logs, &view.map(seen), penalty);
        view.turn(&mut gradient);
        // With a gradient of 0, a parameter never moves.
        gradient.iter_mut().zip(&free).filter(|(_, free)| !**free).for_each(|(slope, _)| *slope = 0.0);
        (value, gradient)
    };
    let found = minimise(loss, view.see(start), effort.max_iterations, effort.tolerance)?;
    let map = view.map(&found.point);
    let (weights, intercepts) = map.split_at(squares);
    let narrow = |numbers: &[f64]| numbers.iter().map(|number| *number as f32).collect();
    Ok(Calibration::Dirichlet { weights: narrow(weights), intercepts: narrow(intercepts) })
}

/// The coordinates in which the minimiser sees a map: the loss is about equally steep in all directions,
/// which takes a tenth of the steps. Logarithms are far below 0, so weights and intercepts have similar
/// effects; therefore intercepts are taken at the mean logarithms. The parameters of rare classes hardly
/// affect the mean loss; therefore each is scaled by the square root of its curvature.
struct View {
    classes: usize,
    means: Vec<f64>,
    units: Vec<f64>,
}

impl View {
    fn new(logs: &Logs, penalty: f64) -> Self {
        let (means, variances) = logs.moments();
        let unit = |curvature: f64| 1.0 / (curvature + penalty).sqrt();
        let curvatures: Vec<f64> = logs.shares().iter().map(|share| share * (1.0 - share)).collect();
        let of_weights = curvatures
            .iter()
            .flat_map(|of_score| variances.iter().map(move |variance| unit(of_score * variance)));
        let units = of_weights.chain(curvatures.iter().map(|of_score| unit(*of_score))).collect();
        Self { classes: logs.classes, means, units }
    }

    /// Converts a map to these coordinates.
    fn see(&self, mut map: Vec<f64>) -> Vec<f64> {
        self.shift(&mut map, 1.0);
        map.iter_mut().zip(&self.units).for_each(|(number, unit)| *number /= unit);
        map
    }

    /// Converts these coordinates back to a map.
    fn map(&self, seen: &[f64]) -> Vec<f64> {
        let mut map: Vec<f64> = seen.iter().zip(&self.units).map(|(number, unit)| number * unit).collect();
        self.shift(&mut map, -1.0);
        map
    }

    /// Converts a gradient with respect to the map into one with respect to the coordinates.
    fn turn(&self, gradient: &mut [f64]) {
        let (of_weights, of_intercepts) = gradient.split_at_mut(self.classes * self.classes);
        for (slopes, slope) in of_weights.chunks_exact_mut(self.classes.max(1)).zip(of_intercepts) {
            slopes.iter_mut().zip(&self.means).for_each(|(of_weight, mean)| *of_weight -= *slope * mean);
        }
        gradient.iter_mut().zip(&self.units).for_each(|(slope, unit)| *slope *= unit);
    }

    fn shift(&self, map: &mut [f64], sign: f64) {
        let (weights, intercepts) = map.split_at_mut(self.classes * self.classes);
        for (weights, intercept) in weights.chunks_exact(self.classes.max(1)).zip(intercepts) {
            let at_means = weights.iter().zip(&self.means).map(|(weight, mean)| weight * mean);
            *intercept += sign * at_means.sum::<f64>();
        }
    }
}

/// The mean log-loss with its penalty, and its gradient. A map holds the weights, score by score, then the
/// intercepts.
pub(super) fn loss(logs: &Logs, map: &[f64], penalty: f64) -> (f64, Vec<f64>) {
    let classes = logs.classes;
    let (weights, intercepts) = map.split_at(classes * classes);
    let zero = (0.0, vec![0.0; map.len()]);
    let (mut value, mut gradient) = sum_rows(logs.len(), zero, |rows, (loss, gradient)| {
        let (of_weights, of_intercepts) = gradient.split_at_mut(classes * classes);
        let mut scores = vec![0.0; classes];
        for (row, label) in logs.rows(rows) {
            let lines = weights.chunks_exact(classes).zip(intercepts);
            for (score, (weights, intercept)) in scores.iter_mut().zip(lines) {
                *score = intercept + row.iter().zip(weights).map(|(log, weight)| log * weight).sum::<f64>();
            }
            *loss += errors(&mut scores, label);
            let lines = of_weights.chunks_exact_mut(classes).zip(of_intercepts.iter_mut());
            for (error, (weights, intercept)) in scores.iter().zip(lines) {
                weights.iter_mut().zip(row).for_each(|(sum, log)| *sum += error * log);
                *intercept += error;
            }
        }
    });
    let count = logs.len().max(1) as f64;
    value /= count;
    gradient.iter_mut().for_each(|sum| *sum /= count);
    for (position, (slope, number)) in gradient.iter_mut().zip(map).enumerate() {
        let is_diagonal = position < classes * classes && position % (classes + 1) == 0;
        if !is_diagonal {
            value += 0.5 * penalty * number * number;
            *slope += penalty * number;
        }
    }
    (value, gradient)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        let probabilities: Vec<f32> = (0..40)
            .flat_map(|n| [0.1 + n as f32 / 100.0, 0.5 - n as f32 / 200.0, 0.4 - n as f32 / 200.0])
            .collect();
        let labels: Vec<usize> = (0..40).map(|n| n * n % 3).collect();
        let logs = Logs::new(Matrix::new(&probabilities, 3).unwrap(), &labels);
        let map: Vec<f64> = (0..12).map(|n| f64::from(n * 7 % 5) / 4.0 - 0.5).collect();
        let (_, gradient) = loss(&logs, &map, 0.3);
        for position in 0..map.len() {
            let moved = |step: f64| {
                let mut map = map.clone();
                map[position] += step;
                loss(&logs, &map, 0.3).0
            };
            let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((difference - gradient[position]).abs() < 1e-8, "{position}: {difference}");
        }
    }
}
