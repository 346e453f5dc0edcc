//! A bundle's frame, taken apart and reassembled without the core's help.

use sha2::{Digest, Sha256};

/// The sections in order: a tag of four letters and the content.
pub(crate) type Sections = Vec<([u8; 4], Vec<u8>)>;

/// The header before the sections: magic, version, the number of sections.
pub(crate) const HEADER: usize = 16;
/// The SHA-256 after them.
pub(crate) const HASH: usize = 32;

pub(crate) fn take_apart(bytes: &[u8]) -> Sections {
    let mut rest = &bytes[HEADER..bytes.len() - HASH];
    let mut sections = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize;
        sections.push((rest[..4].try_into().unwrap(), rest[8..8 + length].to_vec()));
        rest = &rest[8 + length..];
    }
    sections
}

pub(crate) fn put_together(sections: &[([u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut bytes = [&b"NEXTBEST"[..], &[1, 0, 0, 0]].concat();
    bytes.extend((sections.len() as u32).to_le_bytes());
    for (tag, content) in sections {
        bytes.extend(tag);
        bytes.extend((content.len() as u32).to_le_bytes());
        bytes.extend(content);
    }
    bytes.extend(Sha256::digest(&bytes));
    bytes
}

/// Recomputes the hash for the changed content.
pub(crate) fn rehash(bytes: &mut [u8]) {
    let (content, hash) = bytes.split_at_mut(bytes.len() - HASH);
    hash.copy_from_slice(&Sha256::digest(&*content));
}
