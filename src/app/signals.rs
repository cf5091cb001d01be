//! Ctrl-C, SIGTERM and a terminal that was closed.

use std::sync::OnceLock;
#[cfg(feature = "tui")]
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use std::time::Duration;

#[cfg(feature = "tui")]
use signal_hook::{
    consts::{SIGSTOP, SIGTSTP},
    flag,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::{Exit, Failure};
use super::files;

/// After the second signal, whatever still goes on gets so long: reading a long log, say, or a disk that hangs.
const LAST_WORDS: Duration = Duration::from_millis(800);

/// Whether the thread that has the last word was started.
static LAST_WORD: OnceLock<()> = OnceLock::new();

/// Signals to stop: the first stops a run gracefully, the second at once.
pub(super) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Option<Signal>,
}

impl StopSignals {
    /// Listens from now on. From the first call on, a second signal ends the process within a second, whatever it does.
    pub(super) fn new() -> Result<Self, Failure> {
        let signals = Self::listen()
            .map_err(|error| Failure::while_doing("cannot listen to signals", &error))?;
        LAST_WORD.get_or_init(|| {
            // Without the thread, signals are heard by the run alone.
            let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(have_last_word);
        });
        Ok(signals)
    }

    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: if ignores_hang_up() { None } else { Some(signal(SignalKind::hangup())?) },
        })
    }

    /// Awaits the next one.
    pub(super) async fn next(&mut self) {
        let Self { interrupt, terminate, hang_up } = self;
        let hung_up = async {
            match hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hung_up => {}
        }
    }
}

/// Ends the process soon after the second signal. A run that hears it is over long before.
fn have_last_word() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return };
    runtime.block_on(async {
        let Ok(mut signals) = StopSignals::listen() else { return };
        // A file that grows beyond its limit is an error like a full disk, and must not kill the process.
        let _beyond_limit = signal(SignalKind::from_raw(FILE_TOO_LARGE));
        signals.next().await;
        signals.next().await;
        tokio::time::sleep(LAST_WORDS).await;
        #[cfg(feature = "tui")]
        give_back_terminal().await;
        std::process::exit(i32::from(Exit::Interrupted.number()));
    });
}

/// Gives the terminal back, unless it takes nothing.
#[cfg(feature = "tui")]
async fn give_back_terminal() {
    let given_back = tokio::task::spawn_blocking(crate::tui::restore);
    if tokio::time::timeout(Duration::from_millis(100), given_back).await.is_err() {
        crate::tui::release();
    }
}

/// SIGTSTP while the terminal UI has the terminal, which must be given back first. Before and after, the signal stops
/// the process at once, as always.
#[cfg(feature = "tui")]
pub(super) struct SuspendSignal {
    asked: Arc<AtomicBool>,
    is_over: Arc<AtomicBool>,
}

#[cfg(feature = "tui")]
impl SuspendSignal {
    /// Listens until it is dropped.
    pub(super) fn listen() -> std::io::Result<Self> {
        let listening = Self { asked: Arc::default(), is_over: Arc::default() };
        flag::register_conditional_default(SIGTSTP, Arc::clone(&listening.is_over))?;
        flag::register(SIGTSTP, Arc::clone(&listening.asked))?;
        Ok(listening)
    }

    /// Whether it came since the last time.
    pub(super) fn came(&self) -> bool {
        self.asked.swap(false, Ordering::SeqCst)
    }
}

#[cfg(feature = "tui")]
impl Drop for SuspendSignal {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
    }
}

/// Stops the process, until SIGCONT lets it go on.
#[cfg(feature = "tui")]
pub(super) fn suspend() {
    // Sent to this thread, which therefore does not go on before; where it is refused, everything goes on.
    let _ = signal_hook::low_level::raise(SIGSTOP);
}

/// SIGXFSZ on Linux.
const FILE_TOO_LARGE: i32 = 25;

/// Whether the process was started to outlive its terminal (`nohup`).
fn ignores_hang_up() -> bool {
    const HANG_UP: u64 = 1;
    let status = files::read("/proc/self/status".as_ref()).unwrap_or_default();
    let ignored = String::from_utf8_lossy(&status).lines().find_map(|line| {
        let set = line.strip_prefix("SigIgn:")?;
        u64::from_str_radix(set.trim(), 16).ok()
    });
    ignored.unwrap_or(0) & HANG_UP != 0
}
