//! A folder to begin with, and a URL without a file.

use std::fs;
use std::path::Path;

use super::harness::{Stack, plimsoll, run};
use super::listening::listening;

#[test]
fn folder_to_begin_with_is_right_and_plays_against_its_own_simulation() {
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("shop");
    let init = || plimsoll().arg("init").arg(&folder).output().expect("it runs");
    let made = init();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(String::from_utf8_lossy(&made.stderr).contains("plimsoll simulate"), "what to do next");
    for entry in fs::read_dir(&folder).expect("a folder") {
        let text = fs::read_to_string(entry.expect("an entry").path()).expect("a text");
        assert!(!text.is_empty());
    }
    let checked = plimsoll().arg("check").arg(&folder).output().expect("it runs");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let stack = Stack::start(folder.to_str().expect("a path"), &[]);
    let once =
        plimsoll().arg("check").arg(&folder).args(["--once", "--target", &stack.url]).output();
    let once = once.expect("it runs");
    assert!(once.status.success(), "{}", String::from_utf8_lossy(&once.stdout));
    let mut command = plimsoll();
    command.arg("run").arg(&folder).args(["--target", &stack.url, "--duration", "3s"]);
    let ran = run(&mut command, &parent.path().join("reports"));
    assert!(ran.code == 0 || ran.code == 97, "{} {}", ran.code, ran.stdout);
    assert_eq!(ran.result()["errors"]["rate"], 0.0, "{}", ran.stdout);
    let again = init();
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("already exists"));
}

/// Goal: a URL is played without a file, and what was played stands beside the reports: whole, but for what nobody else
/// should read.
#[test]
fn url_is_played_and_its_scenario_kept_without_secrets() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(|_| (200, "{}".to_owned()));
    let url = format!("{}/login?page=1&access_token=c4n4ry-in-query", server.url);
    let mut command = plimsoll();
    command.args(["run", &url, "--rate", "40 req/s", "--duration", "2s", "--method", "PUT"]);
    command.args([
        "--header",
        "Authorization: Bearer c4n4ry-bearer",
        "--header",
        "x-key: ${C4_KEY}",
    ]);
    command.args(["--body", r#"{"user":"ada","password":"c4n4ry-pass","n":"{{ 1 + 1 }}"}"#]);
    let out = folder.path().join("out");
    let ran = run(command.env("C4_KEY", "c4n4ry-key"), &out);
    let seen = server.seen();
    assert!((78..=82).contains(&seen.len()), "{} requests {}", seen.len(), ran.stderr);
    assert_eq!(seen[0].line, "PUT /login?page=1&access_token=c4n4ry-in-query HTTP/1.1");
    assert_eq!(seen[0].header("authorization"), Some("Bearer c4n4ry-bearer"));
    assert_eq!(seen[0].header("x-key"), Some("c4n4ry-key"));
    assert_eq!(seen[0].body, r#"{"user":"ada","password":"c4n4ry-pass","n":"2"}"#);
    let run_folder = ran.folder.clone().expect("a run");
    for entry in fs::read_dir(&run_folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let text = String::from_utf8_lossy(&fs::read(&path).expect("read")).into_owned();
        assert!(!text.contains("c4n4ry"), "{}", path.display());
    }
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains("c4n4ry"), "{text}");
    }
    assert_plays_again(&run_folder.join("scenario.yaml"), &seen[0].body);
}

/// The scenario that was kept sends the same, given what it asks the environment for.
fn assert_plays_again(kept: &Path, body: &str) {
    let server = listening(|_| (200, "{}".to_owned()));
    let mut command = plimsoll();
    command.arg("check").arg(kept).args(["--once", "--target", &server.url]);
    let output = command
        .env("URL_AUTHORIZATION", "c4n4ry-bearer")
        .env("URL_ACCESS_TOKEN", "x")
        .env("URL_PASSWORD", "c4n4ry-pass")
        .env("C4_KEY", "k")
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(server.seen()[0].body, body);
}

#[test]
fn options_of_a_url_are_refused_for_a_path_and_credentials_in_it_for_all() {
    let refused = |words: &[&str]| {
        let output = plimsoll().arg("run").args(words).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let told = refused(&["scenarios/ais", "--method", "PUT"]);
    assert!(told.contains("`--method` belongs to a URL"), "{told}");
    let told = refused(&["http://bob:c4n4ry@127.0.0.1:1/"]);
    assert!(
        told.contains("credentials in a URL are never sent") && !told.contains("c4n4ry"),
        "{told}"
    );
    let told = refused(&["http://127.0.0.1:1/", "--header", "x"]);
    assert!(told.contains("expected NAME: VALUE"), "{told}");
    let told = refused(&["http://127.0.0.1:1/", "--body", "{{ nope }}"]);
    assert!(told.contains("nope"), "{told}");
}
