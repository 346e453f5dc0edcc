//! Information about the bank's customers that a bundle discloses to its holder.

use nextbest_core::bundle::Bundle;
use nextbest_core::monitor::profile::LEAST_CUSTOMERS;
use nextbest_core::schema::ColumnKind;
use serde::Serialize;

use crate::app::number::count;
use crate::privacy::withheld;

/// A part of the bundle, and what it discloses.
#[derive(Debug, Serialize)]
pub(crate) struct Disclosure {
    pub(crate) part: &'static str,
    pub(crate) tells: String,
}

/// Of each part that tells something.
pub(crate) fn gives_away(bundle: &Bundle) -> Vec<Disclosure> {
    let says = |part, tells| Disclosure { part, tells };
    let edges: usize = (0..bundle.bins.feature_count()).map(|feature| bundle.bins.edges(feature).len()).sum();
    let schema = bundle.schema.definition();
    let tables = std::iter::once(&schema.customer).chain(&schema.tables);
    let words: usize = tables
        .flat_map(|table| &table.columns)
        .map(|column| match &column.kind {
            ColumnKind::Category(words) => words.len(),
            _ => 0,
        })
        .sum();
    let (withheld, columns) = withheld::withheld(schema);
    let not_told = match withheld {
        0 => String::new(),
        _ => format!("; {} of {columns} columns, which few customers have, were withheld", count(withheld)),
    };
    let profile = bundle.profile.as_ref().map_or_else(
        || "nothing: there is none".to_owned(),
        |profile| {
            let rows = count(profile.rows as usize);
            format!("how {rows} rows spread, in counts of {LEAST_CUSTOMERS} customers or more; rounded ends")
        },
    );
    let card = &bundle.card;
    vec![
        says("golden rows", format!("nobody: {} rows drawn from the bins by chance", bundle.goldens.len())),
        says("reference", "of each feature a rounded median of the training rows".into()),
        says(
            "bins",
            format!("{} numbers between customers’ values, by which the model splits", count(edges)),
        ),
        says("profile", profile),
        says(
            "words",
            format!("{} words of the bank’s tables{not_told}", count(words.saturating_sub(withheld))),
        ),
        says(
            "card",
            format!("metrics, {} segments, {} names of files", card.segments.len(), card.sources.len()),
        ),
    ]
}
