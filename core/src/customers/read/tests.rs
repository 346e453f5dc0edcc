use super::super::is_unknown;
use super::*;
use crate::schema::tests::{plain_schema, small_schema};

fn read(json: &str) -> Result<Customers, Error> {
    read_customer(&small_schema(), json)
}

#[test]
fn reads_rows_as_the_schema_has_them() {
    let customers = read(
        r#"{"customer": {"SINCE": "1970-01-02", "CITY": "Rome", "unknown": [1, {}]}, "other": 3,
            "accounts": [{"OPENED": "1970-01-03 00:00:01", "PRODUCT": "C", "AMOUNT": 12.5},
                         {"OPENED": "1970-01-04", "PRODUCT": "never seen", "AMOUNT": null}],
            "transactions": null}"#,
    )
    .unwrap();
    let customer = customers.get(0).unwrap();
    assert_eq!(customer.attribute(0), 86_400.0);
    assert!(customer.attribute(1).is_nan());
    assert_eq!(customer.attribute(2), 1.0);
    let accounts = customer.table(0);
    assert_eq!(accounts.column(0), [172_801.0, 259_200.0]);
    assert_eq!(accounts.column(2)[0], 1.0);
    assert!(is_unknown(accounts.column(2)[1]), "which is not the same as missing");
    assert!(accounts.column(3)[1].is_nan() && !is_unknown(accounts.column(3)[1]));
    assert!(customer.table(1).is_empty());
}

#[test]
fn a_wrong_type_is_an_error_with_its_path() {
    for (json, message) in [
        ("[]", "customer: expected an object with the customer's tables, got a list"),
        ("{}", "customer: missing: expected an object with the attributes"),
        (r#"{"customer": 1}"#, "customer: expected an object, got 1"),
        (r#"{"customer": {"SINCE": 5}}"#, "customer.SINCE: expected a date such as"),
        (r#"{"customer": {"SINCE": "2024-02-31"}}"#, "got \"2024-02-31\""),
        (r#"{"customer": {}, "accounts": {}}"#, "accounts: expected a list of rows, got an object"),
        (r#"{"customer": {}, "accounts": [3]}"#, "accounts[0]: expected an object, got 3"),
        (
            r#"{"customer": {}, "accounts": [{"OPENED": "2024-01-01"}, {"AMOUNT": "abc"}]}"#,
            "accounts[1].AMOUNT: expected a number, got \"abc\"",
        ),
        (r#"{"customer": {}, "accounts": [{"AMOUNT": 1}]}"#, "accounts[0].OPENED: missing"),
        (
            r#"{"customer": {}, "transactions": [{"TYPE": 0.5}]}"#,
            "transactions[0].TYPE: expected a word, got 0.5",
        ),
    ] {
        let error = read(json).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    assert_eq!(read("{").unwrap_err().code(), "customer/json");
}

#[test]
fn what_can_be_no_table_or_row_has_a_code_of_its_own() {
    for json in [
        "[]",
        "null",
        "{}",
        r#"{"customer": null}"#,
        r#"{"customer": []}"#,
        r#"{"customer": !"an instance of Map"}"#,
        r#"{"customer": {}, "accounts": {}}"#,
        r#"{"customer": {}, "accounts": "x"}"#,
        r#"{"customer": {}, "accounts": [null]}"#,
        r#"{"customer": {}, "accounts": [[]]}"#,
        r#"{"customer": {}, "accounts": [!"an invalid Date"]}"#,
    ] {
        assert_eq!(read(json).unwrap_err().code(), "customer/type", "{json}");
    }
}

#[test]
fn what_a_column_can_not_hold_is_refused_by_name_and_elsewhere_means_nothing() {
    for (cell, in_number, in_time, in_word) in [
        ("1e999", "Infinity", "Infinity", "Infinity"),
        ("-Infinity", "-Infinity", "-Infinity", "-Infinity"),
        (r#""1e999""#, "\"1e999\"", "\"1e999\"", ""),
        (r#""inf""#, "\"inf\"", "\"inf\"", ""),
        ("9007199254740992.0", "", "9007199254740992", "9007199254740992"),
        ("true", "true", "true", ""),
        ("[1]", "a list", "a list", "a list"),
        (r#"!"a function""#, "a function", "a function", "a function"),
        (r#""Ro\ud83d""#, "half of a surrogate pair", "half of a surrogate pair", ""),
        ("NaN", "", "", ""),
        ("null", "", "", ""),
        (r#""""#, "", "", ""),
        (r#"" \u0000\u00a0""#, "", "", ""),
    ] {
        for (column, expected) in
            [("AMOUNT", in_number), ("CLOSED", in_time), ("PRODUCT", in_word), ("NOTE", "")]
        {
            let json = format!(
                r#"{{"customer": {{}}, "accounts": [{{"OPENED": "2020-01-01", "{column}": {cell}}}]}}"#
            );
            let message = read(&json).map_or_else(|error| error.to_string(), |_| String::new());
            let is_refused = message.starts_with(&format!("accounts[0].{column}: expected a "));
            assert_eq!(is_refused, !expected.is_empty(), "{json}: {message}");
            assert!(message.contains(expected), "{json}: {message}");
        }
    }
}

fn known(json: &str) -> Result<Read, Error> {
    super::read(&small_schema(), Some("ID"), false, &Value::Written(json))
}

#[test]
fn ids_keep_their_digits() {
    for (id, expected) in [
        ("7", Some("7")),
        ("7.0", Some("7")),
        ("9007199254740993", Some("9007199254740993")),
        ("18446744073709551617", Some("18446744073709551617")),
        ("-12", Some("-12")),
        (r#""007""#, Some("007")),
        (r#"" C-1\u0000\u0000""#, Some("C-1")),
        (r#""7.0""#, Some("7")),
        (r#""  ""#, None),
        ("null", None),
        ("NaN", None),
    ] {
        let read = known(&format!(r#"{{"customer": {{"ID": {id}}}}}"#)).unwrap();
        assert_eq!((read.id.as_deref(), read.ignored.len()), (expected, 0), "{id}");
    }
    for id in ["9007199254740992.0", "9.007199254740992e15", "0.5", "true", "[]", "Infinity", r#""\ud800""#] {
        let error = known(&format!(r#"{{"customer": {{"ID": {id}}}}}"#)).unwrap_err().to_string();
        assert!(error.starts_with("customer.ID: expected a string, or an integer that keeps"), "{error}");
    }
}

#[test]
fn names_that_are_not_known_are_told_or_refused() {
    let json = r#"{"customer": {"ID": 1, "SINCES": null}, "acounts": [], "transactions": [
        {"WHEN": "2020-01-01", "TYP": 1}, {"TYP": 2, "WHEN": "2020-01-01", "\ud83d": 1}]}"#;
    let schema = small_schema();
    let time = &schema.tables()[1].columns[schema.time_column(1).unwrap()].name;
    let json = json.replace("WHEN", time);
    let expected = ["customer.SINCES", "transactions.TYP", "transactions.\u{fffd}", "acounts"];
    assert_eq!(known(&json).unwrap().ignored, expected);
    let refused = super::read(&schema, Some("ID"), true, &Value::Written(&json)).unwrap_err();
    assert_eq!(refused.code(), "customer/unknown");
    assert_eq!(refused.to_string(), "customer.SINCES: the model reads no column of this name; is it SINCE?");
}

fn read_plain(json: &str) -> Result<Customers, Error> {
    read_customer(&plain_schema(), json)
}

#[test]
fn a_plain_tables_row_is_the_object_itself() {
    let rows = read_plain(
        r#"{"SEEN": "1970-01-02", "AGE": 39.5, "CITY": true, "OUTCOME": "good", "NAME": {"first": "A"}}"#,
    )
    .unwrap();
    let row = rows.get(0).unwrap();
    assert_eq!([0, 2, 3, 4].map(|column| row.attribute(column)), [86_400.0, 39.5, 2.0, 1.0]);
    assert!(row.attribute(1).is_nan());
    for (city, unknown) in
        [("\"Oslo\"", true), ("false", true), ("7", true), ("\" \"", false), ("null", false)]
    {
        let row = read_plain(&format!(r#"{{"AGE": null, "CITY": {city}}}"#)).unwrap();
        let value = row.get(0).unwrap().attribute(3);
        assert!(value.is_nan() && is_unknown(value) == unknown, "{city}");
    }
}

#[test]
fn missing_is_said_in_a_plain_table_as_its_files_say_it() {
    for missing in [r#""NA""#, r#"" n/a ""#, r#""NaN""#, r#""NULL""#, r#""?""#, r#""""#, "NaN", "null"] {
        let json = format!(r#"{{"SIGNED": {missing}, "AGE": {missing}, "CITY": {missing}}}"#);
        let rows = read_plain(&json).unwrap();
        let row = rows.get(0).unwrap();
        let is_missing = |column| row.attribute(column).is_nan() && !is_unknown(row.attribute(column));
        assert!((1..4).all(is_missing), "{json}");
    }
    let namibia = read(r#"{"customer": {"CITY": "NA"}}"#).unwrap();
    assert!(is_unknown(namibia.get(0).unwrap().attribute(2)), "a word, in a bank's tables");
}

#[test]
fn what_does_not_fit_a_plain_table_is_named_by_its_column() {
    for (json, message) in [
        ("[]", "row: expected an object, got a list"),
        (r#"{"AGE": "39"}"#, "AGE: expected a number, got \"39\""),
        (r#"{"SIGNED": 2020}"#, "SIGNED: expected a date such as"),
        (r#"{"CITY": 0.5}"#, "CITY: expected a word, got 0.5"),
        (
            r#"{"Age": 39}"#,
            "row: none of its columns is one that the model reads, such as SEEN, SIGNED, AGE, CITY",
        ),
    ] {
        let error = read_plain(json).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    assert_eq!(read_plain("{").unwrap_err().code(), "customer/json");
}
