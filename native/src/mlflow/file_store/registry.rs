//! The registry of a folder.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde_json::json;

use super::meta::Meta;
use super::{FileStore, META, REGISTRY, folders, path_of, safe};
use crate::app::clock;
use crate::io::input;
use crate::mlflow::registry::{NewVersion, Registry, Version};

/// What the folder of a version is called, before its number.
const VERSION: &str = "version-";

impl FileStore {
    fn model_folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        if name.contains(['/', '%', ':']) || safe(name).is_err() {
            bail!(
                "mlflow.registered_model_name: a folder has no models with /, % or : in their names, got \
                 {name:?}"
            );
        }
        Ok(self.root.join(REGISTRY).join(name))
    }

    fn version_folder(&self, name: &str, version: u64) -> anyhow::Result<PathBuf> {
        Ok(self.model_folder(name)?.join(format!("{VERSION}{version}")))
    }

    fn numbers(&self, name: &str) -> anyhow::Result<Vec<u64>> {
        let names = folders(&self.model_folder(name)?)?;
        let mut numbers: Vec<u64> =
            names.iter().filter_map(|folder| folder.strip_prefix(VERSION)?.parse().ok()).collect();
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        Ok(numbers)
    }
}

impl Registry for FileStore {
    fn ensure_model(&self, name: &str, description: &str) -> anyhow::Result<()> {
        let folder = self.model_folder(name)?;
        self.make_folder(&folder, |aside| {
            let time = clock::milliseconds();
            let meta = json!({
                "creation_timestamp": time,
                "description": description,
                "last_updated_timestamp": time,
                "name": name,
            });
            self.write_meta(&aside.join(META), &Meta(meta))
        })?;
        Ok(())
    }

    fn create_version(&self, version: &NewVersion<'_>) -> anyhow::Result<u64> {
        let mut number = self.numbers(version.name)?.first().copied().unwrap_or_default();
        loop {
            number += 1;
            let made = self.make_folder(&self.version_folder(version.name, number)?, |aside| {
                for (key, value) in version.tags {
                    self.write(&aside.join("tags").join(safe(key)?), value.as_bytes())?;
                }
                let time = clock::milliseconds();
                let meta = json!({
                    "creation_timestamp": time,
                    "current_stage": "None",
                    "description": version.description,
                    "last_updated_timestamp": time,
                    "model_id": version.model.id,
                    "name": version.name,
                    "run_id": version.run,
                    "run_link": "",
                    "source": format!("models:/{}", version.model.id),
                    "status": "READY",
                    "status_message": null,
                    "storage_location": version.model.artifact_uri,
                    "user_id": "",
                    "version": number,
                });
                self.write_meta(&aside.join(META), &Meta(meta))
            })?;
            // Someone else may have been faster.
            if made {
                return Ok(number);
            }
        }
    }

    fn versions(&self, name: &str) -> anyhow::Result<Vec<Version>> {
        let folder = self.model_folder(name)?;
        let mut aliases: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for (alias, number) in texts(folder.join("aliases"))? {
            if let Ok(number) = number.trim().parse() {
                aliases.entry(number).or_default().push(alias);
            }
        }
        let version = |number: u64| {
            let folder = self.version_folder(name, number)?;
            let meta = Meta::read(&folder.join(META))?;
            Ok(Version {
                number,
                aliases: aliases.remove(&number).unwrap_or_default(),
                tags: texts(folder.join("tags"))?.into_iter().collect(),
                run: meta.text("run_id").filter(|run| !run.is_empty()),
                created: meta.number("creation_timestamp").unwrap_or_default(),
            })
        };
        self.numbers(name)?.into_iter().map(version).collect()
    }

    fn set_alias(&self, name: &str, alias: &str, version: u64) -> anyhow::Result<()> {
        let path = self.model_folder(name)?.join("aliases").join(safe(alias)?);
        self.write(&path, version.to_string().as_bytes())
    }

    fn tag_version(&self, name: &str, version: u64, key: &str, value: &str) -> anyhow::Result<()> {
        let path = self.version_folder(name, version)?.join("tags").join(safe(key)?);
        self.write(&path, value.as_bytes())
    }

    fn download(&self, name: &str, version: u64, path: &str) -> anyhow::Result<Vec<u8>> {
        let meta_path = self.version_folder(name, version)?.join(META);
        let meta = Meta::read(&meta_path)?;
        let location = meta.text("storage_location").filter(|location| !location.is_empty());
        let location = location
            .with_context(|| format!("{}: has no storage_location", meta_path.display()))
            .and_then(|location| path_of(&location))?;
        let path = location.join(safe(path)?);
        input::read_bundle(&path).with_context(|| path.display().to_string())
    }
}

/// The texts of the files in a folder and those in it, by their paths: a key may have `/` in it. None where
/// it is not there.
fn texts(folder: PathBuf) -> anyhow::Result<Vec<(String, String)>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut texts = Vec::new();
    let mut open = vec![(folder, String::new())];
    while let Some((folder, before)) = open.pop() {
        let place = || folder.display().to_string();
        for entry in std::fs::read_dir(&folder).with_context(place)? {
            let path = entry.with_context(place)?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let key = format!("{before}{name}");
            match path.is_dir() {
                true => open.push((path, format!("{key}/"))),
                false => texts.push((key, std::fs::read_to_string(&path).with_context(place)?)),
            }
        }
    }
    texts.sort_unstable();
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::mlflow::tracking::LoggedModel;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// What a folder would not keep as it is, it refuses.
        #[test]
        fn aliases_and_tags_are_read_again(
            aliases in vec((r#"([-a/=:,."' é|;%]{0,4})|(\PC{0,8})"#, 1u64..3), 0..4),
            tags in vec((r#"([-a/=:,."' é|;%]{0,4})|(\PC{0,8})"#, any::<String>()), 0..4),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let store = FileStore::new(folder.path());
            let model = LoggedModel { id: "m-1".into(), artifact_uri: "file:///a b".into() };
            store.ensure_model("bank", "of; \"words\"").unwrap();
            for number in 1..3 {
                let version = NewVersion {
                    name: "bank", model: &model, run: None, description: "", tags: &[], files: &[],
                };
                prop_assert_eq!(store.create_version(&version).unwrap(), number);
            }
            let (mut named, mut tagged) = (BTreeMap::new(), BTreeMap::new());
            // Numbers before them: no key is the folder of another.
            for (at, (alias, number)) in aliases.iter().enumerate() {
                let alias = format!("{at}{alias}");
                match store.set_alias("bank", &alias, *number) {
                    Ok(()) => drop(named.insert(alias, *number)),
                    Err(_) => prop_assert!(safe(&alias).is_err(), "{}", alias),
                }
            }
            for (at, (key, value)) in tags.iter().enumerate() {
                let key = format!("{at}{key}");
                match store.tag_version("bank", 1, &key, value) {
                    Ok(()) => drop(tagged.insert(key, value.clone())),
                    Err(_) => prop_assert!(safe(&key).is_err(), "{}", key),
                }
            }
            let versions = store.versions("bank").unwrap();
            let found = versions.iter().flat_map(|it| it.aliases.iter().map(|alias| (alias.clone(), it.number)));
            prop_assert_eq!(found.collect::<BTreeMap<_, _>>(), named);
            let first = versions.iter().find(|version| version.number == 1).unwrap();
            prop_assert_eq!(&first.tags, &tagged);
        }
    }
}
