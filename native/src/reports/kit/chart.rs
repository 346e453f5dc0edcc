//! A chart with axes: what is on it as data, drawn into a page, as SVG that stands alone, or as PNG.
//!
//! A chart is as wide as a phone's screen, so that its text stays readable; on a wide screen there is room
//! for several side by side. Every mark says what it is when pointed at.

use std::ops::Range;

use anyhow::Context;
use maud::{Markup, PreEscaped, html};
use plotters::chart::ChartContext;
use plotters::coord::ranged1d::{BoldPoints, KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::element::{Drawable, PointCollection};
use plotters::prelude::{Cartesian2d, ChartBuilder, IntoDrawingArea, IntoFont, TRANSPARENT};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, TextStyle};
use plotters_backend::{BackendCoord, DrawingErrorKind};

use super::canvas::{Canvas, TEXT_SIZE, text_width};
use super::ink::Ink;
use super::raster::Raster;
use super::svg::Svg;
use crate::app::number;

/// A chart's width, where nothing asks for more.
pub(crate) const WIDTH: u32 = 360;
/// The size of a title on a picture that stands alone.
const TITLE_SIZE: i32 = 13;
/// The height of a line of text there.
const LINE: i32 = 16;
/// The space around it.
const MARGIN: i32 = 10;

/// A chart.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    /// What it shows.
    pub(crate) title: String,
    /// What its axes are, in a few words; only shown where the picture stands alone.
    pub(crate) subtitle: String,
    /// Width and height.
    pub(crate) size: (u32, u32),
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    /// In the order in which they are drawn.
    pub(crate) marks: Vec<Mark>,
    /// What the inks stand for; a page shows it with [`legend`].
    pub(crate) legend: Vec<(Ink, String)>,
}

/// An axis.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub(crate) range: Range<f64>,
    /// The places with a word or number beside them.
    pub(crate) ticks: Vec<(f64, String)>,
    /// Whether lines lead from there through the chart.
    pub(crate) grid: bool,
}

/// Something on a chart.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    pub(crate) shape: Shape,
    pub(crate) ink: Ink,
    /// What it says when pointed at.
    pub(crate) title: String,
}

/// What a mark looks like; places are those of the axes.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    /// From the upper left to the lower right.
    Bar([(f64, f64); 2]),
    Dot([(f64, f64); 1]),
    Line(Vec<(f64, f64)>),
    /// The mark's title, written in the middle of the place.
    Word([(f64, f64); 1]),
}

impl Axis {
    /// About this number of ticks at round numbers.
    pub(crate) fn numbers(range: Range<f64>, count: usize, label: impl Fn(f64) -> String) -> Self {
        let mut axis = Self { range, ticks: Vec::new(), grid: true };
        // plotters looks for round numbers for ever where there is no range.
        if axis.is_finite() {
            let round = RangedCoordf64::from(axis.range.clone()).key_points(BoldPoints(count));
            axis.ticks = round.into_iter().map(|place| (place, label(place))).collect();
        }
        axis
    }

    /// A word at each of 0, 1, 2, …; where they would run into each other in this width, every second, third,
    /// …
    pub(crate) fn words(words: &[String], width: u32) -> Self {
        let longest = words.iter().map(|word| text_width(word) + 6).max().unwrap_or_default();
        let step = (f64::from(longest) * words.len() as f64 / f64::from(width.max(1))).ceil().max(1.0);
        let shown = words.iter().zip(0u32..).step_by(step as usize);
        let ticks = shown.map(|(word, place)| (f64::from(place), word.clone())).collect();
        Self { range: -0.5..words.len() as f64 - 0.5, ticks, grid: false }
    }

    /// A word at each of 0, 1, 2, … from the top down, for a vertical axis.
    pub(crate) fn rows(words: &[String]) -> Self {
        let ticks = words.iter().zip(0..).map(|(word, row)| (Self::row(row), word.clone())).collect();
        Self { range: 0.5 - words.len() as f64..0.5, ticks, grid: false }
    }

    /// Where a row of [`Axis::rows`] lies.
    pub(crate) fn row(row: i32) -> f64 {
        -f64::from(row)
    }

    /// Shares on a logarithmic scale: places are common logarithms.
    pub(crate) fn log_shares(least: f64, greatest: f64) -> Self {
        let range = least.log10()..greatest.log10();
        let ticks = (-6..=0).map(|power| 10f64.powi(power));
        let ticks = ticks.flat_map(|power| [1.0, 3.0].map(|digit| digit * power));
        let ticks = ticks.map(|share| (share.log10(), number::axis_percent(share)));
        let ticks = ticks.filter(|(place, _)| range.contains(place) || *place == range.end).collect();
        Self { range, ticks, grid: true }
    }

    fn is_finite(&self) -> bool {
        self.range.start < self.range.end && self.range.end.is_finite() && self.range.start.is_finite()
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        RangedCoordf64::from(self.range.clone()).map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        match hint.weight().allow_light_points() {
            true => Vec::new(),
            false => self.ticks.iter().map(|(place, _)| *place).collect(),
        }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format(place: &f64) -> String {
        number::axis(*place)
    }

    fn format_ext(&self, place: &f64) -> String {
        let tick = self.ticks.iter().find(|(tick, _)| tick == place);
        tick.map(|(_, label)| label.clone()).unwrap_or_default()
    }
}

impl Chart {
    /// The chart for a page, whose style it takes.
    ///
    /// # Errors
    /// If a range is not finite.
    pub(crate) fn markup(&self) -> anyhow::Result<Markup> {
        let (width, height) = self.size;
        let mut inner = String::new();
        self.draw(Svg::new(&mut inner, self.size), 0, 0)?;
        Ok(html! {
            svg.chart viewBox=(format!("0 0 {width} {height}")) role="img" {
                title { (self.title) }
                (PreEscaped(inner))
            }
        })
    }

    /// The chart as an SVG file, with title and legend, on white.
    ///
    /// # Errors
    /// If a range is not finite.
    pub(crate) fn svg(&self) -> anyhow::Result<String> {
        let (width, height) = self.framed_size();
        let mut inner = String::new();
        self.draw_framed(Svg::new(&mut inner, (width, height)))?;
        let title = html! { title { (self.title) } }.into_string();
        Ok(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{}\" \
             height=\"{}\" role=\"img\">{title}<style>{}</style><rect width=\"100%\" height=\"100%\" \
             fill=\"#fff\"/>{inner}</svg>\n",
            width * 2,
            height * 2,
            Ink::light_style()
        ))
    }

    /// The chart as a PNG file, with title and legend, on white.
    ///
    /// # Errors
    /// If a range is not finite, or the picture would be too large.
    pub(crate) fn png(&self) -> anyhow::Result<Vec<u8>> {
        let mut pixels = Raster::pixels(self.framed_size())?;
        self.draw_framed(Raster::new(&mut pixels)?)?;
        Ok(pixels.encode_png()?)
    }

    fn framed_size(&self) -> (u32, u32) {
        let (_, lines) = self.legend_places();
        (self.size.0, self.size.1 + (self.head() + MARGIN + lines * LINE) as u32)
    }

    /// How much room title and subtitle take.
    fn head(&self) -> i32 {
        MARGIN + LINE + LINE * self.subtitle_lines().len() as i32
    }

    /// The subtitle, broken where there is no more room.
    fn subtitle_lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in self.subtitle.split_whitespace() {
            match lines.last_mut() {
                Some(line) if text_width(line) + text_width(word) < self.size.0 as i32 - 3 * MARGIN => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(word.to_owned()),
            }
        }
        lines
    }

    /// The place of each entry of the legend, and how many lines it has.
    fn legend_places(&self) -> (Vec<BackendCoord>, i32) {
        let (mut x, mut line) = (MARGIN, 0);
        let mut places = Vec::new();
        for (_, name) in &self.legend {
            let width = text_width(name) + 26;
            if x > MARGIN && x + width > self.size.0 as i32 {
                (x, line) = (MARGIN, line + 1);
            }
            places.push((x, line * LINE));
            x += width;
        }
        let lines = if places.is_empty() { 0 } else { line + 1 };
        (places, lines)
    }

    fn draw_framed<C: Canvas>(&self, mut canvas: C) -> anyhow::Result<()> {
        let top_left = Pos::new(HPos::Left, VPos::Top);
        let text = text_style().pos(top_left);
        let title = ("sans-serif", TITLE_SIZE).into_font().style(FontStyle::Bold);
        let ink = Ink::Text.color();
        let title = TextStyle::from(title).color(&ink).pos(top_left);
        canvas.draw_text(&self.title, &title, (MARGIN, MARGIN))?;
        for (line, number) in self.subtitle_lines().iter().zip(1..) {
            canvas.draw_text(line, &text, (MARGIN, MARGIN + LINE * number + 2))?;
        }
        let below = self.head() + self.size.1 as i32 + 6;
        let (places, lines) = self.legend_places();
        for ((ink, name), (x, y)) in self.legend.iter().zip(places) {
            let y = y + below;
            canvas.titled_rect((x, y), (x + 9, y + 9), *ink, name)?;
            canvas.draw_text(name, &text, (x + 14, y))?;
        }
        self.draw(canvas, self.head(), MARGIN + lines * LINE)
    }

    fn draw<C: Canvas>(&self, canvas: C, above: i32, below: i32) -> anyhow::Result<()> {
        (self.x.is_finite() && self.y.is_finite())
            .then_some(())
            .with_context(|| format!("no chart of {}: it has no finite range", self.title))?;
        let area = canvas.into_drawing_area().margin(above, below, 0, 0);
        let y_width = self.y.ticks.iter().map(|(_, label)| text_width(label)).max().unwrap_or(30);
        // The last word's right half may stand outside of the plot.
        let last_width = self.x.ticks.last().map_or(0, |(_, label)| text_width(label) / 2 + 3);
        let mut chart = ChartBuilder::on(&area)
            .margin_top(8)
            .margin_right(last_width.max(14))
            .x_label_area_size(TEXT_SIZE + 9)
            .y_label_area_size(y_width.max(24) + 8)
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        self.mesh(&mut chart)?;
        let marks = self.marks.iter().filter(|mark| !mark.shape.places().is_empty());
        chart.draw_series(marks.cloned())?;
        Ok(())
    }

    fn mesh<C: Canvas>(&self, chart: &mut Context2d<'_, C>) -> anyhow::Result<()> {
        let mut mesh = chart.configure_mesh();
        if !self.x.grid {
            mesh.disable_x_mesh();
        }
        if !self.y.grid {
            mesh.disable_y_mesh();
        }
        mesh.max_light_lines(0)
            .light_line_style(TRANSPARENT)
            .bold_line_style(Ink::Grid.color())
            .axis_style(Ink::Grid.color())
            .label_style(text_style())
            .draw()?;
        Ok(())
    }
}

type Context2d<'c, C> = ChartContext<'c, C, Cartesian2d<Axis, Axis>>;

fn text_style() -> TextStyle<'static> {
    TextStyle::from(("sans-serif", TEXT_SIZE))
}

/// What the inks of a chart stand for.
pub(crate) fn legend<'n>(series: impl IntoIterator<Item = (Ink, &'n str)>) -> Markup {
    html! {
        p.legend {
            @for (ink, name) in series {
                span { svg.key aria-hidden="true" { rect class=(format!("f{}", ink.class())) {} } (name) }
            }
        }
    }
}

impl Shape {
    fn places(&self) -> &[(f64, f64)] {
        match self {
            Shape::Bar(corners) => corners,
            Shape::Dot(place) | Shape::Word(place) => place,
            Shape::Line(places) => places,
        }
    }
}

impl<'a> PointCollection<'a, (f64, f64)> for &'a Mark {
    type Point = &'a (f64, f64);
    type IntoIter = &'a [(f64, f64)];

    fn point_iter(self) -> &'a [(f64, f64)] {
        self.shape.places()
    }
}

impl<C: Canvas> Drawable<C> for Mark {
    fn draw<I: Iterator<Item = BackendCoord>>(
        &self,
        mut places: I,
        canvas: &mut C,
        _: (u32, u32),
    ) -> Result<(), DrawingErrorKind<std::fmt::Error>> {
        if let Shape::Line(_) = self.shape {
            return canvas.titled_path(&places.collect::<Vec<_>>(), self.ink, &self.title);
        }
        match (&self.shape, places.next(), places.next()) {
            // A pixel of air between bars, and none so low that it can't be seen.
            (Shape::Bar(_), Some(from), Some(to)) => {
                let to = ((to.0 - 1).max(from.0 + 1), to.1);
                canvas.titled_rect((from.0, from.1.min(to.1 - 1)), to, self.ink, &self.title)
            }
            (Shape::Dot(_), Some(place), _) => canvas.titled_dot(place, self.ink, &self.title),
            (Shape::Word(_), Some(place), _) => {
                let ink = self.ink.color();
                let style = text_style().color(&ink).pos(Pos::new(HPos::Center, VPos::Center));
                canvas.draw_text(&self.title, &style, place)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
