//! The page: what was measured, as tables and charts for people.

mod charts;
mod comparison;
mod files;
mod model;

use maud::{Markup, html};
use nextbest_core::metrics::bootstrap::{Interval, Resampled};

use crate::app::number::{count, or_dash, percent};
use crate::evaluate::Evaluation;
use crate::evaluate::segments::{FEW_ROWS, FEW_TAKERS};
use crate::reports::kit::page::{Section, page, tiles};

/// Writes the page.
///
/// # Errors
/// If a chart's range is not finite.
pub(super) fn html(evaluation: &Evaluation) -> anyhow::Result<String> {
    let it = Writer { evaluation };
    let section = |id, title, body| Section { id, title, body };
    let mut sections = vec![section("contestants", "Who predicts better", it.contestants())];
    if let Some(against) = &evaluation.against {
        sections.push(section("against", "Against another model", it.against(against)));
    }
    sections.extend([
        section("classes", it.classes_title(), it.classes()),
        section("ranking", "Finding the likeliest", it.ranking()?),
        section("reliability", "Do the probabilities come true?", it.reliability()?),
        section("importance", "Which features matter", it.importance()),
    ]);
    if !evaluation.segments.is_empty() || !evaluation.remarks.is_empty() {
        sections.push(section("segments", "For whom", it.segments()));
    }
    sections.extend([
        section("confusion", "What is taken for what", it.confusion()?),
        section("methods", "How it was measured", it.methods()),
    ]);
    Ok(page("How good the model is", &it.lead(), &sections))
}

struct Writer<'a> {
    evaluation: &'a Evaluation,
}

impl Writer<'_> {
    fn lead(&self) -> Markup {
        let evaluation = self.evaluation;
        let (Some(model), Some(prior)) = (evaluation.of_model(), evaluation.contestants.get(1)) else {
            return html! {};
        };
        let tile = |name: &str, metric: Resampled, show: fn(f64) -> String| {
            let prior = or_dash(prior.value(metric), show);
            let interval = model.interval(metric).map(|it| between(it, show));
            let name = html! {
                (name)
                @if let Some(interval) = interval { br; (interval) }
                br; "class prior " (prior)
            };
            (name, or_dash(model.value(metric), show))
        };
        let mut shown = vec![
            tile("log-loss", Resampled::LogLoss, loss),
            tile("mean AUC", Resampled::RocAuc, area),
            tile("among first 3", Resampled::Top3, percent),
            tile("MAP@3", Resampled::MapAt3, area),
        ];
        if let Some(takers) = &model.without_none {
            shown.push(tile("log-loss of takers", Resampled::LogLossWithoutNone, loss));
            let name = html! { "takers" br; "of " (count(model.all.rows)) " rows" };
            shown.push((name, count(takers.rows)));
        }
        html! {
            p.lead {
                (evaluation.algorithm.replace('_', " ")) ", \
                    model " code { (format_args!("{:.8}", evaluation.model)) }
                ", on " (count(model.all.rows)) " test rows of " (count(evaluation.customers))
                (if self.has_none() { " customers" } else { " cases" })
                @if !evaluation.test_cutoffs.is_empty() { ", at " (evaluation.test_cutoffs.join(", ")) }
                ". It learned from none of these rows. Ranges in brackets are 95 % intervals; the class \
                 prior is what someone says who knows nothing of a row."
            }
            (tiles(&shown))
        }
    }

    fn has_none(&self) -> bool {
        self.evaluation.has_none
    }

    fn methods(&self) -> Markup {
        let evaluation = self.evaluation;
        html! {
            ul {
                li {
                    "Intervals are percentiles of " (count(evaluation.bootstrap_draws as usize)) " draws of "
                    (count(evaluation.customers)) " customers, each with all its rows (a bootstrap of \
                        clusters), since the rows of one customer are alike. Differences are taken draw by \
                        draw. They say how far chance could change the numbers on other customers of the \
                        same time, not how the future may differ."
                }
                li {
                    "Log-loss is the mean of −ln(probability of what happened), Brier the mean squared \
                     distance of the probabilities from it (0 to 2), MAP@3 the mean of 1 / rank of what \
                     happened, 0 behind the first three. The area under the ROC curve is each class against \
                     the rest, averaged; 0.5 is chance."
                }
                li {
                    "Calibration error is the class-wise expected one, over 15 bins of equal width (Kull et \
                     al., 2019). Bins of the reliability diagrams hold equal parts of Σ p (1 − p), so that \
                     each says as much as the others; their intervals are Wilson’s and take rows for \
                     independent. Equal probabilities stay together."
                }
                li {
                    "Gain and lift order all rows by a class’s probability; rows of equal probability count \
                     as chance would order them."
                }
                li {
                    "Permutation importance is by how much the log-loss grows when a feature’s values are \
                     dealt out among the rows anew, the mean of three deals"
                    @if evaluation.permuted_rows < evaluation.of_model().map_or(0, |model| model.all.rows) {
                        ", taken of " (count(evaluation.permuted_rows)) " test rows: of large classes of \
                            every so many-th row, which then counts for so many"
                    }
                    ". Of features that go together each alone may seem to matter little."
                }
                li {
                    "A segment with fewer than " (FEW_ROWS) " rows or " (FEW_TAKERS) " takers is marked: its \
                        numbers are mostly chance."
                }
            }
        }
    }
}

fn loss(value: f64) -> String {
    format!("{value:.4}")
}

fn area(value: f64) -> String {
    format!("{value:.3}")
}

/// An interval in brackets.
fn between(interval: Interval, show: fn(f64) -> String) -> String {
    format!("[{}, {}]", show(interval.low), show(interval.high))
}
