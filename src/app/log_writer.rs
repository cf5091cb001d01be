//! The thread that writes a run log: whoever has a line to write waits for neither the disk nor a terminal.

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

/// Lines that the disk has not taken yet. One comes a second, with an event now and then, so that a disk may stand
/// still for minutes.
const QUEUE: usize = 256;

/// What the thread is told.
enum Order {
    /// Write this line.
    Line(String),
    /// Answer once all lines before are written.
    Flush(SyncSender<()>),
}

/// Appends to a log, in a thread of its own.
#[derive(Debug)]
pub(super) struct LogWriter {
    orders: Option<SyncSender<Order>>,
    thread: Option<JoinHandle<()>>,
    /// Why a line could not be written.
    failure: Arc<OnceLock<String>>,
}

impl LogWriter {
    /// Appends to `log`, which holds `length` bytes. The file is locked until the writer, or its process, ends.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub(super) fn start(log: File, length: u64) -> io::Result<Self> {
        // Only to be seen by others: a file system that has no locks takes the log all the same.
        let _ = log.lock();
        let (orders, inbox) = sync_channel(QUEUE);
        let failure = Arc::new(OnceLock::new());
        let told = failure.clone();
        let thread = std::thread::Builder::new()
            .name("run log".to_owned())
            .spawn(move || write(log, length, &inbox, &told))?;
        Ok(Self { orders: Some(orders), thread: Some(thread), failure })
    }

    /// Whether a writer, of whichever process, has this log open.
    pub(super) fn writes(log: &Path) -> bool {
        let tried = File::open(log).map(|log| log.try_lock_shared());
        matches!(tried, Ok(Err(TryLockError::WouldBlock)))
    }

    /// Hands a line to the thread.
    ///
    /// # Errors
    /// Where an earlier line could not be written.
    pub(super) fn append(&self, line: String) -> Result<(), String> {
        self.send(Order::Line(line))
    }

    /// Waits until all lines so far are written.
    ///
    /// # Errors
    /// Where one of them could not be.
    pub(super) fn flush(&self) -> Result<(), String> {
        let (written, done) = sync_channel(1);
        self.send(Order::Flush(written))?;
        // The thread outlives every order.
        let _ = done.recv();
        self.failed()
    }

    fn send(&self, order: Order) -> Result<(), String> {
        self.failed()?;
        let sent = self.orders.as_ref().is_some_and(|orders| orders.send(order).is_ok());
        if sent { Ok(()) } else { Err("the thread that writes it has ended".to_owned()) }
    }

    fn failed(&self) -> Result<(), String> {
        self.failure.get().map_or(Ok(()), |why| Err(why.clone()))
    }
}

impl Drop for LogWriter {
    /// What was handed over is written first.
    fn drop(&mut self) {
        self.orders.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn write(mut log: File, mut length: u64, inbox: &Receiver<Order>, failure: &OnceLock<String>) {
    for order in inbox {
        match order {
            // Behind a line that is missing, others would tell half of the truth.
            Order::Line(_) if failure.get().is_some() => {}
            Order::Line(line) => match log.write_all(line.as_bytes()) {
                Ok(()) => length += line.len() as u64,
                Err(error) => {
                    let _ = failure.set(error.to_string());
                    // A full disk takes half a line, which would only have to be left out again.
                    let _ = log.set_len(length);
                }
            },
            Order::Flush(written) => {
                let _ = written.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_in_the_file_after_a_flush_and_at_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let file = File::create_new(&path).expect("a file");
        let writer = LogWriter::start(file, 0).expect("a thread");
        let read = || std::fs::read_to_string(&path).expect("a file");
        writer.append("one\n".to_owned()).expect("taken");
        writer.flush().expect("written");
        assert_eq!(read(), "one\n");
        assert!(LogWriter::writes(&path), "locked while it is open");
        writer.append("two\n".to_owned()).expect("taken");
        drop(writer);
        assert_eq!(read(), "one\ntwo\n");
        assert!(!LogWriter::writes(&path), "free once it is closed");
    }

    #[test]
    fn full_disk_is_told() {
        let full = File::options().append(true).open("/dev/full").expect("a device");
        let writer = LogWriter::start(full, 0).expect("a thread");
        writer.append("line\n".to_owned()).expect("taken");
        let why = writer.flush().expect_err("nothing fits");
        assert!(why.contains("No space left"), "{why}");
        assert_eq!(writer.append("line\n".to_owned()), Err(why));
    }
}
