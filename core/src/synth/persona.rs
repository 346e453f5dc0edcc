//! Personas: the traits of a customer that are drawn once and never change.

use super::calendar::Date;
use super::random::Random;

/// Life stages. A persona's stage follows from its age alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Student,
    Starter,
    Family,
    Established,
    Retired,
}

/// The fixed traits of one customer. Ages are in years, shares in 0–1, multipliers have a median of 1.
#[derive(Clone, Debug)]
pub(super) struct Persona {
    pub(super) birth: Date,
    pub(super) established: Date,
    pub(super) home: City,
    graduates_at: f64,
    starts_family_at: f64,
    settles_at: f64,
    retires_at: f64,
    /// Monthly net income at full career and the prices of 2020.
    income: f64,
    /// Whether income changes from month to month.
    pub(super) self_employed: bool,
    /// Whether a thirteenth salary is paid in December.
    pub(super) december_bonus: bool,
    /// Whether salary and bills go through this bank.
    pub(super) main_bank: bool,
    pub(super) tenant: bool,
    /// Day of the month, 1–28.
    pub(super) payday: i32,
    /// The number of standing orders that run every month.
    pub(super) standing_orders: i32,
    pub(super) spending: f64,
    pub(super) thrift: f64,
    /// Taste for funds over deposits, 0–1.
    pub(super) risk_taste: f64,
    /// Leaning to digital channels, in logits.
    pub(super) digital: f64,
    /// How readily needs and campaigns turn into a purchase at all: a multiplier with mean 1 that is recorded
    /// nowhere.
    pub(super) readiness: f64,
}

impl Persona {
    pub(super) fn draw(established: Date, rng: &mut Random) -> Self {
        let age = if rng.chance(0.42) { 18.0 + 6.0 * rng.exponential() } else { rng.normal(43.0, 14.0) }
            .clamp(18.05, 84.0);
        let home = rng.weighted(CITIES.iter().map(|&city| (city, city.weight))).unwrap_or(FIRST_CITY);
        let owns_home = if age < 24.0 { 0.02 } else { (0.02 * (age - 24.0)).min(0.6) };
        let thrift = rng.log_normal(1.0, 0.35);
        Self {
            birth: established.add_days(-(age * 365.25) as i32),
            established,
            home,
            graduates_at: if rng.chance(0.55) { rng.normal(23.5, 1.4).clamp(21.0, 29.0) } else { 0.0 },
            starts_family_at: if rng.chance(0.72) { rng.normal(32.0, 4.5).clamp(22.0, 44.0) } else { 99.0 },
            settles_at: rng.normal(50.0, 4.0).clamp(40.0, 60.0),
            retires_at: rng.normal(65.0, 2.2).clamp(58.0, 72.0),
            income: rng.log_normal(2_700.0 * home.income, 0.45),
            self_employed: rng.chance(0.08),
            december_bonus: rng.chance(0.35),
            main_bank: rng.chance(0.88),
            tenant: !rng.chance(owns_home),
            payday: 1 + rng
                .weighted([(27, 3.0), (0, 2.0), (14, 1.5), (24, 1.5), (9, 1.0)].into_iter())
                .unwrap_or(0),
            standing_orders: rng.below(3),
            spending: rng.log_normal(1.0, 0.35) / libm::sqrt(thrift),
            thrift,
            risk_taste: rng.unit(),
            digital: rng.normal(0.4, 1.0) - (age - 40.0) / 18.0,
            readiness: rng.log_normal(libm::exp(-0.5 * 0.5 * 0.5), 0.5),
        }
    }

    pub(super) fn age(&self, day: Date) -> f64 {
        f64::from(day.days() - self.birth.days()) / 365.25
    }

    pub(super) fn stage(&self, day: Date) -> Stage {
        let age = self.age(day);
        if age < self.graduates_at {
            Stage::Student
        } else if age >= self.retires_at {
            Stage::Retired
        } else if age >= self.settles_at {
            Stage::Established
        } else if age >= self.starts_family_at {
            Stage::Family
        } else {
            Stage::Starter
        }
    }

    /// Expected net income of a month at the prices of 2020.
    pub(super) fn income(&self, stage: Stage) -> f64 {
        self.income
            * match stage {
                Stage::Student => 0.28,
                Stage::Starter => 0.82,
                Stage::Family => 1.05,
                Stage::Established => 1.25,
                Stage::Retired => 0.68,
            }
    }

    /// Income relative to the bank's median customer: it decides what they can afford, and what squeezes
    /// them.
    pub(super) fn affluence(&self, stage: Stage) -> f64 {
        self.income(stage) / 2_500.0
    }
}

/// A city of ADDRESS.
#[derive(Clone, Copy, Debug)]
pub(super) struct City {
    pub(super) name: &'static str,
    pub(super) state: &'static str,
    /// First three digits of the postal code.
    pub(super) postal: u32,
    /// Share of the customers, unnormalised.
    weight: f64,
    /// Income relative to the country's.
    income: f64,
}

const fn city(name: &'static str, state: &'static str, postal: u32, weight: f64, income: f64) -> City {
    City { name, state, postal, weight, income }
}

const FIRST_CITY: City = city("Chicago", "IL", 606, 10.0, 1.10);

const CITIES: [City; 16] = [
    FIRST_CITY,
    city("Springfield", "IL", 627, 3.0, 0.92),
    city("Peoria", "IL", 616, 2.0, 0.90),
    city("Milwaukee", "WI", 532, 6.0, 0.98),
    city("Madison", "WI", 537, 4.0, 1.08),
    city("Green Bay", "WI", 543, 2.0, 0.93),
    city("Minneapolis", "MN", 554, 7.0, 1.12),
    city("Duluth", "MN", 558, 1.5, 0.88),
    city("Detroit", "MI", 482, 6.0, 0.90),
    city("Ann Arbor", "MI", 481, 2.5, 1.15),
    city("Grand Rapids", "MI", 495, 3.0, 0.97),
    city("Columbus", "OH", 432, 5.0, 1.00),
    city("Cleveland", "OH", 441, 4.0, 0.93),
    city("Indianapolis", "IN", 462, 5.0, 0.96),
    city("Des Moines", "IA", 503, 3.0, 0.99),
    city("St. Louis", "MO", 631, 4.0, 0.95),
];

#[cfg(test)]
mod tests {
    use super::super::random::Purpose;
    use super::*;

    #[test]
    fn stages_follow_each_other_and_nobody_joins_under_age() {
        let established = Date::from_ymd(2015, 6, 1).unwrap();
        for customer in 0..2_000 {
            let persona = Persona::draw(established, &mut Random::new(3, customer, Purpose::Life));
            assert!(established.years_since(persona.birth) >= 18);
            let stages: Vec<_> =
                (18..90).map(|age| persona.stage(persona.birth.add_days(age * 366)) as u8).collect();
            assert!(stages.is_sorted(), "{stages:?}");
            assert_eq!(stages.last(), Some(&(Stage::Retired as u8)));
        }
    }
}
