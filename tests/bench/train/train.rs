//! The native part of `make bench-train`: `bench-train FOLDER LEARNER THREADS OUT` learns the shared task, as
//! task.py lays it out, writes the test rows' probabilities and prints how long it took from single-precision
//! numbers in memory, the choice of bins included.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use nextbest_core::matrix::Matrix;
use nextbest_core::model::Model;
use nextbest_core::model::forest::Scratch;
use nextbest_core::train::{BoostParams, Dataset, ForestParams, LogisticParams, fit_bins};

type Failure = Box<dyn std::error::Error>;

const FEATURES: usize = 40;
/// The last four features are categories.
const NUMBERS: usize = 36;
const CLASSES: usize = 8;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, learner, threads, out] = arguments.as_slice() else {
        return Err("usage: bench-train FOLDER LEARNER THREADS OUT".into());
    };
    let folder = Path::new(folder);
    let rows = numbers(&folder.join("X_train.f32"), f32::from_le_bytes)?;
    let labels = numbers(&folder.join("y_train.i32"), i32::from_le_bytes)?;
    let labels = labels.into_iter().map(usize::try_from).collect::<Result<Vec<_>, _>>()?;
    let test = numbers(&folder.join("X_test.f32"), f32::from_le_bytes)?;
    rayon::ThreadPoolBuilder::new().num_threads(threads.parse()?).build_global()?;

    let started = Instant::now();
    let bins = fit_bins(Matrix::new(&rows, FEATURES)?, 255)?;
    let categories: Vec<bool> = (0..FEATURES).map(|feature| feature >= NUMBERS).collect();
    let data = Dataset::new(&bins, &rows, &labels, CLASSES)?.with_categories(&categories);
    let model = fit(learner, &data)?;
    let seconds = started.elapsed().as_secs_f64();

    let mut written = std::io::BufWriter::new(std::fs::File::create(out)?);
    let (mut binned, mut probabilities) = ([0; FEATURES], [0f32; CLASSES]);
    let mut scratch = Scratch::default();
    for row in test.chunks_exact(FEATURES) {
        bins.bin_row(row, &mut binned);
        model.predict(&binned, &mut scratch, &mut probabilities);
        probabilities.iter().try_for_each(|value| written.write_all(&value.to_le_bytes()))?;
    }
    written.flush()?;
    writeln!(std::io::stdout(), "{seconds}")?;
    Ok(())
}

fn fit(learner: &str, data: &Dataset) -> Result<Model, Failure> {
    match learner {
        "random_forest" => {
            // scikit-learn's leaves are not smoothed.
            let params = ForestParams { min_samples_leaf: 5, leaf_smoothing: 0.0, ..ForestParams::default() };
            Ok(Model::Forest(params.check()?.fit(data, || ())?.forest))
        }
        "gradient_boosting" => {
            Ok(Model::Forest(BoostParams::default().check()?.fit(data, None, || ())?.forest))
        }
        // Rows this many and clear need a weak penalty, as scikit-learn's default is.
        "logistic_regression" => {
            Ok(Model::Linear(LogisticParams { alpha: 1.0, ..LogisticParams::default() }.fit(data)?.model))
        }
        other => Err(format!("no learner {other}").into()),
    }
}

fn numbers<N>(path: &Path, number: fn([u8; 4]) -> N) -> Result<Vec<N>, Failure> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (chunks, _) = bytes.as_chunks::<4>();
    Ok(chunks.iter().map(|chunk| number(*chunk)).collect())
}
