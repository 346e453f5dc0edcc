//! The customers, which are the same however they are requested, and the links between their rows.

use super::*;

#[test]
fn a_customer_is_the_same_whatever_the_range_and_the_order() {
    let every = DriftKind::ALL.map(|kind| drift(kind, 0.4, Some("2024-02-20")));
    let twice = [every, every].concat();
    for (dirty_rate, drifts) in [(0.0, vec![]), (0.1, vec![]), (0.0, every.to_vec()), (0.1, twice)] {
        let of = |customers| {
            let drifts = drifts.clone();
            Bank::new(BankParams { customers, dirty_rate, drifts, ..BankParams::default() }).unwrap()
        };
        let (whole, part) = (of(0..60), of(20..40));
        let in_whole = text(&whole, 20..40);
        assert_eq!(in_whole, text(&part, 20..40));
        let _elsewhere = part.customer(39).unwrap();
        assert_eq!(whole.customer(20).unwrap(), part.customer(20).unwrap());
    }
    let other = Bank::new(BankParams { seed: 43, customers: 20..40, ..BankParams::default() }).unwrap();
    assert_ne!(other.customer(20).unwrap(), bank(20..40, 0.0).customer(20).unwrap());
}

#[test]
fn a_customer_outside_the_range_is_an_error() {
    let error = bank(20..40, 0.0).customer(40).unwrap_err();
    assert_eq!(error, SynthError::NoSuchCustomer { index: 40, customers: 20..40 });
    assert_eq!(error.to_string(), "customer 40: the bank has the customers 20..40");
}

#[test]
fn keys_are_unique_and_lead_somewhere() {
    let tables = text(&bank(0..1_500, 0.0), 0..1_500);
    let column = |table: Table, name: &str| -> Vec<&str> {
        let at = table.column_names().position(|column| column == name).unwrap();
        tables[&table].lines().map(|line| line.split(',').nth(at).unwrap()).collect()
    };
    let mut keys: HashMap<&str, HashSet<&str>> = HashMap::new();
    for table in TABLES {
        let names: Vec<_> = table.column_names().collect();
        assert!(tables[&table].lines().count() > 0, "{table:?} is empty");
        assert!(tables[&table].lines().all(|line| line.split(',').count() == names.len()), "{table:?}");
        for &Column { name, .. } in table.columns().iter().filter(|column| column.role == table::Role::Key) {
            let values = column(table, name);
            let unique: HashSet<_> = values.iter().copied().collect();
            assert_eq!(unique.len(), values.len(), "{name}");
            assert!(!unique.contains(""));
            keys.insert(name, unique);
        }
    }
    let may_be_missing = ["CHANNELID", "CUSTOMERACCOUNTID"];
    for table in TABLES {
        for &Column { name, .. } in
            table.columns().iter().filter(|column| column.role == table::Role::Reference)
        {
            let target = &keys[if name == "PRIMARYADDRESSID" { "ADDRESSID" } else { name }];
            for value in column(table, name) {
                let missing =
                    value.is_empty() && may_be_missing.contains(&name) && table != Table::Transaction;
                assert!(missing || target.contains(value), "{table:?} {name} {value}");
            }
        }
    }
    assert!(keys["CUSTOMERID"].is_disjoint(&keys["PARTYID"]));
}

#[test]
fn dirt_damages_the_requested_share_of_rows_and_no_other() {
    let clean = text(&bank(0..200, 0.0), 0..200);
    let dirty = text(&bank(0..200, 0.02), 0..200);
    let (mut rows, mut damaged) = (0, 0);
    for table in TABLES {
        let intact: HashSet<&str> = clean[&table].lines().collect();
        let mut seen = HashSet::new();
        rows += clean[&table].lines().count();
        damaged += dirty[&table].lines().filter(|line| !intact.contains(line) || !seen.insert(*line)).count();
    }
    let share = damaged as f64 / rows as f64;
    assert!((0.016..0.024).contains(&share), "{share}");
    assert_eq!(clean[&Table::BankingProduct], dirty[&Table::BankingProduct]);
}
