//! A budget for the memory that decoding a file may allocate.
//!
//! Everything built from a hostile file is paid for here first: an allocation takes exactly its number of
//! bytes from the budget, and what is freed before the end is given back. Invariant: at any time the account
//! is at least what is allocated.

use core::cell::Cell;
use core::fmt;

use crate::Error;
use crate::error::BundleError;

/// The bytes left to take.
#[derive(Debug)]
pub(crate) struct Memory(Cell<usize>);

/// The budget does not suffice.
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

    /// For values that come from no file.
    pub(crate) fn unlimited() -> Self {
        Self::of(usize::MAX)
    }

    /// Takes the memory of `count` values of a type.
    pub(crate) fn take<T>(&self, count: usize) -> Result<(), TooMuch> {
        let left = count.checked_mul(size_of::<T>()).and_then(|bytes| self.0.get().checked_sub(bytes));
        self.0.set(left.ok_or(TooMuch)?);
        Ok(())
    }

    /// Gives back the memory of `count` values of a type.
    pub(crate) fn give_back<T>(&self, count: usize) {
        self.0.set(self.0.get().saturating_add(count.saturating_mul(size_of::<T>())));
    }
}
