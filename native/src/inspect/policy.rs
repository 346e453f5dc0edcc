//! A policy in a few lines.

use nextbest_core::policy::{Gate, PolicyDefinition, RankBy};
use nextbest_core::schema::Product;

use crate::app::number::{number, percent};

/// What a policy says, as names and words.
pub(crate) fn lines(policy: &PolicyDefinition, products: &[Product]) -> Vec<(&'static str, String)> {
    let rules = |stops: bool| names(policy.gates.iter().filter(|gate| gate.stops == stops).map(rule));
    let rank_by = match policy.rank_by {
        RankBy::Probability => "probability",
        RankBy::ExpectedValue => "expected value",
    };
    let levers = policy.terms.iter().zip(products).filter(|(terms, _)| terms.lever != 1.0);
    let weights = policy.weights.len();
    let experiment = policy.experiment.as_ref().map(|it| {
        let chance = match it.temperature {
            0.0 => "the order is not left to chance".to_owned(),
            temperature => format!("temperature {}", number(temperature)),
        };
        format!("{} of the customers get no offers; {chance}", percent(it.holdout))
    });
    let lines = [
        ("ranked by", Some(rank_by.to_owned())),
        ("withheld below", (policy.min_probability > 0.0).then(|| percent(policy.min_probability.into()))),
        ("stops", rules(true)),
        ("gates", rules(false)),
        (
            "levers",
            names(levers.map(|(terms, product)| format!("{} × {}", product.name, number(terms.lever)))),
        ),
        ("context", (weights > 0).then(|| format!("{weights} weights"))),
        ("channels", names(policy.channels().into_iter().map(str::to_owned))),
        ("at most", policy.most_per_category.map(|most| format!("{most} of a category"))),
        ("fallback", policy.fallback.clone()),
        ("experiment", experiment),
    ];
    lines.into_iter().filter_map(|(name, words)| Some((name, words?))).collect()
}

fn rule(gate: &Gate) -> String {
    gate.rule.clone()
}

/// Distinct names, separated by commas; empty without names.
fn names(names: impl Iterator<Item = String>) -> Option<String> {
    let mut different: Vec<String> = Vec::new();
    for name in names {
        if !different.contains(&name) {
            different.push(name);
        }
    }
    (!different.is_empty()).then(|| different.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nextbest_core::policy::{Experiment, MeasureTest, Terms};

    #[test]
    fn only_what_a_policy_says_is_told() {
        let product = |name: &str| Product {
            id: name.into(),
            name: name.into(),
            min_age: None,
            repeatable: false,
            value: None,
        };
        let products = [product("Card"), product("Loan")];
        assert_eq!(lines(&PolicyDefinition::default(), &products), [("ranked by", "probability".into())]);
        let gate = |rule: &str, stops| Gate {
            rule: rule.into(),
            condition: MeasureTest {
                measure: 0,
                test: nextbest_core::features::Test::AtLeast(1.0),
                missing: false,
            },
            products: Vec::new(),
            channels: vec!["app".into()],
            stops,
        };
        let policy = PolicyDefinition {
            rank_by: RankBy::ExpectedValue,
            min_probability: 0.25,
            terms: vec![Terms::default(), Terms { lever: 1.5, ..Terms::default() }],
            gates: vec![gate("consent", true), gate("tenure", false), gate("tenure", false)],
            experiment: Some(Experiment {
                key: "ID".into(),
                salt: "s".into(),
                holdout: 0.05,
                temperature: 0.0,
            }),
            ..PolicyDefinition::default()
        };
        let expected = [
            ("ranked by", "expected value"),
            ("withheld below", "25.0 %"),
            ("stops", "consent"),
            ("gates", "tenure"),
            ("levers", "Loan × 1.5"),
            ("channels", "app"),
            ("experiment", "5.0 % of the customers get no offers; the order is not left to chance"),
        ];
        assert_eq!(lines(&policy, &products), expected.map(|(name, words)| (name, words.to_owned())));
    }
}
