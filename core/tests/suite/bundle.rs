//! Sound bundles survive a round trip, and unsound ones are refused for the right reason.

use nextbest_core::bundle::{MAX_BYTES, MAX_SECTIONS, MAX_SMALL_SECTION, content_hash};
use nextbest_core::features::Expression;
use nextbest_core::model::Model;
use nextbest_core::model::calibration::Calibration;
use nextbest_core::model::forest::{Forest, Link, Tree, TreeNode};
use nextbest_core::{Bundle, Error, Recommender};

use crate::frame::{HASH, Sections, put_together, rehash, take_apart};
use crate::sample;

fn code(bytes: &[u8]) -> &'static str {
    Bundle::decode(bytes).map_or_else(|error| error.code(), |_| "sound")
}

fn samples() -> [(Bundle, Vec<u8>); 4] {
    sample::all().map(|bundle| {
        let bytes = bundle.encode().unwrap();
        (bundle, bytes)
    })
}

/// The samples of the small bank.
fn bank_samples() -> impl Iterator<Item = (Bundle, Vec<u8>)> {
    samples().into_iter().filter(|(bundle, _)| bundle.schema.none_class().is_some())
}

/// Equal in all words and numbers; missing values in the goldens count as equal.
fn assert_same(one: &Bundle, other: &Bundle) {
    assert!(format!("{one:?}") == format!("{other:?}"), "the bundles differ");
}

#[test]
fn a_bundle_comes_back_as_it_was_and_always_has_the_same_bytes() {
    for (bundle, bytes) in samples() {
        let read = Bundle::decode(&bytes).unwrap();
        assert_same(&read, &bundle);
        read.self_test().unwrap();
        assert_eq!(read.encode().unwrap(), bytes);
        assert_eq!(bundle.encode().unwrap(), bytes);
        assert_eq!(put_together(&take_apart(&bytes)), bytes);
        let hexadecimal: String =
            bytes[bytes.len() - HASH..].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(content_hash(&bytes), hexadecimal);
        let version = Recommender::load(&bytes).unwrap().model_version();
        assert_eq!(version, format!("{}.{}", sample::CUTOFF, &hexadecimal[..8]));
    }
    assert_eq!(content_hash(b"short"), "");
}

#[test]
fn every_changed_byte_is_noticed() {
    for (_, bytes) in samples() {
        let mut changed = bytes.clone();
        for position in 0..bytes.len() {
            for mask in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
                changed[position] ^= mask;
                let expected = match position {
                    0..8 => "bundle/magic",
                    8..12 => "bundle/version",
                    _ => "bundle/hash-mismatch",
                };
                assert_eq!(code(&changed), expected, "byte {position} with mask {mask}");
                changed[position] ^= mask;
            }
        }
        assert_eq!(changed, bytes);
    }
}

#[test]
fn every_truncation_and_any_padding_is_noticed() {
    for (_, bytes) in samples() {
        for length in 0..bytes.len() {
            let expected = match length {
                0..8 => "bundle/magic",
                8..48 => "bundle/length",
                _ => "bundle/hash-mismatch",
            };
            assert_eq!(code(&bytes[..length]), expected, "{length} bytes");
            // Fixing the hash does not help.
            if length >= 48 {
                let mut cut = bytes[..length].to_vec();
                rehash(&mut cut);
                assert_eq!(code(&cut), "bundle/length", "{length} bytes");
            }
        }
        let padded = [&bytes[..], &[0]].concat();
        assert_eq!(code(&padded), "bundle/hash-mismatch");
    }
    assert_eq!(code(&vec![0; MAX_BYTES + 1]), "bundle/too-large");
}

#[test]
fn sections_stand_there_once_and_unknown_ones_are_left_alone() {
    let (bundle, bytes) = &samples()[1];
    let sections = take_apart(bytes);
    assert_eq!(sections.len(), 11);
    for position in 0..sections.len() {
        let mut without = sections.clone();
        let section = without.remove(position);
        // The profile is optional.
        let expected = if section.0 == *b"PROF" { "sound" } else { "bundle/section" };
        assert_eq!(code(&put_together(&without)), expected);
        let twice = [sections.clone(), vec![section]].concat();
        assert_eq!(code(&put_together(&twice)), "bundle/section");
    }
    let unknown = |count| vec![(*b"NEW!", vec![1, 2, 3]); count];
    let more = [unknown(1), sections.clone(), unknown(1)].concat();
    assert_same(&Bundle::decode(&put_together(&more)).unwrap(), bundle);
    let full = [sections.clone(), unknown(MAX_SECTIONS - sections.len())].concat();
    assert_eq!(code(&put_together(&full)), "sound");
    assert_eq!(code(&put_together(&[full, unknown(1)].concat())), "bundle/length");
    let reversed: Sections = sections.iter().rev().cloned().collect();
    assert_same(&Bundle::decode(&put_together(&reversed)).unwrap(), bundle);
}

#[test]
fn a_section_is_used_up_and_no_larger_than_it_may_be() {
    for (_, bytes) in samples() {
        let sections = take_apart(&bytes);
        for position in 0..sections.len() {
            let mut longer = sections.clone();
            let (tag, content) = &mut longer[position];
            content.push(0);
            let is_small = tag != b"BINS" && tag != b"MODL";
            assert_eq!(code(&put_together(&longer)), "bundle/decode");
            longer[position].1.resize(MAX_SMALL_SECTION + 1, 0);
            let expected = if is_small { "bundle/too-large" } else { "bundle/decode" };
            assert_eq!(code(&put_together(&longer)), expected);
        }
    }
}

#[test]
fn one_version_is_read() {
    let (_, bytes) = &samples()[0];
    for version in [0u32, 2, 1 << 16, u32::MAX] {
        let mut changed = bytes.clone();
        changed[8..12].copy_from_slice(&version.to_le_bytes());
        rehash(&mut changed);
        assert_eq!(code(&changed), "bundle/version");
        let message = Bundle::decode(&changed).unwrap_err().to_string();
        assert!(
            message.contains(&format!("format version {version}, but this nextbest reads version 1")),
            "{message}"
        );
    }
}

#[test]
fn the_header_must_count_the_sections_right() {
    let (_, bytes) = &samples()[0];
    for count in [0u32, 9, 11, u32::MAX] {
        let mut changed = bytes.clone();
        changed[12..16].copy_from_slice(&count.to_le_bytes());
        rehash(&mut changed);
        assert_eq!(code(&changed), "bundle/length");
    }
}

#[test]
fn parts_that_do_not_fit_each_other_are_refused() {
    type Spoil = fn(&mut Bundle);
    let cases: [(Spoil, &str); 16] = [
        // JavaScript can't hold these numbers.
        (|b| b.validity.number = 1 << 53, "9007199254740992 is too large"),
        (|b| b.validity.expires = Some(u64::MAX), "18446744073709551615 is too large"),
        (|b| b.card.training_rows = u64::MAX, "the card counts 18446744073709551615 rows"),
        (|b| b.reference.truncate(1), "9 features, but the bins or the reference row are for another number"),
        (|b| b.features.truncate(8), "8 features, but the bins or the reference row are for another number"),
        (|b| b.features[0].name = "city".into(), "feature `city`: name: it is empty or taken"),
        (
            |b| {
                if let Expression::Events { rows, .. } = &mut b.features[2].expression {
                    rows.filter.exclusions.push(Vec::new());
                }
            },
            "feature `salaries`: where: not: without conditions",
        ),
        (|b| b.goldens[0].row.truncate(1), "a golden row does not fit"),
        (|b| b.goldens[0].probabilities.push(0.0), "a golden row does not fit"),
        (
            |b| b.calibration = Calibration::Temperature { temperature: 0.0 },
            "the temperature calibration's numbers are invalid or do not fit the classes",
        ),
        (|b| b.policy.min_probability = f32::NAN, "the policy's minimum probability is NaN"),
        (|b| b.policy.min_probability = 1.5, "the policy's minimum probability is 1.5"),
        (with_a_third_product, "the model has 3 classes, the schema 4"),
        (without_the_loans_value, "ranked by expected value, but product `Loan` has no value"),
        (without_features, "there are no features"),
        (with_a_split_on_a_tenth_feature, "a tree splits feature 9, of 9"),
    ];
    for (bundle, _) in bank_samples() {
        for (spoil, message) in cases {
            let mut bundle = bundle.clone();
            spoil(&mut bundle);
            let error = Bundle::decode(&bundle.encode().unwrap()).unwrap_err();
            assert_eq!(error.code(), "bundle/content");
            assert!(error.to_string().contains(message), "{error}");
        }
    }
}

fn with_a_third_product(bundle: &mut Bundle) {
    let mut schema = bundle.schema.definition().clone();
    let third =
        nextbest_core::schema::Product { id: "X".into(), name: "X".into(), ..schema.products[0].clone() };
    schema.products.push(third);
    bundle.goldens.clear();
    bundle.schema = schema.try_into().unwrap();
}

fn without_the_loans_value(bundle: &mut Bundle) {
    bundle.policy.terms[0].value = None;
    let mut schema = bundle.schema.definition().clone();
    schema.products[0].value = None;
    bundle.schema = schema.try_into().unwrap();
}

fn with_a_split_on_a_tenth_feature(bundle: &mut Bundle) {
    let split = TreeNode::Split { feature: 9, threshold: 1, missing_right: false };
    let tree =
        Tree { nodes: vec![split, TreeNode::Leaf, TreeNode::Leaf], leaves: [0.5, 0.25, 0.25].repeat(2) };
    bundle.model = Model::Forest(Forest::new(3, Link::Mean, &[tree]).unwrap());
}

fn without_features(bundle: &mut Bundle) {
    bundle.features.clear();
    bundle.reference.clear();
    bundle.bins = nextbest_core::model::bins::Bins::new(Vec::new()).unwrap();
}

#[test]
fn a_section_that_could_not_be_read_is_not_written() {
    let (mut bundle, _) = samples()[0].clone();
    bundle.card.name = "x".repeat(MAX_SMALL_SECTION);
    let error = bundle.encode().unwrap_err();
    assert_eq!(error.code(), "bundle/too-large");
    assert!(error.to_string().contains("section CARD has"), "{error}");
}

#[test]
fn goldens_that_score_differently_fail_the_self_test() {
    for (bundle, _) in samples() {
        for change in [1, 1 << 20] {
            let mut bundle = bundle.clone();
            let probability = &mut bundle.goldens[1].probabilities[0];
            *probability = f32::from_bits(probability.to_bits() ^ change);
            let read = Bundle::decode(&bundle.encode().unwrap()).unwrap();
            let error = read.self_test().unwrap_err();
            assert_eq!(error.code(), "bundle/self-test");
            assert!(error.to_string().contains("golden row 1"), "{error}");
        }
    }
    let (mut bundle, _) = samples()[0].clone();
    bundle.goldens[0].row.clear();
    assert!(matches!(bundle.self_test(), Err(Error::RowLength { expected: 9, actual: 0 })));
}
