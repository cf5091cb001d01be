//! Machines of their own: network namespaces on a bridge, where this machine lets tests make them; otherwise addresses on
//! loopback.

use std::io::BufReader;
use std::path::Path;
use std::process::{ChildStderr, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::fleet::{nats_server, wait_for};
use super::harness::{Guarded, free_port};

/// Who pods run as, like the image says.
const NOBODY: &str = "65532";

/// A network of machines, each with an address.
pub(crate) struct Network {
    /// Begins the names of all namespaces; none on loopback.
    prefix: Option<String>,
    machines: AtomicU32,
}

/// A server on a machine.
pub(crate) struct Server {
    pub(crate) url: String,
    _process: Guarded,
    /// Nobody to say it to would end it.
    _said: BufReader<ChildStderr>,
}

/// One machine of it.
pub(crate) struct Machine {
    namespace: Option<String>,
    pub(crate) address: String,
}

fn ip(words: &str) -> Output {
    Command::new("ip").args(words.split_whitespace()).output().expect("ip runs")
}

fn must(words: &str) {
    let done = ip(words);
    assert!(done.status.success(), "ip {words}: {}", String::from_utf8_lossy(&done.stderr));
}

impl Network {
    /// A bridge in a namespace of its own, if that is allowed.
    pub(crate) fn new() -> Self {
        // Interfaces have names of 15 bytes at the most.
        let prefix = format!("pl{:x}", std::process::id());
        let is_allowed = Path::new("/usr/bin/setpriv").exists()
            && (Path::new("/sbin/ip").exists() || Path::new("/usr/sbin/ip").exists())
            && ip(&format!("netns add {prefix}s")).status.success();
        if is_allowed {
            must(&format!("-n {prefix}s link add bridge type bridge"));
            must(&format!("-n {prefix}s link set bridge up"));
        } else {
            println!("no network namespaces here: addresses on loopback stand for machines");
        }
        Self { prefix: is_allowed.then_some(prefix), machines: AtomicU32::new(0) }
    }

    /// One more machine.
    pub(crate) fn machine(&self) -> Machine {
        let number = self.machines.fetch_add(1, Ordering::Relaxed) + 1;
        let Some(prefix) = &self.prefix else {
            let id = std::process::id();
            let address = format!("127.{}.{}.{number}", 1 + (id >> 8) % 254, id % 256);
            return Machine { namespace: None, address };
        };
        let (name, address) = (format!("{prefix}n{number}"), format!("10.77.0.{number}"));
        must(&format!("netns add {name}"));
        must(&format!("-n {name} link set lo up"));
        must(&format!("-n {prefix}s link add v{number} type veth peer name eth0 netns {name}"));
        must(&format!("-n {prefix}s link set v{number} master bridge up"));
        must(&format!("-n {name} addr add {address}/24 dev eth0"));
        must(&format!("-n {name} link set eth0 up"));
        Machine { namespace: Some(name), address }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let Some(prefix) = &self.prefix else { return };
        for number in 1..=self.machines.load(Ordering::Relaxed) {
            ip(&format!("netns del {prefix}n{number}"));
        }
        ip(&format!("netns del {prefix}s"));
    }
}

impl Machine {
    /// A command that will run on it, as nobody.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let Some(namespace) = &self.namespace else { return Command::new(program) };
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace, "setpriv", "--clear-groups"]);
        command.args(["--reuid", NOBODY, "--regid", NOBODY, "--no-new-privs"]).arg(program);
        command
    }

    /// A NATS server on it, which keeps streams below `folder`.
    pub(crate) fn nats(&self, folder: &Path) -> Server {
        let port = if self.namespace.is_some() { 4_222 } else { free_port() };
        let mut child = self
            .command(&nats_server())
            .args(["-js", "-a", &self.address, "-p", &port.to_string(), "-sd"])
            .arg(folder.join("nats"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nats-server starts");
        let mut said = BufReader::new(child.stderr.take().expect("piped"));
        wait_for(&mut said, "Server is ready");
        let url = format!("nats://{}:{port}", self.address);
        Server { url, _process: Guarded(child), _said: said }
    }

    /// Makes its way out as slow and lossy as the words of `tc netem` say; false where that cannot be done here.
    pub(crate) fn impair(&self, how: &str) -> bool {
        let Some(namespace) = &self.namespace else { return false };
        let words = format!("netns exec {namespace} tc qdisc add dev eth0 root netem {how}");
        let done = ip(&words);
        if !done.status.success() {
            println!("no netem here: {}", String::from_utf8_lossy(&done.stderr).trim());
        }
        done.status.success()
    }
}
