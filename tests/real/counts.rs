//! What the generator counts against what a real server counts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::harness::{Guarded, free_port, plimsoll, run, scenario};

/// A real nginx with its own configuration, log and certificate, below `folder`.
struct Nginx {
    port: u16,
    tls_port: u16,
    ca: PathBuf,
    log: PathBuf,
    process: Guarded,
}

impl Nginx {
    fn start(folder: &Path) -> Self {
        let (port, tls_port) = (free_port(), free_port());
        let (ca, key) = certificate(folder);
        let log = folder.join("access.log");
        let f = folder.display();
        let configuration = format!(
            "daemon off; worker_processes 1; pid {f}/pid; error_log {f}/error.log;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log {log}; client_body_temp_path {f}/1; proxy_temp_path {f}/2;\n\
             fastcgi_temp_path {f}/3; uwsgi_temp_path {f}/4; scgi_temp_path {f}/5;\n\
             server {{ listen 127.0.0.1:{port}; listen 127.0.0.1:{tls_port} ssl http2;\n\
             ssl_certificate {ca}; ssl_certificate_key {key};\n\
             location / {{ return 200 'ok'; }} }} }}\n",
            log = log.display(),
            ca = ca.display(),
            key = key.display(),
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, configuration).expect("written");
        let program =
            if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
        let child = Command::new(program)
            .arg("-p")
            .arg(folder)
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx starts: ./test installs it");
        let nginx = Self { port, tls_port, ca, log, process: Guarded(child) };
        nginx.await_ready();
        nginx
    }

    /// Connects until nginx listens; each refusal comes back at once, so this is bounded by its count.
    fn await_ready(&self) {
        for _ in 0..200_000 {
            if std::net::TcpStream::connect(("127.0.0.1", self.tls_port)).is_ok() {
                return;
            }
            std::thread::yield_now();
        }
        panic!("nginx does not listen");
    }

    /// Lines of the access log, after a graceful end has flushed it.
    fn requests(mut self) -> usize {
        let pid = self.process.0.id().to_string();
        let ended = Command::new("kill").args(["-QUIT", &pid]).status().expect("kill runs");
        assert!(ended.success());
        self.process.0.wait().expect("nginx ends");
        let log = fs::read_to_string(&self.log).expect("a log");
        log.lines().filter(|line| line.contains("HTTP/")).count()
    }
}

/// A certificate authority of its own that is the server's certificate as well.
fn certificate(folder: &Path) -> (PathBuf, PathBuf) {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    fs::write(&certificate, made.cert.pem()).expect("written");
    fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    (certificate, key)
}

#[test]
fn nginx_counts_as_many_requests_as_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(folder.path());
    let file = scenario(folder.path(), "", "400 req/s", "5s");
    let target = format!("http://127.0.0.1:{}", nginx.port);
    let out = folder.path().join("reports");
    let ran = run(plimsoll().arg("run").arg(&file).args(["--target", &target]), &out);
    assert_eq!(ran.number("/whole_run/requests"), nginx.requests() as f64, "{}", ran.stdout);
    assert_eq!(ran.number("/errors/rate"), 0.0, "{}", ran.stdout);
}

#[test]
fn nginx_over_tls_and_http2_counts_as_many_requests_as_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(folder.path());
    let http = format!("http: {{ version: 2, tls: {{ ca: {} }} }}", nginx.ca.display());
    let file = scenario(folder.path(), &http, "300 req/s", "5s");
    let target = format!("https://localhost:{}", nginx.tls_port);
    let out = folder.path().join("reports");
    let ran = run(plimsoll().arg("run").arg(&file).args(["--target", &target]), &out);
    let requests = ran.number("/whole_run/requests");
    assert_eq!(ran.number("/errors/rate"), 0.0, "{}", ran.stdout);
    let log = nginx.log.clone();
    assert_eq!(requests, nginx.requests() as f64, "{}", ran.stdout);
    let text = fs::read_to_string(log).expect("a log");
    assert!(text.lines().all(|line| line.contains("HTTP/2.0")), "not all over HTTP/2");
}

#[test]
fn wrong_authority_is_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(folder.path());
    let file = scenario(folder.path(), "", "10 req/s", "1s");
    let target = format!("https://localhost:{}", nginx.tls_port);
    let out = folder.path().join("reports");
    let ran = run(plimsoll().arg("run").arg(&file).args(["--target", &target]), &out);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("TLS handshake failed"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: for a certificate of your own"), "{}", ran.stderr);
    assert_eq!(nginx.requests(), 0);
}
