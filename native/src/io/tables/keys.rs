//! Keys of tables: from a key to its row, or only whether it was there before.

use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash, Hasher};

use roaring::RoaringTreemap;
use rustc_hash::{FxHashMap, FxHashSet};

use super::batch::{Key, NO_ROW};

/// The keys of a table to which others refer, and the rows that they identify.
#[derive(Debug, Default)]
pub(super) struct KeyMap {
    numbers: FxHashMap<u64, u32>,
    texts: FxHashMap<Box<str>, u32>,
}

/// What a key leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    /// The row at this position.
    At(u32),
    /// A row that the config leaves out.
    Outside,
}

impl KeyMap {
    /// Adds the key of a row ([`NO_ROW`]: of one that is left out). Where it is there already, it stays that
    /// of the row before, and is given back.
    pub(super) fn insert(&mut self, key: Key, row: u32) -> Option<Key> {
        match key {
            Key::Number(number) => match self.numbers.entry(number) {
                Entry::Vacant(entry) => {
                    entry.insert(row);
                    None
                }
                Entry::Occupied(_) => Some(Key::Number(number)),
            },
            Key::Text(text) => match self.texts.entry(text) {
                Entry::Vacant(entry) => {
                    entry.insert(row);
                    None
                }
                Entry::Occupied(entry) => Some(Key::Text(entry.key().clone())),
            },
        }
    }

    /// The row of a whole number.
    pub(super) fn number(&self, number: u64) -> Option<Row> {
        self.numbers.get(&number).map(Self::row)
    }

    /// The row of a text.
    pub(super) fn text(&self, text: &str) -> Option<Row> {
        match canonical_number(text) {
            Some(number) => self.number(number),
            None => self.texts.get(text).map(Self::row),
        }
    }

    fn row(row: &u32) -> Row {
        if *row == NO_ROW { Row::Outside } else { Row::At(*row) }
    }
}

/// The keys of a table to which none refers: of a hundred million events nothing is kept but which numbers
/// were there, as compressed bit maps. Of texts only a hash of 64 bits is kept: of 10¹⁹ pairs of different
/// keys, one is mistaken for equal.
#[derive(Debug, Default)]
pub(super) struct UniqueKeys {
    numbers: RoaringTreemap,
    texts: FxHashSet<u64>,
}

impl UniqueKeys {
    /// Adds a key; `false` where it is there already.
    pub(super) fn insert(&mut self, key: &Key) -> bool {
        match key {
            Key::Number(number) => self.numbers.insert(*number),
            Key::Text(text) => {
                let mut hasher = DefaultHasher::new();
                text.hash(&mut hasher);
                self.texts.insert(hasher.finish())
            }
        }
    }

    /// Adds a run of whole numbers where none of them is there yet; else adds nothing and gives `false`.
    pub(super) fn insert_run(&mut self, first: u64, last: u64) -> bool {
        match self.numbers.range_cardinality(first..=last) {
            0 => {
                self.numbers.insert_range(first..=last);
                true
            }
            _ => false,
        }
    }
}

/// The key that a text writes: a number where it writes it in the one usual way (no sign, no leading zeros),
/// so that equal numbers are equal texts.
pub(super) fn key(text: &str) -> Key {
    canonical_number(text).map_or_else(|| Key::Text(text.into()), Key::Number)
}

fn canonical_number(text: &str) -> Option<u64> {
    let usual = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if usual { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_are_told_apart() {
        let mut keys = KeyMap::default();
        let mut seen = UniqueKeys::default();
        for (row, text) in ["7", "07", "+7", "A7", "18446744073709551616", "0", "00"].into_iter().enumerate()
        {
            assert!(keys.insert(key(text), row as u32).is_none() && seen.insert(&key(text)), "{text}");
        }
        assert_eq!(keys.text("07"), Some(Row::At(1)));
        assert_eq!(keys.text("18446744073709551616"), Some(Row::At(4)));
        assert_eq!(keys.insert(key("7"), 8), Some(key("7")));
        assert_eq!(keys.insert(key("A7"), 9), Some(key("A7")));
        assert_eq!(
            (keys.text("7"), keys.number(7)),
            (Some(Row::At(0)), Some(Row::At(0))),
            "the first one stays"
        );
        assert_eq!(keys.text("8"), None);
        assert_eq!(keys.insert(key("8"), NO_ROW), None);
        assert_eq!(keys.text("8"), Some(Row::Outside));
        assert!(!seen.insert(&key("7")) && !seen.insert(&key("A7")) && seen.insert(&key("8")));
    }

    #[test]
    fn a_run_is_added_whole_or_not_at_all() {
        let mut seen = UniqueKeys::default();
        assert!(seen.insert_run(10, 20) && seen.insert_run(21, 21) && !seen.insert_run(5, 10));
        assert!(seen.insert(&Key::Number(5)) && !seen.insert(&Key::Number(15)));
    }
}
