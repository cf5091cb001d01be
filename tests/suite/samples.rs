//! The sample reports in `reports/samples/` are what the program makes of their logs today.
//!
//! Where reports change on purpose, `UPDATE_GOLDENS=1 cargo test --test suite samples` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const SYSTEMS: [&str; 5] = ["ais", "alawael", "running", "travelsense", "triple"];
const REPORTS: [&str; 4] = ["report.html", "report.md", "result.json", "junit.xml"];
const SIGN_OFF: [&str; 2] = ["sign-off.html", "sign-off.md"];

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/samples")
}

/// What `plimsoll report` makes of a copy of the log of `system`, by file name.
fn made(system: &str, options: &[&str], files: &[&str]) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().expect("a folder");
    fs::copy(samples().join(system).join("run.jsonl"), folder.path().join("run.jsonl"))
        .expect("a log");
    let told = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .arg("report")
        .arg(folder.path())
        .args(options)
        .output()
        .expect("it runs");
    assert_eq!(told.status.code(), Some(0), "{}", String::from_utf8_lossy(&told.stderr));
    let read = |name: &&str| {
        let text = fs::read_to_string(folder.path().join(name)).expect("a report");
        ((*name).to_owned(), text)
    };
    files.iter().map(read).collect()
}

/// The files of `system` that differ from what was made; where updates are asked for, writes them.
#[expect(clippy::disallowed_methods, reason = "the environment says whether to write the reports")]
fn drifted(system: &str, made: &[(String, String)]) -> Vec<String> {
    let update = std::env::var("UPDATE_GOLDENS").is_ok();
    let mut drifted = vec![];
    for (name, text) in made {
        let path = samples().join(system).join(name);
        if update {
            fs::write(&path, text).expect("writable");
        }
        if fs::read_to_string(&path).ok().as_ref() != Some(text) {
            drifted.push(format!("{system}/{name}"));
        }
    }
    drifted
}

#[test]
fn sample_reports_are_what_their_logs_say() {
    let drifted: Vec<String> =
        SYSTEMS.iter().flat_map(|system| drifted(system, &made(system, &[], &REPORTS))).collect();
    assert!(drifted.is_empty(), "no longer what their logs say: {drifted:?}");
}

#[test]
fn sample_sign_off_is_what_its_log_says() {
    let document = made("ais", &["--sign-off", "--fact", "postgres=15.4"], &SIGN_OFF);
    let text = &document[1].1;
    for said in ["forecast peak**: 1,500 req/s", "SLO-max**: not tested", "tier api | 3 × 2 cores"]
    {
        assert!(text.contains(said), "{said} is not said:\n{text}");
    }
    assert_eq!(drifted("ais", &document), Vec::<String>::new());
}

#[test]
fn sign_off_reads_the_capacity_result_that_it_is_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("capacity.json");
    let result = serde_json::json!({ "capacity": {
        "slo_max_per_s": 1_800.0, "interval": [1_750.0, 1_850.0], "confirmed": true,
        "bottleneck": { "tier": "api", "resource": "cpu", "rate": 1_900.0 },
        "recommendation": { "kind": "NEITHER", "tiers": [], "monthly_cost": 310.0, "reason": "It carries the peak." },
    }});
    fs::write(&file, result.to_string()).expect("written");
    let capacity = file.display().to_string();
    let document = made("ais", &["--sign-off", "--capacity", &capacity], &SIGN_OFF);
    let text = &document[1].1;
    for said in ["+20 % between the forecast peak", "api CPU at 1,900 req/s", "NEITHER"] {
        assert!(text.contains(said), "{said} is not said:\n{text}");
    }
    assert!(!text.contains("Nothing shows that the forecast peak"), "{text}");
}

#[test]
fn samples_stay_small() {
    for system in SYSTEMS {
        for entry in fs::read_dir(samples().join(system)).expect("a folder") {
            let entry = entry.expect("an entry");
            let size = entry.metadata().expect("a size").len();
            assert!(size < 500_000, "{}: {size} bytes", entry.path().display());
        }
    }
}
