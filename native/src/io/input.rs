//! Files that are read into memory whole: never more than they can sensibly hold, whatever stands there (a
//! pipe without an end, the wrong file).

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use nextbest_core::bundle::MAX_BYTES;

use crate::app::human_bytes;

/// Most bytes of a configuration, a key, a certificate or a report of ours.
pub(crate) const TEXT: usize = 64 << 20;
/// Most bytes of a list of customers.
pub(crate) const CUSTOMERS: usize = 1 << 30;

/// The bytes of a file that has no more than `most`.
///
/// # Errors
/// If it can't be read, or has more: that is known before they are read, or when `most` bytes were.
pub(crate) fn read(path: &Path, most: usize) -> anyhow::Result<Vec<u8>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let too_large = || format!("is larger than {}: is it the right file?", human_bytes(most));
    if length > most as u64 {
        bail!(too_large());
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(most as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most {
        bail!(too_large());
    }
    Ok(bytes)
}

/// Refuses a pipe or a device where a table is expected: a table is read more than once.
///
/// # Errors
/// If the path is one. A path that is not there is somebody else's error.
pub(crate) fn check_table(path: &Path) -> anyhow::Result<()> {
    match std::fs::metadata(path) {
        Ok(found) if !found.is_file() && !found.is_dir() => {
            bail!(
                "{}: is a pipe or a device: a table is read more than once, so write it to a file",
                path.display()
            )
        }
        _ => Ok(()),
    }
}

/// The bytes of a bundle.
///
/// # Errors
/// As [`read`], with the most bytes that a bundle may have.
pub(crate) fn read_bundle(path: &Path) -> anyhow::Result<Vec<u8>> {
    read(path, MAX_BYTES)
}

/// The text of a file that has no more than `most` bytes.
///
/// # Errors
/// As [`read`], and where it is not UTF-8.
pub(crate) fn read_text(path: &Path, most: usize) -> anyhow::Result<String> {
    String::from_utf8(read(path, most)?).context("is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_may_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert!(read(&path, 4).unwrap_err().to_string().contains("larger than 4 B"));
        // A file without an end, whose length the system calls 0.
        #[cfg(unix)]
        assert!(read(Path::new("/dev/zero"), 1000).unwrap_err().to_string().contains("larger than 1.0 kB"));
        std::fs::write(&path, [0xff]).unwrap();
        assert!(read_text(&path, 5).unwrap_err().to_string().contains("not UTF-8"));
    }
}
