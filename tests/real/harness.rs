//! Starting things and reading what came of them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// The program under test.
pub(crate) fn plimsoll() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.env_remove("AIS_URL").env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// A path in the checkout.
pub(crate) fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A process that is ended, by its own handle, with its owner.
pub(crate) struct Guarded(pub Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks a process to end.
pub(crate) fn terminate(process: &Guarded) {
    terminate_child(&process.0);
}

/// Asks a process to end that is waited for elsewhere.
pub(crate) fn terminate_child(process: &Child) {
    let pid = process.id().to_string();
    let told = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
    assert!(told.success());
}

/// A simulated stack.
pub(crate) struct Stack {
    pub url: String,
    process: Guarded,
}

impl Stack {
    /// Ends it as a user would, so that its log is complete.
    pub(crate) fn stop(mut self) {
        terminate(&self.process);
        self.process.0.wait().expect("the simulator ends");
    }

    pub(crate) fn start(folder: &str, more: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", folder, more)
    }

    pub(crate) fn start_at(listen: &str, folder: &str, more: &[&str]) -> Self {
        Self::start_by(&mut plimsoll(), listen, folder, more)
    }

    /// Starts it by a command of the program, on another machine for instance.
    pub(crate) fn start_by(
        program: &mut Command,
        listen: &str,
        folder: &str,
        more: &[&str],
    ) -> Self {
        let mut child = program
            .arg("simulate")
            .arg(checkout(folder))
            .args(["--listen", listen, "--stop-after", "3m"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the simulator starts");
        let mut url = String::new();
        let out = child.stdout.take().expect("piped");
        BufReader::new(out).read_line(&mut url).expect("it says where it listens");
        let url = url.trim().to_owned();
        assert!(url.starts_with("http"), "the simulator said {url:?}");
        Self { url, process: Guarded(child) }
    }
}

/// What a finished run left behind.
pub(crate) struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub folder: Option<PathBuf>,
}

impl Ran {
    /// `result.json`.
    pub(crate) fn result(&self) -> Value {
        let folder = self.folder.as_ref().expect("a run");
        let text = fs::read_to_string(folder.join("result.json")).expect("a result");
        serde_json::from_str(&text).expect("JSON")
    }

    /// A whole number of `result.json`, by its JSON pointer.
    pub(crate) fn count(&self, pointer: &str) -> usize {
        self.number(pointer) as usize
    }

    /// A number of `result.json`, by its JSON pointer.
    pub(crate) fn number(&self, pointer: &str) -> f64 {
        let result = self.result();
        let found = result.pointer(pointer).and_then(Value::as_f64);
        assert!(found.is_some(), "no number at {pointer} in {result:#}");
        found.unwrap_or_default()
    }
}

/// Runs a command that writes its reports below `out`, and finds the one run in there.
pub(crate) fn run(command: &mut Command, out: &Path) -> Ran {
    let output = command.arg("--out").arg(out).output().expect("the program runs");
    ran(&output, out)
}

/// What `output` and the folder below `out` say.
pub(crate) fn ran(output: &Output, out: &Path) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        folder: only_run(out),
    }
}

/// The folder of the one run below `out`.
pub(crate) fn only_run(out: &Path) -> Option<PathBuf> {
    let system = fs::read_dir(out).ok()?.next()?.ok()?.path();
    let mut runs: Vec<PathBuf> =
        fs::read_dir(system).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    assert!(runs.len() <= 1, "more than one run: {runs:?}");
    runs.pop()
}

/// A scenario file of one step, `GET path`, at `rate` for `seconds`.
pub(crate) fn scenario(folder: &Path, more: &str, rate: &str, duration: &str) -> PathBuf {
    let file = folder.join("scenario.yaml");
    let text = format!(
        "name: test\ntarget: http://127.0.0.1:1\n{more}\nworkloads:\n  main:\n    arrivals: constant\n    \
         max_vus: 400\n    stages:\n      - {{ rate: {rate}, duration: {duration} }}\nscenarios:\n  get:\n    \
         weight: 1\n    flow:\n      - get: {{ name: get, url: / }}\nslo:\n  error_rate: {{ target: 0.1%, max: 1% }}\n  p95: {{ target: 2s, max: 5s }}\n"
    );
    fs::write(&file, text).expect("written");
    file
}

/// A port that nothing listens on now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
