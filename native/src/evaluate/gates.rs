//! Gates: conditions on a model for promotion, on its own metrics and against the production model.

use std::fmt;
use std::path::Path;

use anyhow::anyhow;
use nextbest_core::bundle::Bundle;
use nextbest_core::bundle::card::Metric;
use nextbest_core::metrics::bootstrap::Resampled;
use nextbest_core::time;
use serde::Serialize;

use crate::app::Progress;
use crate::app::usage;
use crate::config::{Config, Deployment};
use crate::evaluate::{Opponent, paired_differences};
use crate::io::feature_table::FeatureTable;
use crate::trust::Demands;

/// Metrics where lower is better.
const LESS_IS_BETTER: [&str; 3] = ["log_loss", "brier", "calibration_error"];
/// What a metric has in its name that leaves those out who took nothing.
const WITHOUT_NONE: &str = "_without_none";
/// The metrics of the test rows that a card has.
const CARD_METRICS: [&str; 8] = [
    "accuracy",
    "f1_weighted",
    "roc_auc_ovr",
    "log_loss",
    "top_3_accuracy",
    "map_at_3",
    "brier",
    "calibration_error",
];

/// The candidate for promotion, or the production model.
pub(crate) struct Candidate<'c> {
    /// Its name in messages.
    pub(crate) name: &'c Path,
    pub(crate) bytes: &'c [u8],
}

/// Result of a gate.
#[derive(Debug, Serialize)]
pub(crate) struct Gate {
    pub(crate) metric: String,
    /// What is asked of it.
    pub(crate) rule: String,
    pub(crate) outcome: Outcome,
    /// The numbers, or why there are none.
    pub(crate) detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Passed,
    Failed,
    /// It could not be measured: a person must decide.
    NotMeasured,
}

/// Checks that all metrics in the config exist.
///
/// # Errors
/// Names the first unknown metric (exit code 2).
pub(crate) fn check(deployment: &Deployment) -> anyhow::Result<()> {
    let known =
        |name: &&String| CARD_METRICS.contains(&name.strip_suffix(WITHOUT_NONE).unwrap_or(name.as_str()));
    if let Some(name) = deployment.gating_thresholds.keys().find(|name| !known(name)) {
        return Err(usage(anyhow!(
            "deployment.gating_thresholds: expected one of {} (each also with {WITHOUT_NONE}), got {name:?}",
            CARD_METRICS.join(", ")
        )));
    }
    for (name, margin) in &deployment.relative_gates {
        if resampled(name).is_none() {
            return Err(usage(anyhow!(
                "deployment.relative_gates: expected one of {}, got {name:?}",
                Resampled::ALL.map(Resampled::name).join(", ")
            )));
        }
        if margin.is_nan() || *margin < 0.0 {
            return Err(usage(anyhow!(
                "deployment.relative_gates: {name}: expected by how much it may be worse, at least 0, got \
                 {margin}"
            )));
        }
    }
    Ok(())
}

/// Checks the test metrics in a bundle's card against the config's limits.
pub(crate) fn absolute(deployment: &Deployment, bundle: &Bundle) -> Vec<Gate> {
    let gate = |(name, threshold): (&String, &f64)| {
        let less = LESS_IS_BETTER.contains(&name.strip_suffix(WITHOUT_NONE).unwrap_or(name));
        let found = bundle.card.test_metrics.iter().find(|metric| metric.name == *name);
        let passes = |metric: &Metric| match less {
            true => metric.value <= *threshold,
            false => metric.value >= *threshold,
        };
        let (outcome, detail) = match found {
            Some(metric) if passes(metric) => (Outcome::Passed, format!("{:.4}", metric.value)),
            Some(metric) => (Outcome::Failed, format!("{:.4}", metric.value)),
            None if bundle.card.test_metrics.is_empty() => (
                Outcome::NotMeasured,
                "the bundle's card has no metrics: run `nextbest evaluate` before `nextbest export`".into(),
            ),
            None => (Outcome::NotMeasured, "it is not defined on the rows of the test".into()),
        };
        let rule = format!("{name} {} {threshold}", if less { "≤" } else { "≥" });
        Gate { metric: name.clone(), rule, outcome, detail }
    };
    deployment.gating_thresholds.iter().map(gate).collect()
}

/// How a model compares with the one in production on the same rows, of which neither has seen the outcomes.
///
/// # Errors
/// If a bundle that was measured before can't be scored, or the config says otherwise than the feature
/// table.
pub(crate) fn relative(
    config: &Config,
    progress: &Progress,
    model: &Candidate<'_>,
    production: &Candidate<'_>,
) -> anyhow::Result<Vec<Gate>> {
    let gates = &config.deployment.relative_gates;
    if gates.is_empty() {
        return Ok(Vec::new());
    }
    let rule = |name: &str, margin: f64| {
        format!("{name} not worse than in production ({}) by more than {margin}", production.name.display())
    };
    let path = config.feature_table().with_extension("parquet");
    progress.step(format!("reading {}", path.display()));
    let table = FeatureTable::read_parquet(&path);
    if let Ok(table) = &table {
        table.layout.check(config, &table.distinct_cutoffs(), &path).map_err(usage)?;
    }
    let found = table.and_then(|table| opponents(config, &table, model, production));
    let (model, production, test) = match found {
        Ok(found) => found,
        Err(error) => {
            let gate = |(name, margin): (&String, &f64)| Gate {
                metric: format!("{name}_against_production"),
                rule: rule(name, *margin),
                outcome: Outcome::NotMeasured,
                detail: format!("{error:#}"),
            };
            return Ok(gates.iter().map(gate).collect());
        }
    };
    progress.step("comparing with the model in production".into());
    let differences = paired_differences(&model, &production, &test, &config.evaluation)?;
    let gate = |(name, margin): (&String, &f64)| {
        let found = differences.iter().find(|difference| difference.metric == name);
        let interval = found.and_then(|difference| difference.interval);
        let less = resampled(name).is_some_and(Resampled::less_is_better);
        let (outcome, detail) = match (found, interval) {
            (Some(difference), Some(interval)) => {
                let worst = if less { interval.high } else { -interval.low };
                let detail = format!(
                    "{:.4} against {:.4}, difference {:+.4} [{:+.4}, {:+.4}] on {} rows",
                    difference.model,
                    difference.other,
                    difference.difference,
                    interval.low,
                    interval.high,
                    test.len()
                );
                (if worst <= *margin { Outcome::Passed } else { Outcome::Failed }, detail)
            }
            _ => (Outcome::NotMeasured, "it is not defined on the test rows".to_owned()),
        };
        let metric = format!("{name}_against_production");
        Gate { metric, rule: rule(name, *margin), outcome, detail }
    };
    Ok(gates.iter().map(gate).collect())
}

/// Both models and the test rows, where a comparison is fair.
fn opponents(
    config: &Config,
    table: &FeatureTable,
    model: &Candidate<'_>,
    production: &Candidate<'_>,
) -> anyhow::Result<(Opponent, Opponent, FeatureTable)> {
    let card = Bundle::decode(model.bytes)?.card;
    let cutoffs: Vec<i64> = card.test_cutoffs.iter().filter_map(|date| time::parse(date)).collect();
    let test = table.at(&cutoffs);
    if test.is_empty() {
        return Err(anyhow!("the feature table has no rows at the model's test cut-offs"));
    }
    let demands = Demands::new(&config.trust, None)?;
    let model = Opponent::new(model.name, model.bytes, &test, &demands)?;
    let production = Opponent::new(production.name, production.bytes, &test, &demands)?;
    Ok((model, production, test))
}

/// Fails where a model may not be promoted. What could not be measured, a person may let pass.
///
/// # Errors
/// Says which gates it did not pass.
pub(crate) fn judge(gates: &[Gate], is_approved: bool) -> anyhow::Result<()> {
    let of = |outcome: Outcome| {
        let rules = gates.iter().filter(|gate| gate.outcome == outcome);
        rules.map(|gate| format!("{} ({})", gate.rule, gate.detail)).collect::<Vec<_>>()
    };
    let failed = of(Outcome::Failed);
    if !failed.is_empty() {
        return Err(anyhow!("not promoted: {}", failed.join("; ")));
    }
    let open = of(Outcome::NotMeasured);
    if !open.is_empty() && !is_approved {
        return Err(anyhow!("{}", open.join("; ")).context(
            "not promoted: some gates could not be measured; a person who takes responsibility for them \
             says --approve",
        ));
    }
    Ok(())
}

fn resampled(name: &str) -> Option<Resampled> {
    Resampled::ALL.into_iter().find(|metric| metric.name() == name)
}

impl Outcome {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotMeasured => "not measured",
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<12}  {}: {}", self.outcome.words(), self.rule, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(outcome: Outcome) -> Gate {
        Gate { metric: "log_loss".into(), rule: "log_loss ≤ 1".into(), outcome, detail: "2".into() }
    }

    #[test]
    fn what_failed_can_not_be_approved_and_what_was_not_measured_must_be() {
        assert!(judge(&[gate(Outcome::Passed)], false).is_ok());
        for approved in [false, true] {
            let error = judge(&[gate(Outcome::Passed), gate(Outcome::Failed)], approved).unwrap_err();
            assert_eq!(error.to_string(), "not promoted: log_loss ≤ 1 (2)");
        }
        let error = judge(&[gate(Outcome::NotMeasured)], false).unwrap_err();
        assert!(error.to_string().contains("--approve"), "{error:#}");
        assert!(judge(&[gate(Outcome::NotMeasured)], true).is_ok());
    }

    #[test]
    fn only_metrics_that_there_are_can_be_asked_for() {
        for (yaml, message) in [
            ("{gating_thresholds: {acuracy: 0.1}}", "gating_thresholds: expected one of accuracy"),
            ("{relative_gates: {f1_weighted: 0.1}}", "relative_gates: expected one of log_loss"),
            ("{relative_gates: {log_loss: -1}}", "at least 0, got -1"),
        ] {
            let deployment = Config::parse(&format!("deployment: {yaml}")).unwrap().deployment;
            let error = check(&deployment).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
        let sound = "deployment: {gating_thresholds: {log_loss_without_none: 3, roc_auc_ovr: 0.6}}";
        check(&Config::parse(sound).unwrap().deployment).unwrap();
        check(&Deployment::default()).unwrap();
    }
}
