//! The task that the benches share with the peers, as tests/bench/train/task.py lays it out, and bundles of
//! models of it.

use std::path::Path;

use nextbest_core::Bundle;
use nextbest_core::bundle::Golden;
use nextbest_core::bundle::card::Card;
use nextbest_core::bundle::validity::Validity;
use nextbest_core::features::{Expression, FeatureDefinition, Transform};
use nextbest_core::model::Model;
use nextbest_core::model::bins::Bins;
use nextbest_core::model::calibration::Calibration;
use nextbest_core::model::forest::Forest;
use nextbest_core::policy::PolicyDefinition;
use nextbest_core::schema::{Column, ColumnKind, SchemaDefinition, Table, Task};
use nextbest_core::time::Clock;

/// What stops a bench.
pub type Failure = Box<dyn std::error::Error>;

/// How many features a row has.
pub const FEATURES: usize = 40;
/// So many of them are numbers; the others are categories.
pub const NUMBERS: usize = 36;
/// How many classes there are.
pub const CLASSES: usize = 8;
/// A bundle carries so many golden rows.
const GOLDENS: usize = 16;

/// The numbers of a file, four bytes each.
///
/// # Errors
/// Where it can't be read.
pub fn read<N>(path: &Path, number: fn([u8; 4]) -> N) -> Result<Vec<N>, Failure> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (chunks, _) = bytes.as_chunks::<4>();
    Ok(chunks.iter().map(|chunk| number(*chunk)).collect())
}

/// The classes of a file.
///
/// # Errors
/// Where it can't be read, or one is below 0.
pub fn read_classes(path: &Path) -> Result<Vec<usize>, Failure> {
    let labels = read(path, i32::from_le_bytes)?;
    Ok(labels.into_iter().map(usize::try_from).collect::<Result<_, _>>()?)
}

/// A forest as the bundle of a plain table, with some of the rows as golden rows.
///
/// # Errors
/// Where the forest does not fit the task.
pub fn bundle(algorithm: &str, bins: Bins, forest: Forest, rows: &[f32]) -> Result<Bundle, Failure> {
    let mut bundle = Bundle {
        schema: schema().try_into()?,
        features: (0..FEATURES).map(feature).collect(),
        bins,
        model: Model::Forest(forest),
        calibration: Calibration::None,
        policy: PolicyDefinition::default(),
        validity: Validity::default(),
        reference: rows.iter().take(FEATURES).copied().collect(),
        goldens: Vec::new(),
        card: Card { name: "bench".into(), algorithm: algorithm.into(), ..Card::default() },
        profile: None,
    };
    let mut scorer = bundle.scorer();
    let golden = |row: &[f32]| {
        scorer.score(row).map(|scored| Golden { row: row.to_vec(), probabilities: scored.to_vec() })
    };
    let goldens = rows.chunks_exact(FEATURES).take(GOLDENS).map(golden).collect::<Result<_, _>>()?;
    bundle.goldens = goldens;
    bundle.check()?;
    Ok(bundle)
}

/// A plain table of numbers, with a class in its last column.
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
        clock: Clock::default(),
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
