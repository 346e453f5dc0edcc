//! What calls and answers of MLflow's servers have in common.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::registry::Version;

/// The most characters of a tag.
pub(super) const LONGEST_TAG: usize = 5000;

/// A text of an answer.
pub(super) fn word<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str()
}

/// A list in an answer; an absent one is empty.
pub(super) fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A whole number, which servers write as a number or as a text.
pub(super) fn whole(value: Option<&Value>) -> Option<u64> {
    let value = value?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// A text in an answer.
pub(super) fn text(answer: &Value, pointer: &str) -> anyhow::Result<String> {
    let found = answer.pointer(pointer).and_then(Value::as_str);
    Ok(found.with_context(|| format!("expected {pointer} in MLflow's answer, got {answer}"))?.to_owned())
}

/// Key-value pairs in the form of all calls, with values cut to a number of characters.
pub(super) fn pairs(pairs: &[(String, String)], longest: usize) -> Vec<Value> {
    let cut = |value: &str| value.chars().take(longest).collect::<String>();
    pairs.iter().map(|(key, value)| json!({"key": key, "value": cut(value)})).collect()
}

/// A version as the server lists it.
pub(super) fn version_of(found: &Value, number: u64, aliases: Vec<String>) -> Version {
    let tags = list(found, "/tags").iter();
    let tag = |tag: &Value| Some((word(tag, "key")?.to_owned(), word(tag, "value")?.to_owned()));
    Version {
        number,
        aliases,
        tags: tags.filter_map(tag).collect(),
        run: word(found, "run_id").filter(|run| !run.is_empty()).map(str::to_owned),
        created: whole(found.get("creation_timestamp")).unwrap_or_default(),
    }
}
