//! The C interface of nextbest, for any host that runs WebAssembly without JavaScript (wasmtime in Python,
//! Go, Java, …).
//!
//! The module imports nothing. It owns two buffers. The host asks for room ([`nextbest_input`]), writes a
//! function's input there, calls the function, and reads its answer at [`nextbest_output`]. Every function
//! returns the length of the answer in bytes or, if it failed, minus the length of a JSON text `{"code": …,
//! "message": …}` that says what went wrong. Every call may move the buffers and grow the memory: ask for the
//! addresses again.
//!
//! No input makes a function trap. An instance of the module is for one thread at a time.

// This crate reads nothing through a pointer: the host does that on its side.
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

/// Makes room for the input of the next call and returns its address; 0 if it exceeds the largest bundle (64
/// MiB) or the host provides no more memory. Bytes that are not written are zero.
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

/// The address of the last call's answer.
#[unsafe(no_mangle)]
pub extern "C" fn nextbest_output() -> usize {
    STATE.with_borrow(|state| state.output.as_ptr() as usize)
}

/// Loads the bundle in the input: checks everything and scores its golden rows. The answer is that of
/// [`nextbest_about`]. If the bundle is refused, one that was loaded before stays loaded.
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

/// Checks that the bundle may be used at an instant (seconds since 1970-01-01 00:00 UTC) by a caller that has
/// used versions up to `minimum_number` before.
#[unsafe(no_mangle)]
pub extern "C" fn nextbest_check_validity(now: i64, minimum_number: u64) -> i64 {
    answer(|host, _, _| host.check_validity(now, minimum_number))
}

/// Scores rows of features stored one after the other: 32-bit floats, little-endian, NaN for missing values.
/// The answer holds a float for each class of each row.
#[unsafe(no_mangle)]
pub extern "C" fn nextbest_score() -> i64 {
    answer(|host, input, output| host.score(input, output))
}

/// The features of the customer in `{"customer": {…}, "asOf": "2026-07-01"}`, in the format that
/// [`nextbest_score`] reads.
#[unsafe(no_mangle)]
pub extern "C" fn nextbest_features() -> i64 {
    answer(|host, input, output| host.features(input, output))
}

/// Answers the question in `{"question": "recommend", "customer": {…}, "asOf": "2026-07-01"}`; further
/// options go beside it. The answer is JSON, as in JavaScript.
#[unsafe(no_mangle)]
pub extern "C" fn nextbest_ask() -> i64 {
    answer(|host, input, output| host.ask(input, output))
}

/// Scores rows of a plain table, given as a JSON list of objects. The answer has the format of
/// [`nextbest_score`]. A row without a time is seen from before all time, as on the command line: none of its
/// dates is known to be past.
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
