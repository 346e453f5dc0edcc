//! Pages for people: one HTML file that holds everything it shows, for any screen, light or dark.
//!
//! [`page`] is the frame, [`charts`] draws with axes (through plotters, onto [`svg`]), [`inline`] the small pictures in
//! tables, [`heat_map`] matrices, [`number`] writes numbers as people read them. Colours are classes, which style.css
//! fills in for light and dark. Whatever comes from the data is escaped by maud.

pub(crate) mod charts;
pub(crate) mod heat_map;
pub(crate) mod inline;
pub(crate) mod number;
pub(crate) mod page;
pub(crate) mod svg;
