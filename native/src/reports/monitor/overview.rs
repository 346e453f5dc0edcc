//! The page's beginning: the verdict, what was compared, and what moved.

use maud::{Markup, html};

use super::features::spark;
use super::{Writer, badge, index, known, measure, p_value, rows_of, share, table_of, words};
use crate::app::number::{count, percent};
use crate::monitor::Side;
use crate::monitor::drift::{Drift, Verdict};
use crate::monitor::performance::Change;
use crate::reports::kit::page::{column_name, heads, tiles};
use crate::reports::kit::paired;

impl Writer<'_> {
    pub(super) fn lead(&self) -> Markup {
        let found = self.found;
        html! {
            ul.verdict role="list" { @for sentence in self.verdict() { li { (sentence) } } }
            p.lead {
                (rows_of(&found.current)) " rows (" (found.current.name) ") \
                    beside " (rows_of(&found.reference)) " \
                    ("
                (found.reference.name) "), on " (found.at) " UTC."
            }
            (self.alerts())
            (tiles(&self.tiles()))
        }
    }

    /// What was found in a sentence each: of the data, of the scores, and of how good the model is.
    fn verdict(&self) -> Vec<String> {
        let (found, data) = (self.found, &self.found.data);
        if data.compared == 0 {
            return vec!["Nothing could be compared.".into()];
        }
        let things = self.things(data.compared);
        // No line breaks before a percent sign.
        let part = share(data.drifted_share).replace(' ', "\u{a0}");
        let of_all = match (self.has_model(), data.drifted_count) {
            (_, 0) => String::new(),
            (true, 1) => format!(", which has {part} of the importance"),
            (true, _) => format!(", which have {part} of the importance"),
            (false, _) => format!(", {part} of them"),
        };
        let what = match (data.drifted, data.drifted_count) {
            (true, _) => "▲ The data have drifted",
            (false, 0) => "✓ The data are stable",
            (false, _) => "✓ The data are stable as a whole",
        };
        let moved = match data.drifted_count {
            0 => "none".to_owned(),
            count => count.to_string(),
        };
        let of_data = format!("{what}: {moved} of {} {things} moved{of_all}.", data.compared);
        let of_scores = found.prediction.as_ref().map(|it| match it.drifted {
            true => "▲ What the model says has drifted.",
            false => "✓ What the model says is stable.",
        });
        let log_loss = found.performance.as_ref().and_then(|it| it.metric("log_loss"));
        let of_model = log_loss.map(|it| match it.change {
            Change::Worse => "▲ The model is worse than in its test.",
            Change::Better => "✓ The model is better than in its test.",
            Change::NotShown => "✓ These rows show no change in how good the model is.",
        });
        [of_data].into_iter().chain(of_scores.into_iter().chain(of_model).map(str::to_owned)).collect()
    }

    fn alerts(&self) -> Markup {
        let alerts = &self.found.alerts;
        html! {
            @if alerts.is_empty() { p { "No alert." } }
            @else {
                div.warning role="note" aria-label="Alerts" {
                    strong { (alerts.len()) (if alerts.len() == 1 { " alert" } else { " alerts" }) }
                    ul { @for alert in alerts { li { (alert.detail) " " span.soft { "(" code { (alert.rule) } ")" } } } }
                }
            }
        }
    }

    fn tiles(&self) -> Vec<(Markup, String)> {
        let (found, data) = (self.found, &self.found.data);
        let mut tiles = vec![(
            html! { (self.things(2)) " moved" br; (data.heavily_drifted_count) " heavily" },
            format!("{} of {}", data.drifted_count, data.compared),
        )];
        if self.has_model() {
            let name = html! { "of the importance moved" br; "drift \
                from " (share(found.rules.drifted_share)) " \
            on" };
            tiles.push((name, share(data.drifted_share)));
        }
        if let Some(prediction) = &found.prediction {
            let name = html! { "scores moved" br; (prediction.heavily_drifted_count) " heavily" };
            tiles.push((name, format!("{} of {}", prediction.drifted_count, prediction.compared)));
        }
        let quality = &found.quality;
        let missing =
            html! { "values missing" br; (share(quality.missing_in_reference)) " in the reference" };
        tiles.push((missing, share(quality.missing)));
        if let Some(metric) = found.performance.as_ref().and_then(|it| it.metric("log_loss")) {
            let name = html! { "log-loss today" br; (known(metric.in_test, measure)) " in its test" };
            tiles.push((name, measure(metric.today)));
        } else if let Some(metric) = found.estimate.as_ref().and_then(|it| it.metric("log_loss")) {
            let name =
                html! { "log-loss expected" br; (known(metric.in_reference, measure)) " in the reference" };
            tiles.push((name, measure(metric.expected)));
        }
        tiles
    }

    pub(super) fn overview(&self) -> Markup {
        let found = self.found;
        let rules = &found.rules;
        html! {
            dl.findings {
                div { dt { "Today’s rows" } dd { (side(&found.current)) } }
                div { dt { "The reference" } dd { (side(&found.reference)) } }
                div { dt { "Model" } dd {
                    @match &found.model {
                        Some(model) => {
                            (model.name) ", " (model.algorithm.replace('_', " ")) ", "
                            code { (model.content_hash.get(..8).unwrap_or(&model.content_hash)) }
                            @if let Some(date) = &model.trained_until { ", trained on cut-offs \
                                until " (date) }
                        }
                        None => { "none: the tables are compared column by column, and all columns matter \
                            the same" }
                    }
                } }
                @if let Some(sketches) = &found.sketches { div { dt { "Sketches" } dd { (self.sketches(sketches)) } } }
                div { dt { "Rules" } dd {
                    "Drifted: p of at most " (rules.significance) " and a PSI of at least " (rules.drift)
                    " (or, of numbers known one by one, " (rules.distance) " standard deviations); heavily: \
                        a PSI of at least "
                    (rules.heavy_drift) ". The data have drifted where that \
                        has " (percent(rules.drifted_share))
                    @if self.has_model() { " of the importance" } @else { " of the columns" } " or more."
                } }
            }
            @if self.found.data.compared > 0 { (self.moved()) }
        }
    }

    /// What moved, most important first.
    fn moved(&self) -> Markup {
        let numbered = self.numbered();
        let moved: Vec<_> = numbered.iter().filter(|(_, drift)| drift.verdict > Verdict::Stable).collect();
        let rows: Vec<Markup> = moved.iter().map(|(place, drift)| self.moved_row(*place, drift)).collect();
        let head = html! {
            (heads(&[if self.has_model() { "feature" } else { "column" }, "verdict"], &[]))
            (heads(&["PSI"], &["p"]))
            @if self.has_model() { (heads(&[], &["importance"])) }
        };
        html! {
            h3 { "What moved" }
            @if moved.is_empty() { p { "✓ Nothing: chance explains every difference, or it is small." } }
            @else {
                (paired::legend("reference (area)", "today (line)"))
                (table_of(&head, &rows))
            }
        }
    }

    fn moved_row(&self, place: usize, drift: &Drift) -> Markup {
        html! {
            th scope="row" {
                span.with-picture {
                    (spark(drift))
                    span {
                        a href=(format!("#feature-{place}")) { (column_name(&drift.name)) }
                        @if drift.label != drift.name { br; span.soft { (drift.label) } }
                    }
                }
            }
            td { (badge(drift.verdict)) }
            td { (known(drift.psi, index)) }
            td.wide { (known(drift.adjusted_p_value, p_value)) }
            @if self.has_model() { td.wide { (share(drift.importance)) } }
        }
    }

    fn sketches(&self, sketches: &crate::monitor::sketches::SketchCounts) -> Markup {
        let number = |number: u64| count(usize::try_from(number).unwrap_or(usize::MAX));
        html! {
            (number(sketches.counted)) " added up, of " (number(sketches.rows)) " rows"
            @if sketches.twice > 0 { "; " (number(sketches.twice)) " came twice and count once" }
            @if sketches.refused > 0 {
                "; " (number(sketches.refused)) " refused"
                @if !sketches.reasons.is_empty() {
                    " ("
                    @for (place, (reason, many)) in sketches.reasons.iter().enumerate() {
                        @if place > 0 { ", " }
                        (words(reason)) ": " (number(*many))
                    }
                    ")"
                }
            }
            "."
            @if sketches.randomised {
                " Each row was randomised before it was counted (local differential privacy): the shares are \
                 estimates, whose noise the tests allow for."
            }
            @if let Some(first) = &sketches.first_refused { br; span.soft { "The first that was \
                refused: " (first) } }
        }
    }
}

fn side(it: &Side) -> Markup {
    html! {
        (it.name) ": " (rows_of(it)) " rows, "
        (if it.whole { "known one by one" } else { "of which is known how many lie in each cell" })
    }
}
