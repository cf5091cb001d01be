//! One browser process, driven over a pair of pipes.
//!
//! Pipes rather than a port: nobody else can talk to the browser, there is no port to find, and a browser whose
//! pipe closes ends by itself, so nothing is left running when this process is killed.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::connection::DevTools;
use super::error::BrowserError;
use super::process_tree::{self, ProcessTreeUse};

/// A browser must answer its first call within this.
const START_LIMIT: Duration = Duration::from_secs(20);
/// A browser that is asked to end is killed after this.
const END_LIMIT: Duration = Duration::from_secs(3);

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
}

/// A running browser.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    pub(super) connection: DevTools,
}

const FLAGS: &[&str] = &[
    "--headless=new",
    "--remote-debugging-pipe",
    "--disable-gpu",
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
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(BrowserError::Gone);
        };
        let connection = DevTools::start(output, input);
        let version = connection.call(None, "Browser.getVersion", json!({}));
        match timeout(START_LIMIT, version).await {
            Ok(Ok(_)) => Ok(Self { child, connection }),
            Ok(Err(_)) => Err(BrowserError::Start("it ended at once".to_owned())),
            Err(_) => Err(BrowserError::Start(format!("no answer within {START_LIMIT:?}"))),
        }
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
            let _ = self.child.kill().await;
        }
    }
}

fn command(options: &BrowserOptions) -> Command {
    // The browser reads file descriptor 3 and writes 4. The shell turns its own input and output into those two.
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "exec \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null", "sh"]);
    command.arg(&options.program).args(FLAGS);
    let mut profile = OsString::from("--user-data-dir=");
    profile.push(&options.profile);
    command.arg(profile);
    let open: Vec<_> = options.hosts.iter().map(|host| format!(", EXCLUDE {host}")).collect();
    command.arg(format!("--host-resolver-rules=MAP * ~NOTFOUND{}", open.concat()));
    if options.insecure {
        command.arg("--ignore-certificate-errors");
    }
    if rustix::process::geteuid().is_root() {
        // The sandbox of the renderers cannot be set up by root.
        command.arg("--no-sandbox");
    }
    command.arg("about:blank");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    command.process_group(0);
    command
}
