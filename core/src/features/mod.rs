//! Features: definitions as data, and the one engine that computes them for training and for scoring.

mod aggregate;
mod compile;
mod engine;
mod spec;

pub use engine::FeatureEngine;
pub use spec::{
    Aggregate, Condition, Expression, FeatureDefinition, HoldingAggregate, RowFilter, RowSelection,
    SeasonPart, Test, Transform,
};
