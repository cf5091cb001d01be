//! What the leader answers beside everything else: clocks, files, and that it has heard.

use std::sync::Arc;

use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::fleet::{AgentTold, Carrier, CarrierError, ClockReply, FileRequest, RunSubjects};
use crate::transport::monotonic;

/// What agents told and nobody has read yet; who tells more waits, and so does its answer.
const INBOX: usize = 1_024;
/// A part of a file: small enough for the server's limit of 1 MiB a message.
pub(super) const PART: usize = 512 << 10;

/// Starts to answer. Returns what agents tell.
pub(super) async fn start(
    carrier: &Carrier,
    subjects: &RunSubjects,
    files: Vec<Vec<u8>>,
    tasks: &mut JoinSet<()>,
) -> Result<mpsc::Receiver<AgentTold>, CarrierError> {
    let mut clock = carrier.subscribe(subjects.clock()).await?;
    let answering = carrier.clone();
    tasks.spawn(async move {
        while let Some(question) = clock.next().await {
            let received = monotonic();
            let reply = ClockReply { received, sent: monotonic() };
            answering.answer(&question, serde_json::to_vec(&reply).unwrap_or_default()).await;
        }
    });
    let mut asked = carrier.subscribe(subjects.file()).await?;
    let (answering, files) = (carrier.clone(), Arc::new(files));
    tasks.spawn(async move {
        while let Some(question) = asked.next().await {
            let part =
                serde_json::from_slice(&question.payload).map(|request| part(&files, request));
            answering.answer(&question, part.unwrap_or_default()).await;
        }
    });
    let (outbox, inbox) = mpsc::channel(INBOX);
    let mut told = carrier.subscribe(subjects.told()).await?;
    let answering = carrier.clone();
    tasks.spawn(async move {
        while let Some(message) = told.next().await {
            let Ok(change) = serde_json::from_slice::<AgentTold>(&message.payload) else {
                continue;
            };
            if outbox.send(change).await.is_err() {
                return;
            }
            answering.answer(&message, b"true".to_vec()).await;
        }
    });
    Ok(inbox)
}

fn part(files: &[Vec<u8>], request: FileRequest) -> Vec<u8> {
    let file = files.get(request.file).map(Vec::as_slice).unwrap_or_default();
    let from = usize::try_from(request.offset).unwrap_or(usize::MAX).min(file.len());
    file[from..file.len().min(from + PART)].to_vec()
}
