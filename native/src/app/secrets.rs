//! Secrets of the process, such as tokens. They are masked in every text that could contain them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Replaces a secret.
const MASK: &str = "***";
/// Shorter secrets are not masked, because parts of words would be.
const LEAST: usize = 4;

/// Sorted, so that a secret follows its own prefixes.
static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Registers a secret to mask.
pub(crate) fn know(secret: &str) {
    let secret = secret.trim();
    if secret.len() >= LEAST {
        KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(secret.to_owned());
    }
}

/// A text with all registered secrets masked.
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
