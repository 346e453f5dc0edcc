//! Accounts: the terms fixed by a purchase (amount, term, rate, channel), and when they end.

use super::calendar::Date;
use super::catalogue::{Channel, Product};
use super::economy::Conditions;
use super::persona::{Persona, Stage};
use super::random::Random;

/// One account of one customer.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) product: Product,
    pub(super) channel: Channel,
    pub(super) origination: Date,
    pub(super) maturity: Option<Date>,
    pub(super) closed: Option<Date>,
    /// Amount lent, placed, insured or granted as a limit, in cents.
    pub(super) principal: Option<i64>,
    /// Hundredths of a percent a year.
    pub(super) rate: Option<i32>,
    /// The monthly repayment of a loan, in cents.
    pub(super) instalment: i64,
}

impl Account {
    pub(super) fn open(
        product: Product,
        day: Date,
        persona: &Persona,
        stage: Stage,
        conditions: &Conditions,
        rng: &mut Random,
    ) -> Self {
        let income = persona.income(stage) * conditions.price_level;
        let principal = amount(product, income, rng);
        let term = term_months(product, rng);
        let rate = rate(product, conditions.policy_rate, rng);
        let instalment = match (principal, term, rate) {
            (Some(principal), Some(term), Some(rate)) if product.is_loan() => annuity(principal, term, rate),
            _ => 0,
        };
        Self {
            product,
            channel: channel(product, persona, conditions, rng),
            origination: day,
            maturity: term.map(|months| day.add_months(months)),
            closed: None,
            principal,
            rate,
            instalment,
        }
    }

    /// Whether it closed on its maturity day rather than before.
    pub(super) fn matured(&self) -> bool {
        self.closed.is_some() && self.closed == self.maturity
    }

    /// Probability that the customer ends the account in a month, before maturity.
    pub(super) fn early_end(&self) -> f64 {
        match self.product {
            Product::CurrentAccount => 0.0,
            Product::SavingsAccount | Product::LifeInsurance => 0.001,
            Product::CreditCard => 0.0015,
            Product::HomeLoan => 0.002,
            Product::StudentLoan => 0.003,
            Product::AutoLoan | Product::TermDeposit | Product::InvestmentFund => 0.004,
            Product::PersonalLoan => 0.006,
        }
    }
}

/// Amounts follow income and are log-normal; deposits have Pareto tails.
fn amount(product: Product, income: f64, rng: &mut Random) -> Option<i64> {
    let (low, high) = product.spec().amount?;
    let drawn = match product {
        Product::CurrentAccount => return None,
        Product::SavingsAccount => rng.log_normal(0.8 * income, 1.0),
        Product::CreditCard => rng.log_normal(1.5 * income, 0.4),
        Product::PersonalLoan => rng.log_normal(4.0 * income, 0.6),
        Product::HomeLoan => rng.log_normal(60.0 * income, 0.4),
        Product::AutoLoan => rng.log_normal(7.0 * income, 0.45),
        Product::TermDeposit => rng.pareto(2.0 * income, 1.3),
        Product::InvestmentFund => rng.pareto(income, 1.2),
        Product::LifeInsurance => rng.log_normal(36.0 * income, 0.5),
        Product::StudentLoan => rng.log_normal(9.0 * income, 0.5),
    };
    let rounded = if product == Product::SavingsAccount { drawn } else { libm::round(drawn / 100.0) * 100.0 };
    Some(cents(rounded.clamp(f64::from(low), f64::from(high))))
}

fn term_months(product: Product, rng: &mut Random) -> Option<i32> {
    let (low, high) = product.spec().term_months?;
    let step = match product {
        Product::TermDeposit => {
            return Some([3, 6, 12, 12, 24, 36].get(rng.below(6) as usize).copied().unwrap_or(12));
        }
        Product::PersonalLoan => 6,
        Product::AutoLoan | Product::StudentLoan => 12,
        _ => 60,
    };
    let (low, high) = (i32::from(low), i32::from(high));
    Some(low + step * rng.below((high - low) / step + 1))
}

/// Hundredths of a percent a year.
fn rate(product: Product, policy: f64, rng: &mut Random) -> Option<i32> {
    let (percent, spread) = match product {
        Product::CurrentAccount | Product::InvestmentFund | Product::LifeInsurance => return None,
        Product::SavingsAccount => (0.4 * policy, 0.05),
        Product::CreditCard => (16.5 + 0.5 * policy, 1.2),
        Product::PersonalLoan => (policy + 5.5, 1.2),
        Product::HomeLoan => (0.6 * policy + 2.2, 0.3),
        Product::AutoLoan => (policy + 2.8, 0.7),
        Product::TermDeposit => (0.85 * policy, 0.2),
        Product::StudentLoan => (0.3 * policy + 2.5, 0.2),
    };
    Some((rng.normal(percent, spread).max(0.05) * 100.0) as i32)
}

fn channel(product: Product, persona: &Persona, conditions: &Conditions, rng: &mut Random) -> Channel {
    let digital = 1.0 / (1.0 + libm::exp(-persona.digital - 4.0 * (conditions.digital - 0.5)));
    let advice = match product {
        Product::HomeLoan => 4.0,
        Product::InvestmentFund | Product::LifeInsurance => 1.8,
        _ => 1.0,
    };
    let weights = [
        (Channel::Branch, (1.0 - digital) * 0.75 * advice),
        (Channel::Mobile, digital * 0.65),
        (Channel::Web, digital * 0.35),
        (Channel::Phone, (1.0 - digital) * 0.25),
        (Channel::Partner, if product == Product::AutoLoan { 0.4 } else { 0.03 }),
    ];
    rng.weighted(weights.into_iter()).unwrap_or(Channel::Branch)
}

/// The constant monthly payment that repays `principal` in `months` at `rate` hundredths of a percent a year.
fn annuity(principal: i64, months: i32, rate: i32) -> i64 {
    let monthly = f64::from(rate) / 10_000.0 / 12.0;
    (principal as f64 * monthly / (1.0 - libm::pow(1.0 + monthly, -f64::from(months)))) as i64
}

pub(super) fn cents(amount: f64) -> i64 {
    libm::round(amount * 100.0) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annuity_repays_the_loan() {
        let mut owed = 1_000_000.0;
        let payment = annuity(1_000_000, 60, 600) as f64;
        for _ in 0..60 {
            owed = owed * (1.0 + 0.06 / 12.0) - payment;
        }
        assert!(owed.abs() < 100.0, "{owed}");
    }
}
