//! Charts with axes. A chart is as wide as a phone's screen, so that its text stays readable; on a wide screen there is
//! room for several side by side. Every mark says what it is when pointed at.

use std::ops::Range;

use anyhow::Context;
use maud::{Markup, PreEscaped, html};
use plotters::chart::ChartContext;
use plotters::coord::types::RangedCoordf64;
use plotters::element::{Drawable, PathElement, PointCollection};
use plotters::prelude::{Cartesian2d, ChartBuilder, IntoDrawingArea, IntoFont, TRANSPARENT};
use plotters::style::{Color, TextStyle};
use plotters_backend::{BackendCoord, DrawingErrorKind};

use super::number;
use super::svg::{Ink, Svg, TEXT_SIZE, text_width};

const WIDTH: u32 = 360;
const HEIGHT: u32 = 190;

/// A bar of a chart.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    /// Where it stands on the x axis.
    pub(crate) from: f64,
    /// Where it ends.
    pub(crate) to: f64,
    /// Where it begins on the y axis; above 0 where it stands on another.
    pub(crate) base: f64,
    /// How high it is.
    pub(crate) height: f64,
    /// What it looks like.
    pub(crate) ink: Ink,
    /// What it says when pointed at.
    pub(crate) title: String,
}

/// What stands below a chart.
#[derive(Debug, Clone)]
pub(crate) enum XAxis {
    /// Numbers, at round places.
    Numbers,
    /// A word below each of 0, 1, 2, …; as many as there is room for.
    Words(Vec<String>),
}

/// A chart of bars.
///
/// # Errors
/// Where a range is not finite.
pub(crate) fn bars(
    title: &str,
    bars: &[Bar],
    axis: &XAxis,
    y_label: fn(f64) -> String,
) -> anyhow::Result<Markup> {
    let least = bars.iter().map(|bar| bar.from).fold(f64::INFINITY, f64::min);
    let greatest = bars.iter().map(|bar| bar.to).fold(f64::NEG_INFINITY, f64::max);
    let top = bars.iter().map(|bar| bar.base + bar.height).fold(0.0, f64::max);
    draw(title, least..greatest, top, axis, y_label, |chart| {
        chart.draw_series(bars.iter().map(|bar| Titled {
            mark: Mark::Bar(corners(bar)),
            ink: bar.ink,
            title: &bar.title,
        }))?;
        Ok(())
    })
}

fn corners(bar: &Bar) -> [(f64, f64); 2] {
    [(bar.from, bar.base + bar.height), (bar.to, bar.base)]
}

/// A line through points at 0, 1, 2, … with what each says when pointed at.
///
/// # Errors
/// Where a range is not finite.
pub(crate) fn line(
    title: &str,
    points: &[(f64, String)],
    words: Vec<String>,
    y_label: fn(f64) -> String,
) -> anyhow::Result<Markup> {
    let top = points.iter().map(|(height, _)| *height).fold(0.0, f64::max);
    let places: Vec<(f64, f64)> =
        points.iter().zip(0..).map(|((height, _), x)| (f64::from(x), *height)).collect();
    let x = -0.5..places.len() as f64 - 0.5;
    draw(title, x, top, &XAxis::Words(words), y_label, |chart| {
        chart.draw_series([PathElement::new(places.clone(), Ink::Main.color().stroke_width(2))])?;
        let dots = places.iter().zip(points).map(|(place, (_, title))| Titled {
            mark: Mark::Dot([*place]),
            ink: Ink::Main,
            title,
        });
        chart.draw_series(dots)?;
        Ok(())
    })
}

type Chart<'c, 's> = ChartContext<'c, Svg<'s>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

fn draw(
    title: &str,
    x: Range<f64>,
    top: f64,
    axis: &XAxis,
    y_label: fn(f64) -> String,
    series: impl FnOnce(&mut Chart<'_, '_>) -> anyhow::Result<()>,
) -> anyhow::Result<Markup> {
    // A little air above the highest mark; a chart of nothing still has a height.
    let y = 0.0..if top > 0.0 { top * 1.05 } else { 1.0 };
    (x.start < x.end && x.end.is_finite() && y.end.is_finite())
        .then_some(())
        .with_context(|| format!("no chart of {title}: it has no finite range"))?;
    let mut inner = String::new();
    {
        let area = Svg::new(&mut inner, (WIDTH, HEIGHT)).into_drawing_area();
        let y_width = [0.25, 0.5, 0.75, 1.0].map(|part| text_width(&y_label(y.end * part)));
        let mut chart = ChartBuilder::on(&area)
            .margin_top(8)
            .margin_right(14)
            .x_label_area_size(TEXT_SIZE + 9)
            .y_label_area_size(y_width.into_iter().max().unwrap_or(30).max(24) + 8)
            .build_cartesian_2d(x, y)?;
        mesh(&mut chart, axis, y_label)?;
        series(&mut chart)?;
    }
    Ok(html! {
        svg.chart viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" {
            title { (title) }
            (PreEscaped(inner))
        }
    })
}

fn mesh(chart: &mut Chart<'_, '_>, axis: &XAxis, y_label: fn(f64) -> String) -> anyhow::Result<()> {
    let (width, _) = chart.plotting_area().dim_in_pixel();
    let x_label = |x: &f64| match axis {
        XAxis::Numbers => number::axis(*x),
        XAxis::Words(words) => word_at(*x, words, width),
    };
    let ticks = match axis {
        XAxis::Numbers => 6,
        XAxis::Words(words) => words.len(),
    };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .max_light_lines(0)
        .light_line_style(TRANSPARENT)
        .bold_line_style(Ink::Grid.color())
        .axis_style(Ink::Grid.color())
        .label_style(TextStyle::from(("sans-serif", TEXT_SIZE).into_font()).color(&Ink::Axis.color()))
        .x_labels(ticks)
        .y_labels(4)
        .x_label_formatter(&x_label)
        .y_label_formatter(&|y| y_label(*y))
        .draw()?;
    Ok(())
}

/// The word at a place, or nothing where it would run into its neighbours: then every second, third, … is left.
fn word_at(x: f64, words: &[String], width: u32) -> String {
    let longest = words.iter().map(|word| text_width(word) + 6).max().unwrap_or_default();
    let step = (f64::from(longest) * words.len() as f64 / f64::from(width.max(1))).ceil().max(1.0);
    let is_shown = x >= 0.0 && x.fract() == 0.0 && x % step == 0.0;
    words.get(x as usize).filter(|_| is_shown).cloned().unwrap_or_default()
}

/// A mark that says what it is when pointed at.
#[derive(Debug)]
struct Titled<'t> {
    mark: Mark,
    ink: Ink,
    title: &'t str,
}

#[derive(Debug)]
enum Mark {
    Bar([(f64, f64); 2]),
    Dot([(f64, f64); 1]),
}

impl<'a> PointCollection<'a, (f64, f64)> for &'a Titled<'_> {
    type Point = &'a (f64, f64);
    type IntoIter = &'a [(f64, f64)];

    fn point_iter(self) -> &'a [(f64, f64)] {
        match &self.mark {
            Mark::Bar(corners) => corners,
            Mark::Dot(place) => place,
        }
    }
}

impl Drawable<Svg<'_>> for Titled<'_> {
    fn draw<I: Iterator<Item = BackendCoord>>(
        &self,
        mut places: I,
        svg: &mut Svg<'_>,
        _: (u32, u32),
    ) -> Result<(), DrawingErrorKind<std::fmt::Error>> {
        match (&self.mark, places.next(), places.next()) {
            // A pixel of air between bars, and none so low that it can't be seen.
            (Mark::Bar(_), Some(from), Some(to)) => {
                let to = ((to.0 - 1).max(from.0 + 1), to.1);
                svg.titled_rect((from.0, from.1.min(to.1 - 1)), to, self.ink, self.title)
            }
            (Mark::Dot(_), Some(place), _) => svg.titled_dot(place, self.ink, self.title),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(place: f64, height: f64, title: &str) -> Bar {
        let (from, to) = (place - 0.4, place + 0.4);
        Bar { from, to, base: 0.0, height, ink: Ink::Main, title: title.into() }
    }

    #[test]
    fn every_bar_says_what_it_is_and_is_as_high_as_it_should() {
        let drawn = [bar(0.0, 50.0, "a < b"), bar(1.0, 100.0, "c"), bar(2.0, 0.001, "d")];
        let words = ["x", "y & z", ""].map(str::to_owned).to_vec();
        let svg = bars("some \"bars\"", &drawn, &XAxis::Words(words), number::axis).unwrap().into_string();
        assert!(svg.contains("<title>some &quot;bars&quot;</title>") && svg.contains(">y &amp; z</text>"));
        let heights: Vec<i32> = svg
            .split("<path class=f2 d=\"")
            .skip(1)
            .map(|path| path.split(['v', 'h']).nth(2).unwrap().parse().unwrap())
            .collect();
        assert!((heights[1] - 2 * heights[0]).abs() <= 1 && heights[1] > 100, "{heights:?}");
        assert_eq!(heights[2], 1, "what is there can be seen");
        for title in ["a &lt; b", "c", "d"] {
            assert!(svg.contains(&format!("<title>{title}</title>")), "{svg}");
        }
    }

    #[test]
    fn words_do_not_run_into_each_other() {
        let dates: Vec<String> = (10..30).map(|day| format!("2026-01-{day}")).collect();
        let places: Vec<usize> =
            (0..20).filter(|place| !word_at(f64::from(*place as u32), &dates, 300).is_empty()).collect();
        assert!(places.len() >= 3 && places[0] == 0, "{places:?}");
        let width = text_width(&dates[0]) as usize;
        assert!(places.windows(2).all(|pair| (pair[1] - pair[0]) * 300 / 20 > width), "{places:?}");
        assert_eq!(word_at(0.5, &dates, 300), "");
        assert_eq!(word_at(-1.0, &dates, 300), "");
    }

    #[test]
    fn what_can_not_be_drawn_is_an_error() {
        assert!(bars("nothing", &[], &XAxis::Numbers, number::axis).is_err());
        assert!(bars("endless", &[bar(0.0, f64::INFINITY, "")], &XAxis::Numbers, number::axis).is_err());
        assert!(line("flat", &[(0.0, "zero".into())], vec!["x".into()], number::axis).is_ok());
    }
}
