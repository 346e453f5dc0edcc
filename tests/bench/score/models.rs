//! A random forest and boosted trees of the shared task, each as a bundle of a plain table and as trees for
//! the peers.

use std::path::Path;

use nextbest_bench::shared_task::{CLASSES, FEATURES, Failure, bundle, read, read_classes};
use nextbest_core::matrix::Matrix;
use nextbest_core::train::{BoostParams, Dataset, ForestParams, fit_bins};

use super::trees;

pub(super) fn write(task: &Path, out: &Path) -> Result<(), Failure> {
    let rows = read(&task.join("X_train.f32"), f32::from_le_bytes)?;
    let labels = read_classes(&task.join("y_train.i32"))?;
    let test = read(&task.join("X_test.f32"), f32::from_le_bytes)?;
    let bins = fit_bins(Matrix::new(&rows, FEATURES)?, 255)?;
    // Without categories: not every peer knows splits by a set.
    let data = Dataset::new(&bins, &rows, &labels, CLASSES)?;
    // As in bench-train.
    let params = ForestParams { min_samples_leaf: 5, leaf_smoothing: 0.0, ..ForestParams::default() };
    let params = params.check()?;
    let (forest, _) = params.with_small_leaves(&data, params.fit(&data, || ())?.forest)?;
    let boosted = BoostParams::default().check()?.fit(&data, None, || ())?.forest;
    for (name, algorithm, forest) in
        [("forest", "random_forest", forest), ("boosted", "gradient_boosting", boosted)]
    {
        let folder = out.join(name);
        std::fs::create_dir_all(&folder)?;
        trees::write_all(&folder, &forest, &bins)?;
        let bundle = bundle(algorithm, bins.clone(), forest, &test)?;
        std::fs::write(folder.join("model.bundle"), bundle.encode()?)?;
    }
    Ok(())
}
