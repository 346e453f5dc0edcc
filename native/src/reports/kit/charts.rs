//! The usual charts: bars and a line.

use maud::Markup;

use super::chart::{Axis, Chart, Mark, Shape, WIDTH};
use super::ink::Ink;
use crate::app::number;

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
/// If a range is not finite.
pub(crate) fn bars(
    title: &str,
    bars: &[Bar],
    axis: &XAxis,
    y_label: fn(f64) -> String,
) -> anyhow::Result<Markup> {
    let least = bars.iter().map(|bar| bar.from).fold(f64::INFINITY, f64::min);
    let greatest = bars.iter().map(|bar| bar.to).fold(f64::NEG_INFINITY, f64::max);
    let top = bars.iter().map(|bar| bar.base + bar.height).fold(0.0, f64::max);
    let x = match axis {
        XAxis::Numbers => Axis::numbers(least..greatest, 6, number::axis),
        XAxis::Words(words) => Axis { range: least..greatest, ..Axis::words(words, WIDTH - 60) },
    };
    let marks = bars.iter().map(|bar| Mark {
        shape: Shape::Bar([(bar.from, bar.base + bar.height), (bar.to, bar.base)]),
        ink: bar.ink,
        title: bar.title.clone(),
    });
    draw(title, x, top, y_label, marks.collect())
}

/// A line through points at 0, 1, 2, … with what each says when pointed at.
///
/// # Errors
/// If a range is not finite.
pub(crate) fn line(
    title: &str,
    points: &[(f64, String)],
    words: &[String],
    y_label: fn(f64) -> String,
) -> anyhow::Result<Markup> {
    let top = points.iter().map(|(height, _)| *height).fold(0.0, f64::max);
    let places: Vec<(f64, f64)> =
        points.iter().zip(0..).map(|((height, _), x)| (f64::from(x), *height)).collect();
    let line = Mark { shape: Shape::Line(places.clone()), ink: Ink::Main, title: title.to_owned() };
    let dots = places.into_iter().zip(points).map(|(place, (_, title))| Mark {
        shape: Shape::Dot([place]),
        ink: Ink::Main,
        title: title.clone(),
    });
    draw(title, Axis::words(words, WIDTH - 60), top, y_label, std::iter::once(line).chain(dots).collect())
}

fn draw(
    title: &str,
    x: Axis,
    top: f64,
    y_label: fn(f64) -> String,
    marks: Vec<Mark>,
) -> anyhow::Result<Markup> {
    // A little air above the highest mark; a chart of nothing still has a height.
    let y = Axis::numbers(0.0..if top > 0.0 { top * 1.05 } else { 1.0 }, 4, y_label);
    let (size, x) = ((WIDTH, HEIGHT), Axis { grid: false, ..x });
    Chart { title: title.to_owned(), subtitle: String::new(), size, x, y, marks, legend: vec![] }.markup()
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
            .split("<path class=\"f2\" d=\"")
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
    fn what_can_not_be_drawn_is_an_error() {
        assert!(bars("nothing", &[], &XAxis::Numbers, number::axis).is_err());
        assert!(bars("endless", &[bar(0.0, f64::INFINITY, "")], &XAxis::Numbers, number::axis).is_err());
        assert!(line("flat", &[(0.0, "zero".into())], &["x".into()], number::axis).is_ok());
    }
}
