//! Missing values, over all rows and cut-off by cut-off.

use super::Factor;

/// The missing values of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Missing {
    /// How many rows have no value.
    pub(crate) count: usize,
    /// Which share of all rows that is.
    pub(crate) share: f64,
    /// The cut-off with the least share, and the share.
    pub(crate) least: (usize, f64),
    /// The cut-off with the greatest share, and the share.
    pub(crate) most: (usize, f64),
}

impl Missing {
    /// Counts the missing values of a column.
    pub(crate) fn of(column: &[f32], cutoffs: &Factor) -> Self {
        let mut counts = vec![(0usize, 0usize); cutoffs.words.len()];
        for (value, cutoff) in column.iter().zip(&cutoffs.codes) {
            if let Some((missing, rows)) = counts.get_mut(*cutoff) {
                *missing += usize::from(value.is_nan());
                *rows += 1;
            }
        }
        let shares = counts.iter().enumerate().filter(|(_, (_, rows))| *rows > 0);
        let shares = shares.map(|(cutoff, (missing, rows))| (cutoff, *missing as f64 / *rows as f64));
        let count = counts.iter().map(|(missing, _)| missing).sum();
        Self {
            count,
            share: count as f64 / column.len().max(1) as f64,
            least: shares.clone().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_default(),
            most: shares.rev().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_default(),
        }
    }

    /// How far the shares of the cut-offs lie apart.
    pub(crate) fn range(&self) -> f64 {
        self.most.1 - self.least.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_of_the_rows_of_each_cut_off() {
        let words = ["a", "b", "c", "never"].map(str::to_owned).to_vec();
        let cutoffs = Factor { name: "CUTOFF".into(), words, codes: vec![0, 0, 0, 0, 1, 1, 2, 2] };
        let nan = f32::NAN;
        let found = Missing::of(&[nan, 1.0, 2.0, 3.0, nan, 0.0, nan, 5.0], &cutoffs);
        assert_eq!(found, Missing { count: 3, share: 0.375, least: (0, 0.25), most: (1, 0.5) });
        assert_eq!(found.range(), 0.25);
    }
}
