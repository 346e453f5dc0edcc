//! The command line of nextbest: from a bank's raw tables to a bundle for browsers and edge workers.

mod app;
mod cli;
mod commands;
pub mod config;
mod doctor;
mod eda;
mod evaluate;
mod inspect;
mod io;
mod mlflow;
mod monitor;
mod privacy;
mod pyfunc;
mod reports;
mod shrink;
mod synth;
mod train;
mod trust;

pub use cli::main;
