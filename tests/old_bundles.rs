//! Every format version that was ever released keeps a sample here, which today's reader must load and score as on the day
//! when it was written: to the last bit from version 4 on, whose sums are exact; older ones within 1e-5, and from then on to
//! the last bit. A sample is never written again; a new format adds one of each kind that it changes.

use nextbest_core::model::bundle::FORMAT_VERSION;
use nextbest_core::{Bundle, Recommender};
use nextbest_tests::repository;

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
