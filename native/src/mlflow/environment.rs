//! The environment, as MLflow reads it.

use crate::app::secrets;

/// Parts of the names of variables that hold secrets.
const SECRET: [&str; 3] = ["TOKEN", "PASSWORD", "SECRET"];

/// An environment variable that is set to something.
pub(super) fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
    if SECRET.iter().any(|part| name.contains(part)) {
        secrets::know(&value);
    }
    Some(value)
}
