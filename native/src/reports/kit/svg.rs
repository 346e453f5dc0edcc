//! A backend for plotters that writes small SVG: whole numbers, no fonts, and classes instead of colours, so
//! that one chart does in light and dark. It is XML as well as HTML, so that a chart can be a file of its
//! own.

use std::fmt::{self, Write};

use maud::Escaper;
use plotters::prelude::DrawingBackend;
use plotters_backend::text_anchor::HPos;
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind, FontTransform,
};

use super::canvas::{Canvas, Drawn, TEXT_SIZE, base_line, text_width};
use super::ink::Ink;

/// Writes a drawing as the inner part of an SVG element.
#[derive(Debug)]
pub(crate) struct Svg<'a> {
    out: &'a mut String,
    size: (u32, u32),
}

impl<'a> Svg<'a> {
    /// A drawing of this width and height.
    pub(crate) fn new(out: &'a mut String, size: (u32, u32)) -> Self {
        Self { out, size }
    }

    fn title(&mut self, title: &str) -> Drawn {
        self.write(format_args!("<title>"))?;
        write!(Escaper::new(self.out), "{title}").map_err(DrawingErrorKind::DrawingError)?;
        self.write(format_args!("</title>"))
    }

    fn shape(&mut self, fill: bool, color: BackendColor, path: fmt::Arguments<'_>) -> Drawn {
        if color.alpha == 0.0 {
            return Ok(());
        }
        let kind = if fill { 'f' } else { 's' };
        self.write(format_args!("<path class=\"{kind}{}\" d=\"{path}\"/>", color.rgb.2))
    }

    fn write(&mut self, text: fmt::Arguments<'_>) -> Drawn {
        self.out.write_fmt(text).map_err(DrawingErrorKind::DrawingError)
    }
}

impl Canvas for Svg<'_> {
    fn titled_rect(&mut self, from: BackendCoord, to: BackendCoord, ink: Ink, title: &str) -> Drawn {
        let (x, y, width, height) = (from.0, from.1, to.0 - from.0, to.1 - from.1);
        let class = ink.class();
        self.write(format_args!("<path class=\"f{class}\" d=\"M{x} {y}h{width}v{height}h-{width}z\">"))?;
        self.title(title)?;
        self.write(format_args!("</path>"))
    }

    fn titled_dot(&mut self, (x, y): BackendCoord, ink: Ink, title: &str) -> Drawn {
        self.write(format_args!("<circle class=\"f{}\" cx=\"{x}\" cy=\"{y}\" r=\"4\">", ink.class()))?;
        self.title(title)?;
        self.write(format_args!("</circle>"))
    }

    fn titled_path(&mut self, path: &[BackendCoord], ink: Ink, title: &str) -> Drawn {
        let outline = outline(path.iter().copied());
        self.write(format_args!("<path class=\"s{}\" d=\"{outline}\">", ink.class()))?;
        self.title(title)?;
        self.write(format_args!("</path>"))
    }
}

/// The points of a path as its `d`.
fn outline(path: impl IntoIterator<Item = BackendCoord>) -> String {
    let mut outline = String::new();
    for (x, y) in path {
        let command = if outline.is_empty() { 'M' } else { 'L' };
        outline += &format!("{command}{x} {y}");
    }
    outline
}

impl DrawingBackend for Svg<'_> {
    type ErrorType = fmt::Error;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        self.shape(true, color, format_args!("M{x} {y}h1v1h-1z"))
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        let ((x, y), (to_x, to_y)) = (from, to);
        self.shape(false, style.color(), format_args!("M{x} {y}L{to_x} {to_y}"))
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        (to_x, to_y): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        self.shape(fill, style.color(), format_args!("M{x} {y}H{to_x}V{to_y}H{x}z"))
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        self.shape(false, style.color(), format_args!("{}", outline(path)))
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let kind = if fill { 'f' } else { 's' };
        let class = style.color().rgb.2;
        self.write(format_args!("<circle class=\"{kind}{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>"))
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        self.shape(true, style.color(), format_args!("{}z", outline(path)))
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        if text.is_empty() {
            return Ok(());
        }
        let mut classes = Vec::new();
        match style.anchor().h_pos {
            HPos::Left => {}
            HPos::Center => classes.push("m"),
            HPos::Right => classes.push("e"),
        }
        if style.size() > f64::from(TEXT_SIZE) {
            classes.push("t");
        }
        if style.color().rgb.2 == Ink::Text.class() {
            classes.push("f5");
        }
        let anchor =
            if classes.is_empty() { String::new() } else { format!(" class=\"{}\"", classes.join(" ")) };
        // SVG places text by its base line.
        let down = base_line(style.anchor().v_pos);
        match style.transform() {
            FontTransform::None => self.write(format_args!("<text{anchor} x=\"{x}\" y=\"{}\">", y + down))?,
            turned => {
                let degrees = match turned {
                    FontTransform::Rotate90 => 90,
                    FontTransform::Rotate180 => 180,
                    _ => 270,
                };
                self.write(format_args!(
                    "<text{anchor} transform=\"translate({x} {y})rotate({degrees})\" y=\"{down}\">"
                ))?;
            }
        }
        write!(Escaper::new(self.out), "{text}").map_err(DrawingErrorKind::DrawingError)?;
        self.write(format_args!("</text>"))
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        _: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<fmt::Error>> {
        Ok((text_width(text) as u32, TEXT_SIZE as u32))
    }
}
