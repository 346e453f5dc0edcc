//! Every format version that was ever released keeps a sample here, which today's reader must load and score to the
//! last bit as on the day when it was written. A sample is never written again; a new format adds one.

use nextbest_core::Recommender;
use nextbest_tests::repository;

#[test]
fn samples_of_all_formats_still_load_and_score_the_same() {
    for version in 1..=nextbest_core::model::bundle::FORMAT_VERSION {
        let path = repository().join(format!("tests/goldens/format-{version}.bundle"));
        let bytes = std::fs::read(&path).unwrap();
        let recommender = Recommender::load(&bytes).unwrap();
        let bundle = recommender.bundle();
        assert!(bundle.goldens.len() >= 16);
        bundle.self_test().unwrap();
        assert_eq!(bundle.encode().unwrap(), bytes, "format {version} is read without loss");
    }
}
