//! Ed25519 keys (RFC 8032) in PEM files: PKCS#8 for the private one, SubjectPublicKeyInfo for the public one,
//! as OpenSSL and browsers read them.

use std::path::Path;

use crate::io::input;
use anyhow::{Context as _, anyhow};
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::spki::der::zeroize::Zeroizing;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, KeypairBytes,
};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use nextbest_core::bundle::MAGIC;
use nextbest_core::bundle::signature::{PUBLIC_KEY, signed, with_signature};
use nextbest_core::error::BundleError;
use sha2::{Digest as _, Sha256};

/// So many hexadecimal digits tell keys apart for people.
const FINGERPRINT: usize = 16;
const PUBLIC_BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const PUBLIC_END: &str = "-----END PUBLIC KEY-----";

/// The private key, which signs.
pub(crate) struct PrivateKey(SigningKey);

/// What verifies: one key or, while keys change, several of which any will do.
pub(crate) struct PublicKeys(Vec<VerifyingKey>);

impl PrivateKey {
    /// Generates a key from the system's random source.
    ///
    /// # Errors
    /// If the system has no random source.
    pub(crate) fn generate() -> anyhow::Result<Self> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(|error| anyhow!("the system gives no randomness: {error}"))?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// Reads a PEM file.
    ///
    /// # Errors
    /// If it can't be read or holds no private Ed25519 key.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let place = || format!("{}: `nextbest keygen` writes such a file", path.display());
        let text = Zeroizing::new(input::read_text(path, input::TEXT).with_context(place)?);
        let key = SigningKey::from_pkcs8_pem(&text).map_err(|error| {
            anyhow!("{}: not a private Ed25519 key in PKCS#8 PEM ({error})", path.display())
        })?;
        Ok(Self(key))
    }

    /// The key as PKCS#8 PEM.
    ///
    /// # Errors
    /// None for a key of 32 bytes.
    pub(crate) fn pem(&self) -> anyhow::Result<Zeroizing<String>> {
        // Without the public key beside it, which older versions of OpenSSL do not read.
        let key = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        key.to_pkcs8_pem(LineEnding::LF).map_err(|error| anyhow!("the private key: {error}"))
    }

    /// Its public key as SubjectPublicKeyInfo PEM.
    ///
    /// # Errors
    /// None for a key of 32 bytes.
    pub(crate) fn public_pem(&self) -> anyhow::Result<String> {
        let pem = self.0.verifying_key().to_public_key_pem(LineEnding::LF);
        pem.map_err(|error| anyhow!("the public key: {error}"))
    }

    /// Its public key's fingerprint.
    pub(crate) fn fingerprint(&self) -> String {
        fingerprint(self.0.verifying_key().as_bytes())
    }

    /// A bundle with this key's signature, in place of one that it may have. The same bundle always gives the
    /// same bytes.
    pub(crate) fn sign(&self, bundle: &[u8]) -> Vec<u8> {
        with_signature(bundle, self.0.verifying_key().as_bytes(), |message| self.0.sign(message).to_bytes())
    }
}

impl PublicKeys {
    /// Reads a PEM file.
    ///
    /// # Errors
    /// If it can't be read or holds anything but public Ed25519 keys.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let place = || format!("{}: `nextbest keygen` writes such a file", path.display());
        let text = input::read_text(path, input::TEXT).with_context(place)?;
        // Text may precede, separate and follow the keys.
        let keys = text.split(PUBLIC_BEGIN).skip(1).map(|rest| {
            let content = rest.split(PUBLIC_END).next().unwrap_or_default();
            VerifyingKey::from_public_key_pem(&format!("{PUBLIC_BEGIN}{content}{PUBLIC_END}"))
        });
        let keys = keys.collect::<Result<Vec<_>, _>>();
        match keys {
            Ok(keys) if !keys.is_empty() => Ok(Self(keys)),
            Ok(_) => Err(anyhow!("{}: no {PUBLIC_BEGIN} in it", path.display())),
            Err(error) => Err(anyhow!("{}: not a public Ed25519 key in PEM ({error})", path.display())),
        }
    }

    /// Checks that one of the keys signed a bundle (the bytes of a file), and says which.
    ///
    /// # Errors
    /// [`BundleError::Unsigned`], [`BundleError::OtherKey`], [`BundleError::Signature`], and
    /// [`BundleError::Magic`] where this is no bundle at all.
    pub(crate) fn check(&self, bytes: &[u8]) -> Result<String, BundleError> {
        if !bytes.starts_with(&MAGIC) {
            return Err(BundleError::Magic);
        }
        let Some(found) = signed(bytes) else { return Err(BundleError::Unsigned { key: self.names() }) };
        let Some(key) = self.0.iter().find(|key| key.as_bytes() == found.public_key) else {
            return Err(BundleError::OtherKey { found: fingerprint(found.public_key), key: self.names() });
        };
        let (signature, key_name) = (Signature::from_bytes(found.signature), fingerprint(found.public_key));
        match key.verify_strict(found.message, &signature) {
            Ok(()) => Ok(key_name),
            Err(_) => Err(BundleError::Signature { key: key_name }),
        }
    }

    fn names(&self) -> String {
        self.0.iter().map(|key| fingerprint(key.as_bytes())).collect::<Vec<_>>().join(" or ")
    }
}

/// Which key a bundle says it is signed with, and whether that key did sign it. Whose key it is, this can't
/// tell. `None` for a bundle without a signature.
pub(crate) fn self_signed(bytes: &[u8]) -> Option<(String, bool)> {
    let found = signed(bytes)?;
    let signature = Signature::from_bytes(found.signature);
    let key = VerifyingKey::from_bytes(found.public_key);
    let sound = key.is_ok_and(|key| key.verify_strict(found.message, &signature).is_ok());
    Some((fingerprint(found.public_key), sound))
}

/// A public key's name for people: the first digits of its SHA-256.
fn fingerprint(public_key: &[u8; PUBLIC_KEY]) -> String {
    let hash = Sha256::digest(public_key);
    hash.iter()
        .flat_map(|byte| format!("{byte:02x}").into_bytes())
        .take(FINGERPRINT)
        .map(char::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A bundle as far as a signature is concerned.
    fn bundle() -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([5, 0, 5, 0, 0, 0, 0, 0]);
        bytes.extend(b"content");
        bytes.extend(Sha256::digest(&bytes));
        bytes
    }

    fn bytes<const N: usize>(hex: &str) -> [u8; N] {
        std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
    }

    /// RFC 8032, 7.1, tests 1 and 2.
    #[test]
    fn signatures_are_those_of_the_standard() {
        for (secret, public, message, signature) in [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                &[][..],
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
                 d25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                &[0x72][..],
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c\
                 387b2eaeb4302aeeb00d291612bb0c00",
            ),
        ] {
            let key = SigningKey::from_bytes(&bytes(secret));
            assert_eq!(key.verifying_key().to_bytes(), bytes(public));
            assert_eq!(key.sign(message).to_bytes(), bytes(signature));
        }
    }

    #[test]
    fn a_key_survives_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let (private, public) = (folder.path().join("private.pem"), folder.path().join("public.pem"));
        let (one, other) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
        assert_ne!(one.fingerprint(), other.fingerprint());
        std::fs::write(&private, one.pem().unwrap().as_bytes()).unwrap();
        assert_eq!(PrivateKey::read(&private).unwrap().sign(&bundle()), one.sign(&bundle()));
        // While keys change, both are in the file, with words between them.
        let both = format!("old\n{}\nnew\n{}", one.public_pem().unwrap(), other.public_pem().unwrap());
        std::fs::write(&public, both).unwrap();
        let keys = PublicKeys::read(&public).unwrap();
        for key in [&one, &other] {
            assert_eq!(keys.check(&key.sign(&bundle())), Ok(key.fingerprint()));
        }
        let names = format!("{} or {}", one.fingerprint(), other.fingerprint());
        assert_eq!(keys.check(&bundle()), Err(BundleError::Unsigned { key: names }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn any_key_is_read_again(seed in any::<[u8; 32]>(), words in "[^-]{0,40}") {
            let key = PrivateKey(SigningKey::from_bytes(&seed));
            let folder = tempfile::tempdir().unwrap();
            let (private, public) = (folder.path().join("private.pem"), folder.path().join("public.pem"));
            std::fs::write(&private, key.pem().unwrap().as_bytes()).unwrap();
            std::fs::write(&public, format!("{words}\n{}{words}", key.public_pem().unwrap())).unwrap();
            prop_assert_eq!(PrivateKey::read(&private).unwrap().0.to_bytes(), seed);
            let keys = PublicKeys::read(&public).unwrap();
            prop_assert_eq!(keys.0, vec![key.0.verifying_key()]);
        }
    }

    #[test]
    fn what_is_no_key_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("some.pem");
        let public = PrivateKey::generate().unwrap().public_pem().unwrap();
        for text in ["", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", &public] {
            std::fs::write(&file, text).unwrap();
            let private = PrivateKey::read(&file).err().unwrap().to_string();
            assert!(private.contains("some.pem: not a private Ed25519 key"), "{private}");
            if text != public {
                let public = PublicKeys::read(&file).err().unwrap().to_string();
                assert!(public.contains("some.pem: n"), "{public}");
            }
        }
    }

    #[test]
    fn only_the_right_key_over_the_right_bytes_is_good() {
        let (right, wrong) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
        let keys = PublicKeys(vec![right.0.verifying_key()]);
        let signed = right.sign(&bundle());
        assert_eq!(keys.check(&signed), Ok(right.fingerprint()));
        assert_eq!(self_signed(&signed), Some((right.fingerprint(), true)));
        let key = right.fingerprint();
        let other = BundleError::OtherKey { found: wrong.fingerprint(), key: key.clone() };
        assert_eq!(keys.check(&wrong.sign(&bundle())), Err(other));
        let mut changed = signed.clone();
        changed[MAGIC.len() + 8] ^= 1;
        assert_eq!(keys.check(&changed), Err(BundleError::Signature { key: key.clone() }));
        assert_eq!(self_signed(&changed), Some((key, false)));
        assert_eq!(keys.check(b"something else"), Err(BundleError::Magic));
        assert_eq!(self_signed(&bundle()), None);
    }
}
