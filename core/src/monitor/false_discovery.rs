//! Correction for many tests at once: of a hundred features that did not change, five have a p-value below
//! 0.05.

/// Adjusted p-values by the method of Benjamini & Hochberg (1995), in the order given: if all below q are
/// taken as discoveries, the expected share of false ones is at most q.
///
/// # Examples
/// ```
/// use nextbest_core::monitor::false_discovery::benjamini_hochberg;
///
/// let adjusted = benjamini_hochberg(&[0.01, 0.04, 0.03]);
/// for (found, expected) in adjusted.iter().zip([0.03, 0.04, 0.04]) {
///     assert!((found - expected).abs() < 1e-12);
/// }
/// ```
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    let p_value = |position: &usize| p_values.get(*position).copied().unwrap_or(1.0);
    order.sort_by(|a, b| p_value(a).total_cmp(&p_value(b)));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut least: f64 = 1.0;
    for (rank, position) in order.iter().enumerate().rev() {
        least = least.min(p_value(position) * p_values.len() as f64 / (rank + 1) as f64);
        if let Some(place) = adjusted.get_mut(*position) {
            *place = least;
        }
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_paper() {
        // Benjamini & Hochberg, 1995, section 4: at q = 0.05 the four least of fifteen are discoveries.
        let p_values = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
            0.6528, 0.7590, 1.0,
        ];
        let adjusted = benjamini_hochberg(&p_values);
        assert_eq!(adjusted.iter().filter(|p_value| **p_value <= 0.05).count(), 4);
        assert!((adjusted[3] - 0.0095 * 15.0 / 4.0).abs() < 1e-15);
        let reversed: Vec<f64> = p_values.iter().rev().copied().collect();
        assert!(benjamini_hochberg(&reversed).iter().eq(adjusted.iter().rev()));
        assert!(benjamini_hochberg(&[]).is_empty());
    }
}
