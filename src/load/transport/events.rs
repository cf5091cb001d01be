//! Server-sent events, read as they come (WHATWG HTML §9.2): when the first came, how many, and which ends the
//! stream. Of a stream no more is kept than one event and the last.

mod lines;

use std::cell::RefCell;

use plimsoll_metrics::ErrorClass;
use plimsoll_plan::Check;
use plimsoll_units::{Nanos, RunTime};
use plimsoll_user::{ResponseHeaders as _, meets};

use super::TransportError;
use super::memory::{BoundedBuffer, MemoryBudget};
use super::parser::ResponseParser;
use lines::{Field, FieldReader, Part};

/// What is awaited of a stream.
#[derive(Debug, Clone)]
pub(super) struct AwaitedEvents {
    /// The stream ends with the first event that meets these; where there are none, with the response.
    pub(super) until: Vec<Check>,
    /// The type of the events that are listened to; empty for all.
    pub(super) kind: String,
    /// How long the stream is listened to, if not to its end.
    pub(super) hold: Option<Nanos>,
    /// Whether somebody looks into the last event.
    pub(super) keeps_last: bool,
}

/// What the response is, once its head is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ResponseKind {
    Unknown,
    EventStream,
    /// An error, a redirect, or something else than events.
    Other,
}

/// A stream's events as they come, and who hears of each but the first: when the one before it came, and when it did.
#[derive(Clone, Copy)]
pub(super) struct WatchedEvents<'a> {
    pub(super) stream: &'a RefCell<EventStream>,
    pub(super) on_gap: &'a dyn Fn(RunTime, RunTime),
}

/// The events of one stream so far.
#[derive(Debug)]
pub(super) struct EventStream {
    awaited: AwaitedEvents,
    /// When the stream was asked for, and until when its first event has to come.
    began: RunTime,
    timeout: Nanos,
    max_body: u64,
    /// How much of the body stays in the parser for whoever reads along.
    shown_max: usize,
    shown: usize,
    response: ResponseKind,
    fields: FieldReader,
    /// The type and the data of the event under way.
    kind: BoundedBuffer,
    data: BoundedBuffer,
    has_data: bool,
    last: Option<BoundedBuffer>,
    budget: MemoryBudget,
    first: Option<RunTime>,
    /// When the last event was complete.
    latest: Option<RunTime>,
    count: u64,
    met: bool,
    content_type: String,
}

/// So much of a stream is shown to whoever reads along.
const SHOWN: usize = 2_001;

impl EventStream {
    /// A stream that was asked for at `began`, and whose events may be as large as a body.
    pub(super) fn new(
        awaited: AwaitedEvents,
        (began, timeout): (RunTime, Nanos),
        max_body: u64,
        budget: &MemoryBudget,
    ) -> Self {
        Self {
            awaited,
            began,
            timeout,
            max_body,
            shown_max: 0,
            shown: 0,
            response: ResponseKind::Unknown,
            fields: FieldReader::default(),
            kind: budget.buffer(max_body),
            data: budget.buffer(max_body),
            has_data: false,
            last: None,
            budget: budget.clone(),
            first: None,
            latest: None,
            count: 0,
            met: false,
            content_type: String::new(),
        }
    }

    /// Leaves the beginning of the stream in the parser.
    pub(super) fn show(&mut self) {
        self.shown_max = SHOWN;
    }

    /// Another response begins: a redirect was followed, or the request was sent again.
    pub(super) fn restart(&mut self) {
        let fresh = Self::new(
            self.awaited.clone(),
            (self.began, self.timeout),
            self.max_body,
            &self.budget.clone(),
        );
        *self = Self { shown_max: self.shown_max, ..fresh };
    }

    /// Looks at what is new in the response, all that has come until `now`, and takes it out of the parser. Returns
    /// whether that is enough. `on_gap` hears of the time from each event to the next.
    ///
    /// # Errors
    /// Where an event is too large, or the stream's time is over before it has done its part.
    pub(super) fn look(
        &mut self,
        parser: &mut ResponseParser,
        (now, on_gap): (RunTime, &dyn Fn(RunTime, RunTime)),
    ) -> Result<bool, TransportError> {
        if self.response == ResponseKind::Unknown {
            self.response = self.kind_of(parser);
        }
        match self.response {
            ResponseKind::Other if parser.body_size() > self.max_body => {
                return Err(self.too_large("the body"));
            }
            ResponseKind::Unknown | ResponseKind::Other => {}
            ResponseKind::EventStream => {
                let body = &parser.body()[self.shown..];
                let fed = self.absorb(body, (now, on_gap));
                let kept = parser.body().len().min(self.shown_max);
                parser.truncate_body(kept);
                self.shown = kept;
                if fed? {
                    return Ok(true);
                }
            }
        }
        if now >= self.deadline() { self.on_deadline().map(|()| true) } else { Ok(false) }
    }

    fn kind_of(&mut self, parser: &ResponseParser) -> ResponseKind {
        match parser.status() {
            0..200 => return ResponseKind::Unknown,
            200 => {}
            _ => return ResponseKind::Other,
        }
        let kind = parser.headers().first("content-type").unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        self.content_type = essence.chars().take(80).collect();
        if essence.eq_ignore_ascii_case("text/event-stream") {
            ResponseKind::EventStream
        } else {
            ResponseKind::Other
        }
    }

    /// Until when it is listened: its first event has to come within the timeout; then its time is `hold`, or
    /// the rest of the timeout.
    pub(super) fn deadline(&self) -> RunTime {
        match (self.first, self.awaited.hold) {
            (Some(_), Some(hold)) => self.began + hold,
            _ => self.began + self.timeout,
        }
    }

    /// The time is over. A stream that brought events and has no end to wait for has done its part.
    ///
    /// # Errors
    /// Where it has not.
    pub(super) fn on_deadline(&self) -> Result<(), TransportError> {
        let is_left = self.awaited.hold.is_some() || self.awaited.until.is_empty();
        if self.first.is_some() && is_left {
            return Ok(());
        }
        let message = match (self.response, self.first) {
            (ResponseKind::Unknown, _) => "no answer within `timeout`",
            (ResponseKind::Other, _) => "the response was not complete within `timeout`",
            (ResponseKind::EventStream, None) => "no event came within `timeout`",
            (ResponseKind::EventStream, Some(_)) => "no event met `until` within `timeout`",
        };
        Err(TransportError::new(ErrorClass::ResponseTimeout, message))
    }

    fn too_large(&self, what: &str) -> TransportError {
        let limit = plimsoll_units::Bytes::new(self.max_body);
        let message = format!("{what} is larger than `max_body: {limit}`");
        TransportError::new(ErrorClass::BodyTooLarge, message)
    }

    fn absorb(
        &mut self,
        bytes: &[u8],
        (now, on_gap): (RunTime, &dyn Fn(RunTime, RunTime)),
    ) -> Result<bool, TransportError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (taken, part) = self.fields.take(rest);
            rest = &rest[taken..];
            match part {
                Part::Value(Field::Data, value) => {
                    self.has_data = true;
                    if self.keeps_data() {
                        self.data.extend(value, "an event")?;
                    }
                }
                Part::Value(Field::Event, value) => self.kind.extend(value, "an event's type")?,
                // What a reconnection would need: a stream that ends is not opened again.
                Part::Value(Field::Other, _)
                | Part::Nothing
                | Part::LineEnd(Field::Event | Field::Other)
                | Part::LineStart(Field::Data | Field::Other) => {}
                Part::LineEnd(Field::Data) => {
                    self.has_data = true;
                    if self.keeps_data() {
                        self.data.extend(b"\n", "an event")?;
                    }
                }
                Part::LineStart(Field::Event) => self.kind.clear(),
                Part::Blank => {
                    let count = self.count;
                    self.dispatch(now);
                    if self.count > count
                        && let Some(before) = self.latest.replace(now)
                    {
                        on_gap(before, now);
                    }
                    if self.met {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }

    fn keeps_data(&self) -> bool {
        self.awaited.keeps_last || !self.awaited.until.is_empty()
    }

    /// An event is complete; one without data is none.
    fn dispatch(&mut self, now: RunTime) {
        let wanted = self.awaited.kind.as_bytes();
        let kind = match self.kind.bytes() {
            b"" => b"message",
            kind => kind,
        };
        let is_wanted = self.has_data && (wanted.is_empty() || wanted == kind);
        self.kind.clear();
        self.has_data = false;
        if !is_wanted {
            self.data.clear();
            return;
        }
        self.first.get_or_insert(now);
        self.count += 1;
        if self.keeps_data() {
            // The last line's end does not belong to the event.
            self.data.pop();
            let until = &self.awaited.until;
            self.met = !until.is_empty() && meets(until, self.data.bytes());
            let spare = self.last.take().unwrap_or_else(|| self.budget.buffer(self.max_body));
            self.last = Some(std::mem::replace(&mut self.data, spare));
            self.data.clear();
        }
    }

    /// When the first event was complete.
    pub(super) fn first(&self) -> Option<RunTime> {
        self.first
    }

    /// How many events came.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The data of the last event.
    pub(super) fn last(&self) -> Option<&[u8]> {
        self.last.as_ref().map(BoundedBuffer::bytes)
    }

    /// What the stream should have brought and did not.
    pub(super) fn missing(&self) -> Option<String> {
        if self.response != ResponseKind::EventStream {
            let kind = &self.content_type;
            return Some(match kind.as_str() {
                "" => "the answer has no `content-type: text/event-stream`".to_owned(),
                kind => format!("the answer is `{kind}`, not `text/event-stream`"),
            });
        }
        match self.last() {
            _ if self.count == 0 => Some("the response had no event".to_owned()),
            Some(last) if !self.met && !self.awaited.until.is_empty() => {
                let shown = &last[..last.len().min(400)];
                let text: String = String::from_utf8_lossy(shown).chars().take(80).collect();
                Some(format!("the stream ended before an event met `until`; the last was `{text}`"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
