//! What the generator counts against what a real server counts.

use std::fs;

use super::harness::{plimsoll, run, scenario};
use super::nginx::Nginx;

#[test]
fn nginx_counts_as_many_requests_as_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(folder.path());
    let file = scenario(folder.path(), "", "400 req/s", "5s");
    let target = format!("http://127.0.0.1:{}", nginx.port);
    let out = folder.path().join("reports");
    let ran = run(plimsoll().arg("run").arg(&file).args(["--target", &target]), &out);
    assert_eq!(ran.count("/whole_run/requests"), nginx.requests(), "{}", ran.stdout);
    assert!(ran.number("/errors/rate") <= 0.0, "{}", ran.stdout);
}

#[test]
fn nginx_over_tls_and_http2_counts_as_many_requests_as_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(folder.path());
    let http = format!("http: {{ version: 2, tls: {{ ca: {} }} }}", nginx.ca.display());
    let file = scenario(folder.path(), &http, "300 req/s", "5s");
    let target = format!("https://localhost:{}", nginx.tls_port);
    let out = folder.path().join("reports");
    let ran = run(plimsoll().arg("run").arg(&file).args(["--target", &target]), &out);
    let requests = ran.count("/whole_run/requests");
    assert!(ran.number("/errors/rate") <= 0.0, "{}", ran.stdout);
    let log = nginx.log.clone();
    assert_eq!(requests, nginx.requests(), "{}", ran.stdout);
    let text = fs::read_to_string(log).expect("a log");
    assert!(text.lines().all(|line| line.contains("HTTP/2.0")), "not all over HTTP/2");
}

#[test]
fn wrong_authority_is_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(folder.path());
    let file = scenario(folder.path(), "", "10 req/s", "1s");
    let target = format!("https://localhost:{}", nginx.tls_port);
    let out = folder.path().join("reports");
    let ran = run(plimsoll().arg("run").arg(&file).args(["--target", &target]), &out);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("TLS handshake failed"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: for a certificate of your own"), "{}", ran.stderr);
    assert_eq!(nginx.requests(), 0);
}
