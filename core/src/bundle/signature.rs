//! Who made a bundle: an Ed25519 signature (RFC 8032) in its last section.
//!
//! This module only locates the signature and the message that it signs. Signing and verifying happen
//! outside: natively in a library, in browsers and at the edge in the platform, so they cost the WebAssembly
//! module nothing.

use sha2::{Digest, Sha256};

use super::frame::MAGIC;
use super::frame::{HASH, HEADER};

/// The length of a public key, in bytes.
pub const PUBLIC_KEY: usize = 32;
/// The length of a signature, in bytes.
pub const SIGNATURE: usize = 64;

const TAG: [u8; 4] = *b"SIGN";
/// The length of the signature section, in bytes: a signature makes a bundle longer by this much.
pub const SECTION: usize = TAG.len() + size_of::<u32>() + PUBLIC_KEY + SIGNATURE;
/// The bytes of the header that hold the number of sections.
const COUNT: core::ops::Range<usize> = HEADER - size_of::<u32>()..HEADER;

/// A bundle's signature and the message that it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed<'b> {
    /// All bytes before the section that holds the signature.
    pub message: &'b [u8],
    /// The key that the bundle claims to be signed with.
    pub public_key: &'b [u8; PUBLIC_KEY],
    /// The signature of the message.
    pub signature: &'b [u8; SIGNATURE],
}

/// The signature of a bundle (the bytes of a file), not yet verified; `None` if it has none.
///
/// # Examples
/// ```
/// use nextbest_core::bundle::signature::{SECTION, signed, with_signature};
///
/// let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/bank.bundle"));
/// assert!(signed(bytes).is_none());
/// let with = with_signature(bytes, &[7; 32], |_message| [1; 64]); // A real key signs the message.
/// assert_eq!(signed(&with).unwrap().public_key, &[7; 32]);
/// assert_eq!(with.len(), bytes.len() + SECTION);
/// ```
pub fn signed(bytes: &[u8]) -> Option<Signed<'_>> {
    let (content, _) = bytes.split_last_chunk::<HASH>()?;
    let (message, section) = content.split_last_chunk::<SECTION>()?;
    let (tag, rest) = section.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (public_key, signature) = rest.split_first_chunk::<PUBLIC_KEY>()?;
    let is_signature = *tag == TAG && u32::from_le_bytes(*length) as usize == PUBLIC_KEY + SIGNATURE;
    (is_signature && bytes.starts_with(&MAGIC)).then_some(Signed {
        message,
        public_key,
        signature: signature.first_chunk()?,
    })
}

/// Signs a bundle (the bytes of a file), replacing any earlier signature. `sign` maps a message to its
/// signature.
pub fn with_signature(
    bytes: &[u8],
    public_key: &[u8; PUBLIC_KEY],
    sign: impl FnOnce(&[u8]) -> [u8; SIGNATURE],
) -> Vec<u8> {
    let old = signed(bytes);
    let (unsigned, _) = bytes.split_at(bytes.len().saturating_sub(HASH));
    let mut bytes = old.map_or(unsigned, |old| old.message).to_vec();
    if let (None, Some(count)) = (old, bytes.get_mut(COUNT)) {
        let sections = count.first_chunk().map_or(0, |count| u32::from_le_bytes(*count));
        count.copy_from_slice(&(sections + 1).to_le_bytes());
    }
    let signature = sign(&bytes);
    bytes.extend(TAG);
    bytes.extend(((PUBLIC_KEY + SIGNATURE) as u32).to_le_bytes());
    bytes.extend(public_key);
    bytes.extend(signature);
    bytes.extend(Sha256::digest(&bytes));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header that claims `sections` sections, some content, and the hash.
    fn unsigned(sections: u32) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([5, 0, 5, 0]);
        bytes.extend(sections.to_le_bytes());
        bytes.extend(b"content");
        bytes.extend(Sha256::digest(&bytes));
        bytes
    }

    fn signed_by(key: u8, bytes: &[u8]) -> Vec<u8> {
        with_signature(bytes, &[key; PUBLIC_KEY], |message| {
            let mut signature = [key; SIGNATURE];
            signature[..HASH].copy_from_slice(&Sha256::digest(message));
            signature
        })
    }

    #[test]
    fn the_signature_is_of_all_before_it_and_the_hash_of_it_too() {
        let bytes = signed_by(7, &unsigned(2));
        let found = signed(&bytes).unwrap();
        assert_eq!(found.public_key, &[7; PUBLIC_KEY]);
        assert_eq!(found.signature[..HASH], *Sha256::digest(found.message));
        assert_eq!(found.message, &unsigned(3)[..found.message.len()], "one section more is announced");
        assert_eq!(bytes.len(), unsigned(2).len() + SECTION);
        let (content, hash) = bytes.split_last_chunk::<HASH>().unwrap();
        assert_eq!(hash[..], *Sha256::digest(content));
    }

    #[test]
    fn a_new_signature_takes_the_place_of_the_old_one() {
        let once = signed_by(7, &unsigned(2));
        assert_eq!(signed_by(8, &once), signed_by(8, &unsigned(2)));
        assert_eq!(signed_by(7, &once), once);
    }

    #[test]
    fn what_has_no_signature_at_its_end_is_not_signed() {
        let bytes = signed_by(7, &unsigned(2));
        assert_eq!(signed(&unsigned(2)), None);
        for length in 0..bytes.len() {
            assert_eq!(signed(&bytes[..length]), None, "{length}");
        }
        let mut other = bytes.clone();
        other[0] ^= 1;
        assert_eq!(signed(&other), None, "no bundle");
        let tag = bytes.len() - HASH - SECTION;
        for at in tag..tag + 8 {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert_eq!(signed(&other), None, "tag or length");
        }
    }
}
