//! A drift of records: values that get lost.

use super::super::calendar::Date;
use super::super::random::Random;
use super::super::record::CustomerRecord;

/// Loses the `share` of the values of days that were `reached`, in every column that has missing values
/// anyway.
pub(super) fn lose(
    record: &mut CustomerRecord,
    share: f64,
    reached: impl Fn(Date) -> bool,
    rng: &mut Random,
) {
    // Drawn for every value, present or not, so that which ones are lost depends on nothing else.
    let mut lost = |day| rng.chance(share) && reached(day);
    let came = record.established;
    empty_if(lost(came), &mut record.city);
    empty_if(lost(came), &mut record.postal_code);
    empty_if(lost(came), &mut record.birth);
    for account in &mut record.accounts {
        empty_if(lost(account.origination), &mut account.channel);
        empty_if(lost(account.origination), &mut account.rate);
    }
    for row in &mut record.transactions {
        empty_if(lost(row.at.date), &mut row.balance);
    }
    for row in &mut record.communications {
        empty_if(lost(row.at.date), &mut row.outcome);
    }
}

fn empty_if<T>(lost: bool, value: &mut Option<T>) {
    if lost {
        *value = None;
    }
}
