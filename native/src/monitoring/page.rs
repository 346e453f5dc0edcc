//! The page.

use super::Monitoring;

/// Writes the page.
///
/// # Errors
/// Where a chart's range is not finite.
pub(crate) fn html(_found: &Monitoring) -> anyhow::Result<String> {
    Ok(String::new())
}
