//! Standard output. If the reader closes the pipe (`nextbest monitor | head -1`), further output is dropped,
//! the work continues, and the exit code reports its result. Any other write failure, such as a full disk, is
//! an error.

use std::io::{self, ErrorKind, Write};

/// The name of standard output in errors.
pub(crate) const STANDARD_OUTPUT: &str = "standard output";

/// A writer whose other end may be closed.
pub(crate) struct Printed<W>(pub(crate) W);

impl<W: Write> Write for Printed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        unless_closed(self.0.write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        unless_closed(self.0.flush(), ())
    }
}

/// The result of a write, or `otherwise` if the reader has closed the pipe.
pub(crate) fn unless_closed<T>(done: io::Result<T>, otherwise: T) -> io::Result<T> {
    match done {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(otherwise),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accepts this many bytes, then fails.
    struct Ends(usize, ErrorKind);

    impl Write for Ends {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.0);
            self.0 -= count;
            if count == 0 { Err(self.1.into()) } else { Ok(count) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.1.into())
        }
    }

    #[test]
    fn a_closed_pipe_is_no_error_and_a_full_disk_is_one() {
        for room in 0..8 {
            let mut closed = Printed(Ends(room, ErrorKind::BrokenPipe));
            closed.write_all(b"some text").unwrap();
            closed.flush().unwrap();
            let mut full = Printed(Ends(room, ErrorKind::StorageFull));
            assert_eq!(full.write_all(b"some text").unwrap_err().kind(), ErrorKind::StorageFull);
            assert!(full.flush().is_err());
        }
    }
}
