//! `--max-bytes`: the best model within a number of bytes.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that can't go on panics")]

use nextbest_core::Bundle;
use nextbest_tests::Workplace;
use serde_json::Value;

use crate::PROGRAM;

const BUNDLE: &str = "outputs/bundle/nextbest.bundle";

fn run(place: &Workplace, arguments: &[&str]) -> Value {
    let finished = place.run(&[arguments, &["--json"]].concat()).unwrap();
    assert_eq!(finished.code, 0, "{arguments:?}: {}{}", finished.stdout, finished.stderr);
    serde_json::from_str(&finished.stdout).unwrap_or_default()
}

fn brotli_size(bytes: &[u8]) -> usize {
    let params = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut std::io::Cursor::new(bytes), &mut compressed, &params).unwrap();
    compressed.len()
}

fn bank(algorithm: &str) -> Workplace {
    let place = Workplace::new(PROGRAM).unwrap();
    let config = "
generate: {customers: 900, seed: 5}
model:
  selection: {budget: 0}
  hyperparameters: {random_forest: {n_estimators: 30}, gradient_boosting: {n_estimators: 40}}
";
    place.write("config.yaml", config).unwrap();
    run(&place, &["generate"]);
    run(&place, &["features"]);
    run(&place, &["train", "--algorithm", algorithm]);
    place
}

/// Checks the bundle and what stands beside it.
fn check(place: &Workplace, frontier: &Value, limit: usize) {
    let bytes = place.read(BUNDLE).unwrap();
    let bundle = Bundle::decode(&bytes).unwrap();
    bundle.self_test().unwrap();
    assert!((16..=64).contains(&bundle.goldens.len()));
    let size = brotli_size(&bytes);
    assert!(size <= limit, "{size} bytes, more than {limit}");

    let points = frontier["points"].as_array().unwrap();
    let number = |point: &Value, name: &str| point[name].as_f64().unwrap();
    assert!(points.len() > 1, "{points:?}");
    for pair in points.windows(2) {
        assert!(number(&pair[0], "bytes") > number(&pair[1], "bytes"), "{pair:?}");
        assert!(
            number(&pair[0], "validation_log_loss") < number(&pair[1], "validation_log_loss"),
            "{pair:?}"
        );
    }
    let chosen: Vec<&Value> = points.iter().filter(|point| point["chosen"] == true).collect();
    assert_eq!(chosen.len(), 1);
    assert_eq!(number(chosen[0], "bytes") as usize, size);
    let larger = points.iter().take_while(|point| point["chosen"] == false);
    assert!(larger.into_iter().all(|point| number(point, "bytes") as usize > limit), "the best that fits");

    let csv = String::from_utf8(place.read("outputs/bundle/frontier.csv").unwrap()).unwrap();
    assert_eq!(csv.lines().count(), points.len() + 1);
    assert_eq!(csv.lines().filter(|line| line.ends_with(",true")).count(), 1);
    let svg = String::from_utf8(place.read("outputs/bundle/frontier.svg").unwrap()).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("Size and log-loss"));
    if chosen[0] == &points[0] {
        return; // The whole model says nothing of what was kept.
    }
    let kept = |name: &str| bundle.card.parameters.iter().find(|(other, _)| other == name).unwrap().1.clone();
    assert_eq!(kept("trees_kept"), chosen[0]["trees"].to_string());
}

#[test]
fn a_bank_model_becomes_as_small_as_is_wished() {
    for algorithm in ["gradient_boosting", "random_forest"] {
        let place = bank(algorithm);
        run(&place, &["evaluate"]);
        let whole = run(&place, &["export"]);
        assert!(whole.get("frontier").is_none());
        let whole = Bundle::decode(&place.read(BUNDLE).unwrap()).unwrap();
        let size = brotli_size(&place.read(BUNDLE).unwrap());
        // What can't go (schema, features, profile) is most of so small a bundle.
        let limit = size * 9 / 10;
        let exported = run(&place, &["export", "--max-bytes", &limit.to_string(), "--samples", "3"]);
        check(&place, &exported["frontier"], limit);
        let first = place.read(BUNDLE).unwrap();
        let small = Bundle::decode(&first).unwrap();
        // The card tells how good this bundle is, not the model that it was made of.
        let names = |bundle: &Bundle| -> Vec<String> {
            bundle.card.test_metrics.iter().map(|metric| metric.name.clone()).collect()
        };
        assert_eq!(names(&whole), names(&small));
        assert_ne!(whole.card.test_metrics, small.card.test_metrics);
        run(&place, &["export", "--max-bytes", &limit.to_string(), "--threads", "1"]);
        assert!(first == place.read(BUNDLE).unwrap(), "threads and repetition change no byte");
        run(&place, &["score", "--customers", "outputs/bundle/customers.json"]);

        let table = place.run(&["export", "--max-bytes", &format!("{}KiB", limit / 1024)]).unwrap();
        assert_eq!(table.code, 0, "{}", table.stderr);
        assert_eq!(table.stdout.lines().filter(|line| line.ends_with("← chosen")).count(), 1);

        let before = place.read(BUNDLE).unwrap();
        let impossible = place.run(&["export", "--max-bytes", "900"]).unwrap();
        assert_eq!(impossible.code, 1);
        assert!(impossible.stderr.contains("the smallest has"), "{}", impossible.stderr);
        assert!(impossible.stderr.contains("log-loss"), "{}", impossible.stderr);
        assert!(impossible.stderr.contains("monitoring.profile: false"), "{}", impossible.stderr);
        assert!(before == place.read(BUNDLE).unwrap(), "a failed export leaves the old bundle");
    }
}

#[test]
fn a_linear_model_fits_or_says_what_to_do() {
    let place = bank("logistic_regression");
    let exported = run(&place, &["export", "--max-bytes", "1MB"]);
    assert_eq!(exported["frontier"]["points"][0]["chosen"], true);
    let refused = place.run(&["export", "--max-bytes", "1KB"]).unwrap();
    assert_eq!(refused.code, 1);
    for part in ["logistic regression has", "bytes)", "max_bins", "gradient_boosting"] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
}

#[test]
fn a_plain_table_s_model_becomes_smaller_too() {
    let place = Workplace::new(PROGRAM).unwrap();
    let mut csv = "a,b,colour,kind\n".to_owned();
    for row in 0..900u32 {
        let (a, b) = (row * 7919 % 1009, row * 104_729 % 997);
        let colour = ["red", "green", "blue"][(row % 3) as usize];
        let kind = if (a > 500) ^ (b > 400) ^ (row % 11 == 0) { "yes" } else { "no" };
        csv.push_str(&format!("{a},{b},{colour},{kind}\n"));
    }
    place.write("table.csv", &csv).unwrap();
    let train = |more: &[&str]| {
        let start = ["train", "--table", "table.csv", "--target", "kind", "--budget", "0"];
        run(&place, &[&start, more].concat())
    };
    train(&["--algorithm", "random_forest"]);
    let limit = brotli_size(&place.read(BUNDLE).unwrap()) / 2;
    let limit_text = limit.to_string();
    let trained = train(&["--algorithm", "random_forest", "--max-bytes", &limit_text]);
    check(&place, &trained["bundle"]["frontier"], limit);
}

#[test]
fn nonsense_is_not_understood() {
    let place = Workplace::new(PROGRAM).unwrap();
    for size in ["many", "10 apples", "0", "-5KB"] {
        let refused = place.run(&["export", &format!("--max-bytes={size}")]).unwrap();
        assert_eq!(refused.code, 2);
        assert!(
            refused.stderr.contains("--max-bytes") && refused.stderr.contains("64KiB"),
            "{}",
            refused.stderr
        );
    }
    let help = place.run(&["export", "--help"]).unwrap();
    assert!(help.stdout.contains("nextbest export --max-bytes 100KB"), "{}", help.stdout);
}
