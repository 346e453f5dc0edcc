//! Numbers of JSON files that we write and read, to the bit. serde_json's own reading may be one unit in the last place off.

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::value::RawValue;

/// Reads a number.
///
/// # Errors
/// Where there is none, which `null` is too.
pub(crate) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let text = <&RawValue>::deserialize(from)?.get();
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| D::Error::custom(format!("expected a number, got {text}")))
}

/// Reads a number that may not be defined: it is not there then.
///
/// # Errors
/// Where there is something else.
pub(crate) fn optional<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    number(from).map(Some)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, Deserialize)]
    struct File {
        #[serde(deserialize_with = "number")]
        number: f64,
        #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
        undefined: Option<f64>,
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bits in any::<u64>(), undefined in any::<bool>()) {
            let number = f64::from_bits(bits);
            let undefined = (!undefined).then_some(number);
            let text = serde_json::to_string(&File { number, undefined }).unwrap();
            match serde_json::from_str::<File>(&text) {
                Ok(read) => prop_assert_eq!((read.number.to_bits(), read.undefined), (bits, undefined)),
                Err(error) => {
                    prop_assert!(!number.is_finite());
                    prop_assert!(error.to_string().contains("expected a number, got null"), "{}", error);
                }
            }
        }
    }
}
