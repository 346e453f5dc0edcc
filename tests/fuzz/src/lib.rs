//! What a hostile bundle has to go through: decoding, and all that may be done with what decodes.

pub mod mutation;

use nextbest_core::customers::read_customer;
use nextbest_core::recommend::Options;
use nextbest_core::schema::{ColumnKind, SchemaDefinition, Table, Task};
use nextbest_core::{Error, Recommender};
use serde_json::{Map, Value, json};

/// Decodes bytes, scores and explains where they decode, and gives whether they did.
pub fn withstand(bytes: &[u8]) -> bool {
    let read = read(bytes);
    read.iter().for_each(put_to_use);
    read.is_some()
}

/// Decodes bytes. A bundle tests itself and scores a row.
pub fn read(bytes: &[u8]) -> Option<Recommender> {
    match Recommender::load(bytes) {
        Ok(recommender) => {
            let _ = recommender.bundle().self_test();
            let _ = recommender.scorer().score(&recommender.bundle().reference);
            Some(recommender)
        }
        Err(error) => {
            assert!(matches!(error, Error::Bundle(_)), "{error:?}");
            None
        }
    }
}

/// Scores a row and some rows, which must give the same, and explains an answer.
pub fn put_to_use(recommender: &Recommender) {
    let width = recommender.bundle().features.len();
    let values = [f32::NAN, f32::NEG_INFINITY, -1.0, 0.5, 3.0, 400.0, f32::INFINITY];
    let rows: Vec<f32> =
        (0..width * 5).map(|n| values.get((n * 3 + n / 7) % 7).copied().unwrap_or_default()).collect();
    let mut scorer = recommender.scorer();
    let row = rows.get(..width).unwrap_or_default();
    let one = scorer.score(row).map(<[f32]>::to_vec).unwrap_or_default();
    let batch = scorer.score_batch(&rows, 5).unwrap_or_default();
    let sum: f32 = one.iter().sum();
    assert!((sum - 1.0).abs() <= 1e-5 && one.iter().all(|share| (0.0..=1.0).contains(share)), "{one:?}");
    let same = one.iter().zip(&batch).all(|(one, batch)| one.to_bits() == batch.to_bits());
    assert!(same && batch.len() == 5 * one.len(), "a batch scores other than a row");
    explain(recommender);
}

/// Answers for a customer who has one row everywhere.
fn explain(recommender: &Recommender) {
    let definition = recommender.schema().definition();
    let json = customer(definition).to_string();
    let Ok(read) = read_customer(recommender.schema(), &json) else { return };
    let Some(customer) = read.get(0) else { return };
    let as_of = nextbest_core::time::parse("2024-01-01").unwrap_or_default();
    match definition.task {
        Task::Label { .. } => {
            let _ = recommender.predict(&customer, as_of);
        }
        Task::NextProduct => {
            let _ = recommender.recommend(&customer, Options { explain: true, ..Options::new(as_of, 3) });
        }
    }
}

fn customer(definition: &SchemaDefinition) -> Value {
    let of_customer = row(&definition.customer);
    if let Task::Label { .. } = definition.task {
        return of_customer;
    }
    let tables = definition.tables.iter().map(|table| (table.name.clone(), json!([row(table)])));
    let mut all: Map<String, Value> = tables.collect();
    all.insert(definition.customer.name.clone(), of_customer);
    Value::Object(all)
}

fn row(table: &Table) -> Value {
    let value = |kind: &ColumnKind| match kind {
        ColumnKind::Number => json!(12.5),
        ColumnKind::Time => json!("2023-11-30"),
        ColumnKind::Category(words) => json!(words.first()),
    };
    table
        .columns
        .iter()
        .map(|column| (column.name.clone(), value(&column.kind)))
        .collect::<Map<_, _>>()
        .into()
}
