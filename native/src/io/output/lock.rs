//! Locks: of two commands that write to one place, one waits. They are advisory and end with their process.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

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

/// A folder that is locked as long as this lives.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Locks a folder, after whoever has it. `None` where nobody can write there: a folder is only read, has no lock, and
    /// none of our commands writes to it; or its file system has no locks.
    ///
    /// # Errors
    /// Where the lock can't be made, or is not to be had within `wait`.
    pub(crate) fn take(
        folder: &Path,
        what: Use,
        wait: Option<Duration>,
        progress: &Progress,
    ) -> anyhow::Result<Option<Self>> {
        let path = folder.join(LOCK);
        let place = || format!("{}: can't be locked", path.display());
        let mut options = File::options();
        options.read(true);
        if what == Use::Write {
            std::fs::create_dir_all(folder).with_context(place)?;
            options.create(true).truncate(false).write(true);
        } else if !path.exists() {
            return Ok(None);
        }
        let mut file = options.open(&path).with_context(place)?;
        let try_lock = |file: &File| match what {
            Use::Write => file.try_lock(),
            Use::Read => file.try_lock_shared(),
        };
        let until = wait.map(|wait| Instant::now() + wait);
        let mut is_told = false;
        loop {
            match try_lock(&file) {
                Ok(()) => break,
                Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {
                    return Ok(None);
                }
                Err(TryLockError::Error(error)) => return Err(error).with_context(place),
                Err(TryLockError::WouldBlock) => {}
            }
            let owner = owner(&mut file);
            if until.is_some_and(|until| Instant::now() >= until) {
                bail!(
                    "{}: {owner} is at work there: try again when it has ended, or wait longer (--wait)",
                    folder.display()
                );
            }
            if !is_told {
                progress.step(format!("waiting for {owner}, which is at work in {}", folder.display()));
                is_told = true;
            }
            std::thread::sleep(PAUSE);
        }
        if what == Use::Write {
            // For whoever waits; without it they wait for nobody in particular.
            let _ = file.set_len(0).and_then(|()| file.write_all(own_name().as_bytes()));
        }
        Ok(Some(Self { _file: file }))
    }
}

/// Lets nobody else in who asks for the same lock, a file of a folder, until it is dropped or this process
/// ends; waits for whoever has it. Where the file system has no locks nobody waits.
///
/// # Errors
/// Where the file can't be made or locked.
pub(crate) fn lock(path: &Path) -> anyhow::Result<File> {
    let place = || format!("{}: can't be locked", path.display());
    std::fs::create_dir_all(folder_of(path)).with_context(place)?;
    let file = File::options().create(true).truncate(false).write(true).open(path).with_context(place)?;
    match file.lock() {
        Err(error) if error.kind() != std::io::ErrorKind::Unsupported => Err(error).with_context(place),
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
