//! What the tests share: a folder to work in, and the command line to run there.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder of its own for one test.
#[derive(Debug)]
pub struct Workplace {
    folder: TempDir,
    program: PathBuf,
}

/// What a command left behind.
#[derive(Debug)]
pub struct Finished {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Workplace {
    /// An empty folder, and the program to run in it (`env!("CARGO_BIN_EXE_nextbest-under-test")`).
    ///
    /// # Errors
    /// Where no folder can be made.
    pub fn new(program: &str) -> std::io::Result<Self> {
        Ok(Self { folder: tempfile::tempdir()?, program: program.into() })
    }

    /// A path in the folder.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, with the folders above it.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn write(&self, name: &str, text: &str) -> std::io::Result<()> {
        let path = self.path(name);
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        std::fs::write(path, text)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn read(&self, name: &str) -> std::io::Result<Vec<u8>> {
        std::fs::read(self.path(name))
    }

    /// Runs the program in the folder.
    ///
    /// # Errors
    /// Where it can't be started or was ended by a signal.
    pub fn run(&self, arguments: &[&str]) -> std::io::Result<Finished> {
        let mut command = Command::new(&self.program);
        // Where a developer's own runs go is no place for the tests'.
        command.env_remove("MLFLOW_TRACKING_URI").env_remove("MLFLOW_REGISTRY_URI");
        let Output { status, stdout, stderr } = command.args(arguments).current_dir(&self.folder).output()?;
        Ok(Finished {
            code: status
                .code()
                .ok_or_else(|| std::io::Error::other(format!("ended by a signal: {status}")))?,
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        })
    }
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
