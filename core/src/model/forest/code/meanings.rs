//! What the numbers of a forest's nodes mean: a feature, and what a split asks of it.

use super::{Numbers, SetSplits};
use crate::decode::memory::Memory;
use crate::model::bins::MAX_FEATURES;
use crate::model::forest::MAX_SETS;
use crate::model::forest::columns::{Column, ColumnKind};
use crate::model::forest::trees::StoredNode;

/// Which numbers a forest's nodes are.
pub(super) struct Seen {
    pub(super) node_count: usize,
    pub(super) leaf_count: usize,
    /// A bit for each number: a byte would be more than a small file should take.
    numbers: [u64; (1 << 16) / 64],
}

impl Seen {
    pub(super) fn new(nodes: &[u8]) -> Result<Self, &'static str> {
        let mut seen = Self { node_count: 0, leaf_count: 0, numbers: [0; (1 << 16) / 64] };
        for number in Numbers(nodes) {
            let number = number?;
            seen.node_count += 1;
            seen.leaf_count += usize::from(number == 0);
            if let Some(word) = seen.numbers.get_mut(usize::from(number / 64)) {
                *word |= 1 << (number % 64);
            }
        }
        Ok(seen)
    }

    /// Those of splits, ascending.
    fn splits(&self) -> impl Iterator<Item = u16> {
        let occurs = self.numbers.iter().flat_map(|word| (0..64).map(move |bit| word >> bit & 1 == 1));
        (0..=u16::MAX).zip(occurs).skip(1).filter_map(|(number, occurs)| occurs.then_some(number))
    }
}

/// Which columns the numbers mean.
pub(super) struct Meanings {
    /// For each number of a split that occurs, ascending, the first column that it may mean, and how many
    /// sets it has: 0 where it has a threshold.
    meanings: Vec<Meaning>,
    /// Where in `meanings` small numbers stand, so that these need not be searched for.
    small: Box<[u16; SMALL]>,
}

type Meaning = (u16, u32, u32);

const SMALL: usize = 1024;

/// The columns of a forest, and which of them its nodes' numbers mean.
pub(super) fn of(
    sets: &[SetSplits],
    seen: &Seen,
    memory: &Memory,
) -> Result<(Vec<Column>, Meanings), String> {
    if !sets.is_sorted_by(|a, b| a.feature < b.feature) {
        return Err("the features that are split by sets are not in order".into());
    }
    if sets.iter().map(|of| of.sets.len()).sum::<usize>() > MAX_SETS {
        return Err(format!("more than {MAX_SETS} sets"));
    }
    let (number_count, column_count) = seen.splits().fold((0, 0), |(numbers, columns), number| {
        (numbers + 1, columns + sets_of(number, sets).map_or(1, |of| of.sets.len()))
    });
    memory.take::<Meaning>(number_count)?;
    memory.take::<Column>(column_count)?;
    memory.take::<[u16; SMALL]>(1)?;
    let mut columns = Vec::with_capacity(column_count);
    let mut meanings = Meanings { meanings: Vec::with_capacity(number_count), small: Box::new([0; SMALL]) };
    for number in seen.splits() {
        meanings.add(number, sets_of(number, sets), &mut columns)?;
    }
    Ok((columns, meanings))
}

/// The sets by which the feature of a split with this number is split, if it is.
fn sets_of(number: u16, sets: &[SetSplits]) -> Option<&SetSplits> {
    let feature = number.saturating_sub(1) / 2;
    sets.binary_search_by_key(&feature, |of| of.feature).ok().and_then(|at| sets.get(at))
}

impl Meanings {
    /// Gives back what these took.
    pub(super) fn give_back(self, memory: &Memory) {
        memory.give_back::<Meaning>(self.meanings.len());
        memory.give_back::<[u16; SMALL]>(1);
    }

    fn add(
        &mut self,
        number: u16,
        of_feature: Option<&SetSplits>,
        columns: &mut Vec<Column>,
    ) -> Result<(), String> {
        let (feature, missing_right) = ((number - 1) / 2, (number - 1) % 2 == 1);
        if usize::from(feature) >= MAX_FEATURES {
            return Err(format!("a split of feature {feature}, beyond {MAX_FEATURES}"));
        }
        if let Some(slot) = self.small.get_mut(usize::from(number)) {
            *slot = self.meanings.len() as u16;
        }
        let set_count = of_feature.map_or(0, |of| of.sets.len());
        self.meanings.push((number, columns.len() as u32, set_count as u32));
        match of_feature {
            None if missing_right => columns.push(Column { feature, kind: ColumnKind::MissingRight }),
            None => columns.push(Column { feature, kind: ColumnKind::MissingLeft }),
            Some(_) if missing_right => {
                return Err("a split by a set sends missing values to the right".into());
            }
            Some(of) if of.sets.is_empty() => return Err("a split by a set that is not there".into()),
            Some(of) => {
                columns.extend(of.sets.iter().map(|set| Column { feature, kind: ColumnKind::Set(*set) }));
            }
        }
        Ok(())
    }

    /// A split with this number and threshold.
    #[inline(always)]
    pub(super) fn split(&self, number: u16, threshold: u16) -> Result<StoredNode, &'static str> {
        let at = match self.small.get(usize::from(number)) {
            Some(at) => usize::from(*at),
            None => self.meanings.partition_point(|(other, ..)| *other < number),
        };
        let (_, column, set_count) = *self.meanings.get(at).ok_or("a split of no feature")?;
        if set_count > 0 {
            return match u32::from(threshold) < set_count {
                true => {
                    Ok(StoredNode::Split { column: (column + u32::from(threshold)) as usize, threshold: 0 })
                }
                false => Err("a split by a set that is not there"),
            };
        }
        // The bin is lowered by one where missing goes right, and so is the threshold.
        let missing_right = (number - 1) % 2;
        let threshold = threshold.checked_sub(missing_right).and_then(|lowered| u8::try_from(lowered).ok());
        let threshold =
            threshold.filter(|threshold| *threshold < u8::MAX).ok_or("a split separates nothing")?;
        Ok(StoredNode::Split { column: column as usize, threshold })
    }
}
