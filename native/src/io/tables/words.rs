//! The words of a category, met batch by batch.

use nextbest_core::customers::UNKNOWN;
use nextbest_core::schema::ColumnKind;
use rustc_hash::FxHashMap;

use super::MAX_WORDS;
use super::batch::NO_WORD;

/// The words of a category: as they are met, or as they are known beforehand.
#[derive(Debug)]
pub(super) struct Words {
    codes: FxHashMap<String, u16>,
    is_known: bool,
}

impl Words {
    /// No words yet, or those that are known beforehand.
    pub(super) fn new(known: Option<&FxHashMap<&str, u16>>) -> Self {
        let codes = known.into_iter().flatten().map(|(word, code)| ((*word).to_owned(), *code)).collect();
        Self { codes, is_known: known.is_some() }
    }

    /// Adds a batch's words and gives the code of each; nothing where the words are known, since the batch
    /// then has their codes. `None` where there are too many.
    pub(super) fn add(&mut self, words: Vec<String>) -> Option<Vec<u16>> {
        let mut codes = Vec::with_capacity(words.len());
        for word in words {
            let next = self.codes.len();
            if next >= MAX_WORDS && !self.codes.contains_key(&word) {
                return None;
            }
            codes.push(*self.codes.entry(word).or_insert(next as u16));
        }
        Some(codes)
    }

    /// The column's final words and, for each code so far, the word's final position. Words that were met are
    /// sorted, so that the order of rows changes nothing.
    pub(super) fn finish(self) -> (ColumnKind, Vec<u16>) {
        let mut met: Vec<(String, u16)> = self.codes.into_iter().collect();
        match self.is_known {
            true => met.sort_by_key(|(_, code)| *code),
            false => met.sort(),
        }
        let mut positions = vec![NO_WORD; met.len()];
        for (position, (_, code)) in met.iter().enumerate() {
            if let Some(slot) = positions.get_mut(usize::from(*code)) {
                *slot = position as u16;
            }
        }
        (ColumnKind::Category(met.into_iter().map(|(word, _)| word).collect()), positions)
    }
}

/// The value of a code, by the final position of each code.
pub(super) fn number(code: u16, positions: &[u16]) -> f64 {
    match positions.get(usize::from(code)) {
        _ if code == NO_WORD => f64::NAN,
        Some(position) => f64::from(*position),
        None => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use nextbest_core::customers::is_unknown;

    use super::super::batch::UNKNOWN_WORD;
    use super::*;

    #[test]
    fn words_are_sorted_in_the_end() {
        let mut words = Words::new(None);
        assert_eq!(words.add(vec!["b".into(), "c".into()]), Some(vec![0, 1]));
        assert_eq!(words.add(vec!["a".into(), "c".into()]), Some(vec![2, 1]));
        let (kind, positions) = words.finish();
        assert_eq!(kind, ColumnKind::Category(vec!["a".into(), "b".into(), "c".into()]));
        assert_eq!(positions, [1, 2, 0]);
        assert_eq!(number(0, &positions), 1.0);
        let (missing, unknown) = (number(NO_WORD, &positions), number(UNKNOWN_WORD, &positions));
        assert!(missing.is_nan() && !is_unknown(missing) && is_unknown(unknown));
    }

    #[test]
    fn known_words_keep_their_places() {
        let known = [("z", 0), ("a", 1)].into_iter().collect();
        let (kind, positions) = Words::new(Some(&known)).finish();
        assert_eq!((kind, positions), (ColumnKind::Category(vec!["z".into(), "a".into()]), vec![0, 1]));
    }

    #[test]
    fn there_is_an_end_to_words() {
        let mut words = Words::new(None);
        let many = |from: usize| (from..from + MAX_WORDS).map(|word| word.to_string()).collect();
        assert!(words.add(many(0)).is_some() && words.add(many(0)).is_some());
        assert!(words.add(many(1)).is_none());
    }
}
