//! Features: definitions as data, and the one engine that computes them for training and for scoring.

mod compile;
mod engine;
mod spec;

pub use engine::FeatureEngine;
pub use spec::{
    Aggregate, Condition, Expression, FeatureDefinition, HoldingAggregate, RowSelection, SeasonPart, Test,
    Transform,
};
