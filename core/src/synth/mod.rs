//! The synthetic bank.

mod account;
mod bank;
mod calendar;
mod campaign;
mod catalogue;
mod csv;
mod dirt;
mod economy;
mod ledger;
mod life;
mod messages;
mod needs;
mod params;
mod persona;
mod random;
mod record;
mod spending;
mod table;
mod uptake;

pub use bank::{Bank, TrueProbabilities};
pub use calendar::Date;
pub use catalogue::{ByProduct, Channel, Product, ProductSpec};
pub use life::MIN_GAP_DAYS;
pub use params::{BankParams, MAX_CUSTOMERS, SynthError};
pub use record::{
    AccountRow, Communication, Consent, CustomerRecord, Document, Timestamp, Transaction, TransactionType,
};
pub use table::{TABLES, Table, TableBuffers};
