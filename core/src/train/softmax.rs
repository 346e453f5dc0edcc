//! The log-loss of scores under softmax, and its derivatives.

/// Turns scores into the gradient of the log-loss with respect to them (the probabilities, minus 1 for the
/// label), and returns the log-loss.
pub(super) fn errors(scores: &mut [f64], label: usize) -> f64 {
    let greatest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let of_label = scores.get(label).map_or(f64::NAN, |score| *score);
    let mut total = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - greatest).exp();
        total += *score;
    }
    for score in scores.iter_mut() {
        *score /= total;
    }
    if let Some(score) = scores.get_mut(label) {
        *score -= 1.0;
    }
    total.ln() + greatest - of_label
}
