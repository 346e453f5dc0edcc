//! The latent life of one customer, month by month: needs, campaigns, accounts, and purchases as competing
//! risks.
//!
//! Everything that the hazards depend on changes only at the first of a month (or ends with a purchase), so
//! the probability of what comes next is exact within a month.

use super::account::Account;
use super::calendar::{Date, Month};
use super::campaign::{Campaign, Target};
use super::catalogue::{ByProduct, Product};
use super::economy::Conditions;
use super::needs::{Need, Needs};
use super::persona::{Persona, Stage};
use super::random::Random;
use super::uptake::{DAYS_PER_YEAR, baseline, demand, taste};

/// Fewest days between two openings of accounts by one customer.
pub const MIN_GAP_DAYS: i32 = 60;

/// Most accounts in a customer's life: account ids have two digits for them.
pub(super) const MAX_ACCOUNTS: usize = 99;

/// A month as one customer lives it.
pub(super) struct Moment<'a> {
    pub(super) persona: &'a Persona,
    pub(super) month: Month,
    /// Age in whole years and life stage on the first of the month.
    pub(super) age: i32,
    pub(super) stage: Stage,
    pub(super) conditions: Conditions,
}

impl<'a> Moment<'a> {
    pub(super) fn new(persona: &'a Persona, month: Month, conditions: Conditions) -> Self {
        let first = month.first();
        Self {
            persona,
            month,
            age: first.years_since(persona.birth),
            stage: persona.stage(first),
            conditions,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Life {
    /// In order of origination; the first is the current account.
    pub(super) accounts: Vec<Account>,
    pub(super) needs: Needs,
    pub(super) campaign: Campaign,
    pub(super) homeowner: bool,
    /// Marketing consent: the day and the new value of each change; the first is at establishment.
    pub(super) marketing: Vec<(Date, bool)>,
    /// Whether the customer has left the bank and holds nothing any more.
    pub(super) left: bool,
}

impl Life {
    /// The day on which a customer joins, with a current account.
    pub(super) fn begin(moment: &Moment<'_>, rng: &mut Random) -> Self {
        let mut life = Self {
            accounts: Vec::with_capacity(4),
            needs: Needs::default(),
            campaign: Campaign::default(),
            homeowner: !moment.persona.tenant,
            marketing: vec![(moment.persona.established, rng.chance(0.78))],
            left: false,
        };
        life.open(Product::CurrentAccount, moment.persona.established, moment, rng);
        life
    }

    /// Advances the state to the month of `moment`.
    pub(super) fn step(&mut self, moment: &Moment<'_>, rng: &mut Random) {
        if self.left {
            return;
        }
        self.end_accounts(moment, rng);
        self.needs.step(moment.persona, moment.stage, self.homeowner, rng);
        self.reconsider_consent(moment, rng);
        let mut campaign = core::mem::take(&mut self.campaign);
        let on_offer = Product::ALL.into_iter().filter(|&product| self.may_take(product, moment));
        let target = Target {
            persona: moment.persona,
            stage: moment.stage,
            needs: &self.needs,
            conditions: &moment.conditions,
            consents: self.consents_to_marketing(),
        };
        campaign.step(&target, on_offer, rng);
        self.campaign = campaign;
        self.perhaps_leave(moment, rng);
    }

    /// Yearly hazards of each product, constant through the month except for the gap after an opening.
    pub(super) fn hazards(&self, moment: &Moment<'_>) -> ByProduct {
        if self.left {
            return ByProduct::default();
        }
        let Moment { persona, stage, conditions, .. } = moment;
        let mut hazards = ByProduct::from_fn(|product| baseline(product, *stage));
        for (need, level) in self.needs.felt() {
            for (served, share) in need.serves(conditions.concept) {
                for &(product, pull) in served.pulls() {
                    // The square lets signs precede purchases: at half level there are half the signs but a
                    // quarter of the pull.
                    hazards[product] +=
                        share * pull * level * level * taste(persona, served, product, *stage);
                }
            }
        }
        if self.accounts.iter().any(|account| account.product == Product::HomeLoan) {
            hazards[Product::LifeInsurance] *= 1.8;
        }
        let tenure = f64::from(moment.month.first().days() - persona.established.days()) / DAYS_PER_YEAR;
        let new_customer = 1.0 + 0.5 * libm::exp(-tenure.max(0.0));
        ByProduct::from_fn(|product| {
            if hazards[product] > 0.0 && self.may_take(product, moment) {
                let pushed = self.campaign.factor(product);
                hazards[product] * new_customer * pushed * demand(persona, product, conditions)
            } else {
                0.0
            }
        })
    }

    /// The first day, not before `from`, on which the gap since the last opening is over.
    pub(super) fn free_from(&self, from: Date) -> Date {
        self.accounts.last().map_or(from, |last| from.max(last.origination.add_days(MIN_GAP_DAYS)))
    }

    /// Draws from the month's competing risks until `last`, and opens an account if a product comes first.
    pub(super) fn purchase(&mut self, moment: &Moment<'_>, last: Date, rng: &mut Random) {
        let hazards = self.hazards(moment);
        let waiting_days = rng.exponential() / (hazards.sum() / DAYS_PER_YEAR);
        let from = self.free_from(moment.month.first());
        let left = f64::from(last.days() - from.days() + 1);
        if waiting_days < left
            && let Some(product) = rng.weighted(hazards.iter())
        {
            self.open(product, from.add_days(waiting_days as i32), moment, rng);
            self.needs.meet(product, moment.conditions.concept);
            if product == Product::HomeLoan {
                self.homeowner = true;
                if rng.chance(0.35) {
                    self.needs.awaken(Need::Protection, 1.0);
                }
            }
        }
    }

    pub(super) fn consents_to_marketing(&self) -> bool {
        self.marketing.last().is_some_and(|&(_, granted)| granted)
    }

    fn open(&mut self, product: Product, day: Date, moment: &Moment<'_>, rng: &mut Random) {
        let Moment { persona, stage, conditions, .. } = moment;
        self.accounts.push(Account::open(product, day, persona, *stage, conditions, rng));
    }

    /// The bank's rules: age, repeatability, number held at a time (an account that ends this month still
    /// counts).
    fn may_take(&self, product: Product, moment: &Moment<'_>) -> bool {
        let spec = product.spec();
        let held = || self.accounts.iter().filter(|account| account.product == product);
        product != Product::CurrentAccount
            && self.accounts.len() < MAX_ACCOUNTS
            && moment.age >= i32::from(spec.min_age)
            && (spec.repeatable || held().next().is_none())
            && held().filter(|account| account.closed.is_none_or(|day| day >= moment.month.first())).count()
                < product.max_open()
    }

    fn end_accounts(&mut self, moment: &Moment<'_>, rng: &mut Random) {
        let mut deposits_due = 0;
        for account in self.accounts.iter_mut().filter(|account| account.closed.is_none()) {
            if account.maturity.is_some_and(|day| Month::of(day) == moment.month) {
                account.closed = account.maturity;
                deposits_due += u32::from(account.product == Product::TermDeposit);
            } else if rng.chance(account.early_end()) {
                account.closed = Some(some_day(moment.month, rng));
            }
        }
        if deposits_due > 0 && rng.chance(0.6) {
            self.needs.awaken(Need::Surplus, 1.1);
        }
    }

    fn reconsider_consent(&mut self, moment: &Moment<'_>, rng: &mut Random) {
        let granted = self.consents_to_marketing();
        let unrest = if granted { 0.002 + 0.001 * self.campaign.fatigue() } else { 0.005 };
        if rng.chance(unrest) {
            self.marketing.push((some_day(moment.month, rng), !granted));
        }
    }

    fn perhaps_leave(&mut self, moment: &Moment<'_>, rng: &mut Random) {
        let owes = self.accounts.iter().any(|account| account.closed.is_none() && account.product.is_loan());
        if rng.chance(0.0012) && !owes {
            let day = some_day(moment.month, rng);
            for account in self.accounts.iter_mut().filter(|account| account.closed.is_none()) {
                account.closed = Some(day);
            }
            self.left = true;
            self.needs = Needs::default();
            self.campaign = Campaign::default();
        }
    }
}

fn some_day(month: Month, rng: &mut Random) -> Date {
    month.first().add_days(rng.below(month.days()))
}
