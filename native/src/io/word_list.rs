//! Lists of names in one cell: `Loan|Savings`. A bar or backslash in a name has a backslash before it.

/// Several names as one text.
pub(crate) fn join<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let mut text = String::new();
    for (position, name) in names.into_iter().enumerate() {
        if position > 0 {
            text.push('|');
        }
        for character in name.chars() {
            if matches!(character, '|' | '\\') {
                text.push('\\');
            }
            text.push(character);
        }
    }
    text
}

/// The names that were joined; none of them is empty.
pub(crate) fn split(text: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '|' {
            names.push(String::new());
        } else if let Some(last) = names.last_mut() {
            last.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_names_stay_as_they_are() {
        assert_eq!(join(["Loan", "Savings"]), "Loan|Savings");
        assert_eq!(join(["Home|Loan", "a\\"]), "Home\\|Loan|a\\\\");
    }

    proptest! {
        #[test]
        fn what_is_joined_is_split_again(names in prop::collection::vec(r"[a|\\ ,é]{1,5}", 0..5)) {
            let joined = join(names.iter().map(String::as_str));
            prop_assert_eq!(split(&joined), names);
        }
    }
}
