//! The HTTP/1.1 response parser (RFC 9112): fed with bytes as they come, free of I/O.
//!
//! Bodies that nobody looks into are counted, not kept.

pub(super) mod framing;
mod head;

use std::io::Write as _;
use std::mem::MaybeUninit;

use plimsoll_metrics::ErrorClass;

use super::TransportError;
use super::memory::{BoundedBuffer, MemoryBudget};
use framing::{
    Framing, Length, body_too_large, chunk_too_long, no_chunk_size, parse_chunk_size, protocol,
    split,
};
pub(super) use head::HeaderView;
use head::MAX_HEADERS;

/// A longer head is refused, unless the plan says otherwise.
#[cfg(test)]
const MAX_HEAD: usize = 64 * 1024;
/// So much memory a body leaves to the next one.
const KEPT_BODY: usize = 64 * 1024;
/// A longer line of a chunk's size or trailer is refused.
const MAX_LINE: usize = 8 * 1024;

/// What the caller has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ParseProgress {
    /// Feed more bytes.
    More,
    /// The response is complete.
    Complete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ParserState {
    Head,
    /// Bytes of the body still to come.
    Length(u64),
    Chunk(Chunk),
    /// The body ends where the connection does.
    UntilClose,
    Complete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunk {
    /// In the line with the size.
    Size,
    /// Bytes of this chunk still to come.
    Data(u64),
    /// In the line end behind the data.
    DataEnd,
    /// In the trailer section.
    Trailer,
}

/// Reads one response after another; keeps its memory between them.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact about one response")]
pub(super) struct ResponseParser {
    state: ParserState,
    /// The head of the response, complete once the state has left [`ParserState::Head`].
    head: Vec<u8>,
    /// The body as sent (still compressed), if it is kept.
    body: BoundedBuffer,
    line: Vec<u8>,
    status: u16,
    keep_alive: bool,
    body_size: u64,
    received: u64,
    keep_body: bool,
    to_head_request: bool,
    sets_cookies: bool,
    encoded: bool,
    max_body: u64,
    max_head: usize,
    may_switch: bool,
    /// Heads and lines of chunks so far.
    parts: u64,
    /// Bytes of interim responses and trailers so far.
    beside: usize,
}

impl ResponseParser {
    #[cfg(test)]
    pub(super) fn new() -> Self {
        Self::within(&MemoryBudget::default(), MAX_HEAD)
    }

    /// A parser whose bodies take their memory from `budget`, and whose heads have at most so many bytes.
    pub(super) fn within(budget: &MemoryBudget, max_head: usize) -> Self {
        Self {
            state: ParserState::Head,
            head: Vec::new(),
            body: budget.lasting_buffer(KEPT_BODY),
            line: Vec::new(),
            status: 0,
            keep_alive: true,
            body_size: 0,
            received: 0,
            keep_body: false,
            to_head_request: false,
            sets_cookies: false,
            encoded: false,
            max_body: u64::MAX,
            max_head,
            may_switch: false,
            parts: 0,
            beside: 0,
        }
    }

    /// Prepares for the response to one request. A body that is kept may have at most `max_body` bytes.
    pub(super) fn start(&mut self, to_head_request: bool, keep_body: bool, max_body: u64) {
        self.state = ParserState::Head;
        self.head.clear();
        self.body.restart(max_body);
        self.line.clear();
        self.status = 0;
        self.keep_alive = true;
        self.body_size = 0;
        self.received = 0;
        self.keep_body = keep_body;
        self.to_head_request = to_head_request;
        self.sets_cookies = false;
        self.encoded = false;
        self.max_body = max_body;
        self.parts = 0;
        self.beside = 0;
        self.may_switch = false;
    }

    /// Another of the same bounds, to stand in its place.
    pub(super) fn another(&self) -> Self {
        Self::within(self.body.budget(), self.max_head)
    }

    /// The request asks to switch protocols: 101 is its last answer.
    pub(super) fn expect_switch(&mut self) {
        self.may_switch = true;
    }

    /// The status; 0 while the head is incomplete.
    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// Whether the connection can carry another request.
    pub(super) fn keep_alive(&self) -> bool {
        self.keep_alive && self.state == ParserState::Complete
    }

    /// Bytes received so far, head and body.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Heads and lines of chunks so far: what they cost, their bytes do not tell.
    pub(super) fn parts(&self) -> u64 {
        self.parts
    }

    /// Counts one more head.
    pub(super) fn count_part(&mut self) {
        self.parts += 1;
    }

    /// Passes over an interim response; the real one follows (RFC 9110 §15.2).
    pub(super) fn pass_over_interim(&mut self) -> Result<(), TransportError> {
        let size = self.head.len();
        self.head.clear();
        self.count_beside(size)
    }

    /// Counts what comes with a response without being part of it. A server could go on with it for ever.
    fn count_beside(&mut self, size: usize) -> Result<(), TransportError> {
        self.beside += size;
        if self.beside > self.max_head {
            let limit = self.max_head;
            let what = format!("interim responses and trailers are larger than {limit} bytes");
            return Err(protocol(what));
        }
        Ok(())
    }

    /// Bytes of the body so far, without the framing of chunks.
    pub(super) fn body_size(&self) -> u64 {
        self.body_size
    }

    /// Whether a `set-cookie` is among the headers.
    pub(super) fn sets_cookies(&self) -> bool {
        self.sets_cookies
    }

    /// Whether a `content-encoding` is among the headers.
    pub(super) fn is_encoded(&self) -> bool {
        self.encoded
    }

    /// The body as sent, if it is kept.
    pub(super) fn body(&self) -> &[u8] {
        self.body.bytes()
    }

    /// Forgets what of the body is behind `length`: its reader has taken it.
    pub(super) fn truncate_body(&mut self, length: usize) {
        self.body.truncate(length);
    }

    /// The headers of the final response.
    pub(super) fn headers(&self) -> HeaderView<'_> {
        HeaderView(&self.head)
    }

    /// The head of the response as text, blank line included.
    pub(super) fn head_text(&self) -> String {
        String::from_utf8_lossy(&self.head).replace('\r', "")
    }

    /// Begins the head of a response that comes in fields and not as a text: HTTP/2.
    pub(super) fn begin_fields(&mut self, status: u16) {
        self.status = status;
        self.head.clear();
        // Cannot fail: a `Vec` takes what it is given.
        let _ = write!(self.head, "HTTP/2 {status}\r\n");
    }

    /// Takes one field of the head; its name is in lower case.
    pub(super) fn take_field(&mut self, name: &[u8], value: &[u8]) -> Result<(), TransportError> {
        let is_text = |bytes: &[u8]| !bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
        if name.is_empty() || name.contains(&b':') || !is_text(name) || !is_text(value) {
            return Err(protocol(
                "a header has a name or value that HTTP does not allow".to_owned(),
            ));
        }
        if self.head.len() + name.len() + value.len() > self.max_head {
            return Err(self.head_too_large());
        }
        self.sets_cookies |= name == b"set-cookie";
        self.encoded |= name == b"content-encoding";
        for part in [name, b": ", value, b"\r\n"] {
            self.head.extend_from_slice(part);
        }
        Ok(())
    }

    /// Whether the response has no body, whatever its headers say.
    pub(super) fn is_bodiless(&self) -> bool {
        self.to_head_request || self.status == 204 || self.status == 304
    }

    /// Ends the head of a response that came in fields.
    pub(super) fn end_fields(&mut self) {
        self.received += self.head.len() as u64;
        self.head.extend_from_slice(b"\r\n");
    }

    /// Takes a part of the body of a response that came in fields.
    pub(super) fn take_data(&mut self, part: &[u8]) -> Result<(), TransportError> {
        self.received += part.len() as u64;
        self.take_body(part)
    }

    /// Takes bytes as they come.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<ParseProgress, TransportError> {
        self.received += bytes.len() as u64;
        let mut rest = bytes;
        loop {
            rest = match self.state {
                ParserState::Head => match self.feed_head(rest)? {
                    Some(rest) => rest,
                    None => return Ok(ParseProgress::More),
                },
                ParserState::Length(left) => {
                    let (part, rest) = split(rest, left);
                    self.take_body(part)?;
                    let left = left - part.len() as u64;
                    self.state =
                        if left == 0 { ParserState::Complete } else { ParserState::Length(left) };
                    rest
                }
                ParserState::Chunk(chunk) => self.feed_chunk(chunk, rest)?,
                ParserState::UntilClose => {
                    self.take_body(rest)?;
                    &[]
                }
                ParserState::Complete => {
                    // What follows belongs to no request of ours: the connection cannot be trusted.
                    self.keep_alive &= rest.is_empty();
                    return Ok(ParseProgress::Complete);
                }
            };
            if rest.is_empty() && self.state != ParserState::Complete {
                return Ok(ParseProgress::More);
            }
        }
    }

    /// The peer closed the connection.
    pub(super) fn end(&mut self) -> Result<(), TransportError> {
        self.keep_alive = false;
        match self.state {
            ParserState::UntilClose | ParserState::Complete => {
                self.state = ParserState::Complete;
                Ok(())
            }
            ParserState::Head if self.received == 0 => Err(TransportError::new(
                ErrorClass::Reset,
                "the server closed the connection without an answer",
            )),
            ParserState::Head | ParserState::Length(_) | ParserState::Chunk(_) => {
                Err(TransportError::new(
                    ErrorClass::Reset,
                    "the server closed the connection in the middle of the response",
                ))
            }
        }
    }

    /// Returns what follows the head, or `None` if the head is not complete yet.
    fn feed_head<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, TransportError> {
        // The blank line may straddle two reads: search from a little before the new bytes.
        let before = self.head.len();
        self.head.extend_from_slice(bytes);
        let from = before.saturating_sub(3);
        let Some(end) = head::find_end(&self.head[from..]).map(|end| from + end) else {
            if self.head.len() > self.max_head {
                return Err(self.head_too_large());
            }
            return Ok(None);
        };
        if end > self.max_head {
            return Err(self.head_too_large());
        }
        self.parts += 1;
        self.head.truncate(end);
        let end = self.parse_head()?;
        Ok(Some(&bytes[end.saturating_sub(before)..]))
    }

    /// Reads the head; returns where it ends, which is before the end of what was taken for it where its lines end in
    /// LF alone.
    fn parse_head(&mut self) -> Result<usize, TransportError> {
        let mut headers = [MaybeUninit::uninit(); MAX_HEADERS];
        let mut response = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        match config.parse_response_with_uninit_headers(&mut response, &self.head, &mut headers) {
            Ok(httparse::Status::Complete(end)) => {
                let status = response.code.unwrap_or(0);
                let framing = Framing::of(response.version == Some(1), response.headers);
                self.head.truncate(end);
                self.take_head(status, &framing)?;
                Ok(end)
            }
            Ok(httparse::Status::Partial) => Err(protocol("the head is incomplete".to_owned())),
            Err(error) => self.parse_unfolded(error),
        }
    }

    /// Reads a head that is against RFC 9112 in ways that a user agent has to take.
    fn parse_unfolded(&mut self, error: httparse::Error) -> Result<usize, TransportError> {
        let end = head::find_blank_line(&self.head).unwrap_or(self.head.len());
        self.head.truncate(end);
        let unfolded = head::unfolded(&self.head);
        if unfolded == self.head {
            return Err(protocol(head::describe(error)));
        }
        self.head = unfolded;
        let mut headers = [MaybeUninit::uninit(); MAX_HEADERS];
        let mut response = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let parsed = config
            .parse_response_with_uninit_headers(&mut response, &self.head, &mut headers)
            .map_err(|error| protocol(head::describe(error)))?;
        if parsed.is_partial() {
            return Err(protocol("the head is incomplete".to_owned()));
        }
        let framing = Framing::of(response.version == Some(1), response.headers);
        self.take_head(response.code.unwrap_or(0), &framing)?;
        Ok(end)
    }

    fn take_head(&mut self, status: u16, framing: &Framing) -> Result<(), TransportError> {
        match status {
            0..100 => return Err(protocol(format!("{status:03} is not a status"))),
            101 if self.may_switch => {
                self.status = status;
                self.state = ParserState::Complete;
                return Ok(());
            }
            101 => {
                let message = "the server switched protocols, though nobody asked for it";
                return Err(protocol(message.to_owned()));
            }
            102..200 | 100 => return self.pass_over_interim(),
            _ => {}
        }
        self.status = status;
        self.keep_alive = framing.keep_alive;
        self.sets_cookies = framing.sets_cookies;
        self.encoded = framing.encoded;
        self.state = match framing.length {
            _ if self.is_bodiless() => ParserState::Complete,
            Length::Invalid(why) => return Err(protocol(why.to_owned())),
            Length::Chunked => ParserState::Chunk(Chunk::Size),
            Length::Bytes(0) => ParserState::Complete,
            Length::Bytes(length) if self.keep_body && length > self.max_body => {
                return Err(body_too_large(self.max_body));
            }
            Length::Bytes(length) => ParserState::Length(length),
            Length::UntilClose => {
                self.keep_alive = false;
                ParserState::UntilClose
            }
        };
        Ok(())
    }

    fn feed_chunk<'a>(
        &mut self,
        chunk: Chunk,
        bytes: &'a [u8],
    ) -> Result<&'a [u8], TransportError> {
        match chunk {
            Chunk::Data(left) => {
                let (part, rest) = split(bytes, left);
                self.take_body(part)?;
                let left = left - part.len() as u64;
                let next = if left == 0 { Chunk::DataEnd } else { Chunk::Data(left) };
                self.state = ParserState::Chunk(next);
                Ok(rest)
            }
            Chunk::Size | Chunk::DataEnd | Chunk::Trailer => {
                let Some(end) = memchr::memchr(b'\n', bytes) else {
                    self.line.extend_from_slice(bytes);
                    if self.line.len() > MAX_LINE {
                        return Err(protocol("a line in the chunked body is too long".to_owned()));
                    }
                    // What cannot become right is not waited for.
                    self.check_begun(chunk)?;
                    return Ok(&[]);
                };
                self.line.extend_from_slice(&bytes[..end]);
                self.parts += 1;
                if chunk == Chunk::Trailer {
                    self.count_beside(self.line.len())?;
                }
                self.state = self.end_of_line(chunk)?;
                self.line.clear();
                Ok(&bytes[end + 1..])
            }
        }
    }

    /// Refuses the beginning of a line that no line of its kind has.
    fn check_begun(&self, chunk: Chunk) -> Result<(), TransportError> {
        match (chunk, self.line.first()) {
            (Chunk::Size, Some(first)) if !first.is_ascii_hexdigit() => Err(no_chunk_size()),
            (Chunk::DataEnd, Some(_)) if self.line != b"\r" => Err(chunk_too_long()),
            _ => Ok(()),
        }
    }

    fn end_of_line(&self, chunk: Chunk) -> Result<ParserState, TransportError> {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        match chunk {
            Chunk::Size => match parse_chunk_size(line) {
                Some(0) => Ok(ParserState::Chunk(Chunk::Trailer)),
                Some(size) => Ok(ParserState::Chunk(Chunk::Data(size))),
                None => Err(no_chunk_size()),
            },
            Chunk::DataEnd if line.is_empty() => Ok(ParserState::Chunk(Chunk::Size)),
            Chunk::DataEnd => Err(chunk_too_long()),
            Chunk::Trailer if line.is_empty() => Ok(ParserState::Complete),
            Chunk::Trailer | Chunk::Data(_) => Ok(ParserState::Chunk(Chunk::Trailer)),
        }
    }

    fn take_body(&mut self, part: &[u8]) -> Result<(), TransportError> {
        self.body_size += part.len() as u64;
        if !self.keep_body {
            return Ok(());
        }
        if self.body_size > self.max_body {
            return Err(body_too_large(self.max_body));
        }
        self.body.extend(part, "the body")
    }

    fn head_too_large(&self) -> TransportError {
        protocol(format!("the head is larger than {} bytes (`http.max_head`)", self.max_head))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use plimsoll_user::ResponseHeaders as _;

    fn parse(pieces: &[&[u8]]) -> Result<ResponseParser, TransportError> {
        let mut parser = ResponseParser::new();
        parser.start(false, true, 1_000);
        for piece in pieces {
            if parser.feed(piece)? == ParseProgress::Complete {
                return Ok(parser);
            }
        }
        parser.end()?;
        Ok(parser)
    }

    fn body(text: &str) -> String {
        let parser = parse(&[text.as_bytes()]).expect("valid");
        String::from_utf8(parser.body().to_vec()).expect("utf-8")
    }

    #[test]
    fn body_ends_where_its_framing_says() {
        assert_eq!(body("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"), "abc");
        assert_eq!(
            body(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x=1\r\nab\r\n1\r\nc\r\n0\r\nt: 1\r\n\r\n"
            ),
            "abc"
        );
        assert_eq!(body("HTTP/1.1 200 OK\r\n\r\nuntil close"), "until close");
        assert_eq!(body("HTTP/1.1 204 No Content\r\n\r\n"), "");
    }

    #[test]
    fn interim_responses_are_passed_over() {
        let parser = parse(&[
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n",
        ]);
        assert_eq!(parser.expect("valid").status(), 201);
    }

    #[test]
    fn connection_is_kept_only_when_both_sides_agree() {
        let keep = |head: &str| {
            let text = format!("{head}content-length: 0\r\n\r\n");
            parse(&[text.as_bytes()]).expect("valid").keep_alive()
        };
        assert!(keep("HTTP/1.1 200 OK\r\n"));
        assert!(!keep("HTTP/1.1 200 OK\r\nconnection: close\r\n"));
        assert!(!keep("HTTP/1.0 200 OK\r\n"));
        assert!(keep("HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\n"));
        let junk = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
        assert!(!parse(&[junk]).expect("valid").keep_alive());
    }

    #[test]
    fn broken_responses_have_their_class() {
        let class = |text: &str| parse(&[text.as_bytes()]).expect_err("broken").class;
        assert_eq!(class("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"), ErrorClass::Reset);
        assert_eq!(class(""), ErrorClass::Reset);
        assert_eq!(class("nonsense\r\n\r\n"), ErrorClass::Protocol);
        assert_eq!(class("HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"), ErrorClass::Protocol);
        assert_eq!(
            class("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"),
            ErrorClass::Protocol
        );
        assert_eq!(
            class("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n"),
            ErrorClass::BodyTooLarge
        );
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        for wrong in [
            "zz\r\n",
            "zz",
            " 5\r\nhello\r\n",
            "+5\r\n",
            "5 5\r\n",
            "5\r\nhelloX",
            "11111111111111111\r\n",
        ] {
            assert_eq!(class(&format!("{chunked}{wrong}")), ErrorClass::Protocol, "{wrong}");
        }
    }

    /// Goal: what a user agent has to take is taken. The verdicts are RFC 9112's: folds (§5.2), LF alone (§2.2), equal
    /// lengths in a list (§6.3), a length beside chunks (§6.3), no reason (§4), blanks before a colon, which a proxy
    /// would remove (§5.1).
    #[test]
    fn heads_as_old_servers_write_them_are_read() {
        let first = |text: &str, name: &str| {
            let parser = parse(&[text.as_bytes()]).expect(text);
            assert_eq!(parser.body(), b"hello", "{text}");
            parser.headers().first(name).unwrap_or_default()
        };
        let rest = "content-length: 5\r\n\r\nhello";
        let folded = format!("HTTP/1.1 200 OK\r\nx-a: one;\r\n\t two\r\n \r\n{rest}");
        assert_eq!(first(&folded, "x-a"), "one; two");
        let bare = "HTTP/1.1 200 OK\nx-a: 1\ncontent-length: 5\n\nhello";
        assert_eq!(first(bare, "x-a"), "1");
        let mixed = "HTTP/1.1 200 OK\r\nx-a: 1\ncontent-length: 5\n\r\nhello";
        assert_eq!(first(mixed, "x-a"), "1");
        assert_eq!(first(&format!("HTTP/1.1 200 OK\r\nx-a : 1\r\n{rest}"), "x-a"), "1");
        assert_eq!(first(&format!("HTTP/1.1 200\r\nx-a:1\r\n{rest}"), "x-a"), "1");
        assert_eq!(first("HTTP/1.1 200 OK\r\ncontent-length: 5, 5\r\n\r\nhello", "x"), "");
    }

    /// Goal: a body that holds what looks like the end of a head does not move the end of a head whose lines end in LF.
    #[test]
    fn bare_head_ends_at_its_own_blank_line() {
        let parser =
            parse(&[b"HTTP/1.1 200 OK\ncontent-length: 9\n\nx\r\n\r\nabcd"]).expect("valid");
        assert_eq!(parser.body(), b"x\r\n\r\nabcd");
        let folded = b"HTTP/1.1 200 OK\nx-a: 1\n 2\ncontent-length: 8\n\na\n b\r\n\r\n";
        let parser = parse(&[folded]).expect("valid");
        assert_eq!(parser.body(), b"a\n b\r\n\r\n");
        assert_eq!(parser.headers().first("x-a").as_deref(), Some("1 2"));
    }

    #[test]
    fn length_of_what_has_no_body_does_not_matter() {
        for head in
            ["HTTP/1.1 204 No Content\r\ncontent-length: x", "HTTP/1.1 304 x\r\ncontent-length: 9"]
        {
            let parser = parse(&[format!("{head}\r\n\r\n").as_bytes()]).expect("valid");
            assert!(parser.keep_alive());
        }
    }

    /// RFC 9112 §6.1: who sees another end of the body than we do must not be followed on this connection.
    #[test]
    fn doubtful_framing_costs_the_connection() {
        let keep = |head: &str| {
            let text = format!("{head}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n");
            parse(&[text.as_bytes()]).expect("valid").keep_alive()
        };
        assert!(keep("HTTP/1.1 200 OK"));
        assert!(!keep("HTTP/1.1 200 OK\r\ncontent-length: 9"));
        assert!(!keep("HTTP/1.0 200 OK\r\nconnection: keep-alive"));
        let class = |text: &str| parse(&[text.as_bytes()]).expect_err("broken").class;
        for coding in
            ["gzip, chunked", "chunked, chunked", "chunked\r\ntransfer-encoding: gzip", "x"]
        {
            let text = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: {coding}\r\n\r\n0\r\n\r\n");
            assert_eq!(class(&text), ErrorClass::Protocol, "{coding}");
        }
    }

    #[test]
    fn status_below_100_and_unasked_upgrades_are_no_answers() {
        let class = |text: &str| parse(&[text.as_bytes()]).expect_err("broken").class;
        assert_eq!(class("HTTP/1.1 000 \r\ncontent-length: 0\r\n\r\n"), ErrorClass::Protocol);
        assert_eq!(class("HTTP/1.1 099 x\r\n\r\n"), ErrorClass::Protocol);
        assert_eq!(class("HTTP/1.1 101 x\r\nupgrade: x\r\n\r\n"), ErrorClass::Protocol);
        assert_eq!(class("HTTP/1.1 20 x\r\n\r\n"), ErrorClass::Protocol);
    }

    #[test]
    fn interim_responses_and_trailers_without_end_are_refused() {
        let hint = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(2_000);
        assert_eq!(parse(&[&hint]).expect_err("refused").class, ErrorClass::Protocol);
        let trailers = b"x-a: 1\r\n".repeat(10_000);
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n";
        assert_eq!(parse(&[chunked, &trailers]).expect_err("refused").class, ErrorClass::Protocol);
    }

    /// Goal: a body that nobody looks into is counted at any size; one that is kept is bounded.
    #[test]
    fn only_a_kept_body_is_bounded() {
        let text = b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n";
        for (keep, expected) in
            [(false, Ok(ParseProgress::Complete)), (true, Err(ErrorClass::BodyTooLarge))]
        {
            let mut parser = ResponseParser::new();
            parser.start(false, keep, 1_000);
            let fed = parser.feed(text).and_then(|_| parser.feed(&[b'x'; 5_000]));
            assert_eq!(fed.map_err(|error| error.class), expected);
            assert_eq!(parser.body_size(), if keep { 0 } else { 5_000 });
        }
    }

    #[test]
    fn head_without_end_is_bounded() {
        let endless = vec![b'a'; MAX_HEAD + 1];
        let error = parse(&[b"HTTP/1.1 200 OK\r\nx: ", &endless]).expect_err("too large");
        assert_eq!(error.class, ErrorClass::Protocol);
    }

    #[test]
    fn response_to_head_has_no_body() {
        let mut parser = ResponseParser::new();
        parser.start(true, true, 1_000);
        let progress = parser.feed(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n");
        assert_eq!(progress, Ok(ParseProgress::Complete));
        assert!(parser.keep_alive());
    }

    proptest! {
        #[test]
        fn any_split_reads_the_same(cuts in prop::collection::vec(0_usize..120, 0..6)) {
            let text: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            cuts.push(text.len());
            let mut from = 0;
            let pieces: Vec<&[u8]> = cuts.iter().map(|&to| { let piece = &text[from..to]; from = to; piece }).collect();
            let parser = parse(&pieces).expect("valid");
            prop_assert_eq!(parser.body(), b"hello world");
            prop_assert!(parser.keep_alive());
        }

        #[test]
        fn any_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&[b"HTTP/1.1 200 OK\r\n", &bytes]);
            let _ = parse(&[&bytes]);
            let _ = parse(&[b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", &bytes]);
        }
    }
}
