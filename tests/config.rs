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
