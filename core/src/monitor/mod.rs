//! Monitoring: how far customers of today differ from those that a model learned from, and how good it can still be.
//!
//! Whether two samples differ is asked in two ways, since with many rows chance explains nothing: by a test
//! ([`kolmogorov_smirnov`], [`chi_square`]; over many features with [`false_discovery`] control), and by a distance that
//! does not grow with the number of rows ([`distance`]). How good a model's calibrated probabilities are where nobody
//! knows the labels yet, [`estimate`] says.

pub mod chi_square;
pub mod distance;
pub mod estimate;
pub mod false_discovery;
pub mod kolmogorov_smirnov;
mod sample;

pub use sample::Sample;
