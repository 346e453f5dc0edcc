//! The native half of `make bench`: the main job on the synthetic bank, timed by its own clock, and the
//! scorer.
//!
//! Prints Markdown, and leaves the bundle and the rows it scored in target/bench for the other half
//! (bench.mjs).

#![expect(clippy::print_stdout, reason = "the numbers are the output")]
#![expect(clippy::indexing_slicing, reason = "indexing a JSON value gives null where there is nothing")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use nextbest_core::recommend::{Options, Recommender};
use serde_json::Value;

type Failure = Box<dyn std::error::Error>;

/// Each scoring figure is the median of so many rounds.
const ROUNDS: usize = 9;
/// So many rows are scored one by one for the percentiles.
const SINGLE_ROWS: usize = 20_000;

fn main() -> Result<(), Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/bench");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    pipeline(&folder)?;
    scoring(&folder)
}

/// Runs a command of the release binary in the folder and gives its JSON and the seconds it took.
fn run(folder: &Path, arguments: &[&str]) -> Result<(Value, f64), Failure> {
    let program = std::env::current_exe()?.with_file_name("nextbest");
    let started = Instant::now();
    let output = Command::new(&program).args(arguments).arg("--json").current_dir(folder).output()?;
    let seconds = started.elapsed().as_secs_f64();
    if !output.status.success() {
        return Err(format!("{program:?} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok((serde_json::from_slice(&output.stdout)?, seconds))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

fn pipeline(folder: &Path) -> Result<(), Failure> {
    let (generated, generate) = run(folder, &["generate"])?;
    let tables = generated["tables"].as_array().cloned().unwrap_or_default();
    let rows: f64 = tables.iter().map(|table| number(&table["rows"])).sum();
    let bytes: f64 = tables.iter().map(|table| number(&table["bytes"])).sum();
    let (computed, _) = run(folder, &["features"])?;
    let (read, compute) = (number(&computed["read_seconds"]), number(&computed["compute_seconds"]));
    let values = number(&computed["rows"]) * number(&computed["features"]);
    // Each kind once, where its tuning starts.
    let train = |algorithm: &str, threads: &str| {
        run(folder, &["train", "--budget", "0", "--algorithm", algorithm, "--threads", threads])
    };
    let (forest, _) = train("random_forest", "2")?;
    let (one_thread, _) = train("random_forest", "1")?;
    let (boosting, _) = train("gradient_boosting", "2")?;
    let (logistic, _) = train("logistic_regression", "2")?;
    // The model that is scored below is the one that the defaults choose.
    run(folder, &["train"])?;
    let (_, evaluate) = run(folder, &["evaluate"])?;
    run(folder, &["export", "--samples", "12"])?;
    println!("| station | work | seconds | rate |\n|---|---|---|---|");
    let line = |station: &str, work: String, seconds: f64, count: f64, unit: &str| {
        println!("| {station} | {work} | {seconds:.2} | {:.2} M {unit}/s |", count / seconds / 1e6);
    };
    let megabytes = bytes / 1e6;
    line("generate", format!("{:.2} M rows, {megabytes:.0} MB of CSV", rows / 1e6), generate, rows, "rows");
    line("features: read and join", format!("{:.2} M rows", rows / 1e6), read, rows, "rows");
    let work = format!("{} rows × {} features", computed["rows"], computed["features"]);
    line("features: compute", work, compute, values, "features");
    for (name, trained) in [
        ("random forest", &forest),
        ("random forest, one thread", &one_thread),
        ("gradient boosting", &boosting),
        ("logistic regression", &logistic),
    ] {
        println!(
            "| train: {name} | fitted twice, on train and on train + validation ({} rows), and calibrated | \
             {:.2} | |",
            trained["training_rows"],
            number(&trained["seconds"])
        );
    }
    println!(
        "| evaluate | the chosen model, two others and two baselines, with intervals and charts | \
         {evaluate:.2} | |"
    );
    Ok(())
}

fn scoring(folder: &Path) -> Result<(), Failure> {
    let bytes = std::fs::read(folder.join("outputs/bundle/nextbest.bundle"))?;
    let recommender = Recommender::load(&bytes)?;
    let width = recommender.bundle().features.len();
    let rows = feature_rows(&folder.join("data/processed/customer_product_features.csv"), width)?;
    std::fs::write(
        folder.join("rows.f32"),
        rows.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>(),
    )?;
    let count = rows.len() / width;
    let mut scorer = recommender.bundle().scorer();
    let batch = median((0..ROUNDS).map(|_| seconds(|| scorer.score_batch(&rows, count).map(|_| ()))));
    let mut singles = Vec::new();
    for row in rows.chunks_exact(width).cycle().take(SINGLE_ROWS) {
        singles.push(seconds(|| scorer.score(row).map(|_| ())));
    }
    let samples: Vec<Value> =
        serde_json::from_slice(&std::fs::read(folder.join("outputs/bundle/customers.json"))?)?;
    let mut offers = Vec::new();
    for sample in &samples {
        let as_of =
            nextbest_core::time::parse(sample["asOf"].as_str().unwrap_or_default()).unwrap_or_default();
        let customer = sample["customer"].to_string();
        for _ in 0..ROUNDS * 5 {
            offers.push(seconds(|| {
                let customers = nextbest_core::customers::read_customer(recommender.schema(), &customer)?;
                let customer =
                    customers.get(0).ok_or(nextbest_core::Error::Training("no customer".into()))?;
                recommender
                    .recommend(&customer, Options { explain: true, ..Options::new(as_of, 3) })
                    .map(|_| ())
            }));
        }
    }
    println!("\n| scoring, native, one thread | |\n|---|---|");
    println!("| batch of {count} rows | {:.0} rows/s |", count as f64 / batch);
    println!(
        "| one row, p50 / p99 | {:.1} / {:.1} µs |",
        at(&mut singles, 0.5) * 1e6,
        at(&mut singles, 0.99) * 1e6
    );
    println!("| a customer's raw rows → offers with reasons, p50 | {:.0} µs |", at(&mut offers, 0.5) * 1e6);
    Ok(())
}

/// The features of a feature table's CSV: its columns from the fifth on, empty cells missing.
fn feature_rows(path: &PathBuf, width: usize) -> Result<Vec<f32>, Failure> {
    let text = std::fs::read_to_string(path)?;
    let mut rows = Vec::new();
    for line in text.lines().skip(1).step_by(5) {
        let cells = line.split(',').skip(4).map(|cell| cell.parse().unwrap_or(f32::NAN));
        rows.extend(cells.take(width));
    }
    Ok(rows)
}

fn seconds(work: impl FnOnce() -> Result<(), nextbest_core::Error>) -> f64 {
    let started = Instant::now();
    let done = work();
    let elapsed = started.elapsed().as_secs_f64();
    if done.is_err() { f64::NAN } else { elapsed }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    at(&mut values.collect::<Vec<f64>>(), 0.5)
}

/// The value at a share of the sorted values.
fn at(values: &mut [f64], share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get((values.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN)
}
