//! Invariant: rows and dates at or after the cut-off affect nothing but the label.

use nextbest_core::bundle::Bundle;
use nextbest_core::features::{Expression, FeatureDefinition, Test};
use nextbest_core::model::Model;
use nextbest_core::model::bins::Bins;
use nextbest_core::model::calibration::Calibration;
use nextbest_core::model::forest::{Forest, Link, Tree, TreeNode};
use nextbest_core::policy::{ContextWeight, MeasureTest, PolicyDefinition, RankBy};
use nextbest_core::recommend::{Options, Recommendation, Recommender};
use nextbest_core::schema::ColumnKind;
use nextbest_core::snapshot::{ProductSet, Snapshot};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::bank::{Case, Cell, Row, cases, cutoffs, rows_of, schemas};
use crate::definitions::{Numbers, every_definition, numbers};
use crate::naive;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_future_changes_nothing((now, other_future) in futures(), numbers in numbers()) {
        prop_assert_eq!(answer(&now, &numbers), answer(&other_future, &numbers));
    }
}

proptest! {
    #[test]
    fn holdings_labels_and_population_agree_with_the_oracle(case in cases()) {
        let schema = case.schema();
        let customers = case.customers();
        let customer = customers.get(0).unwrap();
        let snapshot = Snapshot::new(&schema, case.cutoff);
        let held = snapshot.held(&customer);
        let positions: Vec<usize> = (0..64).filter(|product| held.contains(*product)).collect();
        prop_assert_eq!(positions.len(), held.len() as usize);
        prop_assert!(positions.into_iter().eq(naive::held(&case)));
        prop_assert_eq!(snapshot.label(&customer), Some(naive::label(&case)));
        let established = matches!(case.attributes[0], Cell::Time(since) if since < case.cutoff);
        prop_assert_eq!(snapshot.is_customer(&customer), established);
    }
}

/// The property can fail: the same row is read as soon as it is dated before the cut-off.
#[test]
fn the_past_does_change_the_answer() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let numbers = Numbers { window_days: 30, short_days: 7, operand: 0.0, missing: 0.0, stride: 5 };
    let (mut later, mut earlier) = (0, 0);
    for _ in 0..50 {
        let mut case = cases().new_tree(&mut runner).unwrap().current();
        let cutoff = case.cutoff;
        let taken = |opened: i64| -> Row {
            let columns = case.schema.tables[0].columns.iter().map(|column| match column.name.as_str() {
                "AT" => Cell::Time(opened),
                "PRODUCT" => Cell::Word("P0".into()),
                _ => Cell::Missing,
            });
            columns.collect()
        };
        let (at, before) = (taken(cutoff), taken(cutoff - 1));
        case.tables[0].clear();
        let nothing = answer(&case, &numbers);
        case.tables[0] = vec![at];
        later += usize::from(answer(&case, &numbers) != nothing);
        case.tables[0] = vec![before];
        earlier += usize::from(answer(&case, &numbers) != nothing);
    }
    assert_eq!((later, earlier), (0, 50));
}

/// Everything that is computed for a customer at the cut-off.
#[derive(Debug, PartialEq)]
struct Answer {
    features: Vec<u32>,
    held: ProductSet,
    is_customer: bool,
    recommendation: Recommendation,
}

fn answer(case: &Case, numbers: &Numbers) -> Answer {
    let customers = case.customers();
    let customer = customers.get(0).unwrap();
    let recommender = Recommender::load(&bundle_that_reads_everything(case, numbers)).unwrap();
    let snapshot = Snapshot::new(recommender.schema(), case.cutoff);
    let features = recommender.features(&customer, case.cutoff);
    let options = Options { explain: true, ..Options::new(case.cutoff, usize::MAX) };
    Answer {
        features: features.iter().map(|value| value.to_bits()).collect(),
        held: snapshot.held(&customer),
        is_customer: snapshot.is_customer(&customer),
        recommendation: recommender.recommend(&customer, options).unwrap(),
    }
}

/// A model to which every feature contributes.
fn bundle_that_reads_everything(case: &Case, numbers: &Numbers) -> Vec<u8> {
    let schema = case.schema();
    let mut features = every_definition(&case.schema, numbers);
    // With words and edges like those of a trained model: definitions alone, by the thousand, would be
    // refused because they take more memory than a file may (`decode/memory.rs`). Not all of them, since
    // those of some banks would exceed the limit of a section.
    let label = |feature: &FeatureDefinition| feature.expression.to_string().chars().take(100).collect();
    features.iter_mut().for_each(|feature| feature.label = label(feature));
    // The policy reads some of them too: each tells, by a weight of its own, whether it is above the operand,
    // or which word it is.
    let measures: Vec<FeatureDefinition> = features
        .iter()
        .filter(|feature| !matches!(feature.expression, Expression::Ratio { .. }))
        .step_by(numbers.stride.max(features.len() / 40))
        .cloned()
        .collect();
    let asked = |words: Option<&[String]>| match words {
        Some(words) => Test::NotIn(words.iter().take(1).cloned().collect()),
        None => Test::Above(numbers.operand),
    };
    let weights = measures.iter().enumerate().map(|(measure, of)| ContextWeight {
        condition: Some(MeasureTest {
            measure: measure as u16,
            test: asked(of.words(&schema)),
            missing: false,
        }),
        products: Vec::new(),
        channels: Vec::new(),
        weight: 1.0 + (measure + 1) as f64 / 64.0,
    });
    let weights = weights.collect();
    let edges: Vec<f32> =
        [-1.0, 0.0, 1.0].into_iter().chain((1..40).map(|edge| edge as f32 * 10.0)).collect();
    let classes = schema.class_count();
    let stumps: Vec<Tree> = (0..features.len())
        .map(|feature| {
            let leaf =
                |favourite: usize| (0..classes).map(move |class| if class == favourite { 0.5 } else { 0.1 });
            Tree {
                nodes: vec![
                    TreeNode::Split {
                        feature: feature as u16,
                        threshold: 2,
                        missing_right: feature % 2 == 0,
                    },
                    TreeNode::Leaf,
                    TreeNode::Leaf,
                ],
                leaves: leaf(feature % classes).chain(leaf((feature + 1) % classes)).collect(),
            }
        })
        .collect();
    let bundle = Bundle {
        bins: Bins::new(vec![edges; features.len()]).unwrap(),
        model: Model::Forest(Forest::new(classes, Link::Mean, &stumps).unwrap()),
        calibration: Calibration::Temperature { temperature: 1.5 },
        policy: PolicyDefinition {
            rank_by: RankBy::ExpectedValue,
            min_probability: 1.0 / (classes + 1) as f32,
            measures,
            weights,
            ..PolicyDefinition::default()
        },
        validity: Default::default(),
        reference: vec![0.0; features.len()],
        goldens: Vec::new(),
        card: Default::default(),
        profile: None,
        schema,
        features,
    };
    bundle.encode().unwrap()
}

/// Two cases that are the same before the cut-off and differ from it on.
fn futures() -> impl Strategy<Value = (Case, Case)> {
    (schemas(), cutoffs())
        .prop_flat_map(|(schema, cutoff)| {
            (
                rows_of(schema.clone(), cutoff),
                rows_of(schema, cutoff),
                vec(future(cutoff), 1..8),
                any::<u64>(),
            )
        })
        .prop_map(|(now, other, futures, order)| {
            let changed = with_future_of(&now, &other, &futures, order);
            (now, changed)
        })
}

/// A date at or after the cut-off, or none.
fn future(cutoff: i64) -> impl Strategy<Value = Cell> {
    let later = prop_oneof![Just(0), 1..100i64, 0..1_000_000_000i64];
    prop_oneof![Just(Cell::Missing), later.prop_map(move |later| Cell::Time(cutoff + later))]
}

/// `now` with its rows from the cut-off on replaced by those of `other`, in another order among the earlier
/// ones, and with every end of a product and attribute that lies in the future replaced by another of
/// `futures`.
fn with_future_of(now: &Case, other: &Case, futures: &[Cell], order: u64) -> Case {
    let cutoff = now.cutoff;
    let mut futures = futures.iter().cycle();
    let mut other_future = move |cell: &mut Cell| {
        let is_future = match cell {
            Cell::Missing => true,
            Cell::Time(time) => *time >= cutoff,
            _ => false,
        };
        if let Some(future) = futures.next().filter(|_| is_future) {
            *cell = future.clone();
        }
    };
    let mut changed = now.clone();
    let attributes = changed.schema.customer.columns.iter().zip(&mut changed.attributes);
    attributes.filter(|(column, _)| column.kind == ColumnKind::Time).for_each(|(_, cell)| other_future(cell));
    for (position, table) in now.schema.tables.iter().enumerate() {
        let column = |name: &str| table.columns.iter().position(|column| column.name == name).unwrap();
        let Some(time) = table.time.as_deref().map(column) else { continue };
        let is_past = |row: &&Row| matches!(row[time], Cell::Time(time) if time < cutoff);
        let closed = now.schema.holdings.iter().find(|holding| holding.table == table.name);
        let closed = closed.and_then(|holding| holding.closed.as_deref()).map(column);
        let mut rows: Vec<Row> = now.tables[position].iter().filter(is_past).cloned().collect();
        for row in &mut rows {
            closed.into_iter().for_each(|closed| other_future(&mut row[closed]));
        }
        for (number, row) in other.tables[position].iter().filter(|row| !is_past(row)).enumerate() {
            let place = (order.rotate_left(7 * number as u32) % (rows.len() as u64 + 1)) as usize;
            rows.insert(place, row.clone());
        }
        changed.tables[position] = rows;
    }
    changed
}
