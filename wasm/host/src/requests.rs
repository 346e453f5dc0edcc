//! What a host asks as JSON. The customer's own rows are left to the core's reader, which names the path of what does not
//! fit, as the options are.

use nextbest_core::customers::json::Value;
use nextbest_core::request::RequestOptions;

use crate::host::Failure;

/// A customer and what to answer: the options stand beside it.
pub(crate) struct Question<'j> {
    pub(crate) customer: Value<'j>,
    pub(crate) options: RequestOptions,
}

impl<'j> Question<'j> {
    pub(crate) fn parse(json: &'j str, known: &[&str]) -> Result<Self, Failure> {
        let Value::Object(fields) = Value::parse(json, 1)? else {
            return Err(refused("expected an object with a customer and the options".into()));
        };
        let (mut customers, given): (Vec<_>, Vec<_>) =
            fields.into_iter().partition(|(name, _)| name == "customer");
        let Some((_, customer)) = customers.pop() else {
            return Err(refused("expected a customer beside the options".into()));
        };
        let mut options = RequestOptions::default();
        options.set(&given, known)?;
        Ok(Self { customer, options })
    }
}

/// A request's bytes as text.
pub(crate) fn text(input: &[u8]) -> Result<&str, Failure> {
    std::str::from_utf8(input).map_err(|error| refused(format!("not UTF-8: {error}")))
}

fn refused(problem: String) -> Failure {
    Failure { code: "host/request", message: format!("the request: {problem}") }
}
