//! Files and folders that are not whole yet, beside the place where they will stand.
//!
//! Their names start with `.nextbest-` and the number of the process. A process that is killed leaves them
//! behind: whoever writes to the folder next removes those of dead processes. A signal removes them at once.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tempfile::{NamedTempFile, TempDir};

use super::fault;

const PREFIX: &str = ".nextbest-";

/// What this process has aside now.
static ASIDE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
/// The folders that this process has swept.
static SWEPT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Takes a path off the list when it is gone or got its final name.
#[derive(Debug)]
struct Listed(PathBuf);

impl Listed {
    fn new(path: &Path) -> Self {
        with(&ASIDE, |aside| aside.insert(path.to_owned()));
        Self(path.to_owned())
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        with(&ASIDE, |aside| aside.remove(&self.0));
    }
}

/// A file aside. It is locked as long as it is open, and removed unless it gets its final name.
#[derive(Debug)]
pub(super) struct AsideFile {
    file: NamedTempFile,
    listed: Listed,
}

impl AsideFile {
    /// A new file in a folder, with the permissions `mode` less what the process's mask forbids.
    ///
    /// # Errors
    /// If it can't be made.
    pub(super) fn new(folder: &Path, mode: u32) -> io::Result<Self> {
        sweep(folder);
        fault::point("create")?;
        let prefix = prefix();
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
        let file = builder.tempfile_in(folder)?;
        // Not every file system has locks; there the number of the process alone says who is dead.
        let _ = file.as_file().try_lock();
        let listed = Listed::new(file.path());
        Ok(Self { file, listed })
    }

    pub(super) fn as_file(&self) -> &File {
        self.file.as_file()
    }

    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Writes all of it to the disk.
    ///
    /// # Errors
    /// If that fails.
    pub(super) fn sync(&self) -> io::Result<()> {
        fault::point("sync")?;
        self.file.as_file().sync_all()
    }

    /// Gives it its final name, in the place of what had it.
    ///
    /// # Errors
    /// If that fails.
    pub(super) fn persist(self, path: &Path) -> io::Result<()> {
        fault::point("rename")?;
        self.file.persist(path)?;
        drop(self.listed);
        Ok(())
    }

    /// Gives it its final name unless something has it already.
    ///
    /// # Errors
    /// If that fails, and where something has it.
    pub(super) fn persist_new(self, path: &Path) -> io::Result<()> {
        fault::point("rename")?;
        self.file.persist_noclobber(path)?;
        drop(self.listed);
        Ok(())
    }
}

/// A folder aside, removed with all that is in it when it is dropped.
#[derive(Debug)]
pub(crate) struct AsideFolder {
    folder: TempDir,
    listed: Listed,
}

impl AsideFolder {
    /// A new folder in another one, whose name ends in `suffix`.
    ///
    /// # Errors
    /// If it can't be made.
    pub(crate) fn new(parent: &Path, suffix: &str) -> io::Result<Self> {
        sweep(parent);
        fault::point("create")?;
        let folder = tempfile::Builder::new().prefix(&prefix()).suffix(suffix).tempdir_in(parent)?;
        // Others may look into it, as into any folder.
        #[cfg(unix)]
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        let listed = Listed::new(folder.path());
        Ok(Self { folder, listed })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Gives the folder its final name.
    ///
    /// # Errors
    /// If that fails, and where a folder that holds something has the name.
    pub(crate) fn persist(self, path: &Path) -> io::Result<()> {
        fault::point("rename")?;
        std::fs::rename(self.folder.path(), path)?;
        let _ = self.folder.keep();
        drop(self.listed);
        Ok(())
    }
}

/// Removes what this process has aside: its end has come.
pub(crate) fn remove_all() {
    let aside = with(&ASIDE, std::mem::take);
    aside.iter().for_each(|path| remove(path));
}

/// Removes what dead processes left in a folder, once in the life of this process.
pub(super) fn sweep(folder: &Path) {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if !with(&SWEPT, |swept| swept.insert(folder.to_owned())) {
        return;
    }
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let paths = entries.flatten().map(|entry| entry.path());
    paths.filter(|path| is_left_behind(path)).for_each(|path| remove(&path));
}

/// Sweeps a folder and all folders in it.
pub(super) fn sweep_all(folder: &Path) {
    sweep(folder);
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.for_each(|entry| sweep_all(&entry.path()));
}

/// Whether a path is that of a process that is no more. Of two signs both are needed: its number is nobody's,
/// and nobody locks the file (in another container of this machine the number may be somebody's).
fn is_left_behind(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
    let Some(owner) = owner else { return false };
    let is_alive = owner == std::process::id() || Path::new("/proc").join(owner.to_string()).exists();
    !is_alive && File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

fn remove(path: &Path) {
    // What can't be removed now is somebody's who comes later.
    let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
}

fn prefix() -> String {
    format!("{PREFIX}{}-", std::process::id())
}

/// Invariant: nothing panics while it holds one of the locks, so that a poisoned one is as good as any.
fn with<T, R>(mutex: &Mutex<T>, change: impl FnOnce(&mut T) -> R) -> R {
    change(&mut mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_process_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: String| std::fs::write(folder.path().join(name), "half").unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let dead = child.id();
        child.wait().unwrap();
        write(format!("{PREFIX}{dead}-file"));
        write(format!("{PREFIX}{}-own", std::process::id()));
        write(format!("{PREFIX}1-alive"));
        write(".nextbest.lock".into());
        write(".nextbest-unfinished.train".into());
        write(format!("{dead}-other"));
        std::fs::create_dir_all(folder.path().join(format!("{PREFIX}{dead}-folder.trash/deep"))).unwrap();
        let locked = format!("{PREFIX}{dead}-locked");
        write(locked.clone());
        let held = File::open(folder.path().join(&locked)).unwrap();
        held.try_lock().unwrap();
        sweep(folder.path());
        let mut left: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let mut expected = vec![
            format!("{PREFIX}{}-own", std::process::id()),
            format!("{PREFIX}1-alive"),
            ".nextbest.lock".into(),
            ".nextbest-unfinished.train".into(),
            format!("{dead}-other"),
            locked,
        ];
        expected.sort();
        assert_eq!(left, expected);
    }
}
