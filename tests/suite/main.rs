//! Tests across the crates: the command line, from raw tables to offers. One program, since each would be
//! linked by itself.

mod agreement;
mod bad_input;
mod berka;
mod clock;
mod config;
mod doctor;
mod durable;
mod eda;
mod evaluate;
mod explain;
mod faults;
mod generate;
mod ledger;
mod monitor;
mod pipeline;
mod plain_table;
mod policy;
mod privacy;
mod processes;
mod shrink;
mod sketches;
mod small_banks;
mod tables;
mod trust;

/// The command line.
const PROGRAM: &str = env!("CARGO_BIN_EXE_nextbest-under-test");
