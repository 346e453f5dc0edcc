//! stub
#[cfg(feature = "train")]
pub mod synth;
