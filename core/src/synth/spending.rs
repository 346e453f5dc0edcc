//! The money that comes in and goes out in a month, given persona, stage and needs.
//!
//! Amounts are in currency units, positive for credits. Every sign of a need also occurs without it, only
//! less often.

use super::calendar::Month;
use super::catalogue::Product;
use super::ledger::{Book, Journal};
use super::life::{Life, Moment};
use super::needs::Need;
use super::persona::Stage;
use super::random::Random;
use super::record::TransactionType as Kind;

const MORNING: (i32, i32) = (5, 9);
const DAYTIME: (i32, i32) = (8, 22);
const NIGHT: (i32, i32) = (23, 24);

/// A fixed fee for a month that ends in overdraft.
const OVERDRAFT_FEE: f64 = 12.0;

/// A customer's month and the state of the books before it.
pub(super) struct Situation<'a> {
    pub(super) moment: &'a Moment<'a>,
    pub(super) life: &'a Life,
    /// Expected monthly net income at today's prices.
    pub(super) income: f64,
    pub(super) balance: f64,
    /// The balance of an open savings account.
    pub(super) savings: Option<f64>,
    /// The debt on an open credit card.
    pub(super) owed_on_card: Option<f64>,
}

impl Situation<'_> {
    fn need(&self, need: Need) -> f64 {
        self.life.needs.level(need)
    }

    /// The share of the customer's financial life that goes through this bank.
    fn share(&self) -> f64 {
        if self.moment.persona.main_bank { 1.0 } else { 0.35 }
    }

    fn any_day(&self, rng: &mut Random) -> i32 {
        rng.below(self.moment.month.days())
    }
}

/// Income, bills and purchases.
pub(super) fn everyday(s: &Situation<'_>, journal: &mut Journal, rng: &mut Random) {
    incoming(s, journal, rng);
    bills(s, journal, rng);
    purchases(s, journal, rng);
    windfalls(s, journal, rng);
}

fn incoming(s: &Situation<'_>, journal: &mut Journal, rng: &mut Random) {
    let persona = s.moment.persona;
    // Short of cash means fewer hours of work or, at worst, a lost job.
    let income = s.income * (1.0 - 0.35 * s.need(Need::Cash));
    if !persona.main_bank {
        if rng.chance(0.7) {
            journal.note(
                Book::Current,
                Kind::TransferIn,
                income * rng.between(0.2, 0.5),
                persona.payday - 1,
                MORNING,
                rng,
            );
        }
        return;
    }
    let day = (persona.payday - 1 + if rng.chance(0.2) { rng.below(3) } else { 0 }).min(27);
    let (kind, amount) = match s.moment.stage {
        Stage::Student if rng.chance(0.3) => return,
        Stage::Student => (Kind::TransferIn, rng.log_normal(income, 0.3)),
        Stage::Retired => (Kind::Pension, income),
        _ if persona.self_employed => (Kind::Salary, rng.log_normal(income, 0.4)),
        _ => (Kind::Salary, income * rng.between(0.985, 1.015)),
    };
    let december = s.moment.month.of_year() == 12 && persona.december_bonus && kind == Kind::Salary;
    journal.note(Book::Current, kind, if december { amount * 1.8 } else { amount }, day, MORNING, rng);
}

fn bills(s: &Situation<'_>, journal: &mut Journal, rng: &mut Random) {
    let persona = s.moment.persona;
    if !persona.main_bank {
        return;
    }
    if !s.life.homeowner && s.moment.stage != Stage::Student {
        journal.note(Book::Current, Kind::Rent, -0.26 * s.income, rng.below(4), MORNING, rng);
    }
    let new_family = i32::from(rng.chance(0.5 * s.need(Need::Protection)));
    for order in 0..persona.standing_orders + new_family {
        let share = 0.035 + 0.02 * f64::from(order);
        journal.note(Book::Current, Kind::StandingOrder, -share * s.income, 2 + 5 * order, MORNING, rng);
    }
    for loan in s.life.accounts.iter().filter(|account| account.instalment > 0) {
        let due = Month::of(loan.origination) < s.moment.month && loan.closed.is_none();
        if due {
            let day = (loan.origination.ymd().2 as i32).min(28) - 1;
            journal.note(
                Book::Current,
                Kind::LoanPayment,
                -(loan.instalment as f64) / 100.0,
                day,
                MORNING,
                rng,
            );
        }
    }
}

fn purchases(s: &Situation<'_>, journal: &mut Journal, rng: &mut Random) {
    let persona = s.moment.persona;
    let conditions = &s.moment.conditions;
    // People spend more when there is more: this keeps balances from diverging.
    let mood = 1.0 + 0.12 * (s.balance / s.income).clamp(-3.0, 4.0);
    let thrift = 1.0 - 0.25 * s.need(Need::Home).min(1.2);
    let basket = 0.055 * s.income * mood * thrift * (1.0 + 0.4 * s.need(Need::Spending));
    let scale = persona.spending * s.share();
    let on_card = if s.owed_on_card.is_some() { 0.6 } else { 0.0 };
    let visits = 1.9 * scale * (1.0 + 0.35 * s.need(Need::Spending));

    let several = |journal: &mut Journal, rng: &mut Random, kind, mean: f64, median: f64, sigma| {
        for _ in 0..rng.poisson(mean) {
            let book = if rng.chance(on_card) { Book::Card } else { Book::Current };
            journal.note(book, kind, -rng.log_normal(median, sigma), s.any_day(rng), DAYTIME, rng);
        }
    };
    several(journal, rng, Kind::Card, visits, basket, 0.9);
    let travel = 0.10 * scale * conditions.travel * (1.0 + 12.0 * s.need(Need::Spending));
    several(journal, rng, Kind::Travel, travel, 0.12 * s.income * mood, 0.7);
    let drives = if s.moment.stage == Stage::Student { 0.06 } else { 0.17 };
    several(
        journal,
        rng,
        Kind::Vehicle,
        drives * s.share() * (1.0 + 8.0 * s.need(Need::Car)),
        0.06 * s.income,
        0.8,
    );
    let health = 0.07 * s.share() * (1.0 + 12.0 * s.need(Need::Protection));
    several(journal, rng, Kind::Health, health, 0.05 * s.income, 0.9);
    let learns = if s.moment.stage == Stage::Student { 0.12 } else { 0.02 };
    let education = (learns + 0.8 * s.need(Need::Study)) * s.share();
    several(journal, rng, Kind::Education, education, 0.10 * s.income, 0.8);

    let withdrawals = 0.6 * s.share() * conditions.cash * (1.0 + 1.5 * s.need(Need::Cash));
    for _ in 0..rng.poisson(withdrawals) {
        let tens = libm::ceil(rng.log_normal(0.05 * s.income, 0.6) / 10.0);
        journal.note(Book::Current, Kind::Cash, -10.0 * tens, s.any_day(rng), DAYTIME, rng);
    }
    for _ in 0..rng.poisson(0.25 * s.share() * (1.0 + 0.8 * s.need(Need::Cash))) {
        let amount = rng.log_normal(0.08 * s.income, 1.0);
        journal.note(Book::Current, Kind::TransferOut, -amount, s.any_day(rng), DAYTIME, rng);
    }
}

/// Unusual amounts, with heavy tails.
fn windfalls(s: &Situation<'_>, journal: &mut Journal, rng: &mut Random) {
    if rng.chance(0.05) {
        let amount = rng.log_normal(0.1 * s.income, 1.0);
        journal.note(Book::Current, Kind::TransferIn, amount, s.any_day(rng), DAYTIME, rng);
    }
    let windfall = if s.life.needs.onset(Need::Surplus).is_some() { 0.8 } else { 0.002 };
    if rng.chance(windfall) {
        let amount = rng.pareto(1.2 * s.income, 1.4).min(400.0 * s.income);
        journal.note(Book::Current, Kind::TransferIn, amount, s.any_day(rng), DAYTIME, rng);
    }
}

/// The movements on the current account from opening and ending accounts.
pub(super) fn dealings(s: &Situation<'_>, journal: &mut Journal, rng: &mut Random) {
    let month = s.moment.month;
    for account in &s.life.accounts {
        let principal = account.principal.unwrap_or(0) as f64 / 100.0;
        if Month::of(account.origination) == month {
            let day = account.origination.days() - month.first().days();
            // Within the banking day and in this order.
            let mut note =
                |book, kind, amount: f64, hour| journal.note(book, kind, amount, day, (hour, hour + 1), rng);
            match account.product {
                Product::PersonalLoan => {
                    note(Book::Current, Kind::TransferIn, principal, 11);
                    note(Book::Current, Kind::TransferOut, -0.85 * principal, 15);
                }
                Product::HomeLoan | Product::AutoLoan | Product::StudentLoan => {
                    note(Book::Current, Kind::TransferIn, principal, 11);
                    note(Book::Current, Kind::TransferOut, -principal, 15);
                }
                Product::TermDeposit | Product::InvestmentFund => {
                    // The rest comes from elsewhere.
                    let missing = principal - s.balance.max(0.0);
                    if missing > 0.0 {
                        note(Book::Current, Kind::TransferIn, missing, 11);
                    }
                    note(Book::Current, Kind::TransferOut, -principal, 15);
                }
                Product::SavingsAccount => {
                    note(Book::Current, Kind::TransferOut, -principal, 11);
                    note(Book::Savings, Kind::TransferIn, principal, 12);
                }
                Product::CurrentAccount | Product::CreditCard | Product::LifeInsurance => {}
            }
        }
        let places = matches!(account.product, Product::TermDeposit | Product::InvestmentFund);
        if let Some(closed) = account.closed.filter(|&day| places && Month::of(day) == month) {
            let years = f64::from(closed.days() - account.origination.days()) / 365.25;
            let interest = principal * f64::from(account.rate.unwrap_or(400)) / 10_000.0 * years;
            let day = closed.days() - month.first().days();
            journal.note(Book::Current, Kind::TransferIn, principal + interest, day, MORNING, rng);
        }
    }
}

/// Saving, card settlement, interest and fees, once the rest of the month is known: without them the current
/// account would end it at `expected`.
pub(super) fn tidy_up(s: &Situation<'_>, mut expected: f64, journal: &mut Journal, rng: &mut Random) {
    let late = 24 + rng.below(4);
    if let Some(owed) = s.owed_on_card.filter(|&owed| owed > 1.0) {
        let paid = if expected > owed { owed } else { 0.1 * owed };
        journal.note(Book::Current, Kind::TransferOut, -paid, late, MORNING, rng);
        journal.note(Book::Card, Kind::TransferIn, paid, late, DAYTIME, rng);
        expected -= paid;
    }
    let saving_up = s.need(Need::Home).min(1.0);
    let spare = expected - s.income * 0.4 * s.moment.persona.thrift;
    // Spare money is put aside; with a surplus it waits on the account for something better.
    let habit = 0.18 * s.moment.persona.thrift.min(2.0) * (1.0 - 0.8 * s.need(Need::Surplus).min(1.0));
    if spare > 0.0 && rng.chance(habit + 0.5 * saving_up) {
        let amount = if saving_up > 0.0 { 0.5 * spare } else { rng.between(0.4, 0.9) * spare };
        put_aside(s, amount, late, journal, rng);
        expected -= amount;
    } else if expected < -0.8 * s.income {
        let help = -expected - 0.2 * s.income;
        if let Some(savings) = s.savings.filter(|&savings| savings > 0.5 * help) {
            journal.note(Book::Savings, Kind::TransferOut, -help.min(savings), late, MORNING, rng);
        }
        journal.note(Book::Current, Kind::TransferIn, help, late, DAYTIME, rng);
        expected += help;
    }
    if expected < 0.0 {
        journal.note(Book::Current, Kind::Fee, -OVERDRAFT_FEE, s.moment.month.days() - 1, NIGHT, rng);
    }
    if let Some(savings) = s.savings.filter(|_| s.moment.month.of_year().is_multiple_of(3)) {
        let interest = savings * 0.4 * s.moment.conditions.policy_rate / 100.0 / 4.0;
        if interest >= 0.01 {
            journal.note(Book::Savings, Kind::Interest, interest, s.moment.month.days() - 1, NIGHT, rng);
        }
    }
}

fn put_aside(s: &Situation<'_>, amount: f64, day: i32, journal: &mut Journal, rng: &mut Random) {
    journal.note(Book::Current, Kind::TransferOut, -amount, day, MORNING, rng);
    if s.savings.is_some() {
        journal.note(Book::Savings, Kind::TransferIn, amount, day, DAYTIME, rng);
    }
}
