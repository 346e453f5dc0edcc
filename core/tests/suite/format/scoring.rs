//! The document's description of scoring gives the goldens.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::grammar::{Grammar, read};
use super::{floats, list};
use crate::sample;

#[test]
fn the_documents_words_on_scoring_give_the_goldens() {
    let grammar = Grammar::read();
    for bundle in sample::all() {
        let mut bundle = bundle;
        // More rows than the goldens: a grid over the edges.
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

pub(crate) fn score_forest(forest: &Value, bins: &[u8]) -> Vec<f32> {
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

pub(crate) fn score_linear(linear: &Value, bins: &[u8]) -> Vec<f32> {
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

pub(crate) fn calibrate(calibration: &Value, probabilities: &mut Vec<f32>) {
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
