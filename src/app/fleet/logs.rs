//! The agents' logs on the leader's disk.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::fleet::{Carrier, CarrierError, LogPiece, LogStream, RunSubjects, unpack};

use super::super::files::LOG;

/// Before a server that did not answer is asked again.
const AGAIN: Duration = Duration::from_millis(500);

/// A piece of a log that is on the disk now.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogProgress {
    /// The agent's shard, from 1.
    pub(super) number: u32,
    /// Whether its log is complete.
    pub(super) is_end: bool,
}

/// The folder of the agents' logs.
#[derive(Debug)]
pub(super) struct LogStore {
    root: PathBuf,
    lengths: BTreeMap<u32, u64>,
}

impl LogStore {
    pub(super) fn new(run: &Path) -> Self {
        Self { root: run.join("agents"), lengths: BTreeMap::new() }
    }

    /// Where the log of shard `number` is, from 1.
    pub(super) fn folder(root: &Path, number: u32) -> PathBuf {
        root.join("agents").join(number.to_string())
    }

    /// Appends a piece. One that is there already changes nothing.
    fn store(&mut self, piece: &LogPiece) -> Result<LogProgress, String> {
        let length = self.lengths.entry(piece.number).or_default();
        let change = LogProgress { number: piece.number, is_end: piece.is_end };
        if piece.offset < *length {
            return Ok(LogProgress { is_end: false, ..change });
        }
        if piece.offset > *length {
            return Err(format!("a piece of the log of agent {} is missing", piece.number));
        }
        let bytes = unpack(&piece.packed).map_err(|error| error.to_string())?;
        let folder = self.root.join(piece.number.to_string());
        let write = || {
            fs::create_dir_all(&folder)?;
            File::options().create(true).append(true).open(folder.join(LOG))?.write_all(&bytes)
        };
        write().map_err(|error| format!("cannot write `{}`: {error}", folder.display()))?;
        *length += bytes.len() as u64;
        Ok(change)
    }
}

/// Fetches pieces for as long as anybody wants to know of them.
pub(super) async fn fetch(
    carrier: Carrier,
    subjects: RunSubjects,
    mut store: LogStore,
    outbox: mpsc::Sender<Result<LogProgress, String>>,
) {
    let mut stream: Option<LogStream> = None;
    loop {
        let fetched = tokio::select! {
            piece = next_piece(&carrier, &subjects, &mut stream) => piece,
            () = outbox.closed() => return,
        };
        let Ok(piece) = fetched else {
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        if outbox.send(store.store(&piece)).await.is_err() {
            return;
        }
    }
}

async fn next_piece(
    carrier: &Carrier,
    subjects: &RunSubjects,
    stream: &mut Option<LogStream>,
) -> Result<LogPiece, CarrierError> {
    match stream {
        Some(open) => open.next().await,
        None => stream.insert(carrier.open_stream(subjects).await?).next().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::pack;

    fn piece(offset: u64, bytes: &[u8], is_end: bool) -> LogPiece {
        LogPiece { number: 2, offset, is_end, packed: pack(bytes).into() }
    }

    #[test]
    fn pieces_make_the_log_once_whatever_comes_twice() {
        let run = tempfile::tempdir().expect("a folder");
        let mut store = LogStore::new(run.path());
        for (piece, is_end) in [
            (piece(0, b"one\n", false), false),
            (piece(0, b"one\n", false), false),
            (piece(4, b"two\n", false), false),
            (piece(8, b"", true), true),
        ] {
            assert_eq!(store.store(&piece).expect("stored").is_end, is_end);
        }
        let log = LogStore::folder(run.path(), 2).join(LOG);
        assert_eq!(fs::read_to_string(log).expect("a log"), "one\ntwo\n");
        let why = store.store(&piece(20, b"x", false)).expect_err("a gap");
        assert_eq!(why, "a piece of the log of agent 2 is missing");
    }
}
