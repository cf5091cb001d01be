//! The sending half of an HTTP/2 connection: headers at once, bodies as far as the peer takes them.

use super::super::body::RequestBody;
use super::super::parser::ResponseParser;
use super::frame::{self, HEAD, flag};
use super::hpack::PseudoHeaders;
use super::machine::ConnectionMachine;
use super::stream::Http2Stream;

/// No stream begins beyond; a new connection is opened instead.
const LAST_STREAM: u32 = 0x7fff_fff0;

/// A request as it goes out.
#[derive(Clone, Copy)]
pub(super) struct OutgoingRequest<'a> {
    pub(super) method: &'a http::Method,
    pub(super) path: &'a str,
    pub(super) is_tls: bool,
    pub(super) authority: &'a str,
    pub(super) headers: &'a http::HeaderMap,
    /// The one `cookie` header with the jar's cookies; empty where there are none to add.
    pub(super) cookies: &'a str,
    pub(super) body: &'a RequestBody,
}

impl ConnectionMachine {
    /// Whether one more stream may begin now.
    pub(super) fn has_room(&self) -> bool {
        (self.streams.len() as u64) < u64::from(self.max_streams)
    }

    /// Begins a stream whose response goes to `parser`; returns its number.
    pub(super) fn begin(&mut self, request: OutgoingRequest<'_>, parser: ResponseParser) -> u32 {
        let id = self.next_stream;
        self.next_stream += 2;
        let head = self.out.len();
        self.out.resize(head + HEAD, 0);
        self.put_fields(request);
        let flags = if request.body.is_empty() { flag::END_STREAM } else { 0 };
        frame::finish_headers(&mut self.out, head, id, flags);
        self.has_bodies |= !request.body.is_empty();
        self.unwritten += 1;
        let body = request.body.clone();
        self.streams.push(Http2Stream::new(id, parser, body, self.initial_window));
        self.send_bodies();
        if self.next_stream > LAST_STREAM {
            self.close("the connection has no stream identifiers left");
        }
        id
    }

    fn put_fields(&mut self, request: OutgoingRequest<'_>) {
        let OutgoingRequest { method, path, is_tls, authority, headers, cookies, body } = request;
        let (encoder, out) = (&mut self.encoder, &mut self.out);
        encoder.begin(out);
        let host = headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
        let authority = host.unwrap_or(authority);
        let request = PseudoHeaders { method: method.as_str(), is_tls, path, authority };
        encoder.pseudo_headers(request, out);
        for (name, value) in headers {
            let is_apart = *name == http::header::COOKIE && !cookies.is_empty();
            if !is_apart && !belongs_to_connection(name) {
                // White space around a value is malformed here (RFC 9113 §8.2.1).
                encoder.field(name.as_str().as_bytes(), value.as_bytes().trim_ascii(), out);
            }
        }
        if !cookies.is_empty() {
            encoder.field(b"cookie", cookies.as_bytes(), out);
        }
        let expects_length =
            matches!(*method, http::Method::POST | http::Method::PUT | http::Method::PATCH);
        if expects_length || !body.is_empty() {
            let mut digits = [0; 20];
            encoder.field(b"content-length", decimal(body.len(), &mut digits), out);
        }
    }
}

/// Headers that belong to one connection and have no place in HTTP/2 (RFC 9113 §8.2.2); `host` is
/// `:authority`, and the length is counted.
fn belongs_to_connection(name: &http::HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "transfer-encoding"
            | "upgrade"
            | "host"
            | "content-length"
    )
}

/// `number` in decimal.
fn decimal(number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let (mut rest, mut at) = (number, digits.len());
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            return &digits[at..];
        }
    }
}
