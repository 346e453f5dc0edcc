//! docs/FORMAT.md is true: its grammar reads every bundle, and its words on scoring give the goldens.

use std::collections::{BTreeMap, BTreeSet};

use nextbest_core::Bundle;
use nextbest_core::model::calibration::Calibration;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

use crate::frame::{HASH, HEADER, take_apart};
use crate::{bank, definitions, sample};

const DOCUMENT: &str = include_str!("../../../docs/FORMAT.md");

/// The document's grammar: what each name stands for.
struct Grammar(BTreeMap<String, String>);

impl Grammar {
    fn read() -> Self {
        Self::block("```grammar\n")
    }

    /// With what was different in version 3.
    fn version_3() -> Self {
        let mut grammar = Self::read();
        grammar.0.extend(Self::block("```grammar-3\n").0);
        grammar
    }

    /// With what was different in version 2.
    fn version_2() -> Self {
        let mut grammar = Self::version_3();
        grammar.0.extend(Self::block("```grammar-2\n").0);
        grammar
    }

    /// With what was different in version 1.
    fn version_1() -> Self {
        let mut grammar = Self::version_2();
        grammar.0.extend(Self::block("```grammar-1\n").0);
        grammar
    }

    fn block(start: &str) -> Self {
        let (_, rest) = DOCUMENT.split_once(start).unwrap();
        let (grammar, _) = rest.split_once("```").unwrap();
        let lines = grammar.lines().filter(|line| !line.is_empty());
        let rule = |line: &str| {
            let at = line.find([':', '=']).unwrap();
            (line[..at].trim().to_owned(), line[at..].to_owned())
        };
        Self(lines.map(rule).collect())
    }
}

/// Reads values as the grammar has them, into the shape that serde gives the core's own types.
struct Reader<'a> {
    grammar: &'a Grammar,
    bytes: &'a [u8],
    /// The alternatives met so far.
    met: &'a mut BTreeSet<String>,
}

impl Reader<'_> {
    fn value(&mut self, kind: &str) -> Value {
        let kind = kind.trim();
        if let Some(some) = kind.strip_suffix('?') {
            return if self.byte() == 0 { Value::Null } else { self.value(some) };
        }
        if let Some(entry) = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']')) {
            let count = self.integer();
            return (0..count).map(|_| self.value(entry)).collect();
        }
        if let Some(fields) = kind.strip_prefix('(').and_then(|kind| kind.strip_suffix(')')) {
            return fields.split(',').map(|field| self.value(field)).collect();
        }
        match kind {
            "bool" => json!(self.byte() == 1),
            "u8" => json!(self.byte()),
            "u16" | "u32" | "u64" => json!(self.integer()),
            "f32" => json!(f32::from_le_bytes(self.take())),
            "f64" => json!(f64::from_le_bytes(self.take())),
            "text" => json!(std::str::from_utf8(self.bytes()).unwrap()),
            "bytes" => json!(self.bytes()),
            name => {
                let rule = &self.grammar.0[name];
                match rule.split_at(1) {
                    (":", body) if !body.contains(' ') || body.trim().starts_with(['[', '(']) => {
                        self.value(body)
                    }
                    (":", body) => self.fields(body),
                    (_, body) => self.choice(name, body),
                }
            }
        }
    }

    fn fields(&mut self, fields: &str) -> Value {
        let mut record = Map::new();
        for field in fields.split(',') {
            let (name, kind) = field.trim().split_once(' ').unwrap();
            record.insert(name.to_owned(), self.value(kind));
        }
        Value::Object(record)
    }

    fn choice(&mut self, rule: &str, alternatives: &str) -> Value {
        let number = self.integer().to_string();
        let alternatives =
            alternatives.split('|').map(|alternative| alternative.trim().split_once(' ').unwrap());
        let (_, alternative) = alternatives.clone().find(|(other, _)| *other == number).unwrap();
        let name_ends = alternative.find([' ', '(']).unwrap_or(alternative.len());
        let (name, content) = alternative.split_at(name_ends);
        self.met.insert(format!("{rule}.{name}"));
        match content.strip_prefix('(').and_then(|content| content.strip_suffix(')')) {
            Some(fields) => json!({ name: self.fields(fields) }),
            None if content.is_empty() => json!(name),
            None => json!({ name: self.value(content) }),
        }
    }

    fn integer(&mut self) -> u64 {
        match self.byte() {
            251 => u16::from_le_bytes(self.take()).into(),
            252 => u32::from_le_bytes(self.take()).into(),
            253 => u64::from_le_bytes(self.take()),
            small => small.into(),
        }
    }

    fn bytes(&mut self) -> &[u8] {
        let length = self.integer() as usize;
        let (bytes, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        bytes
    }

    fn byte(&mut self) -> u8 {
        self.take::<1>()[0]
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (head, rest) = self.bytes.split_first_chunk().unwrap();
        self.bytes = rest;
        *head
    }
}

/// Every section by its tag, read as the document says.
fn read(grammar: &Grammar, bytes: &[u8], met: &mut BTreeSet<String>) -> BTreeMap<String, Value> {
    let sections = take_apart(bytes);
    let decode = |(tag, content): ([u8; 4], Vec<u8>)| {
        let tag = String::from_utf8(tag.to_vec()).unwrap();
        let mut reader = Reader { grammar, bytes: &content, met };
        let value = reader.value(&tag);
        assert!(reader.bytes.is_empty(), "{tag} is not used up");
        (tag, value)
    };
    sections.into_iter().map(decode).collect()
}

/// What the core holds.
fn expected(bundle: &Bundle) -> BTreeMap<String, Value> {
    let value = |tag: &str, value: Result<Value, serde_json::Error>| (tag.to_owned(), plain(value.unwrap()));
    BTreeMap::from([
        value("SCHM", serde_json::to_value(&bundle.schema)),
        value("FEAT", serde_json::to_value(&bundle.features)),
        value("BINS", serde_json::to_value(&bundle.bins)),
        value("MODL", serde_json::to_value(&bundle.model)),
        value("CALB", serde_json::to_value(&bundle.calibration)),
        value("PLCY", serde_json::to_value(&bundle.policy)),
        value("REFR", serde_json::to_value(&bundle.reference)),
        value("GOLD", serde_json::to_value(&bundle.goldens)),
        value("CARD", serde_json::to_value(&bundle.card)),
    ])
}

/// Without capitals and bars: serde gives JavaScript `minAge` for what the document calls `min_age`.
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
    // Every kind of feature on some banks.
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
fn the_documents_grammar_of_version_1_reads_its_sample() {
    let bytes = include_bytes!("../../../tests/goldens/format-1.bundle");
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

/// Compares what an old file has with what the core made of it.
fn assert_same(actual: BTreeMap<String, Value>, expected: &BTreeMap<String, Value>) {
    for (tag, actual) in actual {
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

/// A forest of version 3 or 2 as it is written today; all else as it is.
fn today(mut section: Value) -> Value {
    let Some(forest) = section.get_mut("Forest").and_then(Value::as_object_mut) else { return section };
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

/// The numbers in a string of nodes or thresholds.
fn numbers(bytes: &Value) -> Vec<usize> {
    let mut bytes = list(bytes).iter().map(|byte| byte.as_u64().unwrap() as usize);
    let mut numbers = Vec::new();
    while let Some(byte) = bytes.next() {
        numbers.push(match byte {
            255 => bytes.next().unwrap() + 256 * bytes.next().unwrap(),
            small => small,
        });
    }
    numbers
}

#[test]
fn the_documents_grammar_of_version_3_reads_its_samples() {
    for bytes in [
        &include_bytes!("../../../tests/goldens/format-3.bundle")[..],
        include_bytes!("../../../tests/goldens/format-3-linear.bundle"),
    ] {
        let actual = read(&Grammar::version_3(), bytes, &mut BTreeSet::new());
        let expected = expected(&Bundle::decode(bytes).unwrap());
        assert!(actual.keys().eq(expected.keys()));
        assert_same(actual, &expected);
    }
}

#[test]
fn the_documents_grammar_of_version_2_reads_its_sample() {
    let bytes = include_bytes!("../../../tests/goldens/format-2.bundle");
    let actual = read(&Grammar::version_2(), bytes, &mut BTreeSet::new());
    let mut expected = expected(&Bundle::decode(bytes).unwrap());
    assert_eq!(expected.remove("CALB"), Some(json!("none")), "nothing is corrected");
    assert!(actual.keys().eq(expected.keys()));
    assert_same(actual, &expected);
}

#[test]
fn the_frame_is_as_the_document_says() {
    let bytes = sample::forest().encode().unwrap();
    assert_eq!(&bytes[..8], b"NEXTBEST");
    assert_eq!(bytes[8..HEADER], [4, 0, 4, 0, 9, 0, 0, 0]);
    let tags: Vec<_> =
        take_apart(&bytes).into_iter().map(|(tag, _)| String::from_utf8(tag.to_vec()).unwrap()).collect();
    assert_eq!(tags, ["SCHM", "FEAT", "BINS", "MODL", "CALB", "PLCY", "REFR", "GOLD", "CARD"]);
    let (content, hash) = bytes.split_at(bytes.len() - HASH);
    assert_eq!(<sha2::Sha256 as sha2::Digest>::digest(content).as_slice(), hash);
}

#[test]
fn the_documents_words_on_scoring_give_the_goldens() {
    let grammar = Grammar::read();
    for bundle in sample::all() {
        let mut bundle = bundle;
        // More goldens than two: a grid over the edges.
        let values = [f32::NAN, -1.0, 0.0, 0.5, 1.5, 2.5, 60.0, 500.0];
        let rows: Vec<f32> =
            (0..bundle.features.len() * 200).map(|n| values[(n * n / 7 + n) % values.len()]).collect();
        bundle.goldens.extend(sample::golden_rows(&bundle, &rows));
        let sections = read(&grammar, &bundle.encode().unwrap(), &mut BTreeSet::new());
        for golden in list(&sections["GOLD"]) {
            let bins: Vec<u8> = list(&golden["row"])
                .iter()
                .zip(list(&sections["BINS"]["edges"]))
                .map(|(value, edges)| match value.as_f64() {
                    None => 0,
                    Some(value) => {
                        1 + list(edges).iter().filter(|edge| edge.as_f64().unwrap() < value).count() as u8
                    }
                })
                .collect();
            let model = &sections["MODL"];
            let mut scored = if model["Forest"].is_object() {
                score_forest(&model["Forest"], &bins)
            } else {
                score_linear(&model["Linear"], &bins)
            };
            calibrate(&sections["CALB"], &mut scored);
            let expected = floats(&golden["probabilities"]);
            assert_eq!(scored, expected);
        }
    }
}

fn score_forest(forest: &Value, bins: &[u8]) -> Vec<f32> {
    let classes = forest["class_count"].as_u64().unwrap() as usize;
    let [lows, steps] = ["lows", "steps"].map(|name| floats(&forest["leaves"][name]));
    let codes: Vec<u64> =
        list(&forest["leaves"]["codes"]).iter().map(|byte| byte.as_u64().unwrap()).collect();
    let code = |number: usize| match forest["leaves"]["wide"].as_bool().unwrap() {
        false => codes[number],
        true => codes[2 * number] + 256 * codes[2 * number + 1],
    };
    let sets_of = |feature: usize| list(&forest["sets"]).iter().find(|of| of["feature"] == json!(feature));
    let start = forest.pointer("/link/Softmax").map(floats);
    let (nodes, thresholds) = (numbers(&forest["nodes"]), numbers(&forest["thresholds"]));
    let tree_count = forest["tree_count"].as_u64().unwrap() as usize;
    let mut sums = vec![0; classes];
    let (mut rest, mut splits_before, mut leaves_before) = (&nodes[..], 0, 0);
    for number in 0..tree_count {
        let mut length = 1;
        let mut position = 0;
        while position < length {
            length += if rest[position] > 0 { 2 } else { 0 };
            position += 1;
        }
        let (nodes, behind) = rest.split_at(length);
        let count =
            |upto: usize, split: bool| nodes[..upto].iter().filter(|code| (**code > 0) == split).count();
        let mut node = 0;
        while nodes[node] > 0 {
            let (feature, missing_right) = ((nodes[node] - 1) / 2, (nodes[node] - 1) % 2 == 1);
            let threshold = thresholds[splits_before + count(node, true)];
            let right = if let Some(of) = sets_of(feature) {
                let words = list(&list(&of["sets"])[threshold]);
                words[usize::from(bins[feature]) / 64].as_u64().unwrap() >> (bins[feature] % 64) & 1 == 0
            } else {
                match bins[feature] {
                    0 => missing_right,
                    bin => usize::from(bin) > threshold,
                }
            };
            node = 2 * count(node, true) + 1 + usize::from(right);
        }
        let leaf = leaves_before + count(node, false);
        if start.is_some() {
            sums[number % classes] += code(leaf);
        } else {
            sums.iter_mut().enumerate().for_each(|(class, sum)| *sum += code(leaf * classes + class));
        }
        splits_before += count(length, true);
        leaves_before += count(length, false);
        rest = behind;
    }
    assert!(rest.is_empty() && splits_before == thresholds.len());
    let parts = sums.iter().zip(&steps).map(|(sum, step)| f64::from(*step) * *sum as f64);
    if let Some(start) = start {
        let trees = (tree_count / classes) as f64;
        let lows = start.iter().zip(&lows).map(|(start, low)| f64::from(*start) + trees * f64::from(*low));
        return softmax(&lows.zip(parts).map(|(low, part)| (low + part) as f32).collect::<Vec<_>>());
    }
    let total: f64 = parts.clone().sum();
    parts.map(|part| (part / total) as f32).collect()
}

fn score_linear(linear: &Value, bins: &[u8]) -> Vec<f32> {
    let [means, inverse_deviations, weights, mut scores] =
        ["means", "inverse_deviations", "weights", "intercepts"].map(|name| floats(&linear[name]));
    for (class, score) in scores.iter_mut().enumerate() {
        for (feature, bin) in bins.iter().enumerate() {
            let rank = match bin {
                0 => 0.0,
                bin => (f32::from(*bin) - means[feature]) * inverse_deviations[feature],
            };
            *score += weights[class * bins.len() + feature] * rank;
        }
    }
    let classes = scores.len();
    for category in list(&linear["categories"]) {
        let bin = usize::from(bins[category["feature"].as_u64().unwrap() as usize]);
        let weights = floats(&category["weights"]);
        scores.iter_mut().zip(&weights[bin * classes..]).for_each(|(score, weight)| *score += weight);
    }
    softmax(&scores)
}

fn softmax(scores: &[f32]) -> Vec<f32> {
    let greatest = scores.iter().copied().reduce(f32::max).unwrap();
    let parts: Vec<f32> = scores.iter().map(|score| libm::expf(score - greatest)).collect();
    let mut total = 0f32;
    parts.iter().for_each(|part| total += part);
    parts.iter().map(|part| part / total).collect()
}

fn calibrate(calibration: &Value, probabilities: &mut Vec<f32>) {
    let logs = || probabilities.iter().map(|probability| libm::logf(probability.max(1e-15)));
    if let Some(temperature) = calibration.pointer("/Temperature/temperature") {
        let temperature = temperature.as_f64().unwrap() as f32;
        *probabilities = softmax(&logs().map(|log| log / temperature).collect::<Vec<_>>());
    } else if let Some(map) = calibration.get("Dirichlet") {
        let (weights, mut scores) = (floats(&map["weights"]), floats(&map["intercepts"]));
        let classes = scores.len();
        for (class, score) in scores.iter_mut().enumerate() {
            logs().enumerate().for_each(|(other, log)| *score += weights[class * classes + other] * log);
        }
        *probabilities = softmax(&scores);
    } else if let Some(curves) = calibration.pointer("/Isotonic/curves") {
        let heights: Vec<f32> =
            probabilities.iter().zip(list(curves)).map(|(input, curve)| height(curve, *input)).collect();
        let mut total = 0f32;
        heights.iter().for_each(|height| total += height);
        *probabilities = heights.iter().map(|height| height / total).collect();
    } else {
        assert_eq!(calibration, "None");
    }
}

fn height(curve: &Value, input: f32) -> f32 {
    let (inputs, outputs) = (floats(&curve["inputs"]), floats(&curve["outputs"]));
    let last = inputs.len() - 1;
    let segment = (0..last).find(|left| inputs[*left] < input && input <= inputs[left + 1]);
    match segment {
        Some(left) => {
            let share = (input - inputs[left]) / (inputs[left + 1] - inputs[left]);
            (outputs[left] + (outputs[left + 1] - outputs[left]) * share).min(outputs[left + 1])
        }
        None if input <= inputs[0] => outputs[0],
        None => outputs[last],
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn floats(value: &Value) -> Vec<f32> {
    list(value).iter().map(|number| number.as_f64().unwrap() as f32).collect()
}
