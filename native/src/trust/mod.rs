//! Origin and validity of bundles: [`keys`] sign and verify, a [`Release`] is what a
//! bundle goes out with, [`Demands`] are what one must meet to be used here.

mod demands;
mod keys;
mod release;

pub(crate) use demands::Demands;
pub(crate) use keys::{PrivateKey, self_signed};
pub(crate) use release::Release;

/// What this program was built with and for, as a model card says it.
pub(crate) fn tools() -> Vec<(String, String)> {
    vec![("rustc".into(), env!("NEXTBEST_RUSTC").into()), ("target".into(), env!("NEXTBEST_TARGET").into())]
}
