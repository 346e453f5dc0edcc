//! Distances between two distributions that do not grow with the number of rows.

use super::Sample;

/// The replacement of a share of 0, so that its logarithm is finite …
const LEAST_SHARE: f64 = 0.0001;
/// … or, if other shares are no greater than that, this part of the least of them.
const BELOW_LEAST: f64 = 1e-6;

/// The Wasserstein distance of order 1: the area between the two distribution functions, in the unit of the
/// feature. `None` if a sample has no known value; infinite or NaN if values are infinite.
pub fn wasserstein(reference: &Sample, current: &Sample) -> Option<f64> {
    let (ours, theirs) = (reference.values(), current.values());
    let (our_count, their_count) = (ours.len() as f64, theirs.len() as f64);
    let mut last = ours.first()?.min(*theirs.first()?);
    let (mut ours, mut theirs) = (ours.iter().peekable(), theirs.iter().peekable());
    let (mut below, mut their_below) = (0.0, 0.0);
    let mut area = 0.0;
    loop {
        let next = match (ours.peek(), theirs.peek()) {
            (Some(&&ours), Some(&&theirs)) => ours.min(theirs),
            (Some(&&next), None) | (None, Some(&&next)) => next,
            (None, None) => return Some(area),
        };
        if next > last {
            area += (below / our_count - their_below / their_count).abs() * (next - last);
            last = next;
        }
        while ours.next_if(|&&value| value <= next).is_some() {
            below += 1.0;
        }
        while theirs.next_if(|&&value| value <= next).is_some() {
            their_below += 1.0;
        }
    }
}

/// The Jensen–Shannon distance (Endres & Schindelin, 2003) between counts by bin: the square root of the
/// divergence in nats, 0 to √ln 2. `None` if the lengths differ or one side is empty.
pub fn jensen_shannon(reference: &[f64], current: &[f64]) -> Option<f64> {
    let (ours, theirs) = shares(reference, current)?;
    let towards = |share: f64, middle: f64| if share > 0.0 { share * libm::log(share / middle) } else { 0.0 };
    let divergence = |(ours, theirs): (&f64, &f64)| {
        let middle = (ours + theirs) / 2.0;
        (towards(*ours, middle) + towards(*theirs, middle)) / 2.0
    };
    let sum: f64 = ours.iter().zip(&theirs).map(divergence).sum();
    // Rounding may make it slightly negative.
    Some(sum.max(0.0).sqrt())
}

/// The population stability index between counts by bin: Σ (r − c) ln (r / c) over the shares r and c of the
/// bins. `None` as in [`jensen_shannon`].
///
/// A share of 0 counts as 0.0001 or, if the least other share of its side is no greater, as a millionth of
/// that.
///
/// # Examples
/// ```
/// use nextbest_core::monitor::distance::population_stability_index;
///
/// let reference = [25.0, 25.0, 25.0, 25.0];
/// assert!(population_stability_index(&reference, &reference).unwrap().abs() < 1e-12);
/// assert!(population_stability_index(&reference, &[70.0, 10.0, 10.0, 10.0]).unwrap() > 0.25);
/// ```
pub fn population_stability_index(reference: &[f64], current: &[f64]) -> Option<f64> {
    let (ours, theirs) = shares(reference, current)?;
    let (ours, theirs) = (without_zeros(ours), without_zeros(theirs));
    Some(ours.iter().zip(&theirs).map(|(ours, theirs)| (ours - theirs) * libm::log(ours / theirs)).sum())
}

fn shares(reference: &[f64], current: &[f64]) -> Option<(Vec<f64>, Vec<f64>)> {
    let of = |counts: &[f64]| {
        let total: f64 = counts.iter().sum();
        (total > 0.0).then(|| counts.iter().map(|count| count / total).collect::<Vec<f64>>())
    };
    if reference.len() != current.len() {
        return None;
    }
    Some((of(reference)?, of(current)?))
}

fn without_zeros(mut shares: Vec<f64>) -> Vec<f64> {
    let least = shares.iter().copied().filter(|share| *share > 0.0).fold(f64::INFINITY, f64::min);
    let instead = if least <= LEAST_SHARE { least * BELOW_LEAST } else { LEAST_SHARE };
    shares.iter_mut().filter(|share| **share == 0.0).for_each(|share| *share = instead);
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[f64]) -> Sample {
        Sample::new(values.iter().copied())
    }

    #[test]
    fn a_shift_is_as_far_as_it_goes() {
        let (ours, shifted) = (sample(&[1.0, 2.0, 4.0]), sample(&[3.5, 4.5, 6.5]));
        let near = |found: Option<f64>, expected: f64| (found.unwrap() - expected).abs() < 1e-12;
        assert!(near(wasserstein(&ours, &shifted), 2.5));
        assert_eq!(wasserstein(&ours, &ours), Some(0.0));
        // Different sizes and repeated values: two thirds of the mass move by 1.
        assert!(near(wasserstein(&sample(&[0.0]), &sample(&[0.0, 1.0, 1.0])), 2.0 / 3.0));
        assert_eq!(wasserstein(&ours, &sample(&[f64::NAN])), None);
    }

    #[test]
    fn shares_that_have_nothing_in_common_are_as_far_apart_as_can_be() {
        let far = jensen_shannon(&[5.0, 0.0], &[0.0, 3.0]).unwrap();
        assert!((far - core::f64::consts::LN_2.sqrt()).abs() < 1e-15, "{far}");
        assert_eq!(jensen_shannon(&[5.0, 10.0], &[1.0, 2.0]), Some(0.0));
        for (ours, theirs) in [(&[][..], &[][..]), (&[0.0][..], &[1.0][..]), (&[1.0][..], &[1.0, 2.0][..])] {
            assert_eq!(jensen_shannon(ours, theirs), None);
            assert_eq!(population_stability_index(ours, theirs), None);
        }
    }

    #[test]
    fn the_index_is_symmetric_and_finite() {
        let (ours, theirs) = ([50.0, 50.0, 0.0], [20.0, 70.0, 10.0]);
        let index = population_stability_index(&ours, &theirs).unwrap();
        let expected =
            0.3 * (0.5f64 / 0.2).ln() + 0.2 * (0.7f64 / 0.5).ln() + 0.0999 * (0.1f64 / 0.0001).ln();
        assert!((index - expected).abs() < 1e-12, "{index} {expected}");
        let back = population_stability_index(&theirs, &ours).unwrap();
        assert!((back - index).abs() < 1e-12, "{back} {index}");
    }
}
