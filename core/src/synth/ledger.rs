//! The books of one customer: the entries of a month, sorted by time and carried to balances.

use core::ops::RangeInclusive;

use super::account::cents;
use super::calendar::{Date, Month};
use super::catalogue::Product;
use super::life::{Life, Moment};
use super::random::Random;
use super::record::{Timestamp, Transaction, TransactionType};
use super::spending::{Situation, dealings, everyday, tidy_up};

/// Share of the rows whose BALANCEAFTER was not recorded.
const BALANCE_MISSING: f64 = 0.02;

const SECONDS_PER_DAY: u32 = 86_400;

/// The accounts that carry transactions; loans are paid from the current account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Book {
    Current,
    Savings,
    Card,
}

/// An entry of a month that is being written.
struct Entry {
    /// Seconds since the month began.
    second: u32,
    book: Book,
    kind: TransactionType,
    amount: i64,
}

/// The entries of one month, in any order.
#[derive(Default)]
pub(super) struct Journal {
    entries: Vec<Entry>,
}

impl Journal {
    /// Records `amount` currency units on the 0-based `day` of the month, at a random time within `hours`.
    pub(super) fn note(
        &mut self,
        book: Book,
        kind: TransactionType,
        amount: f64,
        day: i32,
        hours: (i32, i32),
        rng: &mut Random,
    ) {
        let second = hours.0 * 3_600 + rng.below((hours.1 - hours.0) * 3_600);
        let second = day as u32 * SECONDS_PER_DAY + second as u32;
        self.entries.push(Entry { second, book, kind, amount: cents(amount) });
    }

    fn total(&self, book: Book) -> i64 {
        self.entries.iter().filter(|entry| entry.book == book).map(|entry| entry.amount).sum()
    }
}

/// Balances in cents, carried from month to month.
pub(super) struct Ledger {
    current: i64,
    savings: i64,
    card: i64,
    journal: Journal,
}

impl Ledger {
    /// The books when the first month with transactions begins.
    pub(super) fn open(moment: &Moment<'_>, life: &Life, rng: &mut Random) -> Self {
        let persona = moment.persona;
        let income = persona.income(moment.stage) * moment.conditions.price_level;
        let is_new = Month::of(persona.established) == moment.month;
        let saves = open_account(life, Product::SavingsAccount, moment.month).is_some();
        let current = if is_new { 0.0 } else { rng.log_normal(1.7 * income * persona.thrift, 0.8) };
        let savings = if saves { rng.log_normal(2.5 * income * persona.thrift, 1.0) } else { 0.0 };
        Self { current: cents(current), savings: cents(savings), card: 0, journal: Journal::default() }
    }

    /// Appends the month's rows, none of them on a day that is not `recorded`.
    pub(super) fn month(
        &mut self,
        moment: &Moment<'_>,
        life: &Life,
        recorded: &RangeInclusive<Date>,
        rng: &mut Random,
        rows: &mut Vec<Transaction>,
    ) {
        let left = life.accounts.first().and_then(|current| current.closed);
        let last = left.map_or(*recorded.end(), |day| day.min(*recorded.end()));
        if last < moment.month.first() {
            return;
        }
        let saves = open_account(life, Product::SavingsAccount, moment.month);
        let card = open_account(life, Product::CreditCard, moment.month);
        let situation = Situation {
            moment,
            life,
            income: moment.persona.income(moment.stage) * moment.conditions.price_level,
            balance: self.current as f64 / 100.0,
            savings: saves.map(|_| self.savings as f64 / 100.0),
            owed_on_card: card.map(|_| -self.card as f64 / 100.0),
        };
        let mut journal = core::mem::take(&mut self.journal);
        everyday(&situation, &mut journal, rng);
        dealings(&situation, &mut journal, rng);
        let expected = (self.current + journal.total(Book::Current)) as f64 / 100.0;
        tidy_up(&situation, expected, &mut journal, rng);

        let slots = Slots { savings: saves.or_else(|| opened_in(life, moment.month)), card };
        self.post(&mut journal, moment.month, slots, &(*recorded.start()..=last), rng, rows);
        self.journal = journal;
    }

    fn post(
        &mut self,
        journal: &mut Journal,
        month: Month,
        slots: Slots,
        days: &RangeInclusive<Date>,
        rng: &mut Random,
        rows: &mut Vec<Transaction>,
    ) {
        journal.entries.sort_by_key(|entry| entry.second);
        for entry in journal.entries.drain(..) {
            let date = month.first().add_days((entry.second / SECONDS_PER_DAY) as i32);
            if !days.contains(&date) {
                continue;
            }
            let (slot, balance) = match entry.book {
                Book::Current => (Some(0), &mut self.current),
                Book::Savings => (slots.savings, &mut self.savings),
                Book::Card => (slots.card, &mut self.card),
            };
            let Some(account) = slot else { continue };
            *balance += entry.amount;
            rows.push(Transaction {
                account,
                at: Timestamp { date, second: entry.second % SECONDS_PER_DAY },
                amount: entry.amount,
                kind: entry.kind,
                balance: (!rng.chance(BALANCE_MISSING)).then_some(*balance),
            });
        }
    }
}

/// The positions of the books among the customer's accounts.
#[derive(Clone, Copy)]
struct Slots {
    savings: Option<u8>,
    card: Option<u8>,
}

/// The position of an account of `product` that is open through all of `month`.
fn open_account(life: &Life, product: Product, month: Month) -> Option<u8> {
    let is_open = |account: &super::account::Account| {
        account.product == product && account.closed.is_none() && account.origination < month.first()
    };
    life.accounts.iter().position(is_open).and_then(|slot| u8::try_from(slot).ok())
}

/// The position of a savings account opened in `month`, which takes its opening deposit.
fn opened_in(life: &Life, month: Month) -> Option<u8> {
    let slot = life.accounts.len().checked_sub(1)?;
    let newest = life.accounts.get(slot)?;
    let is_new = newest.product == Product::SavingsAccount && Month::of(newest.origination) == month;
    is_new.then(|| u8::try_from(slot).ok()).flatten()
}
