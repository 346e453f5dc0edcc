//! How much memory may be taken for what a file holds.
//!
//! Whatever is made of a hostile file is paid for here before it is made: what takes memory asks for it, with
//! the very number of bytes that it will allocate, and what is given up on the way to the end is given back.
//! So the account is at least what is allocated, at any time.

use core::cell::Cell;
use core::fmt;

use crate::Error;
use crate::error::BundleError;

/// What is left to be taken.
#[derive(Debug)]
pub(crate) struct Memory(Cell<usize>);

/// There is not so much memory for this file.
#[derive(Debug)]
pub(crate) struct TooMuch;

impl fmt::Display for TooMuch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its values would take far more memory than its bytes")
    }
}

impl From<TooMuch> for String {
    fn from(too_much: TooMuch) -> Self {
        too_much.to_string()
    }
}

impl From<TooMuch> for Error {
    fn from(too_much: TooMuch) -> Self {
        BundleError::Content(too_much.into()).into()
    }
}

impl Memory {
    pub(crate) fn of(bytes: usize) -> Self {
        Self(Cell::new(bytes))
    }

    /// For what comes from no file.
    pub(crate) fn unlimited() -> Self {
        Self::of(usize::MAX)
    }

    /// Takes what so many values of a type need.
    pub(crate) fn take<T>(&self, count: usize) -> Result<(), TooMuch> {
        let left = count.checked_mul(size_of::<T>()).and_then(|bytes| self.0.get().checked_sub(bytes));
        self.0.set(left.ok_or(TooMuch)?);
        Ok(())
    }

    /// Gives back what so many values of a type took.
    pub(crate) fn give_back<T>(&self, count: usize) {
        self.0.set(self.0.get().saturating_add(count.saturating_mul(size_of::<T>())));
    }
}
