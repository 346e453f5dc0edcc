//! The registry: versions of a model, and the aliases by which they are used.

use std::collections::BTreeMap;

use super::tracking::LoggedModel;
use crate::pyfunc::ModelFile;

/// What registers versions of models.
pub(crate) trait Registry {
    /// Makes a registered model, where there is none of that name.
    fn ensure_model(&self, name: &str, description: &str) -> anyhow::Result<()>;

    /// Makes the next version of a registered model, and gives its number.
    fn create_version(&self, version: &NewVersion<'_>) -> anyhow::Result<u64>;

    /// The versions of a registered model, the newest first; none where there is no such model.
    fn versions(&self, name: &str) -> anyhow::Result<Vec<Version>>;

    /// Lets an alias stand for a version, whatever it stood for before.
    fn set_alias(&self, name: &str, alias: &str, version: u64) -> anyhow::Result<()>;

    /// Tags a version.
    fn tag_version(&self, name: &str, version: u64, key: &str, value: &str) -> anyhow::Result<()>;

    /// A file of a version.
    fn download(&self, name: &str, version: u64, path: &str) -> anyhow::Result<Vec<u8>>;
}

/// A version that is to be registered.
pub(crate) struct NewVersion<'v> {
    pub(crate) name: &'v str,
    pub(crate) model: &'v LoggedModel,
    pub(crate) run: Option<&'v str>,
    pub(crate) description: &'v str,
    pub(crate) tags: &'v [(String, String)],
    /// What it consists of, for registries that keep files of their own.
    pub(crate) files: &'v [ModelFile],
}

/// A registered version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) number: u64,
    pub(crate) aliases: Vec<String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) run: Option<String>,
    /// In milliseconds since 1970-01-01.
    pub(crate) created: u64,
}

impl Version {
    /// Whether this alias stands for it.
    pub(crate) fn is(&self, alias: &str) -> bool {
        self.aliases.iter().any(|other| other == alias)
    }
}
