//! Training: maps rows of features and labels to models.

mod binning;
mod boost;
mod calibrate;
mod chunks;
mod dataset;
mod forest;
mod goldens;
mod k_anonymity;
mod leak;
mod logistic;
mod minimise;
mod params;
mod profile;
pub mod shrink;
mod softmax;
mod unused_edges;

pub use binning::fit_bins;
pub use boost::{BoostParams, Boosted, GivenBoost, RoundLoss, ValidBoostParams};
pub use calibrate::{CalibrationChoice, CalibrationMethod, CalibrationRows, CalibrationTrial};
pub use dataset::Dataset;
pub use forest::{ForestParams, GivenForest, Grown, OutOfBag, ValidForestParams};
pub use goldens::{goldens, is_near, rounded_reference};
pub use k_anonymity::{edges_of_few, fewest_with_a_word, is_many, rare_words};
pub use leak::areas_by_class;
pub use logistic::{GivenLogistic, LogisticParams};
pub use params::{Given, Grid, MaxFeatures, Parameter, Parameters};
pub use profile::{profile, profile_of_many};
pub use unused_edges::{compact_edges, drop_unused_edges};
