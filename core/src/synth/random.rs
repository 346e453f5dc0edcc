//! Random streams: one per customer and purpose, so that no draw of one depends on another.
//!
//! Exponentials come from `libm`, and the ziggurats of `rand_distr` are tables except for their tails, so
//! that a seed gives the same bytes on every platform.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Exp1, StandardNormal};

/// The purpose of a random stream. Streams of one customer are independent: writing damaged rows, for
/// example, leaves the clean ones unchanged.
#[derive(Clone, Copy)]
#[repr(u64)]
pub(super) enum Purpose {
    /// The persona and the latent life.
    Life = 0,
    /// The rows that a life leaves behind.
    Rows = 1,
    /// Damage done to rows.
    Dirt = 2,
    /// Possible futures, for the true probabilities.
    Future = 3,
    /// Which rows get another category. Values from here on lie above the bits of a customer's index.
    CategoryMix = 1 << 40,
    /// Which values are lost.
    Missingness = 2 << 40,
}

#[derive(Clone)]
pub(super) struct Random(ChaCha8Rng);

impl Random {
    pub(super) fn new(seed: u64, customer: u64, purpose: Purpose) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(customer << 2 | purpose as u64);
        Self(rng)
    }

    /// Uniform in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        self.0.random()
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Uniform in [low, high).
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform integer in 0..`bound`; 0 if `bound` is not positive.
    pub(super) fn below(&mut self, bound: i32) -> i32 {
        (self.unit() * f64::from(bound.max(0))) as i32
    }

    pub(super) fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        mean + deviation * self.0.sample::<f64, _>(StandardNormal)
    }

    pub(super) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * libm::exp(self.normal(0.0, sigma))
    }

    /// Pareto with minimum `scale`. The mean is infinite for `shape` up to 1, the variance up to 2.
    pub(super) fn pareto(&mut self, scale: f64, shape: f64) -> f64 {
        scale * libm::exp(self.exponential() / shape)
    }

    /// Exponential with mean 1.
    pub(super) fn exponential(&mut self) -> f64 {
        self.0.sample(Exp1)
    }

    /// Poisson by Knuth's product of uniforms (The Art of Computer Programming, 3.4.1): quick for the small
    /// means used here.
    pub(super) fn poisson(&mut self, mean: f64) -> u32 {
        let mut product = self.unit();
        // exp(-m) ≥ 1 - m: most draws of small means need no exponential.
        if product <= 1.0 - mean {
            return 0;
        }
        let limit = libm::exp(-mean);
        let mut count = 0;
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// An item drawn by the weight beside it; `None` if no weight is positive.
    pub(super) fn weighted<T: Copy>(&mut self, items: impl Iterator<Item = (T, f64)> + Clone) -> Option<T> {
        let total: f64 = items.clone().map(|(_, weight)| weight).sum();
        let mut left = self.unit() * total;
        items.filter(|&(_, weight)| weight > 0.0).find_map(|(item, weight)| {
            left -= weight;
            (left < 0.0).then_some(item)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::params::MAX_CUSTOMERS;
    use super::*;

    #[test]
    fn streams_differ_by_seed_customer_and_purpose() {
        let first = |seed, customer, purpose| Random::new(seed, customer, purpose).unit();
        let reference = first(1, 1, Purpose::Life);
        assert_eq!(reference, first(1, 1, Purpose::Life));
        assert_ne!(reference, first(2, 1, Purpose::Life));
        assert_ne!(reference, first(1, 2, Purpose::Life));
        assert_ne!(reference, first(1, 1, Purpose::Rows));
        let last = MAX_CUSTOMERS - 1;
        for purpose in [Purpose::CategoryMix, Purpose::Missingness] {
            assert_ne!(reference, first(1, 1, purpose));
            assert!(
                (purpose as u64) > (last << 2 | Purpose::Future as u64),
                "the bits of an index end before"
            );
        }
    }

    #[test]
    fn draws_have_the_means_they_promise() {
        let mut rng = Random::new(7, 7, Purpose::Life);
        let n = 100_000;
        let mean = |draw: &mut dyn FnMut() -> f64| (0..n).map(|_| draw()).sum::<f64>() / f64::from(n);
        assert!((mean(&mut || f64::from(rng.poisson(1.7))) - 1.7).abs() < 0.02);
        assert!((mean(&mut || rng.pareto(1.0, 3.0)) - 1.5).abs() < 0.02);
        assert!((mean(&mut || f64::from(rng.below(10))) - 4.5).abs() < 0.05);
        let b = mean(&mut || f64::from(rng.weighted([(0u8, 1.0), (1, 0.0), (1, 3.0)].into_iter()).unwrap()));
        assert!((b - 0.75).abs() < 0.01);
        assert_eq!(rng.weighted([(0, 0.0)].into_iter()), None);
    }
}
