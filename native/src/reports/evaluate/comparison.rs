//! The page's parts that compare: contestants, another bundle, segments.

use maud::{Markup, html};
use nextbest_core::metrics::Metrics;
use nextbest_core::metrics::bootstrap::Resampled;

use super::{Writer, area, between, loss};
use crate::app::number::{count, number, or_dash, percent};
use crate::evaluate::against::{Against, Verdict};
use crate::evaluate::contestants::Contestant;
use crate::evaluate::segments::Segmentation;
use crate::reports::kit::page::{exact, scrolling};

/// A column of the contestants' table: a heading, the metric and how it is written.
type Column = (&'static str, Resampled, fn(f64) -> String);

const COLUMNS: [Column; 5] = [
    ("log-loss", Resampled::LogLoss, loss),
    ("AUC", Resampled::RocAuc, area),
    ("top 3", Resampled::Top3, percent),
    ("MAP@3", Resampled::MapAt3, area),
    ("Brier", Resampled::Brier, loss),
];
/// Where nearly all rows are NONE it says nothing.
const ACCURACY: Column = ("accuracy", Resampled::Accuracy, percent);

impl Writer<'_> {
    pub(super) fn contestants(&self) -> Markup {
        let contestants = &self.evaluation.contestants;
        let takers = contestants.first().and_then(|model| model.without_none.as_ref());
        html! {
            (scrolling("Contestants", &contest(contestants, self.has_none())))
            p.note {
                "That two intervals overlap does not mean that there is no difference: the first column \
                 compares draw by draw, and a range above 0 says that the model is better."
            }
            @if let Some(takers) = takers {
                h3 { "The " (count(takers.rows)) " who took a product, NONE left out" }
                p.soft { "Which product, given that someone takes one: probabilities are scaled to sum to 1 \
                    without NONE." }
                (scrolling("Contestants, NONE left out", &takers_contest(contestants)))
            }
            @if let Some(ceiling) = &self.evaluation.ceiling {
                h3 { "How close to the best possible" }
                p {
                    "The true probabilities of " (count(ceiling.rows)) " of these rows are known to the \
                        synthetic bank alone. They expect a log-loss \
                        of " (loss(ceiling.expected_log_loss)) " \
                            ± " (loss(ceiling.standard_error))
                    "; the model has closed " (or_dash(ceiling.gap_closed, percent)) " of the gap between \
                        class prior and truth ("
                    (or_dash(ceiling.gap_closed_without_none, percent)) " with NONE left out). The truth \
                        knows what no table shows, so no model reaches it."
                }
            }
        }
    }

    pub(super) fn against(&self, against: &Against) -> Markup {
        html! {
            p {
                "The other model is " code { (against.bundle.display()) } ": " (against.algorithm.replace('_', " ")) " "
                code { (format_args!("{:.8}", against.model)) }
                @if let Some(date) = &against.trained_until { ", trained on cut-offs until " (date) }
                ". Both were asked about the same rows; a difference is this model’s number less the other’s."
            }
            (scrolling("Differences", &html! {
                table {
                    thead { tr {
                        @for name in ["", "this model", "other", "difference", "95 % interval", "this model \
                            is"] {
                            th scope="col" { (name) }
                        }
                    } }
                    tbody {
                        @for it in &against.differences {
                            tr {
                                th scope="row" { (words(it.metric)) }
                                td { (exact(it.model, &loss(it.model))) }
                                td { (exact(it.other, &loss(it.other))) }
                                td { (exact(it.difference, &signed(it.difference))) }
                                td.soft { @if let Some(interval) = it.interval { (between(interval, signed)) } }
                                td { (verdict(it.verdict)) }
                            }
                        }
                    }
                }
            }))
        }
    }

    pub(super) fn segments(&self) -> Markup {
        html! {
            @for segmentation in &self.evaluation.segments {
                h3 { "By " (segmentation.name) " " span.soft { (segmentation.label) } }
                (scrolling(&segmentation.name, &self.segmentation(segmentation)))
            }
            @for remark in &self.evaluation.remarks { p.note { (remark) "." } }
        }
    }

    fn segmentation(&self, it: &Segmentation) -> Markup {
        let has_none = self.has_none();
        html! {
            table {
                thead { tr {
                    th scope="col" { "" }
                    th scope="col" { "rows" }
                    @if has_none { th scope="col" { "takers" } th scope="col" { "predicted" } }
                    th scope="col" { "log-loss" }
                    th scope="col" { "class prior’s" }
                    th scope="col" { "AUC" @if has_none { " of taking any" } }
                } }
                tbody {
                    @for segment in &it.segments {
                        tr {
                            th scope="row" {
                                (segment.name)
                                @if let Some(warning) = &segment.warning { " " span.badge { "⚠ " (warning) } }
                            }
                            td { (count(segment.rows)) }
                            @if let Some(takers) = &segment.takers {
                                td { (count(takers.observed)) }
                                td { (exact(takers.predicted, &number((takers.predicted * 10.0).round() / 10.0))) }
                            }
                            td {
                                (exact(segment.log_loss, &loss(segment.log_loss)))
                                @if let Some(interval) = segment.log_loss_interval {
                                    br; span.soft { (between(interval, loss)) }
                                }
                            }
                            td { (exact(segment.prior_log_loss, &loss(segment.prior_log_loss))) }
                            td { @if let Some(value) = segment.roc_auc { (exact(value, &area(value))) } @else { "–" } }
                        }
                    }
                }
            }
        }
    }
}

fn contest(contestants: &[Contestant], has_none: bool) -> Markup {
    let columns = || COLUMNS.into_iter().chain((!has_none).then_some(ACCURACY));
    let above = |contestant: &Contestant| {
        let interval = contestant.log_loss_above_model?;
        let above = contestant.all.log_loss - contestants.first()?.all.log_loss;
        Some(
            html! { (exact(above, &short_signed(above))) br; span.soft { (between(interval, short_signed)) } },
        )
    };
    html! {
        table {
            thead { tr {
                th scope="col" { "" }
                th scope="col" { "log-loss above the model’s" }
                @for (name, ..) in columns() { th scope="col" { (name) } }
                th scope="col" { "calibration error" }
            } }
            tbody {
                @for contestant in contestants {
                    tr {
                        th scope="row" { (contestant.name.replace('_', " ")) }
                        td { @if let Some(above) = above(contestant) { (above) } }
                        @for (_, metric, show) in columns() { td { (cell(contestant, metric, show)) } }
                        td { (exact(contestant.all.calibration_error, &loss(contestant.all.calibration_error))) }
                    }
                }
            }
        }
    }
}

fn takers_contest(contestants: &[Contestant]) -> Markup {
    let cells =
        |it: &Metrics| [or_dash(it.roc_auc_ovr, area), percent(it.top_3_accuracy), percent(it.accuracy)];
    html! {
        table {
            thead { tr {
                @for name in ["", "log-loss", "AUC", "top 3", "accuracy"] { th scope="col" { (name) } }
            } }
            tbody {
                @for contestant in contestants {
                    @if let Some(takers) = &contestant.without_none {
                        tr {
                            th scope="row" { (contestant.name.replace('_', " ")) }
                            td { (cell(contestant, Resampled::LogLossWithoutNone, loss)) }
                            @for text in cells(takers) { td { (text) } }
                        }
                    }
                }
            }
        }
    }
}

/// A metric with its interval below.
fn cell(contestant: &Contestant, metric: Resampled, show: fn(f64) -> String) -> Markup {
    html! {
        @if let Some(value) = contestant.value(metric) { (exact(value, &show(value))) } @else { "–" }
        @if let Some(interval) = contestant.interval(metric) { br; span.soft { (between(interval, show)) } }
    }
}

fn verdict(verdict: Verdict) -> Markup {
    match verdict {
        Verdict::Undecided => html! { span.soft { (verdict.words()) } },
        _ => html! { strong { (verdict.words()) } },
    }
}

/// A metric's name as the other tables have it.
fn words(metric: &str) -> String {
    let known = COLUMNS.into_iter().chain([ACCURACY]).find(|(_, of, _)| of.name() == metric);
    known.map_or_else(|| metric.replace('_', " "), |(name, ..)| name.to_owned())
}

fn short_signed(value: f64) -> String {
    format!("{value:+.4}").replace('-', "−")
}

fn signed(value: f64) -> String {
    format!("{value:+.5}").replace('-', "−")
}
