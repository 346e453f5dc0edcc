//! Feature definitions: what a bank writes in its config, what a bundle carries, what the engine compiles.

use serde::{Deserialize, Serialize};

use crate::decode::bounded::{boxed, list, lists};

/// A feature: a name, words for people, and how to compute it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureDefinition {
    /// Unique among the features.
    pub name: String,
    /// What it belongs to: demographic, account, transaction, communication, behavioral, temporal, …
    pub group: String,
    /// What it is, in words.
    pub label: String,
    /// How it is computed.
    pub expression: Expression,
    /// The value where the expression has none (the mean of no rows, the age without a date of birth);
    /// without it the feature is missing (NaN) there, which the models know as a value of its own.
    pub missing: Option<f32>,
}

/// How a feature is computed for a customer at a cut-off T.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Expression {
    /// An attribute of the customer.
    Attribute {
        /// The column.
        column: String,
        /// What is made of it.
        transform: Transform,
    },
    /// An aggregate of some rows of an event table.
    Events {
        /// The table.
        table: String,
        /// Which of its rows. In a box: of features that need none, a file may hold very many.
        #[serde(deserialize_with = "boxed")]
        rows: Box<RowSelection>,
        /// What is made of them.
        aggregate: Aggregate,
    },
    /// Something about the products held or taken before T, whatever tables they stand in.
    Holdings(HoldingAggregate),
    /// One feature divided by another; missing where the divisor is 0 or missing.
    Ratio {
        /// The name of a feature defined earlier.
        numerator: String,
        /// The name of a feature defined earlier.
        denominator: String,
    },
    /// Where in the year, the month or the week T lies.
    Season(SeasonPart),
}

/// What is made of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transform {
    /// The number itself, or a category's position among its words.
    Value,
    /// Years (of 365.25 days; to a policy's rules those of the calendar) from this time to T.
    YearsSince,
    /// Days from this time to T.
    DaysSince,
    /// The year of this time with its fraction, in years of 365.25 days from 1970 on (to a policy's rules
    /// that of the calendar): 2024.5 is in early July 2024.
    Year,
}

/// Which rows of an event table count. Rows at or after T never do.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RowSelection {
    /// Only rows in [T − days, T).
    pub window_days: Option<u32>,
    /// Only rows of products that are open at T (of a table that holds products).
    pub open: bool,
    /// Only rows that pass this.
    pub filter: RowFilter,
}

/// Which rows pass: those for which all conditions hold, but for those that an exclusion leaves out.
///
/// Groups do not nest, so that reading and using definitions from hostile bytes needs no recursion.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RowFilter {
    /// All of these hold.
    #[serde(deserialize_with = "list")]
    pub conditions: Vec<Condition>,
    /// Of none of these groups, none of which is empty, all conditions hold.
    #[serde(deserialize_with = "lists")]
    pub exclusions: Vec<Vec<Condition>>,
}

/// A test of one column of a row. A missing value passes only [`Test::NotIn`] and [`Test::Missing`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// The column.
    pub column: String,
    /// The test.
    pub test: Test,
}

/// A test of one value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Test {
    /// A category that is one of these words.
    In(#[serde(deserialize_with = "list")] Vec<String>),
    /// A category that is none of these words.
    NotIn(#[serde(deserialize_with = "list")] Vec<String>),
    /// A number that equals this one.
    Equals(f64),
    /// A number below.
    Below(f64),
    /// A number of at most.
    AtMost(f64),
    /// A number above.
    Above(f64),
    /// A number of at least.
    AtLeast(f64),
    /// Whether any value is missing (true) or there (false).
    Missing(bool),
}

/// What is made of the selected rows of an event table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Aggregate {
    /// How many rows there are.
    Count,
    /// Days from the latest row to T; missing without rows.
    DaysSinceLast,
    /// Days from the earliest row to T; missing without rows.
    DaysSinceFirst,
    /// The sum of a column; 0 without rows.
    Sum(String),
    /// The mean of a column; missing without rows.
    Mean(String),
    /// The least value of a column; missing without rows.
    Min(String),
    /// The greatest value of a column; missing without rows.
    Max(String),
    /// The value of a column in the latest row (of equally late ones, the greatest): a number, or a
    /// category's position among its words; missing without rows.
    Last(String),
    /// How many different values a column has; 0 without rows.
    Distinct(String),
    /// The population standard deviation of a column; missing without rows.
    Std(String),
    /// The value of a column in the earliest row (of equally early ones, the least), as [`Aggregate::Last`].
    First(String),
    /// Shannon's entropy of a column's values, in bits; missing without rows.
    Entropy(String),
    /// The share of the rows that pass a further filter; missing without rows.
    Share(#[serde(deserialize_with = "boxed")] Box<RowFilter>),
    /// The rate a day in a short window over the rate a day in the selection's window; missing where that is
    /// 0.
    Trend {
        /// What is summed; rows are counted without it.
        column: Option<String>,
        /// The short window, shorter than the selection's.
        short_days: u32,
    },
    /// Days from T to the earliest date of a column that is not before T; missing without one.
    DaysUntilNext(String),
}

/// What is made of the products taken before T.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HoldingAggregate {
    /// 1 where the product of this id is held at T, else 0.
    Holds(String),
    /// How many different products are held at T.
    DistinctHeld,
    /// How many holdings are open at T.
    OpenCount,
    /// How many products were ever taken.
    EverCount,
    /// Days from the latest product taken to T; missing where none was.
    DaysSinceLastTaken,
}

/// Where in the year, the month or the week T lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SeasonPart {
    /// The month, 1 to 12.
    Month,
    /// The quarter, 1 to 4.
    Quarter,
    /// The day of the month, 1 to 31.
    DayOfMonth,
    /// The day of the week, from 1 (Monday) to 7 (Sunday).
    Weekday,
    /// The day of the year, 1 to 366.
    DayOfYear,
}
