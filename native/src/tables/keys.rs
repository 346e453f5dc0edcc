//! Keys of tables: from the text of a key to its row.

use std::collections::HashMap;

/// What a key leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    /// The row at this position.
    At(u32),
    /// A row that the config leaves out.
    Outside,
}

/// Keys and the rows that they identify. Most keys are whole numbers, which take far less room than texts.
#[derive(Debug, Default)]
pub(super) struct KeyMap {
    numbers: HashMap<u64, u32>,
    texts: HashMap<Box<str>, u32>,
}

const OUTSIDE: u32 = u32::MAX;

impl KeyMap {
    /// Adds a key; `false` where it is there already.
    pub(super) fn insert(&mut self, key: &str, row: Row) -> bool {
        let row = match row {
            Row::At(row) => row,
            Row::Outside => OUTSIDE,
        };
        let before = match canonical_number(key) {
            Some(number) => self.numbers.insert(number, row),
            None => self.texts.insert(key.into(), row),
        };
        before.is_none()
    }

    /// The row of a key.
    pub(super) fn get(&self, key: &str) -> Option<Row> {
        let row = match canonical_number(key) {
            Some(number) => self.numbers.get(&number),
            None => self.texts.get(key),
        };
        row.map(|row| if *row == OUTSIDE { Row::Outside } else { Row::At(*row) })
    }
}

/// The number that a text writes in the one usual way (no sign, no leading zeros), so that equal numbers are equal
/// texts.
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
        for (row, key) in ["7", "07", "+7", "A7", "18446744073709551616", "0", "00"].into_iter().enumerate() {
            assert!(keys.insert(key, Row::At(row as u32)), "{key}");
        }
        assert_eq!(keys.get("07"), Some(Row::At(1)));
        assert_eq!(keys.get("18446744073709551616"), Some(Row::At(4)));
        assert!(!keys.insert("7", Row::Outside) && !keys.insert("A7", Row::At(9)));
        assert_eq!(keys.get("7"), Some(Row::Outside));
        assert_eq!(keys.get("8"), None);
    }
}
