//! The core of nextbest: everything that must give the same bits natively, in a browser and on an edge
//! worker.
//!
//! This crate maps bytes and values to values: it reads no files, no clock, no environment and no network.
//! Data flows one way:
//!
//! [`schema`] → [`customers`] → [`snapshot`] → [`features`] → [`model`] (bins, trees) → [`score`] →
//! [`policy`] → [`recommend`] (the offers, with reasons from [`explain`]). A model of a plain table ends in
//! [`predict`] instead.
//!
//! A [`bundle`] holds all of these in one file; it depends on every part, and no part depends on it.
//! [`request`] answers questions that arrive as JSON.
//!
//! # From a customer's rows to an offer
//!
//! ```
//! use nextbest_core::Recommender;
//! use nextbest_core::customers::json::Value;
//! use nextbest_core::request::RequestOptions;
//!
//! let bundle = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/bank.bundle"));
//! let recommender = Recommender::load(bundle)?;
//! let rows = Value::Written(r#"{
//!     "customer": {"CUSTOMERESTABLISHEDDATE": "2015-03-02", "DATEOFBIRTH": "1990-05-01"},
//!     "accounts": [{"PRODUCTID": "CURRENT_ACCOUNT", "ORIGINATIONDATE": "2015-03-02"}]
//! }"#);
//! let options = RequestOptions { as_of: Some("2026-07-01".into()), ..RequestOptions::default() };
//! let answer = recommender.answer(&rows, &options)?;
//! assert_eq!(answer.offers[0].product, "Savings Account");
//! assert_eq!(answer.offers[0].reasons.len(), 3);
//! assert!(answer.withheld.iter().any(|it| it.product == "Current Account" && it.rule == "already owned"));
//! # Ok::<(), nextbest_core::Error>(())
//! ```
//!
//! # Features
//!
//! `train` adds what only the native side needs: training, and the synthetic bank. It never changes how a
//! bundle scores.

pub mod about;
pub mod bundle;
pub mod customers;
mod decode;
pub mod error;
pub mod explain;
pub mod features;
pub mod matrix;
pub mod metrics;
pub mod model;
pub mod monitor;
mod names;
pub mod policy;
pub mod predict;
pub mod recommend;
pub mod request;
pub mod schema;
pub mod score;
pub mod snapshot;
#[cfg(feature = "train")]
pub mod synth;
pub mod time;
#[cfg(feature = "train")]
pub mod train;

pub use bundle::Bundle;
pub use error::Error;
pub use recommend::{Recommendation, Recommender};
pub use score::Scorer;
