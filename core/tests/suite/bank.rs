//! Random banks: a schema, a customer's rows and a cut-off among them.

use nextbest_core::customers::{Columns, Customers};
use nextbest_core::schema::{
    Column, ColumnKind, HoldingDefinition, HoldingProduct, Product, Schema, SchemaDefinition, Table, Task,
};
use nextbest_core::time::{Clock, DAY};
use proptest::collection::vec;
use proptest::prelude::*;

/// A value in a bank's table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Missing,
    Number(f64),
    Time(i64),
    Word(String),
}

/// Values in the order of the table's columns.
pub(crate) type Row = Vec<Cell>;

/// One customer of a bank.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) schema: SchemaDefinition,
    pub(crate) attributes: Row,
    /// Rows by table.
    pub(crate) tables: Vec<Vec<Row>>,
    pub(crate) cutoff: i64,
}

impl Case {
    pub(crate) fn schema(&self) -> Schema {
        self.schema.clone().try_into().unwrap()
    }

    /// The customer in the core's representation.
    pub(crate) fn customers(&self) -> Customers {
        group(std::slice::from_ref(self))
    }
}

/// The customers of one bank in the core's representation.
pub(crate) fn group(cases: &[Case]) -> Customers {
    let schema = &cases[0].schema;
    let attributes: Vec<Row> = cases.iter().map(|case| case.attributes.clone()).collect();
    let tables = schema.tables.iter().enumerate().map(|(position, table)| {
        let rows: Vec<Row> = cases.iter().flat_map(|case| case.tables[position].clone()).collect();
        let offsets = (0..=cases.len()).map(|upto| {
            let before = cases[..upto].iter();
            before.map(|case| case.tables[position].len()).sum()
        });
        (columns(table, &rows), offsets.collect())
    });
    Customers::new(&cases[0].schema(), columns(&schema.customer, &attributes), tables.collect()).unwrap()
}

fn columns(table: &Table, rows: &[Row]) -> Columns {
    let column = |(position, column): (usize, &Column)| {
        rows.iter().map(|row| number(&column.kind, &row[position])).collect()
    };
    Columns::new(table.columns.iter().enumerate().map(column).collect(), rows.len()).unwrap()
}

fn number(kind: &ColumnKind, cell: &Cell) -> f64 {
    match (kind, cell) {
        (_, Cell::Missing) => f64::NAN,
        (ColumnKind::Number, Cell::Number(number)) => *number,
        (ColumnKind::Time, Cell::Time(time)) => *time as f64,
        (ColumnKind::Category(words), Cell::Word(word)) => {
            words.iter().position(|other| other == word).map_or(f64::NAN, |code| code as f64)
        }
        _ => panic!("{cell:?} in a column of {kind:?}"),
    }
}

/// A random customer of a random bank, at a random cut-off; some times equal the cut-off or are a second
/// away.
pub(crate) fn cases() -> impl Strategy<Value = Case> {
    (schemas(), cutoffs()).prop_flat_map(|(schema, cutoff)| rows_of(schema, cutoff))
}

/// A random customer of a bank at a cut-off.
pub(crate) fn rows_of(schema: SchemaDefinition, cutoff: i64) -> impl Strategy<Value = Case> {
    let attributes = rows(&schema.customer, cutoff);
    let tables: Vec<_> = schema.tables.iter().map(|table| vec(rows(table, cutoff), 0..10)).collect();
    (Just(schema), attributes, tables).prop_map(move |(schema, attributes, tables)| Case {
        schema,
        attributes,
        tables,
        cutoff,
    })
}

/// Before and after 1970, at midnight and not.
pub(crate) fn cutoffs() -> impl Strategy<Value = i64> {
    prop_oneof![(-20_000..40_000i64).prop_map(|days| days * DAY), -2_000_000_000..4_000_000_000i64]
}

/// Banks of one to three tables, the first of which holds products; the second may.
pub(crate) fn schemas() -> impl Strategy<Value = SchemaDefinition> {
    let extra = || vec(kinds(), 0..3);
    (vec(products(), 1..4), extra(), vec((any::<bool>(), extra()), 1..4), any::<[bool; 4]>(), 1..=200u32)
        .prop_map(|(mut products, attributes, tables, flags, horizon_days)| {
            for (position, product) in products.iter_mut().enumerate() {
                product.id = format!("P{position}");
                product.name = format!("Product {position}");
            }
            let [born, closed, second, second_closed] = flags;
            let mut tables: Vec<Table> = tables
                .into_iter()
                .enumerate()
                .map(|(position, (dated, extra))| table(position, dated || position == 0, &products, extra))
                .collect();
            let end = |given: bool| given.then(|| "END".to_owned());
            let mut holdings = vec![HoldingDefinition {
                table: tables[0].name.clone(),
                product: HoldingProduct::Column("PRODUCT".into()),
                closed: end(closed),
            }];
            if let Some(table) = tables.get_mut(1).filter(|table| second && table.time.is_some()) {
                holdings.push(HoldingDefinition {
                    table: table.name.clone(),
                    product: HoldingProduct::Always("P0".into()),
                    closed: end(second_closed),
                });
            }
            let mut columns = vec![column("SINCE", ColumnKind::Time), column("BORN", ColumnKind::Time)];
            columns.extend(named(attributes));
            SchemaDefinition {
                customer: Table { name: "customer".into(), time: None, columns },
                established: Some("SINCE".into()),
                birth_date: born.then(|| "BORN".into()),
                tables,
                holdings,
                products,
                horizon_days,
                task: Task::NextProduct,
                clock: Clock::default(),
            }
        })
}

fn table(position: usize, dated: bool, products: &[Product], extra: Vec<ColumnKind>) -> Table {
    // Not in the order of the products, and with one that is not declared.
    let ids = products.iter().rev().map(|product| product.id.clone()).chain(["foreign".to_owned()]);
    let mut columns = vec![
        column("N", ColumnKind::Number),
        column("AT", ColumnKind::Time),
        column("PRODUCT", ColumnKind::Category(ids.collect())),
        column("END", ColumnKind::Time),
    ];
    columns.extend(named(extra));
    Table { name: format!("table{position}"), time: dated.then(|| "AT".into()), columns }
}

fn named(kinds: Vec<ColumnKind>) -> impl Iterator<Item = Column> {
    kinds.into_iter().enumerate().map(|(position, kind)| column(&format!("X{position}"), kind))
}

fn column(name: &str, kind: ColumnKind) -> Column {
    Column { name: name.into(), kind, current: false }
}

fn products() -> impl Strategy<Value = Product> {
    (proptest::option::of(0.0..60.0), any::<bool>(), 0.0..1000.0).prop_map(|(min_age, repeatable, value)| {
        Product { id: String::new(), name: String::new(), min_age, repeatable, value: Some(value) }
    })
}

fn kinds() -> impl Strategy<Value = ColumnKind> {
    let words = (1..4u8).prop_map(|count| (0..count).map(|word| format!("w{word}")).collect());
    prop_oneof![
        2 => Just(ColumnKind::Number),
        1 => Just(ColumnKind::Time),
        2 => words.prop_map(ColumnKind::Category),
    ]
}

fn rows(table: &Table, cutoff: i64) -> impl Strategy<Value = Row> + use<> {
    table.columns.iter().map(|column| cells(&column.kind, cutoff)).collect::<Vec<_>>()
}

pub(crate) fn cells(kind: &ColumnKind, cutoff: i64) -> BoxedStrategy<Cell> {
    match kind {
        ColumnKind::Number => prop_oneof![
            1 => Just(Cell::Missing),
            1 => Just(Cell::Number(-0.0)),
            4 => (-3..=3i32).prop_map(|number| Cell::Number(number.into())),
            2 => (-1e6..1e6).prop_map(Cell::Number),
            1 => prop_oneof![Just(1e300), Just(-1e300), Just(1e-300)].prop_map(Cell::Number),
        ]
        .boxed(),
        ColumnKind::Time => prop_oneof![
            1 => Just(Cell::Missing),
            4 => (-10..10i64).prop_map(move |half_days| Cell::Time(cutoff + half_days * DAY / 2)),
            2 => (-2..=2i64).prop_map(move |seconds| Cell::Time(cutoff + seconds)),
            2 => (-20_000..400i64).prop_map(move |days| Cell::Time(cutoff + days * DAY)),
        ]
        .boxed(),
        ColumnKind::Category(words) => {
            let unheard_of = [Cell::Missing, Cell::Word("unheard of".into())];
            let words = words.iter().cloned().map(Cell::Word).chain(unheard_of);
            proptest::sample::select(words.collect::<Vec<_>>()).boxed()
        }
    }
}
