//! Progress on standard error: a spinner or bar on a terminal, one line per step elsewhere, and none with
//! `--quiet` or `--json`.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::secrets::masked;

/// What the process is doing.
static STEP: Mutex<String> = Mutex::new(String::new());
/// The longest message shown, in characters; a longer one keeps its beginning and end.
const SHOWN: usize = 4000;

/// The current step of the process; empty before the first.
pub(super) fn current_step() -> String {
    STEP.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// A message with secrets masked and, if very long (an invalid date of 20 MB), its middle removed.
pub(crate) fn for_people(message: &str) -> String {
    let message = masked(message);
    let count = message.chars().count();
    if count <= SHOWN {
        return message.into_owned();
    }
    let begin: String = message.chars().take(SHOWN / 2).collect();
    let end: String = message.chars().skip(count - SHOWN / 4).collect();
    format!("{begin} … ({} characters left out) … {end}", count - SHOWN / 2 - SHOWN / 4)
}

/// Shows progress.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    lines: bool,
}

impl Progress {
    /// Progress on standard error, or none if `quiet`.
    pub fn new(quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = if quiet || !terminal { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self { bar, lines: !quiet && !terminal }
    }

    /// Begins a step.
    pub(crate) fn step(&self, what: String) {
        let what = masked(&what).into_owned();
        what.clone_into(&mut STEP.lock().unwrap_or_else(PoisonError::into_inner));
        if self.lines {
            // Progress is optional: a failed write to standard error is ignored.
            let _ = writeln!(std::io::stderr(), "{what} …");
        }
        self.bar.set_style(ProgressStyle::default_spinner());
        self.bar.set_length(0);
        self.bar.set_position(0);
        self.bar.set_message(what);
    }

    /// Begins a step with this many parts.
    pub(crate) fn parts(&self, what: String, count: u64) {
        self.step(what);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} [{bar:30}] {pos}/{len} {eta}") {
            self.bar.set_style(style);
        }
        self.bar.set_length(count);
    }

    /// Hides the bar while something else prints.
    pub(crate) fn suspend(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// Prints a warning.
    pub(crate) fn warn(&self, message: &str) {
        self.suspend(|| {
            // A failed write to standard error is ignored.
            let _ = writeln!(std::io::stderr(), "warning: {}", for_people(message));
        });
    }

    /// Advances the bar by one part, from any thread.
    pub(crate) fn part_done(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
