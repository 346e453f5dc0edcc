//! Pages for people: one HTML file that holds everything it shows, for any screen, light or dark.
//!
//! [`page`] is the frame, [`chart`] draws with axes (through plotters, onto [`svg`] or, for a PNG,
//! [`raster`]), [`charts`] the usual ones, [`inline`] the small pictures in tables, [`paired`] two sides of
//! the same cells, [`heat_map`] matrices, [`number`] writes numbers as people read them. Colours are classes
//! ([`ink`]), which style.css fills in for light and dark. Whatever comes from the data is escaped by maud.

pub(crate) mod canvas;
pub(crate) mod chart;
pub(crate) mod charts;
pub(crate) mod heat_map;
pub(crate) mod ink;
pub(crate) mod inline;
pub(crate) mod page;
pub(crate) mod paired;
mod raster;
mod svg;
