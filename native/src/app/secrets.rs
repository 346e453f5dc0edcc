//! Secrets that the process knows, such as tokens: wherever a text goes that they could be in, they are
//! masked.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// What stands in the place of a secret.
const MASK: &str = "***";
/// A shorter secret is no secret, and would mask parts of words.
const LEAST: usize = 4;

/// Sorted, so that a secret that begins with another one comes after it.
static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Remembers a secret.
pub(crate) fn know(secret: &str) {
    let secret = secret.trim();
    if secret.len() >= LEAST {
        KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(secret.to_owned());
    }
}

/// A text without the secrets that are known.
pub(crate) fn masked(text: &str) -> Cow<'_, str> {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut masked = Cow::Borrowed(text);
    for secret in known.iter().rev() {
        if masked.contains(secret.as_str()) {
            masked = masked.replace(secret.as_str(), MASK).into();
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_secrets_are_masked_and_short_ones_are_none() {
        know("marker-of-a-test");
        know("marker-of-a-test-and-more\n");
        know("of");
        assert_eq!(masked("a marker-of-a-test, marker-of-a-test-and-more of b"), "a ***, *** of b");
        assert_eq!(masked("nothing of it"), "nothing of it");
    }
}
