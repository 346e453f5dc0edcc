//! A synthetic bank: ten tables with something to learn in them, something to get wrong, and a known truth.
//!
//! [`Bank`] simulates each customer on its own, from random streams of its own: the same seed gives the same
//! bytes, whatever the range of customers, the order or the number of threads. This module reads no file and
//! no clock.
//!
//! # The generating model
//!
//! A summary; docs/SYNTHETIC.md has every formula and number, and the measured ceiling.
//!
//! *Persona* (fixed). Dates of birth and establishment; the ages at which a student becomes a starter, founds
//! a family, is established and retires; log-normal income, spending and thrift; taste for risk and for
//! digital channels; whether this is the customer's main bank; and a log-normal readiness to buy that is
//! recorded nowhere.
//!
//! *Needs* (latent). A home, a car, short of cash, money to place, a family to protect, travel and spending,
//! studies: each an idle/active Markov chain over calendar months, independent of the others. Life stage and
//! affluence decide how often a need begins; it builds up over five months to a strength of 0.5–1.3, and
//! fades or is met by a purchase.
//!
//! *Campaigns*. The bank contacts customers who consent more often, on topics chosen by a crude rule. A
//! contact multiplies the hazard of its topic in the following months, less with every contact in recent
//! memory; beyond about five it repels.
//!
//! *Uptake*. The hazard of product *p* in a month, as a yearly rate, is
//!
//! ```text
//! h(p) = [ baseline(p, stage) + Σ over needs n: pull(n, p) · taste(n, p) · level(n)² ]
//!        · readiness · loyalty · new-customer · campaign(p) · season(p) · drift(p),      0 where the rules forbid p
//! ```
//!
//! The rules: minimum age; no second one of a product that is not repeatable; a maximum number at a time; no
//! two openings within [`MIN_GAP_DAYS`]. Products compete: the first of the exponential waiting times wins.
//! Everything in *h* changes only at the first of a month, so that, given the state, the probabilities of
//! what comes first within the month are exact; [`Bank::true_probabilities`] averages them over the possible
//! futures of the state.
//!
//! *Signs*. Needs leave rows before they lead to a purchase: savings, rent, garages, missing salary and
//! overdraft fees, windfalls and idle balances, health and travel spending, enquiries, papers, answers to
//! campaigns. Every sign also occurs without the need. Purchases cause rows too (disbursements, instalments),
//! all of them at or after the opening.
//!
//! *Economy*. A policy rate cycle moves loans and deposits in opposite directions, prices rise, cash fades,
//! digital channels grow, and all but a few products have a season.
//!
//! *Traps*, on purpose: ACCOUNTSTATUS is that of the last day; MATURITYDATE lies in the future; documents
//! name accounts; about 2 % of many values are missing; and `dirty_rate` damages rows.
//!
//! *Drifts*. None by default; known ones on request ([`Drift`]), for a monitor to find.

mod account;
mod bank;
mod calendar;
mod campaign;
mod catalogue;
mod columns;
mod csv;
mod dirt;
mod drift;
mod economy;
mod ledger;
mod life;
mod messages;
mod needs;
mod params;
mod persona;
mod random;
mod record;
mod rows;
mod spending;
mod table;
mod truth;
mod uptake;

#[cfg(test)]
mod tests;

pub use bank::Bank;
pub use calendar::Date;
pub use catalogue::{ByProduct, Channel, Product, ProductSpec};
pub use columns::{Columns, Present, TableColumns, Texts, Values};
pub use csv::TableBuffers;
pub use drift::{Drift, DriftKind};
pub use life::MIN_GAP_DAYS;
pub use params::{BankParams, MAX_CUSTOMERS, SynthError};
pub use record::{
    AccountRow, Communication, Consent, CustomerRecord, Document, Timestamp, Transaction, TransactionType,
};
pub use table::{ALL_TABLES, Column, Kind, TABLES, Table};
pub use truth::{Question, TrueProbabilities};
