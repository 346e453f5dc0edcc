//! Files of runs and models on a server.

use std::path::Path;

use anyhow::{Context as _, bail};

use super::Server;
use crate::io::input;
use crate::io::output;
use crate::mlflow::http::encoded_path;

/// What addresses of files begin with that go through the server.
const PROXIED: &str = "mlflow-artifacts:";

impl Server<'_> {
    /// Writes a file under the address of a run's or model's files.
    pub(super) fn put_file(&self, artifact_uri: &str, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
        if let Some(artifacts) = &self.workspace {
            return artifacts.put(&self.client, artifact_uri, path, bytes);
        }
        match place(artifact_uri, path)? {
            Place::Proxy(path) => Ok(self.client.put(&path, bytes)?),
            Place::File(path) => output::write_bytes(Path::new(&path), bytes),
        }
    }

    /// Reads a file under the address of a run's or model's files.
    pub(super) fn get_file(&self, artifact_uri: &str, path: &str) -> anyhow::Result<Vec<u8>> {
        match place(artifact_uri, path)? {
            Place::Proxy(path) => Ok(self.client.download(&path)?),
            Place::File(path) => input::read_bundle(Path::new(&path)).with_context(|| path.clone()),
        }
    }
}

enum Place {
    /// The path of a call to the server.
    Proxy(String),
    /// A file of this machine.
    File(String),
}

fn place(artifact_uri: &str, path: &str) -> anyhow::Result<Place> {
    if let Some(rest) = artifact_uri.strip_prefix(PROXIED) {
        // mlflow-artifacts:/1/… or, with the server that is asked anyway, mlflow-artifacts://host:port/1/…
        let root = match rest.strip_prefix("//") {
            Some(rest) => rest.split_once('/').map_or("", |(_, path)| path),
            None => rest.trim_start_matches('/'),
        };
        let path = encoded_path(&format!("{root}/{path}"));
        return Ok(Place::Proxy(format!("/api/2.0/mlflow-artifacts/artifacts/{path}")));
    }
    let file = artifact_uri.strip_prefix("file://").or(artifact_uri.starts_with('/').then_some(artifact_uri));
    match file {
        Some(folder) => Ok(Place::File(format!("{folder}/{path}"))),
        None => bail!(
            "files go to {artifact_uri}, which can't be reached from here: start the server with \
             `--serve-artifacts \
             --artifacts-destination {artifact_uri}`, so that they go through it (an experiment keeps its \
             place: make a \
             new one)"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_through_the_server_or_to_this_machine() {
        let through = |uri: &str| match place(uri, "reports/a b.html").unwrap() {
            Place::Proxy(path) | Place::File(path) => path,
        };
        let proxied = "/api/2.0/mlflow-artifacts/artifacts/1/2/artifacts/reports/a%20b.html";
        assert_eq!(through("mlflow-artifacts:/1/2/artifacts"), proxied);
        assert_eq!(through("mlflow-artifacts://bank:5000/1/2/artifacts"), proxied);
        assert_eq!(through("file:///srv/1/artifacts"), "/srv/1/artifacts/reports/a b.html");
        let error = place("s3://bucket/1", "a").err().unwrap().to_string();
        assert!(error.contains("--serve-artifacts"), "{error}");
    }
}
