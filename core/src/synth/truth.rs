//! The true probabilities of what comes next: the best prediction possible.
//!
//! The latent state at a cut-off (needs, readiness, the effect of campaigns so far) determines the hazards of
//! the month that begins, and with them exactly what comes first within it. For the months after, futures of
//! needs and campaigns are drawn and averaged.

use super::bank::{Bank, months};
use super::calendar::{Date, Month};
use super::catalogue::ByProduct;
use super::columns::TableColumns;
use super::csv::{CsvRows, TableBuffers};
use super::life::{Life, Moment};
use super::params::SynthError;
use super::random::{Purpose, Random};
use super::rows;
use super::uptake::competing_risks;

/// The probability that each product, or none, comes first in a period. Sums to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrueProbabilities {
    /// No product is opened.
    pub none: f64,
    /// The product is opened before any other.
    pub products: ByProduct,
}

/// The cut-offs and the period to compute true probabilities for.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The first days of the periods.
    pub cutoffs: Vec<Date>,
    /// The length of a period in days.
    pub days: i32,
    /// The number of futures to draw, at least one. The error is proportional to 1 / √paths.
    pub paths: u32,
}

impl TrueProbabilities {
    const CERTAINLY_NONE: Self = Self { none: 1.0, products: ByProduct::ZERO };
}

impl Bank {
    /// The probabilities of what this customer opens first in `[cutoff, cutoff + days)`, given the whole
    /// latent state at `cutoff`, for each cut-off after the customer joined the bank: the earliest first,
    /// each once.
    ///
    /// Futures of needs and campaigns are drawn; given a future, the competing risks are exact. Every call
    /// draws the same futures.
    ///
    /// # Errors
    /// If the bank has no customer with this index.
    pub fn true_probabilities(
        &self,
        index: u64,
        question: &Question,
    ) -> Result<Vec<(Date, TrueProbabilities)>, SynthError> {
        let (persona, mut rng) = self.persona(index)?;
        let mut cutoffs: Vec<Date> =
            question.cutoffs.iter().copied().filter(|&day| day > persona.established).collect();
        cutoffs.sort_unstable();
        cutoffs.dedup();
        let first = Month::of(persona.established);
        let mut life = Life::begin(&self.moment(&persona, first), &mut rng);
        let live = |life: &mut Life, month: Month, last: Date, rng: &mut Random| {
            let moment = self.moment(&persona, month);
            life.step(&moment, rng);
            life.purchase(&moment, last, rng);
        };
        let mut lived = first;
        let mut answers = Vec::with_capacity(cutoffs.len());
        for cutoff in cutoffs {
            let present = Month::of(cutoff);
            for month in months(lived.plus(1), present.plus(-1)) {
                live(&mut life, month, month.last(), &mut rng);
                lived = month;
            }
            let mut life = life.clone();
            if present > lived {
                live(&mut life, present, cutoff.add_days(-1), &mut rng.clone());
            }
            let mut future = Random::new(self.params.seed, index, Purpose::Future);
            let until = cutoff.add_days(question.days);
            let ahead: Vec<Moment<'_>> = months(present, Month::of(until.add_days(-1)))
                .map(|month| self.moment(&persona, month))
                .collect();
            answers.push((
                cutoff,
                average_future(&life, &ahead, cutoff, until, question.paths.max(1), &mut future),
            ));
        }
        Ok(answers)
    }

    /// Appends the truth about one customer to the text of [`Table::Truth`](super::Table::Truth).
    ///
    /// # Errors
    /// If the bank has no customer with this index.
    pub fn write_truth(
        &self,
        index: u64,
        question: &Question,
        buffers: &mut TableBuffers,
    ) -> Result<(), SynthError> {
        let truth = self.true_probabilities(index, question)?;
        rows::write_truth(index, &truth, &mut CsvRows { dirt: None, buffers });
        Ok(())
    }

    /// Appends the truth about one customer to the columns of [`Table::Truth`](super::Table::Truth).
    ///
    /// # Errors
    /// If the bank has no customer with this index.
    pub fn append_truth(
        &self,
        index: u64,
        question: &Question,
        columns: &mut TableColumns,
    ) -> Result<(), SynthError> {
        rows::write_truth(index, &self.true_probabilities(index, question)?, columns);
        Ok(())
    }
}

/// Averages over `paths` futures of `life` in the months `ahead`.
fn average_future(
    life: &Life,
    ahead: &[Moment<'_>],
    from: Date,
    until: Date,
    paths: u32,
    rng: &mut Random,
) -> TrueProbabilities {
    let Some((present, later)) = ahead.split_first() else { return TrueProbabilities::CERTAINLY_NONE };
    let mut known = TrueProbabilities::CERTAINLY_NONE;
    risk_month(&mut known, life, present, from, until);
    let mut mean = TrueProbabilities { none: 0.0, products: ByProduct::ZERO };
    for _ in 0..paths {
        let (mut path, mut life) = (known, life.clone());
        for moment in later {
            life.step(moment, rng);
            risk_month(&mut path, &life, moment, from, until);
        }
        mean.none += path.none / f64::from(paths);
        for (product, probability) in path.products.iter() {
            mean.products[product] += probability / f64::from(paths);
        }
    }
    mean
}

/// Adds the risks of a month, given that nothing came before it.
fn risk_month(so_far: &mut TrueProbabilities, life: &Life, moment: &Moment<'_>, from: Date, until: Date) {
    let begin = life.free_from(moment.month.first().max(from));
    let end = moment.month.plus(1).first().min(until);
    let (none, first) = competing_risks(&life.hazards(moment), end.days() - begin.days());
    for (product, probability) in first.iter() {
        so_far.products[product] += so_far.none * probability;
    }
    so_far.none *= none;
}
