//! The frame of a bundle: header, sections and hash. [`Bundle`](super::Bundle) defines what is in the
//! sections.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::decode::codec;
use crate::decode::memory::Memory;
use crate::error::BundleError;

/// The first bytes of every bundle.
pub const MAGIC: [u8; 8] = *b"NEXTBEST";
/// The format version that this code writes and reads. Adding a section that readers may ignore does not
/// change it.
pub const FORMAT_VERSION: u32 = 1;
/// The largest size of a bundle, in bytes.
pub const MAX_BYTES: usize = 64 << 20;
/// The largest size of a section other than the bins and the model, in bytes.
pub const MAX_SMALL_SECTION: usize = 512 << 10;
/// The most sections a bundle may have.
pub const MAX_SECTIONS: usize = 64;

/// Magic, version, number of sections.
pub(super) const HEADER: usize = 8 + 4 + 4;
pub(super) const HASH: usize = 32;

/// The codec for writing: `bincode` 2 with its standard configuration (little-endian, variable-length
/// integers). `decode/codec.rs` reads it.
const CODEC: bincode::config::Configuration = bincode::config::standard();

pub(super) fn encode<T: Serialize>(
    tag: &[u8; 4],
    limit: usize,
    value: &T,
) -> Result<([u8; 4], Vec<u8>), Error> {
    let bytes = bincode::serde::encode_to_vec(value, CODEC)
        .map_err(|error| BundleError::Content(error.to_string()))?;
    match bytes.len() <= limit {
        true => Ok((*tag, bytes)),
        false => Err(BundleError::SectionTooLarge { section: name(tag), actual: bytes.len(), limit }.into()),
    }
}

fn name(tag: &[u8; 4]) -> String {
    String::from_utf8_lossy(tag).into_owned()
}

const HASHED_AT_ONCE: usize = 1 << 14;

/// The sections of a bundle whose frame and hash are sound.
pub(super) struct Sections<'b> {
    sections: Vec<([u8; 4], &'b [u8])>,
    memory: &'b Memory,
}

impl<'b> Sections<'b> {
    pub(super) fn read(
        bytes: &'b [u8],
        hashed: Option<&[u8]>,
        memory: &'b Memory,
    ) -> Result<Self, BundleError> {
        if bytes.len() > MAX_BYTES {
            return Err(BundleError::TooLarge { actual: bytes.len(), limit: MAX_BYTES });
        }
        if !bytes.starts_with(&MAGIC) {
            return Err(BundleError::Magic);
        }
        let (content, hash) = bytes
            .split_at_checked(bytes.len().saturating_sub(HASH))
            .filter(|(content, _)| content.len() >= HEADER)
            .ok_or(BundleError::Length("shorter than a bundle's header"))?;
        let mut rest = Reader(content.strip_prefix(&MAGIC).ok_or(BundleError::Magic)?);
        let version = rest.take_u32()?;
        if version != FORMAT_VERSION {
            return Err(BundleError::Version { version, supported: FORMAT_VERSION });
        }
        let same = match hashed {
            Some(hashed) => hashed == hash,
            None => {
                let mut hasher = Sha256::new();
                // In pieces: wasm engines switch to optimised code only between calls.
                content.chunks(HASHED_AT_ONCE).for_each(|piece| hasher.update(piece));
                hasher.finalize().as_slice() == hash
            }
        };
        if !same {
            return Err(BundleError::Hash);
        }
        let count = rest.take_u32()?;
        let mut sections = Vec::new();
        while !rest.0.is_empty() {
            let tag = rest.take::<4>()?;
            let length = rest.take_u32()? as usize;
            let (section, after) = rest
                .0
                .split_at_checked(length)
                .ok_or(BundleError::Length("a section ends after the end of the file"))?;
            sections.push((tag, section));
            rest = Reader(after);
            if sections.len() > MAX_SECTIONS {
                return Err(BundleError::Length("more sections than a bundle may have"));
            }
        }
        match sections.len() == count as usize {
            true => Ok(Self { sections, memory }),
            false => Err(BundleError::Length("more or fewer sections than the header says")),
        }
    }

    pub(super) fn has(&self, tag: &[u8; 4]) -> bool {
        self.sections.iter().any(|(other, _)| other == tag)
    }

    /// Decodes a section that may hold text.
    pub(super) fn small<T: Deserialize<'b>>(&self, tag: &[u8; 4]) -> Result<T, BundleError> {
        self.decode(tag, MAX_SMALL_SECTION)
    }

    /// Decodes a section that holds only numbers.
    pub(super) fn large<T: Deserialize<'b>>(&self, tag: &[u8; 4]) -> Result<T, BundleError> {
        self.decode(tag, MAX_BYTES)
    }

    /// Decodes the section with a tag. Sections with unknown tags are ignored.
    fn decode<T: Deserialize<'b>>(&self, tag: &[u8; 4], limit: usize) -> Result<T, BundleError> {
        let mut found = self.sections.iter().filter(|(other, _)| other == tag);
        let (Some((_, section)), None) = (found.next(), found.next()) else {
            return Err(BundleError::Section(name(tag)));
        };
        if section.len() > limit {
            return Err(BundleError::SectionTooLarge { section: name(tag), actual: section.len(), limit });
        }
        codec::decode(section, self.memory)
            .map_err(|error| BundleError::Decode { section: name(tag), message: error.to_string() })
    }
}

struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], BundleError> {
        let (head, rest) =
            self.0.split_first_chunk::<N>().ok_or(BundleError::Length("the header is cut off"))?;
        self.0 = rest;
        Ok(*head)
    }

    fn take_u32(&mut self) -> Result<u32, BundleError> {
        self.take().map(u32::from_le_bytes)
    }
}
