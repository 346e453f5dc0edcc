//! A random forest and boosted trees of the shared task, each as a bundle of a plain table and as trees for the peers.

use std::path::Path;

use nextbest_core::Bundle;
use nextbest_core::features::{Expression, FeatureDefinition, Transform};
use nextbest_core::model::Model;
use nextbest_core::model::bins::Bins;
use nextbest_core::model::bundle::Golden;
use nextbest_core::model::calibration::Calibration;
use nextbest_core::model::card::Card;
use nextbest_core::model::forest::Forest;
use nextbest_core::policy::PolicyDefinition;
use nextbest_core::schema::{Column, ColumnKind, SchemaDefinition, Table, Task};
use nextbest_core::score::Scorer;
use nextbest_core::train::{BoostParams, Dataset, ForestParams, fit_bins};

use super::{CLASSES, FEATURES, Failure, read, trees};

const GOLDENS: usize = 16;

pub(super) fn write(task: &Path, out: &Path) -> Result<(), Failure> {
    let rows = read(&task.join("X_train.f32"), f32::from_le_bytes)?;
    let labels = read(&task.join("y_train.i32"), i32::from_le_bytes)?;
    let labels = labels.into_iter().map(usize::try_from).collect::<Result<Vec<_>, _>>()?;
    let test = read(&task.join("X_test.f32"), f32::from_le_bytes)?;
    let bins = fit_bins(&rows, FEATURES, 255)?;
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
        let bundle = bundle(algorithm, &bins, forest, &test)?;
        std::fs::write(folder.join("model.bundle"), bundle.encode()?)?;
    }
    Ok(())
}

fn bundle(algorithm: &str, bins: &Bins, forest: Forest, rows: &[f32]) -> Result<Bundle, Failure> {
    let mut bundle = Bundle {
        schema: schema().try_into()?,
        features: (0..FEATURES).map(feature).collect(),
        bins: bins.clone(),
        model: Model::Forest(forest),
        calibration: Calibration::None,
        policy: PolicyDefinition::default(),
        reference: vec![0.0; FEATURES],
        goldens: Vec::new(),
        card: Card { name: "bench".into(), algorithm: algorithm.into(), ..Card::default() },
    };
    let mut scorer = Scorer::new(&bundle);
    let golden = |row: &[f32]| {
        scorer.score(row).map(|scored| Golden { row: row.to_vec(), probabilities: scored.to_vec() })
    };
    let goldens = rows.chunks_exact(FEATURES).take(GOLDENS).map(golden).collect::<Result<_, _>>()?;
    bundle.goldens = goldens;
    bundle.check()?;
    Ok(bundle)
}

fn schema() -> SchemaDefinition {
    let column = |name, kind| Column { name, kind, current: false };
    let words = (0..CLASSES).map(|class| format!("c{class}")).collect();
    let mut columns: Vec<Column> =
        (0..FEATURES).map(|position| column(format!("f{position}"), ColumnKind::Number)).collect();
    columns.push(column("LABEL".into(), ColumnKind::Category(words)));
    SchemaDefinition {
        customer: Table { name: "row".into(), time: None, columns },
        established: None,
        birth_date: None,
        tables: Vec::new(),
        holdings: Vec::new(),
        products: Vec::new(),
        horizon_days: 0,
        task: Task::Label { column: "LABEL".into() },
    }
}

fn feature(position: usize) -> FeatureDefinition {
    let name = format!("f{position}");
    FeatureDefinition {
        label: name.clone(),
        group: "table".into(),
        expression: Expression::Attribute { column: name.clone(), transform: Transform::Value },
        name,
        missing: None,
    }
}
