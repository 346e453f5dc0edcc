//! Decoding of bytes that may be hostile: values cost no more memory than the bytes warrant, and lists have a
//! maximum length.

pub(crate) mod bounded;
pub(crate) mod bytes;
pub(crate) mod codec;
pub(crate) mod memory;
