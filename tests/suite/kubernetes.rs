//! The manifests of `deploy kubernetes`, held against the types of the Kubernetes API, and the image they run.

use std::path::Path;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::manifests::{deploy, documents};

/// What it says as it refuses.
fn refusal(more: &[&str]) -> String {
    let output = deploy(more);
    let why = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{why}");
    assert!(output.stdout.is_empty(), "nothing to apply by mistake");
    why
}

/// A document through the API's type: what comes back has lost the fields that the cluster does not know.
fn through<T: Serialize + DeserializeOwned>(document: &Value) -> Value {
    let typed: T = serde_json::from_value(document.clone()).expect("of its kind");
    serde_json::to_value(typed).expect("JSON")
}

fn through_its_kind(document: &Value) -> Value {
    match document["kind"].as_str().expect("a kind") {
        "ConfigMap" => through::<ConfigMap>(document),
        "Deployment" => through::<Deployment>(document),
        "Service" => through::<Service>(document),
        "NetworkPolicy" => through::<NetworkPolicy>(document),
        "Job" => through::<Job>(document),
        other => unreachable!("a kind that is not known: {other}"),
    }
}

fn find<'a>(documents: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = documents.iter().find(|it| it["kind"] == kind && it["metadata"]["name"] == name);
    found.expect(name)
}

fn pod(job: &Value) -> &Value {
    &job["spec"]["template"]["spec"]
}

const AIS: [&str; 7] = [
    "scenarios/ais",
    "--agents",
    "20",
    "--target",
    "http://ais.shop.svc.cluster.local:8080",
    "--target-label",
    "app=ais",
];

#[test]
fn every_field_is_one_that_the_cluster_knows() {
    let own = documents(
        &[
            &AIS[..],
            &["--secret", "ais-load", "--config-map", "ais", "--namespace", "load"],
            &["--claim", "reports", "--i-may-load", "ais.example.org", "--egress-port", "8443"],
            &["--", "--workload", "load", "--duration", "2m"],
        ]
        .concat(),
    );
    let kinds: Vec<&str> = own.iter().map(|it| it["kind"].as_str().expect("a kind")).collect();
    let policies = ["NetworkPolicy"; 3];
    let expected =
        [&["ConfigMap"], &policies[..], &["Service", "Deployment", "Job", "Job"]].concat();
    assert_eq!(kinds, expected);
    let nats = ["--nats", "tls://nats.infra.svc:4333", "--nats-secret", "login"];
    let shared = documents(&[&AIS[..], &nats].concat());
    for document in own.iter().chain(&shared) {
        assert_eq!(&through_its_kind(document), document);
        assert!(document["metadata"]["labels"]["app.kubernetes.io/component"].is_string());
    }
    assert!(own.iter().all(|it| it["metadata"]["namespace"] == "load"));
    assert!(shared.iter().all(|it| it["metadata"]["namespace"].is_null()));
}

/// Goal: prove that the leader searches for capacity where that is asked for, with the same agents.
#[test]
fn leader_of_a_search_is_asked_for_capacity() {
    let search = documents(&[&AIS[..], &["--capacity", "--", "--within", "10m"]].concat());
    let run = documents(&AIS);
    for document in &search {
        assert_eq!(&through_its_kind(document), document);
    }
    let words = |documents: &[Value]| {
        let leader = find(documents, "Job", "plimsoll-ais-leader").clone();
        pod(&leader)["containers"][0]["args"].clone()
    };
    let of_run = words(&run);
    let mut expected = of_run.as_array().expect("words").clone();
    expected[0] = json!("capacity");
    expected.extend([json!("--within"), json!("10m")]);
    assert_eq!(words(&search), json!(expected));
    let agents = |documents: &[Value]| pod(find(documents, "Job", "plimsoll-ais-agents")).clone();
    assert_eq!(agents(&search), agents(&run), "with `--once`, all steps of a search are one");
    for part in ["leader", "agents"] {
        let job = find(&search, "Job", &format!("plimsoll-ais-{part}"));
        // The search, three times five minutes, and ten minutes.
        assert_eq!(job["spec"]["activeDeadlineSeconds"], 600 + 900 + 600);
    }
}

#[test]
fn search_that_the_leader_could_not_play_is_refused() {
    let why = refusal(&[&AIS[..], &["--capacity", "--", "--duration", "2m"]].concat());
    assert!(why.contains("are those of `plimsoll capacity`: "), "{why}");
    let why = refusal(&[&AIS[..], &["--capacity", "--", "--tui"]].concat());
    assert!(why.contains("the leader has no terminal"), "{why}");
    let shop = ["tests/data/blue_green", "--agents", "2", "--secret", "urls", "--capacity"];
    let why = refusal(&[&shop[..], &["--target", "http://10.1.2.3"]].concat());
    assert!(why.contains("the scenario names no stack file"), "{why}");
}

/// Proves that the test above fails where a field is misspelt.
#[test]
fn field_that_the_cluster_does_not_know_is_found() {
    let mut job = find(&documents(&AIS), "Job", "plimsoll-ais-agents").clone();
    job["spec"]["template"]["spec"]["restartPolice"] = json!("Never");
    assert_ne!(through_its_kind(&job), job);
}

#[test]
fn agents_are_played_once_each_on_a_node_of_its_own() {
    let documents = documents(&[&AIS[..], &["--cpu", "4"]].concat());
    let agents = find(&documents, "Job", "plimsoll-ais-agents");
    let spec = &agents["spec"];
    let expected = json!({
        "completionMode": "Indexed", "completions": 20, "parallelism": 20,
        // None is started again, and one that failed ends no other.
        "backoffLimitPerIndex": 0, "maxFailedIndexes": 20, "podReplacementPolicy": "Failed",
    });
    for (field, value) in expected.as_object().expect("fields") {
        assert_eq!(&spec[field], value, "{field}");
    }
    assert!(spec["backoffLimit"].is_null(), "one failure of twenty would end the Job");
    assert_eq!(pod(agents)["restartPolicy"], "Never");
    let apart = &pod(agents)["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let others: Vec<&Value> = (0..2).map(|at| &apart[at]["labelSelector"]["matchLabels"]).collect();
    assert_eq!(others[0], &spec["template"]["metadata"]["labels"]);
    assert_eq!(others[1], &json!({ "app": "ais" }));
    // In whatever namespace the target is.
    assert_eq!(apart[1]["namespaceSelector"], json!({}));
    let leader = find(&documents, "Job", "plimsoll-ais-leader");
    assert_eq!(leader["spec"]["backoffLimit"], 0);
    assert_eq!(pod(leader)["restartPolicy"], "Never");
    // 20 s of load (the workload `smoke`), three times five minutes, and ten minutes.
    assert_eq!(spec["activeDeadlineSeconds"], 20 + 900 + 600);
    assert_eq!(leader["spec"]["activeDeadlineSeconds"], 20 + 900 + 600);
}

#[test]
fn every_pod_may_do_nothing_but_its_work() {
    let documents = documents(&[&AIS[..], &["--cpu", "4"]].concat());
    let of = |kind, name| pod(find(&documents, kind, name));
    let agent = of("Job", "plimsoll-ais-agents");
    for pod in [agent, of("Job", "plimsoll-ais-leader"), of("Deployment", "plimsoll-ais-nats")] {
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["securityContext"]["runAsUser"], 65_532);
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        let container = &pod["containers"][0];
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
        assert_eq!(container["securityContext"]["capabilities"], json!({ "drop": ["ALL"] }));
        assert_eq!(container["resources"]["requests"], container["resources"]["limits"]);
        // Every mount has its volume.
        let volumes = pod["volumes"].as_array().expect("volumes");
        for mount in container["volumeMounts"].as_array().expect("mounts") {
            assert!(volumes.iter().any(|it| it["name"] == mount["name"]), "{mount}");
        }
    }
    assert_eq!(agent["containers"][0]["resources"]["limits"]["cpu"], "4");
}

#[test]
fn network_lets_agents_reach_nats_and_the_target_only() {
    let documents = documents(&AIS);
    let policy = |name| &find(&documents, "NetworkPolicy", name)["spec"];
    let agents = policy("plimsoll-ais-agent");
    assert_eq!(agents["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(agents["ingress"], json!([]));
    let nats = find(&documents, "Deployment", "plimsoll-ais-nats");
    let expected = json!([
        { "ports": [{ "protocol": "UDP", "port": 53 }, { "protocol": "TCP", "port": 53 }] },
        {
            "to": [{ "podSelector": { "matchLabels": nats["spec"]["template"]["metadata"]["labels"] } }],
            "ports": [{ "protocol": "TCP", "port": 4222 }],
        },
        { "to": [{ "namespaceSelector": {}, "podSelector": { "matchLabels": { "app": "ais" } } }] },
    ]);
    assert_eq!(agents["egress"], expected);
    assert_eq!(policy("plimsoll-ais-nats")["egress"], json!([]));
    // Each policy selects the pods of its part.
    for (name, kind, of) in [
        ("plimsoll-ais-agent", "Job", "plimsoll-ais-agents"),
        ("plimsoll-ais-leader", "Job", "plimsoll-ais-leader"),
        ("plimsoll-ais-nats", "Deployment", "plimsoll-ais-nats"),
    ] {
        let labels = &find(&documents, kind, of)["spec"]["template"]["metadata"]["labels"];
        assert_eq!(&policy(name)["podSelector"]["matchLabels"], labels);
    }
}

#[test]
fn target_outside_the_cluster_is_let_through_by_its_address_or_port() {
    let egress = |target: &str, more: &[&str]| {
        let args = [&["scenarios/ais", "--agents", "2", "--target", target], more].concat();
        let documents = documents(&args);
        let policy = find(&documents, "NetworkPolicy", "plimsoll-ais-agent");
        policy["spec"]["egress"][2].clone()
    };
    let port = |port: u16| json!([{ "protocol": "TCP", "port": port }]);
    assert_eq!(
        egress("http://10.1.2.3:8080", &[]),
        json!({ "to": [{ "ipBlock": { "cidr": "10.1.2.3/32" } }], "ports": port(8080) })
    );
    assert_eq!(
        egress("http://[fd00::1]", &[]),
        json!({ "to": [{ "ipBlock": { "cidr": "fd00::1/128" } }], "ports": port(80) })
    );
    assert_eq!(egress("https://ais.example.org", &[]), json!({ "ports": port(443) }));
    for service in ["http://ais", "http://ais.shop.svc:80"] {
        let args = ["scenarios/ais", "--agents", "2", "--target", service];
        let why = refusal(&args);
        assert!(why.contains("is a Service") && why.contains("--target-label"), "{why}");
        documents(&[&args[..], &["--egress-port", "3000"]].concat());
    }
}

#[test]
fn nats_of_the_cluster_is_used_where_it_is_named() {
    let url = "tls://nats.infra.svc:4333";
    let documents = documents(&[&AIS[..], &["--nats", url, "--nats-secret", "login"]].concat());
    assert!(documents.iter().all(|it| it["kind"] != "Deployment" && it["kind"] != "Service"));
    for name in ["plimsoll-ais-agents", "plimsoll-ais-leader"] {
        let pod = pod(find(&documents, "Job", name));
        let words = pod["containers"][0]["args"].to_string();
        assert!(words.contains(&format!("\"--nats\",\"{url}\"")), "{words}");
        assert!(words.contains("\"--nats-credentials\",\"/nats/nats.creds\""), "{words}");
        let login = json!({ "name": "login", "secret": { "secretName": "login" } });
        assert!(pod["volumes"].as_array().expect("volumes").contains(&login));
    }
    let policy = find(&documents, "NetworkPolicy", "plimsoll-ais-agent");
    let ports = json!({ "ports": [{ "protocol": "TCP", "port": 4333 }] });
    assert_eq!(policy["spec"]["egress"][1], ports);
}

#[test]
fn values_of_the_environment_are_referred_to_and_never_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write(
        "scenario.yaml",
        "name: keyed\ntarget: http://10.0.0.1\nhttp: { headers: { x-key: \"${SHOP_KEY}\" } }\nworkloads:\n  main:\n    \
         stages: [{ rate: 1 req/s, duration: 1s }]\nscenarios:\n  get:\n    flow:\n      - get: { name: get, url: / }\n",
    );
    let path = folder.path().display().to_string();
    let why = refusal(&[&path, "--agents", "2"]);
    assert!(why.contains("needs `SHOP_KEY`") && why.contains("--secret"), "{why}");
    let documents = documents(&[&path, "--agents", "2", "--secret", "keys", "--config-map", "all"]);
    let file = &find(&documents, "ConfigMap", "plimsoll-keyed-scenario")["data"]["scenario.yaml"];
    assert!(file.as_str().expect("text").contains("${SHOP_KEY}"));
    for name in ["plimsoll-keyed-agents", "plimsoll-keyed-leader"] {
        let from = &pod(find(&documents, "Job", name))["containers"][0]["envFrom"];
        let expected =
            json!([{ "configMapRef": { "name": "all" } }, { "secretRef": { "name": "keys" } }]);
        assert_eq!(from, &expected);
    }
}

#[test]
fn what_cannot_be_played_in_a_cluster_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write("rows.csv", &format!("id\n{}", "123456789\n".repeat(110_000)));
    write(
        "scenario.yaml",
        "name: big\ntarget: http://127.0.0.1:1\ndata:\n  rows: { file: rows.csv, pick: sequential }\nworkloads:\n  main:\n    \
         stages: [{ rate: 1 req/s, duration: 1s }]\nscenarios:\n  get:\n    flow:\n      - get: { name: get, url: \"/{{ rows.id }}\" }\n",
    );
    let path = folder.path().display().to_string();
    let why = refusal(&[&path, "--agents", "2"]);
    assert!(why.contains("a ConfigMap holds 1 MiB"), "{why}");
    let with = |more: &[&str]| refusal(&[&AIS[..], &["--"], more].concat());
    let why = with(&["--duratoin", "1m"]);
    assert!(why.contains("options after `--`") && why.contains("'--duratoin'"), "{why}");
    assert!(with(&["--shard", "1/2"]).contains("--shard"), "it has agents");
    assert!(with(&["--tui"]).contains("no terminal"));
    assert!(with(&["--workload", "nonsense"]).contains("nonsense"));
    assert!(refusal(&[&AIS[..], &["--name", "No_Name"]].concat()).contains("lower-case"));
}

/// What containers the manifests start is what the one image has, as who the manifests say.
#[test]
fn image_is_made_from_scratch_and_runs_as_nobody() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/Dockerfile");
    let text = std::fs::read_to_string(path).expect("a Dockerfile");
    let instructions: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let expected = [
        "FROM scratch",
        "COPY root/ /",
        "USER 65532:65532",
        "WORKDIR /work",
        "ENTRYPOINT [\"/bin/plimsoll\"]",
    ];
    assert_eq!(instructions, expected);
    let documents = documents(&AIS);
    for name in ["plimsoll-ais-agents", "plimsoll-ais-leader"] {
        let pod = pod(find(&documents, "Job", name));
        assert_eq!(pod["securityContext"]["runAsUser"], 65_532);
        let container = &pod["containers"][0];
        assert_eq!(container["image"], concat!("plimsoll:", env!("CARGO_PKG_VERSION")));
        assert!(container["command"].is_null(), "the image's entry point");
    }
}
