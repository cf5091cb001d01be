//! Node.js's own HTTP/2 server.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ring::digest;

use super::harness::{Guarded, checkout, plimsoll, run};
use super::nginx::certificate;

/// The server with a certificate in `folder`: the certificate, its ports for HTTP/2 and HTTP/1.1, and what ends it.
fn node(folder: &Path) -> (PathBuf, [String; 2], Guarded) {
    let (ca, key) = certificate(folder);
    let mut node = Command::new("node")
        .arg(checkout("tests/real/node.mjs"))
        .args([&ca, &key])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map(Guarded)
        .expect("node starts: ./test installs it");
    let mut ports = String::new();
    let said = node.0.stdout.take().expect("piped");
    BufReader::new(said).read_line(&mut ports).expect("ports");
    let (http2, http1) = ports.trim().split_once(' ').expect("two ports");
    (ca, [http2.to_owned(), http1.to_owned()], node)
}

/// Goal: prove that a file which is larger than what may be held goes out from the disk, whole and as it is, over both
/// protocols, alone and as a part.
#[test]
fn large_files_are_read_as_they_are_sent() {
    const SIZE: u64 = 64 << 20;
    let folder = tempfile::tempdir().expect("a folder");
    let (ca, [http2, http1], _node) = node(folder.path());
    let mut film = BufWriter::new(File::create(folder.path().join("film.bin")).expect("a file"));
    let mut hash = digest::Context::new(&digest::SHA256);
    for line in 0..SIZE / 32 {
        let line = format!("{line:031}\n");
        hash.update(line.as_bytes());
        film.write_all(line.as_bytes()).expect("written");
    }
    film.flush().expect("written");
    let sum = plimsoll::units::hexadecimal(hash.finish().as_ref());
    for (version, port) in [("1.1", http1), ("2", http2)] {
        let file = folder.path().join("scenario.yaml");
        let text = format!(
            "name: films\ntarget: https://localhost:{port}\n\
             http: {{ version: {version}, timeout: 60s, tls: {{ ca: {} }} }}\n\
             workloads: {{ main: {{ vus: 1, iterations: 1, duration: 2m }} }}\n\
             scenarios:\n  all:\n    flow:\n\
             \x20     - put: {{ name: alone, url: /digest, body: {{ file: film.bin }}, check: {{ json: {{ $.bytes: {SIZE}, $.sha256: {sum} }} }} }}\n\
             \x20     - post: {{ name: part, url: /digest, multipart: {{ film: {{ file: film.bin }} }}, check: {{ json: {{ $.bytes: '> {SIZE}' }} }} }}\n",
            ca.display(),
        );
        fs::write(&file, text).expect("written");
        let ran = run(plimsoll().arg("run").arg(&file), &folder.path().join(version));
        let result = ran.result();
        for name in ["alone", "part"] {
            let step = &result["whole_run"]["steps"][name];
            assert_eq!(step["requests"], 1, "{version} {name}\n{}\n{}", ran.stdout, ran.stderr);
            let failed = step["errors"]["by_class"].to_string();
            assert_eq!(failed, "{}", "{version}: {:#}", result["error_examples"]);
        }
        let memory = result["generator"]["memory_max_bytes"].as_u64().expect("measured");
        assert!(memory < SIZE, "{version}: {memory} bytes held");
    }
}

/// Goal: prove that what Node.js does with streams comes out as what it is: interim answers, small windows both ways,
/// trailers, a refusal that is safe to send again, a connection that is ended in peace, and a stream that breaks.
#[test]
fn streams_of_node_end_as_what_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ca, [port, _], _node) = node(folder.path());
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
        port,
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
        .arg(format!("https://localhost:{port}/seen"))
        .output()
        .expect("curl runs");
    let seen: serde_json::Value = serde_json::from_slice(&seen.stdout).expect("JSON");
    assert_eq!((&seen["refused"], &seen["errors"]), (&30.into(), &0.into()), "{seen}");
    assert!(seen["sessions"].as_u64() > Some(10), "nobody left: {seen}");
}
