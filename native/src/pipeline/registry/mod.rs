//! The versions of the registered model: register, promote, roll back, list.

pub(crate) mod models;
pub(crate) mod promote;
pub(crate) mod register;
pub(crate) mod rollback;

use anyhow::{Context as _, bail};
use nextbest_core::bundle::{Bundle, content_hash};

use crate::mlflow::{Address, Registry, Version};
use crate::pipeline::Session;
use crate::pyfunc::BUNDLE_PATH;
use crate::trust::Demands;

/// The alias of the version that is tried out.
const STAGING: &str = "staging";
/// The alias of the version that is used.
const PRODUCTION: &str = "production";
/// The tag with the hash of the bundle's content.
const HASH_TAG: &str = "content_hash";
/// The tag with the version that a version took the place of.
const REPLACED_TAG: &str = "replaced_version";

/// The versions of the model that the config names.
struct Models<'c> {
    session: &'c Session,
    registry: Box<dyn Registry + 'c>,
    name: &'c str,
}

impl<'c> Models<'c> {
    fn open(session: &'c Session) -> anyhow::Result<Self> {
        let registry = Address::of_registry(&session.config)?.registry(&session.progress)?;
        Ok(Self { session, registry, name: &session.config.mlflow.registered_model_name })
    }

    /// All of them, the newest first.
    fn versions(&self) -> anyhow::Result<Vec<Version>> {
        let versions = self.registry.versions(self.name)?;
        if versions.is_empty() {
            bail!("no version of {} is registered: `nextbest register` registers one", self.name);
        }
        Ok(versions)
    }

    /// A version's bundle, which is what was registered and may be used now.
    fn bundle(&self, version: &Version) -> anyhow::Result<(Vec<u8>, Bundle)> {
        let place = || format!("{} version {}", self.name, version.number);
        let bytes = self.registry.download(self.name, version.number, BUNDLE_PATH).with_context(place)?;
        let demands = Demands::new(&self.session.config.trust, None)?;
        demands.check_signature(&bytes).with_context(place)?;
        let bundle = Bundle::decode(&bytes).with_context(place)?;
        demands.check_validity(&bundle).with_context(place)?;
        match version.tags.get(HASH_TAG) {
            Some(hash) if *hash != content_hash(&bytes) => bail!(
                "{}: its bundle is not the one that was registered (its {HASH_TAG} is another): register it \
                 again",
                place()
            ),
            _ => Ok((bytes, bundle)),
        }
    }
}

/// The bundle of a registered version, `NAME@ALIAS` or `NAME/VERSION`.
///
/// # Errors
/// Where there is no such version, or its bundle can't be had.
pub(super) fn download(session: &Session, version: &str) -> anyhow::Result<Vec<u8>> {
    let place = || format!("models:/{version}");
    let registry = Address::of_registry(&session.config)?.registry(&session.progress)?;
    let (name, wanted) = version
        .split_once(['@', '/'])
        .with_context(|| format!("{}: expected models:/NAME@ALIAS or models:/NAME/VERSION", place()))?;
    let versions = registry.versions(name).with_context(place)?;
    let is_wanted = |found: &&Version| match version.contains('@') {
        true => found.is(wanted),
        false => found.number.to_string() == wanted,
    };
    let found = versions.iter().find(is_wanted);
    let found = found.with_context(|| format!("{}: there is no such version (nextbest models)", place()))?;
    registry.download(name, found.number, BUNDLE_PATH).with_context(place)
}

/// A version by its number.
fn numbered(versions: &[Version], number: u64) -> anyhow::Result<&Version> {
    let there: Vec<String> = versions.iter().map(|version| version.number.to_string()).collect();
    versions
        .iter()
        .find(|version| version.number == number)
        .with_context(|| format!("there is no version {number}; there are {}", there.join(", ")))
}
