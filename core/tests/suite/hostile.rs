//! Malicious bytes with a valid hash: the decoder neither panics nor hangs nor allocates without bounds, and
//! whatever decodes is safe to score.

mod dense;
mod forests;
mod memory;
mod mutations;

use nextbest_core::recommend::Options;
use nextbest_core::schema::Task;
use nextbest_core::{Error, Recommender};

use crate::frame::{Sections, put_together, rehash, take_apart};
use crate::sample;

/// The memory that decoding, the self-test and scoring a row may take at once, however small the bundle.
const MEMORY: u64 = 128 << 10;
/// The additional memory for each byte of the bundle.
const MEMORY_A_BYTE: u64 = 4;

/// Decodes, and scores and explains what decodes. Returns whether it decoded.
fn withstand(bytes: &[u8]) -> bool {
    let (loaded, memory) = load(bytes);
    let limit = MEMORY + MEMORY_A_BYTE * bytes.len() as u64;
    assert!(memory <= limit, "{memory} bytes for a bundle of {}", bytes.len());
    match loaded {
        Ok(recommender) => {
            use_it(&recommender);
            true
        }
        Err(error) => {
            assert!(matches!(error, Error::Bundle(_)), "{error:?}");
            false
        }
    }
}

/// Decodes, tests and scores a row. Also returns the peak memory.
fn load(bytes: &[u8]) -> (Result<Recommender, Error>, u64) {
    let mut loaded = None;
    let memory = allocation_counter::measure(|| {
        let recommender = Recommender::load(bytes);
        if let Ok(recommender) = &recommender {
            let row = &recommender.bundle().reference;
            let _ = recommender.bundle().self_test();
            recommender.scorer().score(row).unwrap();
        }
        loaded = Some(recommender);
    });
    (loaded.unwrap(), memory.bytes_max)
}

fn use_it(recommender: &Recommender) {
    let width = recommender.bundle().features.len();
    let values =
        [f32::NAN, f32::NEG_INFINITY, f32::MIN, -1.0, -0.0, 0.5, 1.0, 3.0, 400.0, f32::MAX, f32::INFINITY];
    let rows: Vec<f32> =
        (0..width * values.len()).map(|n| values[(n * 7 + n / values.len()) % values.len()]).collect();
    let mut scorer = recommender.scorer();
    for row in rows.chunks(width) {
        let probabilities = scorer.score(row).unwrap();
        let sum: f32 = probabilities.iter().sum();
        assert!(
            probabilities.iter().all(|probability| (0.0..=1.0).contains(probability)),
            "{probabilities:?}"
        );
        assert!((sum - 1.0).abs() <= 1e-5, "{sum}");
    }
    let is_plain = matches!(recommender.schema().task(), Task::Label { .. });
    let json = if is_plain { sample::CONTRACT } else { sample::ADA };
    let read = nextbest_core::customers::read_customer(recommender.schema(), json);
    // If the schema was changed, the rows may no longer fit it.
    let Ok(read) = read else { return };
    let customer = read.get(0).unwrap();
    let options = Options { explain: true, customer: Some("C1"), ..Options::new(sample::cutoff(), 3) };
    let recommended = recommender.recommend(&customer, options);
    let predicted = recommender.predict(&customer, sample::cutoff());
    if is_plain {
        assert_eq!(recommended.unwrap_err().code(), "recommender/task");
        assert_eq!(predicted.unwrap().classes.len(), recommender.schema().class_count());
        return;
    }
    assert_eq!(predicted.unwrap_err().code(), "recommender/task");
    for offer in &recommended.unwrap().offers {
        assert!(
            offer.reasons.iter().all(|reason| reason.contribution > 0.0 && reason.contribution.is_finite())
        );
    }
}

fn samples() -> [Vec<u8>; 4] {
    sample::all().map(|bundle| bundle.encode().unwrap())
}

fn committed() -> Vec<Vec<u8>> {
    sample::committed().into_values().collect()
}

/// The bundle with a section's content replaced.
fn with(sections: &Sections, tag: &[u8; 4], content: Vec<u8>) -> Vec<u8> {
    let mut changed = sections.clone();
    changed.iter_mut().find(|(other, _)| other == tag).unwrap().1 = content;
    put_together(&changed)
}

/// Every truncated file, and every file with trailing bytes, is refused, with a valid hash and without.
#[test]
fn nothing_is_missing_and_nothing_left_over() {
    for bytes in samples() {
        for length in 0..bytes.len() {
            let mut cut = bytes[..length].to_vec();
            assert!(!withstand(&cut));
            if length >= 48 {
                rehash(&mut cut);
                assert!(!withstand(&cut));
            }
        }
        for (number, more) in
            take_apart(&bytes).iter().enumerate().flat_map(|(number, _)| [(number, 0u8), (number, 255)])
        {
            let mut sections = take_apart(&bytes);
            sections[number].1.push(more);
            assert!(!withstand(&put_together(&sections)));
        }
        let mut longer = [&bytes[..], &[0; 7]].concat();
        assert!(!withstand(&longer));
        rehash(&mut longer);
        assert!(!withstand(&longer));
    }
}
