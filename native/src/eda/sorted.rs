//! The values of a column in order, and their ranks.

/// The rows of a column that have a value, in the order of their values (equal ones in the order of the
/// rows).
#[derive(Debug, Clone)]
pub(crate) struct Sorted {
    /// The rows.
    rows: Vec<u32>,
    /// Their values.
    pub(crate) values: Vec<f32>,
}

impl Sorted {
    /// Sorts a column without −0. Tables have fewer than 2³² rows.
    pub(crate) fn of(column: &[f32]) -> Self {
        // Value and row in one integer: sorting integers is several times faster than comparing floats by
        // row.
        let known = column.iter().zip(0u64..).filter(|(value, _)| !value.is_nan());
        let mut keys: Vec<u64> =
            known.map(|(value, row)| u64::from(order_preserving(*value)) << 32 | row).collect();
        keys.sort_unstable();
        let rows: Vec<u32> = keys.into_iter().map(|key| key as u32).collect();
        let values = rows.iter().map(|row| column.get(*row as usize).copied().unwrap_or(f32::NAN)).collect();
        Self { rows, values }
    }

    /// Writes twice the rank of each row that has a value and is kept into `ranks`, 0 for all others. Ranks
    /// count from 1; equal values share the mean of their ranks, hence twice: it is a whole number.
    pub(crate) fn doubled_ranks(&self, keep: impl Fn(usize) -> bool, ranks: &mut [u32]) {
        ranks.fill(0);
        let kept = self.rows.iter().map(|row| *row as usize).zip(&self.values).filter(|(row, _)| keep(*row));
        let mut kept = kept.peekable();
        let mut tied = Vec::new();
        let mut before = 0;
        while let Some((row, value)) = kept.next() {
            tied.push(row);
            while let Some((row, _)) = kept.next_if(|(_, next)| *next == value) {
                tied.push(row);
            }
            // The mean of before + 1, …, before + tied, doubled.
            let doubled = (2 * before + tied.len() + 1) as u32;
            before += tied.len();
            for row in tied.drain(..) {
                if let Some(rank) = ranks.get_mut(row) {
                    *rank = doubled;
                }
            }
        }
    }
}

/// An integer that compares as the number does.
fn order_preserving(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_sorted_and_missing_ones_left_out() {
        let sorted = Sorted::of(&[2.5, f32::NAN, -1.0, 0.0, -30.0, 2.5, f32::NAN, 1e-20]);
        assert_eq!(sorted.values, [-30.0, -1.0, 0.0, 1e-20, 2.5, 2.5]);
        assert_eq!(sorted.rows, [4, 2, 3, 7, 0, 5]);
    }

    #[test]
    fn equal_values_share_the_mean_of_their_ranks() {
        let sorted = Sorted::of(&[7.0, 1.0, f32::NAN, 7.0, 3.0, 7.0]);
        let mut ranks = vec![9; 6];
        sorted.doubled_ranks(|_| true, &mut ranks);
        // 1 → 1, 3 → 2, the three 7 → (3 + 4 + 5) / 3 = 4.
        assert_eq!(ranks, [8, 2, 0, 8, 4, 8]);
        sorted.doubled_ranks(|row| row != 1 && row != 3, &mut ranks);
        assert_eq!(ranks, [5, 0, 0, 0, 2, 5]);
    }
}
