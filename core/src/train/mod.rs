//! Training: rows of features and labels in, models out.

mod binning;
mod boost;
mod dataset;
mod forest;
mod leak;
mod logistic;

pub use binning::fit_bins;
pub use boost::{BoostParams, Boosted, RoundLoss, ValidBoostParams};
pub use dataset::Dataset;
pub use forest::{ForestParams, Grown, MaxFeatures, OutOfBag, ValidForestParams};
pub use leak::areas_by_class;
pub use logistic::LogisticParams;
