//! Damaged rows, as in real exports: values that do not parse, dangling keys, duplicate keys.

use super::random::{Purpose, Random};
use super::table::{Column, Kind, Role, Table};

const NOT_A_NUMBER: &[u8] = b"12.5x";
const NOT_A_DAY: &[u8] = b"2024-02-31";
/// An identifier beyond all that the bank assigns.
const NOBODY: &[u8] = b"999999999999999";

/// Kinds of damage.
#[derive(Clone, Copy)]
enum Damage {
    /// Replaces a value of a column that satisfies the predicate with an impossible one.
    Value(fn(&Column) -> bool, &'static [u8]),
    /// Repeats the row, and with it its key.
    Duplicate,
}

/// Damages a share of the rows.
pub(super) struct Dirt {
    rate: f64,
    rng: Random,
}

impl Dirt {
    pub(super) fn new(rate: f64, seed: u64, customer: u64) -> Self {
        Self { rate, rng: Random::new(seed, customer, Purpose::Dirt) }
    }

    /// Possibly damages the row of `table` that was just written, from `start` to the end of `text`.
    pub(super) fn damage(&mut self, table: Table, start: usize, text: &mut Vec<u8>) {
        if self.rate <= 0.0 || !self.rng.chance(self.rate) {
            return;
        }
        let row = text.split_off(start);
        match self.rng.weighted(possible(table).into_iter()) {
            Some(Damage::Value(of, value)) => self.replace(table, of, value, &row, text),
            Some(Damage::Duplicate) => {
                text.extend_from_slice(&row);
                text.extend_from_slice(&row);
            }
            None => text.extend_from_slice(&row),
        }
    }

    /// Appends `row` with `value` in one of the columns that satisfy `of`.
    fn replace(
        &mut self,
        table: Table,
        of: fn(&Column) -> bool,
        value: &[u8],
        row: &[u8],
        text: &mut Vec<u8>,
    ) {
        let columns = table.columns().iter().enumerate();
        let candidates = columns.map(|(at, column)| (at, f64::from(u8::from(of(column)))));
        let spoilt = self.rng.weighted(candidates);
        let line = row.strip_suffix(b"\n").unwrap_or(row);
        for (at, field) in line.split(|&byte| byte == b',').enumerate() {
            if at > 0 {
                text.push(b',');
            }
            text.extend_from_slice(if spoilt == Some(at) { value } else { field });
        }
        text.push(b'\n');
    }
}

/// The kinds of damage possible for a row of `table`, with their weights.
fn possible(table: Table) -> [(Damage, f64); 4] {
    let if_any = |of: fn(&Column) -> bool| f64::from(u8::from(table.columns().iter().any(of)));
    let value = |of: fn(&Column) -> bool, value| (Damage::Value(of, value), if_any(of));
    [
        value(is_number, NOT_A_NUMBER),
        value(is_time, NOT_A_DAY),
        value(|column| column.role == Role::Reference, NOBODY),
        (Damage::Duplicate, if_any(|column| column.role == Role::Key)),
    ]
}

/// Whether the column holds numbers that are not identifiers.
fn is_number(column: &Column) -> bool {
    column.role == Role::Value && matches!(column.kind, Kind::Integer | Kind::Decimal)
}

fn is_time(column: &Column) -> bool {
    matches!(column.kind, Kind::Date | Kind::Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &[u8] = b"7,42,2024-05-01 10:00:00,-5.00,CARD,\n";

    #[test]
    fn no_rate_no_damage_and_full_rate_damages_every_row() {
        let mut text = ROW.to_vec();
        Dirt::new(0.0, 1, 1).damage(Table::Transaction, 0, &mut text);
        assert_eq!(text, ROW);
        let mut dirt = Dirt::new(1.0, 1, 1);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let mut text = [ROW, ROW].concat();
            dirt.damage(Table::Transaction, ROW.len(), &mut text);
            assert!(text.starts_with(ROW), "the row before is left alone");
            assert_ne!(text, [ROW, ROW].concat());
            seen.insert(String::from_utf8(text.split_off(ROW.len())).unwrap());
        }
        let seen: Vec<&str> = seen.iter().map(String::as_str).collect();
        assert_eq!(
            seen,
            [
                "7,42,2024-02-31,-5.00,CARD,\n",
                "7,42,2024-05-01 10:00:00,-5.00,CARD,\n7,42,2024-05-01 10:00:00,-5.00,CARD,\n",
                "7,42,2024-05-01 10:00:00,-5.00,CARD,12.5x\n",
                "7,42,2024-05-01 10:00:00,12.5x,CARD,\n",
                "7,999999999999999,2024-05-01 10:00:00,-5.00,CARD,\n",
            ]
        );
    }
}
