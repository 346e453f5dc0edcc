//! Every format version that was ever released keeps a sample here, which today's reader must load and score as on the day
//! when it was written: to the last bit from version 4 on, whose sums are exact; older ones within 1e-5, and from then on to
//! the last bit. A sample is never written again; a new format adds one of each kind that it changes.

use nextbest_core::model::bundle::FORMAT_VERSION;
use nextbest_core::{Bundle, Recommender};
use nextbest_tests::{Workplace, repository};

const PROGRAM: &str = env!("CARGO_BIN_EXE_nextbest-under-test");

#[test]
fn samples_of_all_formats_still_load_and_score_the_same() {
    let banks = (1..=FORMAT_VERSION).map(|version| (version, format!("format-{version}.bundle")));
    let others =
        [(2, "format-2-label"), (3, "format-3-linear"), (4, "format-4-label"), (4, "format-4-linear")];
    let others = others.map(|(version, name)| (version, format!("{name}.bundle")));
    for (version, name) in banks.chain(others) {
        let path = repository().join("tests/goldens").join(name);
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes[8..10], version.to_le_bytes());
        let recommender = Recommender::load(&bytes).unwrap();
        let bundle = recommender.bundle();
        assert!(bundle.goldens.len() >= 16);
        // Decoding an old bundle has compared its golden rows, within 1e-5, and renewed them.
        bundle.self_test().unwrap();
        let encoded = bundle.encode().unwrap();
        // An old bundle is written in today's format; nothing of it is lost.
        let again = Bundle::decode(&encoded).unwrap();
        assert!(format!("{again:?}") == format!("{bundle:?}"), "format {version} is read without loss");
        again.self_test().unwrap();
        assert_eq!(encoded == bytes, version == FORMAT_VERSION);
    }
}

/// The signature of a bundle that was signed when format 5 was new.
#[test]
fn a_signed_sample_is_still_verified() {
    let place = Workplace::new(PROGRAM).unwrap();
    let golden = |name: &str| repository().join("tests/goldens").join(name).display().to_string();
    let inspect = |bundle: &str| {
        place.run(&["inspect", &golden(bundle), "--public-key", &golden("format-5.public.pem")]).unwrap()
    };
    let signed = inspect("format-5-signed.bundle");
    assert!(signed.code == 0 && signed.stdout.contains("verified: signed by key"), "{}", signed.stdout);
    let unsigned = inspect("format-5.bundle");
    assert!(unsigned.code != 0 && unsigned.stderr.contains("not signed"), "{}", unsigned.stderr);
    let bundle = |name: &str| Bundle::decode(&std::fs::read(golden(name)).unwrap()).unwrap();
    assert_eq!(bundle("format-5-signed.bundle"), bundle("format-5.bundle"));
}
