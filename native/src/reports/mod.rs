//! The pages: one HTML file each, without scripts and requests. [`kit`] is what they are made of.

pub(crate) mod eda;
pub(crate) mod evaluate;
pub(crate) mod inspect;
pub(crate) mod kit;
pub(crate) mod monitor;
