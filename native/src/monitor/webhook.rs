//! Tells an alert to an address of the bank's, which may pass it on to people.

use std::time::Duration;

use anyhow::{anyhow, bail};

/// How long the address may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Checks that an address may be told.
///
/// # Errors
/// If it is not of TLS and not of this machine: what it is told names features and models.
pub(crate) fn check(address: &str) -> anyhow::Result<()> {
    let local = ["http://localhost", "http://127.0.0.1", "http://[::1]"];
    let is_local = local.iter().any(|start| {
        address.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    });
    match address.starts_with("https://") || is_local {
        true => Ok(()),
        false => bail!("monitoring.alerts.webhook: expected https://… (or http://localhost…)"),
    }
}

/// Tells it.
///
/// # Errors
/// If nobody answers, or with an error.
pub(crate) fn tell(address: &str, alert: &serde_json::Value) -> anyhow::Result<()> {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .user_agent(concat!("nextbest/", env!("CARGO_PKG_VERSION")))
        .proxy(ureq::Proxy::try_from_env())
        .build()
        .new_agent();
    let sent =
        agent.post(address).header("content-type", "application/json").send(&serde_json::to_vec(alert)?);
    // The address may hold a secret, so that it is not named.
    match sent {
        Ok(_) => Ok(()),
        Err(ureq::Error::BadUri(_)) => bail!("monitoring.alerts.webhook: is no address"),
        Err(error) => Err(anyhow!("monitoring.alerts.webhook: the alert could not be sent: {error}")),
    }
}
