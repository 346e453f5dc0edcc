//! From the log of one policy, what others would have been worth.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use nextbest_core::metrics::bootstrap::Interval;
use nextbest_core::metrics::off_policy::{Decision, Estimate, PolicyValue, first_place, policy_value};
use nextbest_core::snapshot::Snapshot;
use nextbest_core::time::{self, DAY};
use serde::Serialize;

use super::Session;
use crate::app::usage;
use crate::io::feature_table::FeatureTable;
use crate::io::offer_log::{self, LoggedDecision};
use crate::io::tables::{LoadOptions, Part, load};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Log of `nextbest score --log`, CSV or Parquet. A column REWARD may hold the rewards; without it, a
    /// product's reward is its value if the bank's tables say that the customer took it within the horizon,
    /// else 0
    #[arg(long, value_name = "FILE")]
    log: PathBuf,
    /// Also evaluate the policy that draws the first offer with this temperature (repeatable)
    #[arg(long, value_name = "T")]
    temperature: Vec<f64>,
    /// Column with the priorities of the policies to evaluate: the one of the log, or an added one
    #[arg(long, value_name = "COLUMN", default_value = "PRIORITY")]
    priority: String,
    /// Skip unreadable rows of the bank's tables instead of stopping
    #[arg(long)]
    skip_bad_rows: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Evaluated {
    log: PathBuf,
    /// The versions of the models whose answers they are.
    models: BTreeSet<String>,
    decisions: usize,
    customers: usize,
    /// The mean reward of the policy that was logged.
    logged: Estimate,
    policies: Vec<EvaluatedPolicy>,
    /// The share of the decisions that chance had a part in.
    explored: f64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EvaluatedPolicy {
    policy: String,
    /// The least share of the policy that the log does not support.
    unsupported: f64,
    /// Products that it asks for and the log never shows.
    never_shown_products: Vec<String>,
    /// Worst and best case, where the log does not support all of it.
    bounds: Option<Interval>,
    /// `None` where the log supports too little of the policy: the estimate would be of another one.
    #[serde(flatten)]
    value: Option<PolicyValue>,
}

/// More of a policy than this must not lack support: bounds would say nearly nothing.
const MOST_UNSUPPORTED: f64 = 0.05;

pub(crate) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Evaluated> {
    session.lock([session.tables()])?;
    if let Some(wrong) = arguments.temperature.iter().find(|t| !t.is_finite() || **t < 0.0) {
        bail!("--temperature: {wrong} is not a number from 0");
    }
    let key = session.config.feature_store.key()?;
    let clock = session.config.data_source.clock()?;
    let mut decisions = offer_log::read(&arguments.log, &clock, key, &arguments.priority)?;
    if decisions.iter().any(|decision| decision.reward.is_none()) {
        add_rewards(session, arguments, &mut decisions)?;
    }
    let alone = |decision: &LoggedDecision| decision.candidates.len() < 2 || decision.propensity >= 1.0;
    let count = decisions.len();
    let explored = decisions.iter().filter(|decision| !alone(decision)).count() as f64 / count as f64;
    if explored == 0.0 {
        bail!(
            "{}: nothing was left to chance, so the log says nothing of other policies: give \
             policy.experiment a \
             temperature, and log again",
            arguments.log.display()
        );
    }
    let mut numbers = HashMap::new();
    let customers: Vec<u64> = decisions
        .iter()
        .map(|decision| {
            let next = numbers.len() as u64;
            *numbers.entry(decision.customer.as_str()).or_insert(next)
        })
        .collect();
    let shown = Shown::new(&decisions);
    let judge = |policy: String, target: &dyn Fn(&LoggedDecision) -> Vec<f64>| {
        let value = policy_value(&of_policy(&decisions, &customers, &shown, target)?);
        let unsupported = value.unsupported();
        let [least, greatest] = shown.rewards;
        anyhow::Ok(EvaluatedPolicy {
            policy,
            unsupported,
            never_shown_products: shown.never(&decisions, target),
            bounds: (unsupported > 0.0).then(|| value.bounds(least, greatest)),
            value: (unsupported <= MOST_UNSUPPORTED).then_some(value),
        })
    };
    let priorities = |decision: &LoggedDecision| -> Vec<f64> {
        decision.candidates.iter().map(|candidate| candidate.priority).collect()
    };
    let mut policies = vec![judge("best first".into(), &|decision| first_place(&priorities(decision), 0.0))?];
    if let Some(EvaluatedPolicy { value: None, unsupported, never_shown_products, .. }) = policies.first() {
        let products = match never_shown_products.as_slice() {
            [] => "what it shows to customers to whom it asks for it".to_owned(),
            products => products.join(", "),
        };
        bail!(
            "{}: deficient support: {:.1} % of what the policy of {} would show first, the log never shows \
             or far too rarely \
             ({products}); it says nothing of its worth. Log with a temperature that leaves a chance to all \
             that is to be \
             judged",
            arguments.log.display(),
            unsupported * 100.0,
            arguments.priority
        );
    }
    for temperature in &arguments.temperature {
        let target = |decision: &LoggedDecision| first_place(&priorities(decision), *temperature);
        policies.push(judge(format!("temperature {temperature}"), &target)?);
    }
    policies.push(judge("all alike".into(), &|decision| {
        vec![1.0 / decision.candidates.len() as f64; decision.candidates.len()]
    })?);
    let own = of_policy(&decisions, &customers, &shown, &|decision| {
        let mut own = vec![0.0; decision.candidates.len()];
        own.iter_mut().skip(decision.shown).take(1).for_each(|shown| *shown = decision.propensity);
        own
    })?;
    Ok(Evaluated {
        log: arguments.log.clone(),
        models: decisions.iter().map(|decision| decision.model.version.clone()).collect(),
        decisions: count,
        customers: numbers.len(),
        logged: policy_value(&own).ips,
        policies,
        explored,
    })
}

/// What a log shows at all.
struct Shown<'l> {
    products: HashSet<&'l str>,
    /// The least and the greatest reward that there may be: what came, nothing, and what the products are
    /// worth.
    rewards: [f64; 2],
}

impl<'l> Shown<'l> {
    fn new(decisions: &'l [LoggedDecision]) -> Self {
        let product =
            |decision: &'l LoggedDecision| Some(decision.candidates.get(decision.shown)?.product.as_str());
        let values = decisions.iter().flat_map(|decision| decision.candidates.iter().map(|it| it.value));
        let rewards = decisions.iter().filter_map(|decision| decision.reward).chain(values);
        Self {
            products: decisions.iter().filter_map(product).collect(),
            rewards: rewards.fold([0.0, 0.0], |[least, greatest], it| [it.min(least), it.max(greatest)]),
        }
    }

    /// The products that a policy asks for and the log never shows, in alphabetical order.
    fn never(
        &self,
        decisions: &[LoggedDecision],
        target: &dyn Fn(&LoggedDecision) -> Vec<f64>,
    ) -> Vec<String> {
        let mut products = BTreeSet::new();
        for decision in decisions {
            let asked = decision.candidates.iter().zip(target(decision)).filter(|(_, target)| *target > 0.0);
            let asked = asked.map(|(candidate, _)| &candidate.product);
            products.extend(asked.filter(|product| !self.products.contains(product.as_str())).cloned());
        }
        products.into_iter().collect()
    }
}

/// The log as estimators take it, for the policy that shows each candidate with these probabilities.
fn of_policy(
    decisions: &[LoggedDecision],
    customers: &[u64],
    shown: &Shown<'_>,
    target: &dyn Fn(&LoggedDecision) -> Vec<f64>,
) -> anyhow::Result<Vec<Decision>> {
    let of = |(decision, customer): (&LoggedDecision, &u64)| {
        let target = target(decision);
        let expected = decision.candidates.iter().map(|candidate| candidate.expected_reward);
        let never =
            decision.candidates.iter().map(|candidate| !shown.products.contains(candidate.product.as_str()));
        let of_shown = target.iter().zip(expected.clone()).nth(decision.shown);
        let (of_target, expected_of_shown) =
            of_shown.context("a product was shown that is none of the candidates")?;
        Ok(Decision {
            never_shown: target
                .iter()
                .zip(never)
                .filter(|(_, never)| *never)
                .map(|(probability, _)| probability)
                .sum(),
            customer: *customer,
            reward: decision.reward.unwrap_or(f64::NAN),
            propensity: decision.propensity,
            target: *of_target,
            expected: expected_of_shown,
            expected_of_target: target.iter().zip(expected).map(|(probability, q)| probability * q).sum(),
        })
    };
    decisions.iter().zip(customers).map(of).collect()
}

/// What came of the answers, by the bank's own tables: a product's value where the customer took it next,
/// within the horizon.
fn add_rewards(
    session: &Session,
    arguments: &Arguments,
    decisions: &mut [LoggedDecision],
) -> anyhow::Result<()> {
    // Rewards within another horizon than the model's would judge another question.
    let days = session.config.snapshots.horizon_days;
    if let Some(other) = decisions.iter().find(|decision| decision.model.horizon_days != days) {
        return Err(usage(anyhow::anyhow!(
            "snapshots.horizon_days: the config says {days}, but {} has answers of model {} about {} days \
             (HORIZON_DAYS; {} as \
             of {}): change the config, or write what came of them into a column REWARD",
            arguments.log.display(),
            other.model.version,
            other.model.horizon_days,
            other.customer,
            time::format(other.as_of)
        )));
    }
    FeatureTable::check_config(&session.config)?;
    let options = LoadOptions { skip_bad_rows: arguments.skip_bad_rows, ..LoadOptions::default() };
    let bank = load(&session.config, &options, &session.progress)?;
    let horizon = i64::from(bank.schema.horizon_days()) * DAY;
    let last = decisions.iter().map(|decision| decision.as_of).max().unwrap_or_default();
    if last + horizon > bank.data_end {
        bail!(
            "{} has no column REWARD, and the tables end on {}, before the {} days after {} are over",
            arguments.log.display(),
            time::format(bank.data_end),
            bank.schema.horizon_days(),
            time::format(last)
        );
    }
    let mut of_customers: HashMap<&str, Vec<i64>> = HashMap::new();
    for decision in decisions.iter() {
        of_customers.entry(&decision.customer).or_default().push(decision.as_of);
    }
    let taken_in_part = |part: &Part| {
        let mut taken = Vec::new();
        for (index, customer) in part.customers.iter().enumerate() {
            let Some(id) = bank.ids.get(part.first + index) else { continue };
            for as_of in of_customers.get(id.as_str()).into_iter().flatten() {
                let class = Snapshot::new(&bank.schema, *as_of).label(&customer).unwrap_or_default();
                let product = class.checked_sub(1).and_then(|product| bank.schema.products().get(product));
                taken.push(((id.clone(), *as_of), product.map(|product| product.name.clone())));
            }
        }
        Ok(taken)
    };
    let mut taken = HashMap::new();
    bank.each_part(taken_in_part, |of_part| {
        taken.extend(of_part);
        Ok(())
    })?;
    for decision in decisions {
        let found = taken.get(&(decision.customer.clone(), decision.as_of));
        let found = found.with_context(|| format!("customer {} is not in the tables", decision.customer))?;
        let shown = decision.candidates.get(decision.shown);
        let hit = shown.filter(|shown| found.as_ref() == Some(&shown.product));
        decision.reward = Some(hit.map_or(0.0, |shown| shown.value));
    }
    Ok(())
}

impl fmt::Display for Evaluated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} first offers to {} customers, {:.1} % of them left to chance, by {}",
            self.decisions,
            self.customers,
            self.explored * 100.0,
            self.models.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
        )?;
        let cell = |estimate: &Estimate| {
            let interval = &estimate.interval;
            format!("{:.4} ({:.4} to {:.4})", estimate.value, interval.low, interval.high)
        };
        writeln!(f, "reward an offer, with 95 % intervals; as it was logged {}", cell(&self.logged))?;
        let header = ["policy", "IPS", "SNIPS", "doubly robust", "as certain as"];
        let [policy, ips, snips, robust, certain] = header;
        writeln!(f, "  {policy:<18}{ips:<30}{snips:<30}{robust:<30}{certain}")?;
        for EvaluatedPolicy { policy, value, unsupported, bounds, never_shown_products } in &self.policies {
            let Some(value) = value else {
                let products = never_shown_products.join(", ");
                writeln!(
                    f,
                    "  {policy:<18}not judged: the log does not support {:.1} % of it ({products})",
                    unsupported * 100.0
                )?;
                continue;
            };
            let (ips, snips) = (cell(&value.ips), cell(&value.snips));
            let robust = cell(&value.doubly_robust);
            let effective = value.effective_decisions;
            writeln!(f, "  {policy:<18}{ips:<30}{snips:<30}{robust:<30}{effective:.0} of its own")?;
            if let Some(bounds) = bounds {
                writeln!(
                    f,
                    "  {:<18}of it {:.1} % has no support in the log: worth {:.4} to {:.4}, whatever that is",
                    "",
                    unsupported * 100.0,
                    bounds.low,
                    bounds.high
                )?;
            }
        }
        Ok(())
    }
}
