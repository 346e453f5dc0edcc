//! Content that takes little room in a file and much in memory.

use nextbest_core::bundle::MAX_SMALL_SECTION;
use nextbest_core::model::bins::MAX_FEATURES;

use super::forests::{comb, flat, forest};
use super::{committed, samples, with, withstand};
use crate::frame::{Sections, put_together, take_apart};
use crate::sample;

/// Sections in which every byte is a list, a text or a node of its own.
#[test]
fn dense_sections_take_no_more_memory_than_they_should() {
    let bytes = sample::forest().encode().unwrap();
    let sections = take_apart(&bytes);
    let with = |tag: &[u8; 4], content: Vec<u8>| with(&sections, tag, content);
    let small = MAX_SMALL_SECTION - 5;
    let cases = [
        // Features, goldens: each entry as short as possible.
        with(b"FEAT", list(small / 6, &[0, 0, 0, 4, 0, 0])),
        // Counts of the rows of a table without a name; one of them with very many exclusions.
        with(b"FEAT", list(small / 11, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])),
        with(b"FEAT", [&[1, 0, 0, 0, 1, 0, 0, 0, 0][..], &list(small - 20, &[0]), &[0, 0]].concat()),
        with(b"GOLD", list(small / 2, &[0, 0])),
        with(b"REFR", list(small / 4, &[0; 4])),
        // A category of empty words, as the first column of the customer's table.
        with(b"SCHM", [&[0, 0, 1, 0, 2][..], &list(small - 5, &[0])].concat()),
        // A card of empty parameters, of empty limits, of segments without metrics.
        with(b"CARD", [&[0; 5][..], &list((small - 5) / 2, &[0, 0])].concat()),
        with(b"CARD", [&[0, 0][..], &list(small - 2, &[0])].concat()),
        with(b"CARD", [&[0; 14][..], &list((small - 14) / 3, &[0, 0, 0])].concat()),
        // A policy of terms with nothing but a lever, of measures, of gates and weights, of channels, of what
        // can be changed.
        with(b"PLCY", [&[0; 5][..], &list((small - 5) / 13, &[0; 13])].concat()),
        with(b"PLCY", [&[0; 6][..], &list((small - 6) / 6, &[0, 0, 0, 4, 0, 0])].concat()),
        with(b"PLCY", [&[0; 7][..], &list((small - 7) / 7, &[0, 0, 7, 0, 0, 0, 0])].concat()),
        with(b"PLCY", [&[0; 8][..], &[1, 0, 0][..], &list(small - 20, &[0]), &[0; 8]].concat()),
        with(b"PLCY", [&[0; 12][..], &list(small - 12, &[0])].concat()),
        // Lists of edges without edges.
        with(b"BINS", list(1 << 22, &[0])),
        // Features that are split by sets, but have none; sets.
        with(b"MODL", [&[0, 3, 0][..], &list(MAX_FEATURES, &[0, 0])].concat()),
        with(b"MODL", [&[0, 3, 0, 1, 0][..], &list(1 << 20, &[0, 0, 0, 0])].concat()),
        // Every byte a node, a threshold, a code; more trees than there are nodes; no node for very many
        // classes.
        with(b"MODL", forest(3, 1, &[0; 1 << 22], &[], &[0; 5])),
        with(b"MODL", forest(3, 1, &[0], &[0; 1 << 22], &[1; 3])),
        with(b"MODL", forest(3, 1, &[0], &[], &[1; 1 << 22])),
        with(b"MODL", forest(3, 10_000, &[0], &[], &[1; 3])),
        with(b"MODL", forest(u16::MAX, 10_000, &[0; 10_000], &[], &[1; 3])),
        // One class: of two nodes one is a leaf with one code. A tree like a comb, and one as flat as can be;
        // the same with too many columns for small nodes.
        with(b"MODL", comb(1 << 20)),
        with(b"MODL", flat(20, 1)),
        with(b"MODL", flat(20, 300)),
        // A linear model of categories without weights.
        with(b"MODL", [&[1, 0, 0, 0][..], &list(1 << 21, &[0, 0]), &[0]].concat()),
        // Weights, curves, and the points of one.
        with(b"CALB", [&[2][..], &list(small / 4, &[0; 4])].concat()),
        with(b"CALB", [&[3][..], &list(small / 2, &[0, 0])].concat()),
        with(b"CALB", [&[3, 1][..], &list(small / 4, &[0; 4])].concat()),
        put_together(&dense_in_all_that_is_small(&sections)),
        // More sections than allowed.
        put_together(&[sections.clone(), vec![(*b"NEW!", Vec::new()); 100_000]].concat()),
    ];
    // Weights of zero size are valid.
    let weights = with(b"PLCY", [&[0; 8][..], &list((small - 20) / 11, &[0; 11]), &[0; 4]].concat());
    assert!(withstand(&with_unknown(&weights, 8 << 20)));
    assert!(!withstand(&weights));
    for bytes in &cases {
        // An unknown section raises the limit for content that would otherwise be refused.
        for times in [0, 1, 2, 3, 4, 6, 9, 14, 20] {
            assert!(!withstand(&with_unknown(bytes, (times * bytes.len()).min(32 << 20))));
        }
    }
}

/// Sections that are sound in themselves: empty features and goldens, a schema with a category of empty
/// words, a card of empty parameters.
fn dense_in_all_that_is_small(sections: &Sections) -> Sections {
    let room = MAX_SMALL_SECTION - 1000;
    let mut schema = sections[0].1.clone();
    let words = b"\x02\x06SALARY\x04CARD";
    let at = schema.windows(words.len()).position(|bytes| bytes == words).unwrap();
    schema.splice(at..at + words.len(), list(room, &[0]));
    let card = [&[0; 5][..], &list(room / 2, &[0, 0]), &[0; 12]].concat();
    let mut dense = sections.clone();
    for (tag, content) in &mut dense {
        match &*tag {
            b"SCHM" => *content = schema.clone(),
            b"FEAT" => *content = list(room / 6, &[0, 0, 0, 4, 0, 0]),
            b"GOLD" => *content = list(room / 2, &[0, 0]),
            b"CARD" => *content = card.clone(),
            _ => {}
        }
    }
    dense
}

pub(super) fn list(count: usize, entry: &[u8]) -> Vec<u8> {
    [&[252][..], &(count as u32).to_le_bytes(), &entry.repeat(count)].concat()
}

/// The bundle with an unknown section of this length.
pub(super) fn with_unknown(bytes: &[u8], length: usize) -> Vec<u8> {
    put_together(&[take_apart(bytes), vec![(*b"ROOM", vec![0; length])]].concat())
}

/// Ordinary content is read, however little else is in the file.
#[test]
fn honest_bundles_are_read() {
    for bytes in committed().into_iter().chain(samples()) {
        assert!(withstand(&bytes));
    }
}
