//! `make fuzz-inputs`: mutated files of every kind that the command line reads, for a number of seconds each. Every one is
//! read or refused; none panics, hangs or is read without end.
//!
//! The same seed gives the same mutations. An offender is written to `target/fuzz-inputs`, and the exit code is 1.

#![expect(clippy::print_stdout, reason = "it tells what it tried")]

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nextbest::Progress;
use nextbest::config::{Config, Time};
use nextbest::pipeline::{Session, evaluate, export, features, generate, monitor, train};
use nextbest_core::customers::json::Value;
use nextbest_core::monitor::observer::layout;
use nextbest_core::recommend::Recommender;
use nextbest_core::request::RequestOptions;

type Failure = Box<dyn Error>;

/// No case takes longer.
const SLOWEST: Duration = Duration::from_secs(10);
/// No mutation makes a file larger.
const LARGEST: usize = 1 << 20;
/// The feature table.
const TABLE: &str = "data/processed/customer_product_features.parquet";
/// Texts that mean something to one of the formats.
const TOKENS: [&str; 20] = [
    "\"",
    ",",
    ";",
    "\n",
    "\r\n",
    "\0",
    "{",
    "}",
    "[",
    "]",
    ":",
    "- ",
    "1e999",
    "NaN",
    "-0",
    "9223372036854775808",
    "null",
    "\u{feff}",
    "\\ud800",
    "&a *a",
];

/// A mutation's random numbers (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

fn mutated(sample: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(24)).min(bytes.len());
        match random.below(7) {
            0 | 1 => bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << random.below(8)),
            2 => bytes.get_mut(at).into_iter().for_each(|byte| *byte = random.next() as u8),
            3 => drop(bytes.splice(at..end, TOKENS.get(random.below(TOKENS.len())).unwrap_or(&"").bytes())),
            4 => drop(bytes.drain(at..end)),
            5 => {
                let times = if random.below(8) == 0 { random.below(2000) } else { 1 };
                let again = bytes.get(at..end).unwrap_or_default().repeat(times);
                if bytes.len() + again.len() < LARGEST {
                    bytes.splice(at..at, again);
                }
            }
            _ if random.below(4) == 0 => bytes.truncate(at),
            _ => {}
        }
    }
    bytes
}

/// Reads a mutation; whether it was read, rather than refused.
type Read<'k> = dyn Fn(&Path, &[u8]) -> bool + 'k;

/// A kind of file, with a sample, and what reads a mutation that lies in a file.
struct Kind<'k> {
    name: &'static str,
    sample: Vec<u8>,
    path: PathBuf,
    read: Box<Read<'k>>,
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let seconds: u64 = arguments.next().map_or(Ok(60), |text| text.parse())?;
    let seed: u64 = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let program = std::env::current_exe()?.with_file_name("nextbest-under-test");
    let place = tempfile::tempdir()?;
    std::env::set_current_dir(&place)?;
    let config = "generate: {customers: 300, start: 2024-01-01}\nsnapshots: {first: 2025-01-01}\nevaluation: \
                  {bootstrap_draws: 5}\n";
    std::fs::write("config.yaml", config)?;
    let session = Session::new(Config::load(None)?, Progress::new(true));
    generate::run(&session, &generate::Options::default())?;
    features::run(&session, &features::Options::default())?;
    train::run(&session, &train::Options { budget: Some(Time::default()), ..Default::default() })?;
    evaluate::run(&session, &evaluate::Options::default())?;
    export::run(&session, &export::Options { samples: 3, ..Default::default() })?;
    drop(session);
    let recommender = Recommender::load(&std::fs::read("outputs/bundle/nextbest.bundle")?)?;
    let sketches = layout(&recommender)?;

    // Two tables without a model: everything that reads tables, and no model that would refuse most of them.
    let compared = |reference: &str, path: &Path| {
        let Ok(config) = Config::load(None) else { return false };
        let options = monitor::Options {
            reference: Some(reference.to_owned()),
            current: path.to_str().map(str::to_owned),
            output: Some("monitoring".into()),
            skip_bad_rows: true,
            ..Default::default()
        };
        monitor::run(&Session::new(config, Progress::new(true)), &options).is_ok()
    };
    let table = std::fs::read("data/raw/PARTY.csv")?;
    let lines = table.split_inclusive(|byte| *byte == b'\n').take(60).collect::<Vec<_>>().concat();
    std::fs::write("reference.csv", &lines)?;
    let journal = walk("outputs/mlflow")?.into_iter().find(|path| path.ends_with("journal.json"));
    let journal = journal.ok_or("no training was logged")?;
    let customers = std::fs::read("outputs/bundle/customers.json")?;
    let customer: serde_json::Value = serde_json::from_slice(&customers)?;
    let customer = customer.pointer("/0/customer").ok_or("there is no sample customer")?.to_string();
    let options = RequestOptions { as_of: Some("2026-07-01".into()), ..RequestOptions::default() };
    let kinds = [
        Kind {
            name: "config",
            sample: include_bytes!("../../examples/berka/config.yaml").to_vec(),
            path: "fuzzed.yaml".into(),
            read: Box::new(|path, _| Config::load(Some(path)).is_ok()),
        },
        Kind {
            name: "customer",
            sample: customer.into_bytes(),
            path: "fuzzed.json".into(),
            read: Box::new(|_, bytes| {
                let Ok(text) = std::str::from_utf8(bytes) else { return false };
                recommender.answer(&Value::Written(text), &options).is_ok()
            }),
        },
        Kind {
            name: "csv",
            sample: lines,
            path: "fuzzed.csv".into(),
            read: Box::new(move |path, _| compared("reference.csv", path)),
        },
        Kind {
            name: "parquet",
            sample: std::fs::read(TABLE)?,
            path: "fuzzed.parquet".into(),
            read: Box::new(move |path, _| compared(TABLE, path)),
        },
        Kind {
            name: "sketch",
            sample: sketches.write(&sketches.empty()),
            path: "fuzzed.sk".into(),
            read: Box::new(|_, bytes| sketches.read(bytes).map(|sketch| sketches.tallies(&sketch)).is_ok()),
        },
        Kind {
            name: "journal",
            sample: std::fs::read(&journal)?,
            path: journal,
            read: Box::new(|_, _| {
                let mut process = Command::new(&program);
                process.args(["train", "--resume-logging"]).stdout(Stdio::null()).stderr(Stdio::null());
                // A panic ends with exit code 101, anything worse by a signal.
                match process.status().map(|status| status.code()) {
                    Ok(Some(0)) => true,
                    Ok(Some(1 | 2)) => false,
                    end => std::panic::resume_unwind(Box::new(format!("{end:?}"))),
                }
            }),
        },
    ];
    std::panic::set_hook(Box::new(|_| {}));
    let mut is_sound = true;
    for kind in &kinds {
        is_sound &= fuzz(kind, Duration::from_secs(seconds), seed)?;
    }
    std::process::exit(i32::from(!is_sound));
}

/// Tries mutations of a kind; whether all were read or refused.
fn fuzz(kind: &Kind<'_>, time: Duration, seed: u64) -> Result<bool, Failure> {
    let (mut tried, mut read, mut is_sound) = (0u64, 0u64, true);
    let mut slowest = Duration::ZERO;
    let started = Instant::now();
    while started.elapsed() < time {
        let bytes = mutated(&kind.sample, &mut Random(seed.wrapping_mul(0x5851_f42d_4c95_7f2d) ^ tried));
        std::fs::write(&kind.path, &bytes)?;
        let begun = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| (kind.read)(&kind.path, &bytes)));
        let took = begun.elapsed();
        slowest = slowest.max(took);
        if result.is_err() || took > SLOWEST {
            is_sound = false;
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fuzz-inputs");
            std::fs::create_dir_all(&folder)?;
            let offender = folder.join(format!("{}-{seed}-{tried}", kind.name));
            std::fs::write(&offender, &bytes)?;
            println!("OFFENDER {} ({took:?})", offender.display());
        }
        read += u64::from(result.unwrap_or(false));
        tried += 1;
    }
    std::fs::write(&kind.path, &kind.sample)?;
    println!(
        "{:<9}{tried:>9} mutations, {read:>9} read, the rest refused; slowest {:.0} ms",
        kind.name,
        slowest.as_secs_f64() * 1e3
    );
    Ok(is_sound)
}

fn walk(folder: &str) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    Ok(files)
}
