//! The temperature with the highest likelihood (Guo et al., 2017).

use super::Logs;
use crate::model::calibration::{Calibration, MAX_TEMPERATURE, MIN_TEMPERATURE};
use crate::train::chunks::{Sums, sum_rows};

const MAX_STEPS: usize = 100;
/// The relative step size at which the search stops.
const TOLERANCE: f64 = 1e-9;

pub(super) fn fit(logs: &Logs) -> Calibration {
    // The loss is convex in 1 / temperature, so its slope has one zero: Newton's method, with bisection
    // whenever a step leaves the bracket.
    let (mut low, mut high) = (1.0 / f64::from(MAX_TEMPERATURE), 1.0 / f64::from(MIN_TEMPERATURE));
    let mut inverse = 1.0;
    for _ in 0..MAX_STEPS {
        let (slope, curvature) = slope_and_curvature(logs, inverse);
        if slope > 0.0 {
            high = inverse;
        } else {
            low = inverse;
        }
        let newton = inverse - slope / curvature;
        let next = if low < newton && newton < high { newton } else { (low * high).sqrt() };
        let step = (next - inverse).abs();
        inverse = next;
        if step <= TOLERANCE * inverse {
            break;
        }
    }
    Calibration::Temperature { temperature: ((1.0 / inverse) as f32).clamp(MIN_TEMPERATURE, MAX_TEMPERATURE) }
}

/// The first two derivatives of the mean log-loss with respect to the inverse temperature. For a row these
/// are the mean logarithm minus that of its label, and the variance of the logarithms.
fn slope_and_curvature(logs: &Logs, inverse: f64) -> (f64, f64) {
    let sums = sum_rows(logs.len(), [0.0; 2], |rows, sums| {
        for (row, label) in logs.rows(rows) {
            let greatest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let (mut total, mut first, mut second) = (0.0, 0.0, 0.0);
            for log in row {
                let weight = ((log - greatest) * inverse).exp();
                total += weight;
                first += weight * log;
                second += weight * log * log;
            }
            let mean = first / total;
            // For a class that does not exist, the slope is NaN.
            let of_label = row.get(label).map_or(f64::NAN, |log| *log);
            sums.add(&[mean - of_label, second / total - mean * mean]);
        }
    });
    let [slope, curvature] = sums.map(|sum| sum / logs.len().max(1) as f64);
    (slope, curvature)
}
