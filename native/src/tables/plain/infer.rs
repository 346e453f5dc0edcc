//! What the columns of a plain table hold: numbers, dates or words; and the schema and features that follow.

use std::collections::BTreeSet;

use nextbest_core::features::{Expression, FeatureDefinition, Transform};
use nextbest_core::model::bins::MAX_BINS;
use nextbest_core::schema::{Column, ColumnKind, Schema, SchemaDefinition, Table, Task};
use rayon::prelude::*;
use serde::Serialize;

use super::super::batch::CellColumn;
use super::{PlainTable, cell};

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
    pub(super) left_out: Vec<LeftOut>,
}

/// A column that nothing is made of.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LeftOut {
    pub(crate) column: String,
    pub(crate) why: String,
}

/// Makes a feature of every column that something can be learned from. `learning` are the rows that a model learns from:
/// only words that stand there are known.
///
/// # Errors
/// Where no column is left, or there are more than a schema has.
pub(super) fn describe(
    table: &PlainTable,
    roles: Roles,
    classes: Vec<String>,
    learning: &[usize],
) -> anyhow::Result<Described> {
    let of_role = [Some(roles.target), roles.id, roles.time];
    let is_left_out = |column: &usize| {
        let name = name(table, *column);
        table.header.left_out.iter().any(|it| it.column == name)
    };
    let candidates: Vec<usize> = (0..table.columns.len())
        .filter(|column| !of_role.contains(&Some(*column)) && !is_left_out(column))
        .collect();
    let found = candidates
        .into_par_iter()
        .map(|column| Ok((column, find(table, column, learning)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let roles_are = |name: &String| of_role.iter().flatten().any(|role| self::name(table, *role) == *name);
    let mut left_out: Vec<LeftOut> =
        table.header.left_out.iter().filter(|it| !roles_are(&it.column)).cloned().collect();
    let (mut columns, mut features) = (Vec::new(), Vec::new());
    for (position, found) in found {
        let name = name(table, position);
        match found {
            Found::Nothing(why) => left_out.push(LeftOut { column: name, why }),
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
    let time = roles.time.filter(|_| has_dates).map(|column| name(table, column));
    columns.extend(time.iter().map(|name| Column {
        name: name.clone(),
        kind: ColumnKind::Time,
        current: false,
    }));
    let target = name(table, roles.target);
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
    let is_text = table.typed && table.is_text(column);
    let as_number = |cells: &CellColumn, row| cell::number(cells, row, table.decimal_comma);
    // The words of an empty column would be numbers as well as dates.
    let words = table.map(column, |cells, row| Ok(cell::word(cells, row)?.map(|word| word.into_owned())))?;
    if words.iter().all(Option::is_none) {
        return nothing("every cell is missing");
    }
    let values = match is_text {
        true => None,
        false => table.map(column, as_number).ok().map(|numbers| (ColumnKind::Number, numbers)),
    };
    let values = values
        .or_else(|| Some((ColumnKind::Time, table.map(column, |cells, row| table.time(cells, row)).ok()?)));
    if let Some((kind, values)) = values {
        let is_constant = values.windows(2).all(|pair| matches!(pair, [a, b] if a == b));
        return if is_constant { nothing("every row has the same value") } else { Ok(Found::Kind(kind)) };
    }
    let known: Vec<&str> = learning.iter().filter_map(|row| words.get(*row)?.as_deref()).collect();
    let distinct: BTreeSet<&str> = known.iter().copied().collect();
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

fn name(table: &PlainTable, column: usize) -> String {
    table.columns.get(column).map(|column| column.name.clone()).unwrap_or_default()
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

impl PlainTable {
    /// Whether the file holds a column as text.
    pub(super) fn is_text(&self, column: usize) -> bool {
        let position = self.columns.get(column).map_or(usize::MAX, |column| column.position);
        self.parts.iter().any(|part| matches!(part.columns.get(position), Some(CellColumn::Text(_))))
    }
}
