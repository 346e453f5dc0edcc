//! The synthetic bank as a user generates it: formats, slices, threads.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use nextbest_tests::Workplace;

const PROGRAM: &str = env!("CARGO_BIN_EXE_nextbest-under-test");

/// The tables of customers, and those that belong to no customer.
const OF_CUSTOMERS: [&str; 8] = [
    "ADDRESS",
    "PARTY",
    "CUSTOMER",
    "CUSTOMER_ACCOUNT",
    "TRANSACTION",
    "COMMUNICATION",
    "DOCUMENT",
    "CONSENT",
];
const OF_NOBODY: [&str; 2] = ["BANKING_PRODUCT", "CHANNEL"];

fn generated(place: &Workplace, arguments: &[&str]) {
    let run = place.run(&[&["generate", "--quiet"], arguments].concat()).unwrap();
    assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
}

/// A CSV file's header, and the rest.
fn header_and_rows(place: &Workplace, file: &str) -> (String, String) {
    let text = String::from_utf8(place.read(file).unwrap()).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    (header.to_owned(), rows.to_owned())
}

#[test]
fn slices_put_together_are_the_whole() {
    let place = Workplace::new(PROGRAM).unwrap();
    for dirty in ["0", "0.02"] {
        generated(&place, &["--customers", "1000", "--output", "whole", "--dirty", dirty]);
        generated(&place, &["--customers", "0..300", "--output", "first", "--dirty", dirty]);
        generated(&place, &["--customers", "300..1000", "--output", "second", "--dirty", dirty]);
        for table in OF_CUSTOMERS {
            let part = |folder: &str| header_and_rows(&place, &format!("{folder}/{table}.csv"));
            let ((header, mut rows), (other, more), whole) = (part("first"), part("second"), part("whole"));
            assert!(!rows.is_empty() && !more.is_empty(), "{table}");
            assert_eq!(header, other);
            rows.push_str(&more);
            assert!((header, rows) == whole, "{table}, {dirty} damaged: the slices differ from the whole");
        }
        for table in OF_NOBODY {
            let read = |folder: &str| place.read(&format!("{folder}/{table}.csv")).unwrap();
            assert_eq!(read("whole"), read("second"));
        }
    }
}

#[test]
fn threads_change_no_byte_of_any_format() {
    let place = Workplace::new(PROGRAM).unwrap();
    for format in ["csv", "parquet"] {
        for threads in ["1", "2", "5"] {
            let folder = format!("{format}{threads}");
            generated(
                &place,
                &["--customers", "2500", "--format", format, "--threads", threads, "--output", &folder],
            );
        }
        for table in OF_CUSTOMERS.iter().chain(&OF_NOBODY) {
            let read = |threads| place.read(&format!("{format}{threads}/{table}.{format}")).unwrap();
            assert!(read("1") == read("2") && read("2") == read("5"), "{table}.{format}");
        }
    }
}

#[test]
fn another_seed_is_another_bank() {
    let place = Workplace::new(PROGRAM).unwrap();
    for seed in ["1", "2"] {
        generated(&place, &["--customers", "50", "--seed", seed, "--output", seed]);
    }
    assert_ne!(place.read("1/TRANSACTION.csv").unwrap(), place.read("2/TRANSACTION.csv").unwrap());
}

#[test]
fn nonsense_is_a_usage_error_that_says_what_to_do() {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", "data_source: {type: parquet}\ngenerate: {dirty_rate: 0.1}").unwrap();
    for (arguments, expected) in [
        (["--customers", "5..2"], "expected how many customers (1000), or the first"),
        (["--customers", "a.."], "expected how many customers (1000), or the first"),
        (["--customers", "5..2000000000"], "give a range a..b with a < b"),
        (["--format", "xlsx"], "possible values: csv, parquet"),
        (["--customers", "10"], "generate.dirty_rate: is 0.1, but only CSV can be damaged"),
    ] {
        let run = place.run(&[&["generate"], arguments.as_slice()].concat()).unwrap();
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(expected), "{arguments:?}: {}", run.stderr);
    }
    assert!(!place.path("data").exists());
}
