//! The ten tables: names, files, columns.

/// A table of the bank.
///
/// Identifiers are functions of a customer's index *i* and a row's position *k* among the customer's rows, so that any
/// range of customers agrees with any other: `C…`, `P…` and `A…` followed by *i* for customer, party and address;
/// *i*·100 + *k* for accounts, *i*·100 000 + *k* for transactions, *i*·10 000 + *k* for communications and documents.
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
}

/// All tables, in the order in which a reader may load them.
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

/// What a column holds, as far as damage to it is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Identifies the row.
    Key,
    /// Identifies a row of another table.
    Reference,
    Number,
    /// A date or timestamp.
    Time,
    Text,
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
        }
    }

    /// The table's column names, in order.
    pub fn column_names(self) -> impl Iterator<Item = &'static str> {
        self.columns().iter().map(|&(name, _)| name)
    }

    /// The header line of the table's CSV file, ended by a line feed.
    #[must_use]
    pub fn header(self) -> String {
        let mut header = self.column_names().collect::<Vec<_>>().join(",");
        header.push('\n');
        header
    }

    pub(super) const fn columns(self) -> &'static [(&'static str, Kind)] {
        use Kind::{Key, Number, Reference, Text, Time};
        match self {
            Self::Address => &[("ADDRESSID", Key), ("CITY", Text), ("STATE", Text), ("POSTALCODE", Text)],
            Self::Party => &[
                ("PARTYID", Key),
                ("PARTYTYPE", Text),
                ("DATEOFBIRTH", Time),
                ("PRIMARYADDRESSID", Reference),
            ],
            Self::Customer => &[
                ("CUSTOMERID", Key),
                ("PARTYID", Reference),
                ("CUSTOMERESTABLISHEDDATE", Time),
                ("CUSTOMERTYPEID", Text),
            ],
            Self::BankingProduct => &[
                ("PRODUCTID", Key),
                ("PRODUCTNAME", Text),
                ("CATEGORY", Text),
                ("MINAMOUNT", Number),
                ("MAXAMOUNT", Number),
                ("MINTERMMONTHS", Number),
                ("MAXTERMMONTHS", Number),
                ("MARGIN", Number),
                ("MINAGE", Number),
                ("REPEATABLE", Text),
            ],
            Self::Channel => &[("CHANNELID", Key), ("CHANNELNAME", Text)],
            Self::CustomerAccount => &[
                ("CUSTOMERACCOUNTID", Key),
                ("CUSTOMERID", Reference),
                ("PRODUCTID", Reference),
                ("CHANNELID", Reference),
                ("ORIGINATIONDATE", Time),
                ("MATURITYDATE", Time),
                ("CLOSEDDATE", Time),
                ("PRINCIPALAMOUNT", Number),
                ("INTERESTRATE", Number),
                ("ACCOUNTSTATUS", Text),
            ],
            Self::Transaction => &[
                ("TRANSACTIONID", Key),
                ("CUSTOMERACCOUNTID", Reference),
                ("TRANSACTIONINITIATEDTIMESTAMP", Time),
                ("TRANSACTIONAMOUNT", Number),
                ("TRANSACTIONTYPEID", Text),
                ("BALANCEAFTER", Number),
            ],
            Self::Communication => &[
                ("COMMUNICATIONID", Key),
                ("PARTYID", Reference),
                ("COMMUNICATIONSTARTTIMESTAMP", Time),
                ("COMMUNICATIONMETHODID", Text),
                ("INBOUNDOUTBOUNDINDICATOR", Text),
                ("OUTCOME", Text),
            ],
            Self::Document => &[
                ("DOCUMENTID", Key),
                ("PARTYID", Reference),
                ("CUSTOMERACCOUNTID", Reference),
                ("DOCUMENTTYPEID", Text),
                ("DOCUMENTCREATEDTIMESTAMP", Time),
            ],
            Self::Consent => {
                &[("CUSTOMERID", Reference), ("PURPOSE", Text), ("GRANTED", Text), ("TIMESTAMP", Time)]
            }
        }
    }
}

/// The CSV text of every table, as far as it has been written.
#[derive(Clone, Debug, Default)]
pub struct TableBuffers {
    text: [Vec<u8>; TABLES.len()],
}

impl TableBuffers {
    /// The rows written to `table`, each ended by a line feed; UTF-8.
    #[must_use]
    pub fn get(&self, table: Table) -> &[u8] {
        self.text.get(table as usize).map_or(&[], Vec::as_slice)
    }

    /// Empties all tables and keeps their memory.
    pub fn clear(&mut self) {
        for text in &mut self.text {
            text.clear();
        }
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "every discriminant of Table is below TABLES.len(), the array's length"
    )]
    pub(super) fn text(&mut self, table: Table) -> &mut Vec<u8> {
        &mut self.text[table as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_listed_in_the_order_of_their_discriminants() {
        for (position, table) in TABLES.into_iter().enumerate() {
            assert_eq!(table as usize, position);
            assert_eq!(table.file_name(), format!("{}.csv", table.name()));
        }
        assert_eq!(Table::Channel.header(), "CHANNELID,CHANNELNAME\n");
    }
}
