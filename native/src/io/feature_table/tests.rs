//! What is written of a feature table is read again, whatever things are called.

use nextbest_core::features::{Expression, Test, Transform};
use nextbest_core::schema::{
    Column, ColumnKind, HoldingDefinition, HoldingProduct, Product, SchemaDefinition, Table, Task,
};
use proptest::collection::{hash_set, vec};
use proptest::prelude::*;
use serde_json::Value;

use super::delta::Commit;
use super::*;

fn name() -> impl Strategy<Value = String> {
    prop_oneof![r#"[-=+@,;|.`/\\"'\n\té a]{1,6}"#, "NA|true|007|1.50", r"\PC{1,20}", "x{900}"]
        .prop_map(|text| format!("{text}n"))
}

fn schema(products: &[String]) -> Schema {
    let date = |name: &str| Column { name: name.into(), kind: ColumnKind::Time, current: false };
    let table = |name: &str, time: Option<&str>| Table {
        name: name.into(),
        time: time.map(Into::into),
        columns: vec![date("SINCE")],
    };
    let product = |(id, name): (usize, &String)| Product {
        id: id.to_string(),
        name: name.clone(),
        min_age: None,
        repeatable: false,
        value: None,
    };
    let taken = HoldingProduct::Always("0".into());
    let definition = SchemaDefinition {
        customer: table("customer", None),
        established: Some("SINCE".into()),
        birth_date: None,
        tables: vec![table("loans", Some("SINCE"))],
        holdings: vec![HoldingDefinition { table: "loans".into(), product: taken, closed: None }],
        products: products.iter().enumerate().map(product).collect(),
        horizon_days: 90,
        task: Task::NextProduct,
        clock: Default::default(),
    };
    Schema::try_from(definition).unwrap()
}

fn feature(name: &str) -> FeatureDefinition {
    let expression = Expression::Attribute { column: "SINCE".into(), transform: Transform::DaysSince };
    FeatureDefinition { name: name.into(), group: name.into(), label: name.into(), expression, missing: None }
}

/// Tables of odd names and numbers, of no rows and no features too.
fn tables() -> impl Strategy<Value = FeatureTable> {
    let row = (any::<String>(), -700_000i64..2_900_000, any::<usize>(), any::<u64>(), vec(any::<u32>(), 3));
    let names = (vec(name(), 3), hash_set(name(), 0..4), hash_set(name(), 1..4), vec(name(), 3));
    (names, vec(row, 0..4)).prop_filter_map("two columns of one name", |(names, rows)| {
        let (leading, features, products, rare) = names;
        let products: Vec<String> = products.into_iter().collect();
        let [key_column, cutoff_column, label_column] = leading.try_into().ok()?;
        let [table, column, word] = <[String; 3]>::try_from(rare).ok()?;
        let layout = Layout {
            key_column,
            cutoff_column,
            label_column,
            schema: schema(&products),
            features: features.iter().map(|name| feature(name)).collect(),
            rare_words: vec![RareWords { table, column, words: vec![word] }],
        };
        layout.check_names().ok()?;
        let mut table = FeatureTable::empty(&Arc::new(layout));
        for (id, day, label, held, bits) in rows {
            table.ids.push(id);
            table.cutoffs.push(day * DAY);
            table.labels.push(label % (products.len() + 1));
            let mut products_held = ProductSet::default();
            let held = (0..products.len()).filter(|product| held & (1 << product) != 0);
            held.for_each(|product| products_held.insert(product));
            table.held.push(products_held);
            table.values.extend(bits.iter().take(features.len()).map(|bits| f32::from_bits(*bits)));
        }
        Some(table)
    })
}

fn write(table: &FeatureTable, parquet: &Path, csv: &Path) {
    let [parquet, csv] = [parquet, csv].map(|path| File::create(path).unwrap());
    let mut writer = FeatureTableWriter::new(&table.layout, parquet, Some(csv)).unwrap();
    writer.push(table.clone()).unwrap();
    assert_eq!(writer.finish().unwrap(), table.len());
}

/// The bits of numbers; all that are none are missing, and one.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn tables_are_read_again(table in tables()) {
        let folder = tempfile::tempdir().unwrap();
        let [parquet, csv] = ["t.parquet", "t.csv"].map(|file| folder.path().join(file));
        write(&table, &parquet, &csv);
        let read = FeatureTable::read_parquet(&parquet).unwrap();
        prop_assert_eq!(bits(&read.values), bits(&table.values));
        // All but those, of which some are NaN.
        let rest = |table: FeatureTable| FeatureTable { values: Vec::new(), ..table };
        prop_assert_eq!(rest(read), rest(table.clone()));
        prop_assert_eq!(read_labels(&parquet).unwrap(), (table.labels.clone(), table.held.clone()));

        let mut reader = ::csv::Reader::from_path(&csv).unwrap();
        let names = table.layout.leading().into_iter();
        let names = names.chain(table.layout.features.iter().map(|feature| feature.name.as_str()));
        prop_assert!(reader.headers().unwrap().iter().eq(names));
        for (row, cells) in reader.records().enumerate() {
            let cells = cells.unwrap();
            prop_assert_eq!(&cells[0], &table.ids[row]);
            prop_assert_eq!(&cells[2], table.label_name(row).unwrap());
            let values = cells.iter().skip(4).map(|cell| if cell.is_empty() { f32::NAN } else { cell.parse().unwrap() });
            let width = table.width();
            prop_assert_eq!(bits(&values.collect::<Vec<_>>()), bits(&table.values[row * width..(row + 1) * width]));
        }
    }

    #[test]
    fn a_manifest_tells_the_sources_of_its_table_and_of_no_other(
        table in tables(),
        words in vec(any::<String>(), 2),
        sources in vec((any::<String>(), any::<String>()), 0..3),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let [parquet, csv] = ["t.parquet", "t.csv"].map(|file| folder.path().join(file));
        write(&table, &parquet, &csv);
        let (rows, cutoffs) = (table.len(), words.clone());
        let manifest =
            Manifest::new(&words[0], &words[1], &table.layout, &parquet, rows, cutoffs, sources.clone()).unwrap();
        crate::io::output::write_json(&parquet.with_extension("json"), &manifest).unwrap();
        prop_assert_eq!(sources_of(&parquet).unwrap(), sources);
        std::fs::write(&parquet, "another").unwrap();
        prop_assert_eq!(sources_of(&parquet).unwrap(), vec![]);
    }

    /// Each version is read when the next one is written: what it holds is not written again, and what it
    /// held is removed.
    #[test]
    fn the_log_of_delta_is_read_again(versions in vec((tables(), any::<String>()), 1..4)) {
        let folder = tempfile::tempdir().unwrap();
        let [parquet, csv, delta] = ["t.parquet", "t.csv", "delta"].map(|file| folder.path().join(file));
        let (mut written, mut files, mut metadata) = (0, Vec::new(), Value::Null);
        for (table, description) in &versions {
            write(table, &parquet, &csv);
            let commit = || delta::commit(&delta, &parquet, &table.layout, description).unwrap();
            let Commit::Written(version) = commit() else { continue };
            prop_assert_eq!(version, written);
            prop_assert_eq!(commit(), Commit::Unchanged(version));
            let entry = std::fs::read_to_string(delta.join(format!("_delta_log/{version:020}.json"))).unwrap();
            let actions = || entry.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            for path in actions().filter_map(|action| Some(action["remove"]["path"].as_str()?.to_owned())) {
                files.retain(|file| *file != path);
            }
            files.extend(actions().filter_map(|action| Some(action["add"]["path"].as_str()?.to_owned())));
            metadata = actions().find_map(|action| action.get("metaData").cloned()).unwrap_or(metadata);
            prop_assert_eq!(files.len(), 1, "{:?}", files);
            prop_assert_eq!(std::fs::read(delta.join(&files[0])).unwrap(), std::fs::read(&parquet).unwrap());
            let schema: Value = serde_json::from_str(metadata["schemaString"].as_str().unwrap()).unwrap();
            let fields = schema["fields"].as_array().unwrap().iter().map(|field| field["name"].as_str().unwrap());
            let names = table.layout.leading().into_iter();
            prop_assert!(fields.eq(names.chain(table.layout.features.iter().map(|it| it.name.as_str()))));
            written += 1;
        }
    }

    /// A bundle computes what stands in the table: with the very numbers, of however many digits.
    #[test]
    fn the_numbers_of_features_are_read_again(bits in any::<u64>(), words in any::<Vec<String>>()) {
        let number = f64::from_bits(bits);
        prop_assume!(number.is_finite());
        let tests = vec![Test::Equals(number), Test::Below(number), Test::In(words)];
        let text = serde_json::to_string(&tests).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vec<Test>>(&text).unwrap(), tests);
    }
}
