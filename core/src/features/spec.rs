//! Feature definitions: a bank writes them in its config, a bundle carries them, the engine compiles them.

use serde::{Deserialize, Serialize};

use crate::decode::bounded::{boxed, list, lists};

/// A feature: its name, a label, and how to compute it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureDefinition {
    /// Unique among the features.
    pub name: String,
    /// Its group: demographic, account, transaction, communication, behavioral, temporal, …
    pub group: String,
    /// A label in words.
    pub label: String,
    /// How it is computed.
    pub expression: Expression,
    /// The value used if the expression has none (the mean of no rows, the age without a date of birth).
    /// Without it the feature is missing (NaN), which the models treat as a value of its own.
    pub missing: Option<f32>,
}

/// How a feature is computed for a customer at a cut-off T.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Expression {
    /// An attribute of the customer.
    Attribute {
        /// The column.
        column: String,
        /// How its value is used.
        transform: Transform,
    },
    /// An aggregate of some rows of an event table.
    Events {
        /// The table.
        table: String,
        /// Which of its rows count. Boxed: a file may hold very many features that need none.
        #[serde(deserialize_with = "boxed")]
        rows: Box<RowSelection>,
        /// How the rows are aggregated.
        aggregate: Aggregate,
    },
    /// A count or date of the products held or taken before T, in whatever tables they are recorded.
    Holdings(HoldingAggregate),
    /// One feature divided by another; missing if the divisor is 0 or missing.
    Ratio {
        /// The name of a feature defined earlier.
        numerator: String,
        /// The name of a feature defined earlier.
        denominator: String,
    },
    /// The position of T in the year, month or week.
    Season(SeasonPart),
}

/// How an attribute's value is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transform {
    /// The number itself, or a category's position among its words.
    Value,
    /// Years from this time to T: 365.25 days each, or calendar years in a policy's rules.
    YearsSince,
    /// Days from this time to T.
    DaysSince,
    /// The year of this time with its fraction, counted in years of 365.25 days from 1970 on (calendar years
    /// in a policy's rules): 2024.5 is in early July 2024.
    Year,
}

/// Which rows of an event table count. Rows at or after T never do.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RowSelection {
    /// Only rows in [T − days, T).
    pub window_days: Option<u32>,
    /// Only rows of products that are open at T (for tables that hold products).
    pub open: bool,
    /// Only rows that pass this filter.
    pub filter: RowFilter,
}

/// A filter of rows: a row passes if all conditions hold and no exclusion matches.
///
/// Groups do not nest, so that reading and using definitions from hostile bytes needs no recursion.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RowFilter {
    /// Conditions that must all hold.
    #[serde(deserialize_with = "list")]
    pub conditions: Vec<Condition>,
    /// Groups of conditions; a row for which all conditions of one group hold does not pass. No group is
    /// empty.
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
    /// A number at most this.
    AtMost(f64),
    /// A number above.
    Above(f64),
    /// A number at least this.
    AtLeast(f64),
    /// Whether the value must be missing (true) or present (false).
    Missing(bool),
}

/// How the selected rows of an event table become one number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Aggregate {
    /// The number of rows.
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
    /// The value of a column in the latest row (the greatest, if several are equally late): a number, or a
    /// category's position among its words; missing without rows.
    Last(String),
    /// The number of different values of a column; 0 without rows.
    Distinct(String),
    /// The population standard deviation of a column; missing without rows.
    Std(String),
    /// The value of a column in the earliest row (the least, if several are equally early), as for
    /// [`Aggregate::Last`].
    First(String),
    /// Shannon's entropy of a column's values, in bits; missing without rows.
    Entropy(String),
    /// The share of the rows that pass a further filter; missing without rows.
    Share(#[serde(deserialize_with = "boxed")] Box<RowFilter>),
    /// The daily rate in a short window divided by the daily rate in the selection's window; missing if the
    /// latter is 0.
    Trend {
        /// The column that is summed; without it, rows are counted.
        column: Option<String>,
        /// The short window, shorter than the selection's.
        short_days: u32,
    },
    /// Days from T to the earliest date of a column at or after T; missing if there is none.
    DaysUntilNext(String),
}

/// A number computed from the products taken before T.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HoldingAggregate {
    /// 1 if the product with this id is held at T, else 0.
    Holds(String),
    /// The number of different products held at T.
    DistinctHeld,
    /// The number of holdings open at T.
    OpenCount,
    /// The number of products ever taken.
    EverCount,
    /// Days from the latest product taken to T; missing if none was taken.
    DaysSinceLastTaken,
}

/// A calendar position of T.
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
