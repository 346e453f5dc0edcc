//! What the benches share.

pub mod shared_task;
