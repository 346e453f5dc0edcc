//! One customer's rows, as values.

use super::calendar::Date;
use super::catalogue::{Channel, Product};
use crate::time::DAY;

/// Everything the bank recorded about one customer. `None` is a missing value.
///
/// Identifiers follow from the customer's index and a row's position; see [`super::Table`].
#[derive(Clone, Debug, PartialEq)]
pub struct CustomerRecord {
    /// The customer's index in the bank.
    pub index: u64,
    /// CITY.
    pub city: Option<&'static str>,
    /// STATE.
    pub state: &'static str,
    /// POSTALCODE.
    pub postal_code: Option<u32>,
    /// PARTYTYPE.
    pub party_type: &'static str,
    /// DATEOFBIRTH.
    pub birth: Option<Date>,
    /// CUSTOMERESTABLISHEDDATE.
    pub established: Date,
    /// CUSTOMERTYPEID, as assigned at establishment.
    pub customer_type: &'static str,
    /// CUSTOMER_ACCOUNT, by origination; the first is the current account.
    pub accounts: Vec<AccountRow>,
    /// TRANSACTION, by time within each month.
    pub transactions: Vec<Transaction>,
    /// COMMUNICATION, by time within each month.
    pub communications: Vec<Communication>,
    /// DOCUMENT.
    pub documents: Vec<Document>,
    /// CONSENT.
    pub consents: Vec<Consent>,
}

/// One row of CUSTOMER_ACCOUNT.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountRow {
    /// PRODUCTID.
    pub product: Product,
    /// CHANNELID.
    pub channel: Option<Channel>,
    /// ORIGINATIONDATE.
    pub origination: Date,
    /// MATURITYDATE, the only date that may lie after the end of the data.
    pub maturity: Option<Date>,
    /// CLOSEDDATE.
    pub closed: Option<Date>,
    /// PRINCIPALAMOUNT in cents.
    pub principal: Option<i64>,
    /// INTERESTRATE in hundredths of a percent a year.
    pub rate: Option<i32>,
    /// ACCOUNTSTATUS at the end of the data, whatever the cut-off.
    pub status: &'static str,
}

/// A day and the second within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// The civil day.
    pub date: Date,
    /// Seconds since midnight, below 86 400.
    pub second: u32,
}

impl Timestamp {
    /// Seconds since 1970-01-01 00:00.
    #[must_use]
    pub fn seconds(self) -> i64 {
        i64::from(self.date.days()) * DAY + i64::from(self.second)
    }
}

/// One row of TRANSACTION.
#[derive(Clone, Debug, PartialEq)]
pub struct Transaction {
    /// Position in [`CustomerRecord::accounts`].
    pub account: u8,
    /// TRANSACTIONINITIATEDTIMESTAMP.
    pub at: Timestamp,
    /// TRANSACTIONAMOUNT in cents: positive for credits, negative for debits.
    pub amount: i64,
    /// TRANSACTIONTYPEID.
    pub kind: TransactionType,
    /// BALANCEAFTER in cents.
    pub balance: Option<i64>,
}

/// TRANSACTIONTYPEID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named for what they are")]
pub enum TransactionType {
    Salary,
    Pension,
    Card,
    Travel,
    Vehicle,
    Health,
    Education,
    Cash,
    Rent,
    StandingOrder,
    TransferIn,
    TransferOut,
    LoanPayment,
    Interest,
    Fee,
}

impl TransactionType {
    #[cfg(test)]
    pub(super) const ALL: [Self; 15] = [
        Self::Salary,
        Self::Pension,
        Self::Card,
        Self::Travel,
        Self::Vehicle,
        Self::Health,
        Self::Education,
        Self::Cash,
        Self::Rent,
        Self::StandingOrder,
        Self::TransferIn,
        Self::TransferOut,
        Self::LoanPayment,
        Self::Interest,
        Self::Fee,
    ];

    /// TRANSACTIONTYPEID.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Salary => "SALARY",
            Self::Pension => "PENSION",
            Self::Card => "CARD",
            Self::Travel => "TRAVEL",
            Self::Vehicle => "VEHICLE",
            Self::Health => "HEALTH",
            Self::Education => "EDUCATION",
            Self::Cash => "CASH",
            Self::Rent => "RENT",
            Self::StandingOrder => "STANDING_ORDER",
            Self::TransferIn => "TRANSFER_IN",
            Self::TransferOut => "TRANSFER_OUT",
            Self::LoanPayment => "LOAN_PAYMENT",
            Self::Interest => "INTEREST",
            Self::Fee => "FEE",
        }
    }
}

/// One row of COMMUNICATION.
#[derive(Clone, Debug, PartialEq)]
pub struct Communication {
    /// COMMUNICATIONSTARTTIMESTAMP.
    pub at: Timestamp,
    /// COMMUNICATIONMETHODID: EMAIL, APP, MAIL, PHONE or BRANCH.
    pub method: &'static str,
    /// INBOUNDOUTBOUNDINDICATOR: `INBOUND` if the customer began it, `OUTBOUND` if the bank did.
    pub inbound: bool,
    /// OUTCOME: IGNORED, OPENED, INTERESTED or DECLINED if outbound; ENQUIRY, SERVICE or COMPLAINT if
    /// inbound.
    pub outcome: Option<&'static str>,
}

/// One row of DOCUMENT.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Position in [`CustomerRecord::accounts`] of the account it belongs to, if any.
    pub account: Option<u8>,
    /// DOCUMENTTYPEID: ID_COPY, CONTRACT, INCOME_PROOF, PROPERTY_VALUATION or KYC_REVIEW.
    pub kind: &'static str,
    /// DOCUMENTCREATEDTIMESTAMP.
    pub at: Timestamp,
}

/// One row of CONSENT.
#[derive(Clone, Debug, PartialEq)]
pub struct Consent {
    /// PURPOSE: MARKETING, PROFILING or DATA_SHARING.
    pub purpose: &'static str,
    /// GRANTED.
    pub granted: bool,
    /// TIMESTAMP from which it applies.
    pub at: Timestamp,
}
