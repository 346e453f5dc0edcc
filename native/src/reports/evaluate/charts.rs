//! The charts, for the page and as files.

use nextbest_core::metrics::reliability::ReliabilityBin;

use crate::app::number::{self, count, or_dash, percent};
use crate::evaluate::Evaluation;
use crate::evaluate::curves::{ClassCurves, Pooled};
use crate::reports::kit::canvas::text_width;
use crate::reports::kit::chart::{Axis, Chart, Mark, Shape, WIDTH};
use crate::reports::kit::ink::Ink;

const HEIGHT: u32 = 280;
/// So many features have a bar.
const FEATURES: usize = 25;
/// Points of a curve over the shares of the customers.
const SHARES: u32 = 100;
/// Below this share of the customers there is no lift to draw: it would be that of a handful.
const LEAST_LIFT: f64 = 0.005;

/// The shares of the customers at which gain and lift are told.
pub(super) fn shares() -> impl Iterator<Item = f64> {
    (1..=SHARES).map(|step| f64::from(step) / f64::from(SHARES))
}

/// The classes that are drawn, and their inks: all that occur but NONE. Those beyond the number of colours
/// share one.
pub(super) fn series(evaluation: &Evaluation) -> Vec<(Ink, &ClassCurves)> {
    let occurring =
        evaluation.curves.iter().skip(usize::from(evaluation.has_none)).filter(|it| !it.roc.is_empty());
    let ink = |place: usize| if place < Ink::SERIES { Ink::Series(place as u8) } else { Ink::Faint };
    occurring.enumerate().map(|(place, curves)| (ink(place), curves)).collect()
}

fn legend(series: &[(Ink, &ClassCurves)]) -> Vec<(Ink, String)> {
    let mut legend: Vec<(Ink, String)> =
        series.iter().take(Ink::SERIES).map(|(ink, curves)| (*ink, curves.name.clone())).collect();
    if series.len() > Ink::SERIES {
        legend.push((Ink::Faint, format!("{} others", series.len() - Ink::SERIES)));
    }
    legend
}

fn line(ink: Ink, title: impl Into<String>, places: Vec<(f64, f64)>) -> Mark {
    Mark { shape: Shape::Line(places), ink, title: title.into() }
}

/// The most important features, as bars.
pub(super) fn importance(evaluation: &Evaluation) -> Chart {
    let shown: Vec<_> = evaluation.importance.iter().take(FEATURES).collect();
    let names: Vec<String> = shown.iter().map(|it| it.feature.clone()).collect();
    let greatest = shown.first().map_or(0.0, |it| f64::from(it.share)).max(f64::MIN_POSITIVE);
    let marks = shown.iter().zip(0..).map(|(it, row)| {
        let (share, middle) = (f64::from(it.share), Axis::row(row));
        Mark {
            shape: Shape::Bar([(0.0, middle + 0.38), (share, middle - 0.38)]),
            ink: Ink::Main,
            title: format!("{}: {}", it.feature, percent(share)),
        }
    });
    Chart {
        title: "Feature importance".into(),
        subtitle: format!(
            "share of what the {} learned from each feature",
            evaluation.algorithm.replace('_', " ")
        ),
        size: (WIDTH + 120, 40 + 17 * names.len() as u32),
        x: Axis::numbers(0.0..greatest * 1.05, 5, number::axis_percent),
        y: Axis::rows(&names),
        marks: marks.collect(),
        legend: vec![],
    }
}

/// What was taken for what: each row's shares, as heat.
pub(super) fn confusion(title: &str, names: &[&str], counts: &[Vec<usize>]) -> Chart {
    let columns: Vec<String> = (1..=names.len()).map(|number| number.to_string()).collect();
    let rows: Vec<String> =
        names.iter().zip(&columns).map(|(name, number)| format!("{name} {number}")).collect();
    let mut marks = Vec::new();
    for ((actual, counts), y) in names.iter().zip(counts).zip(0..) {
        let total: usize = counts.iter().sum();
        for ((predicted, taken), x) in names.iter().zip(counts).zip(0..) {
            let (x, y) = (f64::from(x), Axis::row(y));
            let share = *taken as f64 / total.max(1) as f64;
            let title = format!("{actual} taken for {predicted}: {} ({})", count(*taken), percent(share));
            let cell = Shape::Bar([(x - 0.5, y + 0.5), (x + 0.5, y - 0.5)]);
            marks.push(Mark { shape: cell, ink: Ink::heat(share), title });
            if share >= 0.005 {
                let text = format!("{:.0}", share * 100.0);
                marks.push(Mark { shape: Shape::Word([(x, y)]), ink: Ink::Text, title: text });
            }
        }
    }
    let margin = rows.iter().map(|row| text_width(row)).max().unwrap_or_default() as u32 + 24;
    let size = names.len() as u32;
    Chart {
        title: title.to_owned(),
        subtitle: "rows: what it was; columns: what it was taken for; % of the row".into(),
        size: (margin + (size * 27).max(200), 32 + size * 22),
        x: Axis::words(&columns, size * 27),
        y: Axis::rows(&rows),
        marks,
        legend: vec![],
    }
}

/// The ROC curve of each class.
pub(super) fn roc(evaluation: &Evaluation) -> Chart {
    let series = series(evaluation);
    let mut marks = vec![line(Ink::Faint, "chance", vec![(0.0, 0.0), (1.0, 1.0)])];
    marks.extend(series.iter().map(|(ink, curves)| {
        let places = curves.roc.iter().map(|it| (it.false_positive_rate, it.true_positive_rate));
        let area = or_dash(curves.roc_auc, |area| format!("{area:.3}"));
        line(*ink, format!("{}: area {area}", curves.name), places.collect())
    }));
    Chart {
        title: "ROC curves".into(),
        subtitle: "up: share of the class found; right: share of the others taken for it".into(),
        size: (WIDTH, HEIGHT),
        x: Axis::numbers(0.0..1.0, 6, number::axis_percent),
        y: Axis::numbers(0.0..1.0, 6, number::axis_percent),
        marks,
        legend: legend(&series),
    }
}

/// The share of each class's rows that are reached with the likeliest customers.
pub(super) fn gain(evaluation: &Evaluation) -> Chart {
    let series = series(evaluation);
    let mut marks = vec![line(Ink::Faint, "chance", vec![(0.0, 0.0), (1.0, 1.0)])];
    marks.extend(series.iter().map(|(ink, curves)| {
        let places =
            [0.0].into_iter().chain(shares()).filter_map(|share| Some((share, curves.gain.at(share)?)));
        let title = format!("{}: the top 10 % hold {}", curves.name, or_dash(curves.gain.at(0.1), percent));
        line(*ink, title, places.collect())
    }));
    Chart {
        title: "Cumulative gain".into(),
        subtitle: "up: share of the class reached; right: share of the customers asked".into(),
        size: (WIDTH, HEIGHT),
        x: Axis::numbers(0.0..1.0, 6, number::axis_percent),
        y: Axis::numbers(0.0..1.0, 6, number::axis_percent),
        marks,
        legend: legend(&series),
    }
}

/// How many times more of each class the likeliest customers hold than as many by chance.
pub(super) fn lift(evaluation: &Evaluation) -> Chart {
    let series = series(evaluation);
    // Evenly spread on the logarithmic axis.
    let steps = 60;
    let places: Vec<f64> =
        (0..=steps).map(|step| LEAST_LIFT.powf(1.0 - f64::from(step) / f64::from(steps))).collect();
    let mut marks = vec![line(Ink::Faint, "chance", vec![(LEAST_LIFT.log10(), 1.0), (0.0, 1.0)])];
    let mut greatest = 1.0f64;
    for (ink, curves) in &series {
        let lifts: Vec<(f64, f64)> =
            places.iter().filter_map(|share| Some((share.log10(), curves.gain.lift(*share)?))).collect();
        greatest = lifts.iter().map(|(_, lift)| *lift).fold(greatest, f64::max);
        let in_top = or_dash(curves.gain.lift(0.1), |lift| format!("{lift:.1}"));
        let title = format!("{}: {in_top} times chance in the top 10 %", curves.name);
        marks.push(line(*ink, title, lifts));
    }
    Chart {
        title: "Lift".into(),
        subtitle: "up: times as many of the class as by chance; right: share of the customers asked".into(),
        size: (WIDTH, HEIGHT),
        x: Axis::log_shares(LEAST_LIFT, 1.0),
        y: Axis::numbers(0.0..greatest * 1.05, 6, number::axis),
        marks,
        legend: legend(&series),
    }
}

/// What happened beside what was said to, on logarithmic axes where it is rare.
pub(super) fn reliability(pooled: &Pooled) -> Chart {
    let bins = || pooled.bins.iter().chain(pooled.before.iter().flatten());
    let least = bins().map(|bin| bin.predicted).fold(1.0, f64::min);
    let greatest = bins().map(|bin| bin.interval.1.max(bin.predicted)).fold(0.0, f64::max);
    let is_rare = least < 0.02 && least > 0.0;
    // Room around the outermost bins.
    let (from, to) = if is_rare { (least / 2.0, (greatest * 1.3).min(1.0)) } else { (0.0, 1.0) };
    let scale = |share: f64| if is_rare { share.max(from).log10() } else { share };
    let axis = || {
        if is_rare { Axis::log_shares(from, to) } else { Axis::numbers(0.0..1.0, 6, number::axis_percent) }
    };
    let mut marks =
        vec![line(Ink::Faint, "as it says", vec![(scale(from), scale(from)), (scale(to), scale(to))])];
    if let Some(before) = &pooled.before {
        marks.extend(bin_marks(before, Ink::Beyond, "before calibration", scale));
    }
    marks.extend(bin_marks(&pooled.bins, Ink::Main, "model", scale));
    let mut legend = vec![(Ink::Main, "model".to_owned())];
    if pooled.before.is_some() {
        legend.push((Ink::Beyond, "before its calibration".into()));
    }
    Chart {
        title: format!("Reliability: {}", pooled.name),
        subtitle: "up: how often it happened, with 95 % intervals; right: how often it was said to".into(),
        size: (WIDTH, HEIGHT),
        x: axis(),
        y: axis(),
        marks,
        legend,
    }
}

fn bin_marks(bins: &[ReliabilityBin], ink: Ink, name: &str, scale: impl Fn(f64) -> f64) -> Vec<Mark> {
    let place = |bin: &ReliabilityBin| (scale(bin.predicted), scale(bin.observed));
    let whisker = |bin: &ReliabilityBin| {
        let x = scale(bin.predicted);
        line(Ink::Axis, "", vec![(x, scale(bin.interval.0)), (x, scale(bin.interval.1))])
    };
    let dot = |bin: &ReliabilityBin| {
        let title = format!(
            "{name}: {} said, {} of {} happened ({})",
            percent(bin.predicted),
            count(bin.happened),
            count(bin.count),
            percent(bin.observed)
        );
        Mark { shape: Shape::Dot([place(bin)]), ink, title }
    };
    let whiskers = bins.iter().map(whisker);
    let joined = line(ink, name, bins.iter().map(place).collect());
    whiskers.chain([joined]).chain(bins.iter().map(dot)).collect()
}
