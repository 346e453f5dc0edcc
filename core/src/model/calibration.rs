//! Calibration: corrects the model's probabilities so that events happen as often as predicted.
//!
//! It depends on a row's probabilities only, so it suits every kind of model. The correction was fitted to
//! rows that the model did not see (`train/calibrate.rs`).

use serde::{Deserialize, Serialize};

use super::linear::MAX_SCORE;
use super::softmax::softmax;
use crate::decode::bounded::at_most;
use crate::schema::MAX_CLASSES;

/// The least probability: smaller ones are raised to it, so that logarithms are finite.
pub const LEAST: f32 = 1e-15;
/// −ln of [`LEAST`], rounded up.
const GREATEST_LOG: f64 = 34.54;
/// The least temperature.
pub const MIN_TEMPERATURE: f32 = 0.01;
/// The greatest temperature.
pub const MAX_TEMPERATURE: f32 = 100.0;
/// The most points of a curve.
pub const MAX_POINTS: usize = 1024;
const MAX_WEIGHTS: usize = MAX_CLASSES * MAX_CLASSES;

/// The correction applied to a row's probabilities after the model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Calibration {
    /// No correction.
    #[default]
    None,
    /// Each probability to the power of 1 / temperature, then scaled to sum to 1 (Guo et al., 2017, "On
    /// calibration of modern neural networks"). A temperature above 1 makes the model less confident, below 1
    /// more.
    Temperature {
        /// From [`MIN_TEMPERATURE`] to [`MAX_TEMPERATURE`].
        temperature: f32,
    },
    /// The softmax of a linear map of the logarithms (Kull et al., 2019, "Beyond temperature scaling").
    Dirichlet {
        /// Class by class, the weights of its score: one per class.
        #[serde(deserialize_with = "at_most::<MAX_WEIGHTS, _, _>")]
        weights: Vec<f32>,
        /// One per class.
        #[serde(deserialize_with = "at_most::<MAX_CLASSES, _, _>")]
        intercepts: Vec<f32>,
    },
    /// A curve for each class, then scaled to sum to 1 (Zadrozny & Elkan, 2002).
    Isotonic {
        /// One per class.
        #[serde(deserialize_with = "at_most::<MAX_CLASSES, _, _>")]
        curves: Vec<Curve>,
    },
}

/// A monotone curve: linear between its points, constant beyond them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Curve {
    /// The points' inputs, ascending from 0 to 1.
    #[serde(deserialize_with = "at_most::<MAX_POINTS, _, _>")]
    pub inputs: Vec<f32>,
    /// The points' outputs, from [`LEAST`] to 1.
    #[serde(deserialize_with = "at_most::<MAX_POINTS, _, _>")]
    pub outputs: Vec<f32>,
}

impl Calibration {
    /// The name of the method.
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Temperature { .. } => "temperature",
            Self::Dirichlet { .. } => "dirichlet",
            Self::Isotonic { .. } => "isotonic",
        }
    }

    /// Corrects a row's probabilities in place; they sum to 1 before and after.
    ///
    /// # Examples
    /// ```
    /// use nextbest_core::model::calibration::Calibration;
    ///
    /// let mut probabilities = [0.9, 0.1];
    /// Calibration::Temperature { temperature: 2.0 }.apply(&mut probabilities);
    /// assert!((probabilities[0] - 0.75).abs() < 1e-4); // Less sure: the odds 9 become 3.
    /// ```
    pub fn apply(&self, probabilities: &mut [f32]) {
        match self {
            Self::None => {}
            Self::Temperature { temperature } => {
                for probability in probabilities.iter_mut() {
                    *probability = log(*probability) / temperature;
                }
                softmax(probabilities);
            }
            Self::Dirichlet { weights, intercepts } => {
                let mut logs = [0.0; MAX_CLASSES];
                for (slot, probability) in logs.iter_mut().zip(probabilities.iter()) {
                    *slot = log(*probability);
                }
                let classes = weights.chunks_exact(intercepts.len().max(1)).zip(intercepts);
                for (score, (weights, intercept)) in probabilities.iter_mut().zip(classes) {
                    let terms = weights.iter().zip(&logs);
                    *score = terms.fold(*intercept, |sum, (weight, log)| sum + weight * log);
                }
                softmax(probabilities);
            }
            Self::Isotonic { curves } => {
                let mut total = 0.0;
                for (probability, curve) in probabilities.iter_mut().zip(curves) {
                    *probability = curve.at(*probability);
                    total += *probability;
                }
                for probability in probabilities {
                    *probability /= total;
                }
            }
        }
    }

    pub(crate) fn check(&self, class_count: usize) -> Result<(), String> {
        let sound = match self {
            Self::None => true,
            Self::Temperature { temperature } => (MIN_TEMPERATURE..=MAX_TEMPERATURE).contains(temperature),
            Self::Dirichlet { weights, intercepts } => {
                let sizes = weights.iter().map(|weight| f64::from(*weight).abs() * GREATEST_LOG);
                let greatest = sizes.chain(intercepts.iter().map(|it| f64::from(*it).abs())).sum::<f64>();
                intercepts.len() == class_count
                    && weights.len() == class_count * class_count
                    && greatest <= MAX_SCORE
            }
            Self::Isotonic { curves } => curves.len() == class_count && curves.iter().all(Curve::is_sound),
        };
        match sound {
            true => Ok(()),
            false => Err(format!(
                "the {} calibration's numbers are invalid or do not fit the classes",
                self.name()
            )),
        }
    }
}

impl Curve {
    /// The output at an input.
    pub fn at(&self, input: f32) -> f32 {
        let after = self.inputs.partition_point(|other| *other < input);
        let point = |position: usize| Some((*self.inputs.get(position)?, *self.outputs.get(position)?));
        match (after.checked_sub(1).and_then(point), point(after)) {
            (Some((left, low)), Some((right, high))) => {
                // Rounding must not make it overshoot, and fall again at the next point.
                (low + (high - low) * ((input - left) / (right - left))).min(high)
            }
            (Some((_, level)), None) | (None, Some((_, level))) => level,
            (None, None) => LEAST,
        }
    }

    fn is_sound(&self) -> bool {
        let within = |values: &[f32], least: f32| values.iter().all(|value| (least..=1.0).contains(value));
        !self.inputs.is_empty()
            && self.inputs.len() == self.outputs.len()
            && self.inputs.len() <= MAX_POINTS
            && self.inputs.is_sorted_by(|a, b| a < b)
            && self.outputs.is_sorted()
            && within(&self.inputs, 0.0)
            && within(&self.outputs, LEAST)
    }
}

/// `libm` gives the same bits on every machine.
fn log(probability: f32) -> f32 {
    libm::logf(probability.max(LEAST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(calibration: &Calibration, probabilities: [f32; 3]) -> [f32; 3] {
        assert_eq!(calibration.check(3), Ok(()));
        let mut applied = probabilities;
        calibration.apply(&mut applied);
        applied
    }

    fn assert_close(actual: [f32; 3], expected: [f64; 3]) {
        for (actual, expected) in actual.iter().zip(expected) {
            assert!((f64::from(*actual) - expected).abs() < 1e-6, "{actual} instead of {expected}");
        }
    }

    fn dirichlet(weights: [f32; 9], intercepts: [f32; 3]) -> Calibration {
        Calibration::Dirichlet { weights: weights.to_vec(), intercepts: intercepts.to_vec() }
    }

    fn curve(points: &[(f32, f32)]) -> Curve {
        let (inputs, outputs) = points.iter().copied().unzip();
        Curve { inputs, outputs }
    }

    const IDENTITY: [f32; 9] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];

    #[test]
    fn a_temperature_of_2_takes_square_roots() {
        let sum = 0.64f64.sqrt() + 0.25f64.sqrt() + 0.11f64.sqrt();
        let expected = [0.64f64, 0.25, 0.11].map(|probability| probability.sqrt() / sum);
        let half = Calibration::Temperature { temperature: 2.0 };
        assert_close(applied(&half, [0.64, 0.25, 0.11]), expected);
        let same = Calibration::Temperature { temperature: 1.0 };
        assert_close(applied(&same, [0.64, 0.25, 0.11]), [0.64, 0.25, 0.11]);
    }

    #[test]
    fn a_dirichlet_map_is_the_softmax_of_weighted_logarithms() {
        assert_close(applied(&dirichlet(IDENTITY, [0.0; 3]), [0.5, 0.3, 0.2]), [0.5, 0.3, 0.2]);
        // Intercepts multiply the odds; the second class's probability reduces the first class's score.
        let weights = [1.0, -1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let parts = [0.5f64 / 0.3, 0.3, 0.2 * 3.0];
        let total: f64 = parts.iter().sum();
        let map = dirichlet(weights, [0.0, 0.0, 3f32.ln()]);
        assert_close(applied(&map, [0.5, 0.3, 0.2]), parts.map(|part| part / total));
    }

    #[test]
    fn a_curve_is_straight_between_its_points_and_level_beyond() {
        let one = curve(&[(0.25, 0.1), (0.5, 0.2), (0.75, 0.8)]);
        for (input, output) in [(0.0, 0.1), (0.25, 0.1), (0.375, 0.15), (0.5, 0.2), (0.625, 0.5), (1.0, 0.8)]
        {
            assert!((one.at(input) - output).abs() < 1e-6, "{input}: {}", one.at(input));
        }
        let calibration =
            Calibration::Isotonic { curves: vec![one, curve(&[(0.5, 0.3)]), curve(&[(0.0, 0.1)])] };
        assert_close(applied(&calibration, [0.5, 0.25, 0.25]), [0.2 / 0.6, 0.3 / 0.6, 0.1 / 0.6]);
    }

    #[test]
    fn certainty_and_impossibility_stay_distributions() {
        let steep = curve(&[(0.0, LEAST), (1.0, LEAST)]);
        let calibrations = [
            Calibration::Temperature { temperature: MIN_TEMPERATURE },
            Calibration::Temperature { temperature: MAX_TEMPERATURE },
            dirichlet(IDENTITY.map(|weight| weight * 1e27), [1e29, -1e29, 0.0]),
            dirichlet(IDENTITY.map(|weight| weight * -1e27), [0.0; 3]),
            Calibration::Isotonic { curves: vec![steep; 3] },
        ];
        for calibration in &calibrations {
            for row in [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.5, 0.5, 0.0], [f32::from_bits(1), 1.0, 0.0]] {
                let applied = applied(calibration, row);
                assert!(applied.iter().all(|it| (0.0..=1.0).contains(it)), "{calibration:?} {applied:?}");
                assert!((applied.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{calibration:?} {applied:?}");
            }
        }
    }

    #[test]
    fn what_could_go_wrong_is_refused() {
        let temperature = |temperature| Calibration::Temperature { temperature };
        let spoilt = |position: usize, value: f32| {
            let mut weights = IDENTITY;
            weights[position] = value;
            dirichlet(weights, [0.0; 3])
        };
        let curves = |one: Curve| Calibration::Isotonic { curves: vec![one; 3] };
        let points =
            |count: usize| (0..count).map(move |n| (n as f32 / count as f32, 0.5)).collect::<Vec<_>>();
        let mut ragged = curve(&[(0.0, 0.1), (1.0, 0.5)]);
        ragged.outputs.pop();
        let unsound = [
            temperature(0.0),
            temperature(-1.0),
            temperature(101.0),
            temperature(f32::NAN),
            spoilt(0, f32::NAN),
            spoilt(8, f32::INFINITY),
            spoilt(4, 1e30),
            dirichlet(IDENTITY, [0.0, f32::NEG_INFINITY, 0.0]),
            Calibration::Dirichlet { weights: vec![1.0; 9], intercepts: vec![0.0; 2] },
            Calibration::Dirichlet { weights: vec![1.0; 8], intercepts: vec![0.0; 3] },
            Calibration::Isotonic { curves: vec![curve(&[(0.0, 0.5)]); 2] },
            curves(Curve::default()),
            curves(ragged),
            curves(curve(&[(0.5, 0.1), (0.5, 0.2)])),
            curves(curve(&[(0.1, 0.2), (0.5, 0.1)])),
            curves(curve(&[(-0.1, 0.2)])),
            curves(curve(&[(0.1, 0.0)])),
            curves(curve(&[(0.1, 1.1)])),
            curves(curve(&[(0.1, f32::NAN)])),
            curves(curve(&[(f32::NAN, 0.5)])),
            curves(curve(&points(MAX_POINTS + 1))),
        ];
        for calibration in unsound {
            assert!(calibration.check(3).is_err(), "{calibration:?}");
        }
        assert_eq!(curves(curve(&points(MAX_POINTS))).check(3), Ok(()));
    }
}
