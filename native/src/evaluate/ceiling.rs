//! How close a model comes to the Bayes ceiling: the true probabilities, which the synthetic bank knows.
//!
//! The ceiling knows the latent state of every customer, of which the tables show only signs: no model that
//! reads tables reaches it.

use std::fmt;

use nextbest_core::bundle::Bundle;
use nextbest_core::metrics::bootstrap::Resampled;
use serde::Serialize;

use super::contestants::Contestant;
use super::text::write_contest;
use crate::app::Progress;
use crate::app::number::or_dash;
use crate::config::Config;
use crate::io::feature_table::FeatureTable;
use crate::synth::Truth;
use crate::train::class_prior;

/// A realised log-loss this many standard errors off the expected one is no chance: the truth is another
/// bank's.
const IMPLAUSIBLE: f64 = 6.0;

/// The ceiling on the test rows of which the truth is known, and the model and the class prior on the same
/// rows.
#[derive(Debug, Serialize)]
pub(crate) struct Ceiling {
    /// Number of rows.
    pub(crate) rows: usize,
    /// The mean entropy of the true probabilities: the log-loss that they expect of themselves.
    pub(crate) expected_log_loss: f64,
    /// By how much the realised log-loss of the true probabilities differs from it by chance.
    pub(crate) standard_error: f64,
    /// Share of rows whose class is among the three with the highest true probabilities.
    pub(crate) expected_top_3_accuracy: f64,
    /// How far the model has come from the prior's log-loss (0) to the ceiling's (1), where they differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gap_closed: Option<f64>,
    /// The same for who took a product, NONE left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gap_closed_without_none: Option<f64>,
    /// The ceiling, the model and the class prior.
    pub(crate) contestants: [Contestant; 3],
}

/// Measures the ceiling, where the folder of the tables has the true probabilities of test rows.
///
/// # Errors
/// If it holds a table of the truth that can't be read or is about other products.
pub(crate) fn measure(
    config: &Config,
    progress: &Progress,
    bundle: &Bundle,
    training_labels: &[usize],
    test: &FeatureTable,
) -> anyhow::Result<Option<Ceiling>> {
    let Some(truth) = Truth::read(config.data_source.input_path())? else { return Ok(None) };
    let products = test.layout.schema.products().iter().map(|product| product.id.as_str());
    let positions = truth.positions(["NONE"].into_iter().chain(products))?;
    let names = bundle.schema.class_names();
    let prior = class_prior(training_labels, names.len());
    let guesses = bundle.scorer().score_batch(&test.values, test.len())?;
    let (mut labels, mut certain, mut model) = (Vec::new(), Vec::new(), Vec::new());
    let rows = test.ids.iter().zip(&test.cutoffs).zip(&test.labels);
    for (((id, cutoff), label), guess) in rows.zip(guesses.chunks_exact(names.len().max(1))) {
        if let Some(known) = truth.of(id, *cutoff) {
            labels.push(*label);
            certain.push(positions.iter().filter_map(|at| known.get(*at).copied()).collect::<Vec<f64>>());
            model.extend_from_slice(guess);
        }
    }
    if labels.is_empty() {
        progress.warn(&format!(
            "{}: tells of none of the test rows (of other cut-offs, perhaps), so there is no Bayes ceiling: \
             run \
             `nextbest generate` again",
            truth.path.display()
        ));
        return Ok(None);
    }
    let ceiling = Ceiling::of(&names, &labels, &certain, &model, &prior)?;
    let off = ceiling.surprise();
    if off.abs() > IMPLAUSIBLE {
        progress.warn(&format!(
            "{}: can't be the truth about these customers (its log-loss is {off:.0} standard errors off \
             what it should \
             be): run `nextbest generate` again",
            truth.path.display()
        ));
    }
    Ok(Some(ceiling))
}

impl Ceiling {
    /// Measures rows of true probabilities against what happened.
    fn of(
        names: &[&str],
        labels: &[usize],
        truth: &[Vec<f64>],
        model: &[f32],
        prior: &[f32],
    ) -> anyhow::Result<Self> {
        let count = labels.len().max(1) as f64;
        let (mut entropy, mut variance, mut top_3) = (0.0, 0.0, 0.0);
        for row in truth {
            let moment =
                |power: i32| row.iter().filter(|p| **p > 0.0).map(|p| p * (-p.ln()).powi(power)).sum::<f64>();
            entropy += moment(1);
            variance += moment(2) - moment(1).powi(2);
            let mut sorted = row.clone();
            sorted.sort_by(|a, b| b.total_cmp(a));
            top_3 += sorted.iter().take(3).sum::<f64>();
        }
        let truth: Vec<f32> = truth.iter().flatten().map(|probability| *probability as f32).collect();
        let contestant =
            |name: &str, probabilities: &[f32]| Contestant::measure(name, names, labels, probabilities, true);
        let contestants = [
            contestant("Bayes ceiling", &truth)?,
            contestant("model", model)?,
            contestant("class prior", &prior.repeat(labels.len()))?,
        ];
        let closed = |loss: fn(&Contestant) -> Option<f64>| {
            let [ceiling, model, prior] = contestants.each_ref().map(loss);
            Some((prior? - model?) / (prior? - ceiling?)).filter(|share| share.is_finite())
        };
        Ok(Self {
            rows: labels.len(),
            expected_log_loss: entropy / count,
            standard_error: variance.max(0.0).sqrt() / count,
            expected_top_3_accuracy: top_3 / count,
            gap_closed: closed(|contestant| contestant.value(Resampled::LogLoss)),
            gap_closed_without_none: closed(|contestant| contestant.value(Resampled::LogLossWithoutNone)),
            contestants,
        })
    }

    /// Difference of the truth's realised log-loss from the expected one, in standard errors.
    fn surprise(&self) -> f64 {
        let [ceiling, _, _] = &self.contestants;
        (ceiling.all.log_loss - self.expected_log_loss) / self.standard_error.max(f64::MIN_POSITIVE)
    }
}

impl fmt::Display for Ceiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "how close to the Bayes ceiling: the true probabilities of {} test rows, known to the synthetic \
             bank alone",
            self.rows
        )?;
        write_contest(f, "all of these", self.contestants.iter().map(|it| (it.name.as_str(), &it.all)))?;
        if let Some(takers) = self.contestants.first().and_then(|it| it.without_none.as_ref()) {
            let title = format!("the {} of them who took a product, NONE left out", takers.rows);
            let contestants = self.contestants.iter();
            write_contest(
                f,
                &title,
                contestants.filter_map(|it| Some((it.name.as_str(), it.without_none.as_ref()?))),
            )?;
        }
        let share = |it| or_dash(it, |share| format!("{:.1} %", 100.0 * share));
        writeln!(
            f,
            "  the model has closed {} of the gap in log-loss between prior and ceiling ({}, NONE left out)",
            share(self.gap_closed),
            share(self.gap_closed_without_none)
        )?;
        writeln!(
            f,
            "  the truth expects a log-loss of {:.4} ± {:.4} of itself, and a top-3 accuracy of {:.4}\n",
            self.expected_log_loss, self.standard_error, self.expected_top_3_accuracy
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["NONE", "a", "b"];

    /// Many rows of two kinds whose classes occur exactly as often as is true.
    fn fair() -> (Vec<usize>, Vec<Vec<f64>>) {
        let kinds = [[0.5, 0.25, 0.25], [0.8, 0.1, 0.1]];
        let (mut labels, mut truth) = (Vec::new(), Vec::new());
        for kind in kinds {
            for (class, share) in kind.iter().enumerate() {
                for _ in 0..(share * 200.0) as usize {
                    labels.push(class);
                    truth.push(kind.to_vec());
                }
            }
        }
        (labels, truth)
    }

    fn close(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-6, "{actual} instead of {expected}");
    }

    #[test]
    fn the_truth_closes_the_whole_gap_and_the_prior_nothing_of_it() {
        let (labels, truth) = fair();
        let prior = [0.65, 0.175, 0.175];
        let as_model: Vec<f32> = truth.iter().flatten().map(|p| *p as f32).collect();
        let best = Ceiling::of(&NAMES, &labels, &truth, &as_model, &prior).unwrap();
        close(best.gap_closed.unwrap(), 1.0);
        let worst = Ceiling::of(&NAMES, &labels, &truth, &prior.repeat(labels.len()), &prior).unwrap();
        close(worst.gap_closed.unwrap(), 0.0);
    }

    #[test]
    fn expectations_agree_with_the_definitions() {
        let (labels, truth) = fair();
        let prior = [0.65, 0.175, 0.175];
        let ceiling = Ceiling::of(&NAMES, &labels, &truth, &prior.repeat(labels.len()), &prior).unwrap();
        let first = 0.5 * 2f64.ln() + 0.5 * 4f64.ln();
        let second = -0.8 * 0.8f64.ln() - 0.2 * 0.1f64.ln();
        close(ceiling.expected_log_loss, (first + second) / 2.0);
        // Classes occur exactly as often as they should, so nothing is left to chance.
        close(ceiling.contestants[0].all.log_loss, ceiling.expected_log_loss);
        close(ceiling.surprise(), 0.0);
        let spread = 0.5 * 2f64.ln().powi(2) + 0.5 * 4f64.ln().powi(2) - first.powi(2);
        let other = 0.8 * 0.8f64.ln().powi(2) + 0.2 * 0.1f64.ln().powi(2) - second.powi(2);
        close(ceiling.standard_error, ((spread + other) * 200.0).sqrt() / 400.0);
        close(ceiling.expected_top_3_accuracy, 1.0);
    }

    #[test]
    fn another_banks_truth_is_implausible() {
        let (labels, mut truth) = fair();
        truth.iter_mut().for_each(|row| *row = vec![0.9998, 0.0001, 0.0001]);
        let prior = [0.65, 0.175, 0.175];
        let ceiling = Ceiling::of(&NAMES, &labels, &truth, &prior.repeat(labels.len()), &prior).unwrap();
        assert!(ceiling.surprise() > IMPLAUSIBLE, "{}", ceiling.surprise());
    }
}
