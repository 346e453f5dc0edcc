//! The parameters of a bank, checked once.

use core::ops::Range;

use super::calendar::Date;
use super::drift::{Drift, DriftKind};

/// The upper bound of customers' indices, so that their rows' identifiers stay below 10¹⁵.
pub const MAX_CUSTOMERS: u64 = 1_000_000_000;

const EARLIEST_YEAR: i32 = 1950;
const LATEST_YEAR: i32 = 2100;
/// Bounds the rows of a customer, and with them the digits of identifiers.
const LONGEST_DAYS: i32 = 20 * 366;

/// Parameters of a synthetic bank. [`Bank::new`](super::Bank::new) checks them.
#[derive(Clone, Debug, PartialEq)]
pub struct BankParams {
    /// The seed of everything.
    pub seed: u64,
    /// Indices of the customers to generate. A customer is the same whatever the range around it.
    pub customers: Range<u64>,
    /// First day with transactions and communications; accounts go back further.
    pub start: Date,
    /// Last day of the data.
    pub end: Date,
    /// The share of rows that are written damaged, 0–1.
    pub dirty_rate: f64,
    /// Deliberate changes, applied in this order: each acts on the result of those before it.
    pub drifts: Vec<Drift>,
}

impl Default for BankParams {
    /// 10,000 customers from 2023-01-01 to 2026-06-30, without dirt.
    fn default() -> Self {
        Self {
            seed: 42,
            customers: 0..10_000,
            start: Date::from_days(19_358),
            end: Date::from_days(20_634),
            dirty_rate: 0.0,
            drifts: Vec::new(),
        }
    }
}

/// Why a bank cannot be generated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SynthError {
    /// No customers, or more than identifiers can distinguish.
    #[error("customers {}..{}: give a range a..b with a < b ≤ {MAX_CUSTOMERS}", .0.start, .0.end)]
    Customers(Range<u64>),
    /// The data would end before they begin, or be too long or too far away in time.
    #[error(
        "dates {start} to {end}: start must come before end, both in the years \
         {EARLIEST_YEAR}–{LATEST_YEAR}, \
         at most {LONGEST_DAYS} days apart"
    )]
    Dates {
        /// First day.
        start: Date,
        /// Last day.
        end: Date,
    },
    /// The dirty rate is not a share.
    #[error("dirty rate {0}: give a share between 0 and 1")]
    DirtyRate(f64),
    /// The size of a drift is outside the range of its kind.
    #[error("drift {kind}: the size {size} is not in its range, {}", .kind.sizes())]
    DriftSize {
        /// The drift's kind.
        kind: DriftKind,
        /// Its size.
        size: f64,
    },
    /// A drift begins before or after the data.
    #[error("drift {kind}: begins on {from}, but the data are those from {start} to {end}")]
    DriftDay {
        /// The drift's kind.
        kind: DriftKind,
        /// The day on which it begins.
        from: Date,
        /// First day of the data.
        start: Date,
        /// Last day of the data.
        end: Date,
    },
    /// A customer outside the bank's range.
    #[error("customer {index}: the bank has the customers {}..{}", .customers.start, .customers.end)]
    NoSuchCustomer {
        /// The customer asked for.
        index: u64,
        /// The bank's customers.
        customers: Range<u64>,
    },
}

/// Checked parameters.
#[derive(Clone, Debug)]
pub(super) struct ValidParams(BankParams);

impl TryFrom<BankParams> for ValidParams {
    type Error = SynthError;

    fn try_from(params: BankParams) -> Result<Self, SynthError> {
        let BankParams { customers, start, end, dirty_rate, drifts, .. } = &params;
        if customers.is_empty() || customers.end > MAX_CUSTOMERS {
            return Err(SynthError::Customers(customers.clone()));
        }
        let years = EARLIEST_YEAR..=LATEST_YEAR;
        let far = !years.contains(&start.ymd().0) || !years.contains(&end.ymd().0);
        if far || start >= end || end.days() - start.days() > LONGEST_DAYS {
            return Err(SynthError::Dates { start: *start, end: *end });
        }
        if !(0.0..=1.0).contains(dirty_rate) {
            return Err(SynthError::DirtyRate(*dirty_rate));
        }
        for &Drift { kind, size, from } in drifts {
            if !kind.allows(size) {
                return Err(SynthError::DriftSize { kind, size });
            }
            if let Some(from) = from.filter(|day| !(start..=end).contains(&day)) {
                return Err(SynthError::DriftDay { kind, from, start: *start, end: *end });
            }
        }
        Ok(Self(params))
    }
}

impl core::ops::Deref for ValidParams {
    type Target = BankParams;

    fn deref(&self) -> &BankParams {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(change: impl FnOnce(&mut BankParams)) -> SynthError {
        let mut params = BankParams::default();
        change(&mut params);
        ValidParams::try_from(params).unwrap_err()
    }

    #[test]
    fn the_default_is_valid_and_covers_the_documented_range() {
        let params = ValidParams::try_from(BankParams::default()).unwrap();
        assert_eq!(
            (params.start.to_string(), params.end.to_string()),
            ("2023-01-01".into(), "2026-06-30".into())
        );
    }

    #[test]
    fn senseless_parameters_are_named() {
        assert_eq!(rejected(|p| p.customers = 5..5), SynthError::Customers(5..5));
        assert!(matches!(rejected(|p| p.customers = 0..MAX_CUSTOMERS + 1), SynthError::Customers(_)));
        assert!(matches!(rejected(|p| p.end = p.start), SynthError::Dates { .. }));
        assert!(matches!(rejected(|p| p.end = Date::from_days(i32::MAX / 2)), SynthError::Dates { .. }));
        assert!(matches!(
            rejected(|p| p.start = p.end.add_days(-LONGEST_DAYS - 1)),
            SynthError::Dates { .. }
        ));
        assert_eq!(
            rejected(|p| p.dirty_rate = 1.5).to_string(),
            "dirty rate 1.5: give a share between 0 and 1"
        );
        assert!(matches!(rejected(|p| p.dirty_rate = f64::NAN), SynthError::DirtyRate(_)));
        let drift = |kind, size, from| move |p: &mut BankParams| p.drifts = vec![Drift { kind, size, from }];
        assert_eq!(
            rejected(drift(DriftKind::LabelShift, -1.0, None)).to_string(),
            "drift label_shift: the size -1 is not in its range, above -1, at most 9"
        );
        assert_eq!(
            rejected(drift(DriftKind::Missingness, 1.5, None)).to_string(),
            "drift missingness: the size 1.5 is not in its range, 0 to 1"
        );
        assert_eq!(
            rejected(drift(DriftKind::Scale, 0.5, Date::from_ymd(2026, 7, 1))).to_string(),
            "drift scale: begins on 2026-07-01, but the data are those from 2023-01-01 to 2026-06-30"
        );
    }
}
