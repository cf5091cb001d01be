//! The manifests of `deploy kubernetes`, played: what a kubelet does with them, on machines of their own.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use serde_json::Value;

use super::fleet::nats_server;
use super::harness::{Guarded, Ran, checkout, only_run, terminate};
use super::manifests::documents;
use super::namespaces::{Machine, Network};

const DATA: &str = "tests/data/blue_green";
/// A pod that was ended by SIGKILL, as a shell and a cluster count it.
const KILLED: i32 = 137;

/// A stack on a machine of its own, which logs every request.
struct Target {
    machine: Machine,
    log: PathBuf,
    process: Guarded,
}

impl Target {
    fn start(network: &Network, folder: &Path) -> Self {
        let machine = network.machine();
        let log = folder.join("seen.log");
        let mut child = machine
            .command(env!("CARGO_BIN_EXE_plimsoll").as_ref())
            .arg("simulate")
            .arg(checkout(DATA))
            .args(["--listen", &format!("{}:8080", machine.address), "--stop-after", "3m", "--log"])
            .arg(&log)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the simulator starts");
        let mut url = String::new();
        let out = child.stdout.take().expect("piped");
        BufReader::new(out).read_line(&mut url).expect("it says where it listens");
        assert!(url.starts_with("http"), "{url:?}");
        Self { machine, log, process: Guarded(child) }
    }

    fn url(&self) -> String {
        format!("http://{}:8080", self.machine.address)
    }

    /// Ends it, and counts what it was asked.
    fn requests(mut self) -> usize {
        terminate(&self.process);
        self.process.0.wait().expect("it ends");
        fs::read_to_string(&self.log).expect("a log").lines().count()
    }
}

/// What a cluster has beside the manifests.
struct Cluster<'a> {
    network: &'a Network,
    folder: &'a Path,
    documents: Vec<Value>,
    /// The Secrets, by name.
    secrets: BTreeMap<&'a str, BTreeMap<&'a str, String>>,
    /// Service → address.
    services: BTreeMap<String, String>,
}

/// A container that runs.
struct Pod {
    child: Child,
    said: BufReader<std::process::ChildStderr>,
    /// What is mounted at `/reports`.
    reports: PathBuf,
}

/// What becomes of the pods of a Job.
struct PlayedJob {
    /// The exit code of each start of each index.
    exits: BTreeMap<u64, Vec<i32>>,
}

impl<'a> Cluster<'a> {
    fn find(&self, kind: &str, name: &str) -> &Value {
        let is_it = |it: &&Value| it["kind"] == kind && it["metadata"]["name"] == name;
        self.documents.iter().find(is_it).expect(name)
    }

    /// A folder for a volume that nobody may write to.
    fn volume(&self, pod: &str, volume: &Value) -> PathBuf {
        let name = volume["name"].as_str().expect("a name");
        let folder = self.folder.join(pod).join(name);
        fs::create_dir_all(&folder).expect("a folder");
        if let Some(map) = volume.get("configMap") {
            let map_name = map["name"].as_str().expect("a name");
            let data = &self.find("ConfigMap", map_name)["data"];
            for item in map["items"].as_array().expect("items") {
                let path = folder.join(item["path"].as_str().expect("a path"));
                fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                let text = data[item["key"].as_str().expect("a key")].as_str().expect("text");
                fs::write(path, text).expect("written");
            }
        } else {
            assert!(volume["emptyDir"].is_object(), "{volume}");
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).expect("anybody's");
        }
        folder
    }

    /// The words of a container, where its mounts and the Services are.
    fn words(&self, container: &Value, mounts: &BTreeMap<String, PathBuf>) -> Vec<String> {
        let words = container["args"].as_array().expect("words");
        let place = |word: &Value| {
            let mut word = word.as_str().expect("a word").to_owned();
            for (path, folder) in mounts {
                let folder = folder.display().to_string();
                word = if word == *path {
                    folder
                } else {
                    word.replace(&format!("{path}/"), &format!("{folder}/"))
                };
            }
            for (service, address) in &self.services {
                word = word.replace(service, address);
            }
            word
        };
        words.iter().map(place).collect()
    }

    /// Starts the one container of a pod on a machine of its own.
    fn start(&self, (name, spec): (&str, &Value), index: Option<u64>, machine: &Machine) -> Pod {
        let container = &spec["containers"][0];
        let volumes = spec["volumes"].as_array().expect("volumes");
        let folder_of = |mount: &Value| {
            let volume = volumes.iter().find(|it| it["name"] == mount["name"]).expect("a volume");
            (mount["mountPath"].as_str().expect("a path").to_owned(), self.volume(name, volume))
        };
        let mounts = container["volumeMounts"].as_array().expect("mounts");
        let mounts: BTreeMap<String, PathBuf> = mounts.iter().map(folder_of).collect();
        let image = container["image"].as_str().expect("an image");
        let program = match image.split(':').next() {
            Some("plimsoll") => PathBuf::from(env!("CARGO_BIN_EXE_plimsoll")),
            Some("nats") => nats_server(),
            _ => unreachable!("no image {image}"),
        };
        let mut command = machine.command(&program);
        command.args(self.words(container, &mounts));
        if image.starts_with("nats") {
            command.args(["-a", &machine.address]);
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).envs(self.environment(container));
        // `WORKDIR`, on a root that cannot be written.
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
        if let Some(index) = index {
            command.env("JOB_COMPLETION_INDEX", index.to_string());
        }
        let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
        let said = BufReader::new(child.stderr.take().expect("piped"));
        Pod { child, said, reports: mounts.get("/reports").cloned().unwrap_or_default() }
    }

    fn environment(&self, container: &Value) -> Vec<(&'a str, String)> {
        let from = container["envFrom"].as_array().into_iter().flatten();
        let secrets = from.filter_map(|it| it["secretRef"]["name"].as_str());
        secrets
            .flat_map(|name| self.secrets[name].iter().map(|(key, value)| (*key, value.clone())))
            .collect()
    }
}

/// Plays an indexed Job to its end: starts each index, and again where the Job allows it.
///
/// A pod's number in the system is told as soon as it runs.
fn play(cluster: &Cluster<'_>, name: &str, started: &Sender<(u64, u32)>) -> PlayedJob {
    let spec = &cluster.find("Job", name)["spec"];
    let (template, count) = (&spec["template"]["spec"], spec["completions"].as_u64().unwrap_or(1));
    let again = spec["backoffLimitPerIndex"].as_u64().or(spec["backoffLimit"].as_u64());
    let again = again.expect("a limit; a cluster starts six times otherwise");
    let deadline = spec["activeDeadlineSeconds"].as_u64().expect("a deadline");
    let (outbox, ended) = mpsc::channel();
    let run = |index: u64| {
        let machine = cluster.network.machine();
        let pod = cluster.start((&format!("{name}-{index}"), template), Some(index), &machine);
        let _ = started.send((index, pod.child.id()));
        let outbox = outbox.clone();
        std::thread::spawn(move || {
            let Pod { mut child, mut said, .. } = pod;
            let mut text = String::new();
            let _ = said.read_to_string(&mut text);
            let code = child.wait().expect("it ends").code().unwrap_or(KILLED);
            println!("index {index} ended with {code}:\n{text}");
            let _ = outbox.send((index, code));
        });
    };
    (0..count).for_each(&run);
    let mut exits: BTreeMap<u64, Vec<i32>> = BTreeMap::new();
    let mut running = count;
    while running > 0 {
        let end = ended.recv_timeout(Duration::from_secs(deadline));
        let (index, code) = end.expect("a pod ends before its Job's deadline");
        let of_index = exits.entry(index).or_default();
        of_index.push(code);
        if code != 0 && of_index.len() as u64 <= again {
            run(index);
        } else {
            running -= 1;
        }
    }
    PlayedJob { exits }
}

/// What a deployed run came to.
struct Deployed {
    led: Ran,
    agents: PlayedJob,
    requests: usize,
}

/// Deploys a run of three agents and plays it. Agents come first, then the leader, then NATS, the worst that a cluster may
/// choose. Where it says so, index 1 is killed once the leader has told two seconds.
fn deployed(duration: &str, kills: bool) -> Deployed {
    let network = Network::new();
    let folder = tempfile::tempdir().expect("a folder");
    let open = fs::Permissions::from_mode(0o777);
    fs::set_permissions(folder.path(), open).expect("anybody's");
    let target = Target::start(&network, folder.path());
    let args = [
        &[DATA, "--agents", "3", "--secret", "urls", "--target-label", "app=shop"][..],
        &["--wait", "60s", "--", "--duration", duration, "--quiet", "--events=/reports/events"],
    ]
    .concat();
    let nats = network.machine();
    // The leader's volume, in which somebody waits for what it tells.
    fs::create_dir_all(folder.path().join("leader/reports")).expect("a folder");
    let events = folder.path().join("leader/reports/events");
    let made = Command::new("mkfifo").args(["-m", "666"]).arg(&events).status();
    assert!(made.expect("mkfifo runs").success());
    let cluster = Cluster {
        network: &network,
        folder: folder.path(),
        documents: documents(&args),
        secrets: [("urls", [("BLUE", target.url())].into())].into(),
        services: [("plimsoll-shop-nats".to_owned(), nats.address.clone())].into(),
    };
    let spec_of = |kind, name| &cluster.find(kind, name)["spec"]["template"]["spec"];
    let (outbox, started) = mpsc::channel();
    let (led, agents) = std::thread::scope(|scope| {
        let agents = scope.spawn(|| play(&cluster, "plimsoll-shop-agents", &outbox));
        let pids: BTreeMap<u64, u32> = started.iter().take(3).collect();
        let leader = network.machine();
        let spec = spec_of("Job", "plimsoll-shop-leader");
        let mut leader = cluster.start(("leader", spec), None, &leader);
        let spec = spec_of("Deployment", "plimsoll-shop-nats");
        let server = cluster.start(("nats", spec), None, &nats);
        // It ends with this scope; nobody to say it to would end it before.
        let (_server, mut server_said) = (Guarded(server.child), server.said);
        std::thread::spawn(move || server_said.read_to_string(&mut String::new()));
        let mut told = String::new();
        let told_to = fs::File::open(&events).expect("the leader tells of its run");
        fs::remove_file(&events).expect("it has served");
        let mut events = BufReader::new(told_to).lines();
        let second = |line: &std::io::Result<String>| {
            line.as_ref().expect("text").contains("\"event\":\"second\"")
        };
        assert!(events.by_ref().filter(second).nth(1).is_some(), "a run of more than a second");
        if kills {
            let pid = pids[&1].to_string();
            assert!(Command::new("kill").args(["-KILL", &pid]).status().expect("kill").success());
        }
        events.for_each(drop);
        leader.said.read_to_string(&mut told).expect("text");
        let status = leader.child.wait().expect("it ends");
        println!("the leader ended with {status}:\n{told}");
        let led = Ran {
            code: status.code().unwrap_or(KILLED),
            stdout: String::new(),
            stderr: told,
            folder: only_run(&leader.reports),
        };
        (led, agents.join().expect("the Job ends"))
    });
    // Reports are read while they are there.
    let led = Ran { folder: led.folder.map(|it| kept(&it)), ..led };
    Deployed { led, agents, requests: target.requests() }
}

/// A copy that outlives the cluster.
fn kept(run: &Path) -> PathBuf {
    let copy = tempfile::tempdir().expect("a folder").keep();
    for name in ["result.json", "run.jsonl"] {
        fs::copy(run.join(name), copy.join(name)).expect("copied");
    }
    copy
}

/// Goal: prove that the manifests are a run: pods in any order, values from a Secret, nobody's processes on machines of
/// their own, each started once, and nothing lost.
#[test]
fn deployed_run_is_played_as_one() {
    let Deployed { led, agents, requests } = deployed("4s", false);
    assert_eq!(led.count("/load/intended_iterations"), 600, "{}", led.stderr);
    assert_eq!(led.count("/whole_run/requests"), requests, "{}", led.stderr);
    let expected: BTreeMap<u64, Vec<i32>> = (0..3).map(|index| (index, vec![0])).collect();
    assert_eq!(agents.exits, expected);
    let numbers: Vec<u64> = led.result()["agents"]
        .as_array()
        .expect("agents")
        .iter()
        .map(|agent| agent["number"].as_u64().expect("a number"))
        .collect();
    assert_eq!(numbers, [1, 2, 3], "an index is a shard");
}

/// Goal: prove that a pod that dies is not started again, ends no other, and that the run says so.
#[test]
fn pod_that_dies_is_not_played_again() {
    let Deployed { led, agents, .. } = deployed("8s", true);
    let expected = [(0, vec![0]), (1, vec![KILLED]), (2, vec![0])].into();
    assert_eq!(agents.exits, expected, "{}", led.stderr);
    assert_eq!(led.code, 97, "{}", led.stderr);
    assert_eq!(led.result()["validity"]["status"], "not_valid");
    assert!(led.stderr.contains("the logs of agents 2 are not complete"), "{}", led.stderr);
}
