//! What monitoring observes in a row: its features, the model's probabilities, the quality that these imply,
//! and the class that they choose.

use super::profile::{MEASURES, Profile};

/// The expected value of a quality measure, given a row's probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RowMeasure {
    /// Its mean over the row's possible labels.
    pub mean: f64,
    /// Its variance over them.
    pub variance: f64,
}

/// The expected log-loss, accuracy and Brier score, given a row's probabilities.
pub fn measures(probabilities: &[f32]) -> [RowMeasure; MEASURES] {
    let squares: f64 = probabilities.iter().map(|p| f64::from(*p) * f64::from(*p)).sum();
    let greatest = probabilities.iter().copied().fold(0.0, f32::max);
    let first_greatest = probabilities.iter().position(|p| *p == greatest);
    [
        RowMeasure::of(probabilities, |_, p| if p > 0.0 { -libm::log(p) } else { 0.0 }),
        RowMeasure::of(probabilities, |class, _| f64::from(u8::from(Some(class) == first_greatest))),
        RowMeasure::of(probabilities, |_, p| squares - 2.0 * p + 1.0),
    ]
}

impl RowMeasure {
    /// A measure given by `of`, a function of the class that happens and its probability.
    fn of(probabilities: &[f32], of: impl Fn(usize, f64) -> f64) -> Self {
        let (mut mean, mut square) = (0.0, 0.0);
        for (class, p) in probabilities.iter().enumerate() {
            let p = f64::from(*p);
            let value = of(class, p);
            mean += p * value;
            square += p * value * value;
        }
        Self { mean, variance: (square - mean * mean).max(0.0) }
    }
}

/// The most probable class other than NONE; ties go to the first. `None` if all probabilities are NaN.
pub fn choice(probabilities: &[f32], none_class: Option<usize>) -> Option<usize> {
    let mut best: Option<(usize, f32)> = None;
    for (class, p) in probabilities.iter().enumerate().filter(|(class, _)| Some(*class) != none_class) {
        if best.is_none_or(|(_, greatest)| *p > greatest) && !p.is_nan() {
            best = Some((class, *p));
        }
    }
    best.map(|(class, _)| class)
}

/// The row's cell in each distribution of a profile, in their order.
pub fn cells(
    profile: &Profile,
    row: &[f32],
    probabilities: &[f32],
    none_class: Option<usize>,
) -> impl Iterator<Item = usize> {
    let measured = measures(probabilities).map(|measure| measure.mean as f32);
    let chosen = choice(probabilities, none_class).map_or(f32::NAN, |class| class as f32);
    let averaged = profile.probabilities.iter().zip(probabilities.to_vec());
    let averaged = averaged.chain(profile.measures.iter().zip(measured));
    let averaged = averaged.map(|(averaged, value)| averaged.distribution.cell(value));
    let features = profile.features.iter().zip(row).map(|(distribution, value)| distribution.cell(*value));
    features.chain(averaged).chain([profile.choices.cell(chosen)])
}
