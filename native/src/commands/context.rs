//! What a command works with.

use std::fmt::Display;
use std::io::Write;

use anyhow::Context as _;
use serde::Serialize;

use crate::app::printed::{Printed, STANDARD_OUTPUT};
use crate::mlflow::{self, Logged};
use crate::pipeline::Session;

/// The session, and how results are printed.
pub(crate) struct Context {
    pub(crate) session: Session,
    /// Whether results are printed as JSON.
    pub(crate) json: bool,
}

impl Context {
    /// Prints a command's result: JSON with `--json`, else words.
    ///
    /// # Errors
    /// Where standard output takes no more, but for a closed pipe.
    pub(crate) fn print<T: Serialize + Display>(&self, result: &T) -> anyhow::Result<()> {
        self.print_to(std::io::stdout().lock(), result).context(STANDARD_OUTPUT)
    }

    fn print_to<T: Serialize + Display>(&self, out: impl Write, result: &T) -> std::io::Result<()> {
        let mut out = Printed(out);
        if self.json {
            serde_json::to_writer_pretty(&mut out, result)?;
            writeln!(out)?;
        } else {
            write!(out, "{result}")?;
        }
        out.flush()
    }

    /// Prints a command's result, and fails where it could not be logged.
    ///
    /// # Errors
    /// As [`Context::print`], and where the result was not logged.
    pub(crate) fn print_logged<T: Serialize + Display>(
        &self,
        result: &T,
        logged: impl FnOnce(&T) -> Option<&Logged>,
    ) -> anyhow::Result<()> {
        self.print(result)?;
        mlflow::check(logged(result))
    }
}
