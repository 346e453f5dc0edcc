//! The feature engine against the oracle.

use nextbest_core::features::FeatureEngine;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::bank::{cutoffs, group, rows_of, schemas};
use crate::definitions::{every_definition, numbers};
use crate::naive;

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
                // There is one zero, and it has no sign.
                let same = actual.to_bits() == (expected + 0.0).to_bits();
                let same = same || (actual.is_nan() && expected.is_nan());
                prop_assert!(same, "{} instead of {}: {:?}", actual, expected, definition);
            }
        }
    }
}
