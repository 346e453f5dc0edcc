//! Randomised response: each row reports its true cell with one probability and each other cell with another.
//! A single report proves little, but many reports together estimate how many rows each cell has.
//!
//! With k cells, p = eᵋ / (eᵋ + k − 1) and q = 1 / (eᵋ + k − 1), every report is at most eᵋ times as likely
//! from one cell as from another: ε-local differential privacy (Warner, 1965; Kairouz, Bonawitz & Ramage,
//! 2016, "Discrete distribution estimation under local privacy").

/// How the rows of a distribution are randomised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomisedResponse {
    cells: usize,
    /// p, the probability of reporting the true cell.
    truth: f64,
    /// q, the probability of reporting any other given cell.
    other: f64,
}

impl RandomisedResponse {
    /// For a distribution of `cells` cells (at least 2) and an ε above 0.
    pub fn new(epsilon: f64, cells: usize) -> Self {
        let odds = libm::exp(epsilon);
        let all = odds + cells as f64 - 1.0;
        Self { cells, truth: odds / all, other: 1.0 / all }
    }

    /// The report of a row in `cell`, given uniformly random bits.
    pub fn respond(&self, cell: usize, coin: u64, which: u32) -> usize {
        // 53 bits, the precision of a double.
        let heads = ((coin >> 11) as f64) / (1u64 << 53) as f64;
        if heads < self.truth || self.cells < 2 {
            return cell;
        }
        let other = ((u64::from(which) * (self.cells as u64 - 1)) >> 32) as usize;
        if other < cell { other } else { other + 1 }
    }

    /// p − q: how much of the truth remains.
    pub fn strength(&self) -> f64 {
        self.truth - self.other
    }

    /// The unbiased estimate of the number of rows in each cell from the number of reports; may be negative.
    pub fn estimate(&self, reported: &[f64]) -> Vec<f64> {
        let reports: f64 = reported.iter().sum();
        reported.iter().map(|count| (count - reports * self.other) / self.strength()).collect()
    }

    /// The expected number of reports of each cell, given the number of rows in each.
    pub fn reported(&self, counts: &[f64]) -> Vec<f64> {
        let rows: f64 = counts.iter().sum();
        counts.iter().map(|count| count * self.strength() + rows * self.other).collect()
    }

    /// The variance of [`RandomisedResponse::estimate`] for a cell that holds `count` of `rows` rows.
    pub fn variance(&self, count: f64, rows: f64) -> f64 {
        let (p, q) = (self.truth, self.other);
        let noise = count * p * (1.0 - p) + (rows - count) * q * (1.0 - q);
        noise / (self.strength() * self.strength())
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// How often each cell is reported by many rows in `cell`.
    fn said(response: RandomisedResponse, cell: usize, rows: usize, random: &mut ChaCha8Rng) -> Vec<f64> {
        let mut said = vec![0.0; response.cells];
        for _ in 0..rows {
            said[response.respond(cell, random.random(), random.random())] += 1.0;
        }
        said
    }

    #[test]
    fn what_is_said_keeps_the_promise() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for (epsilon, cells) in [(0.5, 2), (1.0, 5), (3.0, 12)] {
            let response = RandomisedResponse::new(epsilon, cells);
            assert!((response.truth / response.other - epsilon.exp()).abs() < 1e-9);
            assert!((response.truth + response.other * (cells as f64 - 1.0) - 1.0).abs() < 1e-12);
            for cell in [0, cells / 2, cells - 1] {
                let rows = 40_000;
                for (other, count) in said(response, cell, rows, &mut random).into_iter().enumerate() {
                    let expected = if other == cell { response.truth } else { response.other };
                    // Five standard deviations.
                    let spread = 5.0 * (expected * (1.0 - expected) / rows as f64).sqrt();
                    assert!((count / rows as f64 - expected).abs() < spread, "{epsilon} {cell} {other}");
                }
            }
        }
    }

    #[test]
    fn estimates_are_right_on_average_and_as_far_off_as_theory_says() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        let counts = [300.0, 0.0, 50.0, 150.0];
        for epsilon in [0.5, 2.0] {
            let response = RandomisedResponse::new(epsilon, counts.len());
            let rounds = 4000;
            let (mut sums, mut squares) = ([0.0; 4], [0.0; 4]);
            for _ in 0..rounds {
                let mut reported = vec![0.0; counts.len()];
                for (cell, count) in counts.iter().enumerate() {
                    let of_cell = said(response, cell, *count as usize, &mut random);
                    reported.iter_mut().zip(of_cell).for_each(|(sum, count)| *sum += count);
                }
                for (cell, estimate) in response.estimate(&reported).into_iter().enumerate() {
                    sums[cell] += estimate;
                    squares[cell] += (estimate - counts[cell]).powi(2);
                }
            }
            for (cell, count) in counts.into_iter().enumerate() {
                let theory = response.variance(count, 500.0);
                let (mean, variance) = (sums[cell] / f64::from(rounds), squares[cell] / f64::from(rounds));
                assert!(
                    (mean - count).abs() < 5.0 * (theory / f64::from(rounds)).sqrt(),
                    "{epsilon} {cell}: {mean}"
                );
                // A variance of 4000 rounds is off by 2.2 %.
                assert!((variance / theory - 1.0).abs() < 0.12, "{epsilon} {cell}: {variance} {theory}");
            }
        }
    }

    #[test]
    fn what_is_reported_on_average_is_estimated_back() {
        let response = RandomisedResponse::new(1.0, 3);
        let counts = vec![10.0, 20.0, 70.0];
        let back = response.estimate(&response.reported(&counts));
        assert!(back.iter().zip(&counts).all(|(a, b)| (a - b).abs() < 1e-9), "{back:?}");
    }
}
