//! A bundle → the folder that MLflow and Spark score with.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;

use crate::app::human_bytes;
use crate::app::usage;
use crate::io::input;
use crate::io::output;
use crate::pyfunc::{Identity, find_module, model_files};

/// The folder for MLflow and Spark.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub struct Options {
    /// Also write the bundle as an MLflow pyfunc model into this folder, for `mlflow models serve` and Spark
    #[arg(long, value_name = "FOLDER")]
    pub pyfunc: Option<PathBuf>,
    /// With --pyfunc: package this bundle, such as one of `train --table`, instead of exporting a new one
    #[arg(
        long,
        value_name = "FILE",
        requires = "pyfunc",
        conflicts_with_all = ["samples", "max_bytes", "sign", "model_number"]
    )]
    pub bundle: Option<PathBuf>,
    /// With --pyfunc: path of nextbest_host.wasm [default: beside this program, else web/pkg]
    #[arg(long, value_name = "FILE", requires = "pyfunc")]
    pub module: Option<PathBuf>,
}

/// A folder that was written.
#[derive(Debug, Serialize)]
pub(crate) struct Written {
    pyfunc: PathBuf,
    bytes: usize,
}

impl Options {
    /// What is needed to write the folder, if one is wanted.
    ///
    /// # Errors
    /// Where the module can't be read.
    pub(crate) fn packing(&self) -> anyhow::Result<Option<Packing<'_>>> {
        let Some(folder) = &self.pyfunc else { return Ok(None) };
        Ok(Some(Packing { folder, module: find_module(self.module.as_deref())? }))
    }

    /// Writes the folder of the bundle that is given.
    ///
    /// # Errors
    /// As [`Options::packing`] and [`Packing::write`].
    pub(crate) fn run(&self, bundle: &Path) -> anyhow::Result<Written> {
        self.packing()?.context("--bundle is for --pyfunc").map_err(usage)?.write(bundle)
    }
}

/// A folder that will be written.
pub(crate) struct Packing<'a> {
    folder: &'a Path,
    module: Vec<u8>,
}

impl Packing<'_> {
    /// Writes the folder of the bundle in a file.
    ///
    /// # Errors
    /// Where the bundle can't be read, or the folder can't be written.
    pub(crate) fn write(&self, bundle: &Path) -> anyhow::Result<Written> {
        let bytes = input::read_bundle(bundle)
            .with_context(|| format!("{}: `nextbest export` writes it", bundle.display()))?;
        let files = model_files(&bytes, &self.module, Identity::default())
            .with_context(|| bundle.display().to_string())?;
        let contents = files.iter().map(|file| (file.path.as_str(), file.bytes.as_slice()));
        output::write_folder(self.folder, contents)?;
        let bytes = files.iter().map(|file| file.bytes.len()).sum();
        Ok(Written { pyfunc: self.folder.to_owned(), bytes })
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "wrote {} ({})", self.pyfunc.display(), human_bytes(self.bytes))
    }
}
