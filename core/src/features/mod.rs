//! Features: definitions as data, and the one engine that computes them for both training and scoring.

mod aggregate;
mod compile;
mod engine;
mod explain;
mod readings;
mod spec;
mod values;
mod words;

pub use engine::FeatureEngine;
pub use explain::{Cell, ExplainedFeature, ExplainedRow, ExplainedTable, Explanation, explain};
pub use spec::{
    Aggregate, Condition, Expression, FeatureDefinition, HoldingAggregate, RowFilter, RowSelection,
    SeasonPart, Test, Transform,
};
pub use values::word_position;
pub(crate) use values::{as_written, passed};
pub use words::FeatureType;
