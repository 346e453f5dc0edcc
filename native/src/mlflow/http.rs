//! Requests to a server, by MLflow's own environment variables and with its retries.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use ureq::http::{Method, Request, StatusCode};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Proxy};

use super::address::variable;
use crate::cli::usage;
use crate::progress::Progress;

/// What may come right or wrong by itself: worth another try.
const PASSING: [u16; 6] = [408, 429, 500, 502, 503, 504];
/// No pause between two tries is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// So many characters of an answer that is no JSON are shown.
const SHOWN: usize = 300;
/// An answer of more bytes is not read.
const LARGEST_ANSWER: u64 = 4 << 30;
/// What stands for itself in an address (RFC 3986, 2.3).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Talks to a server.
pub(crate) struct Client<'p> {
    agent: Agent,
    base: String,
    authorization: Option<String>,
    most_retries: u32,
    backoff: f64,
    progress: &'p Progress,
}

/// Why a server did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    /// It answered that it would not.
    #[error("{method} {url}: {status} {code}: {message}{}", hint(*status))]
    Refused { method: Method, url: String, status: u16, code: String, message: String },
    /// It did not answer, or not in full.
    #[error("{url}: {cause}")]
    Unreachable { url: String, cause: ureq::Error },
    /// Its answer is not what MLflow answers.
    #[error("{url}: expected an answer of MLflow, got {found}")]
    Foreign { url: String, found: String },
}

/// What goes with a request.
#[derive(Debug, Clone, Copy)]
enum Content<'c> {
    Nothing,
    Json(&'c Value),
    Bytes(&'c [u8]),
}

impl<'p> Client<'p> {
    /// For an MLflow server, with the credentials that the environment has for it.
    ///
    /// # Errors
    /// Where a variable or a certificate can't be read.
    pub(crate) fn of_server(base: &str, progress: &'p Progress) -> anyhow::Result<Self> {
        let user = (variable("MLFLOW_TRACKING_USERNAME"), variable("MLFLOW_TRACKING_PASSWORD"));
        let authorization = match user {
            (Some(name), Some(password)) => {
                Some(format!("Basic {}", STANDARD.encode(format!("{name}:{password}"))))
            }
            _ => variable("MLFLOW_TRACKING_TOKEN").map(|token| format!("Bearer {token}")),
        };
        Self::new(base, authorization, progress)
    }

    /// For a server, with what its `Authorization` header says.
    ///
    /// # Errors
    /// As [`Client::of_server`].
    pub(crate) fn new(
        base: &str,
        authorization: Option<String>,
        progress: &'p Progress,
    ) -> anyhow::Result<Self> {
        let patience = Duration::from_secs_f64(number("MLFLOW_HTTP_REQUEST_TIMEOUT", 120.0)?);
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("nextbest/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(patience))
            .timeout_per_read(Some(patience))
            .timeout_per_write(Some(patience))
            .proxy(Proxy::try_from_env())
            .tls_config(tls()?)
            .build();
        Ok(Self {
            agent: agent.into(),
            base: base.to_owned(),
            authorization,
            most_retries: number("MLFLOW_HTTP_REQUEST_MAX_RETRIES", 7.0)? as u32,
            backoff: number("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", 2.0)?,
            progress,
        })
    }

    /// The beginning of its addresses.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Asks for JSON.
    ///
    /// # Errors
    /// [`ServerError`].
    pub(crate) fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, ServerError> {
        let mut url = format!("{}{path}", self.base);
        for (position, (key, value)) in query.iter().enumerate() {
            url += if position == 0 { "?" } else { "&" };
            url += &format!("{key}={}", encoded(value));
        }
        self.json(Method::GET, &url, Content::Nothing)
    }

    /// Sends JSON, gets JSON.
    ///
    /// # Errors
    /// [`ServerError`].
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, ServerError> {
        self.json(Method::POST, &format!("{}{path}", self.base), Content::Json(body))
    }

    /// Sends JSON, gets JSON, with no second try: for what must not be done twice.
    ///
    /// # Errors
    /// [`ServerError`].
    pub(crate) fn post_once(&self, path: &str, body: &Value) -> Result<Value, ServerError> {
        let url = format!("{}{path}", self.base);
        let answer = self.try_once(&Method::POST, &url, Content::Json(body), &[]);
        let (status, _, body) =
            answer.map_err(|cause| ServerError::Unreachable { url: url.clone(), cause })?;
        match status.is_success() {
            true => json(&url, &body),
            false => Err(refused(&Method::POST, &url, status, &body)),
        }
    }

    /// Changes something.
    ///
    /// # Errors
    /// [`ServerError`].
    pub(crate) fn patch(&self, path: &str, body: &Value) -> Result<Value, ServerError> {
        self.json(Method::PATCH, &format!("{}{path}", self.base), Content::Json(body))
    }

    /// Sends a file's content.
    ///
    /// # Errors
    /// [`ServerError`].
    pub(crate) fn put(&self, path: &str, bytes: &[u8]) -> Result<(), ServerError> {
        self.send(Method::PUT, &format!("{}{path}", self.base), Content::Bytes(bytes), &[]).map(drop)
    }

    /// Gets a file's content.
    ///
    /// # Errors
    /// [`ServerError`].
    pub(crate) fn download(&self, path: &str) -> Result<Vec<u8>, ServerError> {
        self.send(Method::GET, &format!("{}{path}", self.base), Content::Nothing, &[])
    }

    fn json(&self, method: Method, url: &str, content: Content<'_>) -> Result<Value, ServerError> {
        json(url, &self.send(method, url, content, &[])?)
    }

    /// Sends a request as often as it takes. Waits as MLflow does: not at all before the second try, then twice as long each time.
    fn send(
        &self,
        method: Method,
        url: &str,
        content: Content<'_>,
        headers: &[(String, String)],
    ) -> Result<Vec<u8>, ServerError> {
        let mut tried = 0;
        loop {
            let (pause, error) = match self.try_once(&method, url, content, headers) {
                Ok((status, _, body)) if status.is_success() => return Ok(body),
                Ok((status, pause, body)) => {
                    let error = refused(&method, url, status, &body);
                    if !PASSING.contains(&status.as_u16()) {
                        return Err(error);
                    }
                    (pause, error)
                }
                Err(cause) => (None, ServerError::Unreachable { url: url.to_owned(), cause }),
            };
            tried += 1;
            if tried > self.most_retries {
                return Err(error);
            }
            let doubled = if tried == 1 { 0.0 } else { self.backoff * f64::from(tried - 1).exp2() };
            let pause = pause.unwrap_or(Duration::from_secs_f64(doubled)).min(LONGEST_PAUSE);
            if !pause.is_zero() {
                self.progress.warn(&format!(
                    "{error}; trying again in {} s ({tried} of {})",
                    pause.as_secs(),
                    self.most_retries
                ));
                std::thread::sleep(pause);
            }
        }
    }

    fn try_once(
        &self,
        method: &Method,
        url: &str,
        content: Content<'_>,
        headers: &[(String, String)],
    ) -> Result<(StatusCode, Option<Duration>, Vec<u8>), ureq::Error> {
        let mut request = Request::builder().method(method).uri(url);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut response = match content {
            Content::Nothing => self.agent.run(request.body(())?)?,
            Content::Json(value) => {
                let mut bytes = Vec::new();
                // Serialising JSON into memory does not fail.
                let _ = write!(bytes, "{value}");
                self.agent.run(request.header("Content-Type", "application/json").body(bytes)?)?
            }
            Content::Bytes(bytes) => {
                self.agent.run(request.header("Content-Type", "application/octet-stream").body(bytes)?)?
            }
        };
        let pause = response.headers().get("Retry-After").and_then(|value| value.to_str().ok()?.parse().ok());
        let body = response.body_mut().with_config().limit(LARGEST_ANSWER).read_to_vec()?;
        Ok((response.status(), pause.map(Duration::from_secs), body))
    }
}

impl ServerError {
    /// Whether the server has answered with this code, such as `RESOURCE_ALREADY_EXISTS`.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }
}

/// A piece of an address.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// A path whose folders stay folders.
pub(crate) fn encoded_path(path: &str) -> String {
    path.split('/').map(encoded).collect::<Vec<_>>().join("/")
}

fn json(url: &str, answer: &[u8]) -> Result<Value, ServerError> {
    serde_json::from_slice(answer).map_err(|_| ServerError::Foreign {
        url: url.to_owned(),
        found: shown(&String::from_utf8_lossy(answer)),
    })
}

fn refused(method: &Method, url: &str, status: StatusCode, body: &[u8]) -> ServerError {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let field = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    ServerError::Refused {
        method: method.clone(),
        url: url.split('?').next().unwrap_or(url).to_owned(),
        status: status.as_u16(),
        code: field("error_code").unwrap_or_else(|| status.canonical_reason().unwrap_or_default().to_owned()),
        // Where nobody is logged in, MLflow answers in plain words.
        message: field("message").unwrap_or_else(|| shown(&String::from_utf8_lossy(body))),
    }
}

fn hint(status: u16) -> &'static str {
    match status {
        401 | 403 => {
            " (the environment says who asks: MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or \
             MLFLOW_TRACKING_TOKEN; on Databricks DATABRICKS_HOST and DATABRICKS_TOKEN)"
        }
        _ => "",
    }
}

fn shown(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { "nothing".into() } else { text.chars().take(SHOWN).collect() }
}

fn number(name: &str, default: f64) -> anyhow::Result<f64> {
    let Some(text) = variable(name) else { return Ok(default) };
    let number = text.parse().ok().filter(|number| (0.0..=1e6).contains(number));
    number.ok_or_else(|| usage(anyhow!("{name}: expected a number of at least 0, got {text:?}")))
}

fn tls() -> anyhow::Result<TlsConfig> {
    let config = TlsConfig::builder();
    let insecure = variable("MLFLOW_TRACKING_INSECURE_TLS");
    if insecure.is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true")) {
        return Ok(config.disable_verification(true).build());
    }
    let Some(path) = variable("MLFLOW_TRACKING_SERVER_CERT_PATH") else { return Ok(config.build()) };
    let place = || format!("MLFLOW_TRACKING_SERVER_CERT_PATH: {path}");
    let pem = std::fs::read(&path).with_context(place)?;
    let certificates = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    });
    let certificates = certificates.collect::<Result<Vec<Certificate<'static>>, _>>().with_context(place)?;
    if certificates.is_empty() {
        return Err(anyhow!("expected certificates in PEM, found none").context(place()));
    }
    Ok(config.root_certs(RootCerts::new_with_certs(&certificates)).build())
}
