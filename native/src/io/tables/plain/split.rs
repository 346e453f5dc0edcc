//! Which rows of a plain table train, choose and test a model.

use std::collections::{BTreeMap, HashSet};

use anyhow::bail;
use nextbest_core::time;
use sha2::{Digest, Sha256};

/// A row by its position, with what decides what it is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct UsableRow {
    pub(super) row: usize,
    pub(super) class: usize,
    /// 0 where no time is asked for.
    pub(super) time: i64,
}

/// This share of the rows tests,
const TEST: f64 = 0.2;
/// and this share chooses.
const VALIDATION: f64 = 0.2;

/// Rows by what they are for, each in the order of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Split {
    /// Models learn from these,
    pub(crate) train: Vec<usize>,
    /// are chosen on these (and then learn from them too),
    pub(crate) validation: Vec<usize>,
    /// and are tested on these.
    pub(crate) test: Vec<usize>,
}

impl Split {
    /// The rows that the chosen model learns from: all but the test.
    pub(crate) fn learning(&self) -> Vec<usize> {
        let mut rows = [self.train.as_slice(), &self.validation].concat();
        rows.sort_unstable();
        rows
    }

    fn group(&mut self, group: Group) -> &mut Vec<usize> {
        match group {
            Group::Train => &mut self.train,
            Group::Validation => &mut self.validation,
            Group::Test => &mut self.test,
        }
    }
}

/// Leaves rows out of a group where a later one has rows of the same key: a model that is tested on a case
/// has not learned from it. Gives how many.
pub(super) fn leave_out_recurring(split: &mut Split, keys: &[String]) -> anyhow::Result<usize> {
    let key = |row: &usize| keys.get(*row).map_or("", String::as_str);
    let before = split.train.len() + split.validation.len();
    let mut later: HashSet<&str> = split.test.iter().map(key).collect();
    split.validation.retain(|row| !later.contains(key(row)));
    later.extend(split.validation.iter().map(key));
    split.train.retain(|row| !later.contains(key(row)));
    for (name, group) in [("train", &split.train), ("choose", &split.validation)] {
        if group.is_empty() {
            bail!(
                "no row is left to {name} a model: each is of an id (--id) that has later rows too \
                 (--time), on which the \
                 model would be tested; leave --time out to part ids at random, or --id to test on ids that \
                 were learned from"
            );
        }
    }
    Ok(before - split.train.len() - split.validation.len())
}

#[derive(Debug, Clone, Copy)]
enum Group {
    Train,
    Validation,
    Test,
}

/// The last fifth by time tests, the fifth before it chooses. Rows of the same time stay together, so that no
/// group knows a moment that a later one is tested on.
///
/// # Errors
/// If there are too few different times.
pub(super) fn split_by_time(rows: &[UsableRow]) -> anyhow::Result<Split> {
    let mut times: Vec<i64> = rows.iter().map(|row| row.time).collect();
    times.sort_unstable();
    let from =
        |share: f64| times.get((times.len() as f64 * (1.0 - share)) as usize).copied().unwrap_or(i64::MAX);
    let (validation_from, test_from) = (from(TEST + VALIDATION), from(TEST));
    let mut split = Split::default();
    for UsableRow { row, time, .. } in rows {
        let group = match *time {
            time if time < validation_from => Group::Train,
            time if time < test_from => Group::Validation,
            _ => Group::Test,
        };
        split.group(group).push(*row);
    }
    if split.train.is_empty() || split.validation.is_empty() {
        bail!(
            "the rows can't be split by time: too many stand at {}; leave --time out to split them at random",
            time::format(if split.train.is_empty() { validation_from } else { test_from })
        );
    }
    Ok(split)
}

/// A fifth of each class tests, another fifth chooses, by the hash of the seed and the row's key: the same
/// for the same rows in any order. Rows of the same key stay together, with those of the class of the first
/// one.
pub(super) fn split_by_hash(rows: &[UsableRow], keys: &[String], seed: u64) -> anyhow::Result<Split> {
    let key = |row: usize| keys.get(row).map_or("", String::as_str);
    let mut class_of_key: BTreeMap<&str, usize> = BTreeMap::new();
    for UsableRow { row, class, .. } in rows {
        class_of_key.entry(key(*row)).or_insert(*class);
    }
    let mut by_class: BTreeMap<usize, Vec<([u8; 32], &str)>> = BTreeMap::new();
    for (key, class) in &class_of_key {
        by_class.entry(*class).or_default().push((hash(seed, key), key));
    }
    let mut group_of_key: BTreeMap<&str, Group> = BTreeMap::new();
    for keys in by_class.values_mut() {
        keys.sort_unstable();
        let test = (keys.len() as f64 * TEST).round() as usize;
        let validation = test + (keys.len() as f64 * VALIDATION).round() as usize;
        for (position, (_, key)) in keys.iter().enumerate() {
            let group = match position {
                position if position < test => Group::Test,
                position if position < validation => Group::Validation,
                _ => Group::Train,
            };
            group_of_key.insert(key, group);
        }
    }
    let mut split = Split::default();
    for UsableRow { row, .. } in rows {
        split.group(group_of_key.get(key(*row)).copied().unwrap_or(Group::Train)).push(*row);
    }
    for (name, group) in [("train", &split.train), ("choose", &split.validation), ("test", &split.test)] {
        if group.is_empty() {
            bail!("{} rows are too few: none is left to {name} a model", rows.len());
        }
    }
    Ok(split)
}

fn hash(seed: u64, key: &str) -> [u8; 32] {
    Sha256::new().chain_update(seed.to_le_bytes()).chain_update(key).finalize().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(count: usize) -> Vec<String> {
        (0..count).map(|row| row.to_string()).collect()
    }

    fn rows(count: usize, class: impl Fn(usize) -> usize, time: impl Fn(usize) -> i64) -> Vec<UsableRow> {
        (0..count).map(|row| UsableRow { row, class: class(row), time: time(row) }).collect()
    }

    #[test]
    fn every_class_is_split_in_the_same_shares() {
        let rows = rows(1000, |row| usize::from(row % 10 == 0), |_| 0);
        let split = split_by_hash(&rows, &keys(1000), 42).unwrap();
        let rare = |rows: &[usize]| rows.iter().filter(|row| *row % 10 == 0).count();
        let [train, validation, test] = [&split.train, &split.validation, &split.test];
        assert_eq!([train.len(), validation.len(), test.len()], [600, 200, 200]);
        assert_eq!([rare(train), rare(validation), rare(test)], [60, 20, 20]);
        assert_ne!(split, split_by_hash(&rows, &keys(1000), 43).unwrap());
        let mut all = [train.as_slice(), validation, test].concat();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..1000));
        assert_eq!(split.learning().len(), 800);
    }

    #[test]
    fn the_order_of_the_rows_changes_nothing() {
        let rows = rows(300, |row| row % 3, |_| 0);
        let reversed: Vec<UsableRow> = rows.iter().rev().copied().collect();
        let mut other = split_by_hash(&reversed, &keys(300), 1).unwrap();
        other.test.reverse();
        assert_eq!(split_by_hash(&rows, &keys(300), 1).unwrap().test, other.test);
    }

    #[test]
    fn rows_of_one_key_stay_together() {
        let keys: Vec<String> = (0..400).map(|row| format!("customer {}", row / 4)).collect();
        let rows = rows(400, |row| row % 2, |_| 0);
        let split = split_by_hash(&rows, &keys, 7).unwrap();
        for group in [&split.train, &split.validation, &split.test] {
            assert!(!group.is_empty() && group.chunks(4).all(|rows| rows[0] / 4 == rows[3] / 4));
        }
    }

    #[test]
    fn the_last_by_time_test_and_moments_are_not_divided() {
        // Two rows at each of 50 moments, in no order.
        let dated = rows(100, |_| 0, |row| ((row * 37) % 100 / 2) as i64);
        let split = split_by_time(&dated).unwrap();
        let times = |group: &[usize]| -> Vec<i64> { group.iter().map(|row| dated[*row].time).collect() };
        let bounds =
            |group: &[usize]| (*times(group).iter().min().unwrap(), *times(group).iter().max().unwrap());
        assert_eq!(bounds(&split.train), (0, 29));
        assert_eq!(bounds(&split.validation), (30, 39));
        assert_eq!(bounds(&split.test), (40, 49));
        let tied = rows(100, |_| 0, |row| i64::from(row >= 10));
        assert!(
            split_by_time(&tied).unwrap_err().to_string().contains("too many stand at 1970-01-01 00:00:01")
        );
    }

    proptest! {
        /// No key is in two groups, no row of an earlier group is later than one of a later group, no row is
        /// left out without need, and all others are counted.
        #[test]
        fn no_id_is_in_two_groups_by_time(cases in prop::collection::vec((0i64..60, 0usize..80), 40..200)) {
            let rows = rows(cases.len(), |_| 0, |row| cases[row].0);
            let keys: Vec<String> = cases.iter().map(|(_, key)| key.to_string()).collect();
            let Ok(by_time) = split_by_time(&rows) else { return Ok(()) };
            let mut split = by_time.clone();
            let Ok(left_out) = leave_out_recurring(&mut split, &keys) else { return Ok(()) };
            let groups = [&split.train, &split.validation, &split.test];
            let of = |group: &[usize]| group.iter().map(|row| cases[*row].1).collect::<HashSet<_>>();
            for (earlier, later) in [(0, 1), (0, 2), (1, 2)] {
                prop_assert!(of(groups[earlier]).is_disjoint(&of(groups[later])));
            }
            prop_assert_eq!(&split.test, &by_time.test);
            prop_assert_eq!(groups.map(Vec::len).iter().sum::<usize>() + left_out, cases.len());
            for (group, whole, later) in [
                (&split.train, &by_time.train, [&by_time.validation, &by_time.test].map(|rows| of(rows))),
                (&split.validation, &by_time.validation, [of(&by_time.test), HashSet::new()]),
            ] {
                for row in whole {
                    let recurs = later.iter().any(|keys| keys.contains(&cases[*row].1));
                    prop_assert_eq!(group.contains(row), !recurs);
                }
            }
        }
    }

    #[test]
    fn too_few_rows_are_an_error() {
        let rows = rows(4, |row| row % 2, |_| 0);
        let error = split_by_hash(&rows, &keys(4), 42).unwrap_err().to_string();
        assert!(error.contains("4 rows are too few"), "{error}");
        assert!(split_by_time(&[]).is_err());
    }
}
