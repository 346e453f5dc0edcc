//! Messages between customer and bank: communications, documents, consents.

use core::ops::RangeInclusive;

use super::calendar::Date;
use super::campaign::Answer;
use super::life::{Life, Moment};
use super::needs::Need;
use super::random::Random;
use super::record::{Communication, Consent, Document, Timestamp};

/// Share of the communications whose OUTCOME was not recorded.
const OUTCOME_MISSING: f64 = 0.05;

/// Enquiries and service calls per month without any need.
const ENQUIRIES: f64 = 0.025;
const SERVICE_CALLS: f64 = 0.09;

/// The month's communications on `recorded` days: contacts by campaigns, enquiries prompted by needs, and
/// unrelated calls.
pub(super) fn communications(
    moment: &Moment<'_>,
    life: &Life,
    recorded: &RangeInclusive<Date>,
    rng: &mut Random,
    rows: &mut Vec<Communication>,
) {
    if life.left {
        return;
    }
    let from = rows.len();
    for contact in &life.campaign.contacts {
        let outcome = match contact.answer {
            Answer::Ignored => "IGNORED",
            Answer::Opened => "OPENED",
            Answer::Interested => "INTERESTED",
            Answer::Declined => "DECLINED",
        };
        rows.push(communication(moment, false, outcome, rng));
    }
    let urge: f64 = life.needs.felt().map(|(_, level)| level).sum();
    for _ in 0..rng.poisson(ENQUIRIES + 0.45 * urge.min(2.0)) {
        rows.push(communication(moment, true, "ENQUIRY", rng));
    }
    for _ in 0..rng.poisson(SERVICE_CALLS * (1.0 + 0.5 * life.needs.level(Need::Cash))) {
        let outcome = match rng.unit() {
            u if u < 0.15 => "COMPLAINT",
            u if u < 0.35 => "ENQUIRY",
            _ => "SERVICE",
        };
        rows.push(communication(moment, true, outcome, rng));
    }
    let mut position = 0;
    rows.retain(|row| {
        position += 1;
        position <= from || recorded.contains(&row.at.date)
    });
    if let Some(month) = rows.get_mut(from..) {
        month.sort_by_key(|row| row.at);
    }
}

fn communication(
    moment: &Moment<'_>,
    inbound: bool,
    outcome: &'static str,
    rng: &mut Random,
) -> Communication {
    let digital = 1.0 / (1.0 + libm::exp(-moment.persona.digital - 4.0 * (moment.conditions.digital - 0.5)));
    let (mail, email) = if inbound { (0.02, 0.35) } else { (0.5, 0.6) };
    let methods = [
        ("APP", digital * (1.0 - email)),
        ("EMAIL", digital * email + 0.05),
        ("MAIL", (1.0 - digital) * mail),
        ("PHONE", (1.0 - digital) * 0.4 + 0.05),
        ("BRANCH", if inbound { (1.0 - digital) * 0.5 } else { 0.02 }),
    ];
    Communication {
        at: some_time(moment, rng),
        method: rng.weighted(methods.into_iter()).unwrap_or("EMAIL"),
        inbound,
        outcome: (!rng.chance(OUTCOME_MISSING)).then_some(outcome),
    }
}

/// The month's documents that belong to no account (yet): proofs prompted by needs, and reviews.
pub(super) fn papers(moment: &Moment<'_>, life: &Life, rng: &mut Random) -> Option<Document> {
    if life.left {
        return None;
    }
    let needs = &life.needs;
    let income_proof = 0.003
        + 0.24 * needs.level(Need::Home)
        + 0.10 * needs.level(Need::Car)
        + 0.08 * needs.level(Need::Cash);
    let valuation = 0.0005 + 0.18 * needs.level(Need::Home);
    let kinds = [("INCOME_PROOF", income_proof), ("PROPERTY_VALUATION", valuation), ("KYC_REVIEW", 0.006)];
    let total: f64 = kinds.iter().map(|(_, rate)| rate).sum();
    let kind = if rng.chance(total) { rng.weighted(kinds.into_iter())? } else { return None };
    Some(Document { account: None, kind, at: some_time(moment, rng) })
}

/// The documents of establishment and of openings.
pub(super) fn contracts(life: &Life, rng: &mut Random) -> Vec<Document> {
    let mut documents = Vec::with_capacity(life.accounts.len() + 2);
    for (slot, account) in (0u8..).zip(&life.accounts) {
        let at = office_hours(account.origination, rng);
        if slot == 0 {
            documents.push(Document { account: None, kind: "ID_COPY", at });
        }
        documents.push(Document { account: Some(slot), kind: "CONTRACT", at });
    }
    documents
}

/// Every consent asked for at establishment, and the changes of mind since.
pub(super) fn consents(life: &Life, last: Date, rng: &mut Random) -> Vec<Consent> {
    let Some(&(established, _)) = life.marketing.first() else { return Vec::new() };
    let at = office_hours(established, rng);
    let mut consents: Vec<_> = life
        .marketing
        .iter()
        .filter(|&&(day, _)| day <= last)
        .map(|&(day, granted)| {
            let at = if day == established { at } else { office_hours(day, rng) };
            Consent { purpose: "MARKETING", granted, at }
        })
        .collect();
    consents.push(Consent { purpose: "PROFILING", granted: rng.chance(0.7), at });
    consents.push(Consent { purpose: "DATA_SHARING", granted: rng.chance(0.25), at });
    consents
}

fn some_time(moment: &Moment<'_>, rng: &mut Random) -> Timestamp {
    let day = rng.below(moment.month.days());
    office_hours(moment.month.first().add_days(day), rng)
}

fn office_hours(date: Date, rng: &mut Random) -> Timestamp {
    Timestamp { date, second: (8 * 3_600 + rng.below(10 * 3_600)) as u32 }
}
