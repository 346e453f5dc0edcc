//! Rare words, which few customers have, are withheld from a bundle's schema.

use std::collections::HashSet;

use nextbest_core::Error;
use nextbest_core::bundle::Bundle;
use nextbest_core::customers::words::{is_withheld, placeholder};
use nextbest_core::schema::{ColumnKind, Schema, SchemaDefinition, Task};
use serde_json::Value;

use crate::io::rare_words::RareWords;

/// Takes rare words out of a bundle's schema: whoever has one has an unknown word there. Those that a feature
/// or the policy names stay, since they are the bank's words and not a customer's. All others keep their
/// codes.
///
/// # Errors
/// If the schema does not become a sound one.
pub(crate) fn withhold(bundle: &mut Bundle, rare: &[RareWords]) -> Result<(), Error> {
    let named = named(bundle);
    let mut definition = bundle.schema.definition().clone();
    let label = match &definition.task {
        Task::Label { column } => Some(column.clone()),
        Task::NextProduct => None,
    };
    for table in std::iter::once(&mut definition.customer).chain(&mut definition.tables) {
        for column in table.columns.iter_mut().filter(|column| label.as_ref() != Some(&column.name)) {
            let of_column = rare.iter().find(|it| it.table == table.name && it.column == column.name);
            let (Some(rare), ColumnKind::Category(words)) = (of_column, &mut column.kind) else { continue };
            let rare: HashSet<&String> =
                rare.words.iter().filter(|word| !named.contains(word.as_str())).collect();
            for (code, word) in words.iter_mut().enumerate() {
                if rare.contains(&*word) {
                    *word = placeholder(code);
                }
            }
        }
    }
    bundle.schema = Schema::try_from(definition)?;
    Ok(())
}

/// Whether a bundle's words are these, but for those that it does not tell.
pub(crate) fn agree(told: &[String], all: &[String]) -> bool {
    told.len() == all.len() && told.iter().zip(all).all(|(told, word)| told == word || is_withheld(told))
}

/// How many words of how many columns a schema does not tell.
pub(crate) fn withheld(schema: &SchemaDefinition) -> (usize, usize) {
    let columns = std::iter::once(&schema.customer).chain(&schema.tables).flat_map(|table| &table.columns);
    let withheld = columns.map(|column| match &column.kind {
        ColumnKind::Category(words) => words.iter().filter(|word| is_withheld(word)).count(),
        _ => 0,
    });
    let withheld: Vec<usize> = withheld.filter(|words| *words > 0).collect();
    (withheld.iter().sum(), withheld.len())
}

/// All texts of the features, the policy and the products.
fn named(bundle: &Bundle) -> HashSet<String> {
    let definition = bundle.schema.definition();
    let parts = (&bundle.features, &bundle.policy, &definition.products, &definition.holdings);
    let mut open = vec![serde_json::to_value(parts).unwrap_or_default()];
    let mut named = HashSet::new();
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => drop(named.insert(text)),
            Value::Array(values) => open.extend(values),
            Value::Object(fields) => open.extend(fields.into_iter().map(|(_, value)| value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    named
}
