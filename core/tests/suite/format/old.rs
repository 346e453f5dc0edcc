//! The document's grammars of older versions read their samples.

use std::collections::{BTreeMap, BTreeSet};

use nextbest_core::Bundle;
use serde_json::{Map, Value, json};

use super::grammar::{Grammar, read};
use super::{expected, floats, list, plain};

#[test]
fn the_documents_grammar_of_version_1_reads_its_sample() {
    let bytes = include_bytes!("../../../../tests/goldens/format-1.bundle");
    let actual = read(&Grammar::version_1(), bytes, &mut BTreeSet::new());
    let mut expected = expected(&Bundle::decode(bytes).unwrap());
    let task = expected.get_mut("SCHM").unwrap().as_object_mut().unwrap().remove("task");
    assert_eq!(task, Some(json!("nextproduct")));
    let features = expected.get_mut("FEAT").unwrap().as_array_mut().unwrap();
    let mut filtered = 0;
    for feature in features {
        let rows = feature.pointer_mut("/expression/events/rows").and_then(Value::as_object_mut);
        let Some(rows) = rows else { continue };
        let filter = rows.remove("filter").unwrap();
        assert_eq!(filter["exclusions"], json!([]));
        filtered += list(&filter["conditions"]).len();
        rows.insert("conditions".into(), filter["conditions"].clone());
    }
    assert!(filtered > 10);
    assert_same(actual, &expected);
}

#[test]
fn the_documents_grammar_of_version_3_reads_its_samples() {
    for bytes in [
        &include_bytes!("../../../../tests/goldens/format-3.bundle")[..],
        include_bytes!("../../../../tests/goldens/format-3-linear.bundle"),
    ] {
        let actual = read(&Grammar::version_3(), bytes, &mut BTreeSet::new());
        let mut expected = expected(&Bundle::decode(bytes).unwrap());
        remove_validity(&mut expected);
        assert!(actual.keys().eq(expected.keys()));
        assert_same(actual, &expected);
    }
}

#[test]
fn the_documents_grammar_of_version_4_reads_its_samples() {
    for bytes in [
        &include_bytes!("../../../../tests/goldens/format-4.bundle")[..],
        include_bytes!("../../../../tests/goldens/format-4-label.bundle"),
        include_bytes!("../../../../tests/goldens/format-4-linear.bundle"),
    ] {
        let actual = read(&Grammar::version_4(), bytes, &mut BTreeSet::new());
        let mut expected = expected(&Bundle::decode(bytes).unwrap());
        remove_validity(&mut expected);
        assert!(actual.keys().eq(expected.keys()));
        assert_same(actual, &expected);
    }
}

/// Until version 4, a bundle could always be used.
fn remove_validity(expected: &mut BTreeMap<String, Value>) {
    let always = json!({"number": 0, "notbefore": null, "expires": null});
    assert_eq!(expected.remove("VALD"), Some(always));
}

#[test]
fn the_documents_grammar_of_version_2_reads_its_sample() {
    let bytes = include_bytes!("../../../../tests/goldens/format-2.bundle");
    let actual = read(&Grammar::version_2(), bytes, &mut BTreeSet::new());
    let mut expected = expected(&Bundle::decode(bytes).unwrap());
    assert_eq!(expected.remove("CALB"), Some(json!("none")), "nothing is corrected");
    remove_validity(&mut expected);
    assert!(actual.keys().eq(expected.keys()));
    assert_same(actual, &expected);
}

/// Compares what an old file has with what the core made of it.
fn assert_same(actual: BTreeMap<String, Value>, expected: &BTreeMap<String, Value>) {
    for (tag, actual) in actual {
        if let ("PLCY" | "CARD", Value::Object(fields)) = (tag.as_str(), &actual) {
            let mut expected = expected[&tag].clone();
            let gained = expected.as_object_mut().unwrap();
            for name in fields.keys() {
                let (name, value) = (name.replace('_', ""), gained.remove(&name.replace('_', "")).unwrap());
                let actual = actual_field(fields, &name);
                assert_eq!(plain(actual), value, "{tag} {name}");
            }
            let nothing = |value: &Value| [json!(null), json!([]), json!("")].contains(value);
            assert!(!gained.is_empty() && gained.values().all(nothing), "{tag}: {gained:?}");
            continue;
        }
        if tag != "GOLD" {
            assert_eq!(plain(today(actual)), expected[&tag], "{tag}");
            continue;
        }
        let (actual, expected) = (list(&actual), list(&expected[&tag]));
        assert!(actual.len() == expected.len() && actual.len() >= 16);
        for (actual, expected) in actual.iter().zip(expected) {
            assert_eq!(actual["row"], expected["row"]);
            let [actual, expected] = [actual, expected].map(|golden| floats(&golden["probabilities"]));
            assert_eq!(actual.len(), expected.len());
            assert!(
                actual.iter().zip(&expected).all(|(a, b)| (a - b).abs() <= 1e-5),
                "{actual:?} {expected:?}"
            );
        }
    }
}

/// A field of an old policy or card, as it is written today.
fn actual_field(fields: &Map<String, Value>, name: &str) -> Value {
    let (_, value) = fields.iter().find(|(own, _)| own.replace('_', "") == name).unwrap();
    if name != "testmetrics" {
        return value.clone();
    }
    let metric = |metric: &Value| json!({"name": metric[0], "value": metric[1], "interval": null});
    list(value).iter().map(metric).collect()
}

/// A forest of version 3 or 2 as it is written today; all else as it is.
fn today(mut section: Value) -> Value {
    let Some(forest) = section.get_mut("Forest").and_then(Value::as_object_mut) else { return section };
    if forest.contains_key("tree_count") {
        // As it has been since version 4.
        return section;
    }
    let leaves = forest["leaves"].as_object_mut().unwrap();
    if let Some(scales) = leaves.remove("scales") {
        leaves.insert("lows".into(), json!(vec![0.0; list(&scales).len()]));
        leaves.insert("steps".into(), scales);
        let added = json!({ "link": "Mean", "set_features": [], "sets": [] });
        forest.extend(added.as_object().unwrap().clone());
    }
    let [set_features, sets, trees] =
        ["set_features", "sets", "trees"].map(|name| forest.remove(name).unwrap());
    // Each feature's sets, as they come up.
    let mut sets_of: BTreeMap<u64, Vec<Value>> =
        list(&set_features).iter().map(|feature| (feature.as_u64().unwrap(), Vec::new())).collect();
    let (mut nodes, mut thresholds) = (Vec::new(), Vec::new());
    for tree in list(&trees) {
        let mut of_tree = list(&tree["thresholds"]).iter();
        for node in list(&tree["nodes"]).iter().map(|node| node.as_u64().unwrap()) {
            write_number(node, &mut nodes);
            if node == 0 {
                continue;
            }
            let mut threshold = of_tree.next().unwrap().as_u64().unwrap();
            if let Some(of_feature) = sets_of.get_mut(&((node - 1) / 2)) {
                let set = &sets[threshold as usize];
                let position = of_feature.iter().position(|other| other == set);
                threshold = position.unwrap_or(of_feature.len()) as u64;
                if position.is_none() {
                    of_feature.push(set.clone());
                }
            }
            write_number(threshold, &mut thresholds);
        }
    }
    let sets: Vec<Value> =
        sets_of.into_iter().map(|(feature, sets)| json!({ "feature": feature, "sets": sets })).collect();
    // Distributions keep the width that they had.
    let wide = forest["link"] == "Mean"
        || list(&forest["leaves"]["codes"]).iter().any(|code| code.as_u64().unwrap() > 255);
    let codes: Vec<u8> = list(&forest["leaves"]["codes"])
        .iter()
        .flat_map(|code| {
            (code.as_u64().unwrap() as u16).to_le_bytes().into_iter().take(1 + usize::from(wide))
        })
        .collect();
    let leaves = forest["leaves"].as_object_mut().unwrap();
    leaves.insert("wide".into(), json!(wide));
    leaves.insert("codes".into(), json!(codes));
    forest.insert("sets".into(), json!(sets));
    forest.insert("tree_count".into(), json!(list(&trees).len()));
    forest.insert("nodes".into(), json!(nodes));
    forest.insert("thresholds".into(), json!(thresholds));
    section
}

fn write_number(number: u64, bytes: &mut Vec<u8>) {
    match number {
        0..255 => bytes.push(number as u8),
        _ => bytes.extend([255, number as u8, (number >> 8) as u8]),
    }
}
