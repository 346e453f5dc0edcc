use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Value<'_>, Error> {
    Value::parse(text, 3)
}

#[test]
fn numbers_keep_their_digits() {
    let digits = |text| parse(text).unwrap().digits().map(Cow::into_owned);
    for text in ["0", "-7", "9007199254740993", "18446744073709551617", "123456789012345678901234567890"] {
        assert_eq!(digits(text).as_deref(), Some(text));
    }
    assert_eq!(digits("12.0").as_deref(), Some("12"));
    assert_eq!(digits("1e3").as_deref(), Some("1000"));
    for text in ["9007199254740992.0", "1e21", "1e999", "0.5", "NaN", "Infinity", "-Infinity"] {
        assert_eq!(digits(text), None, "{text}");
    }
    assert_eq!(parse("0.30000000000000004").unwrap().number(), Some(0.1 + 0.2));
    assert!(parse("NaN").unwrap().number().unwrap().is_nan());
    for (text, shown) in [("1e999", "Infinity"), ("-1e999", "-Infinity"), ("1.50", "1.5"), ("7", "7")] {
        assert_eq!(parse(text).unwrap().to_string(), shown);
    }
}

#[test]
fn half_a_surrogate_pair_is_a_text_of_its_own() {
    let text = |json| parse(json).unwrap();
    assert_eq!(text(r#""\ud83d\ude00\u00e9\n\/""#), Value::Text("😀é\n/".into()));
    for half in [r#""\ud83d""#, r#""\ude00""#, r#""a\ud83db""#, r#""\ud83d\u0041""#, r#""\ud83d\ud83d""#] {
        assert!(matches!(text(half), Value::HalfText(_)), "{half}");
    }
    assert_eq!(text(r#""\ud83d\ud83d\ude00""#), Value::HalfText("\u{fffd}😀".into()));
    assert_eq!(
        parse(r#"{"\ud83d": 1}"#).unwrap(),
        Value::Object(vec![("\u{fffd}".into(), Value::Number("1"))])
    );
}

#[test]
fn what_is_nested_deeper_is_kept_as_it_is_written() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let text = format!(r#"{{"a": [{{"b": [1, {{"]": 2}}] , "d": 3}}], "c": {deep}}}"#);
    let value = Value::parse(&text, 2).unwrap();
    let row = Value::Written(r#"{"b": [1, {"]": 2}] , "d": 3}"#);
    assert_eq!(value.field("a"), Some(&Value::List(vec![row])));
    assert!(matches!(value.field("c"), Some(Value::List(_))));
    assert_eq!(value.field("a").unwrap().to_string(), "a list");
}

#[test]
fn what_has_no_json_is_told() {
    let value = parse(r#"{"a": !"a Map", "a": [!"a function"]}"#).unwrap();
    assert_eq!(value.field("a"), Some(&Value::List(vec![Value::Other("a function".into())])));
    assert_eq!(Value::Other("a Map".into()).to_string(), "a Map");
}

#[test]
fn what_is_no_json_is_placed() {
    for (text, message) in [
        ("", "expected a value at line 1, column 1"),
        ("{\n \"é\": 01}", "expected a number at line 2, column 9"),
        ("[1,]", "expected a value at line 1, column 4"),
        ("{\"a\" 1}", "expected a colon at line 1, column 6"),
        ("{a: 1}", "expected a name at line 1, column 2"),
        ("[1] 2", "expected the end at line 1, column 5"),
        ("\"a\nb\"", "expected a string without control characters at line 1, column 3"),
        (r#""\x""#, "expected an escape that JSON has at line 1, column 4"),
        (r#""\u12""#, "expected four hexadecimal digits at line 1, column 4"),
        ("nul", "expected null at line 1, column 1"),
        ("[[[[1", "expected a bracket at line 1, column 6"),
    ] {
        assert_eq!(parse(text).unwrap_err(), Error::Json(message.into()), "{text}");
    }
    for text in ["-", "1.", ".5", "+1", "1e", "tru", "\"", "{", "[", "'a'", "undefined", "{\"a\":1,}", "-NaN"]
    {
        assert!(parse(text).is_err(), "{text}");
    }
}

fn as_serde_reads(value: &Value<'_>) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(written) => serde_json::from_str(written).unwrap(),
        Value::Text(text) => text.as_ref().into(),
        Value::List(items) => items.iter().map(as_serde_reads).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.to_string(), as_serde_reads(value))).collect()
        }
        Value::HalfText(_) | Value::Written(_) | Value::Other(_) => panic!("serde_json has no {value}"),
    }
}

proptest! {
    /// Texts that look like JSON are read, or refused, as serde_json does.
    #[test]
    fn reads_what_serde_json_reads(text in r#"([\[\]{}:,"\\ ]|"[a-z\\]{0,2}"|-?[0-9]{1,2}|0\.5|1e-3|null|true|\\u00e9){0,12}"#) {
        match (Value::parse(&text, 100), serde_json::from_str::<serde_json::Value>(&text)) {
            (Ok(ours), Ok(theirs)) => prop_assert_eq!(as_serde_reads(&ours), theirs),
            (ours, theirs) => prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{}: {:?}, \
                {:?}", text, ours, theirs),
        }
    }

    #[test]
    fn reads_any_text_back(text: String, number: f64, whole: u64) {
        prop_assume!(number.is_finite());
        let json = serde_json::json!({ &text: [number, whole, text, { "deep": [text] }] }).to_string();
        let value = Value::parse(&json, 100).unwrap();
        let Some(Value::List(items)) = value.field(&text) else { panic!("{json}") };
        prop_assert_eq!(items[0].number(), Some(number));
        prop_assert_eq!(items[1].digits().unwrap(), whole.to_string());
        prop_assert_eq!(&items[2], &Value::Text(text.as_str().into()));
    }

    #[test]
    fn no_text_breaks_it(text: String, depth in 0usize..4) {
        let _ = Value::parse(&text, depth);
    }
}
