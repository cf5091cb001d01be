//! What users put into their CI, played: the steps of `action.yml` and the script of the GitLab template, in a shell, as
//! a runner would.

use std::collections::BTreeMap;
use std::fs;
use std::io::BufRead as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use plimsoll::scenario::yaml::{Node, NodeValue, parse};
use plimsoll::scenario::{Problems, SourceId};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn yaml(path: &str) -> Node {
    let text = fs::read_to_string(root().join(path)).expect("a file");
    let mut problems = Problems::default();
    let tree = parse(&text, SourceId(0), &mut problems);
    assert!(problems.is_empty(), "{path}: {:?}", problems.into_sorted());
    tree.expect("a tree")
}

fn text(node: &Node) -> Option<String> {
    match &node.value {
        NodeValue::Scalar(scalar) => Some(scalar.text.clone()),
        NodeValue::Sequence(_) | NodeValue::Mapping(_) => None,
    }
}

fn field(node: &Node, name: &str) -> Option<String> {
    node.get(name).and_then(text)
}

fn items(node: Option<&Node>) -> &[Node] {
    match node.map(|node| &node.value) {
        Some(NodeValue::Sequence(items)) => items,
        _ => &[],
    }
}

fn entries(node: Option<&Node>) -> Vec<(String, String)> {
    match node.map(|node| &node.value) {
        Some(NodeValue::Mapping(entries)) => entries
            .iter()
            .map(|(key, value)| (key.text.clone(), text(value).unwrap_or_default()))
            .collect(),
        _ => vec![],
    }
}

/// A shop that answers in 50 ms, so that no lateness of a busy generator decides what is asked of it.
const SHOP: &str = "name: shop\ntiers: { api: { kind: api, replicas: 1, cores: 8 } }\n\
    routes: [{ get: /, visits: [{ api: 50ms }], answer: { json: { ok: true } } }]\n";

/// A simulated shop, a checkout with a scenario for it, and a runner's files.
struct Runner {
    folder: tempfile::TempDir,
    stack: Child,
    url: String,
}

impl Runner {
    /// `max_p95` is what the scenario asks for.
    fn new(max_p95: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let scenario = format!(
            "name: shop\ntarget: http://127.0.0.1:1\nworkloads:\n  main: {{ stages: [{{ rate: 40 req/s, duration: 3s }}] }}\n\
             scenarios: {{ visit: {{ flow: [{{ get: {{ name: home, url: / }} }}] }} }}\n\
             slo: {{ p95: {{ max: {max_p95} }} }}\n"
        );
        for name in ["bin", "stack"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        fs::write(folder.path().join("stack/simulation.yaml"), SHOP).expect("written");
        fs::write(folder.path().join("shop.yaml"), scenario).expect("written");
        let program = env!("CARGO_BIN_EXE_plimsoll");
        symlink(program, folder.path().join("bin/plimsoll")).expect("a link");
        // Stands for GitHub's own program: it keeps what it was asked.
        let gh = "#!/bin/sh\nprintf '%s ' \"$@\" > gh.asked\n";
        fs::write(folder.path().join("bin/gh"), gh).expect("written");
        let made = Command::new("chmod").arg("+x").arg(folder.path().join("bin/gh")).status();
        assert!(made.expect("chmod").success());
        let mut stack = Command::new(program)
            .arg("simulate")
            .arg(folder.path().join("stack"))
            .args(["--listen", "127.0.0.1:0", "--stop-after", "3m"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        let mut url = String::new();
        let out = stack.stdout.take().expect("its output");
        std::io::BufReader::new(out).read_line(&mut url).expect("an address");
        Self { folder, stack, url: url.trim().to_owned() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Runs a script as a runner does: it ends with the first command that fails.
    fn shell(&self, script: &str, environment: &[(String, String)]) -> (i32, String) {
        let added = self.read("path");
        let before = added.lines().map(str::to_owned);
        let all =
            before.chain([self.path("bin").display().to_string(), "/usr/bin:/bin".to_owned()]);
        let output = Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", all.collect::<Vec<_>>().join(":"))
            .env("HOME", self.folder.path())
            .env("RUNNER_TEMP", self.path("temp"))
            .env("GITHUB_PATH", self.path("path"))
            .env("GITHUB_OUTPUT", self.path("output"))
            .env("GITHUB_STEP_SUMMARY", self.path("summary"))
            .envs(environment.iter().cloned())
            .output()
            .expect("bash");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.stack.kill();
        let _ = self.stack.wait();
    }
}

/// What the action's expressions stand for.
#[expect(
    clippy::panic,
    reason = "an expression that no runner here knows is a mistake of the test"
)]
fn worked_out(value: &str, inputs: &BTreeMap<String, String>, runner: &Runner) -> String {
    let Some(inside) = value.strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}")) else {
        assert!(!value.contains("${{"), "{value}");
        return value.to_owned();
    };
    match inside.trim() {
        "github.action_path" => root().display().to_string(),
        "github.token" => "token".to_owned(),
        "github.event.pull_request.number" => "7".to_owned(),
        "steps.gate.outputs.code" => {
            let output = runner.read("output");
            let code = output.lines().find_map(|line| line.strip_prefix("code="));
            code.unwrap_or_default().to_owned()
        }
        other => match other.strip_prefix("inputs.").and_then(|name| inputs.get(name)) {
            Some(value) => value.clone(),
            None => panic!("`{other}` is not known"),
        },
    }
}

/// Plays the steps of `action.yml`; the code with which the last one ended, and what all printed.
fn play_action(runner: &Runner) -> (i32, String) {
    let action = yaml("action.yml");
    let mut inputs: BTreeMap<String, String> = match action.get("inputs").map(|node| &node.value) {
        Some(NodeValue::Mapping(inputs)) => inputs
            .iter()
            .map(|(name, input)| (name.text.clone(), field(input, "default").unwrap_or_default()))
            .collect(),
        _ => BTreeMap::new(),
    };
    for (name, value) in [
        ("scenario", "shop.yaml"),
        ("target", &runner.url),
        ("runs", "2"),
        ("program", "plimsoll"),
        ("arguments", "--rate \"50 req/s\" --think 10%"),
    ] {
        assert!(inputs.insert(name.to_owned(), value.to_owned()).is_some(), "no input `{name}`");
    }
    let (mut last, mut printed) = (0, String::new());
    for step in items(action.get("runs").and_then(|runs| runs.get("steps"))) {
        let Some(script) = field(step, "run") else {
            let uses = field(step, "uses").expect("a step runs or uses something");
            assert!(uses.starts_with("actions/upload-artifact@"), "{uses}");
            continue;
        };
        assert_eq!(field(step, "shell").as_deref(), Some("bash"));
        // Inputs reach a script by its environment alone: in its text they would be code.
        assert!(!script.contains("${{"), "{script}");
        let environment: Vec<(String, String)> = entries(step.get("env"))
            .into_iter()
            .map(|(name, value)| (name, worked_out(&value, &inputs, runner)))
            .collect();
        let (code, text) = runner.shell(&script, &environment);
        printed.push_str(&text);
        last = code;
        if code != 0 {
            break;
        }
    }
    (last, printed)
}

#[test]
fn action_passes_a_deployment_that_meets_its_table() {
    let runner = Runner::new("30s");
    let (code, printed) = play_action(&runner);
    assert_eq!(code, 0, "{printed}");
    assert!(runner.read("output").contains("outcome=pass"), "{}", runner.read("output"));
    assert!(runner.read("summary").contains("shop"), "{printed}");
    let asked = runner.read("gh.asked");
    assert!(
        asked.starts_with("pr comment 7 ") && asked.contains("plimsoll-gate/gate.md"),
        "{asked}"
    );
    assert!(runner.path("plimsoll-gate/gate-junit.xml").exists(), "{printed}");
}

#[test]
fn action_fails_one_that_does_not_and_still_says_so() {
    let runner = Runner::new("10ms");
    let (code, printed) = play_action(&runner);
    assert_eq!(code, 99, "{printed}");
    assert!(runner.read("output").contains("code=99"), "{}", runner.read("output"));
    assert!(!runner.read("gh.asked").is_empty(), "no comment\n{printed}");
}

#[test]
fn gitlab_template_plays_against_its_own_baseline() {
    let runner = Runner::new("30s");
    let job = yaml("docs/ci/gitlab-ci.yml");
    let job = job.get("load").expect("the job");
    let mut variables = entries(job.get("variables"));
    for (name, value) in &mut variables {
        match name.as_str() {
            "SCENARIO" => "shop.yaml".clone_into(value),
            "BASELINE" => "baseline.json".clone_into(value),
            "TARGET" => runner.url.clone_into(value),
            _ => {}
        }
    }
    let script: Vec<String> = [job.get("before_script"), job.get("script")]
        .into_iter()
        .flat_map(|part| items(part).iter().filter_map(text))
        .collect();
    let released = "plimsoll run \"$SCENARIO\" --target \"$TARGET\" --repeat 5 --out released --quiet || test $? -ge 97\n\
                    plimsoll runs promote released/shop --to \"$BASELINE\"\n";
    let (code, printed) = runner.shell(released, &variables);
    assert_eq!(code, 0, "{printed}");
    let (code, printed) = runner.shell(&script.join("\n"), &variables);
    // The same stack: it has not got worse, unless this machine is too busy to tell.
    assert!(code == 0 || code == 97, "{code}\n{printed}");
    assert!(runner.path("gate/gate-junit.xml").exists(), "{printed}");
}
