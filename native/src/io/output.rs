//! Outputs appear whole or not at all: written aside, synced, renamed. What is no file of ours is never
//! replaced: links are followed, devices and pipes are written into, folders are refused ([`target`]).

mod aside;
mod cells;
mod fault;
mod lock;
mod set;
mod target;

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use sha2::{Digest, Sha256};

use aside::AsideFile;
pub(crate) use aside::{AsideFolder, remove_all as remove_aside};
pub(crate) use cells::{CsvWriter, csv, write_csv, write_exact_csv};
pub(crate) use lock::{FolderLock, Use, lock};
pub(crate) use set::{Unfinished, check_finished, is_unfinished};
use target::{EVERYONE, Target, folder_of};

/// Writes a file through `write`; on any error the file that was there before is still there.
///
/// # Errors
/// Those of `write`, and where the folder or file can't be made.
pub(crate) fn write_file(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let target = Target::of(path)?;
    write_one(&target.folder(), &target, path, write)
}

/// As [`write_file`], with another folder of the same file system for the file while it is not whole: for
/// where others look at all files of its own folder.
///
/// # Errors
/// As [`write_file`].
pub(crate) fn write_from(
    aside: &Path,
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    write_one(aside, &Target::of(path)?, path, write)
}

fn write_one(
    aside: &Path,
    target: &Target,
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let targets = std::slice::from_ref(target);
    write_targets(aside, targets, &path.display().to_string(), None, |files| match files.first_mut() {
        Some(file) => write(file),
        None => Ok(()),
    })
}

/// Files of one folder that belong together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileSet<'a> {
    pub(crate) folder: &'a Path,
    /// The command that makes them.
    pub(crate) command: &'a str,
    pub(crate) names: &'a [&'a str],
    /// Files of earlier sets that would contradict this one: they go.
    pub(crate) stale: &'a [&'a str],
}

impl FileSet<'_> {
    /// Writes the files through `write`, which gets them in the order of their names. They are renamed only
    /// after all are complete; until the last one is, the set counts as unfinished.
    ///
    /// # Errors
    /// Those of `write`, and where the folder or a file can't be made.
    pub(crate) fn write(
        &self,
        write: impl FnOnce(&mut Vec<BufWriter<File>>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let targets = self.names.iter().map(|name| Target::of(&self.folder.join(name)));
        let targets = targets.collect::<anyhow::Result<Vec<_>>>()?;
        let place = self.folder.join(self.names.join(", ")).display().to_string();
        write_targets(self.folder, &targets, &place, Some(self), write)
    }
}

/// Checks that a file can be written to a path, before the work whose result it is.
///
/// # Errors
/// If it is a folder, or can't be looked at.
pub(crate) fn check_target(path: &Path) -> anyhow::Result<()> {
    Target::of(path).map(drop)
}

fn write_targets(
    aside: &Path,
    targets: &[Target],
    place: &str,
    set: Option<&FileSet<'_>>,
    write: impl FnOnce(&mut Vec<BufWriter<File>>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let place = || format!("{place}: can't be written");
    std::fs::create_dir_all(aside).with_context(place)?;
    let mut files = Vec::new();
    for target in targets {
        std::fs::create_dir_all(target.folder()).with_context(place)?;
        // A link may lead to another file system, over whose border nothing is renamed.
        let folder = if set.is_some() { target.folder() } else { aside.to_owned() };
        files.push(AsideFile::new(&folder, EVERYONE).with_context(place)?);
    }
    let reopened = files.iter().map(|file| Ok(BufWriter::new(file.as_file().try_clone()?)));
    let mut writers = reopened.collect::<std::io::Result<Vec<_>>>().with_context(place)?;
    write(&mut writers).with_context(place)?;
    for mut writer in writers {
        fault::point("write").and_then(|()| writer.flush()).with_context(place)?;
    }
    for file in &files {
        file.sync().with_context(place)?;
    }
    let unfinished = set.map(|set| Unfinished::begin(set.folder, set.command)).transpose()?;
    for (file, target) in files.into_iter().zip(targets) {
        target.take(file).with_context(place)?;
    }
    for stale in set.into_iter().flat_map(|set| set.stale.iter().map(|name| set.folder.join(name))) {
        remove_old(&stale)?;
    }
    targets.iter().for_each(|target| sync(&target.folder()));
    unfinished.map_or(Ok(()), Unfinished::finish)
}

/// New names are only safe once their folder is synced too; not every file system can do it.
fn sync(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Everyone who may enter its folder.
    All,
    /// Only who wrote it.
    Owner,
}

/// Writes bytes to a file that is not there yet: of two who do so at once one succeeds.
///
/// # Errors
/// As [`write_file`], and where there is one ([`was_there`]).
pub(crate) fn write_new(path: &Path, bytes: &[u8], readers: Readers) -> anyhow::Result<()> {
    let place = || format!("{}: can't be written", path.display());
    let folder = folder_of(path);
    std::fs::create_dir_all(folder).with_context(place)?;
    let mode = match readers {
        Readers::All => EVERYONE,
        Readers::Owner => 0o600,
    };
    let file = AsideFile::new(folder, mode).with_context(place)?;
    fault::point("write").and_then(|()| file.as_file().write_all(bytes)).with_context(place)?;
    file.sync().with_context(place)?;
    file.persist_new(path).with_context(place)?;
    sync(folder);
    Ok(())
}

/// Whether [`write_new`] failed because the file exists.
pub(crate) fn was_there(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    causes.any(|cause| cause.kind() == std::io::ErrorKind::AlreadyExists)
}

/// Writes a folder of files, whose paths may have folders in them. It takes the place of one that is there
/// already only where that holds the first of the files: nobody's other files are thrown away.
///
/// # Errors
/// If there is something else, or the folder can't be made.
pub(crate) fn write_folder<'f>(
    path: &Path,
    files: impl IntoIterator<Item = (&'f str, &'f [u8])>,
) -> anyhow::Result<()> {
    let is_ours = |path: &Path, first: Option<&str>| {
        let is_empty = || std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
        first.is_some_and(|first| path.join(first).is_file()) || is_empty()
    };
    write_folder_if(path, files, is_ours)
}

/// Writes a folder of files in the place of one that only holds files of ours; without files there is none.
///
/// # Errors
/// If the folder can't be made.
pub(crate) fn replace_folder<'f>(
    path: &Path,
    files: impl IntoIterator<Item = (&'f str, &'f [u8])>,
) -> anyhow::Result<()> {
    let mut files = files.into_iter().peekable();
    if files.peek().is_some() {
        return write_folder_if(path, files, |_, _| true);
    }
    if path.exists() {
        let place = || format!("{}: can't be removed", path.display());
        let aside = AsideFolder::new(folder_of(path), "").with_context(place)?;
        std::fs::rename(path, aside.path().join("old")).with_context(place)?;
    }
    Ok(())
}

fn write_folder_if<'f>(
    path: &Path,
    files: impl IntoIterator<Item = (&'f str, &'f [u8])>,
    is_ours: impl Fn(&Path, Option<&str>) -> bool,
) -> anyhow::Result<()> {
    let place = || format!("{}: can't be written", path.display());
    let path = &match std::fs::canonicalize(path) {
        Ok(behind_links) => behind_links,
        Err(_) => path.to_owned(),
    };
    let parent = folder_of(path);
    std::fs::create_dir_all(parent).with_context(place)?;
    let aside = AsideFolder::new(parent, "").with_context(place)?;
    let new = aside.path().join("new");
    std::fs::create_dir(&new).with_context(place)?;
    let mut first = None;
    for (name, bytes) in files {
        first.get_or_insert(name);
        write_bytes(&new.join(name), bytes)?;
    }
    fault::point("rename").with_context(place)?;
    if path.symlink_metadata().is_err() {
        return std::fs::rename(&new, path).with_context(place);
    }
    anyhow::ensure!(is_ours(path, first), "{}: holds something else: name another folder", path.display());
    exchange(&new, path).with_context(place)?;
    sync(parent);
    Ok(())
}

/// Two folders get each other's name, in one step where the system can do that.
fn exchange(new: &Path, old: &Path) -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE) {
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {}
            exchanged => return Ok(exchanged?),
        }
    }
    let before = new.with_file_name("old");
    std::fs::rename(old, &before)?;
    std::fs::rename(new, old).inspect_err(|_| {
        // What was there before comes back.
        let _ = std::fs::rename(&before, old);
    })
}

/// Removes a file of an earlier run, which would contradict the new ones beside it; nothing where there is
/// none.
///
/// # Errors
/// If there is one that can't be removed.
fn remove_old(path: &Path) -> anyhow::Result<()> {
    fault::point("remove")?;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error)
            .with_context(|| format!("{}: is of an earlier run and can't be removed", path.display())),
        _ => Ok(()),
    }
}

/// Writes bytes to a file.
///
/// # Errors
/// As [`write_file`].
pub(crate) fn write_bytes(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_file(path, |writer| Ok(writer.write_all(bytes)?))
}

/// Writes a value as JSON, indented for people.
///
/// # Errors
/// As [`write_file`].
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    write_file(path, |writer| {
        serde_json::to_writer_pretty(&mut *writer, value)?;
        Ok(writer.write_all(b"\n")?)
    })
}

/// The SHA-256 of a file, in hexadecimal digits.
///
/// # Errors
/// If the file can't be read.
pub(crate) fn file_hash(path: &Path) -> anyhow::Result<String> {
    let place = || path.display().to_string();
    let mut hash = Sha256::new();
    let mut file = File::open(path).with_context(place)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer).with_context(place)?;
        if count == 0 {
            return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hash.update(buffer.get(..count).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_takes_no_other_ones_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/secret");
        write_new(&path, b"first", Readers::Owner).unwrap();
        let again = write_new(&path, b"second", Readers::All).unwrap_err();
        assert!(format!("{again:#}").contains("secret: can't be written") && was_there(&again), "{again:#}");
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_folder_takes_the_place_of_its_like_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/model");
        let write = |files: &[(&'static str, &'static [u8])]| write_folder(&path, files.iter().copied());
        write(&[("Index", b"1"), ("code/a.py", b"a")]).unwrap();
        write(&[("Index", b"2"), ("code/b.py", b"b")]).unwrap();
        assert_eq!(std::fs::read(path.join("Index")).unwrap(), b"2");
        assert!(path.join("code/b.py").is_file() && !path.join("code/a.py").exists());
        let refused = write(&[("Other", b"3")]).unwrap_err().to_string();
        assert!(refused.contains("holds something else"), "{refused}");
        assert_eq!(std::fs::read(path.join("Index")).unwrap(), b"2");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left aside");
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/file.txt");
        write_bytes(&path, b"old").unwrap();
        let failed = write_file(&path, |writer| {
            writer.write_all(b"half")?;
            anyhow::bail!("the disk is on fire")
        });
        assert!(
            format!("{:#}", failed.unwrap_err()).contains("file.txt: can't be written: the disk is on fire")
        );
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
