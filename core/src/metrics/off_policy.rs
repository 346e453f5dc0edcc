//! Off-policy evaluation: the value of a policy, estimated from the log of another policy that left something
//! to chance.
//!
//! Three estimators (Dudík, Erhan, Langford and Li, "Doubly robust policy evaluation and optimization",
//! Statistical Science 2014; the self-normalised one: Swaminathan and Joachims, NIPS 2015). All need *common
//! support*: whatever the new policy does, the old one must have done with some probability. With deficient
//! support (Sachdeva, Su and Joachims, KDD 2020) they estimate the value of the supported part only, and
//! their intervals do not show it: weights can't miss what was never logged. So the unsupported share of the
//! policy is measured ([`PolicyValue::unsupported`]), and if it is small, the worst and the best case are
//! given ([`PolicyValue::bounds`]; Manski, American Economic Review 1990).

use std::collections::HashMap;

use serde::Serialize;

use super::bootstrap::Interval;

/// One logged decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// The customer. Decisions about the same customer are not independent.
    pub customer: u64,
    /// The reward.
    pub reward: f64,
    /// The probability, above 0, with which the logging policy took this action.
    pub propensity: f64,
    /// The probability with which the new policy would take this action.
    pub target: f64,
    /// The probability with which the new policy would take an action that the log never shows.
    pub never_shown: f64,
    /// The reward that a model expects of this action.
    pub expected: f64,
    /// The mean reward that the model expects of the new policy.
    pub expected_of_target: f64,
}

/// The mean reward per decision, with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean reward.
    pub value: f64,
    /// Its 95 % confidence interval, by the normal distribution, clustered by customer.
    pub interval: Interval,
}

/// The value of a policy, by three estimators.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PolicyValue {
    /// Inverse propensity scoring: unbiased, but with a high variance where the policies differ.
    pub ips: Estimate,
    /// Self-normalised: divided by the sum of the weights. Slightly biased, with a lower variance.
    pub snips: Estimate,
    /// Doubly robust: the model's expectation, corrected by the logged rewards. Unbiased; the better the
    /// model, the lower the variance.
    pub doubly_robust: Estimate,
    /// The effective sample size: the number of decisions of the new policy itself that would be as certain,
    /// (Σ weight)² / Σ weight².
    pub effective_decisions: f64,
    /// The greatest weight: the new policy's probability over the old one's.
    pub greatest_weight: f64,
    /// The mean weight: the share of the policy that the log supports; 1, up to chance, if it supports all.
    pub mean_weight: Estimate,
    /// The share of the policy on actions that the log never shows.
    pub never_shown: f64,
}

impl PolicyValue {
    /// A lower bound of the unsupported share of the policy: actions that were never shown, or were shown too
    /// rarely in its situations for the weights to average 1.
    pub fn unsupported(&self) -> f64 {
        let missing = 1.0 - self.mean_weight.interval.high;
        // If all weights are 0, so is the width of the interval: nothing of the policy is in the log.
        self.never_shown.max(missing).max(0.0)
    }

    /// Bounds of the policy's value, if every reward lies between `least` and `greatest`: the 95 % interval
    /// of the supported part, with the worst and the best case of the rest.
    pub fn bounds(&self, least: f64, greatest: f64) -> Interval {
        let Interval { low, high } = self.ips.interval;
        let rest = self.unsupported();
        Interval { low: low + rest * least, high: high + rest * greatest }
    }
}

/// Estimates the value of a policy; NaN without decisions.
///
/// # Examples
/// ```
/// use nextbest_core::metrics::off_policy::{Decision, policy_value};
///
/// // The logging policy takes two actions equally often; the new policy always takes the rewarded one.
/// let decision = |customer: u64| {
///     let rewarded = if customer % 2 == 0 { 1.0 } else { 0.0 };
///     let (expected, expected_of_target) = (rewarded, 1.0);
///     let (propensity, target, never_shown) = (0.5, rewarded, 0.0);
///     Decision { customer, reward: rewarded, propensity, target, never_shown, expected, expected_of_target }
/// };
/// let value = policy_value(&(0..1000).map(decision).collect::<Vec<_>>());
/// assert!((value.ips.value - 1.0).abs() < 1e-12);
/// assert!((value.effective_decisions - 500.0).abs() < 1e-9);
/// ```
pub fn policy_value(decisions: &[Decision]) -> PolicyValue {
    let weight = |decision: &Decision| decision.target / decision.propensity;
    let total: f64 = decisions.iter().map(weight).sum();
    let squares: f64 = decisions.iter().map(|decision| weight(decision).powi(2)).sum();
    let mean_weight = total / decisions.len() as f64;
    let normalised = decisions.iter().map(|decision| weight(decision) * decision.reward).sum::<f64>() / total;
    PolicyValue {
        ips: mean(decisions, |decision| weight(decision) * decision.reward),
        // The delta method: the errors of a ratio are those of its linearisation.
        snips: mean(decisions, |decision| {
            normalised + weight(decision) * (decision.reward - normalised) / mean_weight
        }),
        doubly_robust: mean(decisions, |decision| {
            decision.expected_of_target + weight(decision) * (decision.reward - decision.expected)
        }),
        effective_decisions: total * total / squares,
        greatest_weight: decisions.iter().map(weight).fold(0.0, f64::max),
        mean_weight: mean(decisions, weight),
        never_shown: mean(decisions, |decision| decision.never_shown).value,
    }
}

/// The mean of one number per decision.
fn mean(decisions: &[Decision], of: impl Fn(&Decision) -> f64) -> Estimate {
    let count = decisions.len() as f64;
    let value = decisions.iter().map(&of).sum::<f64>() / count;
    let mut of_customers: HashMap<u64, f64> = HashMap::new();
    for decision in decisions {
        *of_customers.entry(decision.customer).or_default() += of(decision) - value;
    }
    // Sorted, so that the same log gives the same bits.
    let mut errors: Vec<f64> = of_customers.into_values().map(|error| error * error).collect();
    errors.sort_unstable_by(f64::total_cmp);
    let customers = errors.len() as f64;
    let variance = errors.iter().sum::<f64>() / (count * count) * customers / (customers - 1.0).max(1.0);
    let half = NORMAL_97_5 * variance.sqrt();
    Estimate { value, interval: Interval { low: value - half, high: value + half } }
}

/// The 97.5th percentile of the standard normal distribution.
const NORMAL_97_5: f64 = 1.959_963_984_540_054;

/// For each candidate, the probability that it comes first, given priorities and a temperature as in
/// [`Experiment`](crate::policy::Experiment). At temperature 0 the first of the greatest is certain.
pub fn first_place(priorities: &[f64], temperature: f64) -> Vec<f64> {
    let greatest = priorities.iter().copied().fold(0.0, f64::max);
    if temperature > 0.0 && greatest > 0.0 {
        let weight = |priority: &f64| ((priority.max(0.0) / greatest).ln() / temperature).exp();
        let weights: Vec<f64> = priorities.iter().map(weight).collect();
        let total: f64 = weights.iter().sum();
        return weights.into_iter().map(|weight| weight / total).collect();
    }
    let best = priorities.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let first = priorities.iter().position(|priority| *priority == best);
    (0..priorities.len()).map(|position| f64::from(u8::from(Some(position) == first))).collect()
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Three actions, with the logging policy's probabilities.
    const LOGGED: [f64; 3] = [0.5, 0.3, 0.2];
    const TARGET: [f64; 3] = [0.1, 0.2, 0.7];
    const REWARD: [f64; 3] = [1.0, 4.0, 2.0];
    /// The expectations of a model that is slightly wrong.
    const MODEL: [f64; 3] = [1.5, 3.0, 2.5];

    fn truth() -> f64 {
        TARGET.iter().zip(REWARD).map(|(probability, reward)| probability * reward).sum()
    }

    fn decision(customer: u64, action: usize, reward: f64) -> Decision {
        Decision {
            customer,
            reward,
            propensity: LOGGED[action],
            target: TARGET[action],
            never_shown: 0.0,
            expected: MODEL[action],
            expected_of_target: TARGET.iter().zip(MODEL).map(|(p, q)| p * q).sum(),
        }
    }

    fn simulated(seed: u64, count: usize) -> Vec<Decision> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = |customer| {
            let uniform: f64 = random.random();
            let action = if uniform < 0.5 { 0 } else { 1 + usize::from(uniform >= 0.8) };
            // With mean REWARD.
            decision(customer, action, REWARD[action] * random.random_range(0.0..2.0))
        };
        (0..count as u64).map(&mut draw).collect()
    }

    #[test]
    fn expectations_over_the_logging_policy_are_the_truth() {
        let of = |value: fn(&PolicyValue) -> f64| -> f64 {
            (0..3).map(|a| LOGGED[a] * value(&policy_value(&[decision(0, a, REWARD[a])]))).sum()
        };
        assert!((of(|value| value.ips.value) - truth()).abs() < 1e-12);
        assert!((of(|value| value.doubly_robust.value) - truth()).abs() < 1e-12);
    }

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        let mut covered = [0; 3];
        for seed in 0..400 {
            let value = policy_value(&simulated(seed, 500));
            for (covered, estimate) in covered.iter_mut().zip([value.ips, value.snips, value.doubly_robust]) {
                let Interval { low, high } = estimate.interval;
                *covered += u32::from(low <= truth() && truth() <= high);
            }
        }
        // 95 % of 400, within three standard deviations.
        assert!(covered.iter().all(|covered| (367..=393).contains(covered)), "{covered:?}");
    }

    #[test]
    fn a_good_model_makes_doubly_robust_more_certain() {
        let value = policy_value(&simulated(1, 2_000));
        let width = |estimate: Estimate| estimate.interval.high - estimate.interval.low;
        assert!(width(value.doubly_robust) < width(value.snips));
        assert!(width(value.snips) < width(value.ips));
    }

    #[test]
    fn a_policy_is_worth_by_its_own_log_what_came_of_it() {
        let own: Vec<Decision> = simulated(2, 300)
            .into_iter()
            .map(|decision| Decision { target: decision.propensity, ..decision })
            .collect();
        let value = policy_value(&own);
        let mean = own.iter().map(|decision| decision.reward).sum::<f64>() / 300.0;
        assert!((value.ips.value - mean).abs() < 1e-12 && (value.snips.value - mean).abs() < 1e-12);
        assert!(
            (value.effective_decisions - 300.0).abs() < 1e-9 && (value.greatest_weight - 1.0).abs() < 1e-12
        );
        // The standard error of a mean.
        let variance =
            own.iter().map(|decision| (decision.reward - mean).powi(2)).sum::<f64>() / 299.0 / 300.0;
        assert!((value.ips.interval.high - mean - 1.96 * variance.sqrt()).abs() < 1e-4);
    }

    #[test]
    fn the_same_customer_again_is_no_more_certain_and_moved_rewards_move_snips() {
        let once = simulated(3, 400);
        let twice: Vec<Decision> = once.iter().chain(&once).copied().collect();
        let (a, b) = (policy_value(&once), policy_value(&twice));
        for (a, b) in [(a.ips, b.ips), (a.snips, b.snips), (a.doubly_robust, b.doubly_robust)] {
            assert!((a.value - b.value).abs() < 1e-12);
            assert!((a.interval.low - b.interval.low).abs() < 1e-9);
        }
        let moved: Vec<Decision> =
            once.iter().map(|decision| Decision { reward: decision.reward + 100.0, ..*decision }).collect();
        assert!((policy_value(&moved).snips.value - a.snips.value - 100.0).abs() < 1e-9);
        assert!((policy_value(&moved).ips.value - a.ips.value - 100.0).abs() > 0.1, "unlike IPS");
    }

    #[test]
    fn the_first_place_is_the_best_ones_or_a_softmax() {
        assert_eq!(first_place(&[1.0, 3.0, 3.0], 0.0), [0.0, 1.0, 0.0]);
        assert_eq!(first_place(&[-1.0, -2.0], 0.0), [1.0, 0.0]);
        assert_eq!(first_place(&[1.0, 3.0, 0.0], 1.0), [0.25, 0.75, 0.0]);
        let soft = first_place(&[1.0, 2.0], 0.5);
        assert!((soft[1] - 0.8).abs() < 1e-12);
    }

    /// A log that never shows the second action (whose reward is then unknown), and the others as often as
    /// their propensities say.
    #[test]
    fn bounds_hold_whatever_was_never_shown_is_worth() {
        let (logged, target) = ([0.6, 0.4], [[0.5, 0.04, 0.46], [0.0, 0.5, 0.5], [0.7, 0.0, 0.3]]);
        let reward = [1.0, f64::NAN, 2.0];
        for target in target {
            let decision = |customer, place: usize| {
                let action = 2 * place;
                Decision {
                    customer,
                    reward: reward[action],
                    propensity: logged[place],
                    target: target[action],
                    never_shown: target[1],
                    expected: 0.0,
                    expected_of_target: 0.0,
                }
            };
            // Exactly as often as expected.
            let log: Vec<Decision> = (0..1000).map(|n| decision(n, usize::from(n % 10 >= 6))).collect();
            let value = policy_value(&log);
            assert!((value.never_shown - target[1]).abs() < 1e-12);
            assert!((value.mean_weight.value - (1.0 - target[1])).abs() < 1e-12, "the supported part");
            assert!((value.unsupported() - target[1]).abs() < 1e-12, "{target:?}");
            let bounds = value.bounds(-1.0, 7.0);
            for unknown in [-1.0, 0.0, 3.5, 7.0] {
                let truth = target[0] + unknown * target[1] + 2.0 * target[2];
                assert!(bounds.low <= truth && truth <= bounds.high, "{target:?} {unknown}");
            }
            let width = value.ips.interval.high - value.ips.interval.low + 8.0 * target[1];
            assert!((bounds.high - bounds.low - width).abs() < 1e-9, "and no wider than that");
        }
    }

    #[test]
    fn what_is_shown_elsewhere_but_never_where_it_is_asked_for_lacks_support() {
        // Half of the customers are never shown what the policy would show them.
        let decision = |customer: u64| Decision {
            target: if customer.is_multiple_of(2) { 1.0 } else { 0.0 },
            propensity: 1.0,
            ..decision(customer, 0, 1.0)
        };
        let unsupported = policy_value(&(0..1000).map(decision).collect::<Vec<_>>()).unsupported();
        assert!((0.45..0.5).contains(&unsupported), "{unsupported}");
        let nothing: Vec<Decision> =
            (0..10).map(|customer| Decision { target: 0.0, ..decision(customer) }).collect();
        assert_eq!(policy_value(&nothing).unsupported(), 1.0);
    }
}
