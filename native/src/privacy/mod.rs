//! Customer information that a bundle may carry, and must not (docs/PRIVACY.md).

pub(crate) mod carried_rows;
pub(crate) mod withheld;
