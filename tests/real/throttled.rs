//! A limiter of a real edge, told apart from the capacity of what is behind it.

use std::fs;
use std::path::Path;

use super::harness::{Ran, plimsoll, run, scenario};
use super::nginx::Nginx;

/// AIS and Triple let an address send 10 requests a second, and 20 more at once.
const ZONE: &str = "limit_req_zone $binary_remote_addr zone=each:1m rate=10r/s;";

/// 100 requests a second against an nginx that limits each address, with more under `http:`.
fn ran(zone: &str, location: &str, http: &str) -> Ran {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("index.html"), "ok").expect("written");
    // `return` would answer before the limit is looked at; a file does not.
    let location = format!("root {}; {location}", folder.path().display());
    let nginx = Nginx::with(folder.path(), zone, &location);
    let target = format!("http://127.0.0.1:{}", nginx.port);
    run_against(folder.path(), &target, http)
}

fn run_against(folder: &Path, target: &str, http: &str) -> Ran {
    let file = scenario(folder, http, "100 req/s", "12s");
    let out = folder.join("reports");
    let mut ran = run(plimsoll().arg("run").arg(&file).args(["--target", target]), &out);
    // The folder is gone when this returns.
    ran.stdout.push_str(&ran.result().pointer("/validity").expect("a validity").to_string());
    ran.folder = None;
    println!("{}", ran.stdout.lines().nth(2).unwrap_or_default());
    ran
}

/// Goal: prove that the limit is named as it stands in nginx's configuration.
#[test]
fn load_from_one_address_is_told_the_limit_of_nginx() {
    let ran = ran(ZONE, "limit_req zone=each burst=20 nodelay;", "");
    assert_eq!(ran.code, 97, "{}", ran.stdout);
    let named = "RATE-LIMITED: 10.0 req/s per address, burst 20;";
    assert!(ran.stdout.contains(named), "{}", ran.stdout);
    assert!(ran.stdout.contains("\"rate_limited\":true"), "{}", ran.stdout);
    // nginx's own page with status 503, not an error of the stack.
    assert!(!ran.stdout.contains("http_5xx"), "{}", ran.stdout);
}

#[test]
fn the_same_load_from_64_addresses_meets_no_limit() {
    let http = "http: { source_ips: 127.0.5.1-127.0.5.64 }";
    let ran = ran(ZONE, "limit_req zone=each burst=20 nodelay;", http);
    assert!(ran.stdout.contains("0 answers were throttled"), "{}", ran.stdout);
    assert!(ran.stdout.contains("\"rate_limited\":false"), "{}", ran.stdout);
}

#[test]
fn limit_told_by_429_is_named_over_four_addresses() {
    let http = "http: { source_ips: 127.0.5.1-127.0.5.4 }";
    let location = "limit_req zone=each burst=20 nodelay; limit_req_status 429;";
    let ran = ran(ZONE, location, http);
    assert_eq!(ran.code, 97, "{}", ran.stdout);
    let named = "RATE-LIMITED: 10.0 req/s per address, burst 20 (40.0 req/s from 4 addresses)";
    assert!(ran.stdout.contains(named), "{}", ran.stdout);
}

/// An edge that trusts the generator sees each user's own address.
#[test]
fn users_forwarded_for_addresses_of_their_own_meet_no_limit() {
    let zone = format!("set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For; {ZONE}");
    let location = "limit_req zone=each burst=20 nodelay;";
    let forwarded = ran(&zone, location, "http: { forwarded_for: 10.7.0.1-10.7.0.64 }");
    assert!(forwarded.stdout.contains("0 answers were throttled"), "{}", forwarded.stdout);
    let alone = ran(&zone, location, "http: { forwarded_for: 10.7.0.1 }");
    assert!(alone.stdout.contains("10.0 req/s per address, burst 20"), "{}", alone.stdout);
}
