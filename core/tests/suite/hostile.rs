//! Bytes that someone made to do harm, with a hash that fits: the decoder neither panics nor hangs nor allocates beyond
//! measure, and what decodes is safe to score.

use nextbest_core::features::{
    Aggregate, Condition, Expression, FeatureDefinition, RowFilter, RowSelection, Test,
};
use nextbest_core::model::bins::{Bins, MAX_FEATURES};
use nextbest_core::model::bundle::MAX_SMALL_SECTION;
use nextbest_core::recommend::Options;
use nextbest_core::schema::{ColumnKind, Task};
use nextbest_core::{Bundle, Error, Recommender};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::frame::{Sections, put_together, put_together_as, rehash, take_apart};
use crate::sample;

/// However small the bundle, decoding it and scoring a row may take this much memory.
const MEMORY: u64 = 256 << 10;
/// And this much for each of its bytes: an honest one, and any. The decoder stops where the values would take 8 times the
/// file (which leaves out what is in a box); a list that grows there stands in memory twice for a moment, once with room for
/// twice as much.
const HONEST_MEMORY_A_BYTE: u64 = 4;
const MEMORY_A_BYTE: u64 = 28;

/// Decodes, and scores and explains what decodes. Gives whether it did.
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

/// Decodes, and scores a row. Gives also the most memory that this took at once.
fn load(bytes: &[u8]) -> (Result<Recommender, Error>, u64) {
    let mut loaded = None;
    let memory = allocation_counter::measure(|| {
        let recommender = Recommender::load(bytes);
        if let Ok(recommender) = &recommender {
            let row = &recommender.bundle().reference;
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
    let _ = recommender.bundle().self_test();
    let is_plain = matches!(recommender.schema().task(), Task::Label { .. });
    let json = if is_plain { sample::CONTRACT } else { sample::ADA };
    let read = nextbest_core::customers::read_customer(
        recommender.schema(),
        &mut serde_json::Deserializer::from_str(json),
    );
    // Where the schema was changed, the rows may no longer fit it.
    let Ok(read) = read else { return };
    let customer = read.get(0).unwrap();
    let options = Options { as_of: sample::cutoff(), top: 3, explain: true };
    let recommended = recommender.recommend(&customer, options);
    let predicted = recommender.predict(&customer, sample::cutoff());
    if is_plain {
        assert_eq!(recommended.unwrap_err().code(), "recommender/task");
        assert_eq!(predicted.unwrap().classes.len(), recommender.schema().class_count());
        return;
    }
    assert_eq!(predicted.unwrap_err().code(), "recommender/task");
    for offer in &recommended.unwrap().offers {
        assert!(offer.reasons.iter().all(|reason| reason.contribution > 0.0 && reason.contribution <= 1.0));
    }
}

fn samples() -> [Vec<u8>; 4] {
    sample::all().map(|bundle| bundle.encode().unwrap())
}

/// Bytes that mean something to the codec: markers of long integers, signs and exponents of floats, tags.
const TELLING: [u8; 12] = [0, 1, 2, 3, 5, 127, 128, 250, 251, 252, 253, 255];

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

/// The schema and the definitions of version 1 are read into shapes of their own.
#[test]
fn every_byte_of_old_sections_can_be_changed() {
    let bytes = include_bytes!("../../../tests/goldens/format-1.bundle");
    let no_length = [&[253][..], &[255; 8]].concat();
    let dense_features = list((MAX_SMALL_SECTION - 5) / 6, &[0, 0, 0, 4, 0, 0]);
    let dense_words = [&[0, 0, 1, 0, 2][..], &list(MAX_SMALL_SECTION - 10, &[0])].concat();
    for (tag, dense) in [(b"FEAT", dense_features), (b"SCHM", dense_words)] {
        let mut sections = take_apart(bytes);
        let changed = sections.iter().position(|(other, _)| other == tag).unwrap();
        let content = sections[changed].1.clone();
        let mut decoded = 0;
        for position in (0..content.len()).step_by(3) {
            for value in TELLING.into_iter().chain([content[position] ^ 1]) {
                sections[changed].1[position] = value;
                decoded += usize::from(withstand(&put_together_as(1, &sections)));
            }
            sections[changed].1[position] = content[position];
        }
        assert!(decoded > 1_000, "{decoded}");
        // As dense as it can be, and one length that no file has.
        for dense in [dense, no_length.clone()] {
            sections[changed].1 = dense;
            assert!(!withstand(&put_together_as(1, &sections)));
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

/// Sections in which every byte is a list, a text or a node of its own.
#[test]
fn dense_sections_take_no_more_memory_than_they_should() {
    let bytes = sample::forest().encode().unwrap();
    let sections = take_apart(&bytes);
    let with = |tag: &[u8; 4], content: Vec<u8>| {
        let mut changed: Sections = sections.clone();
        changed.iter_mut().find(|(other, _)| other == tag).unwrap().1 = content;
        put_together(&changed)
    };
    let small = MAX_SMALL_SECTION - 5;
    let cases = [
        // Features, goldens: each entry as short as it can be.
        with(b"FEAT", list(small / 6, &[0, 0, 0, 4, 0, 0])),
        // Counts of the rows of a table without a name; one of them with very many exclusions.
        with(b"FEAT", list(small / 11, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])),
        with(b"FEAT", [&[1, 0, 0, 0, 1, 0, 0, 0, 0][..], &list(small - 20, &[0]), &[0, 0]].concat()),
        with(b"GOLD", list(small / 2, &[0, 0])),
        with(b"REFR", list(small / 4, &[0; 4])),
        // A category of empty words, as the first column of the customer's table.
        with(b"SCHM", [&[0, 0, 1, 0, 2][..], &list(small - 5, &[0])].concat()),
        // A card of empty parameters.
        with(b"CARD", [&[0, 0][..], &list((small - 2) / 2, &[0, 0])].concat()),
        // Lists of edges without edges.
        with(b"BINS", list(1 << 22, &[0])),
        // Features that are split by sets, but have none; sets.
        with(b"MODL", [&[0, 3, 0][..], &list(MAX_FEATURES, &[0, 0])].concat()),
        with(b"MODL", [&[0, 3, 0, 1, 0][..], &list(1 << 20, &[0, 0, 0, 0])].concat()),
        // Every byte a node, a threshold, a code; more trees than there are nodes; no node for very many classes.
        with(b"MODL", forest(3, 1, &[0; 1 << 22], &[], &[0; 5])),
        with(b"MODL", forest(3, 1, &[0], &[0; 1 << 22], &[1; 3])),
        with(b"MODL", forest(3, 1, &[0], &[], &[1; 1 << 22])),
        with(b"MODL", forest(3, 10_000, &[0], &[], &[1; 3])),
        with(b"MODL", forest(u16::MAX, 10_000, &[0; 10_000], &[], &[1; 3])),
        // One class: of two nodes one is a leaf with one code. A tree like a comb, and one as flat as can be; the same with
        // too many columns for small nodes.
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
        // More sections than there may be.
        put_together(&[sections.clone(), vec![(*b"NEW!", Vec::new()); 100_000]].concat()),
    ];
    for bytes in &cases {
        assert!(!withstand(bytes));
    }
}

/// Sections that are sound in themselves: empty features and goldens, a schema with a category of empty words, a card of
/// empty parameters.
fn dense_in_all_that_is_small(sections: &Sections) -> Sections {
    let room = MAX_SMALL_SECTION - 1000;
    let mut schema = sections[0].1.clone();
    let words = b"\x02\x06SALARY\x04CARD";
    let at = schema.windows(words.len()).position(|bytes| bytes == words).unwrap();
    schema.splice(at..at + words.len(), list(room, &[0]));
    let card = [&[0, 0][..], &list(room / 2, &[0, 0]), &[0; 9]].concat();
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

fn list(count: usize, entry: &[u8]) -> Vec<u8> {
    [&[252][..], &(count as u32).to_le_bytes(), &entry.repeat(count)].concat()
}

/// A forest of distributions over so many classes, one step of 2⁻¹⁶ each, without sets.
fn forest(classes: u16, trees: u16, nodes: &[u8], thresholds: &[u8], codes: &[u8]) -> Vec<u8> {
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
fn comb(splits: usize) -> Vec<u8> {
    let nodes = [&[1, 0].repeat(splits)[..], &[0]].concat();
    forest(1, 1, &nodes, &vec![1; splits], &vec![1; splits + 1])
}

/// The same with all leaves at one depth, whose first splits look at so many features.
fn flat(depth: u32, features: u16) -> Vec<u8> {
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

/// A walk down a tree goes from a node to one behind it: a node tells how many splits came before its children, not where
/// they are, so no bytes say that a walk turns back. What can be wrong is their number.
#[test]
fn trees_that_are_no_trees_are_refused() {
    let sections = take_apart(&sample::label().encode().unwrap());
    let with = |model: Vec<u8>| {
        let mut changed = sections.clone();
        changed.iter_mut().find(|(tag, _)| tag == b"MODL").unwrap().1 = model;
        withstand(&put_together(&changed))
    };
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
    let with = |tag: &[u8; 4], content: &[u8]| {
        let mut changed = sections.clone();
        changed.iter_mut().find(|(other, _)| other == tag).unwrap().1 = content.to_vec();
        withstand(&put_together(&changed))
    };
    let leaves = sound.len() - (5 + 6 + 1) - 2 * (5 + 3 * 4);
    let (low, step) = (leaves + 5, leaves + 5 + 12 + 5);
    let bins = &sections.iter().find(|(tag, _)| tag == b"BINS").unwrap().1;
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 2.0] {
        for at in [low, step] {
            let mut model = sound.clone();
            model[at..at + 4].copy_from_slice(&bad.to_le_bytes());
            assert!(!with(b"MODL", &model), "{bad} at {at}");
        }
        // The first edge of the first feature, behind two lengths.
        if !bad.is_finite() {
            let mut bins = bins.clone();
            bins[2..6].copy_from_slice(&bad.to_le_bytes());
            assert!(!with(b"BINS", &bins), "an edge of {bad}");
        }
    }
}

/// Every file that ends early, and every file that goes on, is refused: with its hash and without.
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

/// What nobody made to do harm takes far less.
#[test]
fn honest_bundles_take_little_memory() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/goldens");
    let goldens = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let goldens = goldens.filter(|path| path.extension().is_some_and(|extension| extension == "bundle"));
    let mut files: Vec<Vec<u8>> = goldens.map(|path| std::fs::read(path).unwrap()).collect();
    assert!(files.len() >= 8);
    files.extend(samples());
    for bytes in files {
        let (loaded, memory) = load(&bytes);
        loaded.unwrap();
        assert!(memory <= MEMORY + HONEST_MEMORY_A_BYTE * bytes.len() as u64, "{memory} for {}", bytes.len());
    }
}

/// Everything that a definition names is looked up, not searched for: searching made minutes of these 900 kB.
#[test]
fn many_names_are_no_hang() {
    let mut bundle = sample::forest();
    let mut schema = bundle.schema.definition().clone();
    let words = (0..80_000).map(|word| format!("{word:x}"));
    schema.tables[1].columns[2].kind = ColumnKind::Category(words.collect());
    bundle.schema = schema.try_into().unwrap();
    let word_list = Test::In((0..75_000).map(|word| format!("{word:x}")).collect());
    let tests_words = FeatureDefinition {
        expression: Expression::Events {
            table: "transactions".into(),
            rows: Box::new(RowSelection {
                filter: RowFilter {
                    conditions: vec![Condition { column: "TYPE".into(), test: word_list }],
                    ..RowFilter::default()
                },
                ..RowSelection::default()
            }),
            aggregate: Aggregate::Count,
        },
        ..bundle.features[0].clone()
    };
    let short =
        FeatureDefinition { group: String::new(), label: String::new(), ..bundle.features[8].clone() };
    let named = |number: usize| FeatureDefinition { name: format!("{number:x}"), ..short.clone() };
    bundle.features = std::iter::once(tests_words).chain((0..5_000).map(named)).collect();
    bundle.reference = vec![0.0; bundle.features.len()];
    bundle.bins = Bins::new(vec![Vec::new(); bundle.features.len()]).unwrap();
    bundle.goldens.clear();
    let bytes = bundle.encode().unwrap();
    let start = std::time::Instant::now();
    Bundle::decode(&bytes).unwrap();
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}
