//! Outbound campaigns: they work, and they tire.
//!
//! A contact raises the hazard of its topic in the following months. The effect shrinks with every recent
//! contact, and turns negative beyond about five.

use super::catalogue::{ByProduct, Product};
use super::economy::Conditions;
use super::needs::Needs;
use super::persona::{Persona, Stage};
use super::random::Random;

/// The share of a push, and of the memory of contacts, that is left a month later.
const PUSH_KEPT: f64 = 0.5;
const MEMORY_KEPT: f64 = 0.8;

/// Contacts in a quiet month, with the customer's consent and without (service messages that contain an
/// offer).
const RATE_WITH_CONSENT: f64 = 0.26;
const RATE_WITHOUT_CONSENT: f64 = 0.04;
const MOST_PER_MONTH: u32 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Ignored,
    Opened,
    Interested,
    Declined,
}

/// One outbound contact. Its topic is recorded nowhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contact {
    topic: Product,
    pub(super) answer: Answer,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Campaign {
    /// The relative increase of each product's hazard this month from earlier contacts.
    push: ByProduct,
    /// The discounted number of recent contacts.
    memory: f64,
    /// This month's contacts.
    pub(super) contacts: Vec<Contact>,
}

impl Campaign {
    /// Lets last month's contacts take effect and draws this month's among the products `on_offer`.
    pub(super) fn step(
        &mut self,
        target: &Target<'_>,
        on_offer: impl Iterator<Item = Product> + Clone,
        rng: &mut Random,
    ) {
        self.push = ByProduct::from_fn(|product| self.push[product] * PUSH_KEPT);
        let response = if self.contacts.is_empty() { 0.0 } else { self.response() };
        for contact in self.contacts.drain(..) {
            let interest = if contact.answer == Answer::Interested { 2.0 } else { 1.0 };
            self.push[contact.topic] += response * interest;
            self.memory += 1.0;
        }
        self.memory *= MEMORY_KEPT;

        let rate = if target.consents { RATE_WITH_CONSENT } else { RATE_WITHOUT_CONSENT };
        let count = rng.poisson(rate * target.conditions.campaigns).min(MOST_PER_MONTH);
        for _ in 0..count {
            let topics = on_offer.clone().map(|product| (product, targeting(product, target.stage)));
            if let Some(topic) = rng.weighted(topics) {
                let answer = self.answer(topic, target, rng);
                self.contacts.push(Contact { topic, answer });
            }
        }
    }

    /// Factor on the hazard of `product` this month.
    pub(super) fn factor(&self, product: Product) -> f64 {
        (1.0 + self.push[product]).clamp(0.5, 5.0)
    }

    /// The discounted number of recent contacts: beyond about five the customer has had enough.
    pub(super) fn fatigue(&self) -> f64 {
        self.memory
    }

    /// The relative increase of a topic's hazard from one more contact.
    fn response(&self) -> f64 {
        1.5 * libm::exp(-0.35 * self.memory) - 0.25
    }

    fn answer(&self, topic: Product, target: &Target<'_>, rng: &mut Random) -> Answer {
        let patience = libm::exp(-0.2 * self.memory);
        let level: f64 = target
            .needs
            .felt()
            .filter(|(need, _)| need.pulls().iter().any(|&(product, _)| product == topic))
            .map(|(_, level)| level)
            .sum();
        let reads = 0.25 + 0.3 * target.conditions.digital + 0.05 * target.persona.digital.clamp(-2.0, 2.0);
        let answers = [
            (Answer::Interested, (0.06 + 0.5 * level.min(1.2)) * patience),
            (Answer::Declined, 0.06 + 0.02 * self.memory),
            (Answer::Opened, reads * patience),
            (Answer::Ignored, 0.5),
        ];
        rng.weighted(answers.into_iter()).unwrap_or(Answer::Ignored)
    }
}

/// A customer as a month's campaign sees it.
pub(super) struct Target<'a> {
    pub(super) persona: &'a Persona,
    pub(super) stage: Stage,
    pub(super) needs: &'a Needs,
    pub(super) conditions: &'a Conditions,
    pub(super) consents: bool,
}

/// The bank's crude rule for whom to offer what.
fn targeting(product: Product, stage: Stage) -> f64 {
    match (product, stage) {
        (Product::CurrentAccount, _) => 0.0,
        (Product::StudentLoan, Stage::Student) => 3.0,
        (Product::StudentLoan, _) => 0.1,
        (Product::HomeLoan | Product::LifeInsurance, Stage::Family) => 2.0,
        (Product::TermDeposit | Product::InvestmentFund, Stage::Established | Stage::Retired) => 2.5,
        (Product::CreditCard, _) => 2.0,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::calendar::{Date, Month};
    use super::super::economy::Economy;
    use super::super::random::Purpose;
    use super::*;

    /// The factor on a topic's hazard in each month, given the number of contacts about it in each month
    /// before.
    fn factors(contacts: &[usize]) -> Vec<f64> {
        let mut rng = Random::new(1, 1, Purpose::Life);
        let persona = Persona::draw(Date::from_ymd(2020, 1, 1).unwrap(), &mut rng);
        let first = Month::of(Date::from_ymd(2024, 1, 1).unwrap());
        let conditions = Conditions { campaigns: 0.0, ..Economy::new(first, first).at(first) };
        let (stage, needs) = (Stage::Starter, Needs::default());
        let target =
            Target { persona: &persona, stage, needs: &needs, conditions: &conditions, consents: true };
        let mut campaign = Campaign::default();
        let month = |&count: &usize| {
            let contact = Contact { topic: Product::CreditCard, answer: Answer::Ignored };
            campaign.contacts = vec![contact; count];
            campaign.step(&target, Product::ALL.into_iter(), &mut rng);
            assert!(campaign.contacts.is_empty(), "no campaigns, no contacts but ours");
            assert_eq!(campaign.factor(Product::HomeLoan), 1.0, "only the topic is pushed");
            campaign.factor(Product::CreditCard)
        };
        contacts.iter().map(month).collect()
    }

    #[test]
    fn one_contact_pushes_and_is_forgotten() {
        let factors = factors(&[1, 0, 0]);
        let pushes: Vec<f64> = factors.iter().map(|factor| factor - 1.0).collect();
        assert!((pushes[0] - 1.25).abs() < 1e-12, "{pushes:?}");
        assert!((pushes[1] - pushes[0] / 2.0).abs() < 1e-12 && (pushes[2] - pushes[0] / 4.0).abs() < 1e-12);
    }

    #[test]
    fn contacts_push_until_they_tire() {
        let now_and_then = factors(&[1, 0, 0, 0, 0, 1]);
        let pestered = factors(&[3; 6]);
        assert!(now_and_then[5] > 1.8, "{now_and_then:?}");
        assert!(pestered[0] > now_and_then[0] && pestered[5] < 1.0, "{pestered:?}");
        assert!(pestered.iter().all(|factor| (0.5..=5.0).contains(factor)));
    }
}
