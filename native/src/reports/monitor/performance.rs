//! The page's part about the model: how good it is where outcomes are known, and is to be expected to be
//! where they are not.

use maud::{Markup, html};

use super::{Writer, between, known, measure, p_value, share, signed, words};
use crate::app::number::count;
use crate::evaluate::Difference;
use crate::monitor::ModelComparison;
use crate::monitor::estimate::{Estimate, EstimatedMetric};
use crate::monitor::performance::{Change, ClassShare, MeasuredMetric, Performance};
use crate::reports::kit::inline::{Ranged, ranges};
use crate::reports::kit::page::{more, scrolling};
use crate::reports::kit::paired::{self, Pair};

/// So many classes' areas are shown at once; where there are more, all open.
const AREAS: usize = 6;
/// Nearly always.
const USUAL: f64 = 0.9;

impl Writer<'_> {
    pub(super) fn performance(&self) -> Option<Markup> {
        let found = self.found;
        if found.performance.is_none() && found.estimate.is_none() && found.against.is_none() {
            return None;
        }
        Some(html! {
            @if let Some(performance) = &found.performance { (measured(performance)) }
            @if let Some(estimate) = &found.estimate { (estimated(estimate)) }
            @if let Some(versus) = &found.against { (against(versus)) }
        })
    }
}

/// What outcomes say.
fn measured(it: &Performance) -> Markup {
    html! {
        h3 { "Measured" }
        p {
            "The outcomes of " (count(it.rows)) " rows are known. Ranges in brackets are 95 % intervals. In \
                each picture the filled dot is today, the outlined one the model’s test; every picture has a \
                scale of its own."
        }
        @if !it.metrics.is_empty() {
            (scrolling("Measured", &html! {
                table {
                    thead { tr {
                        th scope="col" {}
                        @for name in ["today", "in its test", "in this order", "today \
                            is"] { th scope="col" { (name) } }
                    } }
                    tbody { @for metric in &it.metrics { (measured_row(metric)) } }
                }
            }))
        }
        @if !it.classes.is_empty() { (happened(it)) }
    }
}

/// How often each class happened. What nearly always happens is told in words: beside its bar no other could
/// be seen.
fn happened(it: &Performance) -> Markup {
    let (usual, others): (Vec<&ClassShare>, Vec<&ClassShare>) =
        it.classes.iter().partition(|class| class.today >= USUAL && it.classes.len() > 2);
    let pairs: Vec<Pair<'_>> = others
        .iter()
        .map(|class| Pair { name: &class.name, before: class.reference, now: class.today })
        .collect();
    let both = it.classes.iter().any(|class| class.reference.is_some());
    let title =
        if both { "Share of each class, in the reference and today" } else { "Share of each class today" };
    html! {
        h3 { "What happened" }
        p {
            @for class in usual {
                (class.name) " happened in " (share(class.today)) " of the rows"
                @if let Some(before) = class.reference { ", in the reference in " (share(before)) }
                "; here are the others. "
            }
            "How many rows turned out to be of each class"
            @if let Some(p) = it.classes_p_value.filter(|p| p.is_finite()) {
                ". Where nothing changed, all shares together differ as far with a probability \
                 of " (p_value(p)) " \
                    (χ²)"
            }
            "."
        }
        figure {
            @if both { (paired::legend("reference", "today")) }
            (paired::paired_bars(title, &pairs))
        }
    }
}

fn measured_row(it: &MeasuredMetric) -> Markup {
    let name = words(it.name);
    let interval = it.interval.map(|it| (it.low, it.high));
    let title = format!(
        "{name}: {} today{}, {} in its test{}",
        measure(it.today),
        interval.map_or_else(String::new, |it| format!(" {}", between(it, measure))),
        known(it.in_test, measure),
        it.interval_in_test.map_or_else(String::new, |it| format!(" {}", between(it, measure)))
    );
    let numbers = [
        Some(Ranged { value: it.today, range: interval }),
        it.in_test.map(|value| Ranged { value, range: it.interval_in_test }),
    ];
    html! {
        tr {
            th scope="row" { (name) }
            (value(Some(it.today), interval))
            (value(it.in_test, it.interval_in_test))
            td.picture { @if let Some(picture) = ranges(&title, &numbers) { (picture) } }
            td {
                @match it.change {
                    Change::Worse => strong { "▲ " (it.change.words()) },
                    Change::Better => strong { "✓ " (it.change.words()) },
                    Change::NotShown => span.soft { (if it.in_test.is_some() { "no change \
                        shown" } else { "–" }) },
                }
            }
        }
    }
}

/// A number with its interval below.
fn value(value: Option<f64>, interval: Option<(f64, f64)>) -> Markup {
    html! {
        td {
            (known(value, measure))
            @if let Some(interval) = interval { br; span.soft { (between(interval, measure)) } }
        }
    }
}

/// What the probabilities say about themselves.
fn estimated(it: &Estimate) -> Markup {
    let observed = it.metrics.iter().any(|metric| metric.observed.is_some());
    let missed = it.metrics.iter().filter(|metric| is_missed(metric)).map(|metric| words(&metric.name));
    let missed: Vec<String> = missed.collect();
    html! {
        h3 { "Expected without outcomes" }
        p {
            "What the probabilities of " (count(it.rows)) " rows say about themselves: if they are right, 95 \
                % of the possible outcomes lie in the brackets. This sees that other customers come, harder \
                or easier to predict. It can’t see that the same customers now act differently (concept \
                shift): only outcomes show that. In each picture the filled dot is what is expected today; \
                below it, outlined, are the other columns; every picture has a scale of its own."
        }
        @if observed {
            p {
                @if missed.is_empty() { "✓ The outcomes lie in the ranges that were expected." }
                @else {
                    "▲ Outside of what was expected: " (missed.join(", ")) ". The probabilities are no \
                        longer right for these rows."
                }
            }
        }
        (scrolling("Expected", &estimates(&it.metrics)))
        @if !it.roc_auc.is_empty() {
            @let areas = scrolling("Expected areas under the ROC curve", &estimates(&it.roc_auc));
            @if it.roc_auc.len() <= AREAS { p.soft { "The area under the ROC curve of each class:" } (areas) }
            @else { (more("The area under the ROC curve of each class", &areas)) }
        }
    }
}

fn is_missed(it: &EstimatedMetric) -> bool {
    it.observed.is_some_and(|observed| observed < it.interval.0 || observed > it.interval.1)
}

/// Empty columns are left out.
fn estimates(metrics: &[EstimatedMetric]) -> Markup {
    type Column = (&'static str, fn(&EstimatedMetric) -> Option<f64>);
    let columns: [Column; 3] = [
        ("expected of the reference", |it| it.in_reference),
        ("in its test", |it| it.in_test),
        ("it turned out", |it| it.observed),
    ];
    let columns: Vec<Column> =
        columns.into_iter().filter(|(_, of)| metrics.iter().any(|it| of(it).is_some())).collect();
    let row = |it: &EstimatedMetric| {
        let name = words(&it.name);
        let others = columns.iter().map(|(_, of)| of(it).map(|value| Ranged { value, range: None }));
        let numbers: Vec<Option<Ranged>> = [Some(Ranged { value: it.expected, range: Some(it.interval) })]
            .into_iter()
            .chain(others)
            .collect();
        let title = format!("{name}: {} expected {}", measure(it.expected), between(it.interval, measure));
        html! {
            tr {
                th scope="row" { (name) }
                (value(Some(it.expected), Some(it.interval)))
                @for (_, of) in &columns { td { (known(of(it), measure)) } }
                td.picture { @if let Some(picture) = ranges(&title, &numbers) { (picture) } }
            }
        }
    };
    html! {
        table {
            thead { tr {
                th scope="col" {}
                th scope="col" { "expected today" }
                @for (name, _) in &columns { th scope="col" { (name) } }
                th scope="col" { "in this order" }
            } }
            tbody { @for metric in metrics { (row(metric)) } }
        }
    }
}

/// The model and another one.
fn against(it: &ModelComparison) -> Markup {
    html! {
        h3 { "Beside another model" }
        p {
            "The other model is " code { (it.bundle) } ". Both were asked about the same rows; a difference \
                is this model’s number less the other’s."
        }
        (scrolling("Differences", &html! {
            table {
                thead { tr {
                    th scope="col" {}
                    @for name in ["this model", "other", "difference", "this model \
                        is"] { th scope="col" { (name) } }
                } }
                tbody { @for difference in &it.differences { (difference_row(difference)) } }
            }
        }))
    }
}

fn difference_row(it: &Difference) -> Markup {
    html! {
        tr {
            th scope="row" { (words(it.metric)) }
            td { (measure(it.model)) }
            td { (measure(it.other)) }
            td {
                (signed(it.difference))
                @if let Some(interval) = it.interval { br; span.soft { (between((interval.low, interval.high), signed)) } }
            }
            td { (it.verdict.words()) }
        }
    }
}
