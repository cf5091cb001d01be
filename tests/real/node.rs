//! Node.js's own HTTP/2 server.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::harness::{Guarded, checkout, plimsoll, run};
use super::nginx::certificate;

/// Goal: prove that what Node.js does with streams comes out as what it is: interim answers, small windows both ways,
/// trailers, a refusal that is safe to send again, a connection that is ended in peace, and a stream that breaks.
#[test]
fn streams_of_node_end_as_what_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ca, key) = certificate(folder.path());
    let mut node = Command::new("node")
        .arg(checkout("tests/real/node.mjs"))
        .args([&ca, &key])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map(Guarded)
        .expect("node starts: ./test installs it");
    let mut port = String::new();
    let said = node.0.stdout.take().expect("piped");
    BufReader::new(said).read_line(&mut port).expect("a port");
    let file = folder.path().join("scenario.yaml");
    let text = format!(
        "name: node\ntarget: https://localhost:{}\nhttp: {{ version: 2, connections: {{ shared: 2 }}, tls: {{ ca: {} }} }}\n\
         workloads: {{ main: {{ arrivals: constant, max_vus: 100, graceful_stop: 20s, stages: [{{ rate: 10 iter/s, duration: 3s }}] }} }}\n\
         scenarios:\n  all:\n    flow:\n\
         \x20     - get: {{ name: page, url: /page, check: {{ status: 200, size: <= 1000 B }} }}\n\
         \x20     - get: {{ name: cookies, url: /cookies, check: {{ json: {{ $.cookie: 'a=1; b=2' }} }} }}\n\
         \x20     - get: {{ name: large, url: /large, check: {{ size: <= 3000000 B }} }}\n\
         \x20     - post: {{ name: upload, url: /upload, multipart: {{ film: {{ filename: a.mp4, size: 2 MiB }} }}, check: {{ json: {{ $.bytes: '> 2097152' }} }}, capture: {{ said: $.said, bytes: $.bytes }} }}\n\
         \x20     - post: {{ name: echo, url: /upload, body: '{{{{ said }}}}', check: {{ status: 200 }} }}\n\
         \x20     - get: {{ name: trailers, url: /trailers, check: {{ body: ok }} }}\n\
         \x20     - get: {{ name: refused, url: '/refused?{{{{ uuid() }}}}', check: {{ json: {{ $.again: true }} }} }}\n\
         \x20     - get: {{ name: leave, url: /leave, check: {{ json: {{ $.leaving: true }} }} }}\n\
         \x20     - get: {{ name: broken, url: /broken }}\n",
        port.trim(),
        ca.display(),
    );
    fs::write(&file, text).expect("written");
    let mut command = plimsoll();
    command.arg("run").arg(&file).args(["--seed", "1"]);
    let ran = run(&mut command, &folder.path().join("reports"));
    let result = ran.result();
    let steps = &result["whole_run"]["steps"];
    for name in ["page", "cookies", "large", "upload", "trailers", "refused", "leave"] {
        assert_eq!(steps[name]["requests"], 30, "{name}\n{}\n{}", ran.stdout, ran.stderr);
        let failed = steps[name]["errors"]["by_class"].to_string();
        assert_eq!(failed, "{}", "{name}\n{:#}", result["error_examples"]);
    }
    let broken = &steps["broken"];
    assert_eq!(broken["errors"]["by_class"]["reset"], broken["requests"], "{broken:#}");
    let seen = Command::new("curl")
        .args(["--silent", "--http2", "--cacert"])
        .arg(&ca)
        .arg(format!("https://localhost:{}/seen", port.trim()))
        .output()
        .expect("curl runs");
    let seen: serde_json::Value = serde_json::from_slice(&seen.stdout).expect("JSON");
    assert_eq!((&seen["refused"], &seen["errors"]), (&30.into(), &0.into()), "{seen}");
    assert!(seen["sessions"].as_u64() > Some(10), "nobody left: {seen}");
}
