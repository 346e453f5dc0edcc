//! Calibration recovers a known distortion of probabilities, and changes nothing where there was none.

use nextbest_core::matrix::Matrix;
use nextbest_core::model::calibration::{Calibration, LEAST, MAX_TEMPERATURE, MIN_TEMPERATURE};
use nextbest_core::train::{CalibrationChoice, CalibrationMethod, CalibrationRows};
use proptest::collection::vec;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::assert_distributions;

const CLASSES: usize = 4;

/// Rows whose true probabilities are known.
struct Truth {
    probabilities: Vec<f32>,
    labels: Vec<usize>,
}

impl Truth {
    /// Probabilities of all sizes, each class rarer than the one before, with labels drawn from them.
    fn draw(count: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut truth = Self { probabilities: Vec::new(), labels: Vec::new() };
        for _ in 0..count {
            let scores: Vec<f64> =
                (0..CLASSES).map(|class| rng.random_range(-2.0..2.0) - 0.5 * class as f64).collect();
            let row = softmax(&scores);
            let mut left = rng.random_range(0.0..1.0f64);
            let label = row.iter().position(|probability| {
                left -= f64::from(*probability);
                left < 0.0
            });
            truth.labels.push(label.unwrap_or(CLASSES - 1));
            truth.probabilities.extend(row);
        }
        truth
    }

    /// The output of a model that distorts the logarithms of the true probabilities.
    fn distorted(&self, distort: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f32> {
        let rows = self.probabilities.chunks_exact(CLASSES);
        rows.flat_map(|row| softmax(&distort(&row.iter().map(|it| f64::from(*it).ln()).collect::<Vec<_>>())))
            .collect()
    }

    fn choose(&self, probabilities: &[f32], wanted: Option<CalibrationMethod>) -> CalibrationChoice {
        choose(CLASSES, probabilities, &self.labels, wanted)
    }

    /// The mean distance of calibrated probabilities from the true ones.
    fn distance(&self, calibration: &Calibration, probabilities: &[f32]) -> f64 {
        let mut probabilities = probabilities.to_vec();
        probabilities.chunks_exact_mut(CLASSES).for_each(|row| calibration.apply(row));
        let distances = probabilities.iter().zip(&self.probabilities).map(|(a, b)| f64::from((a - b).abs()));
        distances.sum::<f64>() / probabilities.len() as f64
    }
}

fn choose(
    class_count: usize,
    probabilities: &[f32],
    labels: &[usize],
    wanted: Option<CalibrationMethod>,
) -> CalibrationChoice {
    let groups: Vec<usize> = (0..labels.len()).collect();
    let probabilities = Matrix::new(probabilities, class_count).unwrap();
    CalibrationRows { probabilities, labels, groups: &groups }.choose(wanted).unwrap()
}

fn softmax(scores: &[f64]) -> Vec<f32> {
    let total: f64 = scores.iter().map(|score| score.exp()).sum();
    scores.iter().map(|score| (score.exp() / total) as f32).collect()
}

#[test]
fn what_is_true_already_is_left_alone() {
    let truth = Truth::draw(20_000);
    let choice = truth.choose(&truth.probabilities, None);
    assert_eq!(choice.calibration, Calibration::None, "{choice:?}");
    let methods: Vec<&str> = choice.trials.iter().map(|trial| trial.method.name()).collect();
    assert_eq!(methods, ["none", "temperature", "dirichlet", "isotonic"]);
    let loss = choice.trials[0].log_loss;
    assert!(choice.trials.iter().all(|trial| trial.log_loss >= loss - trial.standard_error), "{choice:?}");
}

#[test]
fn a_known_temperature_is_found() {
    let truth = Truth::draw(20_000);
    for temperature in [0.5f32, 2.5] {
        let said = truth.distorted(|logs| logs.iter().map(|log| log * f64::from(temperature)).collect());
        let choice = truth.choose(&said, None);
        let Calibration::Temperature { temperature: found } = choice.calibration else {
            panic!("{choice:?}")
        };
        assert!((found / temperature - 1.0).abs() < 0.03, "{found} instead of {temperature}");
        assert!(choice.trials[1].calibration_error < choice.trials[0].calibration_error / 2.0, "{choice:?}");
    }
}

#[test]
fn known_weights_are_found() {
    let truth = Truth::draw(40_000);
    // The second class is overestimated, and the first class's logarithm leaks into the third's.
    let said = truth.distorted(|logs| vec![logs[0], logs[1] + 1.0, logs[2] + 0.4 * logs[0], logs[3]]);
    let choice = truth.choose(&said, None);
    assert!(matches!(choice.calibration, Calibration::Dirichlet { .. }), "{choice:?}");
    assert!(choice.trials[2].deviation.is_some());
    let (before, after) =
        (truth.distance(&Calibration::None, &said), truth.distance(&choice.calibration, &said));
    assert!(after < 0.01 && before > 5.0 * after, "{before} became {after}");
}

#[test]
fn a_known_curve_is_found_and_never_falls() {
    // Two classes: an event predicted with probability x happens in 10 % of the cases up to a half, and in 90
    // % beyond.
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let (mut said, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..20_000 {
        let x: f32 = rng.random_range(0.0..1.0);
        said.extend([1.0 - x, x]);
        labels.push(usize::from(rng.random_bool(if x < 0.5 { 0.1 } else { 0.9 })));
    }
    let choice = choose(2, &said, &labels, None);
    let Calibration::Isotonic { curves } = &choice.calibration else { panic!("{choice:?}") };
    for (x, expected) in [(0.1, 0.1), (0.4, 0.1), (0.6, 0.9), (0.9, 0.9)] {
        let mut row = [1.0 - x, x];
        choice.calibration.apply(&mut row);
        assert!((row[1] - expected).abs() < 0.04, "{x} became {row:?}");
    }
    for curve in curves {
        let heights: Vec<f32> = (0..=10_000).map(|n| curve.at(n as f32 / 10_000.0)).collect();
        assert!(heights.is_sorted());
    }
}

#[test]
fn few_rows_teach_nothing_and_a_reason_is_given() {
    let truth = Truth::draw(300);
    let said = truth.distorted(|logs| logs.iter().map(|log| log * 3.0).collect());
    let first = |count: usize, labels: &[usize], wanted| {
        choose(CLASSES, &said[..count * CLASSES], &labels[..count], wanted)
    };
    let few = first(24, &truth.labels, None);
    assert_eq!((&few.calibration, few.trials.len()), (&Calibration::None, 1));
    assert_eq!(few.reason, "24 rows of 24 customers are too few to learn from");
    let wanted = first(24, &truth.labels, Some(CalibrationMethod::Temperature));
    assert_eq!((wanted.calibration, wanted.reason), (Calibration::None, few.reason));
    // The rows of one customer can't be split.
    let groups = vec![7; 300];
    let rows = CalibrationRows {
        probabilities: Matrix::new(&said, CLASSES).unwrap(),
        labels: &truth.labels,
        groups: &groups,
    };
    assert_eq!(rows.choose(None).unwrap().reason, "300 rows of 1 customers are too few to learn from");
    let ragged = CalibrationRows { groups: &groups[1..], ..rows };
    assert!(ragged.choose(None).unwrap_err().to_string().contains("299 groups do not fit"));
    let foreign = CalibrationRows { probabilities: Matrix::new(&said[..900], 3).unwrap(), ..rows };
    assert!(foreign.choose(None).unwrap_err().to_string().contains("do not fit 3 classes"));
}

#[test]
fn of_a_class_that_does_not_occur_nothing_is_learned() {
    let truth = Truth::draw(20_000);
    // The model has a fifth class, which never happens, and overestimates the second.
    let distorted = truth.distorted(|logs| vec![logs[0], logs[1] + 1.0, logs[2] + 0.4 * logs[0], logs[3]]);
    let with_fifth = |row: &[f32]| row.iter().map(|it| it * 0.999).chain([0.001]).collect::<Vec<_>>();
    let said: Vec<f32> = distorted.chunks(CLASSES).flat_map(with_fifth).collect();
    let choice = choose(CLASSES + 1, &said, &truth.labels, None);
    assert!(choice.reason.ends_with("1 classes have too few rows to learn from"), "{}", choice.reason);
    let Calibration::Dirichlet { weights, intercepts } = &choice.calibration else { panic!("{choice:?}") };
    assert_eq!((weights[20..].to_vec(), intercepts[4]), (vec![0.0, 0.0, 0.0, 0.0, 1.0], 0.0));
    assert!(
        weights.chunks(5).take(4).all(|line| line[4] == 0.0) && intercepts[1] < intercepts[0] - 0.5,
        "{choice:?}"
    );
    let isotonic = choose(CLASSES + 1, &said, &truth.labels, Some(CalibrationMethod::Isotonic)).calibration;
    let mut row = said[..5].to_vec();
    isotonic.apply(&mut row);
    assert!((row[4] - 0.001).abs() < 1e-4, "{row:?}");
}

#[test]
fn what_is_wanted_is_done() {
    let truth = Truth::draw(2000);
    for (wanted, tried) in [
        (CalibrationMethod::None, 1),
        (CalibrationMethod::Temperature, 2),
        (CalibrationMethod::Dirichlet, 2),
        (CalibrationMethod::Isotonic, 2),
    ] {
        let choice = truth.choose(&truth.probabilities, Some(wanted));
        assert_eq!(choice.calibration.name(), wanted.name());
        assert_eq!((choice.trials.len(), choice.reason.as_str()), (tried, "as configured"));
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let truth = Truth::draw(20_000);
    let said = truth.distorted(|logs| vec![logs[0] * 1.2, logs[1] + 1.0, logs[2], logs[3] + 0.2 * logs[0]]);
    for wanted in [CalibrationMethod::Temperature, CalibrationMethod::Dirichlet, CalibrationMethod::Isotonic]
    {
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| truth.choose(&said, Some(wanted)))
        };
        assert_eq!(on(1), on(3));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Certain, impossible and even probabilities, with any labels: the results are finite and are
    /// distributions.
    #[test]
    fn anything_can_be_calibrated(
        rows in vec((0..5usize, 0..3usize), 60..200),
        wanted in proptest::sample::select(vec![
            CalibrationMethod::Temperature, CalibrationMethod::Dirichlet, CalibrationMethod::Isotonic,
        ]),
    ) {
        let kinds = [[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0], [1.0 / 3.0; 3], [0.999, LEAST, 0.001]];
        let said: Vec<f32> = rows.iter().flat_map(|(kind, _)| kinds[*kind]).collect();
        let labels: Vec<usize> = rows.iter().map(|(_, label)| *label).collect();
        let calibration = choose(3, &said, &labels, Some(wanted)).calibration;
        if let Calibration::Temperature { temperature } = calibration {
            prop_assert!((MIN_TEMPERATURE..=MAX_TEMPERATURE).contains(&temperature));
        }
        let calibrated: Vec<Vec<f32>> = said.chunks(3).map(|row| {
            let mut row = row.to_vec();
            calibration.apply(&mut row);
            row
        }).collect();
        assert_distributions(&calibrated);
    }
}
