//! When a bundle may be used, and in which order a model's versions come.

use serde::{Deserialize, Serialize};

use crate::error::BundleError;
use crate::time::{self, Clock};

/// When a bundle may be used, and its number among a model's versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Validity {
    /// The number of this version of the model, greater than that of every earlier version; 0 if not
    /// numbered. A caller that remembers the greatest number it has used can't be given an older model.
    pub number: u64,
    /// The first second at which it may be used, in seconds since 1970-01-01 00:00 UTC.
    pub not_before: Option<u64>,
    /// The first second at which it may no longer be used, in seconds since 1970-01-01 00:00 UTC.
    pub expires: Option<u64>,
}

/// The greatest number up to which JavaScript's doubles represent every integer.
pub const MOST_SAFE: u64 = (1 << 53) - 1;

impl Validity {
    /// Checks that JavaScript can hold the numbers exactly.
    ///
    /// # Errors
    /// Names the number that is too large.
    pub fn check_size(&self) -> Result<(), String> {
        let numbers = [Some(self.number), self.not_before, self.expires];
        match numbers.into_iter().flatten().max() {
            Some(number) if number > MOST_SAFE => {
                Err(format!("{number} is too large: JavaScript can hold numbers up to {MOST_SAFE}"))
            }
            _ => Ok(()),
        }
    }

    /// Checks that the bundle may be used at an instant (seconds since 1970-01-01 00:00 UTC) by a caller that
    /// has used versions up to `minimum_number` before. Errors show times on the bank's clock.
    ///
    /// # Errors
    /// [`BundleError::NotYetValid`], [`BundleError::Expired`], [`BundleError::Rollback`].
    ///
    /// # Examples
    /// ```
    /// use nextbest_core::bundle::validity::Validity;
    /// use nextbest_core::time::Clock;
    ///
    /// let validity = Validity { number: 3, not_before: Some(1_000), expires: Some(2_000) };
    /// assert!(validity.check(&Clock::default(), 1_500, 3).is_ok());
    /// assert!(validity.check(&Clock::default(), 2_000, 3).is_err()); // Expired.
    /// assert!(validity.check(&Clock::default(), 1_500, 4).is_err()); // Version 4 was used before.
    /// ```
    pub fn check(&self, clock: &Clock, now: i64, minimum_number: u64) -> Result<(), BundleError> {
        let seconds = |moment: u64| i64::try_from(moment).unwrap_or(i64::MAX);
        let words = |instant: u64| time::format(clock.local(seconds(instant)).min(time::END));
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

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    #[test]
    fn a_bundle_is_valid_from_its_first_second_to_the_last_before_it_expires() {
        let validity = Validity { number: 3, not_before: Some(10 * DAY), expires: Some(20 * DAY) };
        let at = |now: u64| validity.check(&Clock::default(), now as i64, 0);
        assert_eq!(at(10 * DAY - 1), Err(BundleError::NotYetValid("1970-01-11".into())));
        assert_eq!(at(10 * DAY), Ok(()));
        assert_eq!(at(20 * DAY - 1), Ok(()));
        assert_eq!(at(20 * DAY), Err(BundleError::Expired("1970-01-21".into())));
        assert_eq!(
            validity.check(&Clock::default(), i64::MIN, 0),
            Err(BundleError::NotYetValid("1970-01-11".into()))
        );
        assert_eq!(
            validity.check(&Clock::default(), i64::MAX, 0),
            Err(BundleError::Expired("1970-01-21".into()))
        );
    }

    #[test]
    fn nothing_older_than_what_was_met_is_taken() {
        let validity = Validity { number: 3, ..Validity::default() };
        assert_eq!(validity.check(&Clock::default(), 0, 3), Ok(()));
        assert_eq!(
            validity.check(&Clock::default(), 0, 4),
            Err(BundleError::Rollback { number: 3, least: 4 })
        );
        assert_eq!(
            Validity::default().check(&Clock::default(), 0, 1),
            Err(BundleError::Rollback { number: 0, least: 1 })
        );
    }

    #[test]
    fn a_bundle_that_says_nothing_is_always_valid() {
        for now in [i64::MIN, -1, 0, i64::MAX] {
            assert_eq!(Validity::default().check(&Clock::default(), now, 0), Ok(()));
        }
    }

    #[test]
    fn moments_beyond_the_calendar_are_no_panic() {
        let validity = Validity { number: 0, not_before: Some(u64::MAX), expires: Some(u64::MAX) };
        assert!(matches!(validity.check(&Clock::default(), 0, 0), Err(BundleError::NotYetValid(_))));
        assert!(matches!(validity.check(&Clock::default(), i64::MAX, 0), Err(BundleError::Expired(_))));
    }
}
