//! Change points of a series: the rank test of Pettitt (1979, "A non-parametric approach to the change-point
//! problem"), applied to the whole series and then to the parts before and after each change found.

/// With fewer numbers than this on one side of a change, chance alone would produce it too often.
const LEAST_SIDE: usize = 3;

/// The result of the test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pettitt {
    /// The position of the first number after the change.
    pub at: usize,
    /// K: the greatest |U| over all positions.
    pub statistic: f64,
    /// The approximate p-value, the probability of a K at least as great without a change: 2·exp(−6K² / (n³ +
    /// n²)), at most 1.
    pub p_value: f64,
}

/// Tests a series for one change; `None` if it is too short. Unknown numbers are NaN and compare equal to
/// everything.
pub fn pettitt(series: &[f64]) -> Option<Pettitt> {
    let n = series.len();
    let mut greatest: Option<(usize, f64)> = None;
    let mut u = 0.0;
    for (at, value) in series.iter().enumerate() {
        // Adding a number to the first part adds the signs of its comparisons with all others to U.
        u += series.iter().map(|other| order(*value, *other)).sum::<f64>();
        let (before, after) = (at + 1, n - at - 1);
        let greater = greatest.is_none_or(|(_, found): (usize, f64)| u.abs() > found.abs());
        if before >= LEAST_SIDE && after >= LEAST_SIDE && greater {
            greatest = Some((before, u));
        }
    }
    let (at, u) = greatest?;
    let (k, n) = (u.abs(), n as f64);
    let p_value = (2.0 * libm::exp(-6.0 * k * k / (n * n * n + n * n))).min(1.0);
    Some(Pettitt { at, statistic: k, p_value })
}

/// The positions of the first numbers after each change, in order. A part of the series is divided if the
/// test's p-value is at most `significance`.
pub fn change_points(series: &[f64], significance: f64) -> Vec<usize> {
    let (mut found, mut parts) = (Vec::new(), vec![(0, series)]);
    while let Some((start, part)) = parts.pop() {
        let Some(change) = pettitt(part).filter(|it| it.p_value <= significance) else { continue };
        let (before, after) = part.split_at(change.at);
        found.push(start + change.at);
        parts.extend([(start, before), (start + change.at, after)]);
    }
    found.sort_unstable();
    found
}

fn order(value: f64, other: f64) -> f64 {
    f64::from(i8::from(value > other) - i8::from(value < other))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition by brute force: U(t) sums the signs of comparing the first t numbers with the others.
    fn by_definition(series: &[f64]) -> f64 {
        let u = |t: usize| -> f64 {
            let pairs = series[..t].iter().flat_map(|a| series[t..].iter().map(move |b| order(*a, *b)));
            pairs.sum::<f64>().abs()
        };
        (LEAST_SIDE..=series.len() - LEAST_SIDE).map(u).fold(0.0, f64::max)
    }

    #[test]
    fn the_statistic_is_that_of_the_definition() {
        let series: Vec<f64> =
            (0..40).map(|it: i32| f64::from((it * 37 % 11) + if it > 24 { 4 } else { 0 })).collect();
        for length in 6..=40 {
            let found = pettitt(&series[..length]).unwrap();
            assert_eq!(found.statistic, by_definition(&series[..length]), "{length}");
        }
        assert_eq!(pettitt(&[1.0; 5]), None);
    }

    #[test]
    fn levels_are_told_apart_and_noise_is_not() {
        let noise = |it: usize| ((it * 7919) % 101) as f64 / 101.0;
        let steps: Vec<f64> = (0..60)
            .map(|it| {
                noise(it)
                    + if it < 20 {
                        0.0
                    } else if it < 45 {
                        3.0
                    } else {
                        1.0
                    }
            })
            .collect();
        assert_eq!(change_points(&steps, 0.01), [20, 45]);
        let level: Vec<f64> = (0..60).map(noise).collect();
        assert!(change_points(&level, 0.01).is_empty());
        assert!(change_points(&[2.0; 30], 0.05).is_empty());
    }
}
