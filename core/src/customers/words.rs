//! How words are compared: the one place for text from JSON, CSV, Parquet, Python and JavaScript.
//!
//! Databases pad text, programs capitalise truth values in their own way, and integers gain a fraction of
//! zeros once a column has missing values. So a text matches the word that it equals after trimming, or else
//! the word that denotes the same truth value or integer.

/// The texts, in any case, that mean a missing value in a plain table. Empty text does so everywhere.
const MISSING: [&str; 5] = ["NA", "N/A", "NaN", "null", "?"];

/// The first character of the placeholder of a withheld word. No text begins with it, since text is trimmed.
const WITHHELD: char = ' ';

/// The placeholder in a bundle for the word with this code, if the bundle withholds the word.
pub fn placeholder(code: usize) -> String {
    format!("{WITHHELD}{code}")
}

/// Whether a word of a bundle is the placeholder of a withheld one.
pub fn is_withheld(word: &str) -> bool {
    word.starts_with(WITHHELD)
}

/// A word of a bundle as shown to people; empty if it is withheld.
pub fn told(word: &str) -> &str {
    if is_withheld(word) { "(withheld)" } else { word }
}

/// Strips white space (as Unicode defines it) and zero characters, with which fixed-width columns are padded.
pub fn normalised(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || character == '\0')
}

/// Whether a cell of a plain table means a missing value.
pub fn is_missing(text: &str) -> bool {
    let text = normalised(text);
    text.is_empty() || MISSING.iter().any(|marker| marker.eq_ignore_ascii_case(text))
}

/// The position of the word that a text matches.
pub fn position(words: &[impl AsRef<str>], text: &str) -> Option<usize> {
    let text = normalised(text);
    let equal = words.iter().position(|word| word.as_ref() == text);
    equal.or_else(|| words.iter().position(|word| says_the_same(word.as_ref(), text)))
}

/// An id: trimmed text; an integer is reduced to its digits.
pub fn id(text: &str) -> &str {
    let text = normalised(text);
    whole(text).unwrap_or(text)
}

/// The one form of all texts that match each other.
pub fn canonical(text: &str) -> &str {
    let text = normalised(text);
    match truth(text) {
        Some(true) => "true",
        Some(false) => "false",
        None => whole(text).unwrap_or(text),
    }
}

/// Whether two normalised texts denote the same truth value or integer, however they are written.
pub fn says_the_same(word: &str, text: &str) -> bool {
    match (truth(text), whole(text)) {
        (Some(value), _) => truth(word) == Some(value),
        (None, Some(number)) => whole(word) == Some(number),
        (None, None) => false,
    }
}

/// The usual ways to write a word: other cases of a truth value, an integer with a fraction of zero.
pub fn spellings(word: &str) -> Vec<String> {
    match (truth(word), whole(word)) {
        (Some(true), _) => vec!["true".into(), "True".into(), "TRUE".into()],
        (Some(false), _) => vec!["false".into(), "False".into(), "FALSE".into()],
        (None, Some(number)) => vec![number.to_owned(), format!("{number}.0")],
        (None, None) => vec![word.to_owned()],
    }
}

fn truth(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// The digits of an integer, with its sign if it has a minus, from text with or without a fraction of zeros.
/// Leading zeros are part of a code; zero has no sign.
fn whole(text: &str) -> Option<&str> {
    let digits_of = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (number, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = number.strip_prefix('-').unwrap_or(number);
    if !digits_of(digits) || !digits_of(fraction) || fraction.bytes().any(|byte| byte != b'0') {
        return None;
    }
    Some(if number == "-0" { "0" } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn usual_spellings_say_the_same() {
        for word in ["TRUE", "false", "7", "7.00", "-3", "Rome"] {
            let spellings = spellings(word);
            assert!(
                spellings.iter().all(|other| other == word || says_the_same(other, word)),
                "{spellings:?}"
            );
        }
    }

    #[test]
    fn padding_is_no_part_of_a_word() {
        let known = words(&["Rome", "New York"]);
        for text in ["Rome", " Rome", "Rome   ", "Rome\0\0\0", "\u{a0}Rome\u{3000}", "\t\r\nRome \0 "] {
            assert_eq!(position(&known, text), Some(0), "{text:?}");
        }
        for text in ["rome", "ROME", "Ro me", "New  York", "New\u{a0}York", "", "\u{200b}Rome"] {
            assert_eq!(position(&known, text), None, "{text:?}");
        }
    }

    #[test]
    fn no_text_is_a_placeholder() {
        let known: Vec<String> = ["Rome".to_owned()].into_iter().chain((1..9).map(placeholder)).collect();
        assert!(known[1..].iter().all(|word| is_withheld(word) && told(word) == "(withheld)"));
        assert!(!is_withheld("Rome") && told("Rome") == "Rome");
        for code in 1..9 {
            for text in [placeholder(code), code.to_string(), format!("{code}.0"), format!("\u{a0}{code}")] {
                assert_eq!(position(&known, &text), None, "{text:?}");
            }
        }
    }

    #[test]
    fn truth_values_and_whole_numbers_are_words_however_they_are_written() {
        for known in [["false", "true"], ["False", "True"], ["FALSE", "TRUE"]] {
            let known = words(&known);
            for (text, code) in [("true", 1), ("True", 1), (" TRUE ", 1), ("false", 0), ("fAlse", 0)] {
                assert_eq!(position(&known, text), Some(code), "{text:?} of {known:?}");
            }
        }
        // An exact match comes first.
        assert_eq!(position(&words(&["TRUE", "True"]), "True"), Some(1));
        for (word, text) in [("1", "1.0"), ("1.0", "1"), ("1.0", "1.00"), ("0", "-0.0"), ("-3", "-3.0")] {
            assert_eq!(position(&words(&["x", word]), text), Some(1), "{text:?} of {word:?}");
        }
        let far = "9007199254740993";
        assert_eq!(position(&words(&["9007199254740992", far]), "9007199254740993.0"), Some(1));
        for (word, text) in [("1", "01"), ("1", "1.5"), ("1", "+1"), ("1", "1e0"), ("1", "1."), ("01", "1.0")]
        {
            assert_eq!(position(&words(&[word]), text), None, "{text:?} of {word:?}");
        }
    }

    #[test]
    fn ids_are_normalised_as_words_are() {
        for (text, expected) in
            [(" 7 ", "7"), ("7.0", "7"), ("007", "007"), ("C-1\0\0", "C-1"), ("True", "True")]
        {
            assert_eq!(id(text), expected);
        }
    }

    #[test]
    fn texts_that_say_the_same_have_one_form() {
        let texts = [
            "1",
            "1.0",
            "01",
            "-0.0",
            "0",
            "true",
            "TRUE",
            " Rome ",
            "Rome",
            "rome",
            "1.5",
            "9007199254740993.00",
        ];
        for (one, other) in texts.iter().flat_map(|one| texts.iter().map(move |other| (*one, *other))) {
            let same = position(&words(&[normalised(one)]), other).is_some();
            assert_eq!(canonical(one) == canonical(other), same, "{one:?} {other:?}");
        }
    }

    #[test]
    fn missing_is_said_in_several_ways() {
        for text in ["", " \0", "NA", "na", "N/A", "NaN", "nan", "NULL", "null", "?", " ? "] {
            assert!(is_missing(text), "{text:?}");
        }
        // These are words: a class may have such a name.
        for text in ["None", "NONE", "-", "0", "n.a.", "missing"] {
            assert!(!is_missing(text), "{text:?}");
        }
    }
}
