//! What config.yaml says about keys, validity and the model card.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use nextbest_core::bundle::validity::Validity;
use nextbest_core::time::{self, DAY};
use serde::Deserialize;

/// Who signs bundles, whose are used, and until when.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrustConfig {
    /// The private key that signs what is exported; nothing is signed where it is not given.
    pub private_key: Option<PathBuf>,
    /// The public key (or keys, one after the other) of which one must have signed a bundle that is used
    /// here.
    pub public_key: Option<PathBuf>,
    /// The number of what is exported among the versions of the model.
    pub model_number: u64,
    /// The least number that a bundle must have to be used here.
    pub minimum_number: u64,
    /// The first day on which what is exported is used. Days begin at midnight of the bank's clock.
    pub not_before: Option<String>,
    /// The first day on which it is used no more.
    pub expires: Option<String>,
    /// Instead of `expires`: for how many days it is used from `not_before` on.
    pub valid_days: Option<u32>,
}

/// What the bank says about its model.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CardConfig {
    /// What it is meant to be used for.
    pub intended_use: String,
    /// What it must not be used for, and where it is known to be weak.
    pub limits: Vec<String>,
    /// Under which terms it may be used.
    pub licence: String,
}

impl TrustConfig {
    /// Number and dates of what is exported, these in seconds since 1970-01-01 on the bank's clock, which is
    /// the bundle's.
    ///
    /// # Errors
    /// If a date is malformed, or the dates contradict each other.
    pub fn validity(&self) -> anyhow::Result<Validity> {
        let not_before = self.not_before.as_deref().map(|date| moment("not_before", date)).transpose()?;
        let expires = match (self.expires.as_deref(), self.valid_days, not_before) {
            (Some(_), Some(_), _) => bail!("expires and valid_days: give one of them"),
            (Some(date), None, _) => Some(moment("expires", date)?),
            (None, Some(days), Some(from)) => Some(from + u64::from(days) * DAY.unsigned_abs()),
            (None, Some(_), None) => bail!(
                "valid_days: they count from not_before, which is missing (not from today: the same config \
                 gives the \
                 same bundle on any day)"
            ),
            (None, None, _) => None,
        };
        if let (Some(from), Some(until)) = (not_before, expires)
            && until <= from
        {
            bail!("it would expire before it is valid: not_before must lie before expires");
        }
        Ok(Validity { number: self.model_number, not_before, expires })
    }
}

fn moment(key: &str, date: &str) -> anyhow::Result<u64> {
    let moment = time::parse(date).and_then(|moment| u64::try_from(moment).ok());
    moment.with_context(|| format!("{key}: expected a date such as 2026-07-01, got {date:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validity(yaml: &str) -> Result<Validity, String> {
        let config: TrustConfig = serde_saphyr::from_str(yaml).unwrap();
        config.validity().map_err(|error| error.to_string())
    }

    #[test]
    fn days_count_from_the_first_one() {
        let by_days = validity("{model_number: 7, not_before: 2026-07-01, valid_days: 31}").unwrap();
        assert_eq!(
            by_days,
            validity("{model_number: 7, not_before: 2026-07-01, expires: 2026-08-01}").unwrap()
        );
        assert_eq!((by_days.number, by_days.not_before), (7, Some(1_782_864_000)));
        assert_eq!(validity("{expires: 2026-08-01}").unwrap().not_before, None);
        assert_eq!(validity("{}"), Ok(Validity::default()));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for (yaml, message) in [
            ("{valid_days: 31}", "not_before, which is missing"),
            ("{not_before: 2026-07-01, valid_days: 0}", "expire before it is valid"),
            ("{not_before: 2026-07-01, expires: 2026-07-01}", "expire before it is valid"),
            ("{not_before: 2026-07-01, expires: 2027-07-01, valid_days: 3}", "give one of them"),
            ("{expires: soon}", "expires: expected a date such as 2026-07-01, got \"soon\""),
            ("{not_before: 1969-12-31}", "not_before: expected a date"),
        ] {
            let error = validity(yaml).unwrap_err();
            assert!(error.contains(message), "{yaml}: {error}");
        }
    }
}
