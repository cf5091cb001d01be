//! A real nginx.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::harness::{Guarded, free_port};

/// A real nginx with its own configuration, log and certificate, below `folder`.
pub(crate) struct Nginx {
    pub port: u16,
    pub tls_port: u16,
    pub ca: PathBuf,
    pub log: PathBuf,
    process: Guarded,
}

impl Nginx {
    /// One that answers `ok`.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::with(folder, "", "return 200 'ok';")
    }

    /// One with more in its `http` block and in its only location.
    pub(crate) fn with(folder: &Path, http: &str, location: &str) -> Self {
        let (port, tls_port) = (free_port(), free_port());
        let (ca, key) = certificate(folder);
        let log = folder.join("access.log");
        let f = folder.display();
        let configuration = format!(
            "daemon off; master_process off; pid {f}/pid; error_log {f}/error.log;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log {log}; client_body_temp_path {f}/1; proxy_temp_path {f}/2;\n\
             fastcgi_temp_path {f}/3; uwsgi_temp_path {f}/4; scgi_temp_path {f}/5;\n\
             {http}\n\
             server {{ listen 127.0.0.1:{port}; listen 127.0.0.1:{tls_port} ssl http2;\n\
             ssl_certificate {ca}; ssl_certificate_key {key};\n\
             location / {{ {location} }} }} }}\n",
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
        let listens = || std::net::TcpStream::connect(("127.0.0.1", self.tls_port)).is_ok();
        let ready = (0..200_000).any(|_| {
            std::thread::yield_now();
            listens()
        });
        assert!(ready, "nginx does not listen");
    }

    /// Lines of the access log, after a graceful end has flushed it.
    pub(crate) fn requests(mut self) -> usize {
        let pid = self.process.0.id().to_string();
        let ended = Command::new("kill").args(["-QUIT", &pid]).status().expect("kill runs");
        assert!(ended.success());
        self.process.0.wait().expect("nginx ends");
        let log = fs::read_to_string(&self.log).expect("a log");
        log.lines().filter(|line| line.contains("HTTP/")).count()
    }
}

/// A certificate authority of its own that is the server's certificate as well.
pub(crate) fn certificate(folder: &Path) -> (PathBuf, PathBuf) {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    fs::write(&certificate, made.cert.pem()).expect("written");
    fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    (certificate, key)
}
