//! Keys, signatures, dates and numbers: what is accepted, and what is refused with which words.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that can't go on panics")]

use std::sync::OnceLock;

use nextbest::config::{Config, TrustConfig};
use nextbest_core::Bundle;
use nextbest_core::bundle::signature::{SECTION, signed};
use nextbest_tests::{Finished, Workplace, repository};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::PROGRAM;

const BUNDLE: &str = "outputs/bundle/nextbest.bundle";
const CONFIG: &str = "
generate: {customers: 600, seed: 5}
model:
  algorithm: random_forest
  selection: {budget: 0}
  hyperparameters: {random_forest: {n_estimators: 10}}
evaluation: {bootstrap_draws: 50}
";
const CARD: &str = "
card:
  intended_use: Offers in the app
  limits: [Not for credit decisions, Weak for customers of less than a year]
  licence: Internal use only
";

/// The committed sample: what its signature verified when it was made, it verifies on every machine.
#[test]
fn a_signed_sample_is_verified() {
    let place = Workplace::new(PROGRAM).unwrap();
    let sample = |name: &str| repository().join("tests/fixtures").join(name).display().to_string();
    let inspect = |bundle: &str| {
        place.run(&["inspect", &sample(bundle), "--public-key", &sample("policy.public.pem")]).unwrap()
    };
    let signed = inspect("policy-signed.bundle");
    assert!(signed.code == 0 && signed.stdout.contains("verified: signed by key"), "{}", signed.stdout);
    let unsigned = inspect("policy.bundle");
    assert!(unsigned.code != 0 && unsigned.stderr.contains("not signed"), "{}", unsigned.stderr);
    let bundle = |name: &str| Bundle::decode(&std::fs::read(sample(name)).unwrap()).unwrap();
    assert_eq!(format!("{:?}", bundle("policy-signed.bundle")), format!("{:?}", bundle("policy.bundle")));
}

/// A bank with a trained and evaluated model, and two pairs of keys; made once, then copied.
fn place() -> Workplace {
    static MADE: OnceLock<Workplace> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let place = Workplace::new(PROGRAM).unwrap();
        place.write("config.yaml", CONFIG).unwrap();
        for command in [
            &["generate"][..],
            &["features"],
            &["train"],
            &["evaluate"],
            &["keygen"],
            &["keygen", "--name", "other"],
        ] {
            succeeds(&place, command);
        }
        place
    });
    let place = Workplace::new(PROGRAM).unwrap();
    copy(&made.path(""), &place.path(""));
    place
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn succeeds(place: &Workplace, arguments: &[&str]) -> String {
    let finished = place.run(arguments).unwrap();
    assert_eq!(finished.code, 0, "{arguments:?}: {}{}", finished.stdout, finished.stderr);
    finished.stdout
}

fn refused(place: &Workplace, arguments: &[&str], message: &str) {
    let Finished { code, stdout, stderr } = place.run(arguments).unwrap();
    assert_eq!(code, 1, "{arguments:?}: {stdout}{stderr}");
    assert!(stderr.contains(message), "{arguments:?}: expected {message:?} in {stderr:?}");
}

fn json(place: &Workplace, arguments: &[&str]) -> Value {
    serde_json::from_str(&succeeds(place, &[arguments, &["--json", "--quiet"]].concat())).unwrap()
}

const SIGN: [&str; 3] = ["export", "--sign", "keys/nextbest.private.pem"];
const SCORE: [&str; 3] = ["score", "--public-key", "keys/nextbest.public.pem"];
const INSPECT: [&str; 3] = ["inspect", "--public-key", "keys/nextbest.public.pem"];

#[test]
fn a_signed_bundle_is_accepted_and_says_who_signed_it() {
    let place = place();
    let exported = json(&place, &[&SIGN[..], &["--model-number", "7"]].concat());
    let key = exported["signed_by"].as_str().unwrap();
    assert_eq!((key.len(), exported["model_number"].as_u64()), (16, Some(7)));
    succeeds(&place, &SCORE);
    let inspected = json(&place, &INSPECT);
    assert_eq!(inspected["signature"], serde_json::json!({"status": "verified", "key": key}));
    assert_eq!(inspected["validity"], serde_json::json!({"number": 7, "notBefore": null, "expires": null}));
    // Without a key to compare with, the signature is only known to be whole.
    assert_eq!(json(&place, &["inspect"])["signature"]["status"], "sound");
    // The config asks for the key as the option does, and signs as it does.
    place.write("config.yaml", &format!("{CONFIG}trust: {{public_key: keys/other.public.pem}}\n")).unwrap();
    let other = format!("signed by key {key}, but only bundles signed by key");
    for command in [&["score"][..], &["inspect"], &["features", "--catalogue", "--bundle", BUNDLE]] {
        refused(&place, command, &other);
    }
    refused(&place, &["evaluate", "--against", BUNDLE], &other);
    let keys = "trust: {private_key: keys/other.private.pem, public_key: keys/other.public.pem}";
    place.write("config.yaml", &format!("{CONFIG}{keys}\n")).unwrap();
    succeeds(&place, &["export"]);
    succeeds(&place, &["score"]);
}

#[test]
fn every_changed_byte_is_noticed() {
    let place = place();
    succeeds(&place, &SIGN);
    let good = place.read(BUNDLE).unwrap();
    for at in (0..good.len()).step_by(97) {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        std::fs::write(place.path("changed.bundle"), &bytes).unwrap();
        refused(&place, &[&INSPECT[..], &["changed.bundle"]].concat(), "changed.bundle: bundle: ");
    }
}

/// The hash at the end is nobody's secret; the signature is.
#[test]
fn a_new_hash_does_not_help_who_changed_a_byte() {
    let place = place();
    succeeds(&place, &SIGN);
    let good = place.read(BUNDLE).unwrap();
    let found = signed(&good).unwrap();
    assert_eq!(found.message.len() + SECTION + 32, good.len());
    // From the version on, over the model, into the signature itself.
    for at in (8..found.message.len()).step_by(997).chain([good.len() - 32 - 64, good.len() - 33]) {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        write(&place, "changed.bundle", &with_new_hash(&bytes));
        let message = "does not verify: the file was changed after it was signed";
        for command in [[&SCORE[..], &["--bundle"]].concat(), INSPECT.to_vec()] {
            refused(&place, &[&command[..], &["changed.bundle"]].concat(), message);
        }
    }
}

#[test]
fn without_a_signature_or_with_another_it_is_refused() {
    let place = place();
    succeeds(&place, &["export"]);
    let unsigned = "not signed, but only bundles signed by key";
    refused(&place, &SCORE, unsigned);
    refused(&place, &INSPECT, unsigned);
    assert_eq!(json(&place, &["inspect"])["signature"]["status"], "none");
    let plain = place.read(BUNDLE).unwrap();

    succeeds(&place, &["export", "--sign", "keys/other.private.pem"]);
    refused(&place, &SCORE, "signed by key");

    // Stripped of its signature it is sound, but nobody's.
    succeeds(&place, &SIGN);
    let bytes = place.read(BUNDLE).unwrap();
    let mut stripped = signed(&bytes).unwrap().message.to_vec();
    stripped[12] -= 1;
    stripped.extend([0; 32]);
    let stripped = with_new_hash(&stripped);
    assert_eq!(stripped, plain);
    write(&place, BUNDLE, &stripped);
    refused(&place, &SCORE, unsigned);
    // Cut off behind the signature's beginning.
    write(&place, BUNDLE, &bytes[..bytes.len() - 40]);
    refused(&place, &SCORE, unsigned);
    write(&place, BUNDLE, b"something else");
    refused(&place, &SCORE, "not a nextbest bundle");
}

#[test]
fn dates_and_numbers_are_kept_to() {
    let place = place();
    let with = |trust: &str| {
        place.write("config.yaml", &format!("{CONFIG}trust: {{{trust}}}\n")).unwrap();
        succeeds(&place, &["export"]);
    };
    with("model_number: 3, not_before: 2020-01-01, valid_days: 31");
    let warned = place.run(&["export"]).unwrap().stderr;
    assert!(warned.contains("nobody can use this bundle today: expired on 2020-02-01"), "{warned}");
    refused(&place, &["score"], "expired on 2020-02-01: fetch a newer one");
    // Who looks at it sees it, with a warning.
    let inspected = json(&place, &["inspect"]);
    assert!(inspected["warnings"][0].as_str().unwrap().starts_with("expired on 2020-02-01"), "{inspected}");
    assert_eq!(inspected["validity"]["expires"], "2020-02-01");
    assert!(succeeds(&place, &["inspect"]).contains("WARNING   expired on 2020-02-01"));
    with("not_before: 9000-01-01");
    refused(&place, &["score"], "not valid before 9000-01-01");
    with("not_before: 2020-01-01, expires: 9000-01-01, model_number: 3");
    succeeds(&place, &["score"]);
    place.write("config.yaml", &format!("{CONFIG}trust: {{minimum_number: 4}}\n")).unwrap();
    refused(&place, &["score"], "model version 3 is older than 4, the oldest that may be used");
    succeeds(&place, &["export", "--model-number", "4"]);
    succeeds(&place, &["score"]);
    // What can't be understood is exit code 2.
    place.write("config.yaml", &format!("{CONFIG}trust: {{valid_days: 31}}\n")).unwrap();
    let Finished { code, stderr, .. } = place.run(&["export"]).unwrap();
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("trust: valid_days: they count from not_before"), "{stderr}");
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let place = place();
    place.write("config.yaml", &format!("{CONFIG}{CARD}")).unwrap();
    let export = || {
        succeeds(&place, &SIGN);
        place.read(BUNDLE).unwrap()
    };
    let first = export();
    assert!(first == export(), "signing once more changes nothing");
    for threads in ["1", "3"] {
        for command in ["features", "train", "evaluate"] {
            succeeds(&place, &[command, "--threads", threads]);
        }
        assert!(first == export(), "computed again by {threads} threads");
    }
    // An unsigned one is the same but for the signature and what counts and hashes it.
    succeeds(&place, &["export"]);
    assert_eq!(place.read(BUNDLE).unwrap()[16..][..1000], first[16..][..1000]);
}

#[test]
fn a_limit_of_bytes_counts_the_signature() {
    let place = place();
    let limit = 16_000;
    succeeds(&place, &[&SIGN[..], &["--max-bytes", "16KB"]].concat());
    let bytes = place.read(BUNDLE).unwrap();
    assert!(signed(&bytes).is_some());
    let mut compressed = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
    brotli::BrotliCompress(&mut &bytes[..], &mut compressed, &parameters).unwrap();
    assert!(compressed.len() <= limit, "{}", compressed.len());
    let card = &json(&place, &["inspect"])["card"];
    assert!(
        card["testMetrics"].as_array().unwrap().iter().any(|metric| metric["interval"].is_array()),
        "{card}"
    );
}

#[test]
fn the_card_says_where_the_model_comes_from_and_how_good_it_is() {
    let place = place();
    place.write("config.yaml", &format!("{CONFIG}{CARD}")).unwrap();
    succeeds(&place, &["export"]);
    let inspected = json(&place, &["inspect", "--html", "card.html"]);
    let card = &inspected["card"];
    assert_eq!(card["intendedUse"], "Offers in the app");
    assert_eq!(card["limits"].as_array().unwrap().len(), 2);
    assert_eq!(card["licence"], "Internal use only");
    let tools: Vec<&str> =
        card["tools"].as_array().unwrap().iter().map(|tool| tool[0].as_str().unwrap()).collect();
    assert_eq!(tools, ["rustc", "target"]);

    // Each file that was read, with its hash.
    let sources = card["sources"].as_array().unwrap();
    assert_eq!(sources.len(), 10, "{sources:?}");
    let transactions = sources.iter().find(|source| source[0] == "TRANSACTION.csv").unwrap();
    let bytes = place.read("data/raw/TRANSACTION.csv").unwrap();
    assert_eq!(transactions[1], hex(&sha256(&bytes)));
    assert_eq!(card["trainingData"], hex(&sha256(&place.read(FEATURES).unwrap())));

    // Metrics, intervals and segments are the evaluation's.
    let evaluation: Value =
        serde_json::from_slice(&place.read("outputs/models/evaluation.json").unwrap()).unwrap();
    let model = &evaluation["contestants"][0];
    let metrics = card["testMetrics"].as_array().unwrap();
    for (name, value, interval) in [
        ("log_loss", &model["all"]["log_loss"], &model["intervals"]["log_loss"]),
        (
            "log_loss_without_none",
            &model["without_none"]["log_loss"],
            &model["intervals"]["log_loss_without_none"],
        ),
    ] {
        let metric = metrics.iter().find(|metric| metric["name"] == name).unwrap();
        assert_eq!(metric["value"], *value, "{name}");
        assert_eq!(metric["interval"], serde_json::json!([interval["low"], interval["high"]]), "{name}");
    }
    let segment = &evaluation["segments"][0]["segments"][1];
    let name = format!("age: {}", segment["name"].as_str().unwrap());
    let found = card["segments"].as_array().unwrap().iter().find(|it| it["name"] == name.as_str()).unwrap();
    assert_eq!(found["rows"], segment["rows"]);
    assert_eq!(found["metrics"][0]["value"], segment["log_loss"]);
    assert_eq!(found["metrics"][0]["interval"][0], segment["log_loss_interval"]["low"]);

    // In words and as a page that asks for nothing.
    let text = succeeds(&place, &["inspect"]);
    for words in [
        "use         Offers in the app",
        "limit       Not for credit",
        "age: 25 to 35",
        "TRANSACTION.csv",
        "ranked by",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let page = String::from_utf8(place.read("card.html").unwrap()).unwrap();
    for words in
        ["Model card: ", "Not for credit decisions", "Internal use only", "age: 25 to 35", "TRANSACTION.csv"]
    {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("src=") && !page.contains("://") && !page.contains("<script"), "asks for nothing");
    // What nobody said is not made up.
    place.write("config.yaml", CONFIG).unwrap();
    succeeds(&place, &["export"]);
    assert_eq!(succeeds(&place, &["inspect"]).matches("not stated").count(), 3);
}

/// A feature table that is not the one that its manifest describes has no known sources.
#[test]
fn sources_are_those_of_this_very_table() {
    let place = place();
    let manifest = FEATURES.replace(".parquet", ".json");
    let mut described: Value = serde_json::from_slice(&place.read(&manifest).unwrap()).unwrap();
    assert_eq!(described["sources"].as_array().unwrap().len(), 10);
    described["version"] = "another".into();
    place.write(&manifest, &described.to_string()).unwrap();
    for command in ["train", "evaluate", "export"] {
        succeeds(&place, &[command]);
    }
    assert_eq!(json(&place, &["inspect"])["card"]["sources"], serde_json::json!([]));
}

#[test]
fn a_plain_table_is_signed_too() {
    let place = place();
    let rows: String = (0..300)
        .map(|row| format!("{},{},{}\n", row, row % 7, ["a", "b"][usize::from(row % 7 > 3)]))
        .collect();
    place.write("rows.csv", &format!("X,Y,CLASS\n{rows}")).unwrap();
    place
        .write(
            "config.yaml",
            &format!("{CONFIG}{CARD}trust: {{private_key: keys/nextbest.private.pem, model_number: 2}}\n"),
        )
        .unwrap();
    succeeds(&place, &["train", "--table", "rows.csv", "--target", "CLASS"]);
    let inspected = json(&place, &INSPECT);
    assert_eq!(inspected["validity"]["number"], 2);
    assert_eq!(inspected["card"]["intendedUse"], "Offers in the app");
    assert_eq!(inspected["card"]["sources"][0][0], "rows.csv");
    assert_eq!(inspected["card"]["sources"][0][1], inspected["card"]["trainingData"]);
    assert!(inspected["card"]["testMetrics"].as_array().unwrap().iter().any(|it| it["interval"].is_array()));
    succeeds(&place, &[&SCORE[..], &["--table", "rows.csv"]].concat());
    assert!(succeeds(&place, &["inspect", "--html", "card.html"]).contains("classes of CLASS"));
}

#[test]
fn keys_are_secret_and_never_overwritten() {
    let place = Workplace::new(PROGRAM).unwrap();
    let generated = json(&place, &["keygen", "--out", "safe", "--name", "bank"]);
    assert_eq!(generated["private_key"], "safe/bank.private.pem");
    let private = place.read("safe/bank.private.pem").unwrap();
    assert!(private.starts_with(b"-----BEGIN PRIVATE KEY-----\n"));
    assert!(place.read("safe/bank.public.pem").unwrap().starts_with(b"-----BEGIN PUBLIC KEY-----\n"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |name: &str| place.path(name).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("safe/bank.private.pem"), mode("safe/bank.public.pem")), (0o600, 0o644));
    }
    refused(&place, &["keygen", "--out", "safe", "--name", "bank"], "bank.private.pem: is there already");
    assert_eq!(place.read("safe/bank.private.pem").unwrap(), private);
    std::fs::remove_file(place.path("safe/bank.private.pem")).unwrap();
    refused(&place, &["keygen", "--out", "safe", "--name", "bank"], "bank.public.pem: is there already");
    assert!(!place.path("safe/bank.private.pem").exists());
    let text = succeeds(&place, &["keygen"]);
    assert!(text.contains("nextbest export --sign keys/nextbest.private.pem"), "{text}");
    assert_eq!(place.run(&["keygen", "--name", "a/b"]).unwrap().code, 2);
    refused(
        &place,
        &["score", "--public-key", "nowhere.pem", "--bundle", "keys/nextbest.public.pem"],
        "nowhere.pem: `nextbest keygen`",
    );
}

/// docs/OPERATIONS.md's commands and config, run and read as they stand.
#[test]
fn what_the_document_shows_works() {
    let document = std::fs::read_to_string(repository().join("docs/OPERATIONS.md")).unwrap();
    let section = document.split("## Who made a bundle").nth(1).unwrap().split("\n## ").next().unwrap();
    let block = |language: &str| {
        let after = section.split(&format!("```{language}\n")).nth(1).unwrap();
        after.split("```").next().unwrap().to_owned()
    };
    let place = place();
    std::fs::remove_dir_all(place.path("keys")).unwrap();
    for line in block("sh").lines() {
        let command = line.split('#').next().unwrap().trim().strip_prefix("nextbest ").unwrap();
        succeeds(&place, &command.split(' ').collect::<Vec<_>>());
    }
    assert!(place.path("card.html").exists());
    let config = Config::parse(&block("yaml")).unwrap();
    let validity = config.trust.validity().unwrap();
    assert_eq!((validity.number, config.card.limits.len()), (7, 1));
    let by_days = TrustConfig { expires: None, valid_days: Some(92), ..config.trust };
    assert_eq!(by_days.validity().unwrap(), validity, "as the comment says");
}

const FEATURES: &str = "data/processed/customer_product_features.parquet";

fn write(place: &Workplace, name: &str, bytes: &[u8]) {
    std::fs::write(place.path(name), bytes).unwrap();
}

/// The bytes with the hash at their end made anew.
fn with_new_hash(bytes: &[u8]) -> Vec<u8> {
    let content = &bytes[..bytes.len() - 32];
    [content, &sha256(content)].concat()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
