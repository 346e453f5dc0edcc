//! What of customers a bundle carries, and what it must not (docs/PRIVACY.md).

pub(crate) mod carried_rows;
pub(crate) mod withheld;
