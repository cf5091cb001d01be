//! The connection to a browser: calls go out, answers and events come back over one pair of pipes.
//!
//! One task owns everything that both directions share, so nothing is locked. It ends when the browser closes its
//! pipe; every call that still waits then fails with [`BrowserError::Gone`].

use std::collections::HashMap;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

use super::error::BrowserError;
use super::message::{DevToolsCall, Incoming};

/// A message longer than this ends the connection: pages are not trusted to be modest. Bytes.
const LONGEST_MESSAGE: usize = 64 << 20;

/// An event of one page.
#[derive(Debug)]
pub(super) struct PageEvent {
    /// `Domain.event`.
    pub method: String,
    /// Its parameters.
    pub params: Value,
}

/// What the users of a connection ask its task for.
enum DevToolsOrder {
    /// Send a call and hand its answer back.
    Call(PendingCall),
    /// Hand on the named events of a page.
    Subscribe {
        session: String,
        names: &'static [&'static str],
        to: mpsc::UnboundedSender<PageEvent>,
    },
    /// Forget a page.
    Unsubscribe(String),
}

/// A call and who waits for its answer.
struct PendingCall {
    session: Option<String>,
    method: &'static str,
    params: Value,
    answer: oneshot::Sender<Result<Value, BrowserError>>,
}

/// A handle to the connection; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct DevTools {
    orders: mpsc::UnboundedSender<DevToolsOrder>,
}

impl DevTools {
    /// Starts the task of a connection on the current runtime.
    pub(super) fn start<R, W>(reader: R, writer: W) -> Self
    where
        R: AsyncRead + Unpin + 'static,
        W: AsyncWrite + Unpin + 'static,
    {
        let (orders, inbox) = mpsc::unbounded_channel();
        tokio::task::spawn_local(route(reader, writer, inbox));
        Self { orders }
    }

    /// Calls a method of the browser, or of the page of a session.
    ///
    /// # Errors
    /// The browser's refusal, or that it is gone.
    pub(super) async fn call(
        &self,
        session: Option<&str>,
        method: &'static str,
        params: Value,
    ) -> Result<Value, BrowserError> {
        let (answer, waiting) = oneshot::channel();
        let session = session.map(str::to_owned);
        let order = DevToolsOrder::Call(PendingCall { session, method, params, answer });
        self.orders.send(order).map_err(|_| BrowserError::Gone)?;
        waiting.await.map_err(|_| BrowserError::Gone)?
    }

    /// The events of a page that have one of these names, from now on.
    pub(super) fn subscribe(
        &self,
        session: &str,
        names: &'static [&'static str],
    ) -> mpsc::UnboundedReceiver<PageEvent> {
        let (to, events) = mpsc::unbounded_channel();
        // Where the task is gone, the receiver says so at once: its sender is dropped.
        let _ =
            self.orders.send(DevToolsOrder::Subscribe { session: session.to_owned(), names, to });
        events
    }

    /// No more events of a page.
    pub(super) fn unsubscribe(&self, session: &str) {
        let _ = self.orders.send(DevToolsOrder::Unsubscribe(session.to_owned()));
    }
}

/// Who listens to the events of one page.
struct Listener {
    names: &'static [&'static str],
    to: mpsc::UnboundedSender<PageEvent>,
}

/// What the task of a connection knows.
#[derive(Default)]
struct Routes {
    last_id: u64,
    waiting: HashMap<u64, oneshot::Sender<Result<Value, BrowserError>>>,
    listeners: HashMap<String, Listener>,
}

async fn route<R, W>(
    mut reader: R,
    mut writer: W,
    mut inbox: mpsc::UnboundedReceiver<DevToolsOrder>,
) where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut routes = Routes::default();
    let mut buffer = Vec::with_capacity(64 << 10);
    loop {
        tokio::select! {
            order = inbox.recv() => {
                let Some(order) = order else { return };
                let Some(bytes) = routes.take_order(order) else { continue };
                if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                    return;
                }
            }
            read = reader.read_buf(&mut buffer) => {
                if !matches!(read, Ok(1..)) || !routes.take_bytes(&mut buffer) {
                    return;
                }
            }
        }
    }
}

impl Routes {
    /// Notes an order; the bytes to send, if any.
    fn take_order(&mut self, order: DevToolsOrder) -> Option<Vec<u8>> {
        match order {
            DevToolsOrder::Call(call) => {
                self.last_id += 1;
                let id = self.last_id;
                let session_id = call.session.as_deref();
                let wire =
                    DevToolsCall { id, method: call.method, params: &call.params, session_id };
                let mut bytes = serde_json::to_vec(&wire).ok()?;
                bytes.push(0);
                self.waiting.insert(id, call.answer);
                Some(bytes)
            }
            DevToolsOrder::Subscribe { session, names, to } => {
                self.listeners.insert(session, Listener { names, to });
                None
            }
            DevToolsOrder::Unsubscribe(session) => {
                self.listeners.remove(&session);
                None
            }
        }
    }

    /// Hands on every whole message; false where what came is no protocol.
    fn take_bytes(&mut self, buffer: &mut Vec<u8>) -> bool {
        let mut start = 0;
        while let Some(end) = memchr::memchr(0, &buffer[start..]) {
            let Ok(message) = serde_json::from_slice(&buffer[start..start + end]) else {
                return false;
            };
            self.take_message(message);
            start += end + 1;
        }
        buffer.drain(..start);
        buffer.len() <= LONGEST_MESSAGE
    }

    fn take_message(&mut self, message: Incoming<'_>) {
        if let Some(id) = message.id {
            let Some(answer) = self.waiting.remove(&id) else { return };
            let result = match (message.error, message.result) {
                (Some(error), _) => Err(BrowserError::Refused(error.message)),
                (None, Some(raw)) => {
                    serde_json::from_str(raw.get()).map_err(|_| BrowserError::Gone)
                }
                (None, None) => Ok(Value::Null),
            };
            // Whoever waited may have run out of time.
            let _ = answer.send(result);
            return;
        }
        let (Some(method), Some(session)) = (message.method, message.session_id) else { return };
        let Some(listener) = self.listeners.get(session.as_ref()) else { return };
        if listener.names.contains(&method.as_ref()) {
            let params = message.params.and_then(|raw| serde_json::from_str(raw.get()).ok());
            let event =
                PageEvent { method: method.into_owned(), params: params.unwrap_or_default() };
            let _ = listener.to.send(event);
        }
    }
}
