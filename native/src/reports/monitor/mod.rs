//! The page: what was found, as sentences, charts and tables for people.

mod features;
mod files;
mod methods;
mod overview;
mod performance;
mod quality;
mod scores;
mod segments;
#[cfg(test)]
mod tests;
mod trends;

use maud::{Markup, html};

use crate::app::number::{number, percent};
use crate::monitor::drift::{Drift, Verdict};
use crate::monitor::{Monitoring, Side};
use crate::reports::kit::page::{SHOWN, Section, page, table_of};

/// Numbers from here on have no decimals.
const LARGE: f64 = 1e6;

/// Writes the page. What has no finite number is left out of it.
///
/// # Errors
/// None: a chart without a finite range is left out.
pub(crate) fn html(found: &Monitoring) -> anyhow::Result<String> {
    let it = Writer { found };
    let section = |id, title, body| Section { id, title, body };
    let mut sections = vec![
        section("overview", "What was compared", it.overview()),
        section("features", if it.has_model() { "Features" } else { "Columns" }, it.features()),
    ];
    let optional = [
        ("scores", "What the model says", it.scores()),
        ("performance", "How good the model is", it.performance()),
        ("segments", "For whom", it.segments()),
        ("quality", "Data quality", Some(it.quality())),
        ("trends", "Over time", it.trends()),
    ];
    sections.extend(optional.into_iter().filter_map(|(id, title, body)| Some(section(id, title, body?))));
    sections.push(section("methods", "How it was measured", it.methods()));
    Ok(page("Are today’s rows still the same?", &it.lead(), &sections))
}

struct Writer<'a> {
    found: &'a Monitoring,
}

impl Writer<'_> {
    fn has_model(&self) -> bool {
        self.found.model.is_some()
    }

    /// What is compared: features of a model, columns of a table.
    fn things(&self, count: usize) -> &'static str {
        match (self.has_model(), count) {
            (true, 1) => "feature",
            (true, _) => "features",
            (false, 1) => "column",
            (false, _) => "columns",
        }
    }

    /// The features, each with its anchor's number; what moved most comes first.
    fn numbered(&self) -> Vec<(usize, &Drift)> {
        self.found.features.iter().enumerate().collect()
    }
}

/// A verdict in words, with a sign for those who do not see its colour.
fn badge(verdict: Verdict) -> Markup {
    match verdict {
        Verdict::Stable => html! { span.badge { "✓ " (verdict.words()) } },
        Verdict::Drifted => html! { span.badge.moved { "▲ " (verdict.words()) } },
        Verdict::HeavilyDrifted => html! { span.badge.moved { "▲▲ " (verdict.words()) } },
    }
}

/// A number that may be unknown.
fn known(value: Option<f64>, show: impl Fn(f64) -> String) -> String {
    value.filter(|value| value.is_finite()).map_or_else(|| "–".into(), show)
}

/// A share; rounding may leave it a little above 1.
fn share(value: f64) -> String {
    known(Some(value), |value| if value.abs() < 1.001 { percent(value) } else { "–".into() })
}

fn index(value: f64) -> String {
    if value.abs() < LARGE { format!("{value:.3}") } else { number(value) }
}

fn p_value(value: f64) -> String {
    if value < 1e-4 { "< 0.0001".into() } else { format!("{value:.4}") }
}

/// A metric, which may be an area, a share or a loss.
fn measure(value: f64) -> String {
    known(Some(value), |value| if value.abs() < LARGE { format!("{value:.4}") } else { number(value) })
        .replace('-', "−")
}

fn signed(value: f64) -> String {
    known(Some(value), |value| format!("{value:+.4}")).replace('-', "−")
}

fn plain(value: f64) -> String {
    known(Some(value), number)
}

/// An interval in brackets.
fn between((low, high): (f64, f64), show: fn(f64) -> String) -> String {
    format!("[{}, {}]", show(low), show(high))
}

/// A metric's name as people say it.
fn words(metric: &str) -> String {
    match metric {
        "roc_auc_ovr" => "mean AUC".into(),
        "top_3_accuracy" => "among first 3".into(),
        "map_at_3" => "MAP@3".into(),
        "brier" => "Brier".into(),
        "log_loss_without_none" => "log-loss of takers".into(),
        "drifted_share" => "importance of what moved".into(),
        "missing_share" => "values missing".into(),
        "psi" => "PSI".into(),
        "expected_brier" => "expected Brier".into(),
        other => other.replace("log_loss", "log-loss").replace('_', " "),
    }
}

fn rows_of(side: &Side) -> String {
    crate::app::number::count(usize::try_from(side.rows).unwrap_or(usize::MAX))
}
