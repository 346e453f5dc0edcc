//! Explanations agree with the engine (the value to the last bit) and with the oracle (the rows that count).

use nextbest_core::features::{
    ExplainedFeature, ExplainedTable, Expression, FeatureDefinition, FeatureEngine, explain,
};
use proptest::prelude::*;

use crate::bank::cases;
use crate::definitions::{every_definition, numbers};
use crate::{naive, sample};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn explanations_agree_with_the_engine_and_the_oracle(case in cases(), numbers in numbers()) {
        let definitions = every_definition(&case.schema, &numbers);
        let schema = case.schema();
        let engine = FeatureEngine::new(&schema, &definitions).unwrap();
        let customers = case.customers();
        let customer = customers.get(0).unwrap();
        let mut row = Vec::new();
        engine.compute(&customer, case.cutoff, &mut row);
        // A ratio needs the features before it, and compiling all of them takes time.
        let ratios = definitions.iter().filter(|one| matches!(one.expression, Expression::Ratio { .. }));
        let some_ratios: Vec<&str> = ratios.step_by(97).map(|one| one.name.as_str()).collect();
        for (definition, value) in definitions.iter().zip(&row) {
            let all = match &definition.expression {
                Expression::Ratio { .. } if !some_ratios.contains(&definition.name.as_str()) => continue,
                Expression::Ratio { .. } => &definitions[..],
                _ => std::slice::from_ref(definition),
            };
            let explanation = explain(&schema, all, &definition.name, &customer, case.cutoff).unwrap();
            let explained = explanation.features.last().unwrap();
            let same = explained.value.map_or(value.is_nan(), |other| other.to_bits() == value.to_bits());
            prop_assert!(same, "{:?} instead of {}: {:?}", explained.value, value, definition);
            check_rows(&case, definition, explained)?;
        }
    }
}

fn check_rows(
    case: &crate::bank::Case,
    definition: &FeatureDefinition,
    explained: &ExplainedFeature,
) -> Result<(), TestCaseError> {
    let expected = match &definition.expression {
        Expression::Events { table, rows, aggregate } => vec![naive::counted(case, table, rows, aggregate)],
        Expression::Holdings(aggregate) => naive::counted_holdings(case, aggregate),
        _ => Vec::new(),
    };
    let counted = |table: &ExplainedTable| table.rows.iter().map(|row| row.counts).collect::<Vec<_>>();
    let actual: Vec<Vec<bool>> = explained.tables.iter().map(counted).collect();
    prop_assert_eq!(actual, expected, "{:?}", definition);
    for table in &explained.tables {
        for row in &table.rows {
            prop_assert_eq!(row.cells.len(), table.columns.len());
            prop_assert!(row.counts || !row.note.is_empty(), "{:?}: {:?}", definition, row);
        }
    }
    Ok(())
}

/// One explanation from beginning to end, ratio and parts.
#[test]
fn a_ratio_explains_its_parts_row_by_row() {
    let bundle = sample::forest();
    let customers = sample::customer(sample::ADA);
    let customer = customers.get(0).unwrap();
    let explained =
        explain(&bundle.schema, &bundle.features, "payments_per_salary", &customer, sample::cutoff())
            .unwrap();
    assert_eq!(
        serde_json::to_value(&explained).unwrap(),
        serde_json::json!({
            "cutoff": "2024-01-01",
            "features": [
                {
                    "feature": "salaries",
                    "label": "salaries",
                    "definition": "count of transactions of the last 90 days where TYPE is SALARY",
                    "tables": [{
                        "table": "transactions",
                        "columns": ["AT", "TYPE"],
                        "rows": [
                            {"cells": ["2023-12-20 10:00:00", "SALARY"], "counts": true, "note": ""},
                            {"cells": ["2023-12-24", "CARD"], "counts": false, "note": "fails: TYPE is \
                                SALARY"}
                        ]
                    }],
                    "arithmetic": "1 row counts: 1",
                    "computed": 1.0,
                    "missing": null,
                    "value": 1.0,
                    "word": null
                },
                {
                    "feature": "payments",
                    "label": "payments",
                    "definition": "count of transactions of the last 90 days where TYPE is not SALARY",
                    "tables": [{
                        "table": "transactions",
                        "columns": ["AT", "TYPE"],
                        "rows": [
                            {
                                "cells": ["2023-12-20 10:00:00", "SALARY"],
                                "counts": false,
                                "note": "fails: TYPE is not SALARY"
                            },
                            {"cells": ["2023-12-24", "CARD"], "counts": true, "note": ""}
                        ]
                    }],
                    "arithmetic": "1 row counts: 1",
                    "computed": 1.0,
                    "missing": null,
                    "value": 1.0,
                    "word": null
                },
                {
                    "feature": "payments_per_salary",
                    "label": "payments per salary",
                    "definition": "payments ÷ salaries",
                    "tables": [],
                    "arithmetic": "payments 1 ÷ salaries 1 = 1",
                    "computed": 1.0,
                    "missing": null,
                    "value": 1.0,
                    "word": null
                }
            ]
        })
    );
}

#[test]
fn words_and_unknown_names() {
    let bundle = sample::forest();
    let customers = sample::customer(sample::ADA);
    let customer = customers.get(0).unwrap();
    let of = |name: &str| explain(&bundle.schema, &bundle.features, name, &customer, sample::cutoff());
    let city = of("city").unwrap().features.remove(0);
    assert_eq!((city.value, city.word.as_deref()), (Some(1.0), Some("Rome")));
    assert_eq!(city.arithmetic, "CITY is Rome, at position 1 of its words");
    let held = of("holds_loan").unwrap().features.remove(0);
    let notes: Vec<&str> = held.tables[0].rows.iter().map(|row| row.note.as_str()).collect();
    assert_eq!(notes, ["", "another product"]);
    let error = of("nope").unwrap_err().to_string();
    assert_eq!(error, "feature `nope`: there is no feature of this name");
}
