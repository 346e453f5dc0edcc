//! Locks: of two commands that write to one place, one waits. They are advisory and end with their process.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::aside::sweep_all;
use super::target::folder_of;
use crate::app::Progress;

/// The file in a folder that is locked.
const LOCK: &str = ".nextbest.lock";
/// The time between two tries where waiting has a limit.
const PAUSE: Duration = Duration::from_millis(50);
/// Characters of a command that are written down.
const LONGEST_COMMAND: usize = 100;
/// Bytes of a name that are read.
const LONGEST_NAME: u64 = 500;

/// What is done in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Nobody else reads or writes.
    Write,
    /// Nobody else writes.
    Read,
}

/// A folder that is locked as long as this lives. Whoever has it last removes the lock's file, and the folder
/// if it was made for the lock and nothing came into it.
#[derive(Debug)]
pub(crate) struct FolderLock {
    file: File,
    path: PathBuf,
    /// Folders that were made for the lock, the innermost first.
    made: Vec<PathBuf>,
}

impl FolderLock {
    /// Locks a folder, after whoever has it. `None` where there is nothing to lock: no folder, one in which
    /// this process may write no file and only reads, or a file system without locks.
    ///
    /// # Errors
    /// If the lock can't be made, or is not to be had within `wait`.
    pub(crate) fn take(
        folder: &Path,
        what: Use,
        wait: Option<Duration>,
        progress: &Progress,
    ) -> anyhow::Result<Option<Self>> {
        let path = folder.join(LOCK);
        let place = || format!("{}: can't be locked", path.display());
        let mut made = Vec::new();
        if what == Use::Write {
            made = folder
                .ancestors()
                .take_while(|it| !it.as_os_str().is_empty() && !it.exists())
                .map(Into::into)
                .collect();
            std::fs::create_dir_all(folder).with_context(place)?;
        }
        let until = wait.map(|wait| Instant::now() + wait);
        let mut is_told = false;
        loop {
            let opened = File::options().read(true).write(true).create(true).truncate(false).open(&path);
            let file = match opened {
                Err(_) if what == Use::Read => return Ok(None),
                opened => opened.with_context(place)?,
            };
            let mut lock = Self { file, path: path.clone(), made: std::mem::take(&mut made) };
            let locked = match what {
                Use::Write => lock.file.try_lock(),
                Use::Read => lock.file.try_lock_shared(),
            };
            match locked {
                // Between opening and locking, whoever had the lock may have removed its file.
                Ok(()) if !lock.is_in_place() => {}
                Ok(()) => {
                    // For whoever waits; without it they wait for nobody in particular.
                    let _ = lock.file.set_len(0).and_then(|()| lock.file.write_all(own_name().as_bytes()));
                    if what == Use::Write {
                        sweep_all(folder);
                    }
                    return Ok(Some(lock));
                }
                Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error).with_context(place),
                Err(TryLockError::WouldBlock) => {
                    let owner = owner(&mut lock.file);
                    if until.is_some_and(|until| Instant::now() >= until) {
                        bail!(
                            "{}: {owner} is at work there: try again when it has ended, or wait longer (--wait)",
                            folder.display()
                        );
                    }
                    if !is_told {
                        progress
                            .step(format!("waiting for {owner}, which is at work in {}", folder.display()));
                        is_told = true;
                    }
                    std::thread::sleep(PAUSE);
                }
            }
            made = std::mem::take(&mut lock.made);
        }
    }

    /// Whether the file that is locked is the one that stands there now.
    #[cfg(unix)]
    fn is_in_place(&self) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let identity = |found: std::fs::Metadata| (found.dev(), found.ino());
        let own = self.file.metadata().map(identity);
        std::fs::metadata(&self.path).is_ok_and(|there| own.is_ok_and(|own| own == identity(there)))
    }

    #[cfg(not(unix))]
    fn is_in_place(&self) -> bool {
        self.path.exists()
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // A reader is the last one if nobody else shares the lock.
        if self.file.try_lock().is_ok() && self.is_in_place() {
            let _ = std::fs::remove_file(&self.path);
            // A folder that holds something stays.
            let _ = self.made.iter().try_for_each(std::fs::remove_dir);
        }
    }
}

/// Lets nobody else in who asks for the same lock, a file of a folder, until it is dropped or this process
/// ends; waits for whoever has it. Where the file system has no locks nobody waits.
///
/// # Errors
/// If the file can't be made or locked.
pub(crate) fn lock(path: &Path) -> anyhow::Result<File> {
    let place = || format!("{}: can't be locked", path.display());
    std::fs::create_dir_all(folder_of(path)).with_context(place)?;
    let file = File::options().create(true).truncate(false).write(true).open(path).with_context(place)?;
    match file.lock() {
        Err(error) if error.kind() != ErrorKind::Unsupported => Err(error).with_context(place),
        _ => Ok(file),
    }
}

/// Who has the lock, as far as they wrote it down.
fn owner(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(LONGEST_NAME).read_to_string(&mut text));
    if read.is_err() || text.is_empty() { "another nextbest".into() } else { text }
}

fn own_name() -> String {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|it| it.to_string_lossy().into_owned()).collect();
    let command: String = arguments.join(" ").chars().take(LONGEST_COMMAND).collect();
    format!("`nextbest {command}` (process {})", std::process::id())
}
