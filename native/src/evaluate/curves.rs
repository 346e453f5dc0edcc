//! The model's curves, class by class: ROC, gain and reliability.

use nextbest_core::matrix::Matrix;
use nextbest_core::metrics::gain::Gain;
use nextbest_core::metrics::reliability::{ReliabilityBin, reliability};
use nextbest_core::metrics::roc::{RocPoint, roc_curve};

/// Shares of customers at which lift is reported.
pub(crate) const LIFT_AT: [f64; 4] = [0.01, 0.05, 0.10, 0.20];

/// A class's curves.
pub(crate) struct ClassCurves {
    pub(crate) name: String,
    /// How often it occurs.
    pub(crate) support: usize,
    pub(crate) roc: Vec<RocPoint>,
    pub(crate) gain: Gain,
    pub(crate) reliability: Vec<ReliabilityBin>,
    pub(crate) roc_auc: Option<f64>,
}

/// The reliability of several classes together.
pub(crate) struct Pooled {
    /// Of what: each product, or any.
    pub(crate) name: &'static str,
    pub(crate) bins: Vec<ReliabilityBin>,
    /// The same before the probabilities were calibrated, where they are.
    pub(crate) before: Option<Vec<ReliabilityBin>>,
}

/// Each class against the rest.
pub(crate) fn class_curves(
    names: &[&str],
    labels: &[usize],
    probabilities: Matrix<'_, f32>,
) -> Vec<ClassCurves> {
    let curves = names.iter().zip(against_the_rest(labels, probabilities)).enumerate();
    let curves = curves.map(|(class, (name, scored))| ClassCurves {
        name: (*name).to_owned(),
        support: labels.iter().filter(|label| **label == class).count(),
        roc: roc_curve(&scored),
        gain: Gain::measure(&scored),
        reliability: reliability(&scored),
        roc_auc: nextbest_core::metrics::roc_auc(&scored),
    });
    curves.collect()
}

/// All products' probabilities together, and that of taking any; without NONE, all classes' together.
pub(crate) fn pooled(
    labels: &[usize],
    probabilities: Matrix<'_, f32>,
    before: Option<Matrix<'_, f32>>,
    has_none: bool,
) -> Vec<Pooled> {
    let each = |probabilities: Matrix<'_, f32>| {
        let pairs = against_the_rest(labels, probabilities).skip(has_none.into()).flatten();
        reliability(&pairs.collect::<Vec<_>>())
    };
    let any = |probabilities: Matrix<'_, f32>| {
        let none = against_the_rest(labels, probabilities).take(1).flatten();
        let taking = none.map(|(probability, is_none)| (1.0 - probability, !is_none));
        reliability(&taking.collect::<Vec<_>>())
    };
    let name = if has_none { "each product" } else { "each class" };
    let mut found = vec![Pooled { name, bins: each(probabilities), before: before.map(each) }];
    if has_none {
        found.push(Pooled { name: "any product", bins: any(probabilities), before: before.map(any) });
    }
    found
}

/// Of each class, its probability in each row and whether the row is of it.
fn against_the_rest(
    labels: &[usize],
    probabilities: Matrix<'_, f32>,
) -> impl Iterator<Item = Vec<(f32, bool)>> {
    let columns = probabilities.columns().enumerate();
    columns.map(|(class, column)| column.zip(labels.iter().map(|label| *label == class)).collect())
}
