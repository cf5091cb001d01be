//! The processes of a fleet.

use std::error::Error;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A system of one step; visits take 5 ms of as many cores as anybody wants.
pub(crate) const SIMULATION: &str = "name: fleet\ntiers: { api: { kind: api, cores: 64 } }\n\
    routes: [{ get: /, visits: [{ api: 5ms }], answer: { json: { ok: true } } }]\n";

/// A process that is ended with its owner.
pub(crate) struct Part(pub(crate) Child);

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program under test.
pub(crate) fn plimsoll() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A port that nothing listens on now.
pub(crate) fn free_port() -> Result<u16, Box<dyn Error>> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A NATS server on loopback, once it is ready.
pub(crate) fn nats(port: u16, folder: &Path) -> Result<Part, Box<dyn Error>> {
    let places = ["/usr/sbin/nats-server", "/usr/bin/nats-server"].map(PathBuf::from);
    let program = places.into_iter().find(|it| it.exists()).ok_or("nats-server is missing")?;
    let log = folder.join("nats.log");
    let server = Command::new(program)
        .args(["-js", "-a", "127.0.0.1", "-p", &port.to_string(), "-sd"])
        .arg(folder.join("nats"))
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log)?)
        .spawn()?;
    let server = Part(server);
    while !fs::read_to_string(&log)?.contains("Server is ready") {
        std::thread::yield_now();
    }
    Ok(server)
}

/// A simulated system, and where it is.
pub(crate) fn target(folder: &Path, log: Option<&Path>) -> Result<(Part, String), Box<dyn Error>> {
    let stack = folder.join("stack");
    fs::create_dir_all(&stack)?;
    fs::write(stack.join("simulation.yaml"), SIMULATION)?;
    serve(&stack, log)
}

/// The simulated system of a folder, and where it is.
pub(crate) fn serve(stack: &Path, log: Option<&Path>) -> Result<(Part, String), Box<dyn Error>> {
    let mut command = plimsoll();
    command.arg("simulate").arg(stack).args(["--listen", "127.0.0.1:0", "--stop-after", "1h"]);
    if let Some(log) = log {
        command.arg("--log").arg(log);
    }
    let mut server = command.stdout(Stdio::piped()).spawn()?;
    let mut url = String::new();
    BufReader::new(server.stdout.take().ok_or("piped")?).read_line(&mut url)?;
    Ok((Part(server), url.trim().to_owned()))
}
