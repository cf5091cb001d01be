//! The connection to a browser: calls go out, answers and events come back over one pair of pipes.
//!
//! One task owns everything that both directions share, so nothing is locked. It ends when the browser closes its
//! pipe; every call that still waits then fails with [`BrowserError::Gone`].

use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_json::{Value, json};
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

    /// Why a page has no more events: it is gone, or all is.
    pub(super) fn lost(&self) -> BrowserError {
        if self.orders.is_closed() { BrowserError::Gone } else { BrowserError::Closed }
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
    waiting: HashMap<u64, UnansweredCall>,
    listeners: HashMap<String, Listener>,
    /// Pages that answer no more, and why.
    lost: HashMap<String, BrowserError>,
    /// What is sent without being asked for: answers to dialogs, the closing of windows.
    replies: Vec<u8>,
}

/// Who waits for an answer.
struct UnansweredCall {
    session: Option<String>,
    answer: oneshot::Sender<Result<Value, BrowserError>>,
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
                let replies = std::mem::take(&mut routes.replies);
                if writer.write_all(&replies).await.is_err() || writer.flush().await.is_err() {
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
                if let Some(error) = call.session.as_ref().and_then(|page| self.lost.get(page)) {
                    let _ = call.answer.send(Err(error.clone()));
                    return None;
                }
                let bytes = self.encoded(call.session.as_deref(), call.method, &call.params)?;
                let waiting = UnansweredCall { session: call.session, answer: call.answer };
                self.waiting.insert(self.last_id, waiting);
                Some(bytes)
            }
            DevToolsOrder::Subscribe { session, names, to } => {
                self.listeners.insert(session, Listener { names, to });
                None
            }
            DevToolsOrder::Unsubscribe(session) => {
                self.listeners.remove(&session);
                self.lost.remove(&session);
                None
            }
        }
    }

    /// A call with a number of its own, as it goes out.
    fn encoded(&mut self, session: Option<&str>, method: &str, params: &Value) -> Option<Vec<u8>> {
        self.last_id += 1;
        let wire = DevToolsCall { id: self.last_id, method, params, session_id: session };
        let mut bytes = serde_json::to_vec(&wire).ok()?;
        bytes.push(0);
        Some(bytes)
    }

    /// Calls without waiting for the answer.
    fn reply(&mut self, session: Option<&str>, method: &str, params: &Value) {
        let bytes = self.encoded(session, method, params);
        self.replies.extend(bytes.into_iter().flatten());
    }

    /// A page answers no more.
    fn lose(&mut self, session: &str, error: &BrowserError) {
        if !self.listeners.contains_key(session) {
            return;
        }
        self.lost.insert(session.to_owned(), error.clone());
        if *error == BrowserError::Closed {
            // Whoever waits for an event learns it by the end of them.
            self.listeners.remove(session);
        }
        let is_its = |call: &UnansweredCall| call.session.as_deref() == Some(session);
        for (_, call) in self.waiting.extract_if(|_, call| is_its(call)) {
            let _ = call.answer.send(Err(error.clone()));
        }
    }

    /// What cannot wait until somebody asks: a dialog holds its page up, and a window that a page opens is played by nobody.
    fn take_care(&mut self, method: &str, session: Option<&str>, params: Option<&RawValue>) {
        let read = || -> Value {
            params.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
        };
        match (method, session) {
            ("Page.javascriptDialogOpening", Some(_)) => {
                self.reply(session, "Page.handleJavaScriptDialog", &json!({"accept": true}));
            }
            ("Inspector.targetCrashed", Some(session)) => {
                self.lose(session, &BrowserError::Crashed);
            }
            ("Target.detachedFromTarget", None) => {
                let detached = read();
                self.lose(
                    detached["sessionId"].as_str().unwrap_or_default(),
                    &BrowserError::Closed,
                );
            }
            ("Target.targetCreated", None) => {
                let target = &read()["targetInfo"];
                if target["type"] == "page" && target["openerId"].is_string() {
                    let closed = json!({"targetId": target["targetId"]});
                    self.reply(None, "Target.closeTarget", &closed);
                }
            }
            _ => {}
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
            let Some(UnansweredCall { answer, .. }) = self.waiting.remove(&id) else { return };
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
        let Some(method) = message.method else { return };
        self.take_care(&method, message.session_id.as_deref(), message.params);
        let Some(session) = message.session_id else { return };
        let Some(listener) = self.listeners.get(session.as_ref()) else { return };
        if listener.names.contains(&method.as_ref()) {
            let params = message.params.and_then(|raw| serde_json::from_str(raw.get()).ok());
            let event =
                PageEvent { method: method.into_owned(), params: params.unwrap_or_default() };
            let _ = listener.to.send(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(routes: &mut Routes) -> Vec<Value> {
        let bytes = std::mem::take(&mut routes.replies);
        let messages = bytes.split(|byte| *byte == 0).filter(|message| !message.is_empty());
        messages.map(|message| serde_json::from_slice(message).expect("JSON")).collect()
    }

    fn take(routes: &mut Routes, messages: &[&str]) {
        let mut bytes: Vec<u8> =
            messages.iter().flat_map(|message| message.bytes().chain([0])).collect();
        assert!(routes.take_bytes(&mut bytes));
    }

    fn called(routes: &mut Routes) -> oneshot::Receiver<Result<Value, BrowserError>> {
        let (answer, waiting) = oneshot::channel();
        let session = Some("S".to_owned());
        let call = PendingCall { session, method: "Runtime.evaluate", params: Value::Null, answer };
        let _ = routes.take_order(DevToolsOrder::Call(call));
        waiting
    }

    fn listening() -> (Routes, mpsc::UnboundedReceiver<PageEvent>) {
        let mut routes = Routes::default();
        let (to, events) = mpsc::unbounded_channel();
        let session = "S".to_owned();
        routes.take_order(DevToolsOrder::Subscribe { session, names: &["Page.windowOpen"], to });
        (routes, events)
    }

    #[test]
    fn dialogs_are_answered_and_windows_of_pages_closed_at_once() {
        let (mut routes, _events) = listening();
        take(
            &mut routes,
            &[
                r#"{"method":"Page.javascriptDialogOpening","sessionId":"S","params":{"type":"alert"}}"#,
                r#"{"method":"Target.targetCreated","params":{"targetInfo":{"type":"page","targetId":"T"}}}"#,
                r#"{"method":"Target.targetCreated","params":{"targetInfo":{"type":"page","targetId":"U","openerId":"T"}}}"#,
            ],
        );
        let sent = sent(&mut routes);
        let methods: Vec<_> = sent.iter().map(|call| call["method"].as_str()).collect();
        assert_eq!(methods, [Some("Page.handleJavaScriptDialog"), Some("Target.closeTarget")]);
        assert_eq!(
            (&sent[0]["sessionId"], &sent[1]["params"]["targetId"]),
            (&"S".into(), &"U".into())
        );
    }

    /// Goal: prove that nobody waits for a page that has crashed or is gone, neither before nor after it was heard of.
    #[test]
    fn calls_to_a_page_that_is_lost_fail_at_once() {
        let crash = r#"{"method":"Inspector.targetCrashed","sessionId":"S","params":{}}"#;
        let closed = r#"{"method":"Target.detachedFromTarget","params":{"sessionId":"S"}}"#;
        for (message, error) in [(crash, BrowserError::Crashed), (closed, BrowserError::Closed)] {
            let (mut routes, _events) = listening();
            let mut before = called(&mut routes);
            take(&mut routes, &[message]);
            assert_eq!(before.try_recv().expect("answered"), Err(error.clone()));
            assert_eq!(called(&mut routes).try_recv().expect("answered"), Err(error));
            routes.take_order(DevToolsOrder::Unsubscribe("S".to_owned()));
            assert!(routes.lost.is_empty(), "what is closed is forgotten");
        }
    }

    #[test]
    fn events_that_nobody_asked_for_are_dropped_unread() {
        let (mut routes, mut events) = listening();
        take(
            &mut routes,
            &[
                r#"{"method":"New.event","sessionId":"S","params":{"deep":[1,2]}}"#,
                r#"{"method":"Page.windowOpen","sessionId":"S","params":{"url":"u"}}"#,
                r#"{"method":"Page.windowOpen","sessionId":"other","params":{}}"#,
            ],
        );
        assert_eq!(events.try_recv().expect("an event").params["url"], "u");
        assert!(events.try_recv().is_err());
    }
}
