//! What the columns of a plain table hold: numbers, dates or words; and the schema and features that follow.

use std::collections::BTreeSet;

use nextbest_core::customers::words;
use nextbest_core::features::{Expression, FeatureDefinition, Transform};
use nextbest_core::model::bins::MAX_BINS;
use nextbest_core::schema::{Column, ColumnKind, Schema, SchemaDefinition, Table, Task};
use rayon::prelude::*;
use serde::Serialize;

use super::cell;
use super::kind::Kind;
use super::table::PlainTable;

/// What the user says of the columns, by position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Roles {
    /// What is predicted.
    pub(super) target: usize,
    /// What identifies a row.
    pub(super) id: Option<usize>,
    /// When a row is seen from.
    pub(super) time: Option<usize>,
}

/// A plain table, understood.
pub(super) struct Described {
    pub(super) schema: Schema,
    pub(super) features: Vec<FeatureDefinition>,
    pub(super) left_out: Vec<SkippedColumn>,
}

/// A column that is not used, and why.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SkippedColumn {
    pub(crate) column: String,
    pub(crate) why: String,
}

/// Makes a feature of every column that something can be learned from. `learning` are the rows that a model
/// learns from: only words that stand there are known.
///
/// # Errors
/// If no column is left, or there are more than a schema has.
pub(super) fn describe(
    table: &PlainTable,
    roles: Roles,
    classes: Vec<String>,
    learning: &[usize],
) -> anyhow::Result<Described> {
    let of_role = [Some(roles.target), roles.id, roles.time];
    let is_left_out = |column: &usize| {
        let name = table.name(*column);
        table.header.left_out.iter().any(|it| it.column == name)
    };
    let candidates: Vec<usize> = (0..table.columns.len())
        .filter(|column| !of_role.contains(&Some(*column)) && !is_left_out(column))
        .collect();
    let found = candidates
        .into_par_iter()
        .map(|column| Ok((column, find(table, column, learning)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let roles_are = |name: &String| of_role.iter().flatten().any(|role| table.name(*role) == *name);
    let mut left_out: Vec<SkippedColumn> =
        table.header.left_out.iter().filter(|it| !roles_are(&it.column)).cloned().collect();
    let (mut columns, mut features) = (Vec::new(), Vec::new());
    for (position, found) in found {
        let name = table.name(position);
        match found {
            Found::Nothing(why) => left_out.push(SkippedColumn { column: name, why }),
            Found::Kind(kind) => {
                let transform = match (&kind, roles.time) {
                    (ColumnKind::Time, Some(_)) => Transform::DaysSince,
                    (ColumnKind::Time, None) => Transform::Year,
                    _ => Transform::Value,
                };
                features.push(feature(&name, transform));
                columns.push(Column { name, kind, current: false });
            }
        }
    }
    if features.is_empty() {
        let why: Vec<String> = left_out.iter().map(|it| format!("{} ({})", it.column, it.why)).collect();
        anyhow::bail!(
            "{}: there is no column to learn from; left out: {}",
            table.file.display(),
            if why.is_empty() { "none".to_owned() } else { why.join(", ") }
        );
    }
    // Rows are seen from their time only where something is measured from there.
    let has_dates = columns.iter().any(|column| column.kind == ColumnKind::Time);
    let time = roles.time.filter(|_| has_dates).map(|column| table.name(column));
    columns.extend(time.iter().map(|name| Column {
        name: name.clone(),
        kind: ColumnKind::Time,
        current: false,
    }));
    let target = table.name(roles.target);
    columns.push(Column { name: target.clone(), kind: ColumnKind::Category(classes), current: false });
    let schema = SchemaDefinition {
        customer: Table { name: "row".into(), time, columns },
        established: None,
        birth_date: None,
        tables: Vec::new(),
        holdings: Vec::new(),
        products: Vec::new(),
        horizon_days: 0,
        task: Task::Label { column: target },
        clock: table.clock.clone(),
    };
    Ok(Described { schema: schema.try_into()?, features, left_out })
}

enum Found {
    Kind(ColumnKind),
    /// Nothing can be learned from it, and why.
    Nothing(String),
}

fn find(table: &PlainTable, column: usize, learning: &[usize]) -> anyhow::Result<Found> {
    let nothing = |why: &str| Ok(Found::Nothing(why.to_owned()));
    let kind = table.kind(column)?;
    if kind != Kind::Word {
        let values = table.read_as(column, kind)?;
        let is_constant = values.windows(2).all(|pair| matches!(pair, [a, b] if a == b));
        let kind = if kind == Kind::Number { ColumnKind::Number } else { ColumnKind::Time };
        return match () {
            () if values.iter().all(|value| value.is_nan()) => nothing("every cell is missing"),
            () if is_constant => nothing("every row has the same value"),
            () => Ok(Found::Kind(kind)),
        };
    }
    let words = table.map(column, |cells, row| Ok(cell::word(cells, row)?.map(|word| word.into_owned())))?;
    if words.iter().all(Option::is_none) {
        return nothing("every cell is missing");
    }
    let known: Vec<&str> = learning.iter().filter_map(|row| words.get(*row)?.as_deref()).collect();
    let distinct = distinct_words(known.iter().copied());
    if distinct.is_empty() {
        return nothing("it has no word in the rows that train");
    }
    // With a word of its own for every other row, it is an id or a text.
    if distinct.len() > MAX_BINS || (distinct.len() > 2 && distinct.len() * 2 > known.len()) {
        return nothing(&format!(
            "{} different words in {} cells: an id or a text",
            distinct.len(),
            known.len()
        ));
    }
    if distinct.len() == 1 && words.iter().all(Option::is_some) {
        return nothing("every row that trains has the same word");
    }
    Ok(Found::Kind(ColumnKind::Category(distinct.into_iter().map(str::to_owned).collect())))
}

/// The different words, in order; of those that say the same truth value or whole number, the first.
pub(super) fn distinct_words<'w>(words: impl Iterator<Item = &'w str>) -> Vec<&'w str> {
    let mut distinct: Vec<&str> = words.collect::<BTreeSet<_>>().into_iter().collect();
    // Of very many nothing is made.
    if distinct.len() <= MAX_BINS {
        let mut kept: Vec<&str> = Vec::new();
        distinct.retain(|word| {
            let is_new = !kept.iter().any(|other| words::says_the_same(other, word));
            kept.extend(is_new.then_some(*word));
            is_new
        });
    }
    distinct
}

fn feature(column: &str, transform: Transform) -> FeatureDefinition {
    let label = match transform {
        Transform::DaysSince => format!("days since {column}"),
        Transform::Year => format!("year of {column}"),
        _ => column.to_owned(),
    };
    FeatureDefinition {
        name: column.to_owned(),
        group: "table".into(),
        label,
        expression: Expression::Attribute { column: column.to_owned(), transform },
        missing: None,
    }
}
