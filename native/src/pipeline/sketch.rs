//! Many sketches become one, which says as much as all of them.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use nextbest_core::Recommender;
use nextbest_core::monitor::observer::layout;
use serde::Serialize;

use super::{Session, bundle_bytes};
use crate::app::human_bytes;
use crate::io::output;
use crate::monitor::sketches::{SketchCounts, add_up, files_in};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Merge sketches into one; their order does not matter
    #[command(
        after_help = "Examples:\n  nextbest sketch merge monday.sk tuesday.sk --out days.sk\n  nextbest \
            sketch merge collected/ --out week.sk"
    )]
    Merge(Merge),
}

#[derive(Debug, clap::Args)]
struct Merge {
    /// Sketches (*.sk), and folders of them
    #[arg(required = true, value_name = "FILE|FOLDER")]
    sketches: Vec<PathBuf>,
    /// File to write to
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Bundle that the rows were counted with, a file or a registered version (models:/NAME@production)
    /// [default: outputs/bundle/nextbest.bundle]
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Merged {
    file: PathBuf,
    bytes: usize,
    #[serde(flatten)]
    counts: SketchCounts,
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Merged> {
    let Action::Merge(merge) = &arguments.action;
    output::check_target(&merge.out)?;
    let path = merge.bundle.clone().unwrap_or_else(|| session.config.bundle_path());
    let place = || path.display().to_string();
    let recommender = Recommender::load(&bundle_bytes(session, &path)?).with_context(place)?;
    let layout = layout(&recommender).with_context(place)?;
    let mut files: Vec<Box<dyn Iterator<Item = anyhow::Result<PathBuf>>>> = Vec::new();
    for sketch in &merge.sketches {
        match sketch.is_dir() {
            true => files.push(Box::new(files_in(sketch)?)),
            false => files.push(Box::new(std::iter::once(Ok(sketch.clone())))),
        }
    }
    session.progress.step("adding up sketches".into());
    let (sum, counts) = add_up(&layout, files.into_iter().flatten(), |_| ())?;
    if counts.counted == 0 {
        match &counts.first_refused {
            Some(first) => bail!("every sketch was refused ({}); the first: {first}", counts.refused),
            None => bail!("there are no sketches (*.sk)"),
        }
    }
    let bytes = layout.write(&sum);
    output::write_bytes(&merge.out, &bytes)?;
    Ok(Merged { file: merge.out.clone(), bytes: bytes.len(), counts })
}

impl fmt::Display for Merged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        writeln!(f, "{} sketches of {} rows", counts.counted, counts.rows)?;
        if counts.twice > 0 {
            writeln!(f, "{} came twice and were counted once", counts.twice)?;
        }
        for (reason, count) in &counts.reasons {
            writeln!(f, "{count} refused: {reason}")?;
        }
        counts.first_refused.iter().try_for_each(|first| writeln!(f, "the first: {first}"))?;
        writeln!(f, "wrote {} ({})", self.file.display(), human_bytes(self.bytes))
    }
}
