//! Outputs appear whole or not at all: written aside, synced, renamed.

mod cells;

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use sha2::{Digest, Sha256};

pub(crate) use cells::{CsvWriter, csv, write_csv, write_exact_csv};

/// Writes a file through `write`; on any error the file that was there before is still there.
///
/// # Errors
/// Those of `write`, and where the folder or file can't be made.
pub(crate) fn write_file(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    write_from(folder, path, write)
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
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("{}: is no name for a file", path.display()))?;
    write_all(aside, folder, &[name], |files| match files.first_mut() {
        Some(file) => write(file),
        None => Ok(()),
    })
}

/// Writes several files of a folder through `write`, which gets them in the order of their names; they are
/// renamed into place only after all are complete.
///
/// # Errors
/// Those of `write`, and where the folder or a file can't be made.
pub(crate) fn write_files(
    folder: &Path,
    names: &[&str],
    write: impl FnOnce(&mut Vec<BufWriter<File>>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    write_all(folder, folder, names, write)
}

fn write_all(
    aside: &Path,
    folder: &Path,
    names: &[&str],
    write: impl FnOnce(&mut Vec<BufWriter<File>>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let place = || format!("{}: can't be written", folder.join(names.join(", ")).display());
    std::fs::create_dir_all(folder).with_context(place)?;
    std::fs::create_dir_all(aside).with_context(place)?;
    let aside = names
        .iter()
        .map(|_| temporary(aside, Readers::All))
        .collect::<Result<Vec<_>, _>>()
        .with_context(place)?;
    let reopened = aside.iter().map(|file| Ok(BufWriter::new(file.as_file().try_clone()?)));
    let mut writers = reopened.collect::<std::io::Result<Vec<_>>>().with_context(place)?;
    write(&mut writers).with_context(place)?;
    for mut writer in writers {
        writer.flush().with_context(place)?;
    }
    for file in &aside {
        file.as_file().sync_all().with_context(place)?;
    }
    for (file, name) in aside.into_iter().zip(names) {
        file.persist(folder.join(name)).with_context(place)?;
    }
    sync(folder);
    Ok(())
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
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(place)?;
    let aside = temporary(folder, readers).with_context(place)?;
    aside.as_file().write_all(bytes).with_context(place)?;
    aside.as_file().sync_all().with_context(place)?;
    aside.persist_noclobber(path).with_context(place)?;
    sync(folder);
    Ok(())
}

/// Whether [`write_new`] failed since there is such a file.
pub(crate) fn was_there(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    causes.any(|cause| cause.kind() == std::io::ErrorKind::AlreadyExists)
}

/// Lets nobody else in who asks for the same lock, a file of a folder, until it is dropped or this process
/// ends; waits for whoever has it. Where the file system has no locks nobody waits.
///
/// # Errors
/// Where the file can't be made or locked.
pub(crate) fn lock(path: &Path) -> anyhow::Result<File> {
    let place = || format!("{}: can't be locked", path.display());
    path.parent().map_or(Ok(()), std::fs::create_dir_all).with_context(place)?;
    let file = File::options().create(true).truncate(false).write(true).open(path).with_context(place)?;
    match file.lock() {
        Err(error) if error.kind() != std::io::ErrorKind::Unsupported => Err(error).with_context(place),
        _ => Ok(file),
    }
}

/// Writes a folder of files, whose paths may have folders in them. It takes the place of one that is there
/// already only where that holds the first of the files: nobody's other files are thrown away.
///
/// # Errors
/// Where there is something else, or the folder can't be made.
pub(crate) fn write_folder<'f>(
    path: &Path,
    files: impl IntoIterator<Item = (&'f str, &'f [u8])>,
) -> anyhow::Result<()> {
    let place = || format!("{}: can't be written", path.display());
    let parent = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).with_context(place)?;
    let aside = tempfile::Builder::new().prefix(".nextbest-").tempdir_in(parent).with_context(place)?;
    let new = aside.path().join("new");
    let mut first = None;
    for (name, bytes) in files {
        first.get_or_insert(name);
        write_bytes(&new.join(name), bytes)?;
    }
    let old = aside.path().join("old");
    if path.symlink_metadata().is_ok() {
        let is_ours = first.is_some_and(|first| path.join(first).is_file());
        let is_empty = || std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
        anyhow::ensure!(
            is_ours || is_empty(),
            "{}: holds something else: name another folder",
            path.display()
        );
        std::fs::rename(path, &old).with_context(place)?;
    }
    std::fs::rename(&new, path)
        .inspect_err(|_| {
            // What was there before comes back.
            let _ = std::fs::rename(&old, path);
        })
        .with_context(place)
}

/// Removes a file of an earlier run, which would contradict the new ones beside it; nothing where there is
/// none.
///
/// # Errors
/// Where there is one that can't be removed.
pub(crate) fn remove_old(path: &Path) -> anyhow::Result<()> {
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
/// Where the file can't be read.
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

fn temporary(folder: &Path, readers: Readers) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".nextbest-");
    // Others (a web server, a colleague) may read what is written, as with any file, unless it is a secret.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(match readers {
        Readers::All => 0o644,
        Readers::Owner => 0o600,
    }));
    builder.tempfile_in(folder)
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
