//! A drift of categories: rows get another category and stay otherwise unchanged.

use super::super::calendar::Date;
use super::super::catalogue::Channel;
use super::super::random::Random;
use super::super::record::{CustomerRecord, TransactionType};

/// The replacements, in CITY (within one state), CUSTOMERTYPEID, CHANNELID, TRANSACTIONTYPEID and
/// COMMUNICATIONMETHODID.
pub(in super::super) const CITY: [&str; 2] = ["Chicago", "Springfield"];
pub(in super::super) const CUSTOMER_TYPE: [&str; 2] = ["RETAIL", "PREMIUM"];
pub(in super::super) const CHANNEL: [Channel; 2] = [Channel::Branch, Channel::Mobile];
pub(in super::super) const TRANSACTION: [TransactionType; 2] = [TransactionType::Card, TransactionType::Cash];
pub(in super::super) const METHOD: [&str; 2] = ["PHONE", "APP"];

/// Moves the `share` of one category of each column to another, in the rows of days that were `reached`.
pub(super) fn mix(record: &mut CustomerRecord, share: f64, reached: impl Fn(Date) -> bool, rng: &mut Random) {
    // Drawn for every value, so that the same rows move whatever the day on which the drift begins.
    let mut moves = |day| rng.chance(share) && reached(day);
    if moves(record.established)
        && let Some(city) = &mut record.city
    {
        replace(city, CITY);
    }
    if moves(record.established) {
        replace(&mut record.customer_type, CUSTOMER_TYPE);
    }
    for account in &mut record.accounts {
        if moves(account.origination)
            && let Some(channel) = &mut account.channel
        {
            replace(channel, CHANNEL);
        }
    }
    for row in &mut record.transactions {
        if moves(row.at.date) {
            replace(&mut row.kind, TRANSACTION);
        }
    }
    for row in &mut record.communications {
        if moves(row.at.date) {
            replace(&mut row.method, METHOD);
        }
    }
}

fn replace<T: Copy + PartialEq>(value: &mut T, [old, new]: [T; 2]) {
    if *value == old {
        *value = new;
    }
}
