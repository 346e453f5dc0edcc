//! Standard output. Who read it may have seen enough and closed the pipe (`nextbest monitor | head -1`): what
//! is printed then goes nowhere, the work goes on, and the exit code says what came of the work. That it
//! can't be written for any other reason, as on a full disk, is an error.

use std::io::{self, ErrorKind, Write};

/// What errors call it.
pub(crate) const STANDARD_OUTPUT: &str = "standard output";

/// Something that is printed to, whose other end may be closed.
pub(crate) struct Printed<W>(pub(crate) W);

impl<W: Write> Write for Printed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        unless_closed(self.0.write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        unless_closed(self.0.flush(), ())
    }
}

/// What was done, or what would have been if somebody had still been there to read it.
pub(crate) fn unless_closed<T>(done: io::Result<T>, otherwise: T) -> io::Result<T> {
    match done {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(otherwise),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes, then fails.
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
