//! `nextbest export --pyfunc`: a bundle → the folder that MLflow and Spark score with.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;

use crate::output;
use crate::pyfunc::{Identity, find_module, model_files};

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Also write the bundle as an MLflow pyfunc model into this folder, for `mlflow models serve` and Spark
    #[arg(long, value_name = "FOLDER")]
    pub(crate) pyfunc: Option<PathBuf>,
    /// With --pyfunc: export nothing anew, but take this bundle, such as one of `train --table`
    #[arg(
        long,
        value_name = "FILE",
        requires = "pyfunc",
        conflicts_with_all = ["samples", "max_bytes", "sign", "model_number"]
    )]
    pub(crate) bundle: Option<PathBuf>,
    /// With --pyfunc: where nextbest_host.wasm is; beside this program or in web/pkg where it is not given
    #[arg(long, value_name = "FILE", requires = "pyfunc")]
    pub(crate) module: Option<PathBuf>,
}

/// A folder that was written.
#[derive(Debug, Serialize)]
pub(crate) struct Written {
    pyfunc: PathBuf,
    bytes: usize,
}

/// Writes the folder of the bundle in a file.
///
/// # Errors
/// Where the bundle or the module can't be read, or the folder can't be written.
pub(crate) fn run(bundle: &Path, folder: &Path, module: Option<&Path>) -> anyhow::Result<Written> {
    let module = find_module(module)?;
    let bytes = std::fs::read(bundle)
        .with_context(|| format!("{}: `nextbest export` writes it", bundle.display()))?;
    let files =
        model_files(&bytes, &module, Identity::default()).with_context(|| bundle.display().to_string())?;
    output::write_folder(folder, files.iter().map(|file| (file.path.as_str(), file.bytes.as_slice())))?;
    Ok(Written { pyfunc: folder.to_owned(), bytes: files.iter().map(|file| file.bytes.len()).sum() })
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "wrote {} ({})", self.pyfunc.display(), super::human_bytes(self.bytes))
    }
}
