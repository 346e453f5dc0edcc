//! The page's part about how numbers went on from run to run.

use maud::{Markup, html};

use super::{Writer, index, known, words};
use crate::app::number::{self, count};
use crate::monitor::history::{Point, Series};
use crate::reports::kit::chart::{Axis, Chart, Mark, Shape, WIDTH};
use crate::reports::kit::ink::Ink;
use crate::reports::kit::page::{column_name, more};

const HEIGHT: u32 = 150;
/// So many points are drawn, the newest.
const POINTS: usize = 365;
/// Most points of a line that gets dots.
const DOTS: usize = 40;
/// The population stability indexes of so many features are charts, and of those that changed; of the others
/// there is a line.
const CHARTS: usize = 10;
/// So many changes are named.
const NAMED: usize = 6;
/// No range is smaller, as a part of its numbers.
const LEAST_RANGE: f64 = 1e-6;

impl Writer<'_> {
    pub(super) fn trends(&self) -> Option<Markup> {
        let drawn: Vec<&Series> = self.found.history.iter().filter(|it| it.points.len() >= 2).collect();
        if drawn.is_empty() {
            let runs = self.found.history.iter().any(|it| !it.points.is_empty());
            return runs
                .then(|| html! { p { "This is the first run: there is a line as soon as there are two." } });
        }
        let (overall, mut each): (Vec<&Series>, Vec<&Series>) =
            drawn.into_iter().partition(|it| it.name.is_empty());
        let place = |it: &Series| {
            let features = &self.found.features;
            features.iter().position(|drift| drift.name == it.name).unwrap_or(usize::MAX)
        };
        each.sort_by_cached_key(|it| (it.changes.is_empty(), place(it)));
        let changed = each.iter().filter(|it| !it.changes.is_empty()).count();
        let (shown, others) = each.split_at_checked(changed.max(CHARTS)).unwrap_or((&each, &[]));
        let figures = |series: &[&Series]| {
            html! { div.pair { @for it in series { @if let Some(figure) = self.figure(it) { (figure) } } } }
        };
        Some(html! {
            p {
                "From run to run. Where a number changed its level, a line goes from top to bottom, and the \
                 first time at the new level is named (Pettitt’s test)."
            }
            (figures(&overall))
            @if !shown.is_empty() {
                h3 { "How far each has moved, as PSI" }
                (figures(shown))
            }
            @if !others.is_empty() { (more(&format!("{} more", count(others.len())), &self.lines(others))) }
        })
    }

    fn figure(&self, it: &Series) -> Option<Markup> {
        let chart = self.chart(it)?.markup().ok()?;
        let (named, others) = it.changes.split_at_checked(NAMED).unwrap_or((&it.changes, &[]));
        Some(html! {
            figure {
                figcaption {
                    (name(it))
                    @if !named.is_empty() {
                        " " span.soft {
                            "▲ changed " (named.join(", "))
                            @if !others.is_empty() { " and " (count(others.len())) " times more" }
                        }
                    }
                }
                (chart)
            }
        })
    }

    /// `None` where there are no two numbers.
    fn chart(&self, it: &Series) -> Option<Chart> {
        let points = newest(it);
        let finite = || points.iter().map(|point| point.value).filter(|value| value.is_finite());
        let (low, high) = (finite().reduce(f64::min)?, finite().reduce(f64::max)?);
        (finite().count() >= 2 && low.abs().max(high.abs()) < 1e15).then_some(())?;
        let range = range(low, high);
        let label = value_words(it, range.end - range.start);
        let dates: Vec<String> = points.iter().map(|point| moment(points, &point.at)).collect();
        let mut marks = Vec::new();
        for (rule, name) in
            [(self.found.rules.drift, "drifted"), (self.found.rules.heavy_drift, "heavily drifted")]
        {
            if it.metric == "psi" && range.contains(&rule) {
                let ends = vec![(-0.5, rule), (points.len() as f64 - 0.5, rule)];
                marks.push(Mark {
                    shape: Shape::Line(ends),
                    ink: Ink::Beyond,
                    title: format!("{name}: from {rule} on"),
                });
            }
        }
        let places = || points.iter().zip(0u32..).map(|(point, x)| (point, f64::from(x)));
        for (point, x) in places().filter(|(point, _)| it.changes.contains(&point.at)) {
            let ends = vec![(x - 0.5, range.start), (x - 0.5, range.end)];
            marks.push(Mark {
                shape: Shape::Line(ends),
                ink: Ink::Axis,
                title: format!("changed: {}", point.at),
            });
        }
        let dots: Vec<(&Point, f64)> = places().filter(|(point, _)| point.value.is_finite()).collect();
        let line = dots.iter().map(|(point, x)| (*x, point.value)).collect();
        marks.push(Mark { shape: Shape::Line(line), ink: Ink::Main, title: name(it).into_string() });
        for (point, x) in dots.iter().filter(|_| dots.len() <= DOTS) {
            let title = format!("{}: {}", point.at, label(point.value));
            marks.push(Mark { shape: Shape::Dot([(*x, point.value)]), ink: Ink::Main, title });
        }
        Some(Chart {
            title: format!("{} from run to run", title(it)),
            subtitle: String::new(),
            size: (WIDTH, HEIGHT),
            x: Axis { grid: false, ..Axis::words(&dates, WIDTH - 70) },
            y: Axis::numbers(range.clone(), 6, &label),
            marks,
            legend: Vec::new(),
        })
    }

    /// A line for each, where there is no room for charts.
    fn lines(&self, series: &[&Series]) -> Markup {
        html! {
            table {
                thead { tr { th scope="col" {} th scope="col" { "first" } th scope="col" { "last" } } }
                tbody {
                    @for it in series {
                        @let points = newest(it);
                        tr {
                            th scope="row" { span.with-picture { (spark(points)) span { (name(it)) } } }
                            td { (known(points.first().map(|point| point.value), index)) }
                            td { (known(points.last().map(|point| point.value), index)) }
                        }
                    }
                }
            }
        }
    }
}

fn newest(it: &Series) -> &[Point] {
    it.points.get(it.points.len().saturating_sub(POINTS)..).unwrap_or_default()
}

fn name(it: &Series) -> Markup {
    html! { @if it.name.is_empty() { (title(it)) } @else { (column_name(&it.name)) } }
}

fn title(it: &Series) -> String {
    if it.name.is_empty() { words(&it.metric) } else { format!("{} of {}", words(&it.metric), it.name) }
}

/// From somewhat below to somewhat above, and wide enough to have round numbers in it.
fn range(low: f64, high: f64) -> std::ops::Range<f64> {
    let least = (low.abs().max(high.abs()) * LEAST_RANGE).max(LEAST_RANGE);
    let air = if high - low > least { (high - low) * 0.08 } else { (low.abs() * 0.05).max(least) };
    // What can't be below 0 does not look as if it were.
    let from = if low >= 0.0 { (low - air).max(0.0) } else { low - air };
    from..high + air
}

/// How the numbers of a series are written.
fn value_words(it: &Series, range: f64) -> Box<dyn Fn(f64) -> String> {
    match it.metric.as_str() {
        "drifted_share" | "missing_share" => {
            let percents = number::axis_over(range * 100.0);
            Box::new(move |share| format!("{} %", percents(share * 100.0)))
        }
        "rows" => Box::new(number::axis),
        _ => Box::new(number::axis_over(range)),
    }
}

/// A moment as the axis has it: the day, or the time where all are of one day.
fn moment(points: &[Point], at: &str) -> String {
    let day = |at: &str| at.get(..10).map(str::to_owned);
    let one_day = points.first().map(|point| day(&point.at)) == points.last().map(|point| day(&point.at));
    let part = if one_day { at.get(11..19) } else { at.get(..10) };
    part.unwrap_or(at).to_owned()
}

/// A line in a few pixels.
fn spark(points: &[Point]) -> Markup {
    let values: Vec<f64> = points.iter().map(|point| point.value).filter(|value| value.is_finite()).collect();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let height = |value: f64| match high > low && (high - low).is_finite() {
        true => ((high - value) / (high - low) * 40.0).round(),
        false => 20.0,
    };
    let places = values
        .iter()
        .zip(0..)
        .map(|(value, x)| format!("{}{} {}", if x == 0 { 'M' } else { 'L' }, x * 8, height(*value)));
    html! {
        svg.spark viewBox=(format!("0 -2 {} 44", values.len().max(2) * 8 - 8)) aria-hidden="true"
            preserveAspectRatio="none" {
            path.now d=(places.collect::<String>()) {}
        }
    }
}
