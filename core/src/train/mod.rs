//! Training: rows of features and labels in, models out.

mod calibrate;
mod chunks;
mod dataset;
mod forest;
mod grow;
mod leak;
mod logistic;
mod minimise;

pub use calibrate::{CalibrationChoice, CalibrationMethod, CalibrationRows, CalibrationTrial};
pub use dataset::{Dataset, fit_bins};
pub use forest::{ForestParams, Grown, MaxFeatures, ValidForestParams};
pub use leak::areas_by_class;
pub use logistic::LogisticParams;
