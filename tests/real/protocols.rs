//! Versions of HTTP that are asked for, against servers that speak others.

use super::harness::{free_port, plimsoll, run, scenario};
use super::nginx::{Nginx, certificate};

/// Goal: prove that `version: 2` measures nothing else: a server without HTTP/2 fails every request, and the run says
/// why, from its beginning to its reports.
#[test]
fn version_that_is_not_agreed_on_fails_every_request() {
    let (folder, tls) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("another"));
    let (ca, key) = certificate(tls.path());
    let port = free_port();
    let old = format!(
        "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {}; ssl_certificate_key {}; return 200 'ok'; }}",
        ca.display(),
        key.display()
    );
    let _nginx = Nginx::with(folder.path(), &old, "return 200 'ok';");
    let target = format!("https://localhost:{port}");
    for (version, fails) in [("2", true), ("auto", false)] {
        let out = tempfile::tempdir().expect("a folder");
        let http = format!("http: {{ version: '{version}', tls: {{ ca: {} }} }}", ca.display());
        let file = scenario(out.path(), &http, "20 req/s", "1s");
        let mut command = plimsoll();
        command.arg("run").arg(&file).args(["--target", &target]);
        let ran = run(&mut command, &out.path().join("reports"));
        let result = ran.result();
        let requests = ran.count("/whole_run/requests");
        let failed = result.pointer("/whole_run/steps/get/errors/by_class/protocol");
        let failed = failed.and_then(serde_json::Value::as_u64).unwrap_or(0) as usize;
        assert!(requests > 0, "{}", ran.stdout);
        assert_eq!(failed, if fails { requests } else { 0 }, "{version}: {}", ran.stdout);
        let told = ran.stderr.contains("`version: 2` asks for HTTP/2")
            && ran.stderr.contains("every request fails");
        assert_eq!(told, fails, "{}", ran.stderr);
        let examples = result["error_examples"].to_string();
        assert_eq!(examples.contains("`version: 2` asks for HTTP/2"), fails, "{examples}");
        assert_eq!(ran.code, if fails { 99 } else { ran.code }, "{}", ran.stdout);
    }
}
