//! Requests of a host as JSON. The core reads the customer's own rows and the options, and names the path of
//! values that do not fit.

use std::borrow::Cow;

use nextbest_core::customers::json::Value;

use crate::host::Failure;

/// A question about a customer, with the options beside it.
pub(crate) struct Request<'j> {
    pub(crate) question: Option<Cow<'j, str>>,
    pub(crate) customer: Value<'j>,
    pub(crate) options: Vec<(Cow<'j, str>, Value<'j>)>,
}

impl<'j> Request<'j> {
    pub(crate) fn parse(json: &'j str) -> Result<Self, Failure> {
        let Value::Object(fields) = Value::parse(json, 1)? else {
            return Err(refused("expected an object with a customer and the options".into()));
        };
        let (mut question, mut customer, mut options) = (None, None, Vec::new());
        for (name, value) in fields {
            match (name.as_ref(), value) {
                ("customer", value) => customer = Some(value),
                ("question", Value::Text(text)) => question = Some(text),
                ("question", value) => {
                    return Err(refused(format!("question: expected a string, got {value}")));
                }
                (_, value) => options.push((name, value)),
            }
        }
        let customer = customer.ok_or_else(|| refused("expected a customer beside the options".into()))?;
        Ok(Self { question, customer, options })
    }
}

/// A request's bytes as text.
pub(crate) fn text(input: &[u8]) -> Result<&str, Failure> {
    std::str::from_utf8(input).map_err(|error| refused(format!("not UTF-8: {error}")))
}

fn refused(problem: String) -> Failure {
    Failure { code: "host/request", message: format!("the request: {problem}") }
}
