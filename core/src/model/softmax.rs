//! Turns scores into probabilities.

/// Turns scores into probabilities in place. `libm` gives the same bits on every machine.
pub(crate) fn softmax(scores: &mut [f32]) {
    let greatest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut total = 0.0;
    for score in scores.iter_mut() {
        *score = libm::expf(*score - greatest);
        total += *score;
    }
    for score in scores.iter_mut() {
        *score /= total;
    }
}
