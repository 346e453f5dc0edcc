//! The command line of nextbest, and the [`pipeline`] behind it: from a bank's raw tables to a bundle for
//! browsers and edge workers, and to offers.
//!
//! ```
//! use nextbest::Progress;
//! use nextbest::config::{Config, Time};
//! use nextbest::pipeline::{Session, evaluate, export, features, generate, score, train};
//!
//! # fn main() -> anyhow::Result<()> {
//! # let folder = tempfile::tempdir()?;
//! # std::env::set_current_dir(&folder)?;
//! let session = Session::new(Config::load(None)?, Progress::new(true));
//!
//! generate::run(&session, &generate::Options { customers: Some(0..600), ..Default::default() })?;
//! features::run(&session, &features::Options::default())?;
//! train::run(&session, &train::Options { budget: Some(Time::default()), ..Default::default() })?;
//! evaluate::run(&session, &evaluate::Options::default())?;
//! let exported = export::run(&session, &export::Options::default())?;
//! let scored = score::run(&session, &score::Options::default())?;
//!
//! println!("{exported}{scored}");
//! # assert!(std::path::Path::new("outputs/bundle/nextbest.bundle").exists());
//! # assert!(scored.to_string().contains("offers for 600 customers"), "{scored}");
//! # Ok(())
//! # }
//! ```

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
pub mod pipeline;
mod privacy;
mod pyfunc;
mod reports;
mod shrink;
mod synth;
mod train;
mod trust;

pub use app::Progress;
pub use cli::main;
