//! Bundles with some bytes changed.

/// The mutations of `make fuzz`.
#[expect(unreachable_pub, reason = "there it is a crate's")]
#[path = "../../../../tests/fuzz/src/mutation.rs"]
mod mutation;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::{committed, samples, withstand};
use crate::frame::{put_together, rehash, take_apart};
use mutation::{TELLING, mutation};

/// The kind of mutation that `make fuzz` makes by the million.
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
    // Changed words, edges and probabilities give different, valid bundles, so scoring was reached.
    assert!(decoded.iter().all(|decoded| *decoded > 5_000), "{decoded:?}");
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
        // The models are trained once, not for each case.
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
