//! The classes, cut-off by cut-off.

use super::Factor;

/// How often each class occurs at a cut-off.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CutoffClasses {
    /// How many rows the cut-off has.
    pub(crate) rows: usize,
    /// How many of them are of each class.
    pub(crate) counts: Vec<usize>,
}

impl CutoffClasses {
    /// Counts the classes at each cut-off.
    pub(crate) fn of(cutoffs: &Factor, target: &Factor) -> Vec<Self> {
        let classes = target.words.len();
        let mut found = vec![Self { rows: 0, counts: vec![0; classes] }; cutoffs.words.len()];
        for (cutoff, class) in cutoffs.codes.iter().zip(&target.codes) {
            if let Some(at) = found.get_mut(*cutoff) {
                at.rows += 1;
                at.counts.get_mut(*class).into_iter().for_each(|count| *count += 1);
            }
        }
        found
    }

    /// How many rows are of any class but this one.
    pub(crate) fn others(&self, class: usize) -> usize {
        self.rows - self.counts.get(class).copied().unwrap_or_default()
    }

    /// A part of the rows, between 0 and 1.
    pub(crate) fn share(&self, count: usize) -> f64 {
        count as f64 / self.rows.max(1) as f64
    }
}

/// How often each code below `words` occurs.
pub(crate) fn count(codes: impl Iterator<Item = Option<usize>>, words: usize) -> Vec<usize> {
    let mut counts = vec![0; words];
    for code in codes.flatten() {
        counts.get_mut(code).into_iter().for_each(|count| *count += 1);
    }
    counts
}
