//! The state of a customer at a cut-off T: whether the person was a customer, which products were held, and
//! which was taken next.
//!
//! Invariant: everything that describes the customer at T is rebuilt from rows dated before T; only the label
//! reads rows from T on.

use crate::customers::Customer;
use crate::schema::{Holding, ProductSource, Schema, Task};
use crate::time::{self, DAY};

/// A set of products, by position in the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProductSet(u64);

impl ProductSet {
    /// Adds a product; its position must be below [`MAX_PRODUCTS`](crate::schema::MAX_PRODUCTS).
    pub fn insert(&mut self, product: usize) {
        debug_assert!(product < crate::schema::MAX_PRODUCTS);
        self.0 |= 1 << product;
    }

    /// Whether a product is in the set.
    pub fn contains(self, product: usize) -> bool {
        product < u64::BITS as usize && self.0 & (1 << product) != 0
    }

    /// The number of products in the set.
    pub fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// One product that a customer took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Taken {
    pub(crate) product: usize,
    pub(crate) opened: f64,
    /// When it was given up; NaN if it was not.
    pub(crate) closed: f64,
}

/// Customers as of a cut-off.
///
/// # Examples
/// ```
/// use nextbest_core::customers::read_customer;
/// use nextbest_core::snapshot::Snapshot;
/// use nextbest_core::time::parse;
///
/// # let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/bank.bundle"));
/// # let recommender = nextbest_core::Recommender::load(bytes)?;
/// let schema = recommender.schema();
/// let rows = r#"{"customer": {"CUSTOMERESTABLISHEDDATE": "2015-03-02"},
///     "accounts": [{"PRODUCTID": "CREDIT_CARD", "ORIGINATIONDATE": "2026-07-15"}]}"#;
/// let customers = read_customer(schema, rows)?;
/// let customer = customers.get(0).unwrap();
/// let before = Snapshot::new(schema, parse("2026-07-01").unwrap());
/// assert!(before.held(&customer).is_empty());
/// assert_eq!(schema.class_names()[before.label(&customer).unwrap()], "Credit Card");
/// let after = Snapshot::new(schema, parse("2026-08-01").unwrap());
/// assert_eq!((after.held(&customer).len(), after.label(&customer)), (1, Some(0)));
/// # Ok::<(), nextbest_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'s> {
    schema: &'s Schema,
    /// The cut-off T in seconds since 1970-01-01: the first moment that is not known yet.
    cutoff: i64,
}

impl<'s> Snapshot<'s> {
    /// The view as of a cut-off, in seconds since 1970-01-01.
    pub fn new(schema: &'s Schema, cutoff: i64) -> Self {
        Self { schema, cutoff }
    }

    /// Whether the customer was established before the cut-off. In a plain table every row counts.
    pub fn is_customer(&self, customer: &Customer<'_>) -> bool {
        let established = self.schema.established();
        established.is_none_or(|column| customer.attribute(column) < self.cutoff as f64)
    }

    /// The products held: opened before the cut-off and not given up before it.
    pub fn held(&self, customer: &Customer<'_>) -> ProductSet {
        let mut held = ProductSet::default();
        for taken in self.taken_before(customer) {
            if self.is_open(&taken) {
                held.insert(taken.product);
            }
        }
        held
    }

    /// Every product opened before the cut-off.
    pub(crate) fn taken_before(&self, customer: &Customer<'_>) -> impl Iterator<Item = Taken> {
        let cutoff = self.cutoff as f64;
        taken(self.schema, customer).filter(move |taken| taken.opened < cutoff)
    }

    /// The holdings opened before the cut-off whose product is unknown: its word is missing or not in the
    /// schema, so it may be any product. Their `product` is a position that no product has.
    pub(crate) fn untold_before(&self, customer: &Customer<'_>) -> impl Iterator<Item = Taken> {
        let cutoff = self.cutoff as f64;
        let holdings = self.schema.holdings().iter();
        holdings
            .flat_map(move |holding| untold_in(holding, customer))
            .filter(move |taken| taken.opened < cutoff)
    }

    pub(crate) fn is_open(&self, taken: &Taken) -> bool {
        is_open_at(taken.closed, self.cutoff as f64)
    }

    /// The label: the position of the true class, or `None` if it is not known (a plain table's label is
    /// missing).
    ///
    /// For products, it is the position + 1 of the first product opened in [T, T + horizon), or 0 if there is
    /// none. Ties go to the product that comes first in the schema.
    pub fn label(&self, customer: &Customer<'_>) -> Option<usize> {
        match self.schema.task() {
            Task::NextProduct => Some(self.next_product(customer)),
            Task::Label { .. } => {
                let code = customer.attribute(self.schema.label()?);
                (!code.is_nan()).then_some(code as usize)
            }
        }
    }

    fn next_product(&self, customer: &Customer<'_>) -> usize {
        let from = self.cutoff as f64;
        let until = (self.cutoff + i64::from(self.schema.horizon_days()) * DAY) as f64;
        let mut first: Option<Taken> = None;
        for taken in taken(self.schema, customer) {
            let earlier = first.is_none_or(|first| {
                taken.opened < first.opened || (taken.opened == first.opened && taken.product < first.product)
            });
            if (from..until).contains(&taken.opened) && earlier {
                first = Some(taken);
            }
        }
        first.map_or(0, |taken| taken.product + 1)
    }
}

/// The moment that a customer is seen from, in seconds since 1970-01-01: `as_of`. A row of a plain table is
/// seen from its own time if it has one; if the table has no time column, from the end of time, so that no
/// date in it is in the future.
pub fn moment(schema: &Schema, customer: &Customer<'_>, as_of: i64) -> i64 {
    match (schema.task(), schema.row_time()) {
        (Task::NextProduct, _) => as_of,
        (Task::Label { .. }, None) => time::END,
        (Task::Label { .. }, Some(column)) => {
            let own = customer.attribute(column);
            if own.is_nan() { as_of } else { own as i64 }
        }
    }
}

/// Whether something given up at `closed` (NaN: never) was still open just before `cutoff`. An end at the
/// cut-off or later is in the future and reads as never.
pub(crate) fn is_open_at(closed: f64, cutoff: f64) -> bool {
    closed.is_nan() || closed >= cutoff
}

/// Every product that the customer ever took.
fn taken(schema: &Schema, customer: &Customer<'_>) -> impl Iterator<Item = Taken> {
    schema.holdings().iter().flat_map(move |holding| taken_in(holding, customer).flatten())
}

/// The product taken in each row of a table; `None` for a row about no declared product.
pub(crate) fn taken_in(holding: &Holding, customer: &Customer<'_>) -> impl Iterator<Item = Option<Taken>> {
    let rows = customer.table(holding.table);
    let closed = holding.closed.map_or(&[][..], |column| rows.column(column));
    rows.column(holding.time).iter().enumerate().map(move |(row, &opened)| {
        let product = match &holding.product {
            ProductSource::Always(product) => *product,
            ProductSource::Column { column, product_of_code } => {
                let code = rows.column(*column).get(row).copied().filter(|code| !code.is_nan())?;
                usize::from((*product_of_code.get(code as usize)?)?)
            }
        };
        Some(Taken { product, opened, closed: closed.get(row).copied().unwrap_or(f64::NAN) })
    })
}

/// The rows of a table that say that a product was taken, but not which.
fn untold_in(holding: &Holding, customer: &Customer<'_>) -> impl Iterator<Item = Taken> {
    let rows = customer.table(holding.table);
    let products = match &holding.product {
        ProductSource::Always(_) => &[][..],
        ProductSource::Column { column, .. } => rows.column(*column),
    };
    let closed = holding.closed.map_or(&[][..], |column| rows.column(column));
    let times = rows.column(holding.time);
    products.iter().zip(times).enumerate().filter(|(_, (product, _))| product.is_nan()).map(
        move |(row, (_, &opened))| {
            let closed = closed.get(row).copied().unwrap_or(f64::NAN);
            Taken { product: usize::MAX, opened, closed }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::customers::{Customers, read_customer};
    use crate::schema::tests::{plain_schema, small_schema};

    fn customer(accounts: &str) -> Customers {
        let json = format!(r#"{{"customer": {{"SINCE": "2020-01-01"}}, "accounts": [{accounts}]}}"#);
        read_customer(&small_schema(), &json).unwrap()
    }

    fn at(date: &str) -> i64 {
        time::parse(date).unwrap()
    }

    #[test]
    fn the_cut_off_itself_is_the_future() {
        let schema = small_schema();
        let customers = customer(
            r#"{"OPENED": "2021-01-01", "PRODUCT": "L", "CLOSED": "2022-01-01"}, {"OPENED": "2021-06-01", "PRODUCT": "X"}"#,
        );
        let customer = customers.get(0).unwrap();
        let held = |date| Snapshot::new(&schema, at(date)).held(&customer);
        assert!(held("2021-01-01").is_empty(), "opened at T is not held at T");
        assert!(held("2021-01-02").contains(0));
        assert!(held("2022-01-01").contains(0), "closed at T is still held at T");
        assert!(held("2022-01-02").is_empty());
        let since = |date| Snapshot::new(&schema, at(date)).is_customer(&customer);
        assert!(!since("2020-01-01") && since("2020-01-02"));
    }

    #[test]
    fn the_label_is_the_first_product_in_the_horizon() {
        let schema = small_schema();
        let customers = customer(
            r#"{"OPENED": "2021-03-01", "PRODUCT": "C"}, {"OPENED": "2021-03-01", "PRODUCT": "L"},
               {"OPENED": "2021-02-01", "PRODUCT": "X"}, {"OPENED": "2021-08-01", "PRODUCT": "C"}"#,
        );
        let customer = customers.get(0).unwrap();
        let label = |date| Snapshot::new(&schema, at(date)).label(&customer).unwrap();
        assert_eq!(label("2021-02-01"), 1, "at a tie the schema's order decides; X is no product of ours");
        assert_eq!(label("2021-03-01"), 1, "opened at T counts as next");
        assert_eq!(label("2021-03-02"), 0);
        assert_eq!(label("2020-12-01"), 0, "90 days end on 2021-03-01, which is outside");
        assert_eq!(label("2020-12-02"), 1);
        assert_eq!(label("2021-07-01"), 2);
    }

    #[test]
    fn a_plain_tables_label_is_a_word_of_the_row() {
        let schema = plain_schema();
        let row = |json| read_customer(&schema, json).unwrap();
        let of = |json| {
            let rows = row(json);
            let row = rows.get(0).unwrap();
            let snapshot = Snapshot::new(&schema, at("2024-01-01"));
            assert!(snapshot.is_customer(&row) && snapshot.held(&row).is_empty());
            (snapshot.label(&row), moment(&schema, &row, 7))
        };
        assert_eq!(of(r#"{"OUTCOME": "good", "SEEN": "2024-05-01"}"#), (Some(1), at("2024-05-01")));
        assert_eq!(of(r#"{"OUTCOME": "never seen", "AGE": 3}"#), (None, 7));
    }
}
