//! A value that config.yaml takes as a number or as a word.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

/// A number or a word. A word that looks like a number stands in quotes.
#[derive(Debug, Clone, PartialEq)]
pub enum NumberOrWord {
    /// A number.
    Number(f64),
    /// A word.
    Word(String),
}

impl fmt::Display for NumberOrWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NumberOrWord::Number(number) => write!(f, "{number}"),
            NumberOrWord::Word(word) => write!(f, "`{word}`"),
        }
    }
}

impl<'de> Deserialize<'de> for NumberOrWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl Visitor<'_> for Either {
            type Value = NumberOrWord;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a word")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<NumberOrWord, E> {
                Ok(NumberOrWord::Number(number as f64))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<NumberOrWord, E> {
                Ok(NumberOrWord::Number(number as f64))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<NumberOrWord, E> {
                Ok(NumberOrWord::Number(number))
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<NumberOrWord, E> {
                Ok(NumberOrWord::Word(word.to_owned()))
            }
        }

        deserializer.deserialize_any(Either)
    }
}
