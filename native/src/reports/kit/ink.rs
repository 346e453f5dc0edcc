//! What colours are for. On a page they are classes, which style.css fills in for light and dark; a picture
//! that stands alone has the light ones.

use std::fmt::Write;

use plotters::style::RGBColor;

/// What a colour is for. style.css has a class for filling (`f0`) and one for lines (`s0`) with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Text and axes.
    Axis,
    /// Grid lines.
    Grid,
    /// What the chart is about.
    Main,
    /// What lies beyond the chart's ends.
    Beyond,
    /// What others are compared with; a thin line.
    Faint,
    /// Text that matters.
    Text,
    /// One of several series; there are [`Ink::SERIES`] colours.
    Series(u8),
    /// A cell that is more or less full, up to [`Ink::HEAT`].
    Heat(u8),
}

impl Ink {
    /// How many series have a colour of their own.
    pub(crate) const SERIES: usize = 10;
    /// How many strengths of heat there are beside 0.
    pub(crate) const HEAT: u8 = 12;

    /// The number in the classes' names.
    pub(crate) fn class(self) -> u8 {
        match self {
            Ink::Axis => 0,
            Ink::Grid => 1,
            Ink::Main => 2,
            Ink::Beyond => 3,
            Ink::Faint => 4,
            Ink::Text => 5,
            Ink::Series(series) => 10 + series,
            Ink::Heat(strength) => 30 + strength,
        }
    }

    /// The ink with the heat of a share between 0 and 1.
    pub(crate) fn heat(share: f64) -> Self {
        Ink::Heat((share.clamp(0.0, 1.0) * f64::from(Self::HEAT)).ceil() as u8)
    }

    /// The ink as a colour, to pass it through plotters.
    pub(crate) fn color(self) -> RGBColor {
        RGBColor(0, 0, self.class())
    }

    /// The ink that a colour passed through plotters.
    pub(crate) fn of_class(class: u8) -> Self {
        match class {
            1 => Ink::Grid,
            2 => Ink::Main,
            3 => Ink::Beyond,
            4 => Ink::Faint,
            5 => Ink::Text,
            10..30 => Ink::Series(class - 10),
            30.. => Ink::Heat(class - 30),
            _ => Ink::Axis,
        }
    }

    /// Red, green and blue on white.
    pub(crate) fn light(self) -> [u8; 3] {
        const SERIES: [[u8; 3]; Ink::SERIES] = [
            [0x0f, 0x76, 0x6e],
            [0xd9, 0x77, 0x06],
            [0x4f, 0x6b, 0xd8],
            [0xbe, 0x3d, 0x6b],
            [0x65, 0xa3, 0x0d],
            [0x7e, 0x4f, 0xc4],
            [0x08, 0x91, 0xb2],
            [0x9a, 0x5a, 0x2a],
            [0xe0, 0x69, 0x9b],
            [0x6b, 0x7f, 0x83],
        ];
        const MAIN: [u8; 3] = [0x1b, 0x8a, 0x7d];
        match self {
            Ink::Axis | Ink::Faint => [0x52, 0x66, 0x6a],
            Ink::Text => [0x16, 0x28, 0x2b],
            Ink::Grid => [0xd9, 0xe1, 0xe1],
            Ink::Main => MAIN,
            Ink::Beyond => [0xb3, 0x76, 0x0f],
            Ink::Series(series) => SERIES.get(usize::from(series) % SERIES.len()).copied().unwrap_or(MAIN),
            Ink::Heat(strength) => {
                let opacity = f64::from(strength) * Self::HEAT_OPACITY;
                MAIN.map(|part| (255.0 - (255.0 - f64::from(part)) * opacity).round() as u8)
            }
        }
    }

    /// The opacity of one strength of heat; the strongest still leaves its text readable.
    const HEAT_OPACITY: f64 = 0.05;

    /// How thick its lines are.
    pub(crate) fn line_width(self) -> f32 {
        match self {
            Ink::Main | Ink::Series(_) => 2.0,
            _ => 1.0,
        }
    }

    /// The classes for a picture that stands alone.
    pub(crate) fn light_style() -> String {
        let mut style = String::from(
            "text{font:11px \
             sans-serif;fill:#52666a}.t{font-size:13px;font-weight:bold}.m{text-anchor:middle}.e{text-anchor:end}",
        );
        let inks = [Ink::Axis, Ink::Grid, Ink::Main, Ink::Beyond, Ink::Faint, Ink::Text].into_iter();
        let series = (0..Self::SERIES).map(|series| Ink::Series(series as u8));
        for ink in inks.chain(series).chain((0..=Self::HEAT).map(Ink::Heat)) {
            let (class, [red, green, blue], width) = (ink.class(), ink.light(), ink.line_width());
            let color = format!("#{red:02x}{green:02x}{blue:02x}");
            // Writing to a string can't fail.
            let _ = write!(
                style,
                ".f{class}{{fill:{color}}}.s{class}{{fill:none;stroke:{color};stroke-width:{width}}}"
            );
        }
        style
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_in_light_has_the_same_colours() {
        let css = include_str!("style.css");
        let light = css.split("@media").next().unwrap();
        let variable =
            |name: &str| light.split(&format!("--{name}: ")).nth(1).unwrap().split(';').next().unwrap();
        let hex = |ink: Ink| ink.light().map(|part| format!("{part:02x}")).concat();
        for (name, ink) in [
            ("soft", Ink::Axis),
            ("line", Ink::Grid),
            ("main", Ink::Main),
            ("beyond", Ink::Beyond),
            ("ink", Ink::Text),
        ] {
            assert_eq!(variable(name), format!("#{}", hex(ink)));
        }
        for series in 0..Ink::SERIES as u8 {
            assert_eq!(variable(&format!("c{series}")), format!("#{}", hex(Ink::Series(series))));
        }
        let all = (0..=5).chain(10..20).chain(30..=42);
        for class in all {
            assert!(css.contains(&format!(".f{class} ")) || css.contains(&format!(".f{class},")), "f{class}");
            assert_eq!(Ink::of_class(class).class(), class);
        }
    }

    #[test]
    fn heat_grows_with_the_share() {
        assert_eq!([0.0, 0.001, 0.5, 1.0, 7.0].map(Ink::heat), [0, 1, 6, 12, 12].map(Ink::Heat));
        assert_eq!(Ink::Heat(0).light(), [255, 255, 255]);
    }
}
