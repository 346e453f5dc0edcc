//! The page's part about each feature: both sides' shares and what the tests say.

use maud::{Markup, html};
use nextbest_core::monitor::distribution::Summary;

use super::{Writer, badge, index, known, p_value, plain, share};
use crate::app::number::{count, number};
use crate::monitor::drift::{Cell, Drift, Verdict};
use crate::reports::kit::page::column_name;
use crate::reports::kit::paired::{self, Pair};

/// Words of a chart; the other words share one bar.
const WORDS: usize = 14;
/// So many new words are named.
const NEW_WORDS: usize = 8;

impl Writer<'_> {
    pub(super) fn features(&self) -> Markup {
        let numbered = self.numbered();
        let (moved, stable): (Vec<_>, Vec<_>) =
            numbered.into_iter().partition(|(_, drift)| drift.verdict > Verdict::Stable);
        let all = |features: &[(usize, &Drift)]| {
            html! {
                div.features {
                    @for (place, drift) in features {
                        (details(&format!("feature-{place}"), drift, self.has_model().then_some(drift.importance)))
                    }
                }
            }
        };
        html! {
            @if moved.is_empty() && stable.is_empty() { p { "There is nothing that both sides have." } }
            @else {
                p { "Open one for its shares on both sides and what the tests say. The small pictures show \
                    the same shares." }
                (paired::legend("reference (area)", "today (line)"))
            }
            @if !moved.is_empty() { h3 { "Drifted " span.soft { (moved.len()) } } (all(&moved)) }
            @if !stable.is_empty() { h3 { "Stable " span.soft { (stable.len()) } } (all(&stable)) }
        }
    }
}

/// A quantity, to be opened.
pub(super) fn details(id: &str, drift: &Drift, importance: Option<f64>) -> Markup {
    let class = if drift.verdict > Verdict::Stable { "feature compared drifted" } else { "feature compared" };
    html! {
        details class=(class) {
            summary {
                (spark(drift))
                span.name {
                    (column_name(&drift.name))
                    span.soft {
                        @if drift.label != drift.name { (drift.label) br; }
                        "PSI " (known(drift.psi, index))
                        @if let Some(importance) = importance { ", importance " (share(importance)) }
                    }
                }
                (badge(drift.verdict))
            }
            // An anchor in what is closed opens it.
            div.opened id=(id) {
                (chart(&format!("{}: shares of the rows in the reference and today", drift.name), drift))
                (statistics(drift))
            }
        }
    }
}

/// Both sides in a few pixels.
pub(super) fn spark(drift: &Drift) -> Markup {
    paired::paired_spark(&pairs(&shown(&drift.cells)))
}

/// Both sides' shares as bars.
pub(super) fn chart(title: &str, drift: &Drift) -> Markup {
    let cells = shown(&drift.cells);
    html! {
        figure {
            @if cells.is_empty() { p { "There is nothing to compare." } }
            @else {
                (paired::legend("reference", "today"))
                (paired::paired_bars(title, &pairs(&cells)))
            }
        }
    }
}

fn pairs(cells: &[Cell]) -> Vec<Pair<'_>> {
    cells
        .iter()
        .map(|cell| Pair { name: &cell.name, before: Some(cell.reference), now: cell.current })
        .collect()
}

/// The cells that hold anything: where they are many, those that hold most, in their order, and the sum of
/// the others.
fn shown(cells: &[Cell]) -> Vec<Cell> {
    let greatest = |cell: &Cell| cell.reference.max(cell.current);
    let mut filled: Vec<(usize, &Cell)> =
        cells.iter().enumerate().filter(|(_, cell)| greatest(cell) > 0.0).collect();
    filled.sort_by(|(_, a), (_, b)| greatest(b).total_cmp(&greatest(a)));
    let others = filled.split_off(WORDS.min(filled.len()));
    filled.sort_by_key(|(place, _)| *place);
    let mut shown: Vec<Cell> = filled.into_iter().map(|(_, cell)| cell.clone()).collect();
    if !others.is_empty() {
        let sum = |of: fn(&Cell) -> f64| others.iter().map(|(_, cell)| of(cell)).sum();
        let name = format!("{} others", count(others.len()));
        shown.push(Cell { name, reference: sum(|cell| cell.reference), current: sum(|cell| cell.current) });
    }
    shown
}

/// What the tests and distances say, and both sides in short.
pub(super) fn statistics(drift: &Drift) -> Markup {
    let mut all: Vec<(&str, String)> = Vec::new();
    let mut add = |name, value: Option<f64>, show: fn(f64) -> String| {
        all.extend(value.filter(|value| value.is_finite()).map(|value| (name, show(value))));
    };
    add("PSI", drift.psi, index);
    add("Jensen–Shannon", drift.jensen_shannon, index);
    add("Wasserstein", drift.wasserstein, index);
    if let Some(it) = drift.kolmogorov_smirnov {
        add("KS distance", Some(it.test.distance), index);
        add(
            if it.of == "values" { "KS p, of values" } else { "KS p, of bins" },
            Some(it.test.p_value),
            p_value,
        );
    }
    if let Some(it) = drift.chi_square {
        add("χ²", Some(it.statistic), number);
        add("degrees of freedom", Some(it.degrees_of_freedom as f64), number);
        add("χ² p", Some(it.p_value), p_value);
        add("Cramér’s V", Some(it.cramers_v), index);
    }
    add("p", drift.p_value, p_value);
    add("adjusted p", drift.adjusted_p_value, p_value);
    add("beyond range", drift.beyond_range, share);
    html! {
        div.stacked {
            dl.statistics { @for (name, value) in all { div { dt { (name) } dd { (value) } } } }
            @if !drift.new_words.is_empty() { p.note { "New words: " (new_words(&drift.new_words)) "." } }
            (numbers(drift))
        }
    }
}

/// Words that the reference does not have.
pub(super) fn new_words(words: &[(String, usize)]) -> Markup {
    html! {
        @for (place, (word, rows)) in words.iter().take(NEW_WORDS).enumerate() {
            @if place > 0 { ", " }
            (begin(word)) " (" (count(*rows)) ")"
        }
        @if words.len() > NEW_WORDS { " and " (count(words.len() - NEW_WORDS)) " more" }
    }
}

/// A word, or the beginning of a text.
fn begin(word: &str) -> String {
    const MOST: usize = 40;
    let begin: String = word.chars().take(MOST).collect();
    if begin.len() < word.len() { begin + "…" } else { begin }
}

/// Both sides in short.
fn numbers(drift: &Drift) -> Markup {
    let (before, now) = (drift.reference, drift.current);
    let mut rows = Vec::new();
    if drift.missing.reference > 0.0 || drift.missing.current > 0.0 {
        rows.push(("missing", share(drift.missing.reference), share(drift.missing.current)));
    }
    if before.is_some() || now.is_some() {
        let row = |name: &'static str, of: fn(&Summary) -> f32| {
            let text = |it: Option<Summary>| known(it.map(|it| f64::from(of(&it))), plain);
            (name, text(before), text(now))
        };
        rows.extend([
            row("least", |it| it.least),
            row("mean", |it| it.mean),
            row("standard deviation", |it| it.standard_deviation),
            row("greatest", |it| it.greatest),
        ]);
    }
    html! {
        @if !rows.is_empty() {
            table {
                thead { tr { th scope="col" {} th scope="col" { "reference" } th scope="col" { "today" } } }
                tbody {
                    @for (name, before, now) in rows {
                        tr { th scope="row" { (name) } td { (before) } td { (now) } }
                    }
                }
            }
        }
    }
}
