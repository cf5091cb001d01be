//! The server that all tools are measured against.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use super::tool::{SERVER_CORE, find};

/// nginx on a core of its own: `/` answers 200, `/login` a token, over HTTP and TLS with HTTP/2.
pub struct Nginx {
    pub port: u16,
    pub tls_port: u16,
    process: Child,
    _folder: tempfile::TempDir,
}

impl Nginx {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (port, tls_port) = (free_port(), free_port());
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]);
        let made = made.expect("a certificate");
        let f = folder.path().display();
        fs::write(folder.path().join("cert.pem"), made.cert.pem()).expect("written");
        fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem())
            .expect("written");
        let configuration = format!(
            "daemon off; worker_processes 1; pid {f}/pid; error_log {f}/error.log;\n\
             worker_rlimit_nofile 30000; events {{ worker_connections 20000; }}\n\
             http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;\n\
             client_body_temp_path {f}/1; proxy_temp_path {f}/2; fastcgi_temp_path {f}/3;\n\
             uwsgi_temp_path {f}/4; scgi_temp_path {f}/5;\n\
             server {{ listen 127.0.0.1:{port} backlog=8192; listen 127.0.0.1:{tls_port} ssl http2;\n\
             ssl_certificate {f}/cert.pem; ssl_certificate_key {f}/key.pem;\n\
             location / {{ return 200 'ok'; }}\n\
             location /login {{ default_type application/json;\n\
             return 200 '{{\"user\":7,\"token\":\"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOjd9.c2ln\"}}'; }} }} }}\n"
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, configuration).expect("written");
        let process = Command::new("taskset")
            .args(["-c", SERVER_CORE])
            .arg(find("nginx").expect("nginx is installed"))
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx starts");
        let nginx = Self { port, tls_port, process, _folder: folder };
        for _ in 0..500_000 {
            if std::net::TcpStream::connect(("127.0.0.1", tls_port)).is_ok() {
                return nginx;
            }
            std::thread::yield_now();
        }
        panic!("nginx does not listen");
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let pid = self.process.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
