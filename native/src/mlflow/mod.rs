//! MLflow: the tracking of training runs, and the registry of model versions.
//!
//! What is to be told is first written down here ([`journal`]) and then told ([`tracking`]), so that nothing
//! is lost where a server is. A registered version ([`registry`]) is a model that MLflow itself can load and
//! serve. Both go to a folder in MLflow's own layout ([`file_store`]), to a server ([`server`]) or to a
//! Databricks workspace ([`databricks`]).

mod additions;
mod address;
mod databricks;
mod environment;
mod file_store;
mod http;
mod journal;
mod logged;
mod registry;
mod server;
mod tracking;
mod training;
mod wire;

pub(crate) use additions::{add_bundle, add_evaluation, log_bundle, log_evaluation, run_of};
pub(crate) use address::Address;
pub(crate) use logged::{Logged, check, resume, tell, user};
pub(crate) use registry::{NewVersion, Registry, Version};
pub(crate) use training::{Logging, Origin};
