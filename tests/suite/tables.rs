//! The feature table does not depend on how the bank's tables come: format, order of rows, memory and
//! threads.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use nextbest_tests::Workplace;
use serde_json::Value;

use crate::PROGRAM;

const STORE: &str = "data/processed/customer_product_features";

/// More customers than one part of them.
const CONFIG: &str = "generate: {customers: 2500, seed: 3, start: 2025-01-01}\n";

fn bank(config: &str) -> Workplace {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", config).unwrap();
    succeeds(&place, &["generate", "--quiet"]);
    place
}

fn succeeds(place: &Workplace, arguments: &[&str]) -> String {
    let finished = place.run(arguments).unwrap();
    assert_eq!(finished.code, 0, "{}{}", finished.stdout, finished.stderr);
    finished.stdout
}

/// The bytes of the feature table's two files.
fn features(place: &Workplace, arguments: &[&str]) -> [Vec<u8>; 2] {
    succeeds(place, &[&["features", "--quiet"], arguments].concat());
    ["parquet", "csv"].map(|extension| place.read(&format!("{STORE}.{extension}")).unwrap())
}

fn same(name: &str, a: &[Vec<u8>; 2], b: &[Vec<u8>; 2]) {
    // Not assert_eq: nobody wants to see the bytes.
    assert!(a == b, "{name}");
}

#[test]
fn format_order_memory_and_threads_change_nothing() {
    let place = bank(CONFIG);
    let expected = features(&place, &["--threads", "1"]);
    same("threads", &features(&place, &["--threads", "3"]), &expected);

    place.write("spill.yaml", &format!("{CONFIG}data_source: {{memory_mb: 0}}\n")).unwrap();
    same("rows put aside on disk", &features(&place, &["--config", "spill.yaml"]), &expected);
    let left =
        std::fs::read_dir(place.path("data/processed")).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| !name.to_string_lossy().ends_with(".lock")).collect();
    assert_eq!(left.len(), 3, "what was put aside is gone: {left:?}");

    let parquet = format!("{CONFIG}data_source: {{type: parquet, parquet: {{input_path: data/columns}}}}\n");
    place.write("parquet.yaml", &parquet).unwrap();
    succeeds(&place, &["generate", "--quiet", "--config", "parquet.yaml"]);
    same("Parquet", &features(&place, &["--config", "parquet.yaml"]), &expected);

    // Events in another order: every n-th row first. Those of one moment change places, too.
    for table in ["TRANSACTION", "COMMUNICATION", "DOCUMENT", "CONSENT", "CUSTOMER_ACCOUNT"] {
        let file = format!("data/raw/{table}.csv");
        let text = String::from_utf8(place.read(&file).unwrap()).unwrap();
        let (header, rows) = text.split_once('\n').unwrap();
        let rows: Vec<&str> = rows.lines().collect();
        let stride = (rows.len() / 3) | 1;
        let stride = (stride..).find(|stride| greatest_common_divisor(*stride, rows.len()) == 1).unwrap();
        let shuffled: Vec<&str> = (0..rows.len()).map(|row| rows[row * stride % rows.len()]).collect();
        assert_ne!(shuffled[..3], rows[..3]);
        place.write(&file, &format!("{header}\n{}\n", shuffled.join("\n"))).unwrap();
    }
    same("order of events", &features(&place, &[]), &expected);
    same("order, put aside", &features(&place, &["--config", "spill.yaml"]), &expected);
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// With first and last cut-offs in the config, rows that no feature can see are dropped on the way in.
#[test]
fn rows_that_no_feature_can_see_are_dropped_without_a_trace() {
    let definitions = "
feature_engineering:
  features:
    - {name: n, table: transactions, window: 30, aggregate: count}
    - {name: total, table: transactions, window: 90, aggregate: sum, column: TRANSACTIONAMOUNT}
    - {name: said, table: communications, aggregate: count}
";
    let place = bank(&format!("generate: {{customers: 400, start: 2025-01-01}}{definitions}"));
    let whole = String::from_utf8(features(&place, &[])[1].clone()).unwrap();
    let dates: Vec<&str> = whole.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
    let (first, last) = (*dates.iter().min().unwrap(), *dates.iter().max().unwrap());
    for (first, last) in [(first, last), ("2026-01-01", "2026-01-01")] {
        let config = format!("snapshots: {{first: {first}, last: {last}}}{definitions}");
        place.write("bounded.yaml", &config).unwrap();
        let bounded = String::from_utf8(features(&place, &["--config", "bounded.yaml"])[1].clone()).unwrap();
        let expected: Vec<&str> = whole
            .lines()
            .filter(|line| {
                let date = line.split(',').nth(1).unwrap();
                date == "CUTOFF" || (first..=last).contains(&date)
            })
            .collect();
        assert!(expected.len() > 100);
        assert_eq!(bounded.lines().collect::<Vec<_>>(), expected);
    }
    // There is somebody to look at, and time enough for what comes next; also where rows are dropped.
    for (snapshots, parts) in [
        (
            "first: 1999-01-01",
            ["snapshots.first: on 1999-01-01 nobody was a customer", "with customers is 2013-0"],
        ),
        (
            "first: 1999-01-01, last: 2026-01-01",
            ["snapshots.first: on 1999-01-01 nobody was a customer", "with customers is 2013-0"],
        ),
        ("data_end: 2027-06-30", ["snapshots.data_end: 2027-06-30 is ", "(2026-06-30)"]),
    ] {
        place.write("beyond.yaml", &format!("snapshots: {{{snapshots}}}{definitions}")).unwrap();
        let refused = place.run(&["features", "--config", "beyond.yaml"]).unwrap();
        assert_eq!(refused.code, 2, "{snapshots}: {}", refused.stderr);
        assert!(parts.iter().all(|part| refused.stderr.contains(part)), "{snapshots}: {}", refused.stderr);
    }
}

/// Whatever happens to rows at or after the cut-off, in all tables of the bank, only what was taken next may
/// change.
#[test]
fn the_future_changes_no_feature_and_nothing_that_is_held() {
    let config = "generate: {customers: 500}
snapshots: {first: 2025-10-01, last: 2025-10-01, data_end: 2026-06-30}
";
    let place = bank(config);
    let table = |place: &Workplace| {
        let [_, csv] = features(place, &[]);
        let text = String::from_utf8(csv).unwrap();
        let rows = text.lines().map(|line| {
            let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
            let label = cells.remove(2);
            (label, cells)
        });
        rows.unzip::<String, Vec<String>, Vec<_>, Vec<_>>()
    };
    let (labels, expected) = table(&place);
    for (name, time) in [
        ("TRANSACTION", "TRANSACTIONINITIATEDTIMESTAMP"),
        ("COMMUNICATION", "COMMUNICATIONSTARTTIMESTAMP"),
        ("DOCUMENT", "DOCUMENTCREATEDTIMESTAMP"),
        ("CONSENT", "TIMESTAMP"),
        ("CUSTOMER_ACCOUNT", "ORIGINATIONDATE"),
    ] {
        let file = format!("data/raw/{name}.csv");
        let text = String::from_utf8(place.read(&file).unwrap()).unwrap();
        let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
        let column = |name: &str| header.iter().position(|column| *column == name);
        let time = column(time).unwrap();
        let is_future = |cell: &str| cell >= "2025-10-01";
        let mut kept = vec![header.join(",")];
        let mut changed = 0;
        for (row, line) in text.lines().skip(1).enumerate() {
            let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
            // Even of a row of the past, that its account was closed later is the future.
            if let Some(closed) = column("CLOSEDDATE").filter(|closed| is_future(&cells[*closed])) {
                cells[closed] = if row % 2 == 0 { String::new() } else { "2026-06-01".into() };
            }
            if let Some(status) = column("ACCOUNTSTATUS") {
                cells[status] = "CLOSED".into();
            }
            if is_future(&cells[time]) {
                changed += 1;
                // Accounts are referred to, so they must stay; but which product it is may change.
                match name {
                    "CUSTOMER_ACCOUNT" => cells[column("PRODUCTID").unwrap()] = "CREDIT_CARD".into(),
                    _ if row % 3 == 0 => continue,
                    _ => {}
                }
                for amount in ["TRANSACTIONAMOUNT", "BALANCEAFTER", "PRINCIPALAMOUNT"] {
                    column(amount).into_iter().for_each(|amount| cells[amount] = "-77777".into());
                }
                cells[time] = if row % 2 == 0 { "2025-10-01" } else { "2026-06-30" }.into();
            }
            kept.push(cells.join(","));
        }
        assert!(changed > 50, "{name}: {changed}");
        place.write(&file, &(kept.join("\n") + "\n")).unwrap();
    }
    let (other_labels, actual) = table(&place);
    assert_eq!(actual, expected);
    assert_ne!(other_labels, labels, "the test did change the future");
}

#[test]
fn keys_of_events_are_unique_whatever_their_order() {
    let place = bank("generate: {customers: 50}");
    let file = "data/raw/TRANSACTION.csv";
    let text = String::from_utf8(place.read(file).unwrap()).unwrap();
    let expected = features(&place, &[]);
    let lines: Vec<&str> = text.lines().collect();
    place.write(file, &format!("{text}{}\n", lines[40])).unwrap();
    let finished = place.run(&["features"]).unwrap();
    assert_eq!(finished.code, 1);
    let key = lines[40].split(',').next().unwrap();
    let message = format!(
        "TRANSACTION.csv:{}: column TRANSACTIONID: the key \"{key}\" is there twice",
        lines.len() + 1
    );
    assert!(finished.stderr.contains(&message), "{}", finished.stderr);
    same("without the second one", &features(&place, &["--skip-bad-rows"]), &expected);
}

/// A row whose key was there before is left out, and what refers to the key means the first one.
#[test]
fn a_repeated_key_does_not_move_what_refers_to_it() {
    let place = bank("generate: {customers: 80}");
    let expected = features(&place, &[]);
    for file in ["CUSTOMER_ACCOUNT", "PARTY", "CUSTOMER"] {
        let file = format!("data/raw/{file}.csv");
        let text = String::from_utf8(place.read(&file).unwrap()).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.insert(30, lines[7]);
        place.write(&file, &(lines.join("\n") + "\n")).unwrap();
    }
    same("without the second ones", &features(&place, &["--skip-bad-rows"]), &expected);
}

#[test]
fn versions_of_the_table_are_named_by_their_content() {
    let config = "generate: {customers: 200}\nfeature_store: {formats: [parquet, delta]}\n";
    let place = bank(config);
    let version = |arguments: &[&str]| -> (String, u64) {
        let json: Value =
            serde_json::from_str(&succeeds(&place, &[&["features", "--json"], arguments].concat())).unwrap();
        (json["version"].as_str().unwrap().to_owned(), json["delta"]["version"].as_u64().unwrap())
    };
    let (first, zero) = version(&[]);
    assert_eq!(zero, 0);
    assert!(!place.path(format!("{STORE}.csv")).exists(), "CSV was not asked for");
    assert_eq!(version(&[]), (first.clone(), 0), "the same table is the same version");
    let manifest: Value = serde_json::from_slice(&place.read(&format!("{STORE}.json")).unwrap()).unwrap();
    assert_eq!(manifest["version"], first);
    assert_eq!(manifest["primaryKeys"][0], "CUSTOMERID");
    assert_eq!(manifest["timestampKey"], "CUTOFF");
    let of_age = manifest["columns"].as_array().unwrap().iter().find(|it| it["name"] == "age_years").unwrap();
    assert_eq!(of_age["description"], "age in years");

    place.write("other.yaml", &format!("{config}snapshots: {{every_months: 6}}\n")).unwrap();
    let (second, one) = version(&["--config", "other.yaml"]);
    assert!(second != first && one == 1);
    let log = String::from_utf8(place.read(&format!("{STORE}/_delta_log/{:020}.json", 1)).unwrap()).unwrap();
    let actions: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |action: &str| actions.iter().find_map(|it| it[action]["path"].as_str()).unwrap().to_owned();
    assert!(of("remove").contains(&first) && of("add").contains(&second));
    let data = place.read(&format!("{STORE}/{}", of("add"))).unwrap();
    assert!(data == place.read(&format!("{STORE}.parquet")).unwrap());

    place.write(&format!("{STORE}/_delta_log/_last_checkpoint"), "{}").unwrap();
    let finished = place.run(&["features"]).unwrap();
    assert_eq!(finished.code, 1);
    assert!(finished.stderr.contains("checkpoints"), "{}", finished.stderr);
}

#[test]
fn point_in_time_reads_give_the_latest_row_that_was_known() {
    let place = bank("generate: {customers: 100}");
    let [_, all] = features(&place, &[]);
    let all = String::from_utf8(all).unwrap();
    succeeds(&place, &["features", "--as-of", "2025-08-15"]);
    let name = "outputs/features/customer_product_features_as_of_2025-08-15.csv";
    let read = String::from_utf8(place.read(name).unwrap()).unwrap();
    assert!(read.starts_with("CUSTOMERID,CUTOFF,HELD_PRODUCTS,age_years,"), "what was taken next is unknown");
    let rows: Vec<&str> = read.lines().skip(1).collect();
    assert!(rows.len() > 80);
    for row in &rows {
        let cells: Vec<&str> = row.split(',').collect();
        assert_eq!(cells[1], "2025-07-01");
        let stored = all.lines().find(|line| line.starts_with(&format!("{},2025-07-01,", cells[0]))).unwrap();
        let stored: Vec<&str> = stored.split(',').collect();
        assert_eq!(cells[2..], stored[3..]);
    }

    let id = rows[5].split(',').next().unwrap();
    let asked = format!(
        "WHEN,CUSTOMERID\n2025-01-01,{id}\n2024-12-31,{id}\n,{id}\n2001-01-01,{id}\n2025-01-01,nobody\n"
    );
    place.write("asked.csv", &asked).unwrap();
    let said = succeeds(&place, &["features", "--as-of", "2025-08-15", "--entities", "asked.csv"]);
    assert!(said.contains("2 of those asked for had no row that early"), "{said}");
    let read = String::from_utf8(place.read(name).unwrap()).unwrap();
    let dates: Vec<&str> = read.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
    assert_eq!(dates, ["2025-01-01", "2024-10-01", "2025-07-01"]);

    for (arguments, message) in [
        (&["features", "--as-of", "yesterday"][..], "expected a date such as"),
        (&["features", "--as-of", "1999-01-01"], "no row is as old as 1999-01-01"),
    ] {
        let finished = place.run(arguments).unwrap();
        assert!(finished.code > 0 && finished.stderr.contains(message), "{}", finished.stderr);
    }
}
