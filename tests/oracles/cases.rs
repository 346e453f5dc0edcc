//! Fits calibrations and logistic regressions to made-up rows and prints both as JSON, for fits.py to compare
//! with scikit-learn and SciPy; and the clocks of some zones, for clocks.py to compare with Python's.

use std::io::Write as _;

use nextbest::config::DataSource;
use nextbest_core::matrix::Matrix;
use nextbest_core::model::Model;
use nextbest_core::model::forest::Scratch;
use nextbest_core::train::{CalibrationMethod, CalibrationRows, Dataset, LogisticParams, fit_bins};
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let calibrations = [(2, 400), (4, 3000), (9, 20_000)];
    let regressions = [(2, 500, 1.0), (4, 3000, 1.0), (7, 5000, 30.0), (4, 300, 0.1)];
    let cases = json!({
        "calibrations":
            calibrations.into_iter().map(|(classes, rows)| calibration(classes, rows)).collect::<Result<Vec<_>, _>>()?,
        "regressions": regressions
            .into_iter()
            .map(|(classes, rows, alpha)| regression(classes, rows, alpha))
            .collect::<Result<Vec<_>, _>>()?,
        "clocks": ZONES.into_iter().map(clock).collect::<Result<Vec<_>, _>>()?,
    });
    Ok(writeln!(std::io::stdout(), "{cases}")?)
}

/// Zones with and without summer time, in the southern half, with halves and quarters of hours, with days
/// left out or had twice.
const ZONES: [&str; 24] = [
    "UTC",
    "Europe/Prague",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Moscow",
    "Europe/Istanbul",
    "America/New_York",
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Santiago",
    "America/Caracas",
    "Africa/Cairo",
    "Africa/Johannesburg",
    "Africa/Casablanca",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Asia/Manila",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kwajalein",
];

fn clock(zone: &str) -> Result<Value, Failure> {
    let source = DataSource { time_zone: zone.into(), ..DataSource::default() };
    Ok(serde_json::to_value(source.clock()?)?)
}

/// Rows of a model that is too sure of itself and believes too much in the last class.
fn calibration(classes: usize, count: usize) -> Result<Value, Failure> {
    let mut random = Random(classes as u64);
    let (mut probabilities, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let truth: Vec<f64> = (0..classes).map(|class| 3.0 * random.next() - 0.3 * class as f64).collect();
        labels.push(random.draw(&truth));
        let said = truth
            .iter()
            .enumerate()
            .map(|(class, score)| 1.7 * score + if class + 1 == classes { 0.8 } else { 0.0 });
        // Rounded, so that some are equal.
        probabilities.extend(
            softmax(&said.collect::<Vec<_>>()).iter().map(|it| ((it * 500.0).round() / 500.0) as f32),
        );
    }
    let groups: Vec<usize> = (0..count).collect();
    let rows = CalibrationRows {
        probabilities: Matrix::new(&probabilities, classes)?,
        labels: &labels,
        groups: &groups,
    };
    let fit = |method: CalibrationMethod| {
        let choice = rows.choose(Some(method))?;
        let deviation = choice.trials.last().and_then(|trial| trial.deviation);
        Ok(json!({ "calibration": choice.calibration, "deviation": deviation }))
    };
    let fits = [CalibrationMethod::Temperature, CalibrationMethod::Dirichlet, CalibrationMethod::Isotonic];
    let fits = fits.into_iter().map(fit).collect::<Result<Vec<_>, Failure>>()?;
    Ok(json!({ "classes": classes, "probabilities": probabilities, "labels": labels, "fits": fits }))
}

/// Rows of three numbers (with missing values, heavy tails and few values) and a category, whose order means
/// nothing.
fn regression(classes: usize, count: usize, alpha: f64) -> Result<Value, Failure> {
    let mut random = Random(count as u64);
    let (mut rows, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let amount = (6.0 * random.next()).exp();
        let (visits, word) = ((4.0 * random.next()).floor(), (5.0 * random.next()).floor());
        let balance = if random.next() < 0.2 { f64::NAN } else { random.next() - 0.5 };
        let scores: Vec<f64> = (0..classes)
            .map(|class| {
                let class = class as f64;
                0.3 * class * amount.ln() - 0.4 * visits * class - (word - class).rem_euclid(3.0)
            })
            .collect();
        labels.push(random.draw(&scores));
        rows.extend([amount, visits, balance, word].map(|value| value as f32));
    }
    let bins = fit_bins(Matrix::new(&rows, 4)?, 255)?;
    let data = Dataset::new(&bins, &rows, &labels, classes)?.with_categories(&[false, false, false, true]);
    let fitted = LogisticParams { alpha, max_iter: 2000, tolerance: 1e-8 }.fit(&data)?;
    let model = Model::Linear(fitted.model);
    let mut binned = Vec::new();
    let mut scratch = Scratch::default();
    let mut probabilities = Vec::new();
    for row in rows.chunks_exact(4) {
        let (mut bins_of_row, mut of_row) = (vec![0; 4], vec![0.0; classes]);
        bins.bin_row(row, &mut bins_of_row);
        model.predict(&bins_of_row, &mut scratch, &mut of_row);
        binned.push(bins_of_row);
        probabilities.push(of_row);
    }
    Ok(json!({
        "alpha": alpha, "converged": fitted.converged, "bins": binned, "labels": labels, "probabilities": probabilities,
    }))
}

fn softmax(scores: &[f64]) -> Vec<f64> {
    let total: f64 = scores.iter().map(|score| score.exp()).sum();
    scores.iter().map(|score| score.exp() / total).collect()
}

/// SplitMix64: random enough for rows that two sides see alike.
struct Random(u64);

impl Random {
    /// From 0 to 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A class, by the softmax of scores.
    fn draw(&mut self, scores: &[f64]) -> usize {
        let mut left = self.next();
        let is_it = |probability: &f64| {
            left -= probability;
            left < 0.0
        };
        softmax(scores).iter().position(is_it).unwrap_or(scores.len() - 1)
    }
}
