//! The config file at the root shows every key with its default, and the examples' configs are sound.

use nextbest::config::Config;
use nextbest_tests::repository;

#[test]
fn the_config_at_the_root_shows_the_defaults() {
    let text = std::fs::read_to_string(repository().join("config.yaml")).unwrap();
    let shown = Config::parse(&text).unwrap();
    assert_eq!(format!("{shown:#?}"), format!("{:#?}", Config::default()));
}

#[test]
fn the_default_schema_and_features_parse() {
    let config = Config::default();
    assert_eq!(config.schema().unwrap().tables.len(), 10);
    let groups: std::collections::BTreeSet<String> =
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
    assert!(understood >= 12, "{understood}");
}
