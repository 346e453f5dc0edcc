//! Lists that allocate no more than their entries need, with a maximum length; for
//! `#[serde(deserialize_with)]`.
//!
//! `serde`'s own lists grow by doubling if their length is unknown or large, and so may take three times what
//! they hold. These lists allocate room for one entry once it has been read, and then for as many more as the
//! decoder reports as left. Our decoder reports that number only after it has been paid for (`codec.rs`);
//! other decoders report what they like and must be trusted.

use core::fmt;
use core::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

/// Reads a list.
pub(crate) fn list<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    at_most::<{ usize::MAX }, T, D>(deserializer)
}

/// Reads a list of at most `MAX` entries.
pub(crate) fn at_most<'de, const MAX: usize, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    ListOf { entry: PhantomData::<T>, most: MAX }.deserialize(deserializer)
}

/// Reads a list of lists.
pub(crate) fn lists<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Vec<T>>, D::Error> {
    let entry = ListOf { entry: PhantomData::<T>, most: usize::MAX };
    ListOf { entry, most: usize::MAX }.deserialize(deserializer)
}

/// A list as a value of its own.
#[derive(serde::Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(crate) struct List<T>(#[serde(deserialize_with = "list")] pub(crate) Vec<T>);

/// A list of lists as a value of its own.
#[derive(serde::Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(crate) struct Lists<T>(#[serde(deserialize_with = "lists")] pub(crate) Vec<Vec<T>>);

/// The name under which a decoder is asked for a value that will be boxed; it tells ours that the value takes
/// memory of its own.
pub(crate) const BOXED: &str = "Box";

/// Reads a value that will be boxed.
pub(crate) fn boxed<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Box<T>, D::Error> {
    deserializer.deserialize_newtype_struct(BOXED, Boxed(PhantomData::<T>)).map(Box::new)
}

struct Boxed<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Boxed<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::deserialize(deserializer)
    }
}

#[derive(Clone, Copy)]
struct ListOf<S> {
    entry: S,
    most: usize,
}

impl<'de, S: DeserializeSeed<'de> + Copy> DeserializeSeed<'de> for ListOf<S> {
    type Value = Vec<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<S::Value>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, S: DeserializeSeed<'de> + Copy> Visitor<'de> for ListOf<S> {
    type Value = Vec<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {} entries", self.most)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<S::Value>, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element_seed(self.entry)? {
            if list.is_empty() {
                list.reserve_exact(entries.size_hint().unwrap_or_default().saturating_add(1).min(self.most));
            }
            if list.len() == self.most {
                return Err(A::Error::custom(format_args!("a list has more than {} entries", self.most)));
            }
            list.push(entry);
        }
        Ok(list)
    }
}
