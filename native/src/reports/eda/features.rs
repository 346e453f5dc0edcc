//! The page's part about each feature: its distribution and its statistics, group by group.

use maud::{Markup, html};

use crate::app::number::{self, count, number, percent};
use crate::eda::describe::QUANTILES;
use crate::eda::histogram::{Bins, Histogram};
use crate::eda::missing::Missing;
use crate::eda::{Analysis, CategoryColumn, Column, Dataset, NumericColumn};
use crate::reports::kit::charts::{self, Bar, XAxis};
use crate::reports::kit::ink::Ink;
use crate::reports::kit::inline::spark;
use crate::reports::kit::page::{column_name, exact};

/// Words of a category's chart; the other words share one bar.
const WORDS: usize = 15;

/// All features, group by group.
///
/// # Errors
/// If a chart's range is not finite.
pub(super) fn features(data: &Dataset, analysis: &Analysis) -> anyhow::Result<Markup> {
    let mut groups = Vec::new();
    for (group, _) in data.groups() {
        let mut features = Vec::new();
        for (position, column) in data.columns.iter().enumerate().filter(|(_, it)| it.group == group) {
            let missing = analysis.missing.get(position);
            if let Some(found) = analysis.numeric.iter().find(|it| it.column == position) {
                features.push(numeric(column, missing, found)?);
            } else if let Some(found) = analysis.categories.iter().find(|it| it.column == position) {
                features.push(category(column, missing, found)?);
            }
        }
        groups.push((group, features));
    }
    Ok(html! {
        p { "Open a feature for its distribution and statistics." }
        @for (group, features) in groups {
            h3 { (if group.is_empty() { "other" } else { group }) }
            div.features { @for feature in features { (feature) } }
        }
    })
}

fn numeric(column: &Column, missing: Option<&Missing>, found: &NumericColumn) -> anyhow::Result<Markup> {
    let it = &found.statistics;
    let (bars, axis) = match &found.histogram {
        Histogram::Values(values) => value_bars(values, it.count),
        Histogram::Bins(bins) => bin_bars(bins, it.count),
    };
    let heights: Vec<usize> = bars.iter().map(|bar| bar.height as usize).collect();
    let optional = |value: Option<f64>| value.map_or(html! { "–" }, |value| exact(value, &number(value)));
    let middle =
        QUANTILES.iter().zip(it.quantiles).map(|((name, _), value)| (quantile_name(name), optional(value)));
    let mut statistics: Vec<(String, Markup)> = vec![
        ("values".into(), exact(it.count, &count(it.count))),
        ("different".into(), exact(it.distinct, &count(it.distinct))),
        ("zeros".into(), exact(it.zeros, &count(it.zeros))),
        ("mean".into(), optional(it.mean)),
        ("std".into(), optional(it.std)),
        ("min".into(), optional(it.min)),
    ];
    statistics.extend(middle);
    statistics.extend([
        ("max".into(), optional(it.max)),
        ("skewness".into(), optional(it.skewness)),
        ("kurtosis".into(), optional(it.kurtosis)),
    ]);
    if let Some(auc) = found.target.taker_auc {
        statistics.push(("buyers’ AUC".into(), exact(auc, &format!("{auc:.3}"))));
    }
    Ok(feature(column, missing, &heights, &chart(column, &bars, &axis)?, &statistics))
}

fn category(column: &Column, missing: Option<&Missing>, found: &CategoryColumn) -> anyhow::Result<Markup> {
    let mut counts: Vec<(&str, usize)> =
        column.words().iter().map(String::as_str).zip(found.counts.iter().copied()).collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let total: usize = counts.iter().map(|(_, count)| count).sum();
    let occurring = counts.iter().filter(|(_, count)| *count > 0).count();
    let others: usize = counts.iter().skip(WORDS).map(|(_, count)| count).sum();
    let mut shown: Vec<(&str, usize)> = counts.iter().take(WORDS).copied().collect();
    if others > 0 {
        shown.push(("others", others));
    }
    let bars: Vec<Bar> = shown
        .iter()
        .zip(0..)
        .map(|((word, rows), place)| bar(place, *rows, total, (*word).to_owned()))
        .collect();
    let heights: Vec<usize> = shown.iter().map(|(_, count)| *count).collect();
    let axis = XAxis::Words(shown.iter().map(|(word, _)| (*word).to_owned()).collect());
    let mut statistics = vec![
        ("values".to_owned(), exact(total, &count(total))),
        ("different".into(), exact(occurring, &count(occurring))),
    ];
    let words = shown.iter().map(|(word, rows)| ((*word).to_owned(), exact(rows, &count(*rows))));
    statistics.extend(words);
    Ok(feature(column, missing, &heights, &chart(column, &bars, &axis)?, &statistics))
}

fn feature(
    column: &Column,
    missing: Option<&Missing>,
    heights: &[usize],
    chart: &Markup,
    statistics: &[(String, Markup)],
) -> Markup {
    html! {
        details.feature id=(format!("feature-{}", column.name)) {
            summary {
                (spark(heights))
                span.name { (column_name(&column.name)) span.soft { (column.label) } }
                @if let Some(missing) = missing.filter(|missing| missing.count > 0) {
                    span.badge { (percent(missing.share)) " missing" }
                }
            }
            div.opened {
                (chart)
                dl.statistics { @for (name, value) in statistics { div { dt { (name) } dd { (value) } } } }
            }
        }
    }
}

fn chart(column: &Column, bars: &[Bar], axis: &XAxis) -> anyhow::Result<Markup> {
    match bars.is_empty() {
        true => Ok(html! { p { "No row has a value." } }),
        false => charts::bars(&format!("Distribution of {}", column.name), bars, axis, number::axis),
    }
}

fn bar(place: i32, rows: usize, total: usize, what: String) -> Bar {
    let title = format!("{what}: {} ({})", count(rows), percent(rows as f64 / total.max(1) as f64));
    let (from, to) = (f64::from(place) - 0.45, f64::from(place) + 0.45);
    Bar { from, to, base: 0.0, height: rows as f64, ink: Ink::Main, title }
}

fn value_bars(values: &[(f32, usize)], total: usize) -> (Vec<Bar>, XAxis) {
    let bars = values
        .iter()
        .zip(0..)
        .map(|((value, rows), place)| bar(place, *rows, total, number(f64::from(*value))));
    let words = values.iter().map(|(value, _)| number::axis(f64::from(*value)));
    (bars.collect(), XAxis::Words(words.collect()))
}

fn bin_bars(bins: &Bins, total: usize) -> (Vec<Bar>, XAxis) {
    let share = |rows: usize| format!("{} ({})", count(rows), percent(rows as f64 / total.max(1) as f64));
    let bounds = bins.edges.iter().zip(bins.edges.iter().skip(1));
    let mut bars: Vec<Bar> = bounds
        .zip(&bins.counts)
        .map(|((from, to), rows)| Bar {
            from: *from,
            to: *to,
            base: 0.0,
            height: *rows as f64,
            ink: Ink::Main,
            title: format!("{} to {}: {}", number(*from), number(*to), share(*rows)),
        })
        .collect();
    if let (Some(first), Some(last), [low, high, ..]) =
        (bins.edges.first(), bins.edges.last(), bins.edges.as_slice())
    {
        let width = high - low;
        let tail = |from: f64, rows: usize, title: String| Bar {
            from,
            to: from + width,
            base: 0.0,
            height: rows as f64,
            ink: Ink::Beyond,
            title,
        };
        if bins.below > 0 {
            let title = format!("below {}: {}", number(*first), share(bins.below));
            bars.insert(0, tail(first - 1.5 * width, bins.below, title));
        }
        if bins.above > 0 {
            let title = format!("from {} on: {}", number(*last), share(bins.above));
            bars.push(tail(last + 0.5 * width, bins.above, title));
        }
    }
    (bars, XAxis::Numbers)
}

fn quantile_name(name: &str) -> String {
    match name {
        "MEDIAN" => "median".into(),
        _ => format!("{} %", name.trim_start_matches('P')),
    }
}
