//! The stack's own metrics in a run: judged where they are told, "no data" where not, and no secrets.

use std::fs;

use serde_json::Value;

use super::harness::{Ran, Stack, checkout, free_port, plimsoll, run};

const PASSWORD: &str = "hush-hush-9431";

fn observed(more: &[&str]) -> (Ran, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = Stack::start("tests/data/observed", &[]);
    let port = free_port().to_string();
    let ran = run(
        plimsoll()
            .arg("run")
            .arg(checkout("tests/data/observed"))
            .args(["--target", &stack.url])
            .args(more)
            .env("OBSERVED_METRICS", format!("{}/__sim/metrics", stack.url))
            .env("OBSERVED_DB", format!("postgres://monitor:{PASSWORD}@127.0.0.1:{port}/x"))
            .env("OBSERVED_PASSWORD", PASSWORD)
            .env("OBSERVED_PORT", &port),
        &folder.path().join("reports"),
    );
    (ran, folder)
}

fn row<'a>(result: &'a Value, name: &str) -> &'a Value {
    let rows = result["objectives"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["name"] == name);
    assert!(row.is_some(), "no {name} in {rows:#?}");
    row.unwrap_or(result)
}

/// Goal: prove that what the stack tells of itself is judged on the run's clock, and that nothing is made up.
/// Method: 100/s × 4 ms over two replicas of a core: 0.2 cores each, whatever the machine does meanwhile.
#[test]
fn stack_is_judged_where_it_tells_and_has_no_data_where_it_does_not() {
    let (ran, _folder) = observed(&[]);
    let result = ran.result();
    let cpu = row(&result, "api.cpu");
    assert_eq!(cpu["status"], "pass", "{cpu:#}");
    let share = cpu["estimate"].as_f64().expect("a number");
    assert!((0.18..0.22).contains(&share), "{cpu:#}");
    for (name, note) in [
        ("db.connections", "n/a: no data; db, PostgreSQL: cannot reach it"),
        ("cache.memory", "n/a: no data; cache, Redis: cannot reach it: connection refused"),
        ("edge.disk", "n/a: nothing observes edge.disk"),
    ] {
        let row = row(&result, name);
        assert_eq!(
            (&row["status"], &row["estimate"]),
            (&"not_measured".into(), &Value::Null),
            "{name}"
        );
        assert!(row["note"].as_str().is_some_and(|text| text.starts_with(note)), "{row:#}");
    }
    assert!(ran.stderr.contains("not observed: cache, Redis"), "{}", ran.stderr);
}

#[test]
fn credentials_of_sources_reach_no_output() {
    let (ran, _folder) = observed(&["--duration", "2s"]);
    let folder = ran.folder.as_ref().expect("a run");
    let mut looked_at = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let text = String::from_utf8_lossy(&fs::read(&path).expect("a file")).into_owned();
        assert!(!text.contains(PASSWORD), "{}", path.display());
        looked_at += 1;
    }
    assert!(looked_at >= 5, "{looked_at} files");
    assert!(!ran.stdout.contains(PASSWORD) && !ran.stderr.contains(PASSWORD), "{}", ran.stderr);
}
