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

    /// With what was different in version 2.
    fn version_2() -> Self {
        let mut grammar = Self::read();
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
            "text" => {
                let length = self.integer() as usize;
                let (text, rest) = self.bytes.split_at(length);
                self.bytes = rest;
                json!(std::str::from_utf8(text).unwrap())
            }
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
    for (tag, actual) in actual {
        assert_eq!(plain(today(actual)), expected[&tag], "{tag}");
    }
}

/// A forest of version 2 as it would be written today; all else as it is.
fn today(mut section: Value) -> Value {
    if let Some(forest) = section.get_mut("Forest").and_then(Value::as_object_mut) {
        let added = json!({ "link": "Mean", "set_features": [], "sets": [] });
        forest.extend(added.as_object().unwrap().clone());
        let leaves = forest["leaves"].as_object_mut().unwrap();
        let scales = leaves.remove("scales").unwrap();
        leaves.insert("lows".into(), json!(vec![0.0; list(&scales).len()]));
        leaves.insert("steps".into(), scales);
    }
    section
}

#[test]
fn the_documents_grammar_of_version_2_reads_its_sample() {
    let bytes = include_bytes!("../../../tests/goldens/format-2.bundle");
    let actual = read(&Grammar::version_2(), bytes, &mut BTreeSet::new());
    let mut expected = expected(&Bundle::decode(bytes).unwrap());
    assert_eq!(expected.remove("CALB"), Some(json!("none")), "nothing is corrected");
    assert!(actual.keys().eq(expected.keys()));
    for (tag, actual) in actual {
        assert_eq!(plain(today(actual)), expected[&tag], "{tag}");
    }
}

#[test]
fn the_frame_is_as_the_document_says() {
    let bytes = sample::forest().encode().unwrap();
    assert_eq!(&bytes[..8], b"NEXTBEST");
    assert_eq!(bytes[8..HEADER], [3, 0, 3, 0, 9, 0, 0, 0]);
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
    let [lows, steps, codes] = ["lows", "steps", "codes"].map(|name| floats(&forest["leaves"][name]));
    let start = forest.pointer("/link/Softmax").map(floats);
    let mut sums = start.clone().unwrap_or(vec![0f32; classes]);
    let mut leaves_before = 0;
    for (number, tree) in list(&forest["trees"]).iter().enumerate() {
        let nodes: Vec<usize> =
            list(&tree["nodes"]).iter().map(|code| code.as_u64().unwrap() as usize).collect();
        let count =
            |upto: usize, split: bool| nodes[..upto].iter().filter(|code| (**code > 0) == split).count();
        let mut node = 0;
        while nodes[node] > 0 {
            let (feature, missing_right) = ((nodes[node] - 1) / 2, (nodes[node] - 1) % 2 == 1);
            let threshold = tree["thresholds"][count(node, true)].as_u64().unwrap();
            let right = if list(&forest["set_features"]).contains(&json!(feature)) {
                let words = list(&forest["sets"][threshold as usize]);
                words[usize::from(bins[feature]) / 64].as_u64().unwrap() >> (bins[feature] % 64) & 1 == 0
            } else {
                match bins[feature] {
                    0 => missing_right,
                    bin => u64::from(bin) > threshold,
                }
            };
            node = 2 * count(node, true) + 1 + usize::from(right);
        }
        let leaf = leaves_before + count(node, false);
        if start.is_some() {
            let class = number % classes;
            sums[class] += lows[class] + codes[leaf] * steps[class];
        } else {
            for class in 0..classes {
                sums[class] += lows[class] + codes[leaf * classes + class] * steps[class];
            }
        }
        leaves_before += count(nodes.len(), false);
    }
    if start.is_some() {
        return softmax(&sums);
    }
    let mut total = 0f32;
    sums.iter().for_each(|sum| total += sum);
    sums.iter().map(|sum| sum / total).collect()
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
