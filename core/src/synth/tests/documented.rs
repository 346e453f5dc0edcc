//! docs/SYNTHETIC.md agrees with the code.

use super::super::calendar::Month;
use super::super::drift::amounts::{LOG_DEVIATION, typical};
use super::super::drift::categories;
use super::super::economy::season;
use super::super::needs::Need;
use super::super::persona::Stage;
use super::super::uptake::baseline;
use super::*;

const DOCUMENT: &str = include_str!("../../../../docs/SYNTHETIC.md");

fn documented(row: &str) {
    assert!(DOCUMENT.lines().any(|line| line == row), "docs/SYNTHETIC.md lacks the line {row}");
}

#[test]
fn the_documents_tables_are_those_of_the_code() {
    let stages = [Stage::Student, Stage::Starter, Stage::Family, Stage::Established, Stage::Retired];
    for product in Product::ALL.into_iter().skip(1) {
        let id = product.spec().id;
        let rates = stages.map(|stage| format!("{:.4}", baseline(product, stage)));
        documented(&format!("| {id} | {} |", rates.join(" | ")));
        let seasons =
            (1..=12).map(|month| season(product, Month::of(Date::from_ymd(2024, month, 1).unwrap())));
        let seasons: Vec<String> = seasons.map(|factor| format!("{factor:.1}")).collect();
        if seasons.iter().any(|factor| factor != "1.0") {
            documented(&format!("| {id} | {} |", seasons.join(" ")));
        }
    }
    for need in Need::ALL {
        let pulls: Vec<String> =
            need.pulls().iter().map(|(product, pull)| format!("{} {pull}", product.spec().id)).collect();
        documented(&format!("| {} | {} |", format!("{need:?}").to_lowercase(), pulls.join(", ")));
    }
}

#[test]
fn the_drifts_are_documented_as_they_are() {
    for kind in DriftKind::ALL {
        let row = format!("| `{kind}` | ");
        let sizes = format!(" | {} |", kind.sizes().replace('-', "−"));
        let line = DOCUMENT.lines().find(|line| line.starts_with(&row));
        assert!(line.is_some_and(|line| line.ends_with(&sizes)), "{row} … {sizes}");
    }
    assert!(DOCUMENT.contains(&format!("σ = {LOG_DEVIATION}")));
    for kind in TransactionType::ALL {
        if let Some(typical) = typical(kind) {
            assert!(DOCUMENT.contains(&format!("{} {typical}", kind.id())), "{kind:?} {typical}");
        }
    }
    let moves = [
        ("CITY", categories::CITY),
        ("CUSTOMERTYPEID", categories::CUSTOMER_TYPE),
        ("CHANNELID", categories::CHANNEL.map(Channel::id)),
        ("TRANSACTIONTYPEID", categories::TRANSACTION.map(TransactionType::id)),
        ("COMMUNICATIONMETHODID", categories::METHOD),
    ];
    for (column, [old, new]) in moves {
        documented(&format!("| {column} | {old} | {new} |"));
    }
    for need in Need::ALL {
        let name = |need: Need| format!("{need:?}").to_lowercase();
        assert!(DOCUMENT.contains(&format!("{} → {}", name(need), name(need.confused_with()))), "{need:?}");
    }
}
