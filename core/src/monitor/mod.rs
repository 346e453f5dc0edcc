//! Monitoring: how far today's customers differ from those that a model was evaluated on, and how good the
//! model can still be.
//!
//! A bundle remembers the evaluation rows as a [`profile`]: the [`distribution`] of each feature and each
//! score over a few cells. [`watch`] defines what is observed in a row. Today's rows are compared as a whole
//! ([`Sample`]) or by the number of rows in each cell ([`tally`]). Only such numbers leave a browser or an
//! edge worker: there, an [`observer`] counts the rows of customers who consent into a [`sketch`], randomised
//! ([`randomised_response`]) if the bank asks for it.
//!
//! Whether two samples differ is asked in two ways, because with many rows every difference is significant:
//! by a test ([`kolmogorov_smirnov`], [`chi_square`]; with control of the false discovery rate over many
//! features, [`false_discovery`]), and by a distance that does not grow with the number of rows
//! ([`distance`]; both for cells: [`binned`]). [`estimate`] predicts how good calibrated probabilities are
//! before the labels are known; [`change_point`] finds where a series of results changes.

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
