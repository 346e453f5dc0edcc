//! Sketches: they count rows, add up exactly, are refused if wrong, and give the same results as the rows.

use nextbest_core::error::SketchError;
use nextbest_core::matrix::Matrix;
use nextbest_core::monitor::estimate::{expected_metrics, expected_of_tallies};
use nextbest_core::monitor::observer::{Observer, RANDOM_BYTES, layout};
use nextbest_core::monitor::profile::{MEASURES, MOST_ROWS, SketchRules};
use nextbest_core::monitor::sketch::{Sketch, SketchLayout};
use nextbest_core::train::profile;
use nextbest_core::{Error, Recommender};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::sample;

fn recommender(rules: SketchRules) -> Recommender {
    let mut bundle = sample::boosted();
    bundle.profile.as_mut().unwrap().sketches = rules;
    Recommender::load(&bundle.encode().unwrap()).unwrap()
}

fn plain() -> Recommender {
    recommender(SketchRules { minimum_rows: 5, epsilon: None })
}

/// Rows around those that the bundle knows.
fn rows(recommender: &Recommender, count: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let profile = recommender.bundle().profile.as_ref().unwrap();
    let value = |random: &mut ChaCha8Rng, feature: usize| {
        let distribution = &profile.features[feature];
        match (random.random_range(0..10), distribution.summary) {
            (0, _) => f32::NAN,
            (_, Some(it)) => it.mean + it.standard_deviation * random.random_range(-2.0f32..2.0),
            (_, None) => random.random_range(0..distribution.cells() - 1) as f32,
        }
    };
    let width = recommender.bundle().features.len();
    (0..count).map(|_| (0..width).map(|feature| value(&mut random, feature)).collect()).collect()
}

fn observed(recommender: &Recommender, rows: &[Vec<f32>], random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut observer = Observer::new(recommender).unwrap();
    for row in rows {
        let bytes: [u8; RANDOM_BYTES] = random.random();
        assert!(observer.observe(recommender, row, true, bytes).unwrap());
    }
    observer.hand_out(recommender, random.random()).unwrap()
}

#[test]
fn a_sketch_counts_each_row_once_in_its_cells() {
    let recommender = plain();
    let profile = recommender.bundle().profile.as_ref().unwrap();
    let rows = rows(&recommender, 300, 1);
    let layout = layout(&recommender).unwrap();
    let sketch = layout.read(&observed(&recommender, &rows, &mut ChaCha8Rng::seed_from_u64(2))).unwrap();
    let tallies = layout.tallies(&sketch);
    assert_eq!((sketch.rows, tallies.len()), (300, profile.distributions().count()));
    for (feature, (distribution, tally)) in profile.features.iter().zip(&tallies).enumerate() {
        let mut expected = vec![0.0; distribution.cells()];
        for row in &rows {
            let value = row[feature];
            // As in the document: bin 1 + the number of edges below, or the word's position.
            let cell = match distribution.summary {
                _ if value.is_nan() => 0,
                Some(_) => 1 + distribution.edges.iter().filter(|edge| **edge < value).count(),
                None => 1 + value as usize,
            };
            expected[cell] += 1.0;
        }
        assert_eq!(tally.counts, expected, "feature {feature}");
    }
    let mut scorer = recommender.scorer();
    let mut chosen = vec![0.0; recommender.schema().class_count() + 1];
    for row in &rows {
        let probabilities = scorer.score(row).unwrap();
        let best =
            (1..probabilities.len()).rev().max_by(|a, b| probabilities[*a].total_cmp(&probabilities[*b]));
        chosen[1 + best.unwrap()] += 1.0;
    }
    assert_eq!(tallies.last().unwrap().counts, chosen);
}

#[test]
fn nothing_is_counted_without_consent_and_few_rows_are_kept() {
    let recommender = plain();
    let rows = rows(&recommender, 6, 3);
    let mut observer = Observer::new(&recommender).unwrap();
    for row in &rows {
        assert!(!observer.observe(&recommender, row, false, [0; RANDOM_BYTES]).unwrap());
    }
    assert_eq!(observer.rows(), 0);
    for row in &rows[..4] {
        assert!(observer.observe(&recommender, row, true, [0; RANDOM_BYTES]).unwrap());
    }
    let refused = observer.hand_out(&recommender, 1).unwrap_err();
    assert_eq!(refused, Error::Sketch(SketchError::TooFewRows { rows: 4, least: 5 }));
    assert!(observer.observe(&recommender, &rows[4], true, [0; RANDOM_BYTES]).unwrap());
    let sketch = layout(&recommender).unwrap().read(&observer.hand_out(&recommender, 77).unwrap()).unwrap();
    assert_eq!((sketch.rows, sketch.identity, observer.rows()), (5, 77, 0));
    // The next sketch starts empty.
    assert!(observer.hand_out(&recommender, 1).is_err());
    assert!(matches!(observer.observe(&recommender, &[1.0], true, [0; 16]), Err(Error::RowLength { .. })));
    let mut bundle = sample::forest();
    bundle.profile = None;
    let without = Recommender::load(&bundle.encode().unwrap()).unwrap();
    assert_eq!(Observer::new(&without).unwrap_err(), Error::Sketch(SketchError::NoProfile));
}

#[test]
fn a_full_sketch_counts_no_more() {
    let recommender = plain();
    let row = rows(&recommender, 1, 3).remove(0);
    let mut observer = Observer::new(&recommender).unwrap();
    for _ in 0..MOST_ROWS {
        assert!(observer.observe(&recommender, &row, true, [0; RANDOM_BYTES]).unwrap());
    }
    assert!(!observer.observe(&recommender, &row, true, [0; RANDOM_BYTES]).unwrap());
    let bytes = observer.hand_out(&recommender, 0).unwrap();
    assert_eq!(layout(&recommender).unwrap().read(&bytes).unwrap().rows, MOST_ROWS);
}

fn merged(layout: &SketchLayout, sketches: &[&Sketch]) -> Vec<u8> {
    let mut sum = layout.empty();
    sketches.iter().for_each(|sketch| sum.merge(sketch).unwrap());
    layout.write(&sum)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn sketches_add_up_in_any_order_and_grouping(
        sizes in proptest::collection::vec(5usize..40, 3),
        seed in any::<u64>(),
        randomised in any::<bool>(),
    ) {
        let epsilon = randomised.then_some(1.0);
        let recommender = recommender(SketchRules { minimum_rows: 5, epsilon });
        let layout = layout(&recommender).unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let sketches: Vec<Sketch> = sizes.iter().map(|size| {
            let rows = rows(&recommender, *size, random.random());
            layout.read(&observed(&recommender, &rows, &mut random)).unwrap()
        }).collect();
        let [a, b, c] = sketches.as_slice() else { panic!("three sizes are three sketches") };
        let whole = merged(&layout, &[a, b, c]);
        prop_assert_eq!(&merged(&layout, &[c, a, b]), &whole);
        let part = layout.read(&merged(&layout, &[b, c])).unwrap();
        prop_assert_eq!(&merged(&layout, &[a, &part]), &whole);
        prop_assert_eq!(&merged(&layout, &[&part, a]), &whole);
        let read = layout.read(&whole).unwrap();
        prop_assert!(read.merged && read.rows == sizes.iter().sum::<usize>() as u64);
        prop_assert_eq!(layout.write(&read), whole);
    }

    /// A sketch with any byte changed is refused, and always by an error.
    #[test]
    fn damaged_sketches_are_refused(at in any::<prop::sample::Index>(), change in 1u8.., cut in any::<prop::sample::Index>()) {
        let recommender = plain();
        let layout = layout(&recommender).unwrap();
        let bytes = observed(&recommender, &rows(&recommender, 9, 1), &mut ChaCha8Rng::seed_from_u64(1));
        let mut damaged = bytes.clone();
        damaged[at.index(bytes.len())] ^= change;
        prop_assert!(layout.read(&damaged).is_err());
        prop_assert!(layout.read(&bytes[..cut.index(bytes.len())]).is_err());
    }
}

/// Bytes with a valid checksum.
fn sealed(mut content: Vec<u8>) -> Vec<u8> {
    let hash = <sha2::Sha256 as sha2::Digest>::digest(&content);
    content.extend(&hash[..8]);
    content
}

#[test]
fn forged_sketches_are_refused_by_what_they_say() {
    let recommender = plain();
    let layout = layout(&recommender).unwrap();
    let bytes = observed(&recommender, &rows(&recommender, 9, 1), &mut ChaCha8Rng::seed_from_u64(1));
    let content = &bytes[..bytes.len() - 8];
    let forged = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut forged = content.to_vec();
        change(&mut forged);
        layout.read(&sealed(forged)).unwrap_err()
    };
    // 4 magic, 1 version, 1 flags, 16 bundle, 8 identity, then rows and counts, all of them below 128 here.
    assert_eq!(forged(&|it| it[0] = 0), SketchError::Magic);
    assert_eq!(forged(&|it| it[4] = 2), SketchError::Version);
    assert_eq!(forged(&|it| it[5] = 8), SketchError::Version);
    assert!(
        matches!(forged(&|it| it[5] = 1), SketchError::Counts(_)),
        "randomised, which the bundle does not ask for"
    );
    assert_eq!(forged(&|it| it[7] ^= 1), SketchError::OtherBundle);
    assert!(matches!(forged(&|it| it[30] += 1), SketchError::Counts(_)), "one row more than there are");
    let last = content.len() - 1;
    assert!(matches!(forged(&|it| it[last] += 1), SketchError::Counts(_)), "one count more");
    assert_eq!(forged(&|it| it.push(0)), SketchError::Length);
    assert_eq!(forged(&|it| it.truncate(last)), SketchError::Length);
    // The same number in a longer encoding than needed.
    assert_eq!(forged(&|it| drop(it.splice(30..31, [0x89, 0]))), SketchError::Length);
    assert_eq!(forged(&|it| drop(it.splice(30..31, [0xff; 9]))), SketchError::Length);
    assert_eq!(forged(&|it| it[30..].fill(0)), SketchError::Rows { rows: 0, most: MOST_ROWS });
    // A single place claims as many rows as a million others have.
    let mut large = layout.empty();
    let sketch = layout.read(&bytes).unwrap();
    while large.rows <= MOST_ROWS {
        large.merge(&sketch).unwrap();
    }
    large.merged = false;
    let rows = large.rows;
    assert_eq!(layout.read(&layout.write(&large)).unwrap_err(), SketchError::Rows { rows, most: MOST_ROWS });
}

/// Sixty features in ten bins, and eleven classes, fit into 2 kB until a sketch is full.
#[test]
fn a_full_sketch_of_sixty_features_has_two_kilobytes_at_most() {
    let mut profile = plain().bundle().profile.clone().unwrap();
    let edges: Vec<f32> = (0..9).map(|edge| edge as f32).collect();
    let ten = |value: &mut nextbest_core::monitor::distribution::Distribution| {
        value.edges = edges.clone();
        value.counts = vec![0; 11];
    };
    profile.features.resize(60, profile.features[0].clone());
    profile.features.iter_mut().for_each(ten);
    profile.probabilities.resize(11, profile.probabilities[0].clone());
    profile.probabilities.iter_mut().chain(&mut profile.measures).for_each(|it| ten(&mut it.distribution));
    profile.choices.counts = vec![0; 12];
    for no_hash in ["", "0000000", "no hexadecimal digits"] {
        assert_eq!(SketchLayout::new(&profile, no_hash).unwrap_err(), SketchError::OtherBundle);
    }
    let layout = SketchLayout::new(&profile, &"0".repeat(64)).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let mut largest = 0;
    for favourites in [1, 2, 3, 4, 6, 11] {
        let mut sketch = layout.empty();
        for _ in 0..2000 {
            // The number of cells that share the rows.
            let cells = layout.cells().iter().map(|cells| random.random_range(0..favourites.min(*cells)));
            let one = sketch_of(&layout, &cells.collect::<Vec<_>>());
            sketch.merge(&one).unwrap();
        }
        let part = sketch.clone();
        while sketch.rows + part.rows <= MOST_ROWS {
            sketch.merge(&part).unwrap();
        }
        sketch.merged = false;
        assert!(sketch.rows > 60_000);
        let bytes = layout.write(&sketch);
        assert_eq!(layout.read(&bytes).unwrap(), sketch);
        largest = largest.max(bytes.len());
    }
    assert!(largest <= 2000, "{largest} bytes");
    // It is small only because the counts are.
    assert!(largest > 1500, "{largest} bytes");
}

/// A sketch of one row, encoded by hand as in the document.
fn sketch_of(layout: &SketchLayout, cells: &[usize]) -> Sketch {
    let empty = layout.write(&layout.empty());
    let mut content = empty[..30].to_vec();
    content.push(1);
    for (count, cell) in layout.cells().iter().zip(cells) {
        content.extend((0..*count).map(|at| u8::from(at == *cell)));
    }
    layout.read(&sealed(content)).unwrap()
}

/// Rows of which each reports to a single distribution by randomised response: the estimated shares are
/// right, with the errors that theory predicts.
#[test]
fn randomised_rows_tell_their_shares() {
    let epsilon = 2.0;
    let recommender = recommender(SketchRules { minimum_rows: 5, epsilon: Some(epsilon) });
    let layout = layout(&recommender).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(9);
    let rows = rows(&recommender, 40_000, 5);
    let sketch = layout.read(&observed(&recommender, &rows, &mut random)).unwrap();
    assert_eq!(sketch.rows, 40_000);
    let plain = plain();
    let exact_layout = self::layout(&plain).unwrap();
    let exact = exact_layout.read(&observed(&plain, &rows, &mut random)).unwrap();
    let (tallies, exact) = (layout.tallies(&sketch), exact_layout.tallies(&exact));
    let (mut cells, mut squares) = (0.0, 0.0);
    for (tally, exact) in tallies.iter().zip(&exact) {
        let reports = tally.reports();
        // Each distribution gets its share of the rows.
        let expected = 40_000.0 / tallies.len() as f64;
        assert!((reports - expected).abs() < 5.0 * expected.sqrt(), "{reports}");
        assert!(tally.is_randomised() && !exact.is_randomised());
        let k = tally.counts.len() as f64;
        let odds = f64::from(epsilon).exp();
        let (p, q) = (odds / (odds + k - 1.0), 1.0 / (odds + k - 1.0));
        for (estimate, count) in tally.counts.iter().zip(&exact.counts) {
            let share = count / 40_000.0;
            // The probability that a report names this cell; the rows reporting here are a sample of all.
            let said = share * p + (1.0 - share) * q;
            let deviation = (said * (1.0 - said) / reports).sqrt() / (p - q);
            squares += ((estimate / reports - share) / deviation).powi(2);
            cells += 1.0;
        }
    }
    // Squares of standard normal errors have mean 1 and variance 2.
    assert!((squares / cells - 1.0f64).abs() < 5.0 * (2.0f64 / cells).sqrt(), "{}", squares / cells);
}

/// The expected metrics of counted rows are those of the rows, as far as cells can tell.
#[test]
fn expectations_of_cells_are_close_to_those_of_rows() {
    let recommender = plain();
    let bundle = recommender.bundle();
    let rows: Vec<f32> = rows(&recommender, 3000, 11).concat();
    let probabilities = bundle.scorer().score_batch(&rows, 3000).unwrap();
    let classes = bundle.schema.class_count();
    let exact = expected_metrics(Matrix::new(&probabilities, classes).unwrap()).unwrap();
    // A profile of these same rows: the means of its cells are theirs.
    let mut own = bundle.clone();
    own.profile = Some(profile(bundle, &rows, &[], SketchRules::default()).unwrap());
    let own = Recommender::load(&own.encode().unwrap()).unwrap();
    let of_own = own.bundle().profile.as_ref().unwrap();
    let layout = layout(&own).unwrap();
    let width = bundle.features.len();
    let chunks: Vec<Vec<f32>> = rows.chunks(width).map(<[f32]>::to_vec).collect();
    let sketch = layout.read(&observed(&own, &chunks, &mut ChaCha8Rng::seed_from_u64(1))).unwrap();
    let tallies = layout.tallies(&sketch);
    let (scores, measures) = tallies[width..].split_at(classes);
    let found = expected_of_tallies(of_own, sketch.rows, scores, &measures[..MEASURES]).unwrap();
    for (found, exact) in
        [(found.log_loss, exact.log_loss), (found.accuracy, exact.accuracy), (found.brier, exact.brier)]
    {
        assert!((found.value - exact.value).abs() < 1e-6, "{found:?} {exact:?}");
        assert!((found.standard_error / exact.standard_error - 1.0).abs() < 1e-3, "{found:?} {exact:?}");
    }
    for (found, exact) in found.roc_auc.iter().zip(&exact.roc_auc) {
        let (found, exact) = (found.unwrap(), exact.unwrap());
        // The order within a cell is unknown.
        let lost = exact.value - found.value;
        assert!((0.0..0.03).contains(&lost), "{found:?} {exact:?}");
    }
}
