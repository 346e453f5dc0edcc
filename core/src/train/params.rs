//! The parameters of a learner, each declared once: name, meaning, type, default, range and the values worth
//! trying.
//!
//! From that table, [`parameters!`] generates the struct that a fit takes, the struct that a configuration is
//! read into (parameters that it leaves out may be tuned), the range check, and the texts on the model card
//! and in `--help`.

use std::ops::RangeInclusive;

use serde::Deserialize;
use serde::de::{Deserializer, Error as DeError, Unexpected, Visitor};

use crate::Error;

/// The description of one parameter of a learner.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name, as in scikit-learn or LightGBM.
    pub name: &'static str,
    /// Its meaning, as a sentence.
    pub meaning: &'static str,
    /// The allowed values, bounds included; `None` if every value of its type is valid.
    pub range: Option<RangeInclusive<f64>>,
    /// Whether a model card records it. The seed has a place of its own there; a parameter that changes no
    /// result is not recorded.
    pub recorded: bool,
}

/// The values of one parameter that are worth trying, in order. Tuning starts from the first one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// The parameter's name.
    pub name: &'static str,
    /// For a bank's feature table: hundreds of thousands of rows, of which a few percent take something.
    /// Large leaves and strong penalties come first.
    pub bank: &'static [&'static str],
    /// For a plain table: often few rows with clear classes.
    pub table: &'static [&'static str],
}

/// The parameters of a learner, by name.
pub trait Parameters: Clone + Default {
    /// The learner's name: `random_forest`, `gradient_boosting` or `logistic_regression`.
    const LEARNER: &'static str;
    /// All parameters, in the order of the model card.
    const PARAMETERS: &'static [Parameter];
    /// The grid to tune over; the parameter that matters most comes first.
    const GRID: &'static [Grid];
    /// The parameters that a configuration gives: `None` for those that it leaves out.
    type Given: Given<Self>;

    /// The value of a parameter as text; `None` for an unknown name.
    fn text(&self, name: &str) -> Option<String>;

    /// Sets a parameter from its text.
    ///
    /// # Errors
    /// [`Error::Training`] for an unknown name, or text that is not a value of the parameter's type.
    fn set(&mut self, name: &str, text: &str) -> Result<(), Error>;

    /// Checks that every parameter is within its range.
    ///
    /// # Errors
    /// [`Error::Training`] for the first one that is not.
    fn check_ranges(&self) -> Result<(), Error>;
}

/// The parameters that a configuration gives.
pub trait Given<P> {
    /// Whether it gives this parameter.
    fn gives(&self, name: &str) -> bool;

    /// `start`, with the given parameters in place of its own.
    fn over(&self, start: P) -> P;
}

/// A type that a parameter can have.
pub(super) trait Value: Sized {
    /// The value as text, for a model card.
    fn text(&self) -> String;

    /// Parses a value. Invariant: `parse(&value.text()) == Some(value)`.
    fn parse(text: &str) -> Option<Self>;

    /// The number to compare with the range; `None` if the value is not a number.
    fn number(&self) -> Option<f64>;
}

macro_rules! numbers {
    ($($type:ty),+) => {$(
        impl Value for $type {
            fn text(&self) -> String {
                self.to_string()
            }

            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }

            fn number(&self) -> Option<f64> {
                Some(*self as f64)
            }
        }
    )+};
}
numbers!(usize, u32, u64, i64, f64);

impl Value for bool {
    fn text(&self) -> String {
        self.to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn number(&self) -> Option<f64> {
        None
    }
}

/// `none` means no limit.
impl Value for Option<usize> {
    fn text(&self) -> String {
        self.map_or("none".into(), |value| value.to_string())
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "none" { Some(None) } else { text.parse().ok().map(Some) }
    }

    fn number(&self) -> Option<f64> {
        self.map(|value| value as f64)
    }
}

/// The number of features that a split chooses from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxFeatures {
    /// The square root of their number, written `sqrt`.
    Sqrt,
    /// This share of them, above 0 and at most 1.
    Share(f64),
}

impl Value for MaxFeatures {
    fn text(&self) -> String {
        match self {
            Self::Sqrt => "sqrt".into(),
            Self::Share(share) => share.to_string(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "sqrt" { Some(Self::Sqrt) } else { text.parse().ok().map(Self::Share) }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Sqrt => None,
            Self::Share(share) => Some(*share),
        }
    }
}

impl<'de> Deserialize<'de> for MaxFeatures {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ShareOrWord;

        impl Visitor<'_> for ShareOrWord {
            type Value = MaxFeatures;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a share of the features (above 0, at most 1) or `sqrt`")
            }

            fn visit_f64<E: DeError>(self, share: f64) -> Result<MaxFeatures, E> {
                Ok(MaxFeatures::Share(share))
            }

            fn visit_u64<E: DeError>(self, share: u64) -> Result<MaxFeatures, E> {
                Ok(MaxFeatures::Share(share as f64))
            }

            fn visit_str<E: DeError>(self, word: &str) -> Result<MaxFeatures, E> {
                match word {
                    "sqrt" => Ok(MaxFeatures::Sqrt),
                    _ => Err(E::invalid_value(Unexpected::Str(word), &self)),
                }
            }
        }

        deserializer.deserialize_any(ShareOrWord)
    }
}

/// Refuses a value outside its parameter's range.
pub(super) fn in_range(
    learner: &str,
    name: &str,
    value: &impl Value,
    range: &Option<RangeInclusive<f64>>,
) -> Result<(), Error> {
    match (value.number(), range) {
        (Some(number), Some(range)) if !range.contains(&number) => Err(Error::Training(format!(
            "{learner}.{name} is {}, not {} to {}",
            value.text(),
            range.start(),
            range.end()
        ))),
        _ => Ok(()),
    }
}

/// Generates the parameters of a learner: see the head of this file.
macro_rules! parameters {
    (
        $(#[$attribute:meta])*
        pub struct $Params:ident, $Given:ident of $learner:literal;
        recorded { $($(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr $(, $range:expr)?;)+ }
        besides {
            $($(#[doc = $other_doc:literal])+ $other:ident: $other_type:ty = $other_default:expr
                $(, $other_range:expr)?;)*
        }
        grid { $($tuned:ident: bank $bank:expr, table $table:expr;)+ }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $Params {
            $($(#[doc = $doc])+ pub $name: $type,)+
            $($(#[doc = $other_doc])+ pub $other: $other_type,)*
        }

        impl Default for $Params {
            fn default() -> Self {
                Self { $($name: $default,)+ $($other: $other_default,)* }
            }
        }

        $(#[$attribute])*
        ///
        /// As a configuration gives them: a parameter that it leaves out may be tuned.
        #[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $Given {
            $($(#[doc = $doc])+ pub $name: Option<$type>,)+
            $($(#[doc = $other_doc])+ pub $other: Option<$other_type>,)*
        }

        impl $crate::train::params::Given<$Params> for $Given {
            fn gives(&self, name: &str) -> bool {
                match name {
                    $(stringify!($name) => self.$name.is_some(),)+
                    $(stringify!($other) => self.$other.is_some(),)*
                    _ => false,
                }
            }

            fn over(&self, start: $Params) -> $Params {
                $Params {
                    $($name: self.$name.unwrap_or(start.$name),)+
                    $($other: self.$other.unwrap_or(start.$other),)*
                }
            }
        }

        impl $crate::train::params::Parameters for $Params {
            const LEARNER: &'static str = $learner;
            const PARAMETERS: &'static [$crate::train::params::Parameter] = &[
                $($crate::train::params::Parameter {
                    name: stringify!($name),
                    meaning: concat!($($doc),+),
                    range: parameters!(@range $($range)?),
                    recorded: true,
                },)+
                $($crate::train::params::Parameter {
                    name: stringify!($other),
                    meaning: concat!($($other_doc),+),
                    range: parameters!(@range $($other_range)?),
                    recorded: false,
                },)*
            ];
            const GRID: &'static [$crate::train::params::Grid] = &[
                $($crate::train::params::Grid { name: stringify!($tuned), bank: &$bank, table: &$table },)+
            ];
            type Given = $Given;

            fn text(&self, name: &str) -> Option<String> {
                use $crate::train::params::Value;
                match name {
                    $(stringify!($name) => Some(self.$name.text()),)+
                    $(stringify!($other) => Some(self.$other.text()),)*
                    _ => None,
                }
            }

            fn set(&mut self, name: &str, text: &str) -> Result<(), $crate::Error> {
                use $crate::train::params::Value;
                let is_set = match name {
                    $(stringify!($name) => Value::parse(text).map(|value| self.$name = value),)+
                    $(stringify!($other) => Value::parse(text).map(|value| self.$other = value),)*
                    _ => {
                        let message = format!("{} has no parameter {name:?}", $learner);
                        return Err($crate::Error::Training(message));
                    }
                };
                is_set.ok_or_else(|| {
                    $crate::Error::Training(format!("{}.{name} can't be {text:?}", $learner))
                })
            }

            fn check_ranges(&self) -> Result<(), $crate::Error> {
                use $crate::train::params::in_range;
                $(in_range($learner, stringify!($name), &self.$name, &parameters!(@range $($range)?))?;)+
                $(in_range($learner, stringify!($other), &self.$other, &parameters!(@range $($other_range)?))?;)*
                Ok(())
            }
        }
    };
    (@range) => { None };
    (@range $range:expr) => { Some($range) };
}
pub(super) use parameters;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{BoostParams, ForestParams, LogisticParams};

    /// Every value of the grid is valid, differs from the others, and is parsed to what it was written from.
    fn the_grid_is_sound<P: Parameters + PartialEq + std::fmt::Debug>() {
        P::default().check_ranges().unwrap();
        for grid in P::GRID {
            let parameter = P::PARAMETERS.iter().find(|parameter| parameter.name == grid.name).unwrap();
            assert!(parameter.recorded, "{}", grid.name);
            for values in [grid.bank, grid.table] {
                for value in values {
                    let mut params = P::default();
                    params.set(grid.name, value).unwrap();
                    params.check_ranges().unwrap();
                    assert_eq!(params.text(grid.name).unwrap(), **value);
                }
                let different: std::collections::BTreeSet<_> = values.iter().collect();
                assert_eq!(different.len(), values.len());
            }
        }
    }

    /// The texts of all parameters restore the learner's parameters, and no other text is accepted.
    fn texts_tell_all<P: Parameters + PartialEq + std::fmt::Debug>(params: &P) {
        let mut again = P::default();
        for parameter in P::PARAMETERS {
            let text = params.text(parameter.name).unwrap();
            again.set(parameter.name, &text).unwrap();
            assert!(again.set(parameter.name, "word").is_err(), "{}", parameter.name);
        }
        assert_eq!(again, *params);
        assert_eq!(params.text("n_trees"), None);
        let error = again.set("n_trees", "3").unwrap_err().to_string();
        assert!(error.contains(P::LEARNER) && error.contains("\"n_trees\""), "{error}");
    }

    #[test]
    fn every_learner_is_described_whole() {
        the_grid_is_sound::<ForestParams>();
        the_grid_is_sound::<BoostParams>();
        the_grid_is_sound::<LogisticParams>();
        texts_tell_all(&ForestParams {
            max_features: MaxFeatures::Share(0.33),
            max_leaf_nodes: Some(9),
            bootstrap: false,
            ..ForestParams::default()
        });
        texts_tell_all(&BoostParams { random_state: u64::MAX, ..BoostParams::default() });
        texts_tell_all(&LogisticParams { tolerance: 1e-5, ..LogisticParams::default() });
    }

    #[test]
    fn a_value_out_of_its_range_is_named_with_the_range() {
        let error = |params: ForestParams| params.check_ranges().unwrap_err().to_string();
        let message = error(ForestParams { max_depth: 65, ..ForestParams::default() });
        assert!(message.contains("random_forest.max_depth is 65, not 1 to 64"), "{message}");
        let message = error(ForestParams { leaf_smoothing: f64::NAN, ..ForestParams::default() });
        assert!(message.contains("random_forest.leaf_smoothing is NaN"), "{message}");
        let message =
            error(ForestParams { max_features: MaxFeatures::Share(0.0), ..ForestParams::default() });
        assert!(message.contains("max_features"), "{message}");
    }

    #[test]
    fn what_a_configuration_gives_is_not_tuned() {
        let given: <ForestParams as Parameters>::Given =
            serde_json::from_str(r#"{"max_depth": 7, "max_features": "sqrt"}"#).unwrap();
        assert!(given.gives("max_depth") && given.gives("max_features") && !given.gives("n_estimators"));
        let start =
            ForestParams { n_estimators: 3, max_features: MaxFeatures::Share(1.0), ..Default::default() };
        let params = given.over(start);
        assert_eq!((params.n_estimators, params.max_depth, params.max_features), (3, 7, MaxFeatures::Sqrt));
        for wrong in [r#"{"max_features": "log2"}"#, r#"{"n_trees": 3}"#] {
            assert!(serde_json::from_str::<<ForestParams as Parameters>::Given>(wrong).is_err(), "{wrong}");
        }
    }
}
