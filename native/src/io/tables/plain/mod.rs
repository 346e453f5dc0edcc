//! Plain tables: one file, one row a case, columns by name. Nothing about them is declared: what the columns
//! hold is found out ([`infer`]).

mod cell;
mod infer;
mod kind;
mod prepare;
mod split;
mod strays;
mod table;
mod target;
mod values;

pub(crate) use infer::SkippedColumn;
pub use kind::Kinds;
pub(crate) use kind::Reading;
pub(crate) use prepare::{Prepared, Source, prepare};
pub(crate) use strays::InvalidCells;
pub(crate) use table::PlainTable;
pub(crate) use values::{BothValues, UnknownWords, read_rows};

#[cfg(test)]
mod tests;
