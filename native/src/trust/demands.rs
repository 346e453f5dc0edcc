//! Requirements that a bundle must meet before use.

use std::path::Path;

use nextbest_core::Error;
use nextbest_core::bundle::Bundle;

use super::keys::PublicKeys;
use crate::app::clock;
use crate::config::TrustConfig;

/// What a bundle must meet to be used here.
pub(crate) struct Demands {
    /// Keys of which one must have signed it; without keys, no signature is required.
    keys: Option<PublicKeys>,
    /// Smallest accepted model number.
    minimum_number: u64,
}

impl Demands {
    /// The demands of a config, with the public key of another file where one is given.
    ///
    /// # Errors
    /// If the key can't be read.
    pub(crate) fn new(config: &TrustConfig, public_key: Option<&Path>) -> anyhow::Result<Self> {
        let path = public_key.or(config.public_key.as_deref());
        Ok(Self { keys: path.map(PublicKeys::read).transpose()?, minimum_number: config.minimum_number })
    }

    /// Checks who signed a bundle (the bytes of a file); `None` where it does not matter.
    ///
    /// # Errors
    /// As [`PublicKeys::check`].
    pub(crate) fn check_signature(&self, bytes: &[u8]) -> Result<Option<String>, Error> {
        Ok(self.keys.as_ref().map(|keys| keys.check(bytes)).transpose()?)
    }

    /// Checks that a bundle may be used now.
    ///
    /// # Errors
    /// As [`Bundle::check_validity`].
    pub(crate) fn check_validity(&self, bundle: &Bundle) -> Result<(), Error> {
        Ok(bundle.check_validity(clock::seconds(), self.minimum_number)?)
    }
}
