//! The traces of needs, campaigns and purchases in the rows.

use super::*;

/// The customer's rows in the `days` before a day.
type Sign = fn(&CustomerRecord, core::ops::Range<Date>) -> f64;

fn enquiries(record: &CustomerRecord, days: core::ops::Range<Date>) -> f64 {
    let rows = record.communications.iter().filter(|row| row.outcome == Some("ENQUIRY"));
    rows.filter(|row| days.contains(&row.at.date)).count() as f64
}

fn count<const KIND: usize>(record: &CustomerRecord, days: core::ops::Range<Date>) -> f64 {
    const KINDS: [TransactionType; 5] = [
        TransactionType::Vehicle,
        TransactionType::Travel,
        TransactionType::Health,
        TransactionType::Fee,
        TransactionType::Education,
    ];
    let rows = record.transactions.iter().filter(|row| row.kind == KINDS[KIND]);
    rows.filter(|row| days.contains(&row.at.date)).count() as f64
}

/// The products whose need shows itself, with the sign.
const SIGNS: [(Product, Sign); 6] = [
    (Product::HomeLoan, enquiries),
    (Product::AutoLoan, count::<0>),
    (Product::CreditCard, count::<1>),
    (Product::LifeInsurance, count::<2>),
    (Product::PersonalLoan, count::<3>),
    (Product::StudentLoan, count::<4>),
];

/// A purchase must show beforehand, in rows that a model may read, but not give itself away.
#[test]
fn needs_show_before_the_purchase() {
    for (product, sign) in SIGNS {
        let (mut buyers, mut all) = (Vec::new(), Vec::new());
        for cutoff in cutoffs("2024-01-01") {
            let known = |record: &&CustomerRecord| record.established < cutoff.add_days(-90);
            for record in RECORDS.iter().take(8_000).filter(known) {
                let value = sign(record, cutoff.add_days(-90)..cutoff);
                all.push(value);
                if next_product(record, cutoff) == Some(product) {
                    buyers.push(value);
                }
            }
        }
        let ratio = mean(buyers) / mean(all);
        // Only students pay tuition often and borrow for it: the sign is one of the stage, too.
        let most = if product == Product::StudentLoan { 25.0 } else { 8.0 };
        assert!((1.3..most).contains(&ratio), "{product:?}: {ratio}");
    }
}

/// A purchase meets the need, and its signs disappear.
#[test]
fn signs_end_with_the_purchase() {
    let (start, end) = (BankParams::default().start, BankParams::default().end);
    for (product, sign) in SIGNS {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for (record, account) in openings(product) {
            let day = account.origination;
            // The month of the purchase is left out: its rows were written with the need still felt.
            let windows = (day.add_days(-90)..day, day.add_days(40)..day.add_days(130));
            if windows.0.start >= start.max(record.established) && windows.1.end <= end {
                before.push(sign(record, windows.0));
                after.push(sign(record, windows.1));
            }
        }
        assert!(before.len() > 100, "{product:?}: {}", before.len());
        let ratio = mean(before) / mean(after);
        assert!(ratio > 1.3, "{product:?}: {ratio}");
    }
}

/// A customer's outbound contacts, in order, with the number in the 120 days before each.
fn contacts(record: &CustomerRecord) -> Vec<(&Communication, usize)> {
    let outbound: Vec<&Communication> = record.communications.iter().filter(|row| !row.inbound).collect();
    let recent = |row: &Communication| {
        let days = row.at.date.add_days(-120)..row.at.date;
        outbound.iter().filter(|other| days.contains(&other.at.date)).count()
    };
    outbound.iter().map(|row| (*row, recent(row))).collect()
}

#[test]
fn answers_tire_with_contacts() {
    let share = |outcomes: &[&str], recent: core::ops::RangeInclusive<usize>| {
        let rows = RECORDS.iter().flat_map(contacts).filter(|(_, before)| recent.contains(before));
        let known = rows.filter_map(|(row, _)| row.outcome);
        mean(known.map(|outcome| f64::from(u8::from(outcomes.contains(&outcome)))))
    };
    let read = [0..=0, 1..=1, 2..=3, 4..=20].map(|recent| share(&["INTERESTED", "OPENED"], recent));
    assert!(read.is_sorted_by(|a, b| a > b), "{read:?}");
    assert!(read[3] < 0.85 * read[0], "{read:?}");
    let declined = [0..=0, 4..=20].map(|recent| share(&["DECLINED"], recent));
    assert!(declined[1] > 1.3 * declined[0], "{declined:?}");
}

#[test]
fn who_was_contacted_buys_more_in_the_month_after() {
    let (mut contacted, mut quiet) = ((0.0, 0.0), (0.0, 0.0));
    for month in (0..38).map(|n| date("2023-04-01").add_months(n)) {
        let (before, after) = (month.add_months(-1)..month, month..month.add_months(1));
        for record in RECORDS.iter().filter(|record| record.established < before.start) {
            let stays = record.accounts[0].closed.is_none_or(|day| day >= after.end);
            let mut marketing =
                record.consents.iter().filter(|c| c.purpose == "MARKETING" && c.at.date < month);
            if stays && marketing.next_back().is_some_and(|consent| consent.granted) {
                let reached =
                    record.communications.iter().any(|row| !row.inbound && before.contains(&row.at.date));
                let group = if reached { &mut contacted } else { &mut quiet };
                group.0 += 1.0;
                group.1 +=
                    f64::from(u8::from(record.accounts.iter().any(|a| after.contains(&a.origination))));
            }
        }
    }
    let lift = (contacted.1 / contacted.0) / (quiet.1 / quiet.0);
    assert!((1.08..1.5).contains(&lift), "{lift}");
}

#[test]
fn who_says_no_to_marketing_is_left_alone() {
    let (mut with, mut without) = ((0.0, 0.0), (0.0, 0.0));
    for record in RECORDS.iter().take(6_000) {
        let marketing: Vec<&Consent> = record.consents.iter().filter(|c| c.purpose == "MARKETING").collect();
        let [only] = marketing.as_slice() else { continue };
        let days = f64::from(
            BankParams::default().end.days() - record.established.max(BankParams::default().start).days(),
        );
        let contacted = record.communications.iter().filter(|row| !row.inbound).count() as f64;
        let group = if only.granted { &mut with } else { &mut without };
        *group = (group.0 + contacted, group.1 + days);
    }
    let ratio = (with.0 / with.1) / (without.0 / without.1);
    // 0.26 a month against 0.04.
    assert!((5.0..8.0).contains(&ratio), "{ratio}");
}

/// Money arrives on the day of the opening, never before.
#[test]
fn a_loan_is_paid_out_on_its_day() {
    let mut checked = 0;
    for product in [Product::HomeLoan, Product::AutoLoan] {
        for (record, account) in openings(product) {
            let days = account.origination.add_days(-MIN_GAP_DAYS + 1)..account.origination.add_days(1);
            let paid_out = record.transactions.iter().filter(|row| {
                row.kind == TransactionType::TransferIn
                    && Some(row.amount) == account.principal
                    && days.contains(&row.at.date)
            });
            if account.origination >= BankParams::default().start {
                let days: Vec<Date> = paid_out.map(|row| row.at.date).collect();
                assert_eq!(days, [account.origination], "{}: {account:?}", record.index);
                checked += 1;
            }
        }
    }
    assert!(checked > 300, "{checked}");
}
