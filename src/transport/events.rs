//! Server-sent events, looked at as they come (WHATWG HTML §9.2): when the first came, how many, and which ends
//! the stream. Lines end in LF or CR LF; a CR alone, which the standard allows as well, is no server's habit.

use crate::plan::Check;
use crate::units::RunTime;
use crate::user::meets;

/// The events of one stream so far.
#[derive(Debug)]
pub(super) struct EventStream {
    until: Vec<Check>,
    /// How much of the body has been looked at: whole lines.
    seen: usize,
    /// The data of the event under way.
    data: Vec<u8>,
    last: Option<Vec<u8>>,
    first: Option<RunTime>,
    count: u64,
    met: bool,
}

impl EventStream {
    /// A stream that ends with the first event that meets `until`; where that is empty, with the response.
    pub(super) fn new(until: Vec<Check>) -> Self {
        Self { until, seen: 0, data: vec![], last: None, first: None, count: 0, met: false }
    }

    /// Another response begins: a redirect was followed, or the request was sent again.
    pub(super) fn restart(&mut self) {
        *self = Self::new(std::mem::take(&mut self.until));
    }

    /// Looks at what is new in `body`, all that has come until `now`. Returns whether that is enough.
    pub(super) fn absorb(&mut self, body: &[u8], now: RunTime) -> bool {
        while let Some(end) = memchr::memchr(b'\n', &body[self.seen..]) {
            let line = &body[self.seen..self.seen + end];
            self.seen += end + 1;
            self.line(line.strip_suffix(b"\r").unwrap_or(line), now);
            if self.met {
                return true;
            }
        }
        false
    }

    fn line(&mut self, line: &[u8], now: RunTime) {
        if let Some(value) = line.strip_prefix(b"data") {
            let Some(value) = value.strip_prefix(b":").or(value.is_empty().then_some(value)) else {
                return;
            };
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
            self.data.push(b'\n');
        } else if line.is_empty() && !self.data.is_empty() {
            // The last line's end does not belong to the event; an event without data is none.
            self.data.pop();
            self.first.get_or_insert(now);
            self.count += 1;
            let data = std::mem::take(&mut self.data);
            self.met = !self.until.is_empty() && meets(&self.until, &data);
            self.last = Some(data);
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
        self.last.as_deref()
    }

    /// What the stream should have brought and did not.
    pub(super) fn missing(&self) -> Option<String> {
        match &self.last {
            None => Some("the response had no event".to_owned()),
            Some(last) if !self.met && !self.until.is_empty() => {
                let text: String = String::from_utf8_lossy(last).chars().take(80).collect();
                Some(format!("the stream ended before an event met `until`; the last was `{text}`"))
            }
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Matcher;
    use crate::units::Nanos;

    fn at(millis: u64) -> RunTime {
        RunTime::ZERO + Nanos::from_millis(millis)
    }

    #[test]
    fn event_counts_once_its_blank_line_came() {
        let mut events = EventStream::new(vec![]);
        events.absorb(b"event: x\ndata: a", at(1));
        assert_eq!((events.first(), events.last()), (None, None));
        events.absorb(b"event: x\ndata: a\ndata: b\r\n\r\n", at(2));
        assert_eq!((events.first(), events.last()), (Some(at(2)), Some(b"a\nb".as_slice())));
        assert_eq!(events.missing(), None);
    }

    #[test]
    fn stream_is_enough_with_the_event_that_meets_until() {
        let until = [Check::Body(Matcher::Contains("done".to_owned()))];
        let mut events = EventStream::new(until.into());
        assert!(!events.absorb(b": comment\n\ndata: a\n\n", at(1)));
        assert!(events.missing().is_some_and(|why| why.ends_with("the last was `a`")));
        assert!(events.absorb(b": comment\n\ndata: a\n\ndata: done\n\ndata: z\n\n", at(2)));
        assert_eq!(events.count(), 2, "a comment is no event, and nothing is heard behind the end");
        assert_eq!(events.last(), Some(b"done".as_slice()));
        assert_eq!(events.missing(), None);
    }

    #[test]
    fn answer_without_events_lacks_them() {
        let mut events = EventStream::new(vec![]);
        events.absorb(b"<html>\n\n</html>\n", at(1));
        assert!(events.missing().is_some_and(|why| why.contains("no event")));
    }
}
