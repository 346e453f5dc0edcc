//! The page's part about what is wrong with today's rows, whatever they are compared with.

use maud::{Markup, html};
use nextbest_core::monitor::distribution::Summary;

use super::features::new_words;
use super::{SHOWN, Writer, plain, share, table_of};
use crate::app::number::count;
use crate::monitor::drift::Drift;
use crate::reports::kit::page::{column_name, heads, more};

/// Missing values are told where their share changed by so much.
const MISSING: f64 = 0.005;

impl Writer<'_> {
    pub(super) fn quality(&self) -> Markup {
        let quality = &self.found.quality;
        let left_out: Vec<Markup> = quality
            .left_out
            .iter()
            .map(|(name, why)| html! { th scope="row" { (column_name(name)) } td { (why) } })
            .collect();
        html! {
            dl.findings {
                div { dt { "Missing values" } dd {
                    (share(quality.missing)) " of all values, " (share(quality.missing_in_reference)) " in \
                        the reference."
                } }
                @if let Some(rows) = quality.duplicate_rows { div { dt { "Duplicates" } dd { (duplicates(rows, quality.rows)) } } }
                @if let Some(newest) = &quality.newest { div { dt { "Newest \
                    row" } dd { (newest) (age(quality.age_days)) "." } } }
                (named("Not there", &quality.absent, "the reference has them, today’s rows do not"))
                (named("Empty", &quality.empty, "no row of today has a value, in the reference some have"))
                (named("Constant", &quality.constant, "all of today’s rows have the same value, in the \
                    reference they differ"))
            }
            (self.changed_missing())
            (self.new_words())
            (self.beyond_range())
            @if !left_out.is_empty() {
                h3 { "Not compared" }
                div.words.top { (table_of(&heads(&["column", "why"], &[]), &left_out)) }
            }
            @if !quality.warnings.is_empty() {
                h3 { "What could not be read" }
                ul { @for warning in &quality.warnings { li { (warning) } } }
            }
        }
    }

    /// The features with something to tell, the worst first, and how much there is of it.
    fn worst(&self, of: impl Fn(&Drift) -> Option<f64>) -> Vec<(&Drift, f64)> {
        let told = self.found.features.iter().filter_map(|drift| Some((drift, of(drift)?)));
        let mut told: Vec<_> = told.filter(|(_, much)| much.abs() > 0.0).collect();
        told.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        told
    }

    fn changed_missing(&self) -> Markup {
        let change = |drift: &Drift| drift.missing.current - drift.missing.reference;
        let changed = self.worst(|drift| Some(change(drift)).filter(|it| it.abs() >= MISSING));
        let rows: Vec<Markup> = changed
            .iter()
            .map(|(drift, _)| {
                html! {
                    th scope="row" { (column_name(&drift.name)) }
                    td { (share(drift.missing.reference)) }
                    td { (share(drift.missing.current)) }
                }
            })
            .collect();
        html! {
            @if !rows.is_empty() {
                h3 { "Values missing more or less often" }
                (table_of(&heads(&["", "reference", "today"], &[]), &rows))
            }
        }
    }

    fn new_words(&self) -> Markup {
        let rows_with = |drift: &Drift| drift.new_words.iter().map(|(_, rows)| *rows as f64).sum::<f64>();
        let rows: Vec<Markup> = self
            .worst(|drift| Some(rows_with(drift)))
            .iter()
            .map(|(drift, _)| {
                html! { th scope="row" { (column_name(&drift.name)) } td { (new_words(&drift.new_words)) } }
            })
            .collect();
        html! {
            @if !rows.is_empty() {
                h3 { "Words that the reference does not have" }
                div.words.top { (table_of(&heads(&["", "words, and in how many rows"], &[]), &rows)) }
            }
        }
    }

    fn beyond_range(&self) -> Markup {
        let range = |it: Option<Summary>| {
            let ends = |it: Summary| [it.least, it.greatest].map(|end| plain(f64::from(end))).join(" to ");
            it.map_or_else(|| "–".into(), ends)
        };
        let rows: Vec<Markup> = self
            .worst(|drift| drift.beyond_range)
            .iter()
            .map(|(drift, beyond)| {
                html! {
                    th scope="row" { (column_name(&drift.name)) }
                    td { (share(*beyond)) }
                    td.wide { (range(drift.reference)) }
                    td.wide { (range(drift.current)) }
                }
            })
            .collect();
        html! {
            @if !rows.is_empty() {
                h3 { "Numbers beyond the reference’s range" }
                (table_of(&heads(&["", "rows"], &["reference", "today"]), &rows))
            }
        }
    }
}

fn duplicates(rows: usize, of: u64) -> Markup {
    html! {
        @if rows == 0 { "No row is there twice." }
        @else { (count(rows)) " rows are the same as another one in \
            everything, " (share(rows as f64 / (of.max(1) as f64))) "." }
    }
}

fn age(days: Option<i64>) -> String {
    match days {
        Some(1) => ", 1 day ago".into(),
        Some(days) if days >= 0 => format!(", {} days ago", count(usize::try_from(days).unwrap_or_default())),
        Some(_) => ", which is still to come".into(),
        None => String::new(),
    }
}

/// Columns by name, where there are some.
fn named(what: &str, columns: &[String], why: &str) -> Markup {
    let list = |columns: &[String]| {
        html! {
            @for (place, name) in columns.iter().enumerate() {
                @if place > 0 { ", " }
                (column_name(name))
            }
        }
    };
    let (shown, hidden) = columns.split_at_checked(SHOWN).unwrap_or((columns, &[]));
    html! {
        @if !columns.is_empty() {
            div {
                dt { "▲ " (what) }
                dd {
                    (list(shown)) ": " (why) "."
                    @if !hidden.is_empty() { (more(&format!("{} more", count(hidden.len())), &list(hidden))) }
                }
            }
        }
    }
}
