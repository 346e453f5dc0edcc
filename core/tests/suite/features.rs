//! The feature engine against the oracle.

use nextbest_core::Recommender;
use nextbest_core::customers::json::Value;
use nextbest_core::features::FeatureEngine;
use nextbest_core::request::RequestOptions;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::bank::{cutoffs, group, rows_of, schemas};
use crate::definitions::{every_definition, numbers};
use crate::naive;

/// Values beyond the range of `f32` become its greatest number, so that every computed row can be scored.
#[test]
fn no_feature_is_infinite() {
    let bundle = include_bytes!("../../../tests/fixtures/bank.bundle");
    let recommender = Recommender::load(bundle).unwrap();
    let options = RequestOptions { as_of: Some("2026-07-01".into()), ..RequestOptions::default() };
    for amount in ["1e39", "1e308", "-1e308", "1.7976931348623157e308"] {
        let rows: Vec<String> = ["2026-06-20", "2026-06-21", "2026-05-02"]
            .iter()
            .map(|day| {
                format!(
                    r#"{{"TRANSACTIONINITIATEDTIMESTAMP": "{day}", "TRANSACTIONAMOUNT": {amount}, "TRANSACTIONTYPEID": "SALARY",
                         "BALANCEAFTER": {amount}}}"#
                )
            })
            .collect();
        let customer = format!(
            r#"{{"customer": {{"CUSTOMERESTABLISHEDDATE": "2015-03-02"}}, "transactions": [{}]}}"#,
            rows.join(",")
        );
        let row = recommender.features_of(&Value::Written(&customer), &options).unwrap();
        assert!(row.iter().any(|value| value.abs() == f32::MAX), "{amount}: {row:?}");
        recommender.bundle().check_rows(&row).unwrap();
    }
}

proptest! {
    #[test]
    fn the_engine_agrees_with_the_oracle_bit_for_bit(
        cases in (schemas(), cutoffs()).prop_flat_map(|(schema, cutoff)| vec(rows_of(schema, cutoff), 1..4)),
        numbers in numbers(),
    ) {
        let definitions = every_definition(&cases[0].schema, &numbers);
        let engine = FeatureEngine::new(&cases[0].schema(), &definitions).unwrap();
        for (customer, case) in group(&cases).iter().zip(&cases) {
            let mut row = Vec::new();
            engine.compute(&customer, case.cutoff, &mut row);
            let expected = naive::features(case, &definitions);
            prop_assert_eq!(row.len(), expected.len());
            for ((actual, expected), definition) in row.iter().zip(&expected).zip(&definitions) {
                // Zero has no sign.
                let same = actual.to_bits() == (expected + 0.0).to_bits();
                let same = same || (actual.is_nan() && expected.is_nan());
                prop_assert!(same, "{} instead of {}: {:?}", actual, expected, definition);
            }
        }
    }
}
