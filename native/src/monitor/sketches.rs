//! Sketches that browsers and edge workers counted, file by file: each is checked, and what is wrong is left
//! out and counted.

use std::collections::{BTreeMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use nextbest_core::error::SketchError;
use nextbest_core::monitor::sketch::{Sketch, SketchLayout};
use serde::Serialize;

/// No sketch is larger: what is, is not read to its end.
const MOST_BYTES: u64 = 1 << 20;

/// What became of sketches.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct SketchCounts {
    /// Those that were added up.
    pub(crate) counted: u64,
    /// The rows that they count.
    pub(crate) rows: u64,
    /// Those that came again, with the same identity and rows.
    pub(crate) twice: u64,
    /// Those that were refused.
    pub(crate) refused: u64,
    /// Why, and how many each.
    pub(crate) reasons: BTreeMap<&'static str, u64>,
    /// The first that was refused, and why.
    pub(crate) first_refused: Option<String>,
    /// Whether rows were randomised before they were counted.
    pub(crate) randomised: bool,
}

/// Adds up sketches, one file after the other: memory does not grow with them but for their identities.
pub(crate) fn add_up(
    layout: &SketchLayout,
    files: impl Iterator<Item = anyhow::Result<PathBuf>>,
    mut added: impl FnMut(u64),
) -> anyhow::Result<(Sketch, SketchCounts)> {
    let (mut sum, mut counts) = (layout.empty(), SketchCounts::default());
    let mut met = HashSet::new();
    for file in files {
        let file = file?;
        let bytes = read(&file).with_context(|| file.display().to_string())?;
        let outcome = layout.read(&bytes).and_then(|sketch| {
            if !met.insert((sketch.identity, sketch.rows)) {
                counts.twice += 1;
                return Ok(());
            }
            sum.merge(&sketch)?;
            counts.counted += 1;
            counts.rows += sketch.rows;
            Ok(())
        });
        if let Err(error) = outcome {
            counts.refuse(&file, &error);
        }
        added(counts.counted + counts.refused + counts.twice);
    }
    counts.randomised = layout.is_randomised();
    Ok((sum, counts))
}

impl SketchCounts {
    fn refuse(&mut self, file: &Path, error: &SketchError) {
        self.refused += 1;
        *self.reasons.entry(error.code()).or_default() += 1;
        self.first_refused.get_or_insert_with(|| format!("{}: {error}", file.display()));
    }
}

/// The files of a folder and of the folders in it that end in `.sk`, in no order: their sum has none.
///
/// # Errors
/// If there is no such folder.
pub(crate) fn files_in(folder: &Path) -> anyhow::Result<impl Iterator<Item = anyhow::Result<PathBuf>>> {
    if !folder.is_dir() {
        bail!("{}: is no folder of sketches (*.sk)", folder.display());
    }
    let mut waiting = vec![std::fs::read_dir(folder).with_context(|| folder.display().to_string())?];
    Ok(std::iter::from_fn(move || {
        loop {
            let entry = match waiting.last_mut()?.next() {
                Some(entry) => entry,
                None => {
                    waiting.pop();
                    continue;
                }
            };
            let path = match entry {
                Ok(entry) => entry.path(),
                Err(error) => return Some(Err(error.into())),
            };
            if path.is_dir() {
                match std::fs::read_dir(&path) {
                    Ok(folder) => waiting.push(folder),
                    Err(error) => return Some(Err(error.into())),
                }
            } else if path.extension().is_some_and(|ending| ending == "sk") {
                return Some(Ok(path));
            }
        }
    }))
}

fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}
