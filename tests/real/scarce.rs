//! More users than descriptors: what is told, what is closed, and what fails.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::harness::{Ran, Stack, run};

/// Runs `flow` with 200 users who may have 72 connections at once.
fn crowded(folder: &Path, flow: &str) -> Ran {
    let stack = Stack::start("tests/real/scarce", &[]);
    let file = folder.join("scenario.yaml");
    let text = format!(
        "name: test\ntarget: {}\nworkloads: {{ main: {{ vus: 200, duration: 3s }} }}\n\
         scenarios: {{ s: {{ flow: [ {flow} ] }} }}\n",
        stack.url
    );
    fs::write(&file, text).expect("written");
    let mut limited = Command::new("sh");
    limited.args([
        "-c",
        "ulimit -n 200; exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_plimsoll"),
        "run",
    ]);
    limited.arg(&file).args(["--workers", "1"]).env("NO_COLOR", "1");
    run(&mut limited, &folder.join("out"))
}

/// Goal: users who only think need no descriptor; those who come back find their idle connection closed.
#[test]
fn idle_connections_make_room_for_more_users_than_descriptors() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = crowded(
        folder.path(),
        "{ think: 0s..1s }, { get: { name: get, url: / } }, { think: 500ms }",
    );
    assert!(ran.stderr.contains("at most 72 connections can be open at once"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("idle connections to stay within its connection limit"),
        "{}",
        ran.stderr
    );
    assert!(ran.number("/whole_run/requests") >= 200.0, "{}", ran.stdout);
    assert!(ran.result()["errors"]["by_class"].as_object().is_some_and(serde_json::Map::is_empty));
}

/// Goal: where all connections are in use, requests fail as the generator's own fault, never the target's.
#[test]
fn too_few_descriptors_for_requests_at_once_is_not_valid() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = crowded(folder.path(), "{ get: { name: slow, url: /slow } }");
    assert_eq!(ran.code, 97, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.number("/errors/by_class/out_of_descriptors") > 0.0, "{}", ran.stdout);
    assert!(ran.stdout.contains("all 72 connections"), "{}", ran.stdout);
}
