//! The run log on its way to the leader: read from the disk, where it is first.
//!
//! The disk is the queue. Nothing waits for the carrier but this task, and what could not be sent is sent later.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::fleet::{Carrier, pack};

/// A piece, before it is deflated: in the worst case it hardly grows, and the server takes 1 MiB.
const PIECE: usize = 512 << 10;
/// Between two looks at the log.
const LOOK: Duration = Duration::from_secs(1);
/// Before a piece that was not taken is sent again.
const AGAIN: Duration = Duration::from_millis(500);
/// Once the run is over, so long without a piece taken, and the rest stays on the disk.
const PATIENCE: Duration = Duration::from_mins(1);

/// The way of one log to the leader.
pub(super) struct LogUpload {
    pub(super) carrier: Carrier,
    pub(super) subject: String,
    /// Once the run is over.
    pub(super) is_over: CancellationToken,
}

impl LogUpload {
    /// Sends the log at `path` as it grows, to its end once the run is over.
    ///
    /// # Errors
    /// Where the rest cannot be sent: why.
    pub(super) async fn send(self, path: &Path) -> Result<(), String> {
        let log = File::open(path).map_err(|error| error.to_string())?;
        let mut offset = 0;
        loop {
            // Before it is read: what was written until then is found.
            let is_last = self.is_over.is_cancelled();
            let mut piece = vec![0; PIECE];
            let length = log.read_at(&mut piece, offset).map_err(|error| error.to_string())?;
            piece.truncate(length);
            let is_end = is_last && length == 0;
            if length > 0 || is_end {
                self.send_piece(offset, is_end, &piece).await?;
                offset += length as u64;
            }
            if is_end {
                return Ok(());
            }
            if length < PIECE && !is_last {
                tokio::select! {
                    () = tokio::time::sleep(LOOK) => {}
                    () = self.is_over.cancelled() => {}
                }
            }
        }
    }

    /// Sends one piece until it is taken.
    async fn send_piece(&self, offset: u64, is_end: bool, piece: &[u8]) -> Result<(), String> {
        let packed = pack(piece);
        let sending = async {
            let place = (offset, is_end);
            while self.carrier.keep(self.subject.clone(), place, packed.clone()).await.is_err() {
                tokio::time::sleep(AGAIN).await;
            }
        };
        let patience = async {
            self.is_over.cancelled().await;
            tokio::time::sleep(PATIENCE).await;
        };
        tokio::select! {
            () = sending => Ok(()),
            () = patience => {
                Err(format!("the NATS server took nothing for {} s", PATIENCE.as_secs()))
            }
        }
    }
}
