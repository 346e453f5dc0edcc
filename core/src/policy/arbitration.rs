//! Chooses among the products that may be offered, and orders them.

use serde::Serialize;

use super::{Experiment, PolicyDefinition, Withheld};
use crate::schema::Schema;
use crate::time;

/// The factors that a product is ranked by; the priority is the product of the other four.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Factors {
    /// The probability that the customer takes the product.
    pub probability: f64,
    /// The value of a sale, in the bank's currency; 1 if offers are ranked by probability.
    pub value: f64,
    /// The product of the context weights; 1 if there are none.
    pub context: f64,
    /// The bank's lever; 1 if there is none.
    pub lever: f64,
    /// Probability × value × context × lever.
    pub priority: f64,
}

impl Factors {
    pub(super) fn new(probability: f32, value: f64, context: f64, lever: f64) -> Self {
        let probability = f64::from(probability);
        Self { probability, value, context, lever, priority: probability * value * context * lever }
    }
}

/// A product that is offered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chosen {
    /// Its position in the schema.
    pub product: usize,
    /// The factors that it was ranked by.
    pub factors: Factors,
    /// The probability that it came in this place, given those before it; 1 if nothing is left to chance.
    pub propensity: f64,
}

/// What a random order depends on: the experiment, the customer and the moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draw<'a> {
    pub(crate) experiment: &'a Experiment,
    pub(crate) customer: &'a str,
    pub(crate) as_of: i64,
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    product: usize,
    factors: Factors,
    /// The sort key: the greatest comes first.
    key: f64,
    /// Proportional to the probability of coming first.
    weight: f64,
}

/// Chooses up to `top` of the candidates (products by position), best first, and says why the others were not
/// chosen.
///
/// With a temperature, the order is a draw from a Plackett–Luce model: among those left, each comes next with
/// a probability proportional to its weight. Adding Gumbel noise to the logarithms of the weights gives such
/// a draw (Yellott 1977).
pub(crate) fn choose(
    policy: &PolicyDefinition,
    schema: &Schema,
    candidates: &[(usize, Factors)],
    top: usize,
    draw: Option<Draw<'_>>,
) -> (Vec<Chosen>, Vec<Withheld>) {
    let draw = draw.filter(|draw| draw.experiment.temperature > 0.0);
    let mut left = weighed(schema, candidates, draw);
    let mut chosen = Vec::new();
    let mut withheld = Vec::new();
    let category = |product: usize| policy.terms.get(product).and_then(|terms| terms.category.as_deref());
    while let Some(next) = left.first().copied().filter(|_| chosen.len() < top) {
        let total: f64 = left.iter().map(|candidate| candidate.weight).sum();
        let propensity = if draw.is_some() && total > 0.0 { next.weight / total } else { 1.0 };
        chosen.push(Chosen { product: next.product, factors: next.factors, propensity });
        left.remove(0);
        let Some(kind) = category(next.product) else { continue };
        let of_kind = chosen.iter().filter(|chosen| category(chosen.product) == Some(kind)).count();
        if policy.most_per_category.is_some_and(|most| of_kind >= usize::from(most)) {
            let detail = format!("at most {of_kind} of category {kind}, and that many are offered already");
            for out in left.extract_if(.., |candidate| category(candidate.product) == Some(kind)) {
                withheld.extend(refused(schema, out.product, "diversity", detail.clone()));
            }
        }
    }
    for (place, out) in left.iter().enumerate() {
        let detail = format!("number {} in the ranking, and {top} were asked for", chosen.len() + place + 1);
        withheld.extend(refused(schema, out.product, "rank", detail));
    }
    (chosen, withheld)
}

/// The candidates in the order in which they are offered.
fn weighed(schema: &Schema, candidates: &[(usize, Factors)], draw: Option<Draw<'_>>) -> Vec<Candidate> {
    let greatest = candidates.iter().map(|(_, factors)| factors.priority).fold(0.0, f64::max);
    let draw = draw.map(|draw| (draw, time::format(draw.as_of)));
    let of = |&(product, factors): &(usize, Factors)| match (&draw, schema.products().get(product)) {
        (Some((Draw { experiment, customer, .. }, as_of)), Some(declared)) if greatest > 0.0 => {
            // A priority of 0 never comes first if another is above 0.
            let logarithm = libm::log(factors.priority.max(0.0) / greatest) / experiment.temperature;
            let key = logarithm + experiment.gumbel(customer, as_of, &declared.id);
            Candidate { product, factors, key, weight: libm::exp(logarithm) }
        }
        _ => Candidate { product, factors, key: factors.priority, weight: 0.0 },
    };
    let mut weighed: Vec<Candidate> = candidates.iter().map(of).collect();
    // Stable: ties go to the first in the schema's order.
    weighed.sort_by(|a, b| b.key.total_cmp(&a.key));
    weighed
}

pub(crate) fn refused(schema: &Schema, product: usize, rule: &str, detail: String) -> Option<Withheld> {
    let product = schema.products().get(product)?.name.clone();
    Some(Withheld { product, rule: rule.to_owned(), detail })
}
