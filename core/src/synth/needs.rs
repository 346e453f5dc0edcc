//! Latent needs: episodes that begin, build up and pass, visible only in what they make a customer do.
//!
//! Each need is a Markov chain over months, independent of the others: idle → active (with a probability that
//! depends on life stage and affluence) → idle (with probability [`FADING`] a month once [`SHORTEST`] months
//! have passed, or when a purchase meets it).

use super::catalogue::Product;
use super::persona::{Persona, Stage};
use super::random::Random;

/// Months until a need is at its full strength.
const BUILD_UP: f64 = 5.0;
const SHORTEST: u32 = 5;
const FADING: f64 = 0.13;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Buying a home: saving, rent, papers.
    Home,
    /// Replacing a car: garages, fuel.
    Car,
    /// Short of cash: less income, more withdrawals, overdraft fees.
    Cash,
    /// Money to place: a windfall, a growing balance.
    Surplus,
    /// Protecting a family: health spending, new standing orders.
    Protection,
    /// Travel and spending.
    Spending,
    /// Studies: fees.
    Study,
}

impl Need {
    pub(super) const COUNT: usize = 7;

    pub(super) const ALL: [Self; Self::COUNT] =
        [Self::Home, Self::Car, Self::Cash, Self::Surplus, Self::Protection, Self::Spending, Self::Study];

    /// The products that meet this need, with their yearly hazards at level 1.
    pub(super) fn pulls(self) -> &'static [(Product, f64)] {
        match self {
            Self::Home => &[(Product::HomeLoan, 1.9), (Product::SavingsAccount, 0.75)],
            Self::Car => &[(Product::AutoLoan, 1.7), (Product::PersonalLoan, 0.3)],
            Self::Cash => &[(Product::PersonalLoan, 1.4), (Product::CreditCard, 0.6)],
            Self::Surplus => {
                &[(Product::TermDeposit, 1.1), (Product::InvestmentFund, 1.1), (Product::SavingsAccount, 1.0)]
            }
            Self::Protection => &[(Product::LifeInsurance, 1.5)],
            Self::Spending => &[(Product::CreditCard, 1.4), (Product::PersonalLoan, 0.2)],
            Self::Study => &[(Product::StudentLoan, 1.8)],
        }
    }

    /// The needs whose products this need pulls to, with the factors of their pulls: only itself, unless the
    /// concept has shifted. The total pull stays the same.
    pub(super) fn serves(self, concept: f64) -> impl Iterator<Item = (Self, f64)> {
        let other = self.confused_with();
        let total = |need: Self| need.pulls().iter().map(|&(_, pull)| pull).sum::<f64>();
        let shifted = (concept > 0.0).then(|| (other, concept * total(self) / total(other)));
        [(self, 1.0 - concept)].into_iter().filter(|&(_, share)| share > 0.0).chain(shifted)
    }

    /// The need whose products a shifted concept leads to: it shares none of its own products, and most
    /// customers who feel this need are old enough for the other's products.
    pub(super) fn confused_with(self) -> Self {
        match self {
            Self::Home => Self::Cash,
            Self::Car => Self::Home,
            Self::Cash => Self::Protection,
            Self::Surplus => Self::Car,
            Self::Protection => Self::Spending,
            Self::Spending => Self::Study,
            Self::Study => Self::Surplus,
        }
    }

    /// Probability that the need begins in a month.
    fn onset(self, persona: &Persona, stage: Stage, homeowner: bool) -> f64 {
        let by_stage = match self {
            Self::Home => [0.0, 0.0030, 0.0050, 0.0015, 0.0003],
            Self::Car => [0.0007, 0.0028, 0.0030, 0.0022, 0.0008],
            Self::Cash => [0.0018, 0.0035, 0.0030, 0.0020, 0.0010],
            Self::Surplus => [0.0002, 0.0012, 0.0018, 0.0045, 0.0045],
            Self::Protection => [0.0, 0.0008, 0.0042, 0.0012, 0.0002],
            Self::Spending => [0.0017, 0.0030, 0.0018, 0.0018, 0.0013],
            Self::Study => [0.0110, 0.0011, 0.0004, 0.0001, 0.0],
        };
        let [student, starter, family, established, retired] = by_stage;
        let base = match stage {
            Stage::Student => student,
            Stage::Starter => starter,
            Stage::Family => family,
            Stage::Established => established,
            Stage::Retired => retired,
        };
        let affluence = persona.affluence(stage).clamp(0.3, 3.0);
        base * match self {
            Self::Home if homeowner => 0.12,
            Self::Home => libm::sqrt(affluence),
            Self::Cash => 1.0 / libm::sqrt(affluence),
            Self::Surplus => libm::sqrt(affluence) * persona.thrift,
            Self::Spending => persona.spending,
            Self::Car | Self::Protection | Self::Study => 1.0,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Episode {
    months: u32,
    strength: f64,
}

/// The needs of one customer in one month.
#[derive(Clone, Debug, Default)]
pub(super) struct Needs([Option<Episode>; Need::COUNT]);

impl Needs {
    /// Advances every need to the next month.
    pub(super) fn step(&mut self, persona: &Persona, stage: Stage, homeowner: bool, rng: &mut Random) {
        for (need, slot) in Need::ALL.into_iter().zip(&mut self.0) {
            *slot = match *slot {
                Some(episode) if episode.months >= SHORTEST && rng.chance(FADING) => None,
                Some(episode) => Some(Episode { months: episode.months + 1, ..episode }),
                None => rng
                    .chance(need.onset(persona, stage, homeowner))
                    .then(|| Episode { months: 0, strength: rng.between(0.5, 1.3) }),
            };
        }
    }

    /// Begins `need` now, unless it is felt already.
    pub(super) fn awaken(&mut self, need: Need, strength: f64) {
        if let Some(slot) = self.0.get_mut(need as usize) {
            slot.get_or_insert(Episode { months: 0, strength });
        }
    }

    /// Ends the needs that pull to `product`.
    pub(super) fn meet(&mut self, product: Product, concept: f64) {
        for (need, slot) in Need::ALL.into_iter().zip(&mut self.0) {
            let meets = |need: Need| need.pulls().iter().any(|&(met, _)| met == product);
            if need.serves(concept).any(|(served, _)| meets(served)) {
                *slot = None;
            }
        }
    }

    /// The strength with which `need` is felt: 0 when idle, building up to the episode's strength (0.5–1.3).
    pub(super) fn level(&self, need: Need) -> f64 {
        self.episode(need)
            .map_or(0.0, |episode| episode.strength * (f64::from(episode.months + 1) / BUILD_UP).min(1.0))
    }

    /// The strength of `need` if it began this month.
    pub(super) fn onset(&self, need: Need) -> Option<f64> {
        self.episode(need).filter(|episode| episode.months == 0).map(|episode| episode.strength)
    }

    /// The needs that are felt, with their levels.
    pub(super) fn felt(&self) -> impl Iterator<Item = (Need, f64)> {
        Need::ALL.into_iter().map(|need| (need, self.level(need))).filter(|&(_, level)| level > 0.0)
    }

    fn episode(&self, need: Need) -> Option<Episode> {
        self.0.get(need as usize).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::super::calendar::Date;
    use super::super::random::Purpose;
    use super::*;

    #[test]
    fn a_need_builds_up_and_a_purchase_meets_it() {
        let mut rng = Random::new(1, 1, Purpose::Life);
        let persona = Persona::draw(Date::from_ymd(2020, 1, 1).unwrap(), &mut rng);
        let mut needs = Needs::default();
        needs.awaken(Need::Home, 1.0);
        assert_eq!(needs.onset(Need::Home), Some(1.0));
        let mut levels = vec![needs.level(Need::Home)];
        for _ in 0..5 {
            needs.step(&persona, Stage::Family, false, &mut rng);
            levels.push(needs.level(Need::Home));
        }
        assert_eq!(levels, [0.2, 0.4, 0.6, 0.8, 1.0, 1.0]);
        needs.meet(Product::CreditCard, 0.0);
        assert_eq!(needs.level(Need::Home), 1.0);
        needs.meet(Product::HomeLoan, 1.0);
        assert_eq!(needs.level(Need::Home), 1.0, "people with this need want something else now");
        needs.meet(Product::HomeLoan, 0.0);
        assert_eq!(needs.level(Need::Home), 0.0);
    }

    #[test]
    fn a_shifted_concept_leads_to_other_products_as_strongly() {
        let mut others: Vec<usize> = Need::ALL.map(|need| need.confused_with() as usize).to_vec();
        others.sort_unstable();
        assert!(others.into_iter().eq(0..Need::COUNT), "each need once");
        for need in Need::ALL {
            let pulled = |concept: f64| -> Vec<(Product, f64)> {
                let pulls = need.serves(concept).map(|(served, share)| (served.pulls(), share));
                pulls
                    .flat_map(|(pulls, share)| pulls.iter().map(move |(p, pull)| (*p, share * pull)))
                    .collect()
            };
            assert_eq!(pulled(0.0), need.pulls());
            let total = |concept| pulled(concept).iter().map(|(_, pull)| pull).sum::<f64>();
            for concept in [0.3, 1.0] {
                assert!((total(concept) - total(0.0)).abs() < 1e-12, "{need:?}");
            }
            let own = |&(product, _): &(Product, f64)| need.pulls().iter().any(|&(own, _)| own == product);
            assert!(!pulled(1.0).iter().any(own), "{need:?}");
            let kept = pulled(0.3).into_iter().filter(own).map(|(_, pull)| pull).sum::<f64>();
            assert!((kept - 0.7 * total(0.0)).abs() < 1e-12, "{need:?}");
        }
    }

    #[test]
    fn a_need_that_is_not_met_lasts_a_year_or_so() {
        let mut rng = Random::new(1, 2, Purpose::Life);
        let persona = Persona::draw(Date::from_ymd(2020, 1, 1).unwrap(), &mut rng);
        let mut months = 0;
        for _ in 0..4_000 {
            let mut needs = Needs::default();
            // Students never begin this need, so it does not begin again by itself.
            needs.awaken(Need::Home, 1.0);
            while needs.level(Need::Home) > 0.0 {
                needs.step(&persona, Stage::Student, false, &mut rng);
                months += 1;
            }
        }
        // SHORTEST months and one more, then a geometric number of months.
        let mean = f64::from(months) / 4_000.0;
        assert!((mean - (6.0 + 0.87 / 0.13)).abs() < 0.4, "{mean}");
    }
}
