//! Pearson's χ² test: do two samples of categories have the same shares?

use serde::Serialize;

/// More terms than either expansion needs for as many categories as a feature can have.
const TERMS: usize = 10_000;
const PRECISION: f64 = 1e-16;
/// Keeps the fractions of Lentz's method away from 0.
const TINY: f64 = 1e-300;

/// The result of the test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ChiSquare {
    /// Σ (observed − expected)² / expected.
    pub statistic: f64,
    /// The number of categories that occur, minus one.
    pub degrees_of_freedom: usize,
    /// The probability of a statistic at least as great if both samples come from the same shares. Accurate
    /// if every expected count is at least 5.
    pub p_value: f64,
    /// Cramér's V, 0 to 1: the strength of the difference, whatever the number of rows.
    pub cramers_v: f64,
}

/// Tests two samples of categories, given by their counts. `None` if the lengths differ, one side is empty,
/// or fewer than two categories occur.
///
/// # Examples
/// ```
/// use nextbest_core::monitor::chi_square::chi_square;
///
/// let same = chi_square(&[50.0, 50.0], &[51.0, 49.0]).unwrap();
/// let shifted = chi_square(&[50.0, 50.0], &[90.0, 10.0]).unwrap();
/// assert!(same.p_value > 0.5 && shifted.p_value < 0.001);
/// ```
pub fn chi_square(reference: &[f64], current: &[f64]) -> Option<ChiSquare> {
    let totals: (f64, f64) = (reference.iter().sum(), current.iter().sum());
    if reference.len() != current.len() || !(totals.0 > 0.0 && totals.1 > 0.0) {
        return None;
    }
    let all = totals.0 + totals.1;
    let (mut statistic, mut occurring) = (0.0, 0usize);
    for (ours, theirs) in reference.iter().zip(current).filter(|(ours, theirs)| *ours + *theirs > 0.0) {
        occurring += 1;
        for (observed, total) in [(ours, totals.0), (theirs, totals.1)] {
            let expected = (ours + theirs) * total / all;
            statistic += (observed - expected) * (observed - expected) / expected;
        }
    }
    let degrees_of_freedom = occurring.checked_sub(1).filter(|degrees| *degrees > 0)?;
    Some(ChiSquare {
        statistic,
        degrees_of_freedom,
        p_value: upper_gamma(degrees_of_freedom as f64 / 2.0, statistic / 2.0),
        cramers_v: (statistic / all).sqrt(),
    })
}

/// The regularised upper incomplete gamma function Q(a, x), by its series or its continued fraction,
/// whichever converges faster (Press et al., "Numerical Recipes", 6.2).
fn upper_gamma(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let front = libm::exp(a * libm::log(x) - x - libm::lgamma(a));
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for n in 1..TERMS {
            term *= x / (a + n as f64);
            sum += term;
            if term < sum * PRECISION {
                break;
            }
        }
        return (1.0 - front * sum).clamp(0.0, 1.0);
    }
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1.0 / TINY, 1.0 / b);
    let mut fraction = d;
    for n in 1..TERMS {
        let n = n as f64;
        let numerator = -n * (n - a);
        b += 2.0;
        d = 1.0 / away_from_zero(numerator * d + b);
        c = away_from_zero(b + numerator / c);
        fraction *= d * c;
        if (d * c - 1.0).abs() < PRECISION {
            break;
        }
    }
    (front * fraction).clamp(0.0, 1.0)
}

fn away_from_zero(value: f64) -> f64 {
    if value.abs() < TINY { TINY } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_points_have_their_probabilities() {
        // Tables of the χ² distribution: upper 5 % and 0.1 % points.
        for (degrees, point, probability) in [
            (1.0, 3.841_459, 0.05),
            (10.0, 18.307_038, 0.05),
            (100.0, 124.342_113, 0.05),
            (5.0, 20.515_006, 0.001),
        ] {
            let found = upper_gamma(degrees / 2.0, point / 2.0);
            assert!((found - probability).abs() < 1e-7, "{degrees}: {found}");
        }
        // Closed form for two degrees of freedom: exp(−x / 2).
        for x in [0.0, 1e-9, 0.5, 3.9, 4.1, 40.0, 1400.0] {
            assert!((upper_gamma(1.0, x / 2.0) - (-x / 2.0f64).exp()).abs() < 1e-15, "{x}");
        }
    }

    #[test]
    fn equal_shares_do_not_differ_and_separate_ones_do() {
        let same = chi_square(&[10.0, 30.0, 0.0], &[20.0, 60.0, 0.0]).unwrap();
        assert_eq!(
            (same.statistic, same.degrees_of_freedom, same.p_value, same.cramers_v),
            (0.0, 1, 1.0, 0.0)
        );
        let apart = chi_square(&[40.0, 0.0], &[0.0, 60.0]).unwrap();
        assert!((apart.cramers_v - 1.0).abs() < 1e-12 && apart.p_value < 1e-20, "{apart:?}");
        for (ours, theirs) in [
            (&[1.0][..], &[1.0][..]),
            (&[1.0, 0.0][..], &[2.0, 0.0][..]),
            (&[0.0, 0.0][..], &[1.0, 1.0][..]),
            (&[1.0][..], &[][..]),
        ] {
            assert_eq!(chi_square(ours, theirs), None);
        }
    }
}
