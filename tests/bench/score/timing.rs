//! Our scorer on the test rows, as native.py measures the peers: all at once, and one by one in scattered
//! order.

use std::path::Path;
use std::time::{Duration, Instant};

use nextbest_core::Bundle;
use serde_json::{Value, json};

use nextbest_bench::shared_task::{FEATURES, Failure, read};

use super::write;

const BATCHES: usize = 3;

pub(super) fn measure(task: &Path, bundle: &Path, out: &Path) -> Result<Value, Failure> {
    let rows = read(&task.join("X_test.f32"), f32::from_le_bytes)?;
    let count = rows.len() / FEATURES;
    let bundle = Bundle::decode(&std::fs::read(bundle)?)?;
    let mut scorer = bundle.scorer();

    // The first time warms up.
    write(out, &scorer.score_batch(&rows, count)?, f32::to_le_bytes)?;
    let mut batches = Vec::new();
    for _ in 0..BATCHES {
        let started = Instant::now();
        let probabilities = scorer.score_batch(&rows, count)?;
        batches.push(started.elapsed());
        std::hint::black_box(probabilities);
    }
    let mut singles = Vec::new();
    for i in 0..count {
        // So that a row is never beside the one before.
        let position = i * 7919 % count * FEATURES;
        let row = rows.get(position..position + FEATURES).unwrap_or_default();
        let started = Instant::now();
        std::hint::black_box(scorer.score(row)?);
        singles.push(started.elapsed());
    }
    let microseconds = |time: Duration| time.as_secs_f64() * 1e6;
    Ok(json!({
        "rows_per_second": count as f64 / at(&mut batches, 0.5).as_secs_f64(),
        "p50": microseconds(at(&mut singles, 0.5)),
        "p99": microseconds(at(&mut singles, 0.99)),
    }))
}

fn at(times: &mut [Duration], share: f64) -> Duration {
    times.sort();
    times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default()
}
