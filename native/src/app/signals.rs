//! Signals that end the process: it says in one line what was stopped and what is left, and ends as if it had
//! not listened.

use std::io::Write as _;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, signal_name};

use super::progress;

/// Listens from now on. `clean` removes what is not finished.
pub(crate) fn listen(clean: fn()) {
    // Where the system does not let us listen, a signal ends the process without a word.
    let Ok(mut signals) = Signals::new([SIGHUP, SIGINT, SIGTERM]) else { return };
    std::thread::spawn(move || {
        for signal in signals.forever() {
            clean();
            let name = signal_name(signal).unwrap_or("a signal");
            let step = progress::current_step();
            let step = if step.is_empty() { String::new() } else { format!(" while {step}") };
            let _ = writeln!(
                std::io::stderr(),
                "stopped by {name}{step}: files that were finished are whole, unfinished ones are removed"
            );
            let _ = emulate_default_handler(signal);
        }
    });
}
