//! Manifests of one run in a cluster: a leader, agents as an indexed Job, and NATS between them.
//!
//! Nothing is started twice: an index that is played again is load that nobody asked for. One that fails is missing, ends
//! none of the others, and the leader says so.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::units::Nanos;

use super::cluster::{ClusterRun, NATS_PORT};
use super::leader::{REPORTS, leader_words};
use super::pod::{off, pod, resources};

/// A `ConfigMap` holds no more, in bytes of keys and values together.
const CONFIG_MAX: usize = 1 << 20;
/// After the last request: drain, logs, reports.
const AFTERWARDS_S: u64 = 600;
/// How long finished Jobs stay, so that logs can be read.
const KEPT_S: u64 = 86_400;
/// Of the leader, which plays no load but merges and judges.
const LEADER_MIB: u32 = 1_024;
const NATS_MIB: u32 = 512;

const SCENARIO: &str = "/scenario";
const LOGIN: &str = "/nats/nats.creds";

impl ClusterRun<'_> {
    /// The documents, in the order in which they are to be applied.
    ///
    /// # Errors
    /// Where the scenario does not fit into a `ConfigMap`, or the target into a policy.
    pub(super) fn manifests(&self) -> Result<Vec<Value>, String> {
        let mut documents = vec![self.files()?];
        documents.extend(self.policies()?);
        if self.args.nats.is_none() {
            documents.extend([self.nats_service(), self.nats()]);
        }
        documents.extend([self.agents(), self.leader()]);
        Ok(documents)
    }

    /// The longest that a Job may run, in seconds: pods start, agents come, agents become ready.
    fn deadline_s(&self) -> u64 {
        let seconds = |time: Nanos| time.as_secs_f64().ceil() as u64;
        seconds(self.load) + 3 * seconds(self.args.wait) + AFTERWARDS_S
    }

    /// The scenario's files. `${…}` stands in them as it was written.
    fn files(&self) -> Result<Value, String> {
        let files = &self.scenario.files;
        let size: usize = files.iter().map(|(path, bytes)| key(path).len() + bytes.len()).sum();
        if size > CONFIG_MAX {
            return Err(format!(
                "the scenario's files have {size} bytes, and a ConfigMap holds 1 MiB\nhint: make data smaller, or start \
                 leader and agents where the files are (docs/fleet.md)"
            ));
        }
        let (mut data, mut binary) = (Map::new(), Map::new());
        for (path, bytes) in files {
            let key = key(path);
            if data.contains_key(&key) || binary.contains_key(&key) {
                return Err(format!("two files of the scenario come to the same key: `{path}`"));
            }
            match std::str::from_utf8(bytes) {
                Ok(text) => data.insert(key, json!(text)),
                Err(_) => binary.insert(key, json!(STANDARD.encode(bytes))),
            };
        }
        let mut map = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": self.metadata("scenario", "leader"),
            "immutable": true,
            "data": data,
        });
        if !binary.is_empty() {
            map["binaryData"] = Value::Object(binary);
        }
        Ok(map)
    }

    /// A server of the run's own. It may start again: what was not sent is sent from the agents' disks.
    fn nats(&self) -> Value {
        let container = json!({
            "name": "nats",
            "image": self.args.nats_image,
            "args": ["-js", "-sd", "/data", "-p", NATS_PORT.to_string()],
            "ports": [{ "name": "client", "containerPort": NATS_PORT }],
            "readinessProbe": { "tcpSocket": { "port": NATS_PORT }, "periodSeconds": 1 },
            "resources": resources(1, NATS_MIB),
            "volumeMounts": [{ "name": "data", "mountPath": "/data" }],
        });
        let pod = pod("Always", container, &json!([{ "name": "data", "emptyDir": {} }]));
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": self.metadata("nats", "nats"),
            "spec": {
                "replicas": 1,
                "selector": { "matchLabels": self.labels("nats") },
                "strategy": { "type": "Recreate" },
                "template": { "metadata": { "labels": self.labels("nats") }, "spec": pod },
            },
        })
    }

    fn nats_service(&self) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": self.metadata("nats", "nats"),
            "spec": {
                "selector": self.labels("nats"),
                "ports": [{ "name": "client", "port": NATS_PORT, "targetPort": NATS_PORT }],
            },
        })
    }

    fn agents(&self) -> Value {
        let mut words = vec!["agent".to_owned(), "--once".to_owned()];
        let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
        add("--nats", self.nats_url());
        add("--wait", self.args.wait.to_string());
        add("--out", REPORTS.to_owned());
        for host in &self.args.i_may_load {
            add("--i-may-load", host.clone());
        }
        let (container, volumes) = self.container("agent", words, &[]);
        let mut pod = pod("Never", container, &volumes);
        pod["securityContext"]["sysctls"] =
            json!([{ "name": "net.ipv4.ip_local_port_range", "value": "1024 65535" }]);
        pod["affinity"] = json!({ "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": self.apart()
        }});
        let mut spec = self.job("agent", &pod);
        // What was wrongly asked, or refused for safety: the others would only wait.
        spec["podFailurePolicy"] = json!({ "rules": [{
            "action": "FailJob",
            "onExitCodes": { "containerName": "agent", "operator": "In", "values": [2, 96] },
        }]});
        let agents = self.args.agents;
        spec["completionMode"] = json!("Indexed");
        spec["completions"] = json!(agents);
        spec["parallelism"] = json!(agents);
        spec["backoffLimitPerIndex"] = json!(0);
        spec["maxFailedIndexes"] = json!(agents);
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": self.metadata("agents", "agent"),
            "spec": spec,
        })
    }

    /// No two agents on a node, and none beside the target.
    fn apart(&self) -> Value {
        let mut rules = vec![off(&self.labels("agent"))];
        if !self.args.target_label.is_empty() {
            let mut rule = off(&json!(self.target_labels()));
            rule["namespaceSelector"] = json!({});
            rules.push(rule);
        }
        json!(rules)
    }

    fn leader(&self) -> Value {
        let path = format!("{SCENARIO}/{}", self.scenario.file);
        let words = leader_words(self.args, &path, &self.nats_url());
        let items: Vec<Value> = self
            .scenario
            .files
            .keys()
            .map(|path| json!({ "key": key(path), "path": path }))
            .collect();
        let scenario = json!({
            "name": "scenario",
            "configMap": { "name": self.named("scenario"), "items": items },
        });
        let (container, volumes) = self.container("leader", words, &[(SCENARIO, scenario)]);
        let mut spec = self.job("leader", &pod("Never", container, &volumes));
        spec["backoffLimit"] = json!(0);
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": self.metadata("leader", "leader"),
            "spec": spec,
        })
    }

    /// A container of the program, and the volumes of its pod: reports, the login, and those of `more`, each with where
    /// it is mounted.
    fn container(&self, name: &str, words: Vec<String>, more: &[(&str, Value)]) -> (Value, Value) {
        let is_leader = name == "leader";
        let reports = match &self.args.claim {
            Some(claim) if is_leader => {
                json!({ "name": "reports", "persistentVolumeClaim": { "claimName": claim } })
            }
            _ => json!({ "name": "reports", "emptyDir": {} }),
        };
        let mut words = words;
        let mut mounts = vec![json!({ "name": "reports", "mountPath": REPORTS })];
        let mut volumes = vec![reports];
        let mut add = |(path, volume): (&str, Value)| {
            mounts.push(json!({ "name": volume["name"], "mountPath": path, "readOnly": true }));
            volumes.push(volume);
        };
        more.iter().cloned().for_each(&mut add);
        if let Some(secret) = &self.args.nats_secret {
            words.extend(["--nats-credentials".to_owned(), LOGIN.to_owned()]);
            add(("/nats", json!({ "name": "login", "secret": { "secretName": secret } })));
        }
        let resources = if is_leader {
            resources(1, LEADER_MIB)
        } else {
            resources(self.args.cpu, self.args.memory)
        };
        let mut container = json!({
            "name": name,
            "image": self.args.image,
            "args": words,
            "resources": resources,
            "volumeMounts": mounts,
        });
        let environment = self.environment();
        if !environment.is_empty() {
            container["envFrom"] = json!(environment);
        }
        (container, json!(volumes))
    }

    /// Where values of `${…}` come from, for the leader and each agent alike.
    fn environment(&self) -> Vec<Value> {
        let maps = self.args.config_map.iter();
        let maps = maps.map(|name| json!({ "configMapRef": { "name": name } }));
        let secrets = self.args.secret.iter();
        maps.chain(secrets.map(|name| json!({ "secretRef": { "name": name } }))).collect()
    }

    /// A Job that ends in time.
    fn job(&self, part: &str, pod: &Value) -> Value {
        json!({
            "activeDeadlineSeconds": self.deadline_s(),
            "ttlSecondsAfterFinished": KEPT_S,
            "podReplacementPolicy": "Failed",
            "template": { "metadata": { "labels": self.labels(part) }, "spec": pod },
        })
    }
}

/// A path as a key of a `ConfigMap`.
fn key(path: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    path.chars().map(|c| if safe(c) { c } else { '_' }).collect()
}
