//! NATS: messages, questions and answers, and the stream that keeps run logs.
//!
//! The client connects again by itself, for ever; what is published meanwhile waits in its queue, and who asks gets no
//! answer in time and asks again.

use std::future::ready;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, HeaderMap, Message, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::presence::LeaderPresence;
use super::subject::RunSubjects;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(5);
/// Between two attempts to connect again.
const AGAIN: Duration = Duration::from_millis(250);
/// Messages of a subscription that were not read yet; what comes beyond is dropped, and no memory is filled: four seconds
/// of the live view of a thousand agents.
const UNREAD: usize = 4_096;
/// Pieces of logs that are on their way at once: of a thousand agents, one comes every millisecond.
const IN_FLIGHT: usize = 128;
/// The server says so often that it has nothing to send; twice as long without a word, and it is asked anew.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// A request for pieces is good for so long.
const REQUEST: Duration = Duration::from_secs(30);
/// Logs that nobody has fetched are thrown away.
const KEPT: Duration = Duration::from_hours(7 * 24);
/// The same piece is taken once, however often it is sent within this time.
const DUPLICATES: Duration = Duration::from_mins(10);

const OFFSET: &str = "Plimsoll-Offset";
const END: &str = "Plimsoll-End";
const ID: &str = "Nats-Msg-Id";

/// How to get in.
#[derive(Debug, Clone, Default)]
pub struct CarrierLogin {
    /// A file with a token.
    pub token: Option<PathBuf>,
    /// A file with an NKEY seed.
    pub nkey: Option<PathBuf>,
    /// A credentials file (JWT and seed), as `nsc` writes it.
    pub credentials: Option<PathBuf>,
    /// Certificate authorities (PEM) to trust beside the system's; TLS is required then.
    pub ca: Option<PathBuf>,
    /// The client's certificate chain and key (PEM).
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// The carrier failed.
#[derive(Debug, thiserror::Error)]
pub enum CarrierError {
    /// A file of the login cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The server cannot be reached, or lets nobody in.
    #[error("cannot connect to the NATS server at {url}: {source}")]
    Connect {
        /// Where.
        url: String,
        /// Why.
        #[source]
        source: async_nats::ConnectError,
    },
    /// The server keeps no streams.
    #[error("the NATS server keeps no streams: {0}")]
    NoStreams(String),
    /// A message could not be sent, or nobody answered.
    #[error("{doing}: {why}")]
    Failed {
        /// What was to be done.
        doing: &'static str,
        /// Why it was not.
        why: String,
    },
    /// A message that is none of ours.
    #[error("a message that cannot be read: {0}")]
    Unread(#[from] serde_json::Error),
}

impl CarrierError {
    /// Whether the server may only not be there yet: its name or its port is not known so far.
    pub fn may_pass(&self) -> bool {
        let Self::Connect { source, .. } = self else { return false };
        let kind = source.kind();
        matches!(kind, ConnectErrorKind::Dns | ConnectErrorKind::Io | ConnectErrorKind::TimedOut)
    }
}

fn failed(doing: &'static str) -> impl Fn(&dyn std::fmt::Display) -> CarrierError {
    move |why| CarrierError::Failed { doing, why: why.to_string() }
}

/// A connection to a NATS server.
#[derive(Debug, Clone)]
pub struct Carrier {
    client: Client,
    streams: Context,
}

impl Carrier {
    /// Connects.
    ///
    /// # Errors
    /// Where a file of the login cannot be read, nobody listens, or the login is refused.
    pub async fn connect(url: &str, login: &CarrierLogin) -> Result<Self, CarrierError> {
        let options = options(login)?;
        let client = options
            .connect(url)
            .await
            .map_err(|source| CarrierError::Connect { url: without_credentials(url), source })?;
        let streams = jetstream::new(client.clone());
        Ok(Self { client, streams })
    }

    /// A word that no other run or agent has.
    pub fn unique(&self) -> String {
        let inbox = self.client.new_inbox();
        inbox.rsplit('.').next().unwrap_or_default().to_owned()
    }

    /// Hears of what is published under `subject`.
    ///
    /// # Errors
    /// Where the subject is none.
    pub async fn subscribe(&self, subject: String) -> Result<Subscriber, CarrierError> {
        let failed = failed("cannot subscribe");
        self.client.subscribe(subject).await.map_err(|error| failed(&error))
    }

    /// Hears whether the leader with this word lives, from now on.
    ///
    /// # Errors
    /// Where the word is none.
    pub async fn presence(&self, leader: &str) -> Result<LeaderPresence, CarrierError> {
        let signs = self.subscribe(RunSubjects::signs(leader)).await?;
        let sign = |message: Message| ready(serde_json::from_slice(&message.payload).ok());
        Ok(LeaderPresence::new(signs.filter_map(sign).boxed()))
    }

    /// Whether the server is there, as far as is known.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Publishes; whoever does not listen misses it.
    ///
    /// # Errors
    /// Where the message is too long.
    pub async fn tell(&self, subject: String, what: &impl Serialize) -> Result<(), CarrierError> {
        self.publish(subject, serde_json::to_vec(what)?).await
    }

    /// Publishes bytes.
    ///
    /// # Errors
    /// Where there are too many.
    pub async fn publish(&self, subject: String, bytes: Vec<u8>) -> Result<(), CarrierError> {
        let failed = failed("cannot publish");
        let published = self.client.publish(subject, bytes.into()).await;
        published.map_err(|error| failed(&error))
    }

    /// Asks once.
    ///
    /// # Errors
    /// Where nobody answers in time.
    pub async fn ask_bytes(&self, subject: String, what: Vec<u8>) -> Result<Bytes, CarrierError> {
        let failed = failed("no answer");
        let answer = tokio::time::timeout(ANSWER, self.client.request(subject, what.into()))
            .await
            .map_err(|_| failed(&"it took too long"))?;
        answer.map(|message| message.payload).map_err(|error| failed(&error))
    }

    /// Asks once.
    ///
    /// # Errors
    /// Where nobody answers in time, or not what was asked.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        subject: String,
        what: &impl Serialize,
    ) -> Result<T, CarrierError> {
        let answer = self.ask_bytes(subject, serde_json::to_vec(what)?).await?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Answers a question; does nothing for a message that is none.
    pub async fn answer(&self, question: &Message, answer: Vec<u8>) {
        if let Some(reply) = &question.reply {
            // Who asked asks again.
            let _ = self.client.publish(reply.clone(), answer.into()).await;
        }
    }

    /// Waits until the server has all that was published.
    ///
    /// # Errors
    /// Where the connection is gone.
    pub async fn flush(&self) -> Result<(), CarrierError> {
        let failed = failed("cannot send");
        let flushed = tokio::time::timeout(ANSWER, self.client.flush()).await;
        flushed.map_err(|_| failed(&"it took too long"))?.map_err(|error| failed(&error))
    }

    /// Makes the stream that keeps the logs of a run.
    ///
    /// # Errors
    /// Where the server keeps none.
    pub async fn create_stream(&self, subjects: &RunSubjects) -> Result<(), CarrierError> {
        let config = Config {
            name: subjects.stream(),
            subjects: vec![subjects.all_logs()],
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::New,
            storage: StorageType::File,
            num_replicas: 1,
            max_age: KEPT,
            duplicate_window: DUPLICATES,
            ..Config::default()
        };
        let made = self.streams.create_stream(config).await;
        made.map(|_| ()).map_err(|error| CarrierError::NoStreams(error.to_string()))
    }

    /// Opens the stream of a run, to read the logs.
    ///
    /// # Errors
    /// Where it is not there.
    pub async fn open_stream(&self, subjects: &RunSubjects) -> Result<LogStream, CarrierError> {
        let failed = failed("cannot open the stream of logs");
        let opened = self.streams.get_stream(subjects.stream()).await;
        let stream = opened.map_err(|error| failed(&error))?;
        Ok(LogStream { stream, coming: None, next: 1 })
    }

    /// Throws the stream of a run away.
    ///
    /// # Errors
    /// Where it is not there.
    pub async fn delete_stream(&self, subjects: &RunSubjects) -> Result<(), CarrierError> {
        let failed = failed("cannot delete the stream of logs");
        let deleted = self.streams.delete_stream(subjects.stream()).await;
        deleted.map(|_| ()).map_err(|error| failed(&error))
    }

    /// Puts a piece of a log into the stream and waits until the server has it. The same piece twice does no harm.
    ///
    /// # Errors
    /// Where the server does not say that it has it.
    pub async fn keep(
        &self,
        subject: String,
        (offset, is_end): (u64, bool),
        packed: Vec<u8>,
    ) -> Result<(), CarrierError> {
        let failed = failed("cannot keep a piece of the log");
        let mut headers = HeaderMap::new();
        headers.insert(OFFSET, offset.to_string());
        headers.insert(ID, format!("{subject} {offset} {is_end}"));
        if is_end {
            headers.insert(END, "1");
        }
        let sent = self.streams.publish_with_headers(subject, headers, packed.into()).await;
        let acknowledged =
            tokio::time::timeout(ANSWER, sent.map_err(|error| failed(&error))?.into_future());
        let acknowledged = acknowledged.await.map_err(|_| failed(&"it took too long"))?;
        acknowledged.map(|_| ()).map_err(|error| failed(&error))
    }
}

/// One piece of the log of one agent.
#[derive(Debug, Clone)]
pub struct LogPiece {
    /// The agent's shard, from 1.
    pub number: u32,
    /// Where the piece begins, in bytes of the log.
    pub offset: u64,
    /// Whether the log is complete with it.
    pub is_end: bool,
    /// Deflated.
    pub packed: Bytes,
}

/// The kept logs of a run, read in order.
///
/// The server sends many pieces without being asked for each: over a way of 50 ms, one at a time would be twenty a second.
pub struct LogStream {
    stream: jetstream::stream::Stream,
    /// What is on its way; none before the first piece, and after a failure.
    coming: Option<pull::Stream>,
    /// The number of the next message.
    next: u64,
}

impl std::fmt::Debug for LogStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogStream").field("next", &self.next).finish_non_exhaustive()
    }
}

impl LogStream {
    /// Waits for the next piece. May be dropped while it waits. After an error, the piece that was missed comes next.
    ///
    /// # Errors
    /// Where the server cannot be asked, or no longer answers.
    pub async fn next(&mut self) -> Result<LogPiece, CarrierError> {
        let failed = failed("cannot read a piece of a log");
        let is_first = self.coming.is_none();
        if is_first {
            self.coming = Some(self.ask().await?);
        }
        let came = match &mut self.coming {
            Some(coming) => coming.next().await,
            None => None,
        };
        let taken = match came {
            Some(Ok(message)) => self.taken(&message, is_first),
            Some(Err(error)) => Err(failed(&error)),
            None => Err(failed(&"the server sends no more")),
        };
        if taken.is_err() {
            self.coming = None;
        }
        taken
    }

    /// Asks for all pieces from the next one on.
    async fn ask(&self) -> Result<pull::Stream, CarrierError> {
        let failed = failed("cannot ask for pieces of logs");
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: self.next },
            ack_policy: AckPolicy::None,
            memory_storage: true,
            // Who is gone for so long asks anew.
            inactive_threshold: REQUEST,
            ..pull::Config::default()
        };
        let asking = async {
            let consumer = self.stream.create_consumer(config).await;
            let consumer = consumer.map_err(|error| failed(&error))?;
            let pieces = consumer.stream().max_messages_per_batch(IN_FLIGHT);
            let pieces = pieces.heartbeat(HEARTBEAT).expires(REQUEST).messages().await;
            pieces.map_err(|error| failed(&error))
        };
        tokio::time::timeout(ANSWER, asking).await.map_err(|_| failed(&"it took too long"))?
    }

    fn taken(
        &mut self,
        message: &jetstream::Message,
        is_first: bool,
    ) -> Result<LogPiece, CarrierError> {
        let failed = failed("cannot read a piece of a log");
        let number = message.info().map_err(|error| failed(&error))?.stream_sequence;
        // What the server no longer has does not come by asking again.
        if number != self.next && !(is_first && number > self.next) {
            return Err(failed(&"one was lost on its way"));
        }
        self.next = number + 1;
        let header = |name: &str| message.headers.as_ref()?.get(name).map(ToString::to_string);
        let offset = header(OFFSET).and_then(|text| text.parse().ok());
        let agent = RunSubjects::number_of(&message.subject);
        let (Some(number), Some(offset)) = (agent, offset) else {
            return Err(failed(&"it is none of ours"));
        };
        let is_end = header(END).is_some();
        Ok(LogPiece { number, offset, is_end, packed: message.payload.clone() })
    }
}

fn options(login: &CarrierLogin) -> Result<ConnectOptions, CarrierError> {
    let secret = |path: &Path| {
        let text = std::fs::read_to_string(path)
            .map_err(|source| CarrierError::File { path: path.to_owned(), source })?;
        Ok::<String, CarrierError>(text.trim().to_owned())
    };
    let mut options = ConnectOptions::new()
        .name("plimsoll")
        .subscription_capacity(UNREAD)
        .connection_timeout(ANSWER)
        .reconnect_delay_callback(|_| AGAIN);
    if let Some(path) = &login.token {
        options = options.token(secret(path)?);
    }
    if let Some(path) = &login.nkey {
        options = options.nkey(secret(path)?);
    }
    if let Some(path) = &login.credentials {
        let file = |source| CarrierError::File { path: path.clone(), source };
        options = options.credentials(&secret(path)?).map_err(file)?;
    }
    if let Some(path) = &login.ca {
        options = options.add_root_certificates(path.clone()).require_tls(true);
    }
    if let Some((certificate, key)) = &login.certificate {
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    Ok(options)
}

/// The URL as it may be shown.
fn without_credentials(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((before, host)) => {
            let scheme = before.split_once("://").map_or("nats", |(scheme, _)| scheme);
            format!("{scheme}://{host}")
        }
        None => url.to_owned(),
    }
}
