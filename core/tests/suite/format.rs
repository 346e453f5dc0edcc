//! docs/FORMAT.md is true: its grammar reads every bundle, and its description of scoring gives the goldens.

mod grammar;
pub(crate) mod scoring;

use std::collections::{BTreeMap, BTreeSet};

use nextbest_core::Bundle;
use nextbest_core::model::calibration::Calibration;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::Value;

use crate::frame::{HASH, HEADER, put_together, take_apart};
use crate::{bank, definitions, sample};
use grammar::{Grammar, read};

/// The bundle as the core holds it.
fn expected(bundle: &Bundle) -> BTreeMap<String, Value> {
    let value = |tag: &str, value: Result<Value, serde_json::Error>| (tag.to_owned(), plain(value.unwrap()));
    let mut sections = BTreeMap::from([
        value("SCHM", serde_json::to_value(&bundle.schema)),
        value("FEAT", serde_json::to_value(&bundle.features)),
        value("BINS", serde_json::to_value(&bundle.bins)),
        value("MODL", serde_json::to_value(&bundle.model)),
        value("CALB", serde_json::to_value(&bundle.calibration)),
        value("PLCY", serde_json::to_value(&bundle.policy)),
        value("VALD", serde_json::to_value(bundle.validity)),
        value("REFR", serde_json::to_value(&bundle.reference)),
        value("GOLD", serde_json::to_value(&bundle.goldens)),
        value("CARD", serde_json::to_value(&bundle.card)),
    ]);
    // In JSON the seed is a string of digits.
    if let Some(card) = sections.get_mut("CARD").and_then(Value::as_object_mut) {
        assert_eq!(
            card.insert("seed".into(), bundle.card.seed.into()),
            Some(bundle.card.seed.to_string().into())
        );
    }
    // Only if there is one.
    let profile = bundle.profile.as_ref().map(|profile| value("PROF", serde_json::to_value(profile)));
    sections.extend(profile);
    sections
}

/// Normalises names: for `min_age` in the document, serde gives JavaScript `minAge`.
fn plain(value: Value) -> Value {
    let plain = |text: &str| text.replace('_', "").to_lowercase();
    match value {
        Value::Object(fields) => Value::Object(
            fields.into_iter().map(|(name, value)| (plain(&name), self::plain(value))).collect(),
        ),
        Value::Array(entries) => entries.into_iter().map(self::plain).collect(),
        Value::String(text) => plain(&text).into(),
        other => other,
    }
}

#[test]
fn the_documents_grammar_reads_every_bundle() {
    let grammar = Grammar::read();
    let mut met = BTreeSet::new();
    let mut bundles = sample::all().to_vec();
    bundles[0].policy.rank_by = nextbest_core::policy::RankBy::Probability;
    // Every kind of feature, on some banks.
    let mut runner = TestRunner::deterministic();
    for _ in 0..30 {
        let case = bank::cases().new_tree(&mut runner).unwrap().current();
        let numbers = definitions::numbers().new_tree(&mut runner).unwrap().current();
        let mut bundle = sample::forest();
        bundle.calibration = Calibration::None;
        bundle.features = definitions::every_definition(&case.schema, &numbers);
        bundle.schema = case.schema();
        bundles.push(bundle);
    }
    for bundle in bundles {
        let bytes = bundle.encode().unwrap();
        let (actual, expected) = (read(&grammar, &bytes, &mut met), expected(&bundle));
        assert!(actual.keys().eq(expected.keys()));
        for (tag, actual) in actual {
            assert_eq!(plain(actual), expected[&tag], "{tag}");
        }
    }
    let alternatives = grammar.0.iter().filter(|(_, rule)| rule.starts_with('=')).flat_map(|(name, rule)| {
        rule[1..].split('|').map(move |alternative| {
            let alternative = alternative.trim().split([' ', '(']).nth(1).unwrap();
            format!("{name}.{alternative}")
        })
    });
    let unmet: Vec<String> = alternatives.filter(|alternative| !met.contains(alternative)).collect();
    assert!(unmet.is_empty(), "the document says more than was checked: {unmet:?}");
}

#[test]
fn the_committed_samples_are_in_todays_format() {
    let grammar = Grammar::read();
    for (name, bytes) in sample::committed() {
        let bundle = Bundle::decode(&bytes).unwrap_or_else(|error| {
            panic!("{name}: {error}. Where the format was changed on purpose, run `make fixtures`")
        });
        assert!(bundle.goldens.len() >= 16, "{name}");
        bundle.self_test().unwrap();
        let (mut actual, expected) =
            (read(&grammar, &unsigned(&bytes), &mut BTreeSet::new()), expected(&bundle));
        assert!(actual.keys().eq(expected.keys()), "{name}");
        for (tag, expected) in expected {
            assert_eq!(plain(actual.remove(&tag).unwrap()), expected, "{name}: {tag}");
        }
        assert!(
            bundle.encode().unwrap() == unsigned(&bytes),
            "{name} is written as it was read: `make fixtures`"
        );
    }
}

/// The bundle without its signature, if it has one.
fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let mut sections = take_apart(bytes);
    sections.retain(|(tag, _)| tag != b"SIGN");
    put_together(&sections)
}

#[test]
fn the_frame_is_as_the_document_says() {
    let without = sample::forest().encode().unwrap();
    assert_eq!(without[8..HEADER], [1, 0, 0, 0, 10, 0, 0, 0]);
    let bytes = sample::boosted().encode().unwrap();
    assert_eq!(&bytes[..8], b"NEXTBEST");
    assert_eq!(bytes[8..HEADER], [1, 0, 0, 0, 11, 0, 0, 0]);
    let tags: Vec<_> =
        take_apart(&bytes).into_iter().map(|(tag, _)| String::from_utf8(tag.to_vec()).unwrap()).collect();
    assert_eq!(
        tags,
        ["SCHM", "FEAT", "BINS", "MODL", "CALB", "PLCY", "VALD", "REFR", "GOLD", "CARD", "PROF"]
    );
    let (content, hash) = bytes.split_at(bytes.len() - HASH);
    assert_eq!(<sha2::Sha256 as sha2::Digest>::digest(content).as_slice(), hash);
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn floats(value: &Value) -> Vec<f32> {
    list(value).iter().map(|number| number.as_f64().unwrap() as f32).collect()
}
