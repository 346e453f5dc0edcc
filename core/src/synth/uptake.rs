//! Product uptake: competing risks whose hazards are constant within a calendar month.

use super::catalogue::{ByProduct, Product};
use super::economy::Conditions;
use super::needs::Need;
use super::persona::{Persona, Stage};

/// Yearly hazards of a customer without needs: purchases for no visible reason.
pub(super) fn baseline(product: Product, stage: Stage) -> f64 {
    let [student, starter, family, established, retired] = match product {
        Product::CurrentAccount => [0.0; 5],
        Product::SavingsAccount => [0.0030, 0.0034, 0.0030, 0.0030, 0.0020],
        Product::CreditCard => [0.0019, 0.0058, 0.0038, 0.0032, 0.0013],
        Product::PersonalLoan => [0.0006, 0.0038, 0.0038, 0.0026, 0.0006],
        Product::HomeLoan => [0.0, 0.0013, 0.0019, 0.0006, 0.0],
        Product::AutoLoan => [0.0003, 0.0019, 0.0019, 0.0013, 0.0006],
        Product::TermDeposit => [0.0002, 0.0008, 0.0015, 0.0035, 0.0055],
        Product::InvestmentFund => [0.0003, 0.0013, 0.0019, 0.0032, 0.0019],
        Product::LifeInsurance => [0.0, 0.0013, 0.0032, 0.0019, 0.0003],
        Product::StudentLoan => [0.0064, 0.0006, 0.0002, 0.0, 0.0],
    };
    match stage {
        Stage::Student => student,
        Stage::Starter => starter,
        Stage::Family => family,
        Stage::Established => established,
        Stage::Retired => retired,
    }
}

/// The share of a need's pull to `product` that this persona follows.
pub(super) fn taste(persona: &Persona, need: Need, product: Product, stage: Stage) -> f64 {
    match (need, product) {
        (Need::Surplus, Product::TermDeposit) => 2.0 * (1.0 - persona.risk_taste),
        (Need::Surplus, Product::InvestmentFund) => 2.0 * persona.risk_taste,
        (Need::Home, Product::HomeLoan) => persona.affluence(stage).clamp(0.4, 1.6),
        _ => 1.0,
    }
}

/// The probabilities that each product, or none, comes first within `days` of constant yearly `hazards`.
pub(super) fn competing_risks(hazards: &ByProduct, days: i32) -> (f64, ByProduct) {
    let total = hazards.sum();
    if total <= 0.0 || days <= 0 {
        return (1.0, ByProduct::default());
    }
    let none = libm::exp(-total * f64::from(days) / DAYS_PER_YEAR);
    (none, ByProduct::from_fn(|product| hazards[product] / total * (1.0 - none)))
}

pub(super) const DAYS_PER_YEAR: f64 = 365.25;

/// The factor of everyone's hazard of `product` in this month.
pub(super) fn demand(persona: &Persona, product: Product, conditions: &Conditions) -> f64 {
    // A customer of another bank also borrows there.
    let loyalty = if persona.main_bank { 1.0 } else { 0.5 };
    persona.readiness * loyalty * conditions.demand[product]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn competing_risks_sum_to_one_and_add_up_over_time() {
        let hazards = ByProduct::from_fn(|product| f64::from(product as u8) / 10.0);
        let (none, first) = competing_risks(&hazards, 90);
        assert!((none + first.sum() - 1.0).abs() < 1e-12);
        let (none_30, first_30) = competing_risks(&hazards, 30);
        let (none_60, first_60) = competing_risks(&hazards, 60);
        assert!((none_30 * none_60 - none).abs() < 1e-12);
        let loan = Product::HomeLoan;
        assert!((first_30[loan] + none_30 * first_60[loan] - first[loan]).abs() < 1e-12);
        assert_eq!(competing_risks(&ByProduct::default(), 90).0, 1.0);
    }
}
