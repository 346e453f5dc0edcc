//! How large bytes are on their way to a browser.

/// What servers send: brotli's best.
pub(crate) const BEST: i32 = 11;
/// Many times as fast, and nearly as good in telling which of two is smaller.
pub(crate) const FAST: i32 = 5;

/// The number of bytes after brotli of a quality.
///
/// # Errors
/// None: reading and writing memory does not fail.
pub(crate) fn compressed_size(bytes: &[u8], quality: i32) -> std::io::Result<usize> {
    let params = brotli::enc::BrotliEncoderParams { quality, size_hint: bytes.len(), ..Default::default() };
    let mut count = Count(0);
    brotli::BrotliCompress(&mut std::io::Cursor::new(bytes), &mut count, &params)?;
    Ok(count.0)
}

/// Counts what is written.
struct Count(usize);

impl std::io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
