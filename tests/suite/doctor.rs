//! The doctor finds what was done to a bank on purpose, and nothing in a healthy one.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use nextbest_core::time::{self, DAY};
use nextbest_tests::Workplace;
use serde_json::Value;

use crate::PROGRAM;

const FEATURES: &str = "
    - {name: papers_60d, table: papers, window: 60, aggregate: count}
    - {name: again, table: papers, window: 60, aggregate: count}
    - {name: home, attribute: TOWN}
    - {name: visits, table: papers, aggregate: count, where: [{column: KIND, in: [VISIT]}]}
";

/// A bank whose papers are booked some time after the day that they are for. Those about a loan are for a day
/// eight weeks before the loan, and are booked a few days after it was taken.
fn bank(time_column: &str) -> Workplace {
    let place = Workplace::new(PROGRAM).unwrap();
    let config = format!(
        "
data_source: {{csv: {{input_path: raw}}}}
snapshots: {{first: 2024-01-01, last: 2025-09-01, every_months: 1, data_end: 2025-12-31}}
feature_store: {{primary_keys: [ID]}}
schema:
  tables:
    customer: {{file: customers.csv, key: ID, columns: {{SINCE: date, TOWN: category}}}}
    loans: {{file: loans.csv, time: TAKEN, columns: {{ID: {{references: customer}}, TAKEN: date}}}}
    papers:
      file: papers.csv
      time: {time_column}
      columns: {{ID: {{references: customer}}, FOR_DAY: date, BOOKED: date, KIND: category}}
  customer: {{table: customer, established: SINCE}}
  holdings: [{{table: loans, product: {{always: LOAN}}}}]
  products: {{list: [{{id: LOAN, name: Loan, repeatable: true}}]}}
feature_engineering:
  features: {FEATURES}"
    );
    place.write("config.yaml", &config).unwrap();
    let start = time::parse("2023-07-01").unwrap() / DAY;
    let date = |day: i64| time::format((start + day) * DAY);
    let mut state = 12_345u64;
    let mut below = |limit: i64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(state >> 33).unwrap() % limit
    };
    let (mut customers, mut loans, mut papers) = (
        String::from("ID,SINCE,TOWN\n"),
        String::from("ID,TAKEN\n"),
        String::from("ID,FOR_DAY,BOOKED,KIND\n"),
    );
    for id in 0..500 {
        customers += &format!("{id},2020-01-01,Bern\n");
        for _ in 0..below(6) {
            let day = below(900);
            papers += &format!("{id},{},{},VISIT\n", date(day), date(day + below(20)));
        }
        if below(2) == 0 {
            let day = 100 + below(700);
            loans += &format!("{id},{}\n", date(day));
            papers += &format!("{id},{},{},LOAN\n", date(day - 56), date(day + 1 + below(9)));
        }
    }
    place.write("raw/customers.csv", &customers).unwrap();
    place.write("raw/loans.csv", &loans).unwrap();
    place.write("raw/papers.csv", &papers).unwrap();
    let features = place.run(&["features"]).unwrap();
    assert_eq!(features.code, 0, "{}", features.stderr);
    place
}

#[test]
fn a_wrong_date_column_is_named_with_the_right_one() {
    let place = bank("FOR_DAY");
    let finished = place.run(&["doctor"]).unwrap();
    assert_eq!(finished.code, 1, "{}", finished.stdout);
    let expected = "PROBLEM  papers_60d tells who takes Loan next";
    assert!(finished.stdout.contains(expected), "{}", finished.stdout);
    assert!(
        finished.stdout.contains("only by rows of papers whose BOOKED lies at or after the cut-off"),
        "{}",
        finished.stdout
    );
    assert!(finished.stderr.contains("error: 2 problems found"), "{}", finished.stderr);

    let json: Value = serde_json::from_str(&place.run(&["doctor", "--json"]).unwrap().stdout).unwrap();
    let late = &json["lateRows"][0];
    assert!(
        late["rocAuc"].as_f64().unwrap() > 0.7 && late["withoutLateRows"].as_f64().unwrap() < 0.6,
        "{late}"
    );
    assert_eq!(json["problems"], 2, "papers_60d and its twin, but not visits");
}

#[test]
fn a_healthy_bank_has_remarks_only() {
    let place = bank("BOOKED");
    let finished = place.run(&["doctor"]).unwrap();
    assert_eq!(finished.code, 0, "{}{}", finished.stdout, finished.stderr);
    for part in [
        "no problem found",
        "remark   home is 0 in every row",
        "remark   again is equal to papers_60d in every row",
        "2024-01-01       500 customers",
    ] {
        assert!(finished.stdout.contains(part), "{part:?} is not in: {}", finished.stdout);
    }
    for file in ["diagnosis.json", "diagnosis.txt", "leak_scores.csv", "target_by_cutoff.csv"] {
        assert!(place.path(format!("outputs/doctor/{file}")).exists(), "{file}");
    }
}

#[test]
fn the_synthetic_bank_is_healthy_and_its_dirt_is_counted() {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", "generate: {customers: 1500, dirty_rate: 0.01}").unwrap();
    assert_eq!(place.run(&["generate"]).unwrap().code, 0);
    assert_eq!(place.run(&["features", "--skip-bad-rows"]).unwrap().code, 0);
    let finished = place.run(&["doctor"]).unwrap();
    assert_eq!(finished.code, 0, "{}{}", finished.stdout, finished.stderr);
    assert!(finished.stdout.contains("remark   transactions: "), "{}", finished.stdout);
}

#[test]
fn without_a_feature_table_there_is_nothing_to_look_at() {
    let place = Workplace::new(PROGRAM).unwrap();
    let finished = place.run(&["doctor"]).unwrap();
    assert_eq!(finished.code, 1);
    assert!(
        finished.stderr.contains("is this the table that `nextbest features` writes?"),
        "{}",
        finished.stderr
    );
}
