//! The config file at the root shows every key with its default, and the examples' configs are sound.

use std::collections::BTreeSet;

use nextbest::config::Config;
use nextbest_tests::{Workplace, repository};

#[test]
fn the_config_at_the_root_shows_the_defaults() {
    let text = std::fs::read_to_string(repository().join("config.yaml")).unwrap();
    let mut shown = Config::parse(&text).unwrap();
    let policy = |config: &Config| format!("{:#?}", config.policy().unwrap());
    assert_eq!(policy(&shown), policy(&Config::default()));
    // Where none is written, it depends on the schema.
    shown.policy = None;
    assert_eq!(format!("{shown:#?}"), format!("{:#?}", Config::default()));
}

#[test]
fn the_default_schema_and_features_parse() {
    let config = Config::default();
    assert_eq!(config.schema().unwrap().tables.len(), 10);
    let groups: BTreeSet<String> =
        config.features().unwrap().into_iter().map(|feature| feature.group).collect();
    let expected = ["account", "behavioral", "communication", "demographic", "temporal", "transaction"];
    assert!(groups.iter().eq(expected), "{groups:?}");
}

#[test]
fn an_empty_config_is_the_default() {
    for text in ["", "# nothing\n\n"] {
        assert_eq!(format!("{:?}", Config::parse(text).unwrap()), format!("{:?}", Config::default()));
    }
}

/// Every YAML example in docs/FEATURES.md is a definition that config.yaml takes.
#[test]
fn the_feature_languages_examples_are_understood() {
    let document = std::fs::read_to_string(repository().join("docs/FEATURES.md")).unwrap();
    let examples: Vec<&str> =
        document.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(examples.len() >= 6, "{examples:?}");
    let mut understood = 0;
    for example in examples {
        let text = match example.starts_with('-') {
            false => example.to_owned(),
            true => {
                let lines: String = example.lines().map(|line| format!("    {line}\n")).collect();
                format!("feature_engineering:\n  features:\n{lines}")
            }
        };
        let config = Config::parse(&text).unwrap();
        for feature in config.features().unwrap() {
            feature.definitions(&config.feature_engineering.lookback_periods, &[]).unwrap();
            understood += 1;
        }
    }
    assert!(understood >= 20, "{understood}");
}

/// Every config in these documents is one that the program takes.
#[test]
fn the_configs_of_documents_are_understood() {
    for (document, least) in
        [("MLFLOW.md", 2), ("DATABRICKS.md", 1), ("SYNTHETIC.md", 1), ("MONITORING.md", 1)]
    {
        let text = std::fs::read_to_string(repository().join("docs").join(document)).unwrap();
        let configs: Vec<&str> =
            text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
        assert!(configs.len() >= least, "{document}");
        for config in configs {
            Config::parse(config).unwrap_or_else(|error| panic!("{document}: {error}\n{config}"));
        }
    }
}

/// And all of them can be computed on the core-banking tables.
#[test]
fn the_feature_languages_examples_can_be_computed() {
    let document = std::fs::read_to_string(repository().join("docs/FEATURES.md")).unwrap();
    let mut names = BTreeSet::new();
    let mut features = String::new();
    for line in document.lines().filter(|line| line.trim_start().starts_with("- {name: ")) {
        let name = line.split(['{', ':', ',']).nth(2).unwrap().trim();
        if names.insert(name) {
            features.push_str(&format!("    {}\n", line.trim_start()));
        }
    }
    assert!(names.len() >= 20, "{names:?}");
    // What the example of a ratio divides stands among the default features.
    let counts = [30, 180].map(|days| {
        format!("    - {{name: txn_count_{days}d, table: transactions, aggregate: count, window: {days}}}\n")
    });
    let counts = if names.contains("txn_count_30d") { &counts[1..] } else { &counts[..] };
    let place = Workplace::new(env!("CARGO_BIN_EXE_nextbest-under-test")).unwrap();
    let config = format!("feature_engineering:\n  features:\n{}{features}", counts.concat());
    place.write("config.yaml", &config).unwrap();
    let finished = place.run(&["features", "--catalogue"]).unwrap();
    assert_eq!(finished.code, 0, "{}", finished.stderr);
}
