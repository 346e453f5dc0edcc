//! Injected drifts: known changes of a known size, for a monitor to find.
//!
//! Four kinds change the records of a life that is otherwise unchanged ([`apply`]); two change the life
//! itself, through the conditions of its months ([`Drift::change`]). docs/SYNTHETIC.md has the formulas.

pub(super) mod amounts;
pub(super) mod categories;
mod missing;

use core::fmt;
use core::ops::Bound::{self, Excluded, Included, Unbounded};
use core::ops::RangeBounds;

use serde::{Deserialize, Serialize};

use super::calendar::{Date, Month};
use super::catalogue::ByProduct;
use super::economy::{Conditions, Economy};
use super::params::BankParams;
use super::random::{Purpose, Random};
use super::record::CustomerRecord;

/// A change of some size in what happens from some day on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    /// What changes.
    pub kind: DriftKind,
    /// How much, in the unit of its kind.
    pub size: f64,
    /// The day on which it begins; the first day of the data if absent.
    pub from: Option<Date>,
}

/// The kind of a drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// The logarithms of the amounts of transactions move by `size` standard deviations.
    MeanShift,
    /// The distance of the logarithms of amounts from the typical amount of their type is multiplied by 1 +
    /// `size`.
    Scale,
    /// The share `size` of the rows of some categories gets another category.
    CategoryMix,
    /// The share `size` of the values of some columns becomes missing, in addition to those that already are.
    Missingness,
    /// The hazard of every product is multiplied by 1 + `size`.
    LabelShift,
    /// The share `size` of every need's pull goes to another need's products.
    ConceptShift,
}

impl DriftKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::MeanShift,
        Self::Scale,
        Self::CategoryMix,
        Self::Missingness,
        Self::LabelShift,
        Self::ConceptShift,
    ];

    /// The kind's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MeanShift => "mean_shift",
            Self::Scale => "scale",
            Self::CategoryMix => "category_mix",
            Self::Missingness => "missingness",
            Self::LabelShift => "label_shift",
            Self::ConceptShift => "concept_shift",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The allowed sizes, in words.
    #[must_use]
    pub fn sizes(self) -> String {
        match self.bounds() {
            (Excluded(low), high) => format!("above {low}, at most {high}"),
            (Included(low), high) => format!("{low} to {high}"),
            (Unbounded, high) => format!("at most {high}"),
        }
    }

    pub(super) fn allows(self, size: f64) -> bool {
        let (low, high) = self.bounds();
        (low, Included(high)).contains(&size)
    }

    /// The smallest and the largest size.
    const fn bounds(self) -> (Bound<f64>, f64) {
        match self {
            Self::MeanShift => (Included(-3.0), 3.0),
            Self::Scale => (Excluded(-1.0), 1.0),
            Self::CategoryMix | Self::Missingness | Self::ConceptShift => (Included(0.0), 1.0),
            Self::LabelShift => (Excluded(-1.0), 9.0),
        }
    }
}

impl fmt::Display for DriftKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `mean_shift=0.3@2026-01-01`
impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, size, from } = self;
        write!(f, "{kind}={size}")?;
        from.map_or(Ok(()), |day| write!(f, "@{day}"))
    }
}

impl Drift {
    /// The first day that changes.
    fn begins(&self, params: &BankParams) -> Date {
        self.from.unwrap_or(params.start)
    }

    /// Changes the conditions of a month if the whole month comes after the beginning: hazards are constant
    /// within a month.
    pub(super) fn change(&self, month: Month, params: &BankParams, conditions: &mut Conditions) {
        if month.first() < self.begins(params) {
            return;
        }
        match self.kind {
            DriftKind::LabelShift => {
                let demand = conditions.demand;
                conditions.demand = ByProduct::from_fn(|product| demand[product] * (1.0 + self.size));
            }
            // Takes a share of what still pulls to the need's own products.
            DriftKind::ConceptShift => conditions.concept += (1.0 - conditions.concept) * self.size,
            DriftKind::MeanShift | DriftKind::Scale | DriftKind::CategoryMix | DriftKind::Missingness => {}
        }
    }
}

/// Applies the drifts to the records of a customer, one after the other.
pub(super) fn apply(params: &BankParams, economy: &Economy, record: &mut CustomerRecord) {
    let stream = |purpose| Random::new(params.seed, record.index, purpose);
    let (mut mixing, mut losing) = (stream(Purpose::CategoryMix), stream(Purpose::Missingness));
    for drift in &params.drifts {
        let begins = drift.begins(params);
        // Rows from before the data count as recorded on the first day of the data.
        let reached = |day: Date| day.max(params.start) >= begins;
        match drift.kind {
            DriftKind::MeanShift => amounts::shift(record, drift.size, reached),
            DriftKind::Scale => amounts::stretch(record, drift.size, economy, reached),
            DriftKind::CategoryMix => categories::mix(record, drift.size, reached, &mut mixing),
            DriftKind::Missingness => missing::lose(record, drift.size, reached, &mut losing),
            DriftKind::LabelShift | DriftKind::ConceptShift => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_called_by_their_names() {
        for kind in DriftKind::ALL {
            assert_eq!(DriftKind::named(kind.name()), Some(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
        assert_eq!(DriftKind::named("mean"), None);
    }

    #[test]
    fn a_drift_is_written_as_it_is_given() {
        let drift = Drift { kind: DriftKind::MeanShift, size: 0.3, from: None };
        assert_eq!(drift.to_string(), "mean_shift=0.3");
        let drift = Drift { from: Date::from_ymd(2026, 1, 1), ..drift };
        assert_eq!(drift.to_string(), "mean_shift=0.3@2026-01-01");
    }

    #[test]
    fn sizes_have_bounds() {
        let allowed = |size| DriftKind::ALL.map(|kind| kind.allows(size));
        assert_eq!(allowed(0.0), [true; 6]);
        assert_eq!(allowed(1.0), [true; 6]);
        assert_eq!(allowed(f64::NAN), [false; 6]);
        assert_eq!(allowed(9.1), [false; 6]);
        assert_eq!(allowed(-1.0), [true, false, false, false, false, false]);
        assert_eq!(DriftKind::MeanShift.sizes(), "-3 to 3");
        assert_eq!(DriftKind::LabelShift.sizes(), "above -1, at most 9");
    }
}
