//! Monitoring: how far customers of today differ from those that a model was measured on, and how good it can
//! still be.
//!
//! A bundle remembers those as a [`profile`]: each feature's and each score's [`distribution`] over a few
//! cells. What is looked at in a row says [`watch`]. Rows of today are compared whole ([`Sample`]), or by how
//! many of them lie in each cell ([`tally`]): that is all that leaves a browser or an edge worker, where an
//! [`observer`] counts the rows of those who agree into a [`sketch`], randomised ([`randomised_response`]) if
//! the bank asks for it.
//!
//! Whether two samples differ is asked in two ways, since with many rows chance explains nothing: by a test
//! ([`kolmogorov_smirnov`], [`chi_square`]; over many features with [`false_discovery`] control), and by a
//! distance that does not grow with the number of rows ([`distance`]; of cells, both: [`binned`]). How good a
//! model's calibrated probabilities are where nobody knows the labels yet, [`estimate`] says; where a series
//! of findings changes, [`change_point`].

pub mod binned;
pub mod change_point;
pub mod chi_square;
pub mod distance;
pub mod distribution;
pub mod estimate;
pub mod false_discovery;
pub mod kolmogorov_smirnov;
pub mod observer;
pub mod profile;
pub mod randomised_response;
mod sample;
pub mod sketch;
pub mod tally;
pub mod watch;

pub use sample::Sample;
