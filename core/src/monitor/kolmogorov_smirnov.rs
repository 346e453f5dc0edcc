//! The two-sample Kolmogorov–Smirnov test: are two samples of numbers drawn from one distribution?

use serde::Serialize;

use core::f64::consts::PI;

use super::Sample;

/// The most pairs of values for which the p-value is exact.
const EXACT_PAIRS: usize = 1_000_000;
/// Below this λ, the series in exp(−λ²) converges slowly and the series in exp(−1/λ²) fast.
const SMALL: f64 = 1.0;
/// Far more terms than either series needs.
const TERMS: u32 = 20;

/// The result of the test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct KolmogorovSmirnov {
    /// The greatest distance between the two distribution functions, 0 to 1.
    pub distance: f64,
    /// The probability of a distance at least as great if both samples come from one continuous distribution;
    /// an upper bound if values occur more than once.
    pub p_value: f64,
}

/// Tests two samples; `None` if one has no known value.
///
/// The p-value is exact for up to a million pairs of values (Hodges, 1958, "The significance probability of
/// the Smirnov two-sample test"), otherwise that of the limiting distribution (Kolmogorov, 1933).
///
/// # Examples
/// ```
/// use nextbest_core::monitor::Sample;
/// use nextbest_core::monitor::kolmogorov_smirnov::kolmogorov_smirnov;
///
/// let reference = Sample::new((0..100).map(f64::from));
/// let shifted = Sample::new((0..100).map(|value| f64::from(value) + 30.0));
/// assert!((kolmogorov_smirnov(&reference, &shifted).unwrap().distance - 0.3).abs() < 1e-12);
/// ```
pub fn kolmogorov_smirnov(reference: &Sample, current: &Sample) -> Option<KolmogorovSmirnov> {
    let (ours, theirs) = (reference.values(), current.values());
    if ours.is_empty() || theirs.is_empty() {
        return None;
    }
    let steps = greatest_distance(ours, theirs);
    let pairs = ours.len() as f64 * theirs.len() as f64;
    let distance = steps as f64 / pairs;
    let p_value = match ours.len().checked_mul(theirs.len()) {
        Some(pairs) if pairs <= EXACT_PAIRS => exact(ours.len() as u64, theirs.len() as u64, steps),
        _ => limiting((pairs / (ours.len() + theirs.len()) as f64).sqrt() * distance),
    };
    Some(KolmogorovSmirnov { distance, p_value })
}

/// The greatest distance of two distribution functions, times the number of pairs.
fn greatest_distance(ours: &[f64], theirs: &[f64]) -> u64 {
    let (our_count, their_count) = (ours.len() as u64, theirs.len() as u64);
    let (mut ours, mut theirs) = (ours.iter().peekable(), theirs.iter().peekable());
    let (mut below, mut their_below) = (0, 0);
    let mut greatest = 0;
    // Both functions step at the next value and are constant in between.
    while let (Some(&&next), Some(&&their_next)) = (ours.peek(), theirs.peek()) {
        let value = next.min(their_next);
        while ours.next_if(|&&other| other <= value).is_some() {
            below += 1;
        }
        while theirs.next_if(|&&other| other <= value).is_some() {
            their_below += 1;
        }
        greatest = greatest.max((below * their_count).abs_diff(their_below * our_count));
    }
    greatest
}

/// Among all ways to interleave two samples of these sizes, the share whose greatest distance is at least
/// `steps`.
fn exact(ours: u64, theirs: u64, steps: u64) -> f64 {
    let apart = |our: u64, their: u64| (our * theirs).abs_diff(their * ours) >= steps;
    // For each point, the share of the ways to it that stayed closer; row by row.
    let mut inside: Vec<f64> = Vec::with_capacity(theirs as usize + 1);
    for their in 0..=theirs {
        let before = inside.last().copied().unwrap_or(1.0);
        inside.push(if apart(0, their) { 0.0 } else { before });
    }
    for our in 1..=ours {
        let mut before = 0.0;
        for (their, share) in (0..=theirs).zip(&mut inside) {
            let from_above = our as f64 / (our + their) as f64;
            let sum = from_above * *share + (1.0 - from_above) * before;
            *share = if apart(our, their) { 0.0 } else { sum };
            before = *share;
        }
    }
    1.0 - inside.last().copied().unwrap_or(1.0)
}

/// The probability that the limiting distribution exceeds λ.
pub(super) fn limiting(lambda: f64) -> f64 {
    if lambda <= 0.0 {
        return 1.0;
    }
    if lambda < SMALL {
        let term = |k: u32| {
            let odd = f64::from(2 * k + 1);
            libm::exp(-odd * odd * PI * PI / (8.0 * lambda * lambda))
        };
        let below: f64 = (0..TERMS).map(term).sum();
        return (1.0 - (2.0 * PI).sqrt() / lambda * below).clamp(0.0, 1.0);
    }
    let term = |k: u32| {
        let k_squared = f64::from(k) * f64::from(k);
        let size = libm::exp(-2.0 * k_squared * lambda * lambda);
        if k % 2 == 1 { size } else { -size }
    };
    (2.0 * (1..=TERMS).map(term).sum::<f64>()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(reference: &[f64], current: &[f64]) -> Option<KolmogorovSmirnov> {
        kolmogorov_smirnov(&Sample::new(reference.iter().copied()), &Sample::new(current.iter().copied()))
    }

    /// Every interleaving of the values, by brute force.
    fn by_counting(ours: usize, theirs: usize, steps: u64) -> f64 {
        let (mut all, mut apart) = (0u32, 0u32);
        for order in 0u32..1 << (ours + theirs) {
            if order.count_ones() as usize != ours {
                continue;
            }
            let (mut our, mut their, mut greatest) = (0u64, 0u64, 0);
            for place in 0..ours + theirs {
                if order >> place & 1 == 1 {
                    our += 1;
                } else {
                    their += 1;
                }
                greatest = greatest.max((our * theirs as u64).abs_diff(their * ours as u64));
            }
            all += 1;
            apart += u32::from(greatest >= steps);
        }
        f64::from(apart) / f64::from(all)
    }

    #[test]
    fn small_p_values_are_what_counting_finds() {
        for (ours, theirs) in [(1, 1), (1, 5), (3, 3), (4, 6), (7, 5), (8, 8)] {
            for steps in 0..=ours * theirs {
                let (ours, theirs, steps) = (ours as u64, theirs as u64, steps as u64);
                let expected = by_counting(ours as usize, theirs as usize, steps);
                let found = exact(ours, theirs, steps);
                assert!((found - expected).abs() < 1e-14, "{ours} {theirs} {steps}: {found} {expected}");
            }
        }
    }

    #[test]
    fn distances_are_those_of_the_functions() {
        let found = |a: &[f64], b: &[f64]| test(a, b).unwrap().distance;
        assert_eq!(found(&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0, 3.0, 4.0]), 0.0);
        assert_eq!(found(&[1.0, 2.0], &[3.0, 4.0]), 1.0);
        // Equal values step together.
        assert_eq!(found(&[1.0, 1.0, 1.0, 2.0], &[1.0, 2.0, 2.0, 2.0]), 0.5);
        assert_eq!(found(&[f64::NEG_INFINITY, 1.0], &[1.0, f64::INFINITY]), 0.5);
        assert_eq!(test(&[], &[1.0]), None);
        assert_eq!(test(&[f64::NAN], &[1.0]), None);
    }

    #[test]
    fn the_limit_is_where_both_series_and_the_exact_values_meet() {
        // Published values (Smirnov, 1948): the 5 % and 1 % points.
        assert!((limiting(1.3581) - 0.05).abs() < 1e-5);
        assert!((limiting(1.6276) - 0.01).abs() < 1e-5);
        let below = limiting(SMALL - 1e-12);
        assert!((below - limiting(SMALL)).abs() < 1e-10, "{below}");
        assert_eq!((limiting(0.0), limiting(1e-3)), (1.0, 1.0));
        assert!(limiting(20.0) >= 0.0 && limiting(20.0) < 1e-300);
        // With a million pairs, the exact value is close to it.
        for steps in [30_000, 60_000, 80_000] {
            let lambda = (1e6f64 / 2000.0).sqrt() * f64::from(steps) / 1e6;
            let (exact, limit) = (exact(1000, 1000, steps as u64), limiting(lambda));
            assert!((exact - limit).abs() < 0.03, "{exact} {limit}");
        }
    }
}
