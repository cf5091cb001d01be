//! What the launcher shows: scenario folders, demos and past runs.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::plan::{Load, Overrides, Plan, compile};
use crate::report::is_enough;
use crate::scenario::{Colour, Loaded, load_from, render};
use crate::slo::Verdict;
use crate::tui::{LaunchChoice, LaunchOrigin, PastRun, WorkloadInfo};
use crate::units::Rate;

use super::super::check::describe;
use super::super::{embedded, files, wall};

/// How deep below the working directory scenarios are looked for.
const DEPTH: usize = 4;
/// Folders that are never looked into: what stands below them belongs to programs and their tests.
const SKIPPED: [&str; 6] = ["target", "node_modules", "reports", "tests", "src", "benches"];
/// More than anyone chooses from.
const MOST_PLACES: usize = 100;
/// More than anyone reads.
const MOST_RUNS: usize = 300;

/// All scenarios below `root`, then the demos.
pub(super) fn find(root: &Path) -> Vec<LaunchChoice> {
    let mut folders = Vec::new();
    walk(root, DEPTH, &mut folders);
    folders.sort();
    folders.truncate(MOST_PLACES);
    let on_disk = folders.into_iter().map(|folder| {
        let label = folder.strip_prefix(".").unwrap_or(&folder).display().to_string();
        let label = if label.is_empty() { ".".to_owned() } else { label };
        let file = Some(folder.join("scenario.yaml"));
        place(LaunchOrigin::Folder(folder.clone()), label, &folder, file)
    });
    let demos = embedded::systems().map(|system| {
        let origin = LaunchOrigin::Demo(system.to_owned());
        let mut demo = place(origin, format!("demo {system}"), &embedded::folder(system), None);
        "a simulated stack, started with the run".clone_into(&mut demo.target);
        // The demo's own workload stands first: the others are meant for real stacks.
        demo.workloads.sort_by_key(|workload| workload.name != "demo");
        demo
    });
    on_disk.chain(demos).collect()
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    if folder.join("scenario.yaml").is_file() {
        found.push(folder.to_owned());
    }
    if depth == 0 {
        return;
    }
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && !name.starts_with('.') && !SKIPPED.contains(&name.as_ref()) {
            walk(&entry.path(), depth - 1, found);
        }
    }
}

fn place(
    origin: LaunchOrigin,
    label: String,
    folder: &Path,
    file: Option<PathBuf>,
) -> LaunchChoice {
    let loaded = load_from(folder, &[], files::access(), &files::variable);
    let names: Vec<String> = loaded.scenario.as_ref().map_or_else(Vec::new, |scenario| {
        scenario.workloads.iter().map(|workload| workload.name.value.clone()).collect()
    });
    let mut place = LaunchChoice {
        origin,
        label,
        name: String::new(),
        target: String::new(),
        about: String::new(),
        workloads: Vec::new(),
        problems: String::new(),
        file,
    };
    match plan(&loaded, None) {
        Ok(plan) => {
            place.name.clone_from(&plan.name);
            place.target = plan.target.url();
            place.about = describe(&plan);
            place.workloads = names.iter().map(|name| workload(&loaded, name)).collect();
        }
        Err(problems) => place.problems = problems,
    }
    place
}

fn plan(loaded: &Loaded, workload: Option<&str>) -> Result<Plan, String> {
    let overrides = Overrides { workload: workload.map(str::to_owned), ..Overrides::default() };
    compile(loaded, &overrides, wall::today())
        .map_err(|problems| render(&problems, &loaded.sources, Colour::None))
}

fn workload(loaded: &Loaded, name: &str) -> WorkloadInfo {
    let stages = plan(loaded, Some(name)).map_or_else(|_| Vec::new(), |plan| stages(&plan));
    WorkloadInfo { name: name.to_owned(), stages }
}

/// The stages in words, in requests a second.
fn stages(plan: &Plan) -> Vec<String> {
    let requests = plan.requests_per_iteration();
    let rate = |rate: Rate| Rate::per_second((rate.get() * requests * 10.0).round() / 10.0);
    match &plan.load {
        Load::Open(open) => open
            .stages
            .iter()
            .map(|stage| {
                let duration = stage.duration;
                if stage.from == stage.to {
                    format!("{} req/s for {duration}", rate(stage.to))
                } else {
                    format!("{} → {} req/s over {duration}", rate(stage.from), rate(stage.to))
                }
            })
            .collect(),
        Load::Closed(closed) => vec![match &closed.iterations {
            Some(shared) => format!("{} users, {} iterations", closed.vus, shared.of),
            None => format!("{} users for {}", closed.vus, closed.duration),
        }],
    }
}

/// Past runs below `out`, newest first.
pub(super) fn history(out: &Path) -> Vec<PastRun> {
    let folders = |path: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    };
    let mut found: Vec<PathBuf> = folders(out).iter().flat_map(|system| folders(system)).collect();
    // Most folders are named after the time; those of another name are looked into as well.
    found.sort_by(|a, b| b.file_name().cmp(&a.file_name()));
    let mut runs: Vec<PastRun> = found.into_iter().take(MOST_RUNS).filter_map(past_run).collect();
    runs.sort_by(|a, b| b.started_utc.cmp(&a.started_utc));
    runs
}

/// A run as its `result.json` has it; none where there is no such file, or of another schema.
pub(super) fn past_run(folder: PathBuf) -> Option<PastRun> {
    let bytes = fs::read(folder.join("result.json")).ok()?;
    let result: Value = serde_json::from_slice(&bytes).ok()?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let succeeded = result["judged"]["requests"].as_f64().unwrap_or_default()
        * (1.0 - result["errors"]["rate"].as_f64().unwrap_or_default());
    let time = |name: &str, q: f64| {
        let time = result["response_time_ms"][name].as_f64();
        time.filter(|_| is_enough(succeeded.round() as u64, q))
    };
    Some(PastRun {
        name: text(&result["name"])?,
        workload: text(&result["conditions"]["workload"])?,
        started_utc: text(&result["started_utc"])?,
        verdict: serde_json::from_value::<Verdict>(result["verdict"].clone()).ok()?,
        rate: result["load"]["achieved_rate_per_s"].as_f64().unwrap_or_default(),
        target: text(&result["conditions"]["target"]).unwrap_or_default(),
        p50_ms: time("p50", 0.5),
        p95_ms: time("p95", 0.95),
        p99_ms: time("p99", 0.99),
        error_rate: result["errors"]["rate"].as_f64().unwrap_or_default(),
        is_own: is_own(&folder, result["name"].as_str().unwrap_or_default()),
        folder,
    })
}

/// Whether a folder lies where a run of this system is written, `<out>/<name>/<time>`: a sample or a copy elsewhere does
/// not tell how the last run went.
fn is_own(folder: &Path, name: &str) -> bool {
    let parent = folder.parent().and_then(Path::file_name);
    parent.is_some_and(|parent| parent.to_string_lossy() == files::safe_name(name))
}

/// Removes colours from a message meant for a plain terminal.
pub(super) fn without_colours(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\x1b[") {
        out.push_str(&rest[..at]);
        rest = &rest[at + 2..];
        rest = rest.find(|c: char| c.is_ascii_alphabetic()).map_or("", |end| &rest[end + 1..]);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_removed_and_nothing_else() {
        assert_eq!(without_colours("\x1b[1;31merror\x1b[0m: [x] é"), "error: [x] é");
    }

    #[test]
    fn counts_of_one_have_no_plural() {}

    #[test]
    fn last_run_of_a_system_is_the_newest_of_its_own_folder() {
        let out = tempfile::tempdir().expect("a folder");
        let runs = [
            ("ais/2026-05-01T09-00-00Z", "2026-05-01T09:00:00Z", "fail"),
            ("ais/again", "2026-05-03T09:00:00Z", "pass"),
            ("samples/ais", "2026-05-02T09:00:00Z", "not_valid"),
        ];
        for (folder, started, verdict) in runs {
            let folder = out.path().join(folder);
            fs::create_dir_all(&folder).expect("made");
            let result = serde_json::json!({
                "name": "ais", "started_utc": started, "verdict": verdict,
                "conditions": { "workload": "load" },
            });
            fs::write(folder.join("result.json"), result.to_string()).expect("written");
        }
        let found = history(out.path());
        let of = |run: &PastRun| (run.started_utc[8..10].to_owned(), run.is_own);
        let seen: Vec<(String, bool)> = found.iter().map(of).collect();
        assert_eq!(seen, [("03".into(), true), ("02".into(), false), ("01".into(), true)]);
    }

    #[test]
    fn every_demo_is_a_place_without_problems() {
        let root = tempfile::tempdir().expect("a folder");
        let places = find(root.path());
        assert!(!places.is_empty());
        for place in places {
            assert_eq!(place.problems, "", "{}", place.label);
            assert_eq!(place.workloads.first().map(|first| first.name.as_str()), Some("demo"));
        }
    }
}
