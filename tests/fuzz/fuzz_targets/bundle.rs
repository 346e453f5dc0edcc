//! Whatever libFuzzer makes of a bundle, with a hash that fits: nothing panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nextbest_fuzz::mutation::rehash;
use nextbest_fuzz::withstand;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    rehash(&mut bytes);
    let _ = withstand(&bytes);
});
