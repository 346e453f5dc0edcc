//! Draws against repeated rows, against closed forms, and independence of threads and order.

use super::*;
use crate::metrics::Metrics;

const NAMES: [&str; 3] = ["NONE", "a", "b"];
const METRICS: usize = Resampled::ALL.len();

/// Rows of customers, some of whom have several, with informative probabilities, many of them equal.
fn example(rows: usize) -> (Vec<String>, Vec<usize>, Vec<f32>) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (mut ids, mut labels, mut probabilities) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        ids.push(format!("C{}", rng.random_range(0..rows * 2 / 3)));
        let a = rng.random_range(1..20) as f32 / 40.0;
        let b = rng.random_range(1..10) as f32 / 40.0;
        let happened: f32 = rng.random();
        labels.push(if happened < a {
            1
        } else if happened < a + b {
            2
        } else {
            0
        });
        probabilities.extend([1.0 - a - b, a, b]);
    }
    (ids, labels, probabilities)
}

fn scores<'s>(labels: &'s [usize], probabilities: &'s [f32]) -> Scores<'s> {
    Scores { labels, probabilities: Matrix::new(probabilities, 3).unwrap(), has_none: true }
}

#[test]
fn a_draw_measures_what_its_rows_written_out_do() {
    let (ids, labels, probabilities) = example(200);
    let bootstrap = Bootstrap::new(&ids, 20, 7);
    let replicates = bootstrap.replicates(&[scores(&labels, &probabilities)]).unwrap().remove(0);
    for (number, drawn) in replicates.0.iter().enumerate() {
        let weights = bootstrap.draw(number as u64);
        assert_eq!(weights.iter().sum::<u32>() as usize, bootstrap.customers);
        let (mut drawn_labels, mut drawn_probabilities) = (Vec::new(), Vec::new());
        for row in 0..labels.len() {
            for _ in 0..weights[bootstrap.customer_of[row] as usize] {
                drawn_labels.push(labels[row]);
                drawn_probabilities.extend_from_slice(&probabilities[row * 3..row * 3 + 3]);
            }
        }
        let all = Metrics::measure(&NAMES, &drawn_labels, &drawn_probabilities).unwrap();
        let takers = Metrics::measure_without_none(&NAMES, &drawn_labels, &drawn_probabilities).unwrap();
        let expected: [f64; METRICS] = [
            all.log_loss,
            all.roc_auc_ovr.unwrap(),
            all.accuracy,
            all.top_3_accuracy,
            all.map_at_3,
            all.brier,
            takers.log_loss,
        ];
        for (metric, (ours, theirs)) in Resampled::ALL.iter().zip(drawn.iter().zip(expected)) {
            assert!((ours - theirs).abs() < 1e-12, "{}: {ours} {theirs}", metric.name());
        }
    }
}

#[test]
fn the_interval_of_a_mean_agrees_with_the_normal_approximation() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let values: Vec<f64> = (0..4000).map(|_| rng.random::<f64>().powi(2)).collect();
    let ids: Vec<usize> = (0..values.len()).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let error = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n / n).sqrt();
    let interval = Bootstrap::new(&ids, 4000, 11).mean(&values).unwrap();
    // With 4000 draws, an end of the interval is itself uncertain by some 4 % of the half width.
    let half = 1.96 * error;
    assert!((interval.low - (mean - half)).abs() < 0.1 * half, "{interval:?}, {mean} ± {half}");
    assert!((interval.high - (mean + half)).abs() < 0.1 * half, "{interval:?}, {mean} ± {half}");
}

#[test]
fn rows_of_one_customer_tell_no_more_than_one() {
    let (_, labels, probabilities) = example(1000);
    let ids: Vec<usize> = (0..1000).collect();
    let single = Bootstrap::new(&ids, 500, 5).replicates(&[scores(&labels, &probabilities)]).unwrap();
    let (ids, labels, probabilities) = (ids.repeat(2), labels.repeat(2), probabilities.repeat(2));
    let doubled = Bootstrap::new(&ids, 500, 5).replicates(&[scores(&labels, &probabilities)]).unwrap();
    for metric in Resampled::ALL {
        let (once, twice) = (single[0].interval(metric).unwrap(), doubled[0].interval(metric).unwrap());
        assert!((once.low - twice.low).abs() < 1e-9 && (once.high - twice.high).abs() < 1e-9);
    }
}

#[test]
fn differences_are_paired() {
    let (ids, labels, probabilities) = example(2000);
    let prior = [0.6f32, 0.25, 0.15].repeat(labels.len());
    let bootstrap = Bootstrap::new(&ids, 300, 9);
    let models = [scores(&labels, &probabilities), scores(&labels, &prior)];
    let found = bootstrap.replicates(&models).unwrap();
    let itself = found[0].difference(&found[0], Resampled::LogLoss).unwrap();
    assert_eq!((itself.low, itself.high), (0.0, 0.0));
    let difference = found[0].difference(&found[1], Resampled::LogLoss).unwrap();
    assert!(difference.high < 0.0, "who knows something is better: {difference:?}");
    // What both models find hard in a draw cancels out.
    let width = |interval: Interval| interval.high - interval.low;
    assert!(width(difference) < width(found[0].interval(Resampled::LogLoss).unwrap()));
    let area = found[1].interval(Resampled::RocAuc).unwrap();
    assert_eq!((area.low, area.high), (0.5, 0.5));
}

#[test]
fn threads_change_no_bit() {
    let (ids, labels, probabilities) = example(500);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            Bootstrap::new(&ids, 64, 2).replicates(&[scores(&labels, &probabilities)]).unwrap().remove(0).0
        })
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn scores_of_other_rows_are_refused() {
    let bootstrap = Bootstrap::new(&[1, 1, 2], 10, 1);
    let probabilities = [0.5, 0.25, 0.25].repeat(3);
    for (labels, rows) in [(2, 3), (3, 2), (4, 3)] {
        let labels = &[0, 1, 2, 0][..labels];
        let refused = bootstrap.replicates(&[scores(labels, &probabilities[..3 * rows])]).unwrap_err();
        let actual = if labels.len() == 3 { rows } else { labels.len() };
        assert_eq!(refused, Error::RowLength { expected: 3, actual });
    }
}

#[test]
fn nothing_to_draw_has_no_interval() {
    let bootstrap = Bootstrap::new::<u32>(&[], 10, 1);
    assert!(bootstrap.mean(&[]).is_none());
    assert!(bootstrap.replicates(&[scores(&[], &[])]).unwrap()[0].interval(Resampled::RocAuc).is_none());
}
