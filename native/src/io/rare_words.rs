//! Words that few customers have, such as a name that someone typed into a column of cities. No bundle tells
//! them.

use nextbest_core::Error;
use nextbest_core::schema::{ColumnKind, Table};
use nextbest_core::train;
use serde::{Deserialize, Serialize};

use crate::io::feature_table::FeatureTable;
use crate::io::tables::{Bank, Part};

/// Words of a column that few customers have ([`train::fewest_with_a_word`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RareWords {
    /// The table.
    pub(crate) table: String,
    /// Its column.
    pub(crate) column: String,
    /// The words.
    pub(crate) words: Vec<String>,
}

/// A column of words.
struct Place<'s> {
    /// Where the table stands among those of events; `None` for the customers' own.
    events: Option<usize>,
    column: usize,
    table: &'s str,
    name: &'s str,
    words: &'s [String],
}

/// The rare words of a bank's tables.
///
/// # Errors
/// If rows that were put aside can't be read.
pub(crate) fn of_bank(bank: &Bank) -> anyhow::Result<Vec<RareWords>> {
    let definition = bank.schema.definition();
    let events = definition.tables.iter().enumerate().map(|(at, table)| (Some(at), table));
    let tables = std::iter::once((None, &definition.customer)).chain(events);
    let places: Vec<Place<'_>> = tables.flat_map(|(events, table)| places(events, table)).collect();
    let none = || places.iter().map(|place| vec![0usize; place.words.len()]).collect::<Vec<_>>();
    let mut customers = none();
    bank.each_part(
        |part| {
            let mut counts = none();
            places.iter().zip(&mut counts).for_each(|(place, counts)| count(part, place, counts));
            Ok(counts)
        },
        |counts| {
            let (all, added) = (customers.iter_mut().flatten(), counts.into_iter().flatten());
            all.zip(added).for_each(|(sum, count)| *sum += count);
            Ok(())
        },
    )?;
    let fewest = train::fewest_with_a_word(bank.ids.len());
    let rare = places.iter().zip(&customers).map(|(place, customers)| {
        let few = place.words.iter().zip(customers).filter(|(_, customers)| **customers < fewest);
        let words = few.map(|(word, _)| word.clone()).collect();
        RareWords { table: place.table.to_owned(), column: place.name.to_owned(), words }
    });
    Ok(rare.filter(|it| !it.words.is_empty()).collect())
}

fn places(events: Option<usize>, table: &Table) -> impl Iterator<Item = Place<'_>> {
    table.columns.iter().enumerate().filter_map(move |(column, it)| match &it.kind {
        ColumnKind::Category(words) => {
            Some(Place { events, column, table: &table.name, name: &it.name, words })
        }
        _ => None,
    })
}

/// Adds how many customers of a part have each word.
fn count(part: &Part, place: &Place<'_>, customers: &mut [usize]) {
    // Who was seen last with a word: each customer counts once.
    let mut last_seen = vec![usize::MAX; customers.len()];
    for (number, customer) in part.customers.iter().enumerate() {
        let attribute = [customer.attribute(place.column)];
        let codes = match place.events {
            Some(table) => customer.table(table).column(place.column),
            None => &attribute,
        };
        for code in codes.iter().filter(|code| !code.is_nan()) {
            let word = *code as usize;
            if let (Some(last), Some(count)) = (last_seen.get_mut(word), customers.get_mut(word))
                && *last != number
            {
                *last = number;
                *count += 1;
            }
        }
    }
}

/// The rare words of a plain table, whose features are its columns.
///
/// # Errors
/// If it does not have the features of each of its rows.
pub(crate) fn of_table(table: &FeatureTable) -> Result<Vec<RareWords>, Error> {
    let (layout, customers) = (&table.layout, table.customers());
    let rare = layout.features.iter().zip(table.matrix()?.columns()).filter_map(|(feature, values)| {
        let words = feature.words(&layout.schema)?;
        let flags = train::rare_words(values, &customers, words.len());
        let rare = words.iter().zip(flags).filter(|(_, is_rare)| *is_rare);
        Some(RareWords {
            table: layout.schema.definition().customer.name.clone(),
            column: feature.name.clone(),
            words: rare.map(|(word, _)| word.clone()).collect(),
        })
    });
    Ok(rare.filter(|it| !it.words.is_empty()).collect())
}
