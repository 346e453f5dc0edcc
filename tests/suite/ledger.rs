//! What becomes of the rows of a bank's tables: each is used, by all whose it is, or left out for a reason
//! that is counted.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that can't go on panics")]

use std::collections::BTreeMap;

use nextbest_tests::{Finished, Workplace};
use serde_json::Value;

use crate::PROGRAM;

const STORE: &str = "data/processed/customer_product_features.csv";

/// Every account is a customer, so that those of one person share this person's messages and papers. Papers
/// are referred to, by none in fact, so that they are held and not streamed.
const SHARED: &str = "
schema:
  tables:
    accounts:
      file: CUSTOMER_ACCOUNT.csv
      key: CUSTOMERACCOUNTID
      columns: {CUSTOMERID: {references: people}, ORIGINATIONDATE: date}
    people: {file: CUSTOMER.csv, key: CUSTOMERID, columns: {PARTYID: {references: party}}, PEOPLE}
    party: {file: PARTY.csv, key: PARTYID, columns: {PARTYTYPE: category}}
    products: {file: BANKING_PRODUCT.csv, key: PRODUCTID}
    taken:
      file: CUSTOMER_ACCOUNT.csv
      time: ORIGINATIONDATE
      columns: {CUSTOMERACCOUNTID: {references: accounts}, PRODUCTID: category, ORIGINATIONDATE: date}
    messages:
      file: COMMUNICATION.csv
      key: COMMUNICATIONID
      time: COMMUNICATIONSTARTTIMESTAMP
      columns: {PARTYID: {references: party}, COMMUNICATIONSTARTTIMESTAMP: timestamp}
    papers:
      file: DOCUMENT.csv
      key: DOCUMENTID
      time: DOCUMENTCREATEDTIMESTAMP
      columns: {PARTYID: {references: party}, DOCUMENTCREATEDTIMESTAMP: timestamp}
    copies:
      file: DOCUMENT.csv
      time: DOCUMENTCREATEDTIMESTAMP
      columns: {DOCUMENTID: {references: papers}, DOCUMENTCREATEDTIMESTAMP: timestamp}
  customer: {table: accounts, established: ORIGINATIONDATE}
  holdings: [{table: taken, product: {column: PRODUCTID}}]
  products: {table: {table: products, name: PRODUCTNAME}}
feature_store: {primary_keys: [CUSTOMERACCOUNTID]}
feature_engineering:
  features:
    - {name: messages, table: messages, aggregate: count}
    - {name: papers, table: papers, aggregate: count}
    - {name: copies, table: copies, aggregate: count}
";

fn run(place: &Workplace, arguments: &[&str]) -> Finished {
    let finished = place.run(arguments).unwrap();
    assert_eq!(finished.code, 0, "{}{}", finished.stdout, finished.stderr);
    finished
}

fn text(place: &Workplace, file: &str) -> String {
    String::from_utf8(place.read(file).unwrap()).unwrap()
}

/// The rows of a CSV file without quotes, by the names of its columns.
fn rows(text: &str) -> Vec<BTreeMap<&str, &str>> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines.map(|line| header.iter().copied().zip(line.split(',')).collect()).collect()
}

#[test]
fn rows_that_several_customers_share_belong_to_each_of_them() {
    let place = Workplace::new(PROGRAM).unwrap();
    let generate = "generate: {customers: 2300, start: 2025-01-01}\n";
    let config = format!("{generate}{}", SHARED.replace(", PEOPLE", ""));
    place.write("config.yaml", &config).unwrap();
    run(&place, &["generate", "--quiet"]);
    let computed: Value = serde_json::from_str(&run(&place, &["features", "--json"]).stdout).unwrap();
    let csv = text(&place, STORE);
    assert!(computed["tables"].as_array().unwrap().iter().all(|table| table["nobody"] == 0), "{computed}");

    let [accounts, people] =
        ["CUSTOMER_ACCOUNT", "CUSTOMER"].map(|file| text(&place, &format!("data/raw/{file}.csv")));
    let party_of: BTreeMap<&str, &str> =
        rows(&people).iter().map(|row| (row["CUSTOMERID"], row["PARTYID"])).collect();
    let party_of: BTreeMap<&str, &str> =
        rows(&accounts).iter().map(|row| (row["CUSTOMERACCOUNTID"], party_of[row["CUSTOMERID"]])).collect();
    for (feature, file, time) in [
        ("messages", "COMMUNICATION", "COMMUNICATIONSTARTTIMESTAMP"),
        ("papers", "DOCUMENT", "DOCUMENTCREATEDTIMESTAMP"),
        ("copies", "DOCUMENT", "DOCUMENTCREATEDTIMESTAMP"),
    ] {
        let events = text(&place, &format!("data/raw/{file}.csv"));
        let mut times: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        rows(&events).iter().for_each(|row| times.entry(row["PARTYID"]).or_default().push(row[time]));
        let mut several = 0;
        for row in rows(&csv) {
            let of_party = times.get(party_of[row["CUSTOMERACCOUNTID"]]);
            let before = of_party.into_iter().flatten().filter(|time| **time < row["CUTOFF"]).count();
            assert_eq!(row[feature], before.to_string(), "{feature} {row:?}");
            several += usize::from(before > 0);
        }
        assert!(several > 1000, "{feature}: {several}");
        let told = computed["tables"].as_array().unwrap().iter().find(|table| table["table"] == feature);
        assert!(told.unwrap()["shared"].as_u64().unwrap() > 100, "{told:?}");
    }

    place.write("spill.yaml", &format!("{config}data_source: {{memory_mb: 0}}\n")).unwrap();
    run(&place, &["features", "--quiet", "--config", "spill.yaml"]);
    assert!(text(&place, STORE) == csv, "put aside on disk");
    let parquet = format!("{config}data_source: {{type: parquet, parquet: {{input_path: data/columns}}}}\n");
    place.write("parquet.yaml", &parquet).unwrap();
    run(&place, &["generate", "--quiet", "--config", "parquet.yaml"]);
    run(&place, &["features", "--quiet", "--config", "parquet.yaml"]);
    assert!(text(&place, STORE) == csv, "Parquet");
}

/// A bank with everything that can become of a row.
fn odd_bank() -> (Workplace, String) {
    let place = Workplace::new(PROGRAM).unwrap();
    let config = format!(
        "generate: {{customers: 400, start: 2025-01-01}}\nsnapshots: {{first: 2026-01-01, last: \
         2026-01-01}}\n{}",
        SHARED
            .replace("PEOPLE", "rows_where: {CUSTOMERTYPEID: [RETAIL]}")
            .replace("aggregate: count", "window: 90, aggregate: count")
    );
    place.write("config.yaml", &config).unwrap();
    run(&place, &["generate", "--quiet", "--dirty", "0.01"]);
    let append = |file: &str, lines: &[String]| {
        let file = format!("data/raw/{file}.csv");
        let text = text(&place, &file);
        place.write(&file, &format!("{text}{}\n", lines.join("\n"))).unwrap();
    };
    // Of a party that is no customer: messages that lead to nobody, one of them twice.
    let line = |file: &str, number: usize| {
        text(&place, &format!("data/raw/{file}.csv")).lines().nth(number).unwrap().to_owned()
    };
    let with = |line: &str, changes: &[(usize, &str)]| {
        let mut cells: Vec<&str> = line.split(',').collect();
        changes.iter().for_each(|(column, cell)| cells[*column] = cell);
        cells.join(",")
    };
    append("PARTY", &[with(&line("PARTY", 1), &[(0, "STRANGER")])]);
    for file in ["COMMUNICATION", "DOCUMENT"] {
        let header = text(&place, &format!("data/raw/{file}.csv"));
        let header: Vec<&str> = header.lines().next().unwrap().split(',').collect();
        let column = |name: &str| header.iter().position(|other| *other == name).unwrap();
        let time = header.iter().position(|name| name.ends_with("TIMESTAMP")).unwrap();
        let party = column("PARTYID");
        let stranger = with(&line(file, 1), &[(0, "X1"), (party, "STRANGER"), (time, "2025-12-30 10:00:00")]);
        append(
            file,
            &[
                stranger.clone(),
                with(&stranger, &[(0, "X2")]),
                // The same key as a row of nobody, of somebody, and of one that is bad.
                stranger.clone(),
                with(&line(file, 2), &[(time, "2025-12-30 10:00:00")]),
                with(&line(file, 3), &[(time, "2025-12-30 10:00:00")]),
                with(&stranger, &[(0, "X3"), (time, "never")]),
                with(&stranger, &[(0, "X4"), (party, "nowhere")]),
                "half,a row".into(),
            ],
        );
    }
    (place, config)
}

#[test]
fn every_row_is_used_or_left_out_for_one_reason() {
    let (place, config) = odd_bank();
    let refused = place.run(&["features"]).unwrap();
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    place.write("spill.yaml", &format!("{config}data_source: {{memory_mb: 0}}\n")).unwrap();
    let mut met: BTreeMap<&str, u64> = BTreeMap::new();
    let mut told = Vec::new();
    for file in ["config.yaml", "spill.yaml"] {
        let finished = run(&place, &["features", "--skip-bad-rows", "--json", "--config", file]);
        let computed: Value = serde_json::from_str(&finished.stdout).unwrap();
        for table in computed["tables"].as_array().unwrap() {
            let count = |name: &str| table[name].as_u64().unwrap();
            let lines = text(&place, table["file"].as_str().unwrap()).lines().count() as u64 - 1;
            let reasons = ["outside", "unseen", "nobody", "repeated", "bad"];
            let left_out: u64 = reasons.iter().map(|reason| count(reason)).sum();
            assert_eq!((count("read"), count("rows") + left_out), (lines, lines), "{table}");
            reasons.into_iter().for_each(|reason| *met.entry(reason).or_default() += count(reason));
            let bad = count("bad") + count("repeated");
            let name = table["file"].as_str().unwrap();
            assert_eq!(
                bad > 0,
                finished.stderr.contains(&format!("{name}: left out {bad} bad rows:\n  {name}:"))
            );
            if table["table"] == "messages" {
                let nobody = count("nobody");
                assert!(nobody > 2 && count("repeated") >= 1, "{table}");
                let message =
                    format!("{name}: {nobody} of {lines} rows of table `messages` lead to no customer");
                assert!(finished.stderr.contains(&message), "{}", finished.stderr);
            }
        }
        told.push(computed["tables"].clone());
    }
    assert_eq!(told[0], told[1], "memory changes nothing");
    assert!(met.values().all(|count| *count > 0), "{met:?}");
}

#[test]
fn parquet_rows_that_no_feature_sees_are_in_the_ledger() {
    let place = Workplace::new(PROGRAM).unwrap();
    let common = "generate: {customers: 300, start: 2025-01-01}
snapshots: {first: 2026-01-01, last: 2026-01-01}
feature_engineering: {features: [{name: n, table: transactions, window: 30, aggregate: count}]}\n";
    place.write("config.yaml", common).unwrap();
    let parquet = format!("{common}data_source: {{type: parquet, parquet: {{input_path: data/columns}}}}\n");
    place.write("parquet.yaml", &parquet).unwrap();
    let mut ledgers = Vec::new();
    for file in ["config.yaml", "parquet.yaml"] {
        run(&place, &["generate", "--quiet", "--config", file]);
        let computed: Value =
            serde_json::from_str(&run(&place, &["features", "--json", "--config", file]).stdout).unwrap();
        let mut tables = computed["tables"].clone();
        tables.as_array_mut().unwrap().iter_mut().for_each(|table| table["file"] = Value::Null);
        ledgers.push(tables);
    }
    assert_eq!(ledgers[0], ledgers[1]);
    let unseen = ledgers[0].as_array().unwrap().iter().map(|table| table["unseen"].as_u64().unwrap());
    assert!(unseen.sum::<u64>() > 1000);
}

#[test]
fn words_that_the_bundle_does_not_know_are_told_with_their_lines() {
    let place = Workplace::new(PROGRAM).unwrap();
    let config = "generate: {customers: 150, start: 2025-01-01}
model: {selection: {budget: 0}, algorithm: logistic_regression}
mlflow: {tracking_uri: none}
feature_engineering:
  features:
    - {name: salaries, table: transactions, where: [{column: TRANSACTIONTYPEID, in: [SALARY]}], aggregate: count}
    - {name: tenure, attribute: CUSTOMERESTABLISHEDDATE, transform: days_since}\n";
    place.write("config.yaml", config).unwrap();
    for command in ["generate", "features", "train", "export"] {
        run(&place, &[command, "--quiet"]);
    }
    // Words that few customers have stand in no bundle (docs/PRIVACY.md), such as a small town's name.
    let clean = run(&place, &["score"]).stderr;
    let told: Vec<&str> = clean.lines().filter(|line| line.starts_with("warning")).collect();
    assert!(
        told.len() == 1
            && told[0].contains("ADDRESS.csv: column CITY: ")
            && told[0].contains("which count as unknown: it withholds ")
            && told[0].ends_with(" words of this column that few customers have (docs/PRIVACY.md)"),
        "{clean}"
    );
    // The words themselves are not for a log.
    let cities = text(&place, "data/raw/ADDRESS.csv");
    let mut cities = cities.lines().skip(1).map(|row| row.split(',').nth(1).unwrap());
    assert!(cities.all(|city| city.is_empty() || !clean.contains(city)), "{clean}");
    for (file, column, lines) in [("TRANSACTION", 4, vec![3, 9, 30]), ("PARTY", 1, vec![2])] {
        let name = format!("data/raw/{file}.csv");
        let text = text(&place, &name);
        let mut all: Vec<String> = text.lines().map(str::to_owned).collect();
        let header = all[0].split(',').nth(column).unwrap().to_owned();
        for line in &lines {
            let mut cells: Vec<&str> = all[line - 1].split(',').collect();
            cells[column] = "NEVER SEEN";
            let changed = cells.join(",");
            all[line - 1] = changed;
        }
        place.write(&name, &(all.join("\n") + "\n")).unwrap();
        for arguments in [&["score"][..], &["export", "--samples", "2"]] {
            let told = run(&place, arguments).stderr;
            let message = format!(
                "{name}: column {header}: {} cells have words that the bundle does not know",
                lines.len()
            );
            assert!(told.contains(&message), "{told}");
            for line in &lines {
                assert!(told.contains(&format!("{name}:{line}: \"NEVER SEEN\"")), "{told}");
            }
        }
    }
}
