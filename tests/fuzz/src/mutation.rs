//! Mutations of bundles, with a hash that fits. The tests of the core take the first of them
//! (`hostile/mutations.rs`).

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

const HEADER: usize = 16;
/// The length of the hash at the end of a bundle.
const HASH: usize = 32;
/// No mutation makes a file larger.
const LARGEST: usize = 128 << 10;

/// Bytes that mean something to the codec: markers of long integers, signs and exponents of floats, tags.
pub const TELLING: [u8; 12] = [0, 1, 2, 3, 5, 127, 128, 250, 251, 252, 253, 255];
const CLAIMS: [u64; 7] = [1 << 10, 65_535, 1 << 17, 1 << 26, 1 << 32, 1 << 60, u64::MAX];

type Sections = Vec<([u8; 4], Vec<u8>)>;

/// Makes the hash fit whatever the content has become.
pub fn rehash(bytes: &mut [u8]) {
    let start = bytes.len().saturating_sub(HASH);
    let (content, hash) = bytes.split_at_mut(start);
    if hash.len() == HASH {
        hash.copy_from_slice(&Sha256::digest(&*content));
    }
}

/// The n-th mutation of a seed.
pub fn mutation(number: u64, seed: u64, samples: &[Vec<u8>]) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number);
    let pick =
        |rng: &mut ChaCha8Rng| samples.get(rng.random_range(0..samples.len())).cloned().unwrap_or_default();
    let mut bytes = pick(&mut rng);
    if rng.random_range(0..20) == 0 {
        // The frame, mostly without a hash that fits.
        for _ in 0..rng.random_range(1..4) {
            change(&mut bytes, &mut rng);
        }
        if rng.random_range(0..4) > 0 {
            rehash(&mut bytes);
        }
        return bytes;
    }
    let mut sections = take_apart(&bytes);
    for _ in 0..rng.random_range(1..4) {
        let at = rng.random_range(0..sections.len().max(1));
        match rng.random_range(0..16) {
            // The same section of another sample, or another section.
            0 => {
                let others = take_apart(&pick(&mut rng));
                let other = rng.random_range(0..others.len().max(1));
                if let (Some(section), Some(other)) = (sections.get_mut(at), others.get(other)) {
                    let same = others.iter().find(|(tag, _)| *tag == section.0);
                    section.1.clone_from(&same.unwrap_or(other).1);
                }
            }
            1 => {
                let other = rng.random_range(0..sections.len().max(1));
                if let (Some(a), Some(b)) = (sections.get(at).cloned(), sections.get(other).cloned()) {
                    for (to, from) in [(at, b), (other, a)] {
                        sections.get_mut(to).into_iter().for_each(|section| section.1.clone_from(&from.1));
                    }
                }
            }
            _ => {
                if let Some((_, content)) = sections.get_mut(at) {
                    change(content, &mut rng);
                }
            }
        }
    }
    let mut frame = bytes.get(..12).map(<[u8]>::to_vec).unwrap_or_default();
    frame.extend((sections.len() as u32).to_le_bytes());
    for (tag, content) in &sections {
        frame.extend(tag);
        frame.extend((content.len() as u32).to_le_bytes());
        frame.extend(content);
    }
    frame.extend([0; HASH]);
    rehash(&mut frame);
    frame
}

/// One change of some bytes.
fn change(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let at = rng.random_range(0..=bytes.len());
    let end = (at + rng.random_range(0..9)).min(bytes.len());
    match rng.random_range(0..8) {
        0 | 1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.random_range(0..8);
            }
        }
        2 | 3 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = TELLING.get(rng.random_range(0..TELLING.len())).copied().unwrap_or_default();
            }
        }
        4 => {
            let claim = CLAIMS.get(rng.random_range(0..CLAIMS.len())).copied().unwrap_or_default();
            let claim = [&[253][..], &claim.to_le_bytes()].concat();
            bytes.splice(at..(at + 1).min(bytes.len()), claim);
        }
        5 => {
            // Repeated once, or very often.
            let times = if rng.random_range(0..8) == 0 { rng.random_range(1..4_000) } else { 1 };
            let again = bytes.get(at..end).unwrap_or_default().repeat(times);
            if bytes.len() + again.len() < LARGEST {
                bytes.splice(at..at, again);
            }
        }
        6 => {
            let mut inserted = [0; 8];
            rng.fill_bytes(&mut inserted);
            bytes.splice(at..end, inserted.into_iter().take(rng.random_range(0..9)));
        }
        _ if rng.random_range(0..4) == 0 => bytes.truncate(at),
        _ => {
            bytes.drain(at..end);
        }
    }
}

fn take_apart(bytes: &[u8]) -> Sections {
    let mut rest = bytes.get(HEADER..bytes.len().saturating_sub(HASH)).unwrap_or_default();
    let mut sections = Vec::new();
    while let Some((tag, behind)) = rest.split_first_chunk::<4>() {
        let Some((length, behind)) = behind.split_first_chunk::<4>() else { break };
        let Some((content, behind)) = behind.split_at_checked(u32::from_le_bytes(*length) as usize) else {
            break;
        };
        sections.push((*tag, content.to_vec()));
        rest = behind;
    }
    sections
}
