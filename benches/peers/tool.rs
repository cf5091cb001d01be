//! Running a tool on its core, and what it cost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What one run of a tool came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) requests: f64,
    /// CPU seconds, user and system, of the whole process from start to exit.
    pub(crate) cpu_s: f64,
}

impl Cost {
    pub(crate) fn per_request_us(self) -> f64 {
        self.cpu_s * 1e6 / self.requests
    }
}

/// The core that tools run on; nginx has the other.
pub(crate) const TOOL_CORE: &str = "0";
pub(crate) const SERVER_CORE: &str = "1";

/// Where a program is, if it is installed.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), own_tools().join("bin")])
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// Where peers go that cargo builds for this comparison.
pub(crate) fn own_tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers")
}

/// Runs a shell command on the tools' core; returns its output and its CPU time.
pub(crate) fn measured(command: &str) -> (String, f64) {
    let script = format!("TIMEFORMAT='cpu %U %S'; time taskset -c {TOOL_CORE} {command}");
    let output = Command::new("bash")
        .args(["-c", &script])
        .stdin(Stdio::null())
        .output()
        .expect("bash runs");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let times = text.lines().rev().find_map(|line| line.strip_prefix("cpu "));
    let cpu = times.unwrap_or_default().split(' ').filter_map(|t| t.parse::<f64>().ok()).sum();
    (text, cpu)
}

/// A peer's count of requests.
pub(crate) fn requests_in(text: &str) -> Option<f64> {
    text.lines().find_map(|line| {
        let line = line.trim();
        // wrk and goose: `123 requests in 5.00s`; h2load: `requests: 123 total, …`; oha: `[200] 123 responses`.
        let number = line
            .split_once(" requests in ")
            .map(|(n, _)| n)
            .or_else(|| line.strip_prefix("requests: ").and_then(|rest| rest.split(' ').next()))
            .or_else(|| line.strip_prefix("[200] ").and_then(|rest| rest.split(' ').next()));
        number?.parse().ok()
    })
}

/// A run of plimsoll.
pub(crate) struct Run {
    pub(crate) result: Value,
    pub(crate) log: String,
    pub(crate) cpu_s: f64,
    _folder: tempfile::TempDir,
}

/// Runs plimsoll on a scenario text.
pub(crate) fn plimsoll(scenario: &str, more: &str) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("scenario.yaml");
    fs::write(&file, scenario).expect("written");
    let out = folder.path().join("out");
    let program = env!("CARGO_BIN_EXE_plimsoll");
    let command = format!(
        "{program} run {} --workers 1 --quiet --out {} {more}",
        file.display(),
        out.display()
    );
    let (_, cpu_s) = measured(&command);
    let run = newest(&out.join("bench")).expect("plimsoll runs");
    let result = fs::read_to_string(run.join("result.json")).expect("a result");
    let log = fs::read_to_string(run.join("run.jsonl")).expect("a log");
    let result = serde_json::from_str(&result).expect("JSON");
    Run { result, log, cpu_s, _folder: folder }
}

fn newest(folder: &Path) -> Option<PathBuf> {
    fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).max()
}

impl Run {
    pub(crate) fn number(&self, pointer: &str) -> f64 {
        self.result.pointer(pointer).and_then(Value::as_f64).unwrap_or(f64::NAN)
    }

    pub(crate) fn cost(&self) -> Cost {
        Cost { requests: self.number("/whole_run/requests"), cpu_s: self.cpu_s }
    }

    /// The generator's figures of every whole second: (worker CPU as a share of a core, resident bytes).
    pub(crate) fn seconds(&self) -> Vec<(f64, f64)> {
        self.log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter_map(|line| {
                let generator = line.get("interval")?.get("generator")?.clone();
                Some((generator.get("worker_cpu")?.as_f64()?, generator.get("memory")?.as_f64()?))
            })
            .filter(|(cpu, _)| *cpu > 0.0)
            .collect()
    }
}
