//! Lines into a file, by a thread of their own: a pipe that nobody reads holds nothing up.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::time::Duration;

use super::super::exit::Failure;

/// Lines on their way: four minutes of seconds.
const QUEUE: usize = 256;

/// Where lines go.
#[derive(Debug)]
pub(super) struct LineExport {
    queue: SyncSender<String>,
    /// Closed when the thread has ended.
    done: Receiver<()>,
    lost: u64,
    shown: String,
}

impl LineExport {
    /// Opens `path`, or `events.jsonl` in the run's folder where it is empty.
    pub(super) fn open(path: &Path, folder: &Path) -> Result<Self, Failure> {
        let path =
            if path.as_os_str().is_empty() { folder.join("events.jsonl") } else { path.to_owned() };
        let shown = path.display().to_string();
        let failed = |error: std::io::Error| {
            Failure::while_doing(&format!("cannot write `{shown}`"), &error)
        };
        let mut file = File::create(&path).map_err(failed)?;
        let (queue, lines) = sync_channel::<String>(QUEUE);
        let (ended, done) = channel::<()>();
        std::thread::Builder::new()
            .name("events".to_owned())
            .spawn(move || {
                for line in lines {
                    // A reader that has gone wants no more.
                    if file.write_all(line.as_bytes()).is_err() {
                        break;
                    }
                }
                drop(ended);
            })
            .map_err(failed)?;
        Ok(Self { queue, done, lost: 0, shown })
    }

    /// Sends a line on its way, or counts it as lost.
    pub(super) fn send(&mut self, line: String) {
        if self.queue.try_send(line).is_err() {
            self.lost += 1;
        }
    }

    /// How many lines found no room.
    pub(super) const fn lost(&self) -> u64 {
        self.lost
    }

    /// Lets the last lines go out. Returns a warning where some found no room.
    pub(super) fn close(self, patience: Duration) -> Option<String> {
        drop(self.queue);
        let _ = self.done.recv_timeout(patience);
        let Self { lost, shown, .. } = self;
        (lost > 0).then(|| {
            format!(
                "warning: `{shown}`: {lost} lines were not written in time; the load did not wait"
            )
        })
    }
}
