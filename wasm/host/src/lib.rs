//! The C-ABI face of nextbest, for any host that runs WebAssembly without JavaScript (wasmtime in Python, Go,
//! Java …).
//!
//! The module imports nothing. It owns two buffers: the host asks for room ([`nextbest_input`]), writes there
//! what a function reads, calls it, and reads its answer where [`nextbest_output`] says. Every function
//! returns how many bytes the answer has; or, below zero, minus the length of a JSON text `{"code": …,
//! "message": …}` that says what went wrong. Where a buffer is may change with every call, and the memory may
//! grow: ask again.
//!
//! Nothing that a host writes makes a function trap. A module's instance is for one thread at a time.

// Nothing is read through a pointer here: the host does that on its side.
#![expect(
    unsafe_code,
    reason = "an exported function keeps its name only by `no_mangle`, which counts as unsafe"
)]

mod host;
mod requests;

use core::cell::RefCell;

use host::{Failure, Host};
use nextbest_core::bundle::MAX_BYTES;

thread_local! {
    static STATE: RefCell<State> = RefCell::new(State::default());
}

#[derive(Default)]
struct State {
    host: Host,
    input: Vec<u8>,
    output: Vec<u8>,
}

/// Makes room for what the next call reads, and tells where it is; 0 where it is more than a bundle may have
/// (64 MiB) or the host gives no more memory. What is not written to is zero.
#[unsafe(no_mangle)]
pub extern "C" fn nextbest_input(bytes: usize) -> usize {
    STATE.with_borrow_mut(|state| {
        state.input.clear();
        if bytes > MAX_BYTES || state.input.try_reserve_exact(bytes).is_err() {
            return 0;
        }
        state.input.resize(bytes, 0);
        state.input.as_mut_ptr() as usize
    })
}

/// Where the answer of the last call is.
#[unsafe(no_mangle)]
pub extern "C" fn nextbest_output() -> usize {
    STATE.with_borrow(|state| state.output.as_ptr() as usize)
}

/// Loads the bundle in the input: checks everything about it and scores its golden rows. The answer is that
/// of [`nextbest_about`]. A bundle that was loaded before stays where this one is refused.
#[unsafe(no_mangle)]
pub extern "C" fn nextbest_load() -> i64 {
    answer(|host, input, output| {
        let bundle = core::mem::take(input);
        host.load(&bundle)?;
        host.about(output)
    })
}

/// What is loaded, as JSON: task, classes, features, schema and more.
#[unsafe(no_mangle)]
pub extern "C" fn nextbest_about() -> i64 {
    answer(|host, _, output| host.about(output))
}

/// Checks that the bundle may be used at a moment (seconds since 1970-01-01) by someone who has met versions
/// up to a number.
#[unsafe(no_mangle)]
pub extern "C" fn nextbest_check_validity(now: i64, minimum_number: u64) -> i64 {
    answer(|host, _, _| host.check_validity(now, minimum_number))
}

/// Scores rows of features, one after the other: 32-bit floats, little-endian, NaN where missing. The answer
/// has a float for each class of each row.
#[unsafe(no_mangle)]
pub extern "C" fn nextbest_score() -> i64 {
    answer(|host, input, output| host.score(input, output))
}

/// The features of the customer in `{"customer": {…}, "asOf": "2026-07-01"}`, as [`nextbest_score`] reads
/// them.
#[unsafe(no_mangle)]
pub extern "C" fn nextbest_features() -> i64 {
    answer(|host, input, output| host.features(input, output))
}

/// Answers the question in `{"question": "recommend", "customer": {…}, "asOf": "2026-07-01"}`; other options
/// stand beside it. The answer is JSON, as in JavaScript.
#[unsafe(no_mangle)]
pub extern "C" fn nextbest_ask() -> i64 {
    answer(|host, input, output| host.ask(input, output))
}

/// Scores rows of a plain table: a JSON list of objects. The answer is as of [`nextbest_score`]. A row
/// without its time is seen from before all time, as on the command line: nothing of it is known to be past.
#[unsafe(no_mangle)]
pub extern "C" fn nextbest_predict() -> i64 {
    answer(|host, input, output| host.predict(input, output))
}

fn answer(call: impl FnOnce(&mut Host, &mut Vec<u8>, &mut Vec<u8>) -> Result<(), Failure>) -> i64 {
    STATE.with_borrow_mut(|State { host, input, output }| {
        output.clear();
        match call(host, input, output) {
            Ok(()) => output.len() as i64,
            Err(failure) => {
                output.clear();
                failure.write(output);
                -(output.len() as i64)
            }
        }
    })
}

#[cfg(test)]
mod tests;
