//! What is not ours is not replaced, what is not finished is not read, what is secret is not shown, and nothing is read without
//! end.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nextbest_tests::{Finished, Workplace, repository};

use crate::PROGRAM;

const CONFIG: &str = "
generate: {customers: 200, start: 2024-01-01}
snapshots: {first: 2025-01-01}
evaluation: {bootstrap_draws: 5}
model:
  selection: {budget: 0}
  hyperparameters: {random_forest: {n_estimators: 3}, gradient_boosting: {n_estimators: 3}}
";

fn sample() -> String {
    repository().join("tests/fixtures/bank.bundle").display().to_string()
}

fn bank() -> Workplace {
    let place = Workplace::new(PROGRAM).unwrap();
    place.write("config.yaml", CONFIG).unwrap();
    place
}

fn run(place: &Workplace, arguments: &[&str]) -> Finished {
    let finished = place.run(arguments).unwrap();
    assert_eq!(finished.code, 0, "{arguments:?}: {}", finished.stderr);
    finished
}

fn start(place: &Workplace, arguments: &[&str]) -> Child {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(place.path("")).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn links_are_followed_devices_and_pipes_written_into_and_folders_refused() {
    let place = bank();
    let sample = sample();
    let page = |out: &str| run(&place, &["inspect", &sample, "--html", out]);
    page("page.html");
    let expected = place.read("page.html").unwrap();

    page("/dev/null");
    assert!(File::open("/dev/null").unwrap().metadata().unwrap().file_type().is_char_device());

    let pipe = place.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read(pipe).unwrap()
    });
    page("pipe");
    assert_eq!(reader.join().unwrap(), expected);
    assert!(pipe.metadata().unwrap().file_type().is_fifo());

    place.write("elsewhere/old.html", "old").unwrap();
    std::fs::set_permissions(place.path("elsewhere/old.html"), std::fs::Permissions::from_mode(0o640))
        .unwrap();
    for (link, target) in [("link.html", "elsewhere/old.html"), ("dangling.html", "elsewhere/new.html")] {
        symlink(target, place.path(link)).unwrap();
        page(link);
        assert!(place.path(link).symlink_metadata().unwrap().is_symlink(), "{link}");
        assert_eq!(place.read(target).unwrap(), expected, "{link}");
    }
    assert_eq!(place.path("elsewhere/old.html").metadata().unwrap().mode() & 0o777, 0o640);

    for arguments in [
        &["inspect", &sample, "--html", "elsewhere"][..],
        &["score", "--table", "missing.csv", "--out", "elsewhere"],
        &["sketch", "merge", "missing.sk", "--out", "elsewhere"],
    ] {
        let refused = place.run(arguments).unwrap();
        assert_eq!(refused.code, 1);
        assert!(refused.stderr.contains("elsewhere: is a folder: name a file"), "{}", refused.stderr);
    }
}

#[test]
fn a_set_that_was_left_unfinished_is_refused_by_name_until_it_is_made_again() {
    let place = bank();
    run(&place, &["run"]);
    for (marker, reader, maker) in [
        ("data/raw/.nextbest-unfinished.generate", "features", "generate"),
        ("data/processed/.nextbest-unfinished.features", "train", "features"),
        ("outputs/models/.nextbest-unfinished.train", "evaluate", "train"),
        ("outputs/models/.nextbest-unfinished.evaluate", "export", "evaluate"),
    ] {
        place.write(marker, "").unwrap();
        let refused = place.run(&[reader]).unwrap();
        assert_eq!(refused.code, 1, "{reader}");
        let told = format!("`nextbest {maker}` was stopped while it replaced the files here");
        assert!(refused.stderr.contains(&told), "{}", refused.stderr);
        run(&place, &[maker]);
        run(&place, &[reader]);
    }
    place.write("outputs/models/evaluation.json", "{").unwrap();
    let refused = place.run(&["export"]).unwrap();
    assert!(refused.code == 1 && refused.stderr.contains("evaluation.json: run `nextbest evaluate` again"));
}

#[test]
fn of_two_commands_in_one_folder_one_waits() {
    let place = bank();
    run(&place, &["generate"]);
    run(&place, &["features"]);
    for pair in [["train", "train"], ["evaluate", "evaluate"], ["export", "evaluate"], ["run", "run"]] {
        for child in pair.map(|command| start(&place, &[command])) {
            let finished = child.wait_with_output().unwrap();
            assert!(finished.status.success(), "{pair:?}: {}", String::from_utf8_lossy(&finished.stderr));
        }
    }
    let experiments = std::fs::read_dir(place.path("mlruns")).unwrap().map(|it| it.unwrap().file_name());
    let experiments = experiments.filter(|name| name.to_string_lossy().len() == 18).count();
    assert_eq!(experiments, 1, "two first trainings make one experiment");

    // Somebody who does not end: a limit says who.
    let lock = place.path("outputs/.nextbest.lock");
    std::fs::write(&lock, "`nextbest train` (process 1)").unwrap();
    let held = File::open(&lock).unwrap();
    held.lock().unwrap();
    let refused = place.run(&["evaluate", "--wait", "1"]).unwrap();
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("`nextbest train` (process 1) is at work there"), "{}", refused.stderr);
    drop(held);
    run(&place, &["evaluate", "--wait", "1"]);
    // Somebody who reads stops those who would write in the end, though they only read at first.
    let reading = place.path("data/processed/.nextbest.lock");
    std::fs::write(&reading, "").unwrap();
    let held = File::open(&reading).unwrap();
    held.lock_shared().unwrap();
    for (command, code) in [("retrain-if-needed", 1), ("features", 1), ("evaluate", 0)] {
        let finished = place.run(&[command, "--wait", "1"]).unwrap();
        assert_eq!(finished.code, code, "{command}: {}", finished.stderr);
        assert_eq!(finished.stderr.contains("is at work there"), code == 1, "{command}: {}", finished.stderr);
    }
    drop(held);
    assert!(!lock.exists(), "the last one removes the lock");
}

#[test]
fn a_signal_says_what_it_stopped() {
    for (signal, number) in [("TERM", 15), ("INT", 2), ("HUP", 1)] {
        let place = bank();
        let mut child = start(&place, &["generate", "--customers", "400000"]);
        std::thread::sleep(Duration::from_millis(400));
        let id = child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap().success());
        let status = child.wait().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(number));
        let mut errors = String::new();
        child.stderr.unwrap().read_to_string(&mut errors).unwrap();
        assert!(errors.contains(&format!("stopped by SIG{signal} while simulating customers")), "{errors}");
        let left = std::fs::read_dir(place.path("data/raw")).unwrap().map(|it| it.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name != ".nextbest.lock").collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// A server that answers with what it was asked with, as proxies do.
fn echo() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = vec![0; 1 << 16];
            let count = stream.read(&mut request).unwrap_or_default();
            let body = request.get(..count).unwrap_or_default();
            let head = format!(
                "HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        }
    });
    address
}

#[test]
fn no_secret_of_the_environment_is_shown_or_written() {
    const MARKER: &str = "m4rk3r-of-a-secret";
    let place = bank();
    run(&place, &["generate"]);
    run(&place, &["features"]);
    let address = format!("http://{}", echo());
    let databricks: &[(&str, &str)] = &[("DATABRICKS_HOST", &address), ("DATABRICKS_TOKEN", MARKER)];
    let basic: &[(&str, &str)] = &[("MLFLOW_TRACKING_USERNAME", "ann"), ("MLFLOW_TRACKING_PASSWORD", MARKER)];
    for (uri, variables) in [
        (address.as_str(), &[("MLFLOW_TRACKING_TOKEN", MARKER)][..]),
        (&address, basic),
        ("databricks", databricks),
    ] {
        for command in [&["train"][..], &["models"], &["train", "--resume-logging"]] {
            let mut process = Command::new(PROGRAM);
            process.args(command).current_dir(place.path("")).env("MLFLOW_TRACKING_URI", uri);
            process.env_remove("MLFLOW_REGISTRY_URI").env("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0");
            let finished = process.envs(variables.iter().copied()).output().unwrap();
            let text = [finished.stdout, finished.stderr].concat();
            let text = String::from_utf8_lossy(&text);
            assert!(!text.contains(MARKER), "{text}");
            assert!(!text.contains("YW5uOm00cmszci1vZi1hLXNlY3JldA=="), "{text}");
        }
    }
    let found = Command::new("grep").args(["-rl", MARKER, "."]).current_dir(place.path("")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}

#[test]
fn nothing_is_read_or_shown_without_end() {
    let place = bank();
    // Nobody writes into the pipe: whoever opened it would wait for ever.
    assert!(Command::new("mkfifo").arg(place.path("pipe.csv")).status().unwrap().success());
    for table in ["pipe.csv", "/dev/zero"] {
        for arguments in [
            &["train", "--table", table, "--target", "A"][..],
            &["monitor", "--reference", table, "--current", table],
        ] {
            let refused = place.run(arguments).unwrap();
            let told = format!("{table}: is a pipe or a device");
            assert!(refused.code == 1 && refused.stderr.contains(&told), "{}", refused.stderr);
        }
    }
    let sparse = File::create(place.path("large.bundle")).unwrap();
    sparse.set_len(3 << 30).unwrap();
    for (file, limit) in [("large.bundle", "67.1 MB"), ("/dev/zero", "67.1 MB")] {
        let refused = place.run(&["inspect", file]).unwrap();
        assert_eq!(refused.code, 1);
        assert!(refused.stderr.contains(&format!("is larger than {limit}")), "{}", refused.stderr);
    }
    let refused = place.run(&["inspect", "--config", "/dev/zero", &sample()]).unwrap();
    assert!(refused.code == 2 && refused.stderr.contains("is larger than"), "{}", refused.stderr);
    let mut customers = File::create(place.path("customers.json")).unwrap();
    write!(customers, r#"[{{"id": "{}", "customer": 5}}]"#, "x".repeat(20 << 20)).unwrap();
    let refused = place.run(&["score", "--bundle", &sample(), "--customers", "customers.json"]).unwrap();
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.len() < 10_000 && refused.stderr.contains("characters left out"));
    let refused = place.run(&["train", "--config", "jobs.yaml"]).unwrap();
    assert_eq!(refused.code, 2);
    place.write("jobs.yaml", "model: {hyperparameters: {random_forest: {n_jobs: 5000}}}").unwrap();
    let refused = place.run(&["train", "--config", "jobs.yaml"]).unwrap();
    assert!(
        refused.code == 2 && refused.stderr.contains("n_jobs is 5000, not -1 to 1024"),
        "{}",
        refused.stderr
    );
}
