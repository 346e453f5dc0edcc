//! The names of a file's columns.

use anyhow::bail;
use rustc_hash::FxHashMap;

/// Checks that no two columns have one name. Several may have none.
///
/// # Errors
/// Names the first two that have.
pub(super) fn check_distinct(names: &[String]) -> anyhow::Result<()> {
    let mut positions = FxHashMap::default();
    for (position, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        if let Some(earlier) = positions.insert(name, position) {
            bail!(
                "columns {} and {} are both called `{name}`: give one another name",
                earlier + 1,
                position + 1
            );
        }
    }
    Ok(())
}

/// Checks that every column has a name.
///
/// # Errors
/// Tells the first that has none.
pub(super) fn check_named(names: &[String]) -> anyhow::Result<()> {
    match names.iter().position(String::is_empty) {
        Some(position) if position > 0 && position + 1 == names.len() => bail!(
            "column {} has no name: the header names all columns; does it end with a delimiter?",
            position + 1
        ),
        Some(position) => bail!("column {} has no name: the header names all columns", position + 1),
        None => Ok(()),
    }
}

/// Whether a column has a name that pandas gives to an index without one.
pub(super) fn is_index(name: &str) -> bool {
    let level = name.strip_prefix("__index_level_").and_then(|rest| rest.strip_suffix("__"));
    level.is_some_and(|level| !level.is_empty() && level.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pandas_calls_an_index_without_a_name_so() {
        assert!(is_index("__index_level_0__") && is_index("__index_level_12__"));
        assert!(!is_index("index_level_0") && !is_index("__index_level___") && !is_index("id"));
    }

    #[test]
    fn names_are_there_and_differ() {
        let check = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            check_named(&names).and_then(|()| check_distinct(&names)).map_err(|error| error.to_string())
        };
        assert_eq!(check(&["a", "A", "b"]), Ok(()));
        assert!(check(&["a", "", "b"]).unwrap_err().contains("column 2 has no name"));
        assert!(check(&["a", "b", ""]).unwrap_err().contains("does it end with a delimiter?"));
        assert!(check(&["a", "b", "a"]).unwrap_err().contains("columns 1 and 3 are both called `a`"));
    }
}
