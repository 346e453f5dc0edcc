//! `make fuzz`: mutations of the committed samples by the million, on all cores.
//!
//! The same seed gives the same mutations, whatever the number of threads. An offender is saved and the exit
//! code is 1.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nextbest_fuzz::mutation::mutation;
use nextbest_fuzz::{put_to_use, read};

/// No case takes longer, at its fastest of three times where the first was not much faster.
const SLOWEST: Duration = Duration::from_millis(50);
/// No case takes more memory at once than this, and so much for each of its bytes (see hostile.rs).
const MEMORY: u64 = 128 << 10;
const MEMORY_A_BYTE: u64 = 4;
#[derive(Default)]
struct Found {
    decoded: u64,
    refused: u64,
    memory: u64,
    /// How much of what it may take a case took.
    share: f64,
    slowest: Duration,
    offenders: Vec<(u64, String)>,
}

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let count: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let seed: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "bundle"));
    paths.sort();
    let samples: Vec<Vec<u8>> = paths.iter().map(std::fs::read).collect::<Result<_, _>>()?;
    std::panic::set_hook(Box::new(|_| {}));
    let next = AtomicU64::new(0);
    let start = Instant::now();
    let threads = std::thread::available_parallelism()?.get();
    let found: Vec<Found> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut found = Found::default();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count {
                            return found;
                        }
                        try_one(number, &mutation(number, seed, &samples), &mut found);
                    }
                })
            })
            .collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
    });
    let seconds = start.elapsed().as_secs_f64();
    let total = |part: fn(&Found) -> u64| found.iter().map(part).sum::<u64>();
    let share = found.iter().map(|found| found.share).fold(0.0, f64::max);
    let slowest = found.iter().map(|found| found.slowest).max().unwrap_or_default();
    let (decoded, refused) = (total(|found| found.decoded), total(|found| found.refused));
    let memory = found.iter().map(|found| found.memory).max().unwrap_or_default();
    println!(
        "{} mutations of {} samples (seed {seed}) in {seconds:.1} s on {threads} threads: {:.0} a second",
        decoded + refused,
        samples.len(),
        (decoded + refused) as f64 / seconds
    );
    println!("{decoded} decoded and were used, {refused} refused");
    println!("at most {memory} bytes at once; {:.1} % of what the file may take", 100.0 * share);
    println!("slowest: {:.2} ms", slowest.as_secs_f64() * 1e3);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts/mutate");
    for (number, reason) in found.iter().flat_map(|found| &found.offenders).take(100) {
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{seed}-{number}.bundle"));
        std::fs::write(&path, mutation(*number, seed, &samples))?;
        println!("OFFENDER {}: {reason}", path.display());
    }
    let sound = found.len() == threads && found.iter().all(|found| found.offenders.is_empty());
    std::process::exit(i32::from(!sound));
}

fn try_one(number: u64, bytes: &[u8], found: &mut Found) {
    let run = || {
        let start = Instant::now();
        let mut recommender = None;
        let mut memory = 0;
        let result = catch_unwind(AssertUnwindSafe(|| {
            memory = allocation_counter::measure(|| recommender = read(bytes)).bytes_max;
            recommender.iter().for_each(put_to_use);
            recommender.is_some()
        }));
        (result, memory, start.elapsed())
    };
    let (result, memory, mut time) = run();
    for _ in 0..2 {
        // Slow may mean that another program had the core.
        if time > SLOWEST / 4 {
            time = time.min(run().2);
        }
    }
    match result {
        Ok(true) => found.decoded += 1,
        Ok(false) => found.refused += 1,
        Err(panic) => {
            found.refused += 1;
            let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            found.offenders.push((number, format!("panic: {text}")));
        }
    }
    if time > SLOWEST {
        found.offenders.push((number, format!("{time:?}")));
    }
    let limit = MEMORY + MEMORY_A_BYTE * bytes.len() as u64;
    if memory > limit {
        found.offenders.push((number, format!("{memory} bytes for {}", bytes.len())));
    }
    found.memory = found.memory.max(memory);
    found.share = found.share.max(memory as f64 / limit as f64);
    found.slowest = found.slowest.max(time);
}
