//! Finds the WebAssembly module that scores a bundle outside this program.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

const NAME: &str = "nextbest_host.wasm";
/// Where `make wasm` puts it.
const BUILT: &str = "web/pkg";

/// Reads the module: the one that is given, or the first that is there of the usual places (beside this
/// program, then where `make wasm` puts it).
///
/// # Errors
/// If it can't be read, is not there, or is no WebAssembly.
pub(crate) fn find_module(given: Option<&Path>) -> anyhow::Result<Vec<u8>> {
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join(NAME)));
    let built = Path::new(BUILT).join(NAME);
    let places: Vec<PathBuf> = match given {
        Some(given) => vec![given.to_owned()],
        None => beside.into_iter().chain([built]).collect(),
    };
    let Some(place) = places.iter().find(|place| place.is_file()) else {
        let places: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
        bail!("{NAME} is not at {}: `make wasm` builds it, --module tells where it is", places.join(" or "));
    };
    let bytes = std::fs::read(place).with_context(|| place.display().to_string())?;
    if !bytes.starts_with(b"\0asm") {
        bail!("{}: is no WebAssembly module: `make wasm` builds it", place.display());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_that_is_given_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("module.wasm");
        let missing = find_module(Some(&path)).unwrap_err().to_string();
        assert!(missing.contains("module.wasm") && missing.contains("make wasm"), "{missing}");
        std::fs::write(&path, b"text").unwrap();
        assert!(find_module(Some(&path)).unwrap_err().to_string().contains("no WebAssembly"));
        std::fs::write(&path, b"\0asm\x01\0\0\0").unwrap();
        assert_eq!(find_module(Some(&path)).unwrap(), b"\0asm\x01\0\0\0");
    }
}
