//! What charts are drawn on: plotters' primitives, and marks that say what they are where the canvas can.

use std::fmt;

use plotters::prelude::DrawingBackend;
use plotters_backend::{BackendCoord, DrawingErrorKind};

use super::ink::Ink;

/// The size of all text, in units of the chart; style.css says the same.
pub(crate) const TEXT_SIZE: i32 = 11;
/// How wide a letter is on average, as a part of the text's size.
const LETTER_WIDTH: f64 = 0.56;

pub(crate) type Drawn = Result<(), DrawingErrorKind<fmt::Error>>;

/// A canvas.
pub(crate) trait Canvas: DrawingBackend<ErrorType = fmt::Error> {
    /// A filled rectangle that says what it is when pointed at.
    fn titled_rect(&mut self, from: BackendCoord, to: BackendCoord, ink: Ink, title: &str) -> Drawn;

    /// A dot that says what it is when pointed at.
    fn titled_dot(&mut self, at: BackendCoord, ink: Ink, title: &str) -> Drawn;

    /// A line that says what it is when pointed at.
    fn titled_path(&mut self, path: &[BackendCoord], ink: Ink, title: &str) -> Drawn;
}

/// How far below the place that a text is anchored at its base line lies.
pub(crate) fn base_line(position: plotters_backend::text_anchor::VPos) -> i32 {
    use plotters_backend::text_anchor::VPos;
    match position {
        VPos::Top => 8,
        VPos::Center => 4,
        VPos::Bottom => -2,
    }
}

/// About how wide a text is.
pub(crate) fn text_width(text: &str) -> i32 {
    (text.chars().count() as f64 * f64::from(TEXT_SIZE) * LETTER_WIDTH).ceil() as i32
}
