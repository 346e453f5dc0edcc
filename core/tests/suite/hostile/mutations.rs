//! Bundles of which some bytes were changed.

/// Those of `make fuzz`.
#[expect(unreachable_pub, reason = "there it is a crate's")]
#[path = "../../../../tests/fuzz/src/mutation.rs"]
mod mutation;

use nextbest_core::model::bundle::MAX_SMALL_SECTION;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::memory::list;
use super::{committed, samples, withstand};
use crate::frame::{put_together, put_together_as, rehash, take_apart};
use mutation::{TELLING, mutation};

/// Such as `make fuzz` makes by the million.
#[test]
fn thousands_of_mutations_do_no_harm() {
    let samples: Vec<Vec<u8>> = committed().into_iter().chain(samples()).collect();
    let decoded = (0..20_000).filter(|number| withstand(&mutation(*number, 1, &samples))).count();
    assert!(decoded > 3_000, "{decoded}");
}

#[test]
fn every_byte_can_be_changed() {
    let mut decoded = [0; 4];
    for (bytes, decoded) in samples().iter().zip(&mut decoded) {
        let mut changed = bytes.clone();
        for position in 0..bytes.len() - 32 {
            let flips = [1, 16, 64, 128].map(|mask| bytes[position] ^ mask);
            for value in TELLING.into_iter().chain(flips) {
                changed[position] = value;
                rehash(&mut changed);
                *decoded += usize::from(withstand(&changed));
            }
            changed[position] = bytes[position];
        }
    }
    // Changed words, edges and probabilities make other bundles, not unsound ones: scoring was reached.
    assert!(decoded.iter().all(|decoded| *decoded > 5_000), "{decoded:?}");
}

/// Schema and definitions of version 1, policy and card of version 4 are read into shapes of their own.
#[test]
fn every_byte_of_old_sections_can_be_changed() {
    let first = &include_bytes!("../../../../tests/goldens/format-1.bundle")[..];
    let fourth = &include_bytes!("../../../../tests/goldens/format-4.bundle")[..];
    let no_length = [&[253][..], &[255; 8]].concat();
    let dense_features = list((MAX_SMALL_SECTION - 5) / 6, &[0, 0, 0, 4, 0, 0]);
    let dense_words = [&[0, 0, 1, 0, 2][..], &list(MAX_SMALL_SECTION - 10, &[0])].concat();
    let dense_card = [&[0, 0][..], &list((MAX_SMALL_SECTION - 10) / 2, &[0, 0])].concat();
    for (version, bytes, tag, dense) in [
        (1, first, b"FEAT", dense_features),
        (1, first, b"SCHM", dense_words),
        (4, fourth, b"CARD", dense_card),
    ] {
        let mut sections = take_apart(bytes);
        let changed = sections.iter().position(|(other, _)| other == tag).unwrap();
        let content = sections[changed].1.clone();
        let mut decoded = 0;
        for position in (0..content.len()).step_by(3) {
            for value in TELLING.into_iter().chain([content[position] ^ 1]) {
                sections[changed].1[position] = value;
                decoded += usize::from(withstand(&put_together_as(version, version, &sections)));
            }
            sections[changed].1[position] = content[position];
        }
        assert!(decoded > 1_000, "{decoded}");
        // As dense as it can be, and one length that no file has.
        for dense in [dense, no_length.clone()] {
            sections[changed].1 = dense;
            assert!(!withstand(&put_together_as(version, version, &sections)));
        }
    }
}

#[test]
fn no_length_is_believed() {
    for bytes in samples() {
        let sections = take_apart(&bytes);
        for section in 0..sections.len() {
            for position in 0..sections[section].1.len() {
                for claim in [1u64 << 17, 1 << 22, (1 << 26) - 1, 1 << 32, 1 << 60, u64::MAX] {
                    let length = [&[253][..], &claim.to_le_bytes()].concat();
                    let mut changed = sections.clone();
                    changed[section].1.splice(position..=position, length);
                    withstand(&put_together(&changed));
                }
            }
        }
    }
}

/// A change of some bytes of a section.
#[derive(Debug, Clone)]
struct Edit {
    section: Index,
    from: Index,
    removed: usize,
    inserted: Vec<u8>,
}

fn edits() -> impl Strategy<Value = Edit> {
    let byte = prop_oneof![proptest::sample::select(&TELLING[..]), any::<u8>()];
    (any::<Index>(), any::<Index>(), 0..6usize, vec(byte, 0..8))
        .prop_map(|(section, from, removed, inserted)| Edit { section, from, removed, inserted })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn sections_can_be_edited(edits in vec(edits(), 1..4), sample in 0..4usize, frame in any::<bool>()) {
        // The models are trained once, not once a case.
        thread_local!(static SAMPLES: [Vec<u8>; 4] = samples());
        let bytes = SAMPLES.with(|samples| samples[sample].clone());
        let mut sections = take_apart(&bytes);
        for edit in &edits {
            let content = &mut edit.section.get_mut(&mut sections).1;
            splice(content, edit);
        }
        let mut bytes = put_together(&sections);
        if frame {
            let end = bytes.len() - 32;
            let mut content = bytes[..end].to_vec();
            splice(&mut content, &edits[0]);
            bytes.splice(..end, content);
            rehash(&mut bytes);
        }
        withstand(&bytes);
    }
}

fn splice(content: &mut Vec<u8>, edit: &Edit) {
    let from = edit.from.index(content.len() + 1);
    let to = (from + edit.removed).min(content.len());
    content.splice(from..to, edit.inserted.iter().copied());
}
