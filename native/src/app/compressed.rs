//! The size of bytes after brotli, as a browser downloads them.

/// Brotli's highest quality, which servers send.
pub(crate) const BEST: i32 = 11;
/// Many times as fast, and nearly as reliable in telling which of two inputs compresses better.
pub(crate) const FAST: i32 = 5;

/// The number of bytes after brotli with this quality.
///
/// # Errors
/// None: reading and writing memory does not fail.
pub(crate) fn compressed_size(bytes: &[u8], quality: i32) -> std::io::Result<usize> {
    let params = brotli::enc::BrotliEncoderParams { quality, size_hint: bytes.len(), ..Default::default() };
    let mut count = Count(0);
    brotli::BrotliCompress(&mut std::io::Cursor::new(bytes), &mut count, &params)?;
    Ok(count.0)
}

/// A writer that only counts bytes.
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
