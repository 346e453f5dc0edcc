//! Files of both formats, from bytes to the schema, the features and the values that follow.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nextbest_core::features::{Expression, Transform};
use nextbest_core::schema::ColumnKind;
use nextbest_core::time::{Clock, DAY};
use parquet::data_type::{BoolType, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::*;
use crate::io::parquet_columns::write_column;
use crate::io::tables::batch::CellColumn;

fn in_a_file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn prepared(path: &Path, target: &str, time: Option<&str>) -> anyhow::Result<Prepared> {
    prepare(
        Source { file: path, target, id: None, time, clock: &Clock::default(), reading: Reading::default() },
        42,
    )
}

fn kinds(prepared: &Prepared) -> Vec<(String, ColumnKind)> {
    let columns = &prepared.table.layout.schema.customer().columns;
    columns.iter().map(|column| (column.name.clone(), column.kind.clone())).collect()
}

fn words(words: &[&str]) -> ColumnKind {
    ColumnKind::Category(words.iter().map(|word| (*word).to_owned()).collect())
}

/// Parquet says which columns are text: a postcode stays a word, and a bool is one.
#[test]
fn a_parquet_files_types_are_believed() {
    let schema = "message t {
        OPTIONAL DOUBLE amount;
        OPTIONAL BYTE_ARRAY postcode (UTF8);
        OPTIONAL INT64 at (TIMESTAMP(NANOS,false));
        REQUIRED BOOLEAN member;
        REQUIRED INT32 day (DATE);
        REQUIRED INT64 outcome;
    }";
    let rows = 40;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let file = File::create(&path).unwrap();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(WriterProperties::default())).unwrap();
    // In two groups, so that their order matters.
    for rows in [0..rows / 2, rows / 2..rows] {
        let mut group = writer.next_row_group().unwrap();
        let known: Vec<i16> = rows.clone().map(|row| i16::from(row % 4 != 0)).collect();
        let present = || rows.clone().filter(|row| row % 4 != 0);
        let amounts: Vec<f64> = present().map(|row| f64::from(row) / 4.0).collect();
        write_column::<DoubleType, _>(&mut group, &amounts, Some(&known)).unwrap();
        let postcodes: Vec<_> = present().map(|row| format!("0{}", row % 3).into_bytes().into()).collect();
        write_column::<ByteArrayType, _>(&mut group, &postcodes, Some(&known)).unwrap();
        let nanoseconds: Vec<i64> =
            present().map(|row| (i64::from(row) * DAY + 1) * 1_000_000_000 + 5).collect();
        write_column::<Int64Type, _>(&mut group, &nanoseconds, Some(&known)).unwrap();
        write_column::<BoolType, _>(
            &mut group,
            &rows.clone().map(|row| row % 2 == 0).collect::<Vec<_>>(),
            None,
        )
        .unwrap();
        write_column::<Int32Type, _>(&mut group, &rows.clone().collect::<Vec<_>>(), None).unwrap();
        let outcomes: Vec<i64> = rows.clone().map(|row| 10 - i64::from(row % 2)).collect();
        write_column::<Int64Type, _>(&mut group, &outcomes, None).unwrap();
        group.close().unwrap();
    }
    writer.close().unwrap();

    let without_time = prepared(&path, "outcome", None).unwrap();
    let expected = [
        ("amount", ColumnKind::Number),
        ("postcode", words(&["00", "01", "02"])),
        ("at", ColumnKind::Time),
        ("member", words(&["false", "true"])),
        ("day", ColumnKind::Time),
        ("outcome", words(&["9", "10"])),
    ];
    assert_eq!(kinds(&without_time), expected.map(|(name, kind)| (name.to_owned(), kind)));
    let table = &without_time.table;
    assert_eq!((table.len(), table.width()), (40, 5));
    let row = |number: usize| &table.values[number * 5..number * 5 + 5];
    assert!(row(8)[..3].iter().all(|value| value.is_nan()) && row(8)[3] == 1.0);
    let year = |days: f64| (1970.0 + days / 365.25) as f32;
    assert_eq!(row(25), [6.25, 1.0, year(25.0 + 1.0 / 86_400.0), 0.0, year(25.0)]);
    assert_eq!(table.labels[25], 0);

    // Seen from its own day, what happened within that day is not known yet.
    let with_time = prepared(&path, "outcome", Some("day")).unwrap();
    let features = &with_time.table.layout.features;
    assert!(features.iter().all(|feature| feature.name != "day"));
    let at = features.iter().position(|feature| feature.name == "at").unwrap();
    let Expression::Attribute { transform, .. } = &features[at].expression else { panic!("no attribute") };
    assert_eq!(*transform, Transform::DaysSince);
    assert!(with_time.table.matrix().unwrap().column(at).unwrap().all(f32::is_nan));
    assert_eq!(with_time.split.test, (32..40).collect::<Vec<_>>());
}

/// A model of a CSV file scores a Parquet file.
#[test]
fn a_truth_value_is_the_word_that_a_csv_file_has_for_it() {
    let rows: String = (0..30).map(|row| format!("{},{}\n", ["True", "False"][row % 2], row % 3)).collect();
    let (_folder, csv) = in_a_file("t.csv", format!("member,y\n{rows}").as_bytes());
    let schema = prepared(&csv, "y", None).unwrap().table.layout.schema.clone();
    let parquet = csv.with_extension("parquet");
    let message = Arc::new(parse_message_type("message t { REQUIRED BOOLEAN member; }").unwrap());
    let file = File::create(&parquet).unwrap();
    let mut writer = SerializedFileWriter::new(file, message, Arc::new(WriterProperties::default())).unwrap();
    let mut group = writer.next_row_group().unwrap();
    write_column::<BoolType, _>(&mut group, &[true, false], None).unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    let read = read_rows(
        &PlainTable::read(&parquet, &Clock::default(), Reading::default(), |_| true).unwrap(),
        &schema,
    )
    .unwrap();
    let codes: Vec<f64> = read.rows.iter().map(|row| row.attribute(0)).collect();
    assert_eq!((codes, read.unknown.len()), (vec![1.0, 0.0], 0));
}

#[test]
fn words_are_those_of_the_rows_that_learn() {
    let mut text = String::from("kind,n,outcome,day\n");
    for row in 0..100 {
        let kind = if row >= 90 { "new" } else { ["b", "a"][row % 2] };
        text += &format!("{kind},{row},{},2024-01-{:02}\n", row % 3, 1 + row / 4);
    }
    let (_folder, path) = in_a_file("t.csv", text.as_bytes());
    let prepared = prepared(&path, "outcome", Some("day")).unwrap();
    // No date is left that would be measured from the day, so the model does not need it.
    let expected =
        [("kind", words(&["a", "b"])), ("n", ColumnKind::Number), ("outcome", words(&["0", "1", "2"]))];
    assert_eq!(kinds(&prepared), expected.map(|(name, kind)| (name.to_owned(), kind)));
    let codes: Vec<f32> = prepared.table.matrix().unwrap().column(0).unwrap().collect();
    assert_eq!(codes[..2], [1.0, 0.0]);
    assert!(
        codes[90..].iter().all(|code| code.is_nan()),
        "a word of the test rows alone is unknown to the model"
    );
}

#[test]
fn whole_numbers_are_classes_however_they_are_written() {
    let (_folder, path) = in_a_file("t.csv", b"");
    let rows: String = (0..30).map(|row| format!("{row};{}\n", ["1,0", "2", "10.0"][row % 3])).collect();
    std::fs::write(&path, format!("n;y\n{rows}")).unwrap();
    let prepared = prepared(&path, "y", None).unwrap();
    assert_eq!(prepared.table.layout.schema.class_names(), ["1", "2", "10"]);
    assert_eq!(prepared.table.labels[..4], [0, 1, 2, 0]);
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_name() {
    let rows: String = (0..30).map(|row| format!("{row};\"a\";{}\r\n", row % 2)).collect();
    let (_folder, path) = in_a_file("t.csv", format!("\u{feff}\"first; name\";b;y\r\n{rows}").as_bytes());
    let table = PlainTable::read(&path, &Clock::default(), Reading::default(), |_| true).unwrap();
    assert_eq!(table.names(), "first; name, b, y");
    assert_eq!(table.len(), 30);
}

#[test]
fn what_is_not_utf_8_is_placed() {
    let rows: String = (0..30).map(|row| format!("{row},Bern,{}\n", row % 2)).collect();
    let bytes = [b"n,city,y\n1,Bern,0\n2,Z\xFCrich,1\n", rows.as_bytes()].concat();
    let (_folder, path) = in_a_file("t.csv", &bytes);
    let error = format!("{:#}", prepared(&path, "y", None).err().unwrap());
    assert!(error.contains("t.csv:3: column city: is not UTF-8"), "{error}");
}

#[test]
fn an_open_quotation_mark_is_placed() {
    let (_folder, path) = in_a_file("t.csv", b"n,city,y\n1,\"Bern,0\n2,Rome,1\n");
    let error = format!("{:#}", prepared(&path, "y", None).err().unwrap());
    assert!(error.contains("t.csv:2: the quotation mark that opens on line 2 is never closed"), "{error}");
}

/// What tests/oracles/parquet.py says of the file NAME.parquet, whose first column it writes to NAME.csv as
/// well.
#[derive(serde::Deserialize)]
struct ForeignFile {
    name: String,
    column: String,
    /// What the column is read as: `number`, `date` or `word`.
    kind: String,
    /// What an error has to say; `*` where there may be one; without, both files hold the same.
    error: Option<String>,
}

/// Run by tests/oracles/parquet.py, which sets the variable and writes what it names.
#[test]
#[ignore = "reads what tests/oracles/parquet.py writes"]
fn parquet_files_of_others_hold_what_their_csv_files_hold() {
    let folder = PathBuf::from(std::env::var("NEXTBEST_FOREIGN_FILES").unwrap());
    let list = std::fs::read_to_string(folder.join("files.json")).unwrap();
    let files: Vec<ForeignFile> = serde_json::from_str(&list).unwrap();
    let read =
        |name: String| PlainTable::read(&folder.join(name), &Clock::default(), Reading::default(), |_| true);
    let mut wrong = Vec::new();
    for ForeignFile { name, column, kind, error } in &files {
        let cells = |of: &dyn Fn(&CellColumn, usize) -> Result<String, String>| {
            let (foreign, csv) = (read(format!("{name}.parquet"))?, read(format!("{name}.csv"))?);
            Ok((foreign.map(foreign.column(column)?, of)?, csv.map(csv.column(column)?, of)?))
        };
        let number = |value: f64| if value.is_nan() { String::new() } else { format!("{value:?}") };
        let found: anyhow::Result<(Vec<String>, Vec<String>)> = match kind.as_str() {
            "number" => cells(&|cells, row| cell::number(cells, row, false).map(number)),
            "date" => cells(&|cells, row| cell::time(cells, &Clock::default(), row).map(number)),
            _ => cells(&|cells, row| Ok(cell::word(cells, row)?.unwrap_or_default().into_owned())),
        };
        match (found, error) {
            // Read or refused, but without a panic.
            (_, Some(error)) if error == "*" => {}
            (Err(found), Some(error)) if format!("{found:#}").contains(error) => {}
            (Err(found), _) => wrong.push(format!("{name}: {found:#}")),
            (Ok(_), Some(error)) => wrong.push(format!("{name}: is read, expected an error with {error:?}")),
            (Ok((foreign, csv)), None) => {
                if foreign.len() != csv.len() {
                    wrong.push(format!("{name}: {} rows, not {}", foreign.len(), csv.len()));
                }
                let differ = foreign.iter().zip(&csv).enumerate().filter(|(_, (a, b))| a != b);
                wrong.extend(
                    differ.take(3).map(|(row, (a, b))| format!("{name}: row {row}: {a:?}, CSV {b:?}")),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{} files:\n{}", files.len(), wrong.join("\n"));
    assert!(files.len() > 50);
}
