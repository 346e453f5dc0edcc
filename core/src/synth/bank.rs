//! The bank: customers simulated one by one, each from streams of its own.

use core::ops::Range;

use super::account::Account;
use super::calendar::{Date, Month};
use super::columns::TableColumns;
use super::csv::{CsvRows, TableBuffers};
use super::dirt::Dirt;
use super::drift;
use super::economy::Economy;
use super::ledger::Ledger;
use super::life::{Life, Moment};
use super::messages::{communications, consents, contracts, papers};
use super::params::{BankParams, SynthError, ValidParams};
use super::persona::{Persona, Stage};
use super::random::{Purpose, Random};
use super::record::{AccountRow, CustomerRecord};
use super::rows;
use super::table::Table;

/// The longest relationship, in days before the data start.
const OLDEST_DAYS: f64 = 12.0 * 365.25;

/// The share of customers who join in each year of the data; at most half in total.
const JOINING_PER_YEAR: f64 = 0.08;

/// No customer joins in this many last days of the data.
const LAST_JOINING_DAYS: i32 = 30;

/// A synthetic bank; see the [module](super).
///
/// # Examples
/// ```
/// use nextbest_core::synth::{Bank, BankParams};
///
/// let bank = Bank::new(BankParams { customers: 0..10, ..BankParams::default() })?;
/// let customer = bank.customer(3)?;
/// assert_eq!(customer.accounts[0].product.spec().name, "Current Account");
///
/// // A customer is the same whatever the range.
/// let other = Bank::new(BankParams { customers: 3..4, ..BankParams::default() })?;
/// assert_eq!(other.customer(3)?, customer);
/// assert!(other.customer(4).is_err());
/// # Ok::<(), nextbest_core::synth::SynthError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bank {
    pub(super) params: ValidParams,
    economy: Economy,
}

impl Bank {
    /// A bank with these parameters.
    ///
    /// # Errors
    /// If a parameter is invalid; the error says which and what would be valid.
    pub fn new(params: BankParams) -> Result<Self, SynthError> {
        let params = ValidParams::try_from(params)?;
        let oldest = params.start.add_days(-(OLDEST_DAYS as i32) - 1);
        let economy = Economy::new(Month::of(oldest), Month::of(params.end));
        Ok(Self { params, economy })
    }

    /// The indices of the customers.
    #[must_use]
    pub fn customers(&self) -> Range<u64> {
        self.params.customers.clone()
    }

    /// Everything recorded about one customer.
    ///
    /// # Errors
    /// If the bank has no customer of this index.
    pub fn customer(&self, index: u64) -> Result<CustomerRecord, SynthError> {
        let (persona, mut rng) = self.persona(index)?;
        let mut rows = Random::new(self.params.seed, index, Purpose::Rows);
        let first = Month::of(persona.established);
        let mut life = Life::begin(&self.moment(&persona, first), &mut rng);
        let mut record = record(index, &persona, &mut rows);
        let mut ledger = None;
        let recorded = self.params.start.max(persona.established)..=self.params.end;
        for month in months(first, Month::of(self.params.end)) {
            let moment = self.moment(&persona, month);
            if month > first {
                life.step(&moment, &mut rng);
                life.purchase(&moment, month.last().min(self.params.end), &mut rng);
            }
            if month >= Month::of(self.params.start) {
                let ledger = ledger.get_or_insert_with(|| Ledger::open(&moment, &life, &mut rows));
                ledger.month(&moment, &life, &recorded, &mut rows, &mut record.transactions);
                communications(&moment, &life, &recorded, &mut rows, &mut record.communications);
                let paper = papers(&moment, &life, &mut rows);
                record.documents.extend(paper.filter(|paper| recorded.contains(&paper.at.date)));
            }
        }
        record.accounts = life.accounts.iter().map(|account| self.account_row(account, &mut rows)).collect();
        record.documents.extend(contracts(&life, &mut rows));
        record.documents.sort_by_key(|document| document.at);
        record.consents = consents(&life, self.params.end, &mut rows);
        drift::apply(&self.params, &self.economy, &mut record);
        Ok(record)
    }

    /// Appends the CSV rows of one customer to the tables' text.
    ///
    /// # Errors
    /// If the bank has no customer of this index.
    pub fn write_customer(&self, index: u64, buffers: &mut TableBuffers) -> Result<(), SynthError> {
        let record = self.customer(index)?;
        let mut dirt = Dirt::new(self.params.dirty_rate, self.params.seed, index);
        rows::write_customer(&record, &mut CsvRows { dirt: Some(&mut dirt), buffers });
        Ok(())
    }

    /// Appends the rows of one customer to the tables' columns: the same values as in the text, but never
    /// damaged.
    ///
    /// # Errors
    /// If the bank has no customer of this index.
    pub fn append_customer(&self, index: u64, columns: &mut TableColumns) -> Result<(), SynthError> {
        rows::write_customer(&self.customer(index)?, columns);
        Ok(())
    }

    /// Appends the rows of `table` that belong to no customer: those of products and channels.
    pub fn write_static(&self, table: Table, buffers: &mut TableBuffers) {
        rows::write_static(table, &mut CsvRows { dirt: None, buffers });
    }

    /// Appends the rows of `table` that belong to no customer to the tables' columns.
    pub fn append_static(&self, table: Table, columns: &mut TableColumns) {
        rows::write_static(table, columns);
    }

    /// The customer's persona, and the random stream from which its life continues.
    pub(super) fn persona(&self, index: u64) -> Result<(Persona, Random), SynthError> {
        if !self.params.customers.contains(&index) {
            return Err(SynthError::NoSuchCustomer { index, customers: self.customers() });
        }
        let mut rng = Random::new(self.params.seed, index, Purpose::Life);
        let established = self.establishment(&mut rng);
        Ok((Persona::draw(established, &mut rng), rng))
    }

    /// Draws the day of joining of a growing bank: the density rises by a factor of e² over the years before
    /// the data, and keeps rising through them.
    fn establishment(&self, rng: &mut Random) -> Date {
        let days = self.params.end.days() - self.params.start.days() - LAST_JOINING_DAYS;
        let joining = (f64::from(days.max(0)) / 365.25 * JOINING_PER_YEAR).min(0.5);
        if rng.chance(joining) {
            self.params.start.add_days(rng.below(days))
        } else {
            let growth = 1.0 - libm::exp(-2.0);
            let years_ago = -libm::log(1.0 - rng.unit() * growth) / 2.0;
            self.params.start.add_days(-1 - (years_ago * OLDEST_DAYS) as i32)
        }
    }

    pub(super) fn moment<'a>(&self, persona: &'a Persona, month: Month) -> Moment<'a> {
        let mut conditions = self.economy.at(month);
        for drift in &self.params.drifts {
            drift.change(month, &self.params, &mut conditions);
        }
        Moment::new(persona, month, conditions)
    }

    fn account_row(&self, account: &Account, rng: &mut Random) -> AccountRow {
        let closed = account.closed.filter(|&day| day <= self.params.end);
        AccountRow {
            product: account.product,
            channel: (!rng.chance(0.02)).then_some(account.channel),
            origination: account.origination,
            maturity: account.maturity,
            closed,
            principal: account.principal,
            rate: account.rate.filter(|_| !rng.chance(0.01)),
            status: match closed {
                None => "ACTIVE",
                Some(_) if account.matured() => "MATURED",
                Some(_) => "CLOSED",
            },
        }
    }
}

/// A record without events, some of its values missing.
fn record(index: u64, persona: &Persona, rng: &mut Random) -> CustomerRecord {
    let stage = persona.stage(persona.established);
    CustomerRecord {
        index,
        city: (!rng.chance(0.02)).then_some(persona.home.name),
        state: persona.home.state,
        postal_code: (!rng.chance(0.015)).then(|| persona.home.postal * 100 + rng.below(100) as u32),
        party_type: if persona.self_employed { "SOLE_TRADER" } else { "INDIVIDUAL" },
        birth: (!rng.chance(0.03)).then_some(persona.birth),
        established: persona.established,
        customer_type: match stage {
            Stage::Student => "STUDENT",
            _ if persona.affluence(stage) > 2.0 => "PREMIUM",
            _ => "RETAIL",
        },
        accounts: Vec::new(),
        transactions: Vec::new(),
        communications: Vec::new(),
        documents: Vec::new(),
        consents: Vec::new(),
    }
}

pub(super) fn months(first: Month, last: Month) -> impl Iterator<Item = Month> {
    (0..=last.since(first)).map(move |n| first.plus(n))
}
