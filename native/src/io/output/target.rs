//! What stands where a file is to be written: a file is replaced, a link is followed, a device or a pipe is
//! written into, a folder is refused.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::aside::AsideFile;
use crate::app::printed::Printed;

/// The permissions of a new file, less what the process's mask forbids.
pub(super) const EVERYONE: u32 = 0o666;
/// As many links may follow each other as Linux follows.
const MOST_LINKS: usize = 40;
/// Names of the process's own standard output: opened anew it would be written from its start.
const STANDARD_OUTPUT: [&str; 3] = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// Where bytes go.
#[derive(Debug)]
pub(super) enum Target {
    /// A file, links followed, with what is there now.
    File(PathBuf, Option<Metadata>),
    /// A device or a pipe: it is not ours to replace.
    Stream(PathBuf),
    StandardOutput,
}

impl Target {
    /// What stands at a path.
    ///
    /// # Errors
    /// If it is a folder, or can't be looked at.
    pub(super) fn of(path: &Path) -> anyhow::Result<Self> {
        let place = || format!("{}: can't be written", path.display());
        if STANDARD_OUTPUT.iter().any(|name| path == Path::new(name)) {
            return Ok(Self::StandardOutput);
        }
        match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => bail!("{}: is a folder: name a file", path.display()),
            Ok(found) if found.is_file() => {
                Ok(Self::File(std::fs::canonicalize(path).with_context(place)?, Some(found)))
            }
            Ok(_) => Ok(Self::Stream(path.to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Ok(Self::File(behind_links(path).with_context(place)?, None))
            }
            Err(error) => Err(error).with_context(place),
        }
    }

    /// The folder in which the file is made, before it gets its name.
    pub(super) fn folder(&self) -> PathBuf {
        match self {
            Self::File(path, _) => folder_of(path).to_owned(),
            Self::Stream(_) | Self::StandardOutput => std::env::temp_dir(),
        }
    }

    /// Puts a whole file there. A file that is replaced hands on its permissions and, as far as the process
    /// may, its owner.
    ///
    /// # Errors
    /// If that fails.
    pub(super) fn take(&self, aside: AsideFile) -> io::Result<()> {
        match self {
            Self::File(path, before) => {
                before.iter().try_for_each(|before| be_like(&aside, before))?;
                aside.persist(path)
            }
            Self::Stream(path) => {
                let mut stream = File::options().write(true).open(path)?;
                io::copy(&mut File::open(aside.path())?, &mut stream).map(drop)
            }
            Self::StandardOutput => {
                io::copy(&mut File::open(aside.path())?, &mut Printed(io::stdout().lock())).map(drop)
            }
        }
    }
}

/// The folder of a file.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The file that a link without a file behind it names.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match std::fs::read_link(&path) {
            Ok(link) => path = folder_of(&path).join(link),
            Err(_) => return Ok(path),
        }
    }
    Err(ErrorKind::NotFound.into())
}

#[cfg(unix)]
fn be_like(aside: &AsideFile, before: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    aside.as_file().set_permissions(before.permissions())?;
    let own = aside.as_file().metadata()?;
    if (own.uid(), own.gid()) != (before.uid(), before.gid()) {
        // Only root may give a file away.
        let _ = std::os::unix::fs::fchown(aside.as_file(), Some(before.uid()), Some(before.gid()));
    }
    Ok(())
}

#[cfg(not(unix))]
fn be_like(_: &AsideFile, _: &Metadata) -> io::Result<()> {
    Ok(())
}
