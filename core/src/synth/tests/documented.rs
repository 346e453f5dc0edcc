//! docs/SYNTHETIC.md says what the code does.

use super::super::calendar::Month;
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
