//! Small pictures for the cells of tables. They stretch with the cell: all places are percentages of its
//! width.

use maud::{Markup, html};

use super::ink::Ink;

/// A bar that fills a share of the cell, with a thin line over the range in which the share lies part by
/// part.
pub(crate) fn share_bar(title: &str, share: f64, range: Option<(f64, f64)>) -> Markup {
    html! {
        svg.inline role="img" height="14" {
            title { (title) }
            rect.track width="100%" height="10" y="2" {}
            rect.f2 width=(percent(share)) height="10" y="2" {}
            @if let Some((low, high)) = range {
                line.s0 x1=(percent(low)) x2=(percent(high)) y1="7" y2="7" {}
            }
        }
    }
}

/// A bar from the middle of the cell to the left or right: `value` between −1 and 1.
pub(crate) fn signed_bar(title: &str, value: f64) -> Markup {
    let (from, width) = (0.5 + value.min(0.0) / 2.0, value.abs() / 2.0);
    html! {
        svg.inline role="img" height="14" {
            title { (title) }
            rect.track width="100%" height="10" y="2" {}
            rect.f2 x=(percent(from)) width=(percent(width)) height="10" y="2" {}
            line.s0 x1="50%" x2="50%" y1="0" y2="14" {}
        }
    }
}

/// A distribution in a few pixels: bars of equal width, the highest as high as the picture.
pub(crate) fn spark(heights: &[usize]) -> Markup {
    const HEIGHT: usize = 20;
    let highest = heights.iter().copied().max().unwrap_or(0).max(1);
    let mut path = String::new();
    for (position, height) in heights.iter().enumerate().filter(|(_, height)| **height > 0) {
        let tall = (height * HEIGHT / highest).max(1);
        path += &format!("M{} {HEIGHT}v-{tall}h3v{tall}z", position * 4);
    }
    html! {
        svg.spark viewBox=(format!("0 0 {} {HEIGHT}", heights.len().max(1) * 4)) aria-hidden="true"
            preserveAspectRatio="none" {
            path.f2 d=(path) {}
        }
    }
}

/// A scale on which a few and a million can stand side by side: linear near 0, logarithmic far out, both
/// ways.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WideScale {
    low: f64,
    high: f64,
}

impl WideScale {
    /// A scale from a number to a greater one.
    pub(crate) fn new(low: f64, high: f64) -> Self {
        let (low, high) = (low.asinh(), high.asinh());
        let air = ((high - low) * 0.02).max(0.01);
        Self { low: low - air, high: high + air }
    }

    /// Where a number stands, between 0 and 1.
    fn place(&self, value: f64) -> f64 {
        ((value.asinh() - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// The powers of ten on the scale, both ways, and 0: as many as there is room for.
    fn ticks(&self) -> Vec<f64> {
        let powers = || (0..).map(|power| 10f64.powi(power)).take(30);
        let mut ticks: Vec<f64> = powers().map(|power| -power).chain([0.0]).chain(powers()).collect();
        ticks.retain(|tick| (self.low..self.high).contains(&tick.asinh()));
        ticks.sort_by(f64::total_cmp);
        ticks
    }

    /// The scale's numbers, for the head of a column of [`box_plot`]s.
    pub(crate) fn axis(&self) -> Markup {
        // The width of a few digits and a sign, as a part of a narrow column.
        const ROOM: f64 = 0.15;
        let mut ticks: Vec<f64> = Vec::new();
        let mut candidates = self.ticks();
        // From 0 outwards, but for 1, which would stand too close.
        candidates.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
        for tick in candidates.into_iter().filter(|tick| tick.abs() != 1.0) {
            if ticks.iter().all(|other| (self.place(*other) - self.place(tick)).abs() >= ROOM) {
                ticks.push(tick);
            }
        }
        html! {
            svg.inline aria-hidden="true" height="14" {
                @for tick in ticks {
                    text.m x=(percent(self.place(tick))) y="11" { (crate::app::number::axis(tick)) }
                }
            }
        }
    }
}

/// A box from quartile to quartile, whiskers, and marks at the lowest and highest value, on a scale.
#[derive(Debug, Clone)]
pub(crate) struct BoxPlot {
    /// The first and third quartile.
    pub(crate) quartiles: (f64, f64),
    /// The median.
    pub(crate) median: f64,
    /// The ends of the whiskers.
    pub(crate) whiskers: (f64, f64),
    /// The lowest and the highest value.
    pub(crate) ends: (f64, f64),
}

/// Draws a box.
pub(crate) fn box_plot(title: &str, it: &BoxPlot, scale: WideScale) -> Markup {
    let at = |value: f64| percent(scale.place(value));
    let width = percent(scale.place(it.quartiles.1) - scale.place(it.quartiles.0));
    let far = [(it.ends.0, it.whiskers.0), (it.whiskers.1, it.ends.1)];
    html! {
        svg.inline role="img" height="18" {
            title { (title) }
            @for tick in scale.ticks() {
                line.s1 x1=(at(tick)) x2=(at(tick)) y1="0" y2="18" {}
            }
            line.s0 x1=(at(it.whiskers.0)) x2=(at(it.whiskers.1)) y1="9" y2="9" {}
            @for (from, to) in far.into_iter().filter(|(from, to)| from < to) {
                line.far x1=(at(from)) x2=(at(to)) y1="9" y2="9" {}
            }
            rect.box x=(at(it.quartiles.0)) width=(width) height="12" y="3" {}
            line.median x1=(at(it.median)) x2=(at(it.median)) y1="3" y2="15" {}
            @if it.ends.0 < it.whiskers.0 {
                circle class=(format!("f{}", Ink::Beyond.class())) cx=(at(it.ends.0)) cy="9" r="3" {}
            }
            @if it.ends.1 > it.whiskers.1 {
                circle class=(format!("f{}", Ink::Beyond.class())) cx=(at(it.ends.1)) cy="9" r="3" {}
            }
        }
    }
}

/// A number with the range in which it lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ranged {
    pub(crate) value: f64,
    pub(crate) range: Option<(f64, f64)>,
}

/// Numbers with their ranges, one below the other on one scale: the first filled, the others outlined. `None`
/// where there is nothing that can be drawn.
pub(crate) fn ranges(title: &str, numbers: &[Option<Ranged>]) -> Option<Markup> {
    const LINE: usize = 10;
    let ends = |it: &Ranged| [Some(it.value), it.range.map(|it| it.0), it.range.map(|it| it.1)];
    let known = || numbers.iter().flatten().flat_map(ends).flatten().filter(|end| end.is_finite());
    let (low, high) = (known().reduce(f64::min)?, known().reduce(f64::max)?);
    let width = if high > low { (high - low) * 1.16 } else { 1.0 };
    // Room for the dots at both ends.
    let at = |value: f64| percent(((value - (low + high) / 2.0) / width + 0.5).clamp(0.0, 1.0));
    Some(html! {
        svg.inline role="img" height=(numbers.len() * LINE + 2) {
            title { (title) }
            @for (number, place) in numbers.iter().zip(0..) {
                @let y = place * LINE + LINE / 2 + 1;
                @if let Some(number) = number.filter(|it| it.value.is_finite()) {
                    @if let Some((from, to)) = number.range.filter(|it| it.0.is_finite() && it.1.is_finite()) {
                        line.s0 x1=(at(from)) x2=(at(to)) y1=(y) y2=(y) {}
                    }
                    circle class=(if place == 0 { "f2" } else { "before" }) cx=(at(number.value)) cy=(y) r="4" {}
                }
            }
        }
    })
}

/// A share of the width, to a tenth of a percent.
fn percent(share: f64) -> String {
    format!("{}%", (share * 1000.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_scale_keeps_the_order_and_its_numbers_apart() {
        let scale = WideScale::new(-3e4, 2e6);
        let values = [-3e4, -100.0, -1.0, 0.0, 0.5, 7.0, 1e3, 2e6];
        let places = values.map(|value| scale.place(value));
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{places:?}");
        assert!(places[0] > 0.0 && places[7] < 1.0);
        let axis = scale.axis().into_string();
        let mut shown: Vec<f64> =
            axis.split("x=\"").skip(1).map(|rest| rest.split('%').next().unwrap().parse().unwrap()).collect();
        shown.sort_by(f64::total_cmp);
        assert!(shown.len() >= 4 && shown.windows(2).all(|pair| pair[1] - pair[0] >= 15.0), "{shown:?}");
        assert!(axis.contains(">0</text>"));
    }

    #[test]
    fn bars_are_as_long_as_their_numbers() {
        let bar = share_bar("a & b", 0.25, Some((0.1, 0.3))).into_string();
        assert!(bar.contains("<title>a &amp; b</title>") && bar.contains("width=\"25%\""), "{bar}");
        assert!(bar.contains("x1=\"10%\" x2=\"30%\""), "{bar}");
        let left = signed_bar("", -0.5).into_string();
        assert!(left.contains("x=\"25%\" width=\"25%\""), "{left}");
        let right = signed_bar("", 1.0).into_string();
        assert!(right.contains("x=\"50%\" width=\"50%\""), "{right}");
    }
    #[test]
    fn ranges_lie_on_one_scale_and_nothing_is_drawn_of_nothing() {
        let number = |value, range| Some(Ranged { value, range });
        let drawn = ranges("a < b", &[number(0.5, Some((0.0, 1.0))), None, number(1.0, None)]).unwrap();
        let svg = drawn.into_string();
        assert!(svg.contains("<title>a &lt; b</title>") && svg.contains("cx=\"50%\""), "{svg}");
        assert!(svg.contains("x1=\"6.9%\" x2=\"93.1%\"") && svg.contains("cx=\"93.1%\""), "{svg}");
        assert!(ranges("", &[]).is_none() && ranges("", &[number(f64::NAN, None)]).is_none());
        assert!(ranges("", &[number(2.0, Some((f64::NEG_INFINITY, 3.0)))]).is_some());
    }
}
