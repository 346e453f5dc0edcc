//! A small bank for tests, and the tests of the schema.

use super::*;

pub(crate) fn column(name: &str, kind: ColumnKind) -> Column {
    Column { name: name.into(), kind, current: false }
}

pub(crate) fn words(words: &[&str]) -> ColumnKind {
    ColumnKind::Category(words.iter().map(|word| (*word).to_string()).collect())
}

pub(crate) fn product(id: &str, name: &str) -> Product {
    Product { id: id.into(), name: name.into(), min_age: None, repeatable: false, value: None }
}

/// A small bank: accounts that hold two products, transactions.
pub(crate) fn small_definition() -> SchemaDefinition {
    SchemaDefinition {
        customer: Table {
            name: "customer".into(),
            time: None,
            columns: vec![
                column("SINCE", ColumnKind::Time),
                column("BORN", ColumnKind::Time),
                column("CITY", words(&["Bern", "Rome"])),
            ],
        },
        established: Some("SINCE".into()),
        birth_date: Some("BORN".into()),
        tables: vec![
            Table {
                name: "accounts".into(),
                time: Some("OPENED".into()),
                columns: vec![
                    column("OPENED", ColumnKind::Time),
                    column("CLOSED", ColumnKind::Time),
                    column("PRODUCT", words(&["L", "C", "X"])),
                    column("AMOUNT", ColumnKind::Number),
                    Column { name: "STATUS".into(), kind: words(&["open"]), current: true },
                ],
            },
            Table {
                name: "transactions".into(),
                time: Some("AT".into()),
                columns: vec![
                    column("AT", ColumnKind::Time),
                    column("AMOUNT", ColumnKind::Number),
                    column("TYPE", words(&["SALARY", "CARD"])),
                ],
            },
        ],
        holdings: vec![HoldingDefinition {
            table: "accounts".into(),
            product: HoldingProduct::Column("PRODUCT".into()),
            closed: Some("CLOSED".into()),
        }],
        products: vec![
            Product { min_age: Some(18.0), value: Some(100.0), ..product("L", "Loan") },
            Product { repeatable: true, value: Some(10.0), ..product("C", "Card") },
        ],
        horizon_days: 90,
        clock: Clock::default(),
        task: Task::NextProduct,
    }
}

/// A plain table: one row per case; `OUTCOME` is predicted.
pub(crate) fn plain_definition() -> SchemaDefinition {
    SchemaDefinition {
        customer: Table {
            name: "row".into(),
            time: Some("SEEN".into()),
            columns: vec![
                column("SEEN", ColumnKind::Time),
                column("SIGNED", ColumnKind::Time),
                column("AGE", ColumnKind::Number),
                column("CITY", words(&["Bern", "Rome", "True"])),
                column("OUTCOME", words(&["bad", "good", "none"])),
            ],
        },
        established: None,
        birth_date: None,
        tables: Vec::new(),
        holdings: Vec::new(),
        products: Vec::new(),
        horizon_days: 0,
        clock: Clock::default(),
        task: Task::Label { column: "OUTCOME".into() },
    }
}

pub(crate) fn plain_schema() -> Schema {
    plain_definition().try_into().unwrap()
}

pub(crate) fn small_schema() -> Schema {
    small_definition().try_into().unwrap()
}

#[test]
fn a_sound_definition_is_resolved() {
    let schema = small_schema();
    assert_eq!(schema.class_names(), ["NONE", "Loan", "Card"]);
    assert_eq!((schema.class_count(), schema.none_class(), schema.label()), (3, Some(0), None));
    assert_eq!(schema.time_column(1), Some(0));
    assert_eq!(schema.closed_column(0), Some(1));
    assert_eq!(
        schema.holdings()[0].product,
        ProductSource::Column { column: 2, product_of_code: vec![Some(0), Some(1), None] }
    );
}

#[test]
fn contradictions_are_named() {
    type Spoil = fn(&mut SchemaDefinition);
    let cases: [(Spoil, &str); 13] = [
        (|d| d.established = Some("NOPE".into()), "no column `NOPE` (established)"),
        (|d| d.established = None, "`established` is missing"),
        (|d| d.birth_date = Some("CITY".into()), "`customer.CITY` (birth_date) must be a date"),
        (|d| d.tables[1].name = "accounts".into(), "table `accounts` is declared twice"),
        (|d| d.tables[0].columns[1].name = "OPENED".into(), "`OPENED` is declared twice"),
        (|d| d.tables[0].time = None, "needs a time column"),
        (|d| d.holdings.clear(), "no holdings"),
        (|d| d.holdings.push(d.holdings[0].clone()), "holdings table `accounts` is declared twice"),
        (
            |d| {
                d.tables.extend((0..63).map(|n| Table { name: n.to_string(), time: None, columns: vec![] }));
            },
            "65 event tables, more than 64",
        ),
        (
            |d| {
                d.customer.columns = (0..4097).map(|n| column(&n.to_string(), ColumnKind::Time)).collect();
            },
            "table `customer` has 4097 columns, more than 4096",
        ),
        (|d| d.products[1].id = "L".into(), "product id `L` is declared twice"),
        (|d| d.products[0].name = "NONE".into(), "no product may be called NONE"),
        (|d| d.horizon_days = 0, "expected 1 to 3660"),
    ];
    for (spoil, message) in cases {
        let mut definition = small_definition();
        spoil(&mut definition);
        let error = Schema::try_from(definition).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn a_plain_table_has_the_labels_words_for_classes() {
    let schema = plain_schema();
    assert_eq!(schema.class_names(), ["bad", "good", "none"]);
    assert_eq!((schema.class_count(), schema.none_class()), (3, None));
    assert_eq!((schema.label(), schema.row_time(), schema.established()), (Some(4), Some(0), None));
    assert!(schema.products().is_empty());
}

#[test]
fn contradictions_of_a_plain_table_are_named() {
    type Spoil = fn(&mut SchemaDefinition);
    let label = |column: &str| Task::Label { column: column.into() };
    let mut cases: Vec<(Spoil, &str)> = vec![
        (|d| d.established = Some("SEEN".into()), "a plain table with a label can't have established"),
        (|d| d.products.push(product("L", "Loan")), "can't have products"),
        (|d| d.tables.push(Table { name: "t".into(), time: None, columns: vec![] }), "can't have tables"),
        (|d| d.horizon_days = 90, "can't have horizon_days"),
        (|d| d.customer.time = Some("AGE".into()), "`row.AGE` (time) must be a date"),
        (
            |d| d.customer.columns[4].kind = words(&["one"]),
            "`row.OUTCOME` (label) has 1 different words, expected 2 to 64",
        ),
        (|d| d.customer.columns[4].kind = words(&["one", "two", "one"]), "class `one` is declared twice"),
        (|d| d.customer.columns[4].kind = words(&["one", ""]), "a class has an empty name"),
        (|d| d.task = Task::NextProduct, "there are 0 products, expected 1 to 63"),
    ];
    cases.push((
        |d| {
            let many = (0..65).map(|word| word.to_string()).collect();
            d.customer.columns[4].kind = ColumnKind::Category(many);
        },
        "has 65 different words",
    ));
    for (spoil, message) in cases {
        let mut definition = plain_definition();
        spoil(&mut definition);
        let error = Schema::try_from(definition).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    for (column, message) in
        [("NOPE", "no column `NOPE` (label)"), ("AGE", "`row.AGE` (label) must be a category")]
    {
        let definition = SchemaDefinition { task: label(column), ..plain_definition() };
        let error = Schema::try_from(definition).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}
