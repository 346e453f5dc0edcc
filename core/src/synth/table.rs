//! The ten tables: names, files, columns.

use Kind::{Date, Decimal, Integer, Text, Timestamp};

/// A table of the bank.
///
/// Identifiers are functions of a customer's index *i* and a row's position *k* among the customer's rows, so
/// that any range of customers agrees with any other: `C…`, `P…` and `A…` followed by *i* for customer, party
/// and address; *i*·100 + *k* for accounts, *i*·100 000 + *k* for transactions, *i*·10 000 + *k* for
/// communications and documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is described by its name and columns")]
pub enum Table {
    Address,
    Party,
    Customer,
    BankingProduct,
    Channel,
    CustomerAccount,
    Transaction,
    Communication,
    Document,
    Consent,
    /// Not a table of the bank: the truth about its customers, which the bank can't see.
    Truth,
}

/// The bank's tables, in an order in which they can be loaded.
pub const TABLES: [Table; 10] = [
    Table::Address,
    Table::Party,
    Table::Customer,
    Table::BankingProduct,
    Table::Channel,
    Table::CustomerAccount,
    Table::Transaction,
    Table::Communication,
    Table::Document,
    Table::Consent,
];

/// The bank's tables and, last, the truth.
pub const ALL_TABLES: [Table; 11] = {
    let [a, b, c, d, e, f, g, h, i, j] = TABLES;
    [a, b, c, d, e, f, g, h, i, j, Table::Truth]
};

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name in capitals.
    pub name: &'static str,
    /// The kind of its values.
    pub kind: Kind,
    /// Whether a row may lack the value.
    pub optional: bool,
    pub(super) role: Role,
}

/// The kind of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Integers.
    Integer,
    /// Numbers with a fixed number of decimals.
    Decimal,
    /// Days.
    Date,
    /// Days with the time of day.
    Timestamp,
    /// Words, and identifiers that are not just numbers.
    Text,
}

/// The purpose of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Identifies the row.
    Key,
    /// Identifies a row of another table.
    Reference,
    /// Describes the row.
    Value,
}

impl Table {
    /// The table's name in capitals.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "ADDRESS",
            Self::Party => "PARTY",
            Self::Customer => "CUSTOMER",
            Self::BankingProduct => "BANKING_PRODUCT",
            Self::Channel => "CHANNEL",
            Self::CustomerAccount => "CUSTOMER_ACCOUNT",
            Self::Transaction => "TRANSACTION",
            Self::Communication => "COMMUNICATION",
            Self::Document => "DOCUMENT",
            Self::Consent => "CONSENT",
            Self::Truth => "TRUTH",
        }
    }

    /// The table's file name.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Address => "ADDRESS.csv",
            Self::Party => "PARTY.csv",
            Self::Customer => "CUSTOMER.csv",
            Self::BankingProduct => "BANKING_PRODUCT.csv",
            Self::Channel => "CHANNEL.csv",
            Self::CustomerAccount => "CUSTOMER_ACCOUNT.csv",
            Self::Transaction => "TRANSACTION.csv",
            Self::Communication => "COMMUNICATION.csv",
            Self::Document => "DOCUMENT.csv",
            Self::Consent => "CONSENT.csv",
            Self::Truth => "TRUTH.csv",
        }
    }

    /// The table's column names, in order.
    pub fn column_names(self) -> impl Iterator<Item = &'static str> {
        self.columns().iter().map(|column| column.name)
    }

    /// The header line of the table's CSV file, ended by a line feed.
    #[must_use]
    pub fn header(self) -> String {
        let mut header = self.column_names().collect::<Vec<_>>().join(",");
        header.push('\n');
        header
    }

    /// The table's columns, in order.
    #[must_use]
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Address => ADDRESS,
            Self::Party => PARTY,
            Self::Customer => CUSTOMER,
            Self::BankingProduct => BANKING_PRODUCT,
            Self::Channel => CHANNEL,
            Self::CustomerAccount => CUSTOMER_ACCOUNT,
            Self::Transaction => TRANSACTION,
            Self::Communication => COMMUNICATION,
            Self::Document => DOCUMENT,
            Self::Consent => CONSENT,
            Self::Truth => TRUTH,
        }
    }
}

const ADDRESS: &[Column] = &[
    key("ADDRESSID", Text),
    value("CITY", Text).optional(),
    value("STATE", Text),
    value("POSTALCODE", Text).optional(),
];

const PARTY: &[Column] = &[
    key("PARTYID", Text),
    value("PARTYTYPE", Text),
    value("DATEOFBIRTH", Date).optional(),
    reference("PRIMARYADDRESSID", Text),
];

const CUSTOMER: &[Column] = &[
    key("CUSTOMERID", Text),
    reference("PARTYID", Text),
    value("CUSTOMERESTABLISHEDDATE", Date),
    value("CUSTOMERTYPEID", Text),
];

const BANKING_PRODUCT: &[Column] = &[
    key("PRODUCTID", Text),
    value("PRODUCTNAME", Text),
    value("CATEGORY", Text),
    value("MINAMOUNT", Integer).optional(),
    value("MAXAMOUNT", Integer).optional(),
    value("MINTERMMONTHS", Integer).optional(),
    value("MAXTERMMONTHS", Integer).optional(),
    value("MARGIN", Decimal),
    value("MINAGE", Integer),
    value("REPEATABLE", Text),
];

const CHANNEL: &[Column] = &[key("CHANNELID", Text), value("CHANNELNAME", Text)];

const CUSTOMER_ACCOUNT: &[Column] = &[
    key("CUSTOMERACCOUNTID", Integer),
    reference("CUSTOMERID", Text),
    reference("PRODUCTID", Text),
    reference("CHANNELID", Text).optional(),
    value("ORIGINATIONDATE", Date),
    value("MATURITYDATE", Date).optional(),
    value("CLOSEDDATE", Date).optional(),
    value("PRINCIPALAMOUNT", Decimal).optional(),
    value("INTERESTRATE", Decimal).optional(),
    value("ACCOUNTSTATUS", Text),
];

const TRANSACTION: &[Column] = &[
    key("TRANSACTIONID", Integer),
    reference("CUSTOMERACCOUNTID", Integer),
    value("TRANSACTIONINITIATEDTIMESTAMP", Timestamp),
    value("TRANSACTIONAMOUNT", Decimal),
    value("TRANSACTIONTYPEID", Text),
    value("BALANCEAFTER", Decimal).optional(),
];

const COMMUNICATION: &[Column] = &[
    key("COMMUNICATIONID", Integer),
    reference("PARTYID", Text),
    value("COMMUNICATIONSTARTTIMESTAMP", Timestamp),
    value("COMMUNICATIONMETHODID", Text),
    value("INBOUNDOUTBOUNDINDICATOR", Text),
    value("OUTCOME", Text).optional(),
];

const DOCUMENT: &[Column] = &[
    key("DOCUMENTID", Integer),
    reference("PARTYID", Text),
    reference("CUSTOMERACCOUNTID", Integer).optional(),
    value("DOCUMENTTYPEID", Text),
    value("DOCUMENTCREATEDTIMESTAMP", Timestamp),
];

const CONSENT: &[Column] = &[
    reference("CUSTOMERID", Text),
    value("PURPOSE", Text),
    value("GRANTED", Text),
    value("TIMESTAMP", Timestamp),
];

/// One column per product follows the column of no product.
const TRUTH: &[Column] = &[
    reference("CUSTOMERID", Text),
    value("CUTOFF", Date),
    value("NONE", Decimal),
    value("CURRENT_ACCOUNT", Decimal),
    value("SAVINGS_ACCOUNT", Decimal),
    value("CREDIT_CARD", Decimal),
    value("PERSONAL_LOAN", Decimal),
    value("HOME_LOAN", Decimal),
    value("AUTO_LOAN", Decimal),
    value("TERM_DEPOSIT", Decimal),
    value("INVESTMENT_FUND", Decimal),
    value("LIFE_INSURANCE", Decimal),
    value("STUDENT_LOAN", Decimal),
];

const fn key(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, optional: false, role: Role::Key }
}

const fn reference(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, optional: false, role: Role::Reference }
}

const fn value(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, optional: false, role: Role::Value }
}

impl Column {
    /// Whether its values identify the rows: no two rows have the same value.
    #[must_use]
    pub fn is_key(&self) -> bool {
        self.role == Role::Key
    }

    const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::Product;
    use super::*;

    #[test]
    fn tables_are_listed_in_the_order_of_their_discriminants() {
        for (position, table) in ALL_TABLES.into_iter().enumerate() {
            assert_eq!(table as usize, position);
            assert_eq!(table.file_name(), format!("{}.csv", table.name()));
        }
        assert_eq!(Table::Channel.header(), "CHANNELID,CHANNELNAME\n");
    }

    #[test]
    fn the_truth_has_a_column_for_every_product() {
        let products = Product::ALL.map(|product| product.spec().id);
        assert!(Table::Truth.column_names().skip(3).eq(products));
    }
}
