//! When a bundle may be used, and after which others.

use serde::{Deserialize, Serialize};

use crate::error::BundleError;
use crate::time;

/// When a bundle may be used, and its place in the order of a model's versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Validity {
    /// Its number among the versions of the model, of which each has a greater one than those before it; 0 for a bundle that
    /// was not numbered. Who remembers the greatest number met can't be given an older model again.
    pub number: u64,
    /// Not used before, in seconds since 1970-01-01.
    pub not_before: Option<u64>,
    /// Not used from here on, in seconds since 1970-01-01.
    pub expires: Option<u64>,
}

impl Validity {
    /// Checks that the bundle may be used at a moment (seconds since 1970-01-01) by someone who has met versions up to a
    /// number.
    ///
    /// # Errors
    /// [`BundleError::NotYetValid`], [`BundleError::Expired`], [`BundleError::Rollback`].
    pub fn check(&self, now: i64, minimum_number: u64) -> Result<(), BundleError> {
        let seconds = |moment: u64| i64::try_from(moment).unwrap_or(i64::MAX);
        let words = |moment: u64| time::format(seconds(moment).min(time::END));
        match (self.not_before, self.expires) {
            (Some(from), _) if now < seconds(from) => Err(BundleError::NotYetValid(words(from))),
            (_, Some(until)) if now >= seconds(until) => Err(BundleError::Expired(words(until))),
            _ if self.number < minimum_number => {
                Err(BundleError::Rollback { number: self.number, least: minimum_number })
            }
            _ => Ok(()),
        }
    }
}
