//! `make bench-size`: `bench-size FOLDER LEARNER BYTES` learns the shared task, as task.py lays it out, and
//! makes the model smaller until its bundle has so many bytes after brotli. What goes is decided by the last
//! fifth of the training rows, which a model that learned from the others alone is judged by; what is shipped
//! has learned from all. The test rows only tell how good it is. Prints Markdown.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use nextbest_bench::shared_task::{CLASSES, FEATURES, Failure, NUMBERS, bundle, read, read_classes};
use nextbest_core::matrix::Matrix;
use nextbest_core::metrics::log_loss;
use nextbest_core::model::bins::Bins;
use nextbest_core::model::calibration::Calibration;
use nextbest_core::model::forest::Forest;
use nextbest_core::train::drop_unused_edges;
use nextbest_core::train::shrink::{Prunable, Pruning, Sizes, ValidationRows, frontier, search};
use nextbest_core::train::{BoostParams, Dataset, ForestParams, fit_bins};

/// The first four fifths of the rows teach the model that is judged.
const TAUGHT: f64 = 0.8;

/// What all bundles call their algorithm, so that it makes none larger than another.
const SHRUNK: &str = "shrunk";

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, learner, limit] = arguments.as_slice() else {
        return Err("usage: bench-size FOLDER LEARNER BYTES".into());
    };
    let (folder, limit) = (Path::new(folder), limit.parse()?);
    let rows = read(&folder.join("X_train.f32"), f32::from_le_bytes)?;
    let labels = read_classes(&folder.join("y_train.i32"))?;
    let test = read(&folder.join("X_test.f32"), f32::from_le_bytes)?;
    let test_labels = read_classes(&folder.join("y_test.i32"))?;
    let mut out = std::io::stdout().lock();

    let taught = (labels.len() as f64 * TAUGHT) as usize;
    let ((early, late), (early_labels, late_labels)) =
        (rows.split_at(taught * FEATURES), labels.split_at(taught));
    let early_bins = fit_bins(Matrix::new(early, FEATURES)?, 255)?;
    let early_data = dataset(&early_bins, early, early_labels)?;
    let judged = fit(learner, &early_data)?;
    let bins = fit_bins(Matrix::new(&rows, FEATURES)?, 255)?;
    let data = dataset(&bins, &rows, &labels)?;
    let trained = fit(learner, &data)?;

    let started = Instant::now();
    let validation_rows = ValidationRows::new(&dataset(&early_bins, late, late_labels)?, &Calibration::None);
    let judged = Prunable::new(&judged, &early_data);
    let shipped = Shipped { bins: &bins, model: Prunable::new(&trained, &data), test: &test };
    let set_up = started.elapsed().as_secs_f64();
    let points = search(&judged, &validation_rows, &shipped, Some(limit), |_| ())?;
    let seconds = started.elapsed().as_secs_f64();

    writeln!(out, "| model | trees | leaves | validation log-loss | test log-loss | raw | brotli 11 |")?;
    writeln!(out, "|---|---|---|---|---|---|---|")?;
    let mut line = |name: &str, (bins, forest): (Bins, Forest), judged: Option<f64>| -> Result<(), Failure> {
        let judged = judged.map(|loss| format!("{loss:.4}")).unwrap_or_default();
        let (trees, leaves) = (forest.tree_count(), (forest.node_count() + forest.tree_count()) / 2);
        let bundle = bundle(SHRUNK, bins, forest, &test)?;
        let probabilities = bundle.scorer().score_batch(&test, test_labels.len())?;
        let loss = log_loss(&test_labels, Matrix::new(&probabilities, CLASSES)?);
        let bytes = bundle.encode()?;
        let compressed = brotli(&bytes, 11)?;
        Ok(writeln!(
            out,
            "| {name} | {trees} | {leaves} | {judged} | {loss:.4} | {} | {compressed} |",
            bytes.len()
        )?)
    };
    line("as trained", (bins.clone(), trained.clone()), None)?;
    line("without unused edges", drop_unused_edges(&bins, &trained)?, None)?;
    let frontier = frontier(&points);
    let chosen = frontier.iter().find(|point| point.bytes <= limit).copied();
    for (position, point) in frontier.iter().enumerate() {
        // Every fourth is enough to see where it leads.
        if position % 4 == 0 || Some(*point) == chosen {
            let name = if Some(*point) == chosen { "**chosen**" } else { "" };
            let Pruning { trees, leaves, leaf_steps } = point.pruning;
            let name = format!(
                "{name} {:.0} % trees, {:.0} % leaves, {leaf_steps} steps",
                trees * 100.0,
                leaves * 100.0
            );
            line(&name, shipped.model.apply(&point.pruning).compact(&bins)?, Some(point.log_loss))?;
        }
    }
    writeln!(out, "\n{} prunings in {seconds:.1} s, {set_up:.1} s of it before the first", points.len())?;
    Ok(())
}

fn fit(learner: &str, data: &Dataset) -> Result<Forest, Failure> {
    match learner {
        "random_forest" => {
            let params = ForestParams { min_samples_leaf: 5, leaf_smoothing: 0.0, ..ForestParams::default() };
            Ok(params.check()?.fit(data, || ())?.forest)
        }
        "gradient_boosting" => Ok(BoostParams::default().check()?.fit(data, None, || ())?.forest),
        other => Err(format!("no learner {other}").into()),
    }
}

fn dataset(bins: &Bins, rows: &[f32], labels: &[usize]) -> Result<Dataset, Failure> {
    let categories: Vec<bool> = (0..FEATURES).map(|feature| feature >= NUMBERS).collect();
    Ok(Dataset::new(bins, rows, labels, CLASSES)?.with_categories(&categories))
}

/// The model that learned from all rows, and what it takes to ship it.
struct Shipped<'s> {
    bins: &'s Bins,
    model: Prunable,
    test: &'s [f32],
}

impl Shipped<'_> {
    fn size(&self, pruning: &Pruning, quality: i32) -> Result<usize, nextbest_core::Error> {
        let (bins, forest) = self.model.apply(pruning).compact(self.bins)?;
        let other = |error: Failure| nextbest_core::Error::Training(error.to_string());
        let bytes = bundle(SHRUNK, bins, forest, self.test).map_err(other)?.encode()?;
        brotli(&bytes, quality).map_err(other)
    }
}

impl Sizes for Shipped<'_> {
    fn rough(&self, pruning: &Pruning) -> Result<usize, nextbest_core::Error> {
        self.size(pruning, 5)
    }

    fn exact(&self, pruning: &Pruning) -> Result<usize, nextbest_core::Error> {
        self.size(pruning, 11)
    }
}

fn brotli(bytes: &[u8], quality: i32) -> Result<usize, Failure> {
    let params = brotli::enc::BrotliEncoderParams { quality, size_hint: bytes.len(), ..Default::default() };
    Ok(brotli::BrotliCompress(&mut std::io::Cursor::new(bytes), &mut std::io::sink(), &params)?)
}
