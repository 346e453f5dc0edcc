//! Reading bytes that may be hostile: what they make costs no more memory than they warrant, and no list is
//! longer than it may be.

pub(crate) mod bounded;
pub(crate) mod bytes;
pub(crate) mod codec;
pub(crate) mod memory;
