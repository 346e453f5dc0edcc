//! Requests to a server, by MLflow's own environment variables and with its retries.

mod error;
mod pause;

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use ureq::http::{Method, Request, Response};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Proxy};

pub(crate) use error::ServerError;
use error::{not_stored, place_of, refused, shown};

use super::environment::variable;
use crate::app::Progress;
use crate::app::clock;
use crate::app::secrets;
use crate::app::usage;
use crate::io::input;

/// What may come right or wrong by itself: worth another try.
const PASSING: [u16; 6] = [408, 429, 500, 502, 503, 504];
/// An answer of more bytes is not read.
const LARGEST_ANSWER: u64 = 256 << 20;
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

/// What goes with a request.
#[derive(Debug, Clone, Copy)]
enum Content<'c> {
    Nothing,
    Json(&'c Value),
    Form(&'c str),
    Bytes(&'c [u8]),
    /// To an address that is a permission in itself: nobody is named, and nothing is added to the headers
    /// that it was signed for.
    Signed(&'c [(String, String)], &'c [u8]),
}

impl<'p> Client<'p> {
    /// For an MLflow server, with the credentials that the environment has for it.
    ///
    /// # Errors
    /// If a variable or a certificate can't be read.
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
        // `Basic …` or `Bearer …`; a server may answer with what it was asked with.
        let credentials = authorization.iter().filter_map(|text| text.split_once(' '));
        credentials.for_each(|(_, secret)| secrets::know(secret));
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
        self.json(Method::GET, &self.asked(path, query), Content::Nothing)
    }

    /// The value of a header of the answer.
    ///
    /// # Errors
    /// [`ServerError`].
    pub(crate) fn header(
        &self,
        path: &str,
        query: &[(&str, &str)],
        name: &str,
    ) -> Result<Option<String>, ServerError> {
        let answer = self.send(Method::GET, &self.asked(path, query), Content::Nothing)?;
        Ok(answer.headers().get(name).and_then(|value| Some(value.to_str().ok()?.to_owned())))
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
        match self.try_once(&Method::POST, &url, Content::Json(body)) {
            Ok(answer) if answer.status().is_success() => json(&url, answer.body()),
            Ok(answer) => Err(refused(&Method::POST, &url, &answer)),
            Err(cause) => Err(ServerError::Unreachable { url, cause }),
        }
    }

    /// Sends the fields of a form, as addresses have them behind their `?`; gets JSON.
    ///
    /// # Errors
    /// [`ServerError`].
    pub(crate) fn post_form(&self, path: &str, fields: &str) -> Result<Value, ServerError> {
        self.json(Method::POST, &format!("{}{path}", self.base), Content::Form(fields))
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
        self.send(Method::PUT, &format!("{}{path}", self.base), Content::Bytes(bytes)).map(drop)
    }

    /// Gets a file's content.
    ///
    /// # Errors
    /// [`ServerError`].
    pub(crate) fn download(&self, path: &str) -> Result<Vec<u8>, ServerError> {
        Ok(self.send(Method::GET, &format!("{}{path}", self.base), Content::Nothing)?.into_body())
    }

    /// Sends to or gets from a signed address of any host, which never learns who asks.
    ///
    /// # Errors
    /// [`ServerError`], without the address.
    pub(crate) fn signed(
        &self,
        method: Method,
        url: &str,
        headers: &[(String, String)],
        bytes: &[u8],
    ) -> Result<Vec<u8>, ServerError> {
        Ok(self.send(method, url, Content::Signed(headers, bytes))?.into_body())
    }

    fn asked(&self, path: &str, query: &[(&str, &str)]) -> String {
        let mut url = format!("{}{path}", self.base);
        for (position, (key, value)) in query.iter().enumerate() {
            url += if position == 0 { "?" } else { "&" };
            url += &format!("{key}={}", encoded(value));
        }
        url
    }

    fn json(&self, method: Method, url: &str, content: Content<'_>) -> Result<Value, ServerError> {
        json(url, self.send(method, url, content)?.body())
    }

    /// Sends a request as often as it takes. Waits as MLflow does: not at all before the second try, then
    /// twice as long each time.
    fn send(
        &self,
        method: Method,
        url: &str,
        content: Content<'_>,
    ) -> Result<Response<Vec<u8>>, ServerError> {
        let is_signed = matches!(content, Content::Signed(..));
        let mut tried = 0;
        loop {
            let (pause, error) = match self.try_once(&method, url, content) {
                Ok(answer) if answer.status().is_success() => return Ok(answer),
                Ok(answer) => {
                    let error = match is_signed {
                        true => not_stored(&method, url, &answer),
                        false => refused(&method, url, &answer),
                    };
                    if !PASSING.contains(&answer.status().as_u16()) {
                        return Err(error);
                    }
                    let asked = answer.headers().get("Retry-After").and_then(|it| it.to_str().ok());
                    (asked.and_then(|asked| pause::asked(asked, clock::milliseconds())), error)
                }
                Err(cause) => {
                    let url = if is_signed { place_of(url) } else { url.to_owned() };
                    (None, ServerError::Unreachable { url, cause })
                }
            };
            tried += 1;
            if tried > self.most_retries {
                return Err(error);
            }
            let pause = pause.unwrap_or_else(|| pause::doubling(tried, self.backoff));
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
    ) -> Result<Response<Vec<u8>>, ureq::Error> {
        let mut request = Request::builder().method(method).uri(url);
        if let (Some(authorization), false) = (&self.authorization, matches!(content, Content::Signed(..))) {
            request = request.header("Authorization", authorization);
        }
        let response = match content {
            Content::Nothing => self.agent.run(request.body(())?)?,
            Content::Json(value) => {
                let mut bytes = Vec::new();
                // Serialising JSON into memory does not fail.
                let _ = write!(bytes, "{value}");
                self.agent.run(request.header("Content-Type", "application/json").body(bytes)?)?
            }
            Content::Form(fields) => {
                let request = request.header("Content-Type", "application/x-www-form-urlencoded");
                self.agent.run(request.body(fields)?)?
            }
            Content::Bytes(bytes) => {
                self.agent.run(request.header("Content-Type", "application/octet-stream").body(bytes)?)?
            }
            Content::Signed(headers, bytes) => {
                for (name, value) in headers {
                    request = request.header(name, value);
                }
                match *method {
                    Method::GET => self.agent.run(request.body(())?)?,
                    _ => self.agent.run(request.body(bytes)?)?,
                }
            }
        };
        let (parts, mut body) = response.into_parts();
        let body = body.with_config().limit(LARGEST_ANSWER).read_to_vec()?;
        Ok(Response::from_parts(parts, body))
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
    let pem = input::read(path.as_ref(), input::TEXT).with_context(place)?;
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
