//! What a host asks as JSON. The customer's own rows are left to the core's parser, which names the path of what does not
//! fit.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::host::Failure;

/// A customer and what to answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Question<'a> {
    #[serde(borrow)]
    pub(crate) customer: &'a RawValue,
    pub(crate) as_of: String,
    #[serde(default = "three")]
    pub(crate) top: usize,
    #[serde(default)]
    pub(crate) explain: bool,
    #[serde(default)]
    pub(crate) counterfactual: bool,
    #[serde(default)]
    pub(crate) channel: Option<String>,
}

/// Rows of a plain table.
#[derive(Deserialize)]
pub(crate) struct Rows<'a>(#[serde(borrow)] pub(crate) Vec<&'a RawValue>);

/// Reads a request.
pub(crate) fn parse<'a, T: Deserialize<'a>>(input: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(input)
        .map_err(|error| Failure { code: "host/request", message: format!("the request: {error}") })
}

fn three() -> usize {
    3
}
