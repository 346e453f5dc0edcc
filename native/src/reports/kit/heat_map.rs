//! A matrix of correlations as colours.

use std::fmt::Write;

use maud::{Escaper, Markup, PreEscaped, html};

/// A matrix is about this wide: few cells are large, many are small, within bounds.
const WIDTH: usize = 480;
const LEAST_CELL: usize = 12;
const GREATEST_CELL: usize = 22;
/// Cells weaker than this are left blank, which halves the picture's bytes.
pub(crate) const BLANK: f64 = 0.05;
/// So many strengths of colour are told apart.
const STRENGTHS: f64 = 12.0;

/// Draws a square matrix of numbers between −1 and 1: `value(row, column)` gives the number and its name,
/// which is shown when pointed at.
pub(crate) fn heat_map(
    title: &str,
    names: &[&str],
    value: impl Fn(usize, usize) -> Option<(f64, &'static str)>,
) -> Markup {
    let longest = names.iter().map(|name| super::canvas::text_width(name)).max().unwrap_or_default();
    let margin = usize::try_from(longest).unwrap_or_default() + 8;
    let cell = (WIDTH / names.len().max(1)).clamp(LEAST_CELL, GREATEST_CELL);
    let base_line = cell / 2 + 3;
    let side = margin + names.len() * cell;
    let mut cells = String::new();
    for (y, row) in names.iter().enumerate() {
        for (x, column) in names.iter().enumerate().filter(|(x, _)| *x != y) {
            let Some((number, name)) = value(y, x).filter(|(number, _)| number.abs() >= BLANK) else {
                continue;
            };
            let sign = if number < 0.0 { 'n' } else { 'p' };
            let strength = (number.abs() * STRENGTHS).ceil();
            // Writing to a string can't fail.
            let _ = write!(
                cells,
                "<rect class={sign}{strength} x={} y={}><title>{} × {}: {name} {number:.2}</title></rect>",
                x * cell,
                y * cell,
                Escaped(row),
                Escaped(column)
            );
        }
    }
    // The rows' names are a picture of their own, so that they stay in sight while the cells scroll.
    html! {
        div.heat style=(format!("--cell:{cell}px")) {
            svg.names viewBox=(format!("0 0 {margin} \
                {side}")) width=(margin) height=(side) aria-hidden="true" {
                @for (position, name) in names.iter().enumerate() {
                    text.e x=(margin - 4) y=(margin + position * cell + base_line) { (name) }
                }
            }
            svg viewBox=(format!("0 0 {0} {side}", side - margin)) width=(side - margin) height=(side) role="img" {
                title { (title) }
                g transform=(format!("translate(0 {margin})")) {
                    @for (position, name) in names.iter().enumerate() {
                        text transform=(format!("translate({} \
                            -4)rotate(-90)", position * cell + base_line)) { (name) }
                    }
                    path.diagonal d=(diagonal(names.len(), cell)) {}
                    (PreEscaped(cells))
                }
            }
        }
    }
}

/// The colours beside their numbers.
pub(crate) fn legend() -> Markup {
    let steps = (-4..=4).map(|step| f64::from(step) / 4.0);
    html! {
        p.legend {
            @for step in steps {
                @let sign = if step < 0.0 { 'n' } else { 'p' };
                @let class = format!("{sign}{}", (step.abs() * STRENGTHS).ceil());
                span { svg.key aria-hidden="true" { rect class=(class) {} } (format!("{step}").replace('-', "−")) }
            }
        }
    }
}

fn diagonal(size: usize, cell: usize) -> String {
    (0..size).map(|place| format!("M{0} {0}h{cell}v{cell}h-{cell}z", place * cell)).collect()
}

/// A text with what HTML takes for its own escaped.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::with_capacity(self.0.len());
        Escaper::new(&mut text).write_str(self.0)?;
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_coloured_by_sign_and_strength_and_weak_ones_left_out() {
        let names = ["a", "<b>", "c"];
        let values = [[1.0, -0.51, 0.01], [-0.51, 1.0, 1.0], [0.01, 0.08, 1.0]];
        let svg =
            heat_map("matrix", &names, |row, column| Some((values[row][column], "Pearson"))).into_string();
        assert_eq!(svg.matches("<rect class=").count(), 4, "{svg}");
        assert!(svg.contains("<rect class=n7 x=22 y=0><title>a × &lt;b&gt;: Pearson -0.51</title>"), "{svg}");
        assert!(svg.contains("<rect class=p12 x=44 y=22>") && svg.contains("<rect class=p1 x=22 y=44>"));
        assert!(!svg.contains("<b>"));
    }
}
