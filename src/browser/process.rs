//! One browser process, driven over a pair of pipes.
//!
//! Pipes rather than a port: nobody else can talk to the browser, there is no port to find, and a browser whose
//! pipe closes ends by itself, so nothing is left running when this process is killed.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

use super::connection::DevTools;
use super::error::BrowserError;
use super::process_tree::{self, ProcessTreeUse};

/// A browser must answer its first call within this.
const START_LIMIT: Duration = Duration::from_secs(20);
/// A browser that is asked to end is killed after this.
const END_LIMIT: Duration = Duration::from_secs(3);

/// So much of what it says on its standard error is kept, in bytes.
const LAST_WORDS: usize = 16 << 10;
/// Runs a program, which gives way to all others where cores are scarce, and then removes a folder, to which the last of its processes may still write.
const SHELL: &str = "folder=$1; shift; nice -n 10 \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null; exec 0</dev/null 1>/dev/null 2>/dev/null; \
    for again in 1 2 3; do rm -rf \"$folder\" && exit; sleep 1; done";

/// The variable of the environment that names the browser's program.
const VARIABLE: &str = "PLIMSOLL_CHROMIUM";
/// What the program is called, where nobody names it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// Finds Chromium: what `named` says (the value of `PLIMSOLL_CHROMIUM`), else the first of its usual names in the
/// folders of `path` (the value of `PATH`).
///
/// # Errors
/// What was looked for.
pub fn find_program(
    named: Option<OsString>,
    path: Option<&OsStr>,
) -> Result<PathBuf, BrowserError> {
    if let Some(named) = named {
        let program = PathBuf::from(named);
        let missing = || BrowserError::Missing(format!("{VARIABLE}={}", program.display()));
        return if program.is_file() { Ok(program) } else { Err(missing()) };
    }
    let folders: Vec<PathBuf> = path.into_iter().flat_map(std::env::split_paths).collect();
    let all = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let mut found = all.filter(|program| program.is_file());
    found.next().ok_or_else(|| BrowserError::Missing(format!("no {} in PATH", NAMES.join(", "))))
}

/// How a browser is started.
#[derive(Debug, Clone, Default)]
pub struct BrowserOptions {
    /// Its program; see [`find_program`].
    pub program: PathBuf,
    /// Where it keeps its profile: an empty folder that the caller removes.
    pub profile: PathBuf,
    /// Hosts that pages may reach; every other name or address is not found.
    pub hosts: Vec<String>,
    /// Take certificates that nobody vouches for.
    pub insecure: bool,
    /// Keys of servers that are trusted whoever vouches for them: SHA-256 in base64.
    pub vouched_keys: Vec<String>,
}

/// A running browser.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    pub(super) connection: DevTools,
    /// Those that pages may reach.
    hosts: Vec<String>,
}

const FLAGS: &[&str] = &[
    "--headless=new",
    "--remote-debugging-pipe",
    "--disable-gpu",
    // Containers have 64 MB of shared memory, too little for a page with pictures.
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-sync",
    "--disable-extensions",
    "--disable-default-apps",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-domain-reliability",
    "--disable-breakpad",
    "--metrics-recording-only",
    "--no-first-run",
    "--no-default-browser-check",
    // Pages have windows of their own, and an empty one takes 60 MiB.
    "--no-startup-window",
    "--no-pings",
    "--mute-audio",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--window-size=1280,800",
    "--password-store=basic",
];

impl Browser {
    /// Starts a browser and waits until it answers. Must be called on a current-thread runtime inside a `LocalSet`.
    ///
    /// # Errors
    /// No such program, or it ended or kept silent for 20 s.
    pub async fn start(options: &BrowserOptions) -> Result<Self, BrowserError> {
        let mut child =
            command(options).spawn().map_err(|error| BrowserError::Start(error.to_string()))?;
        let (Some(input), Some(output), Some(said)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(BrowserError::Gone);
        };
        let said = tokio::task::spawn_local(last_words(said));
        let connection = DevTools::start(output, input);
        let mut this = Self { child, connection, hosts: options.hosts.clone() };
        let ready = async {
            // Windows that pages open are told by the browser itself.
            let discover = json!({"discover": true});
            this.connection.call(None, "Target.setDiscoverTargets", discover).await?;
            this.connection.call(None, "Browser.getVersion", json!({})).await
        };
        match timeout(START_LIMIT, ready).await {
            Ok(Ok(_)) => Ok(this),
            Ok(Err(_)) => {
                this.kill().await;
                let said = timeout(END_LIMIT, said).await.ok().and_then(Result::ok);
                Err(BrowserError::Start(reason(&said.unwrap_or_default())))
            }
            Err(_) => {
                this.kill().await;
                Err(BrowserError::Start(format!("no answer within {START_LIMIT:?}")))
            }
        }
    }

    /// Whether pages may reach a host, told with its port or without.
    pub(super) fn reaches(&self, host: &str) -> bool {
        let (name, _) = host
            .rsplit_once(':')
            .filter(|(_, port)| port.parse::<u16>().is_ok())
            .unwrap_or((host, ""));
        let name = name.trim_matches(['[', ']']);
        self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// What all its processes take; none once it has ended.
    pub fn process_use(&self) -> Option<ProcessTreeUse> {
        self.child.id().map(process_tree::of)
    }

    /// Ends the browser: politely, then by force.
    pub async fn close(mut self) {
        let polite = self.connection.call(None, "Browser.close", json!({}));
        let _ = timeout(END_LIMIT, polite).await;
        if timeout(END_LIMIT, self.child.wait()).await.is_err() {
            self.kill().await;
        }
    }

    /// Ends all its processes by force.
    pub async fn kill(&mut self) {
        let group = self.child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        if let Some(group) = group {
            // They may be gone already.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.kill().await;
    }
}

/// The last that a browser says on its standard error, bounded; read to its end so that it never waits.
async fn last_words(mut said: ChildStderr) -> String {
    let (mut kept, mut piece) = (Vec::new(), [0; 4_096]);
    while let Ok(read @ 1..) = said.read(&mut piece).await {
        kept.extend_from_slice(&piece[..read]);
        let surplus = kept.len().saturating_sub(LAST_WORDS);
        kept.drain(..surplus);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// Why a browser did not start, by its own words: the line that names a fatal error, or else the last.
fn reason(said: &str) -> String {
    if said.contains("No usable sandbox") {
        return "this system lets it have no sandbox; run as root in a container, or let users have namespaces of \
                their own (sysctl kernel.apparmor_restrict_unprivileged_userns=0)"
            .to_owned();
    }
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let fatal = lines().find(|line| line.contains("FATAL") || line.contains("error while loading"));
    let line = fatal.or(lines().next_back()).unwrap_or("it ended at once");
    line.chars().take(300).collect()
}

fn command(options: &BrowserOptions) -> Command {
    // The browser reads file descriptor 3 and writes 4. The shell turns its own input and output into those two, and
    // outlives the browser to remove its profile, also where this process was killed.
    let mut command = Command::new("/bin/sh");
    command.args(["-c", SHELL, "sh"]).arg(&options.profile);
    command.arg(&options.program).args(FLAGS);
    let mut profile = OsString::from("--user-data-dir=");
    profile.push(&options.profile);
    command.arg(profile);
    let open: Vec<_> = options.hosts.iter().map(|host| format!(", EXCLUDE {host}")).collect();
    command.arg(format!("--host-resolver-rules=MAP * ~NOTFOUND{}", open.concat()));
    if options.insecure {
        command.arg("--ignore-certificate-errors");
    }
    if !options.vouched_keys.is_empty() {
        let keys = options.vouched_keys.join(",");
        command.arg(format!("--ignore-certificate-errors-spki-list={keys}"));
    }
    if rustix::process::geteuid().is_root() {
        // The sandbox of the renderers cannot be set up by root.
        command.arg("--no-sandbox");
    }
    command.arg("about:blank");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.process_group(0);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browser_that_does_not_start_says_why() {
        let sandbox =
            "[9:9:1128/1:FATAL:zygote_host_impl_linux.cc(127)] No usable sandbox! If you …\n";
        assert!(reason(sandbox).starts_with("this system lets it have no sandbox"));
        let library = "chrome: error while loading shared libraries: libnss3.so: cannot open\n";
        assert_eq!(reason(library), library.trim());
        assert_eq!(reason("[1:ERROR] one\n[1:FATAL] two\n three\n"), "[1:FATAL] two");
        assert_eq!(reason("\n"), "it ended at once");
    }
}
