//! plimsoll beside its peers, against the same nginx, in turns: CPU per request, lateness, memory.
//!
//! `cargo bench --bench peers` installs wrk, h2load and nginx where it can (apt, as root); `-- install` builds
//! oha and goose, which takes minutes, and without them their lines say so. It pins the tool to one core and nginx to the other, and prints ratios with their spread.
//! Every run is bounded; load goes to 127.0.0.1 only.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "peers/compare.rs"]
mod compare;
#[path = "peers/nginx.rs"]
mod nginx;
#[path = "peers/pacing.rs"]
mod pacing;
#[path = "peers/tool.rs"]
mod tool;

use std::process::Command;

fn main() {
    // `cargo bench` passes `--bench`; words choose parts.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let says = |part: &str| wanted.iter().any(|word| word == part);
    let wants = |part: &str| wanted.is_empty() || says(part);
    install();
    if says("install") {
        build_peers();
        return;
    }
    println!("machine: {}", machine());
    for (name, command) in [
        ("wrk", "wrk -v"),
        ("h2load", "h2load --version"),
        ("oha", &in_own_tools("oha --version")),
        ("goose", &in_own_tools("goose-peer --version")),
        ("nginx", "nginx -v"),
    ] {
        println!("{name}: {}", first_line(command).unwrap_or_else(|| "not installed".into()));
    }
    let nginx = nginx::Nginx::start();
    for (part, compare) in [
        ("plain", compare::plain as fn(&nginx::Nginx)),
        ("tls", compare::tls),
        ("http2", compare::http2),
        ("journey", compare::journey),
    ] {
        if wants("cpu") || says(part) {
            compare(&nginx);
        }
    }
    if wants("pacing") {
        pacing::lag(&nginx, 2_000);
        pacing::lag(&nginx, 20_000);
    }
    if wants("memory") {
        pacing::memory(&nginx);
        pacing::parked(&nginx);
    }
    if says("growth") {
        pacing::growth(&nginx);
    }
}

/// Installs what is missing from Debian's packages, where that can be done without asking.
fn install() {
    let missing: Vec<&str> =
        [("wrk", "wrk"), ("h2load", "nghttp2-client"), ("nginx", "nginx-light")]
            .into_iter()
            .filter(|(program, _)| tool::find(program).is_none())
            .map(|(_, package)| package)
            .collect();
    if missing.is_empty() {
        return;
    }
    let script = format!(
        "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
         --no-install-recommends {}",
        missing.join(" ")
    );
    let installed = Command::new("sh").args(["-c", &script]).status();
    if !installed.is_ok_and(|status| status.success()) {
        println!("could not install {}: what needs it is left out", missing.join(", "));
    }
}

/// Builds the optional peers from crates, below `target/peers`.
fn build_peers() {
    let root = tool::own_tools();
    let goose = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/goose");
    // The one with a bar first: oha brings a database along, whose compilation takes longest.
    for (name, source) in [("goose", ["--path", goose]), ("oha", ["--locked", "oha"])] {
        let built = Command::new("cargo")
            .args(["install", "--root"])
            .arg(&root)
            .arg("--target-dir")
            .arg(root.join("build"))
            .args(source)
            .status();
        if !built.is_ok_and(|status| status.success()) {
            println!("could not build {name}: its lines are left out");
        }
    }
}

/// A command that finds the peers built here as well.
fn in_own_tools(command: &str) -> String {
    format!("PATH=\"$PATH:{}\" {command}", tool::own_tools().join("bin").display())
}

fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kernel = first_line("uname -sr").unwrap_or_default();
    format!("{}, {cores} cores, {kernel}", model.trim_start_matches(['\t', ':', ' ']))
}

fn first_line(command: &str) -> Option<String> {
    let output = Command::new("sh").args(["-c", &format!("{command} 2>&1")]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().next()?.trim().to_owned();
    (!line.contains("not found")).then_some(line)
}
