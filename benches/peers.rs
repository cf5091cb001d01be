//! plimsoll beside its peers, against the same nginx, in turns: CPU per request, lateness, memory.
//!
//! `cargo bench --bench peers` installs wrk, h2load and nginx where it can (apt, as root), uses oha where
//! it is installed, pins the tool to one core and nginx to the other, and prints ratios with their spread.
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
    let wants = |part: &str| wanted.is_empty() || wanted.iter().any(|word| word == part);
    install();
    println!("machine: {}", machine());
    for (name, command) in [
        ("wrk", "wrk -v"),
        ("h2load", "h2load --version"),
        ("oha", "oha --version"),
        ("nginx", "nginx -v"),
    ] {
        println!("{name}: {}", first_line(command).unwrap_or_else(|| "not installed".into()));
    }
    let nginx = nginx::Nginx::start();
    if wants("cpu") {
        compare::plain(&nginx);
        compare::tls(&nginx);
        compare::http2(&nginx);
        compare::journey(&nginx);
    }
    if wants("pacing") {
        pacing::lag(&nginx, 2_000);
        pacing::lag(&nginx, 20_000);
    }
    if wants("memory") {
        pacing::memory(&nginx);
        pacing::parked(&nginx);
    }
    if wanted.iter().any(|word| word == "growth") {
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
