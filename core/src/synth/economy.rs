//! Conditions that change for everyone: prices, the policy rate, seasons, digital habits and the demand for
//! each product.

use super::calendar::Month;
use super::catalogue::{ByProduct, Product};

/// The conditions of one calendar month.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conditions {
    /// Incomes and prices relative to 2020.
    pub(super) price_level: f64,
    /// The central bank's rate in percent.
    pub(super) policy_rate: f64,
    /// How far the bank's customers have moved to digital channels, 0–1.
    pub(super) digital: f64,
    /// Cash withdrawals relative to 2020.
    pub(super) cash: f64,
    /// Travel spending relative to its yearly mean.
    pub(super) travel: f64,
    /// Outbound contacts relative to a quiet month.
    pub(super) campaigns: f64,
    /// Demand for each product relative to its long-run mean: season × drift.
    pub(super) demand: ByProduct,
    /// The share of every need's pull that goes to another need's products.
    pub(super) concept: f64,
}

impl Conditions {
    fn of(month: Month) -> Self {
        let years = month.as_years();
        let rate = policy_rate(years);
        Self {
            price_level: libm::exp(0.025 * (years - 2020.0)),
            policy_rate: rate,
            digital: 1.0 / (1.0 + libm::exp(-0.35 * (years - 2024.0))),
            cash: libm::exp(-0.09 * (years - 2020.0)),
            travel: [0.7, 0.8, 0.9, 1.0, 1.1, 1.4, 1.8, 1.5, 0.9, 0.7, 0.5, 0.9].of(month),
            campaigns: [1.5, 0.9, 0.9, 0.9, 1.3, 0.8, 0.6, 0.7, 1.4, 0.9, 1.4, 0.7].of(month),
            demand: ByProduct::from_fn(|product| {
                season(product, month) * drift(product, years, rate).clamp(0.4, 2.5)
            }),
            concept: 0.0,
        }
    }
}

/// The conditions of a span of months, computed once.
#[derive(Clone, Debug)]
pub(super) struct Economy {
    first: Month,
    months: Vec<Conditions>,
}

impl Economy {
    pub(super) fn new(first: Month, last: Month) -> Self {
        Self { first, months: (0..=last.since(first)).map(|n| Conditions::of(first.plus(n))).collect() }
    }

    pub(super) fn at(&self, month: Month) -> Conditions {
        usize::try_from(month.since(self.first))
            .ok()
            .and_then(|n| self.months.get(n))
            .copied()
            .unwrap_or_else(|| Conditions::of(month))
    }
}

/// A stylised rate cycle, linear between its knots.
fn policy_rate(years: f64) -> f64 {
    const KNOTS: [(f64, f64); 10] = [
        (2000.0, 4.5),
        (2003.0, 2.0),
        (2008.0, 4.0),
        (2010.0, 1.0),
        (2016.0, 0.5),
        (2021.5, 0.25),
        (2023.5, 4.75),
        (2024.5, 4.5),
        (2025.5, 3.0),
        (2027.0, 2.25),
    ];
    let mut before = (f64::MIN, 4.5);
    for knot in KNOTS {
        if years < knot.0 {
            return before.1 + (knot.1 - before.1) * ((years - before.0) / (knot.0 - before.0));
        }
        before = knot;
    }
    before.1
}

/// The factor of demand in this calendar month.
pub(super) fn season(product: Product, month: Month) -> f64 {
    match product {
        Product::SavingsAccount => [1.3, 1.1, 1.0, 0.9, 0.9, 0.9, 0.8, 0.9, 1.1, 1.1, 1.0, 1.0].of(month),
        Product::CreditCard => [0.8, 0.8, 0.9, 1.0, 1.1, 1.2, 1.1, 0.9, 0.9, 1.0, 1.2, 1.1].of(month),
        Product::PersonalLoan => [1.2, 1.0, 0.9, 0.9, 0.9, 1.0, 1.0, 0.9, 1.0, 1.0, 1.1, 1.1].of(month),
        Product::HomeLoan => [0.8, 0.9, 1.1, 1.2, 1.2, 1.2, 1.0, 0.9, 1.0, 1.0, 0.9, 0.8].of(month),
        Product::AutoLoan => [0.8, 0.9, 1.3, 1.2, 1.0, 1.0, 0.9, 0.8, 1.2, 1.1, 0.9, 0.9].of(month),
        Product::TermDeposit => [1.4, 1.2, 1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 1.0, 1.0, 1.0].of(month),
        Product::StudentLoan => [0.9, 0.7, 0.6, 0.6, 0.7, 0.9, 1.3, 1.8, 2.0, 1.2, 0.7, 0.6].of(month),
        Product::CurrentAccount | Product::InvestmentFund | Product::LifeInsurance => 1.0,
    }
}

/// Borrowing falls and deposits rise with the policy rate; cards and funds gain over the years.
fn drift(product: Product, years: f64, policy_rate: f64) -> f64 {
    let tight = policy_rate - 3.0;
    let since_2024 = years - 2024.0;
    libm::exp(match product {
        Product::HomeLoan => -0.20 * tight,
        Product::AutoLoan => -0.08 * tight,
        Product::PersonalLoan => 0.05 * since_2024,
        Product::TermDeposit => 0.25 * tight,
        Product::SavingsAccount => 0.06 * tight,
        Product::InvestmentFund => 0.10 * since_2024 - 0.08 * tight,
        Product::CreditCard => 0.06 * since_2024,
        Product::CurrentAccount | Product::LifeInsurance | Product::StudentLoan => 0.0,
    })
}

/// A value for each month of the year.
trait Seasonal {
    fn of(&self, month: Month) -> f64;
}

impl Seasonal for [f64; 12] {
    fn of(&self, month: Month) -> f64 {
        self.get(month.of_year() as usize - 1).copied().unwrap_or(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::calendar::Date;
    use super::*;

    fn month(year: i32, month: u32) -> Month {
        Month::of(Date::from_ymd(year, month, 1).unwrap())
    }

    #[test]
    fn a_span_agrees_with_single_months_inside_and_outside() {
        let economy = Economy::new(month(2024, 1), month(2024, 12));
        for m in [month(2023, 5), month(2024, 5), month(2027, 5)] {
            assert_eq!(economy.at(m).policy_rate, Conditions::of(m).policy_rate);
        }
    }

    #[test]
    fn the_rate_cycle_moves_deposits_and_home_loans_apart() {
        let (dear, cheap) = (Conditions::of(month(2023, 7)), Conditions::of(month(2026, 7)));
        assert!(dear.policy_rate > cheap.policy_rate + 1.5);
        assert!(dear.demand[Product::TermDeposit] > cheap.demand[Product::TermDeposit]);
        assert!(dear.demand[Product::HomeLoan] < cheap.demand[Product::HomeLoan]);
        assert!(dear.digital < cheap.digital && dear.cash > cheap.cash);
    }
}
