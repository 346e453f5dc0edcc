//! Invalid forests.

use super::memory::list;
use super::{with, withstand};
use crate::frame::take_apart;
use crate::sample;

/// A walk down a tree only moves forward: a node's children are found by counting the splits before it, not
/// by a stored position, so no bytes can make a walk turn back. Only the number of nodes can be wrong.
#[test]
fn trees_that_are_no_trees_are_refused() {
    let sections = take_apart(&sample::label().encode().unwrap());
    let with = |model: Vec<u8>| withstand(&with(&sections, b"MODL", model));
    assert!(with(forest(3, 1, &[1, 0, 0], &[1], &[1; 6])), "this one is sound");
    assert!(with(forest(3, 2, &[0, 0], &[], &[1; 6])));
    let comb = |splits: usize| {
        let nodes = [&[1, 0].repeat(splits)[..], &[0]].concat();
        forest(3, 1, &nodes, &vec![1; splits], &vec![1; 3 * splits + 3])
    };
    assert!(with(comb(64)));
    for (what, model) in [
        ("a tree ends early", forest(3, 1, &[1, 0], &[1], &[1; 3])),
        ("nodes behind the last tree", forest(3, 1, &[1, 0, 0, 0], &[1], &[1; 9])),
        ("a tree too many", forest(3, 3, &[1, 0, 0, 0], &[1], &[1; 9])),
        ("no tree", forest(3, 0, &[], &[], &[])),
        ("very many trees", forest(3, 10_001, &[0; 10_001], &[], &[1; 30_003])),
        ("fewer thresholds than splits", forest(3, 1, &[1, 0, 0], &[], &[1; 6])),
        ("more thresholds than splits", forest(3, 1, &[1, 0, 0], &[1, 1], &[1; 6])),
        ("a threshold that separates nothing", forest(3, 1, &[1, 0, 0], &[255, 255, 0], &[1; 6])),
        ("a threshold below the missing bin", forest(3, 1, &[2, 0, 0], &[0], &[1; 6])),
        ("a number that is cut off", forest(3, 1, &[0, 255, 0], &[], &[1; 3])),
        ("a threshold that is cut off", forest(3, 1, &[1, 0, 0], &[255], &[1; 6])),
        ("a feature that is not there", forest(3, 1, &[9, 0, 0], &[1], &[1; 6])),
        ("the last feature that can be named", forest(3, 1, &[255, 255, 255, 0, 0], &[1], &[1; 6])),
        ("fewer codes than leaves", forest(3, 1, &[1, 0, 0], &[1], &[1; 5])),
        ("more codes than leaves", forest(3, 1, &[1, 0, 0], &[1], &[1; 7])),
        ("a leaf of nothing", forest(3, 1, &[1, 0, 0], &[1], &[1, 1, 1, 0, 0, 0])),
        ("other classes", forest(2, 1, &[1, 0, 0], &[1], &[1; 4])),
        ("very many classes", forest(u16::MAX, 1, &[1, 0, 0], &[1], &[1; 6])),
        ("no classes", forest(0, 1, &[1, 0, 0], &[1], &[])),
        ("a tree deeper than any", comb(65)),
    ] {
        assert!(!with(model), "{what}");
    }
}

#[test]
fn numbers_that_are_none_are_refused() {
    let sound = forest(3, 1, &[1, 0, 0], &[1], &[1; 6]);
    let sections = take_apart(&sample::label().encode().unwrap());
    let with = |tag: &[u8; 4], content: &[u8]| withstand(&with(&sections, tag, content.to_vec()));
    let leaves = sound.len() - (5 + 6 + 1) - 2 * (5 + 3 * 4);
    let (low, step) = (leaves + 5, leaves + 5 + 12 + 5);
    let bins = &sections.iter().find(|(tag, _)| tag == b"BINS").unwrap().1;
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 2.0] {
        for at in [low, step] {
            let mut model = sound.clone();
            model[at..at + 4].copy_from_slice(&bad.to_le_bytes());
            assert!(!with(b"MODL", &model), "{bad} at {at}");
        }
        // The first edge of the first feature, after two lengths.
        if !bad.is_finite() {
            let mut bins = bins.clone();
            bins[2..6].copy_from_slice(&bad.to_le_bytes());
            assert!(!with(b"BINS", &bins), "an edge of {bad}");
        }
    }
}

/// A forest of distributions over some classes, with a step of 2⁻¹⁶ each and no sets.
pub(super) fn forest(classes: u16, trees: u16, nodes: &[u8], thresholds: &[u8], codes: &[u8]) -> Vec<u8> {
    let [classes_list, steps] =
        [0.0, 1.0f32 / 65_536.0].map(|number: f32| list(usize::from(classes.min(64)), &number.to_le_bytes()));
    let parts = [&[0][..], &number(classes), &[0, 0], &number(trees)];
    let strings = [&list(nodes.len(), &[])[..], nodes, &list(thresholds.len(), &[]), thresholds];
    let leaves = [&classes_list[..], &steps, &[0], &list(codes.len(), &[]), codes];
    [parts.concat(), strings.concat(), leaves.concat()].concat()
}

fn number(number: u16) -> Vec<u8> {
    [&[251][..], &number.to_le_bytes()].concat()
}

/// A forest of one class, one tree and `splits` splits: each has one leaf, and the last has two.
pub(super) fn comb(splits: usize) -> Vec<u8> {
    let nodes = [&[1, 0].repeat(splits)[..], &[0]].concat();
    forest(1, 1, &nodes, &vec![1; splits], &vec![1; splits + 1])
}

/// The same with all leaves at one depth, whose first splits test different features.
pub(super) fn flat(depth: u32, features: u16) -> Vec<u8> {
    let leaves = 1 << depth;
    let mut nodes = Vec::new();
    for split in 1..leaves as u64 {
        match 1 + 2 * (split % u64::from(features)).min(split) as u16 {
            number if split < 600 && number >= 255 => {
                nodes.push(255);
                nodes.extend(number.to_le_bytes());
            }
            number if split < 600 => nodes.push(number as u8),
            _ => nodes.push(1),
        }
    }
    nodes.extend(vec![0; leaves]);
    forest(1, 1, &nodes, &vec![1; leaves - 1], &vec![1; leaves])
}
