//! What a long command is doing, on standard error: a spinner or a bar on a terminal, a line a step
//! elsewhere, and nothing at all with `--quiet` or `--json`.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::secrets::masked;

/// What the process is doing.
static STEP: Mutex<String> = Mutex::new(String::new());
/// Characters of a message that are shown: of a longer one, the beginning and the end.
const SHOWN: usize = 4000;

/// What the process is doing; empty before its first step.
pub(super) fn current_step() -> String {
    STEP.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// A message without secrets, and without the middle of a very long one (a cell of 20 MB that was no date).
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

    /// Says what begins now.
    pub(crate) fn step(&self, what: String) {
        let what = masked(&what).into_owned();
        what.clone_into(&mut STEP.lock().unwrap_or_else(PoisonError::into_inner));
        if self.lines {
            // Progress is a courtesy: where standard error is closed there is no one to read it.
            let _ = writeln!(std::io::stderr(), "{what} …");
        }
        self.bar.set_style(ProgressStyle::default_spinner());
        self.bar.set_length(0);
        self.bar.set_position(0);
        self.bar.set_message(what);
    }

    /// Says what begins now, and how many parts it has.
    pub(crate) fn parts(&self, what: String, count: u64) {
        self.step(what);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} [{bar:30}] {pos}/{len} {eta}") {
            self.bar.set_style(style);
        }
        self.bar.set_length(count);
    }

    /// Lets something else be printed without mixing it with the bar.
    pub(crate) fn suspend(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// Tells something that the user should know but that is no error.
    pub(crate) fn warn(&self, message: &str) {
        self.suspend(|| {
            // Where standard error is closed there is no one to warn.
            let _ = writeln!(std::io::stderr(), "warning: {}", for_people(message));
        });
    }

    /// One part is done. May be called from any thread.
    pub(crate) fn part_done(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
