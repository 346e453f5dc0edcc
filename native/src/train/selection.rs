//! Chooses among kinds of models and their parameters, by the log-loss of rows that they did not learn from.
//!
//! Each kind is tried where its tuning starts. Then, as long as the time allows, the kind that is best so far
//! is tuned, and after it the next: one parameter after the other, each value on top of what was best before.
//! Trials have a fixed order, so two runs that get equally far choose the same model.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nextbest_core::metrics::Metrics;
use nextbest_core::train::RoundLoss;
use serde::Serialize;

use super::fitting::TrainingRows;
use super::settings::{RowsOf, Settings, Step};
use crate::app::Progress;
use crate::app::number::or_dash;
use crate::config::{Algorithm, ModelConfig};
use crate::io::feature_table::FeatureTable;

/// How good a model is on the rows that choose.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Trial {
    pub(crate) algorithm: &'static str,
    /// What was changed since the kind's first trial.
    changed: Vec<(String, String)>,
    /// Of boosted trees, how many rounds were best.
    #[serde(skip_serializing_if = "Option::is_none")]
    rounds: Option<usize>,
    pub(crate) validation_log_loss: f64,
    /// Where several classes occur among the validation rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) validation_roc_auc: Option<f64>,
    pub(crate) prior_log_loss: f64,
    seconds: f64,
}

/// The best model of a kind.
pub(crate) struct Finalist {
    /// Its parameters; of boosted trees with the rounds that were best.
    pub(crate) settings: Settings,
    pub(crate) validation_log_loss: f64,
    /// What it says of the validation rows, for its calibration.
    pub(crate) probabilities: Vec<f32>,
    /// Of boosted trees: the log-loss after each round that was tried.
    pub(crate) losses: Vec<RoundLoss>,
}

/// What selects a model.
pub(crate) struct Selector<'s> {
    pub(crate) config: &'s ModelConfig,
    pub(crate) rows_of: RowsOf,
    pub(crate) budget: Duration,
    pub(crate) rows: &'s TrainingRows,
    pub(crate) validation: &'s FeatureTable,
    /// The class prior of the training rows.
    pub(crate) prior: &'s [f32],
    pub(crate) progress: &'s Progress,
}

/// A kind while it is tuned.
struct Contender {
    start: Settings,
    best: Finalist,
    /// The changes that have not been tried yet, the next one last.
    untried: Vec<Step>,
    /// How long its last trial took.
    last: Duration,
}

impl Selector<'_> {
    /// Tries models: gives all trials, and the best of each kind, the very best first.
    ///
    /// # Errors
    /// Where a model can't be fitted.
    pub(crate) fn select(&self, algorithm: Algorithm) -> anyhow::Result<(Vec<Trial>, Vec<Finalist>)> {
        let started = Instant::now();
        let mut trials = Vec::new();
        let mut contenders = Vec::new();
        for start in Settings::start(algorithm, &self.config.hyperparameters, self.rows_of)? {
            let (trial, finalist, last) = self.attempt(&start, &start, trials.len() + 1)?;
            let mut untried = start.steps(&self.config.hyperparameters, self.rows_of);
            untried.reverse();
            trials.push(trial);
            contenders.push(Contender { start, best: finalist, untried, last });
        }
        while trials.len() < self.config.selection.trials {
            let left = self.budget.saturating_sub(started.elapsed());
            let open = contenders.iter_mut().filter(|it| !it.untried.is_empty() && it.last <= left);
            let best = open.min_by(|a, b| a.best.validation_log_loss.total_cmp(&b.best.validation_log_loss));
            let Some(contender) = best else { break };
            let Some(step) = contender.untried.pop() else { break };
            // Each trial may take as many rounds as the first one.
            let settings = contender.best.settings.after(step)?.with_rounds_of(&contender.start);
            let (trial, finalist, last) = self.attempt(&contender.start, &settings, trials.len() + 1)?;
            contender.last = last;
            trials.push(trial);
            if finalist.validation_log_loss < contender.best.validation_log_loss {
                contender.best = finalist;
            }
        }
        let mut finalists: Vec<Finalist> = contenders.into_iter().map(|contender| contender.best).collect();
        finalists.sort_by(|a, b| a.validation_log_loss.total_cmp(&b.validation_log_loss));
        finalists.first().context("there was nothing to choose from")?;
        Ok((trials, finalists))
    }

    fn attempt(
        &self,
        start: &Settings,
        settings: &Settings,
        number: usize,
    ) -> anyhow::Result<(Trial, Finalist, Duration)> {
        let started = Instant::now();
        let fitted = self.rows.fit(settings, self.progress, &format!("trial {number}"))?;
        let probabilities = self.rows.predict(&fitted.model, self.validation);
        let names = self.validation.layout.schema.class_names();
        let measure = |probabilities: &[f32]| {
            Metrics::measure(&names, &self.validation.labels, probabilities)
                .context("there are no rows to validate on")
        };
        let metrics = measure(&probabilities)?;
        let trial = Trial {
            algorithm: settings.name(),
            changed: settings.changed_since(start),
            rounds: fitted.rounds,
            validation_log_loss: metrics.log_loss,
            validation_roc_auc: metrics.roc_auc_ovr,
            prior_log_loss: measure(&self.prior.repeat(self.validation.len()))?.log_loss,
            seconds: started.elapsed().as_secs_f64(),
        };
        let settings = settings.clone().with_rounds(fitted.rounds);
        let finalist = Finalist {
            settings,
            validation_log_loss: metrics.log_loss,
            probabilities,
            losses: fitted.losses,
        };
        Ok((trial, finalist, started.elapsed()))
    }
}

impl Settings {
    /// The same with this number of rounds, if they are boosted trees.
    fn with_rounds(mut self, rounds: Option<usize>) -> Self {
        if let (Self::GradientBoosting(boosting), Some(rounds)) = (&mut self, rounds) {
            boosting.n_estimators = rounds;
        }
        self
    }

    fn with_rounds_of(self, other: &Self) -> Self {
        match other {
            Self::GradientBoosting(boosting) => self.with_rounds(Some(boosting.n_estimators)),
            _ => self,
        }
    }

    fn changed_since(&self, start: &Self) -> Vec<(String, String)> {
        let before = start.parameters();
        self.parameters().into_iter().filter(|parameter| !before.contains(parameter)).collect()
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut notes: Vec<String> =
            self.changed.iter().map(|(name, value)| format!("{name} {value}")).collect();
        notes.extend(self.rounds.map(|rounds| format!("{rounds} rounds")));
        write!(
            f,
            "{:<20} validation log-loss {:.4} (prior {:.4}), AUC {}, {:>5.1} s  {}",
            self.algorithm,
            self.validation_log_loss,
            self.prior_log_loss,
            or_dash(self.validation_roc_auc, |area| format!("{area:.3}")),
            self.seconds,
            notes.join(", ")
        )
    }
}
