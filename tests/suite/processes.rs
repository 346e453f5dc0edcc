//! What happens between processes: who reads our output may leave, and others may write where we write.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use nextbest_tests::{Finished, Workplace};
use serde_json::Value;

use crate::PROGRAM;

const ROUNDS: usize = 12;

fn command(place: &Workplace, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(place.path("")).stdin(Stdio::null());
    command
}

/// Two tables of which the second is shifted: an alert, exit code 3.
fn shifted() -> Workplace {
    let place = Workplace::new(PROGRAM).unwrap();
    for (name, shift) in [("march.csv", 0), ("april.csv", 500)] {
        let rows: String = (0..600).map(|row| format!("{},{}\n", row % 97 + shift, row % 7)).collect();
        place.write(name, &format!("A,B\n{rows}")).unwrap();
    }
    place
}

const MONITOR: &[&str] = &["monitor", "--reference", "march.csv", "--current", "april.csv"];

/// The exit code and standard error where nobody reads standard output.
fn unread(place: &Workplace, arguments: &[&str]) -> (i32, String) {
    let mut child = command(place, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let finished = child.wait_with_output().unwrap();
    (finished.status.code().unwrap(), String::from_utf8(finished.stderr).unwrap())
}

#[test]
fn a_closed_pipe_changes_no_exit_code_and_stops_no_work() {
    let place = shifted();
    place
        .write(
            "config.yaml",
            "generate: {customers: 40}\nevaluation: {bootstrap_draws: 20}\nmodel: \
        {algorithm: logistic_regression, selection: {budget: 0}}\n",
        )
        .unwrap();
    let monitor_json = [MONITOR, &["--json"]].concat();
    let mut codes = BTreeSet::new();
    for arguments in [
        MONITOR,
        &monitor_json,
        &["--help"],
        &["generate", "--help"],
        &["nothing"],
        &["generate", "--customers", "60"],
        &["features", "--catalogue"],
        &["inspect", "missing.bundle"],
        &["run"],
        &["models"],
        &["doctor"],
        &["score", "--as-of", "2026-07-01"],
    ] {
        let Finished { code, stderr, .. } = place.run(arguments).unwrap();
        let (unread, errors) = unread(&place, arguments);
        assert_eq!(unread, code, "{arguments:?}: {errors}\nread: {stderr}");
        codes.insert(code);
    }
    assert_eq!(codes, BTreeSet::from([0, 1, 2, 3]), "every kind of exit code was tried");
    // Of several results that are printed the first is not the last work that is done.
    std::fs::remove_dir_all(place.path("outputs")).unwrap();
    assert_eq!(unread(&place, &["run"]).0, 0);
    assert!(place.path("outputs/bundle/nextbest.bundle").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_standard_output_is_an_error_that_says_so() {
    let place = shifted();
    for arguments in [MONITOR, &["models"], &["--help"]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let finished = command(&place, arguments).stdout(full).output().unwrap();
        let stderr = String::from_utf8(finished.stderr).unwrap();
        assert_eq!(finished.status.code(), Some(1), "{arguments:?}: {stderr}");
        assert!(stderr.contains("error: standard output: "), "{arguments:?}: {stderr}");
    }
}

/// Runs two commands at once; both have to succeed.
fn both(place: &Workplace, first: &[&str], second: &[&str], code: i32) {
    let start =
        |arguments| command(place, arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    for child in [start(first), start(second)] {
        let finished = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(finished.stderr).unwrap();
        assert_eq!(finished.status.code(), Some(code), "{stderr}");
    }
}

/// The log's entries, each whole, from the first version to the last.
fn entries(log: &Path) -> Vec<Vec<Value>> {
    let mut names: Vec<String> = std::fs::read_dir(log)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let read = |(version, name): (usize, &String)| {
        assert_eq!(
            name,
            &format!("{version:020}.json"),
            "versions follow each other, and nothing else is there"
        );
        let text = std::fs::read_to_string(log.join(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    names.iter().enumerate().map(read).collect()
}

#[test]
fn two_writers_of_a_delta_table_both_write_whole_versions() {
    let place = Workplace::new(PROGRAM).unwrap();
    let common = "generate: {customers: 20}\nfeature_store: {formats: [parquet, delta]}\n";
    place.write("often.yaml", common).unwrap();
    place.write("seldom.yaml", &format!("{common}snapshots: {{every_months: 6}}\n")).unwrap();
    assert_eq!(place.run(&["generate", "--config", "often.yaml"]).unwrap().code, 0);
    for _ in 0..ROUNDS {
        both(&place, &["features", "--config", "often.yaml"], &["features", "--config", "seldom.yaml"], 0);
    }
    let entries = entries(&place.path("data/processed/customer_product_features/_delta_log"));
    // Of a round whose first writer finds its own rows there already only the second writes.
    assert!(entries.len() >= ROUNDS, "{}", entries.len());
    let mut there: BTreeSet<String> = BTreeSet::new();
    for actions in &entries {
        let paths = |kind: &str| {
            let found = actions.iter().filter_map(|action| action.get(kind)?.get("path")?.as_str());
            found.map(str::to_owned).collect::<Vec<_>>()
        };
        for removed in paths("remove") {
            assert!(there.remove(&removed), "what is removed was there");
        }
        there.extend(paths("add"));
        assert_eq!(there.len(), 1, "each version is the whole table once");
    }
}

#[test]
fn two_who_keep_a_history_lose_nothing_of_it() {
    let place = shifted();
    let keep = [MONITOR, &["--history"]].concat();
    for _ in 0..ROUNDS {
        both(&place, &keep, &keep, 3);
    }
    let last = place.run(&[&keep[..], &["--json"]].concat()).unwrap();
    let found: Value = serde_json::from_str(&last.stdout).unwrap();
    let series = found["history"].as_array().unwrap();
    assert!(series.len() > 3);
    for series in series {
        assert_eq!(series["points"].as_array().unwrap().len(), 2 * ROUNDS + 1, "{}", series["metric"]);
    }
}
