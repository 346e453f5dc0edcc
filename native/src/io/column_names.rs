//! Names of the columns that we write: no two of a file are the same, capitals aside, since many a database
//! and data frame does not tell capitals apart.

use std::collections::HashSet;

use anyhow::anyhow;

use crate::app::usage;

/// Checks names that people chose, beside those that are ours, before any work begins.
///
/// # Errors
/// Names the file's two columns (exit code 2).
pub(crate) fn check<'n>(file: &str, names: impl IntoIterator<Item = &'n str>) -> anyhow::Result<()> {
    let mut taken: Vec<(String, &str)> = Vec::new();
    for name in names {
        let folded = name.to_lowercase();
        if let Some((_, other)) = taken.iter().find(|(other, _)| *other == folded) {
            return Err(usage(anyhow!(
                "{file} would have the columns {other:?} and {name:?}: give one of them a name of its own, \
                 capitals \
                 aside"
            )));
        }
        taken.push((folded, name));
    }
    Ok(())
}

/// Names that come from data, such as those of classes: of those that are the same, capitals aside, the
/// second becomes `NAME_2`, and so on.
pub(crate) fn numbered<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Vec<String> {
    let names: Vec<String> = names.into_iter().map(Into::into).collect();
    let original: HashSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let mut taken = HashSet::new();
    let unique = |name: String| {
        if taken.insert(name.to_lowercase()) {
            return name;
        }
        // A number that makes it another column's own name is passed over.
        let numbers = (2..).map(|number| format!("{name}_{number}"));
        let free = |name: &String| {
            let folded = name.to_lowercase();
            !original.contains(&folded) && taken.insert(folded)
        };
        numbers.into_iter().find(free).unwrap_or(name)
    };
    names.into_iter().map(unique).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_second_of_a_name_gets_a_number() {
        assert_eq!(numbered(["yes", "Yes", "no", "YES", "yes_2"]), ["yes", "Yes_3", "no", "YES_4", "yes_2"]);
        let error = check("results.csv", ["id", "Predicted", "PREDICTED"]).unwrap_err().to_string();
        assert!(
            error.contains("results.csv") && error.contains("\"Predicted\" and \"PREDICTED\""),
            "{error}"
        );
        check("results.csv", ["id", "ID2"]).unwrap();
    }

    proptest! {
        #[test]
        fn no_two_are_the_same(names in prop::collection::vec("[aAbB_23É é]{0,3}", 0..30)) {
            let numbered = numbered(names.clone());
            check("file", numbered.iter().map(String::as_str)).unwrap();
            let same = names.iter().zip(&numbered).filter(|(a, b)| a == b).count();
            let different: HashSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
            prop_assert_eq!(same, different.len());
        }
    }
}
