//! Computes features: compiles definitions against a schema, then maps one customer's rows to one row of
//! features.
//!
//! Invariant: every expression reads only what was known before the cut-off T: rows dated before T, and of a
//! product's end only whether it came before T. Sums run in the order of the rows, in `f64`, and are rounded
//! to `f32` once, so the same rows give the same bits on every machine.

use super::aggregate::RowAggregate;
use super::compile::Compiler;
use super::spec::{FeatureDefinition, HoldingAggregate, SeasonPart, Transform};
use crate::Error;
use crate::customers::{Customer, Rows};
use crate::decode::memory::Memory;
use crate::names::shown;
use crate::schema::Schema;
use crate::snapshot::{ProductSet, Snapshot, is_open_at};
use crate::time::{DAY, civil_from_days, days_from_civil};

/// Feature definitions compiled against a schema.
///
/// # Examples
/// ```
/// use nextbest_core::customers::read_customer;
/// use nextbest_core::features::{Expression, FeatureDefinition, FeatureEngine, Transform};
///
/// # use nextbest_core::schema::{Column, ColumnKind, Schema, SchemaDefinition, Table, Task};
/// # let column = |name: &str, kind| Column { name: name.into(), kind, current: false };
/// # let words = |words: [&str; 2]| ColumnKind::Category(words.map(String::from).to_vec());
/// # let schema = Schema::try_from(SchemaDefinition {
/// #     customer: Table {
/// #         name: "row".into(),
/// #         time: None,
/// #         columns: vec![column("AGE", ColumnKind::Number), column("KEPT", words(["no", "yes"]))],
/// #     },
/// #     task: Task::Label { column: "KEPT".into() },
/// #     established: None,
/// #     birth_date: None,
/// #     tables: Vec::new(),
/// #     holdings: Vec::new(),
/// #     products: Vec::new(),
/// #     horizon_days: 0,
/// #     clock: nextbest_core::time::Clock::default(),
/// # })?;
/// let age = FeatureDefinition {
///     name: "age".into(),
/// #     group: "table".into(),
///     label: "age in years".into(),
///     expression: Expression::Attribute { column: "AGE".into(), transform: Transform::Value },
///     missing: Some(40.0),
/// };
/// let engine = FeatureEngine::new(&schema, &[age])?;
/// let mut row = Vec::new();
/// for json in [r#"{"AGE": 39}"#, r#"{"AGE": null}"#] {
///     engine.compute(&read_customer(&schema, json)?.get(0).unwrap(), 0, &mut row);
/// }
/// assert_eq!(row, [39.0, 40.0]);
/// # Ok::<(), nextbest_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct FeatureEngine {
    schema: Schema,
    features: Vec<Feature>,
}

#[derive(Debug, Clone)]
pub(super) struct Feature {
    pub(super) formula: Formula,
    pub(super) missing: f32,
}

/// A validated [`Expression`](super::Expression), with positions instead of names.
#[derive(Debug, Clone)]
pub(super) enum Formula {
    Attribute {
        column: usize,
        transform: Transform,
    },
    /// Boxed: a wide table has very many features that are not of this kind.
    Events(Box<Events>),
    Holds(usize),
    Holdings(HoldingAggregate),
    Ratio {
        numerator: usize,
        denominator: usize,
    },
    Season(SeasonPart),
}

#[derive(Debug, Clone)]
pub(super) struct Events {
    pub(super) table: usize,
    pub(super) selection: Selection,
    pub(super) aggregate: RowAggregate,
}

#[derive(Debug, Clone)]
pub(super) struct Selection {
    pub(super) time: Option<usize>,
    pub(super) window: Option<f64>,
    /// The column with the end of a product, if only open products count.
    pub(super) open_until: Option<usize>,
    pub(super) filters: Vec<Filter>,
}

/// A condition that a row must pass.
#[derive(Debug, Clone)]
pub(super) enum Filter {
    /// This comparison holds.
    Holds(Comparison),
    /// Not all of these comparisons hold.
    Not(Vec<Comparison>),
}

#[derive(Debug, Clone)]
pub(super) struct Comparison {
    pub(super) column: usize,
    pub(super) predicate: Predicate,
}

#[derive(Debug, Clone)]
pub(super) enum Predicate {
    Codes { codes: Vec<f64>, inside: bool },
    Equals(f64),
    Below(f64),
    AtMost(f64),
    Above(f64),
    AtLeast(f64),
    Missing(bool),
}

impl FeatureEngine {
    /// Compiles definitions against a schema.
    ///
    /// # Errors
    /// [`Error::Feature`] for the first definition that can't be computed.
    pub fn new(schema: &Schema, definitions: &[FeatureDefinition]) -> Result<Self, Error> {
        Self::compile(schema, definitions, &Memory::unlimited())
    }

    /// Compiles within a memory budget.
    pub(crate) fn compile(
        schema: &Schema,
        definitions: &[FeatureDefinition],
        memory: &Memory,
    ) -> Result<Self, Error> {
        let mut compiler = Compiler::new(schema, definitions, memory)?;
        memory.take::<Feature>(definitions.len())?;
        let mut features = Vec::with_capacity(definitions.len());
        for definition in definitions {
            let formula = compiler
                .compile(definition)
                .map_err(|message| Error::Feature { feature: shown(&definition.name).into(), message })?;
            features.push(Feature { formula, missing: definition.missing.unwrap_or(f32::NAN) });
        }
        compiler.give_back();
        Ok(Self { schema: schema.clone(), features })
    }

    /// The number of features.
    pub fn len(&self) -> usize {
        self.features.len()
    }

    /// Whether there are no features.
    pub fn is_empty(&self) -> bool {
        self.features.is_empty()
    }

    /// Appends a customer's features at a cut-off (seconds since 1970-01-01) to `row`, in the order of the
    /// definitions. Missing values are NaN.
    pub fn compute(&self, customer: &Customer<'_>, cutoff: i64, row: &mut Vec<f32>) {
        let at = Evaluation { schema: &self.schema, customer, cutoff };
        let start = row.len();
        for feature in &self.features {
            let earlier = |position: usize| row.get(start + position).copied().unwrap_or(f32::NAN);
            let computed = feature.compute(&at, earlier);
            row.push(feature.settle(computed));
        }
    }

    /// The features, in the order of the definitions.
    pub(super) fn features(&self) -> &[Feature] {
        &self.features
    }

    /// The shape of customers' rows.
    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(super) fn feature(&self, position: usize) -> Option<&Feature> {
        self.features.get(position)
    }
}

impl Feature {
    /// The formula's value; NaN if it has none. `earlier` gives the values of the features before this one.
    pub(super) fn compute(&self, at: &Evaluation<'_>, earlier: impl Fn(usize) -> f32) -> f64 {
        match &self.formula {
            Formula::Ratio { numerator, denominator } => {
                f64::from(ratio(earlier(*numerator), earlier(*denominator)))
            }
            formula => at.evaluate(formula),
        }
    }

    /// The feature's value, given what was computed.
    pub(super) fn settle(&self, computed: f64) -> f32 {
        // Values beyond the range of `f32` become its greatest number: no feature is infinite.
        let value = (computed as f32).clamp(f32::MIN, f32::MAX);
        // Normalises -0 to 0: which of the two `min` and `max` return depends on the platform.
        if value.is_nan() { self.missing } else { value + 0.0 }
    }
}

fn ratio(numerator: f32, denominator: f32) -> f32 {
    if denominator == 0.0 { f32::NAN } else { numerator / denominator }
}

/// One customer at one cut-off.
pub(super) struct Evaluation<'a> {
    pub(super) schema: &'a Schema,
    pub(super) customer: &'a Customer<'a>,
    pub(super) cutoff: i64,
}

impl Evaluation<'_> {
    pub(super) fn evaluate(&self, formula: &Formula) -> f64 {
        let cutoff = self.cutoff as f64;
        match formula {
            Formula::Attribute { column, transform } => {
                let value = self.customer.attribute(*column);
                // A date at or after the cut-off was not known yet.
                let since = if value < cutoff { days(cutoff - value) } else { f64::NAN };
                match transform {
                    Transform::Value => value,
                    Transform::DaysSince => since,
                    Transform::YearsSince => since / 365.25,
                    Transform::Year if since.is_nan() => f64::NAN,
                    Transform::Year => 1970.0 + days(value) / 365.25,
                }
            }
            Formula::Events(events) => {
                let rows = self.customer.table(events.table);
                events.aggregate.of(&rows, &events.selection, cutoff)
            }
            Formula::Holds(product) => {
                let held = Snapshot::new(self.schema, self.cutoff).held(self.customer);
                f64::from(u8::from(held.contains(*product)))
            }
            Formula::Holdings(aggregate) => self.holdings(aggregate),
            Formula::Season(part) => season(*part, self.cutoff.div_euclid(DAY)) as f64,
            // Ratios read the row that is being filled, not the customer.
            Formula::Ratio { .. } => f64::NAN,
        }
    }

    pub(super) fn holdings(&self, aggregate: &HoldingAggregate) -> f64 {
        let snapshot = Snapshot::new(self.schema, self.cutoff);
        let mut held = ProductSet::default();
        let (mut ever, mut open, mut last) = (0u32, 0u32, f64::NAN);
        for taken in snapshot.taken_before(self.customer) {
            ever += 1;
            last = last.max(taken.opened);
            if snapshot.is_open(&taken) {
                open += 1;
                held.insert(taken.product);
            }
        }
        match aggregate {
            HoldingAggregate::OpenCount => f64::from(open),
            HoldingAggregate::EverCount => f64::from(ever),
            HoldingAggregate::DistinctHeld => f64::from(held.len()),
            HoldingAggregate::DaysSinceLastTaken => days(self.cutoff as f64 - last),
            // Compiled to `Formula::Holds`.
            HoldingAggregate::Holds(_) => f64::NAN,
        }
    }
}

/// A part of a day's date; `day` counts from 1970-01-01.
fn season(part: SeasonPart, day: i64) -> i64 {
    let (year, month, day_of_month) = civil_from_days(day);
    match part {
        SeasonPart::Month => month,
        SeasonPart::Quarter => (month + 2) / 3,
        SeasonPart::DayOfMonth => day_of_month,
        // 1970-01-01 was a Thursday.
        SeasonPart::Weekday => (day + 3).rem_euclid(7) + 1,
        SeasonPart::DayOfYear => day - days_from_civil(year, 1, 1) + 1,
    }
}

pub(super) fn days(seconds: f64) -> f64 {
    seconds / DAY as f64
}

impl Selection {
    /// The positions of the rows that count.
    pub(super) fn rows<'a>(&'a self, rows: &'a Rows<'_>, cutoff: f64) -> impl Iterator<Item = usize> + 'a {
        // Most selections have at most one condition: its column is looked up once instead of for each row.
        let (first, others) = match self.filters.split_first() {
            Some((Filter::Holds(comparison), others)) => {
                (Some((rows.column(comparison.column), &comparison.predicate)), others)
            }
            _ => (None, self.filters.as_slice()),
        };
        self.in_time(rows, cutoff).filter(move |&row| {
            first.is_none_or(|(values, predicate)| {
                values.get(row).is_some_and(|&value| predicate.holds(value))
            }) && others.iter().all(|filter| filter.passes(rows, row))
        })
    }

    /// The positions of the rows that were known at the cut-off, lie in the window and, if required, are
    /// open.
    pub(super) fn in_time<'a>(&'a self, rows: &'a Rows<'_>, cutoff: f64) -> impl Iterator<Item = usize> + 'a {
        // A customer's rows are sorted by time, those without a time last: see `customers::order`.
        let known = match self.time {
            None => 0..rows.len(),
            Some(column) => {
                let times = rows.column(column);
                let from = self.window.map_or(f64::NEG_INFINITY, |window| cutoff - window);
                times.partition_point(|&time| time < from)..times.partition_point(|&time| time < cutoff)
            }
        };
        let ends = self.open_until.map(|column| rows.column(column));
        known.filter(move |&row| {
            ends.is_none_or(|ends| ends.get(row).is_some_and(|&end| is_open_at(end, cutoff)))
        })
    }
}

impl Filter {
    pub(super) fn passes(&self, rows: &Rows<'_>, row: usize) -> bool {
        match self {
            Filter::Holds(comparison) => comparison.holds(rows, row),
            Filter::Not(all) => !all.iter().all(|comparison| comparison.holds(rows, row)),
        }
    }
}

impl Comparison {
    fn holds(&self, rows: &Rows<'_>, row: usize) -> bool {
        rows.column(self.column).get(row).is_some_and(|&value| self.predicate.holds(value))
    }
}

impl Predicate {
    #[inline]
    pub(super) fn holds(&self, value: f64) -> bool {
        match self {
            Predicate::Codes { codes, inside } => codes.contains(&value) == *inside,
            Predicate::Equals(number) => value == *number,
            Predicate::Below(number) => value < *number,
            Predicate::AtMost(number) => value <= *number,
            Predicate::Above(number) => value > *number,
            Predicate::AtLeast(number) => value >= *number,
            Predicate::Missing(missing) => value.is_nan() == *missing,
        }
    }
}
