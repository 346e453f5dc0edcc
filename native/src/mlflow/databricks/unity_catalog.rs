//! The registry of a workspace: models in Unity Catalog, by MLflow's calls for it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use serde_json::{Value, json};

use super::model_files::{Access, ModelFiles};
use super::signature;
use crate::app::usage;
use crate::mlflow::http::{Client, ServerError};
use crate::mlflow::registry::{NewVersion, Registry, Version};
use crate::mlflow::wire::{list, pairs, version_of, whole, word};

/// The beginning of all its calls.
pub(super) const API: &str = "/api/2.0/mlflow/unity-catalog";
/// Catalogs take no longer values and none of these in the names of tags.
const LONGEST_TAG: usize = 1000;
const NOT_IN_TAGS: [char; 6] = ['.', ',', '-', '=', '/', ':'];
/// Pauses between two looks at a version that is not ready yet: five minutes in all, as MLflow has it.
const LOOKS: usize = 150;
const PAUSE: Duration = Duration::from_secs(2);

/// The Unity Catalog of a workspace.
pub(crate) struct UnityCatalog<'p> {
    client: Client<'p>,
}

impl<'p> UnityCatalog<'p> {
    pub(crate) fn new(client: Client<'p>) -> Self {
        Self { client }
    }

    fn post(&self, call: &str, body: &Value) -> Result<Value, ServerError> {
        self.client.post(&format!("{API}/{call}"), body)
    }

    fn get(&self, call: &str, query: &[(&str, &str)]) -> Result<Value, ServerError> {
        self.client.get(&format!("{API}/{call}"), query)
    }

    /// A registered model; `None` where there is none of that name.
    fn model(&self, name: &str) -> anyhow::Result<Option<Value>> {
        match self.get("registered-models/get", &[("name", name)]) {
            Err(error) if error.is("RESOURCE_DOES_NOT_EXIST") || error.is("NOT_FOUND") => Ok(None),
            model => Ok(Some(model?)),
        }
    }

    fn version(&self, name: &str, number: u64) -> anyhow::Result<Value> {
        let answer = self.get("model-versions/get", &[("name", name), ("version", &number.to_string())])?;
        version_in(answer)
    }

    /// The number of the workspace that a run is in, by which the catalog links a version to its run.
    fn workspace_of(&self, run: &str) -> Option<String> {
        let found = self.client.header("/api/2.0/mlflow/runs/get", &[("run_id", run)], "x-databricks-org-id");
        // Without it there is no link, and a version all the same.
        found.ok().flatten()
    }

    /// Says that a version has all its files, and waits until it is ready.
    fn finalize(&self, name: &str, number: u64) -> anyhow::Result<()> {
        let body = json!({"name": name, "version": number.to_string()});
        let mut version = version_in(self.post("model-versions/finalize", &body)?)?;
        for _ in 0..LOOKS {
            match status(&version) {
                "READY" => return Ok(()),
                "FAILED_REGISTRATION" => {
                    bail!(
                        "Unity Catalog would not take it: {}",
                        word(&version, "status_message").unwrap_or("it does not say why")
                    )
                }
                _ => std::thread::sleep(PAUSE),
            }
            version = self.version(name, number)?;
        }
        bail!("Unity Catalog has all of it, but does not say that it is ready")
    }
}

impl Registry for UnityCatalog<'_> {
    fn ensure_model(&self, name: &str, description: &str) -> anyhow::Result<()> {
        // Looked for first: whoever may add versions to a model may not always make one.
        if self.model(name)?.is_some() {
            return Ok(());
        }
        match self.post("registered-models/create", &json!({"name": name, "description": description})) {
            // Someone else was faster.
            Err(error) if error.is("RESOURCE_ALREADY_EXISTS") || error.is("ALREADY_EXISTS") => Ok(()),
            other => Ok(other.map(drop)?),
        }
    }

    fn create_version(&self, version: &NewVersion<'_>) -> anyhow::Result<u64> {
        signature::check(version.files)?;
        version.tags.iter().try_for_each(|(key, _)| check_tag(key))?;
        let mut body = json!({
            "name": version.name,
            "source": format!("models:/{}", version.model.id),
            "model_id": version.model.id,
            "run_id": version.run,
            "run_tracking_server_id": version.run.and_then(|run| self.workspace_of(run)),
            "description": version.description,
            "tags": pairs(version.tags, LONGEST_TAG),
        });
        // As MLflow's client does, which leaves out what there is not.
        if let Some(fields) = body.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        let created = self.post("model-versions/create", &body)?;
        let number = whole(created.pointer("/model_version/version"))
            .with_context(|| format!("expected a version in Unity Catalog's answer, got {created}"))?;
        let send = || -> anyhow::Result<()> {
            let files = ModelFiles::open(&self.client, version.name, number, Access::Write)?;
            version.files.iter().try_for_each(|file| files.put(&file.path, &file.bytes))?;
            self.finalize(version.name, number)
        };
        send().with_context(|| {
            format!(
                "{} version {number} is not ready and stays unused; the next try makes another",
                version.name
            )
        })?;
        Ok(number)
    }

    fn versions(&self, name: &str) -> anyhow::Result<Vec<Version>> {
        let Some(model) = self.model(name)? else { return Ok(Vec::new()) };
        let mut aliases: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for alias in list(&model, "/registered_model/aliases") {
            if let (Some(name), Some(version)) = (word(alias, "alias"), whole(alias.get("version"))) {
                aliases.entry(version).or_default().push(name.to_owned());
            }
        }
        let filter = format!("name='{name}'");
        let (mut numbers, mut token) = (Vec::new(), String::new());
        loop {
            let query = [("filter", filter.as_str()), ("page_token", &token)];
            let asked = if token.is_empty() { query.get(..1).unwrap_or(&query) } else { &query };
            let page = self.get("model-versions/search", asked)?;
            // What was begun and never finished is no version.
            let ready = list(&page, "/model_versions").iter().filter(|version| status(version) == "READY");
            for found in ready {
                numbers.push(
                    whole(found.get("version")).context("Unity Catalog lists a version without a number")?,
                );
            }
            match word(&page, "next_page_token") {
                Some(next) if !next.is_empty() => token = next.to_owned(),
                _ => break,
            }
        }
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        // A search finds versions without their tags.
        let version = |number: u64| {
            let found = self.version(name, number)?;
            Ok(version_of(&found, number, aliases.remove(&number).unwrap_or_default()))
        };
        numbers.into_iter().map(version).collect()
    }

    fn set_alias(&self, name: &str, alias: &str, version: u64) -> anyhow::Result<()> {
        let body = json!({"name": name, "alias": alias, "version": version.to_string()});
        self.post("registered-models/alias", &body)?;
        Ok(())
    }

    fn tag_version(&self, name: &str, version: u64, key: &str, value: &str) -> anyhow::Result<()> {
        check_tag(key)?;
        let value: String = value.chars().take(LONGEST_TAG).collect();
        let body = json!({"name": name, "version": version.to_string(), "key": key, "value": value});
        self.post("model-versions/set-tag", &body)?;
        Ok(())
    }

    fn download(&self, name: &str, version: u64, path: &str) -> anyhow::Result<Vec<u8>> {
        ModelFiles::open(&self.client, name, version, Access::Read)?.get(path)
    }
}

/// Refuses a tag that a catalog would refuse, before anything is sent.
fn check_tag(key: &str) -> anyhow::Result<()> {
    if key.is_empty() || key.trim() != key || key.contains(NOT_IN_TAGS) {
        return Err(usage(anyhow!(
            "deployment.tags: Unity Catalog has no tags with . , - = / or : in their names, or with blanks \
             around them, got \
             {key:?}"
        )));
    }
    Ok(())
}

fn status(version: &Value) -> &str {
    word(version, "status").unwrap_or_default()
}

/// The version that an answer is about.
fn version_in(mut answer: Value) -> anyhow::Result<Value> {
    let found = answer.get_mut("model_version").map(Value::take);
    found.context("expected a version in Unity Catalog's answer, got none")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_what_a_catalog_takes() {
        for key in ["content_hash", "test_roc_auc_ovr", "gate_max_log_loss_increase", "Größe"] {
            check_tag(key).unwrap();
        }
        for key in ["a.b", "a-b", "a/b", "a:b", " a", ""] {
            let error = check_tag(key).unwrap_err().to_string();
            assert!(error.contains(&format!("{key:?}")), "{error}");
        }
    }
}
