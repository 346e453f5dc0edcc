//! Why a server did not do what it was asked for; without anything that is secret.

use serde_json::Value;
use ureq::http::{Method, Response};

use crate::app::for_people;

/// So many characters of an answer that is no JSON are shown.
const SHOWN: usize = 300;

/// Why a server did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    /// It answered that it would not.
    #[error("{method} {url}: {status} {code}: {message}{}", hint(*status))]
    Refused { method: Method, url: String, status: u16, code: String, message: String },
    /// It did not answer, or not in full.
    #[error("{url}: {cause}")]
    Unreachable { url: String, cause: ureq::Error },
    /// The storage behind a signed address answered that it would not. What else it says, and the address
    /// itself, are secrets.
    #[error("{method} a signed address at {place}: {status} {code}")]
    NotStored { method: Method, place: String, status: u16, code: String },
    /// Its answer is not what MLflow answers.
    #[error("{url}: expected an answer of MLflow, got {found}")]
    Foreign { url: String, found: String },
}

impl ServerError {
    /// Whether the server has answered with this code, such as `RESOURCE_ALREADY_EXISTS`.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }

    /// The status of an answer that it would not.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } | Self::NotStored { status, .. } => Some(*status),
            Self::Unreachable { .. } | Self::Foreign { .. } => None,
        }
    }
}

/// An answer that a server would not, as the error that it is.
pub(super) fn refused(method: &Method, url: &str, answer: &Response<Vec<u8>>) -> ServerError {
    let (status, body) = (answer.status(), answer.body());
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let field = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    ServerError::Refused {
        method: method.clone(),
        url: url.split('?').next().unwrap_or(url).to_owned(),
        status: status.as_u16(),
        code: for_people(
            &field("error_code").unwrap_or_else(|| status.canonical_reason().unwrap_or_default().to_owned()),
        ),
        // Where nobody is logged in, MLflow answers in plain words.
        message: for_people(&field("message").unwrap_or_else(|| shown(&String::from_utf8_lossy(body)))),
    }
}

/// What clouds answer may hold what they were asked with, such as a session's token: their code alone is
/// shown.
pub(super) fn not_stored(method: &Method, url: &str, answer: &Response<Vec<u8>>) -> ServerError {
    let status = answer.status();
    let body = String::from_utf8_lossy(answer.body());
    let code = body.split_once("<Code>").and_then(|(_, rest)| Some(rest.split_once("</Code>")?.0));
    ServerError::NotStored {
        method: method.clone(),
        place: place_of(url),
        status: status.as_u16(),
        code: shown(code.or(status.canonical_reason()).unwrap_or_default()),
    }
}

/// An address without its path, which is all of a signed one that may be shown.
pub(super) fn place_of(url: &str) -> String {
    let end = url.find("://").map_or(0, |scheme| scheme + 3);
    let (scheme, rest) = url.split_at(end);
    format!("{scheme}{}", rest.split(['/', '?', '#']).next().unwrap_or_default())
}

fn hint(status: u16) -> &'static str {
    match status {
        401 | 403 => {
            " (the environment says who asks: MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or \
             MLFLOW_TRACKING_TOKEN; on Databricks DATABRICKS_HOST with DATABRICKS_TOKEN, or with \
             DATABRICKS_CLIENT_ID and \
             DATABRICKS_CLIENT_SECRET)"
        }
        _ => "",
    }
}

/// The beginning of a text, on one line.
pub(super) fn shown(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { "nothing".into() } else { text.chars().take(SHOWN).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_not_shown() {
        let url = "https://bucket.s3.amazonaws.com/a/b?X-Amz-Signature=secret";
        assert_eq!(place_of(url), "https://bucket.s3.amazonaws.com");
        assert_eq!(
            place_of("https://account.dfs.core.windows.net?sig=secret"),
            "https://account.dfs.core.windows.net"
        );
        let body = "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>secret</StringToSign></Error>";
        let answer = Response::builder().status(403).body(body.as_bytes().to_vec()).unwrap();
        let error = not_stored(&Method::PUT, url, &answer).to_string();
        assert!(!error.contains("secret") && error.contains("403 SignatureDoesNotMatch"), "{error}");
    }
}
