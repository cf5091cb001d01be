//! Talk that waits for nobody: from the beginning of a run on, a thread of its own writes it to stderr.
//!
//! A terminal that takes nothing (Ctrl-S, a connection that hangs) or a pipe that nobody reads would hold up
//! whoever writes to it: the run, its log and its end. So lines go through a queue with an end; what does not fit
//! is lost, and the process does not wait for a reader who takes nothing.

use std::io::{self, Write as _};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// Lines that the terminal has not taken yet.
const QUEUE: usize = 256;
/// A reader who takes nothing for so long is not waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The thread, once there is one.
static THREAD: OnceLock<Talk> = OnceLock::new();

/// How far the thread is.
#[derive(Debug, Default)]
struct TalkProgress {
    /// Texts that were put into the queue.
    sent: u64,
    /// Texts that were written or could not be.
    done: u64,
    /// Whether the reader was given up on; until it takes something again.
    is_stalled: bool,
}

#[derive(Debug)]
struct Talk {
    texts: SyncSender<String>,
    progress: Mutex<TalkProgress>,
    moved: Condvar,
}

/// Lets all talk from now on wait for nobody.
pub(super) fn never_wait() {
    if THREAD.get().is_some() {
        return;
    }
    let (texts, inbox) = sync_channel(QUEUE);
    let talk = Talk { texts, progress: Mutex::default(), moved: Condvar::new() };
    if THREAD.set(talk).is_ok() {
        // Without a thread the queue has no reader, and is passed by.
        let _ = std::thread::Builder::new().name("talk".to_owned()).spawn(move || write(&inbox));
    }
}

/// Prints a text to stderr.
pub(super) fn print(text: String) {
    let Some(talk) = THREAD.get() else { return to_stderr(&text) };
    talk.change(|progress| progress.sent += 1);
    match talk.texts.try_send(text) {
        Ok(()) => {}
        Err(TrySendError::Full(_)) => talk.change(|progress| progress.sent -= 1),
        Err(TrySendError::Disconnected(text)) => {
            talk.change(|progress| progress.sent -= 1);
            to_stderr(&text);
        }
    }
}

/// Waits until all is printed, as long as somebody takes it.
pub(super) fn wait() {
    let Some(talk) = THREAD.get() else { return };
    let mut progress = talk.progress.lock().unwrap_or_else(PoisonError::into_inner);
    while progress.done < progress.sent && !progress.is_stalled {
        let before = progress.done;
        let waited = talk.moved.wait_timeout_while(progress, PATIENCE, |now| now.done == before);
        let timed_out;
        (progress, timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
        progress.is_stalled = timed_out.timed_out();
    }
}

impl Talk {
    fn change(&self, change: impl FnOnce(&mut TalkProgress)) {
        change(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner));
        self.moved.notify_all();
    }
}

fn write(inbox: &Receiver<String>) {
    for text in inbox {
        to_stderr(&text);
        if let Some(talk) = THREAD.get() {
            talk.change(|progress| {
                progress.done += 1;
                progress.is_stalled = false;
            });
        }
    }
}

/// What is lost because stderr is closed or full cannot be told anywhere.
fn to_stderr(text: &str) {
    let mut out = io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
