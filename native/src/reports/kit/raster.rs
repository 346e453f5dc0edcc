//! A canvas of pixels, for the one picture that some tools want as PNG.
//!
//! tiny-skia draws, ttf-parser reads the letters' outlines from Noto Sans. plotters' own bitmap backend draws
//! lines of whole pixels without smoothing, and its fonts come from the system or through a second
//! rasteriser.

use std::fmt;

use anyhow::Context;
use plotters::prelude::DrawingBackend;
use plotters_backend::text_anchor::HPos;
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind};
use tiny_skia::{Color, FillRule, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, Transform};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

use super::canvas::{Canvas, Drawn, TEXT_SIZE, base_line, text_width};
use super::ink::Ink;

/// How many pixels a unit of a chart has.
const SCALE: u32 = 3;

/// Draws on pixels.
pub(crate) struct Raster<'p> {
    pixels: &'p mut Pixmap,
    font: Face<'static>,
}

impl<'p> Raster<'p> {
    /// White pixels for a chart of this size.
    ///
    /// # Errors
    /// If they would be too many.
    pub(crate) fn pixels((width, height): (u32, u32)) -> anyhow::Result<Pixmap> {
        let pixels = Pixmap::new(width.saturating_mul(SCALE), height.saturating_mul(SCALE));
        let mut pixels = pixels.context("the picture would be too large")?;
        pixels.fill(Color::WHITE);
        Ok(pixels)
    }

    /// A canvas of some pixels.
    ///
    /// # Errors
    /// None for a build whose own font can be read.
    pub(crate) fn new(pixels: &'p mut Pixmap) -> anyhow::Result<Self> {
        Ok(Self { pixels, font: Face::parse(ttf_noto_sans::REGULAR, 0)? })
    }

    fn fill(&mut self, path: Option<Path>, ink: Ink, transform: Transform) {
        if let Some(path) = path {
            self.pixels.fill_path(&path, &paint(ink), FillRule::Winding, transform, None);
        }
    }

    fn stroke(&mut self, path: Option<Path>, ink: Ink) {
        if let Some(path) = path {
            let stroke = Stroke { width: ink.line_width(), ..Stroke::default() };
            // SVG's whole numbers are the corners of pixels as well; so both draw the same.
            self.pixels.stroke_path(&path, &paint(ink), &stroke, scale(), None);
        }
    }

    /// The letters of a text, and the room that each takes, in the font's units.
    fn glyphs(&self, text: &str) -> Vec<(GlyphId, f32)> {
        let glyph = |letter| {
            let glyph = self.font.glyph_index(letter).unwrap_or_default();
            (glyph, f32::from(self.font.glyph_hor_advance(glyph).unwrap_or_default()))
        };
        text.chars().map(glyph).collect()
    }
}

fn paint(ink: Ink) -> Paint<'static> {
    let [red, green, blue] = ink.light();
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(red, green, blue, 255);
    paint
}

fn scale() -> Transform {
    Transform::from_scale(SCALE as f32, SCALE as f32)
}

fn outline(places: impl IntoIterator<Item = BackendCoord>) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (x, y) in places {
        let (x, y) = (x as f32, y as f32);
        if path.is_empty() { path.move_to(x, y) } else { path.line_to(x, y) }
    }
    path.finish()
}

fn rectangle((x, y): BackendCoord, (to_x, to_y): BackendCoord) -> Option<Path> {
    let rect = Rect::from_ltrb(x as f32, y as f32, to_x as f32, to_y as f32)?;
    Some(PathBuilder::from_rect(rect))
}

impl Canvas for Raster<'_> {
    fn titled_rect(&mut self, from: BackendCoord, to: BackendCoord, ink: Ink, _: &str) -> Drawn {
        self.fill(rectangle(from, to), ink, scale());
        Ok(())
    }

    fn titled_dot(&mut self, (x, y): BackendCoord, ink: Ink, _: &str) -> Drawn {
        self.fill(PathBuilder::from_circle(x as f32, y as f32, 4.0), ink, scale());
        Ok(())
    }

    fn titled_path(&mut self, path: &[BackendCoord], ink: Ink, _: &str) -> Drawn {
        self.stroke(outline(path.iter().copied()), ink);
        Ok(())
    }
}

impl DrawingBackend for Raster<'_> {
    type ErrorType = fmt::Error;

    fn get_size(&self) -> (u32, u32) {
        (self.pixels.width() / SCALE, self.pixels.height() / SCALE)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        self.titled_rect((x, y), (x + 1, y + 1), Ink::of_class(color.rgb.2), "")
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        if style.color().alpha > 0.0 {
            self.stroke(outline(path), Ink::of_class(style.color().rgb.2));
        }
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        let ink = Ink::of_class(style.color().rgb.2);
        let size = style.size() as f32 / f32::from(self.font.units_per_em());
        let glyphs = self.glyphs(text);
        let width: f32 = glyphs.iter().map(|(_, advance)| advance * size).sum();
        let mut left = x as f32
            - match style.anchor().h_pos {
                HPos::Left => 0.0,
                HPos::Center => width / 2.0,
                HPos::Right => width,
            };
        let base_line = (y + base_line(style.anchor().v_pos)) as f32;
        for (glyph, advance) in glyphs {
            let mut letter = Letter(PathBuilder::new());
            self.font.outline_glyph(glyph, &mut letter);
            // The font's y axis points up.
            let place = Transform::from_row(size, 0.0, 0.0, -size, left, base_line).post_concat(scale());
            self.fill(letter.0.finish(), ink, place);
            left += advance * size;
        }
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        _: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<fmt::Error>> {
        Ok((text_width(text) as u32, TEXT_SIZE as u32))
    }
}

/// Takes a letter's outline over from one crate to the other.
struct Letter(PathBuilder);

impl OutlineBuilder for Letter {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.0.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.0.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.0.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.0.close();
    }
}
