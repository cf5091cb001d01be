//! The opening handshake of a WebSocket (RFC 6455 §4): what we ask for, and whether the answer agrees to it.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, header};
use rand::RngExt as _;
use rand_pcg::Pcg64Mcg;
use tokio::io::AsyncWrite as _;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use plimsoll_metrics::ErrorClass;
use plimsoll_user::ResponseHeaders;

use super::super::TransportError;
use super::super::body::RenderedMessage;
use super::super::io::Io;
use super::super::parser::{ParseProgress, ResponseParser};
use super::super::prepared::{RequestParts, RequestTarget};
use super::deflate::{DeflateAgreement, OFFER};

/// A handshake to be sent.
pub(super) struct OpeningHandshake {
    bytes: Vec<u8>,
    /// What the server has to answer.
    accept: String,
    /// The subprotocols and extensions that were asked for.
    protocols: Vec<String>,
    extensions: bool,
    /// Whether compressed messages were offered.
    deflates: bool,
}

impl OpeningHandshake {
    /// The upgrade request: the plan's headers and what §4.1 asks for.
    ///
    /// # Errors
    /// Where the script made a path that no request can have.
    pub(super) fn new(
        parts: &Rc<RequestParts>,
        (authority, cookies): (&str, &str),
        compresses: bool,
        chance: &mut Pcg64Mcg,
    ) -> Result<Self, TransportError> {
        if http::uri::PathAndQuery::try_from(parts.path.as_str()).is_err() {
            return Err(super::super::error::not_a_url(&parts.path));
        }
        let key = STANDARD.encode(chance.random::<u128>().to_ne_bytes());
        let mut parts = RequestParts::clone(parts);
        let own: [(HeaderName, &str); 4] = [
            (header::UPGRADE, "websocket"),
            (header::CONNECTION, "Upgrade"),
            (header::SEC_WEBSOCKET_VERSION, "13"),
            (header::SEC_WEBSOCKET_KEY, &key),
        ];
        for (name, value) in own {
            // Cannot fail: these are ASCII.
            if let Ok(value) = HeaderValue::from_str(value) {
                parts.headers.insert(name, value);
            }
        }
        let extensions = parts.headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS);
        if compresses && !extensions {
            let offer = HeaderValue::from_static(OFFER);
            parts.headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, offer);
        }
        let offers = parts.headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS);
        let deflates = offers
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(tokens)
            .any(|offer| offer.eq_ignore_ascii_case(OFFER));
        let mut message = RenderedMessage::default();
        parts.write_http1(RequestTarget::direct(authority), cookies, &mut message);
        let protocols = parts.headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
        let protocols = protocols.iter().filter_map(|value| value.to_str().ok()).flat_map(tokens);
        Ok(Self {
            bytes: message.text,
            accept: derive_accept_key(key.as_bytes()),
            protocols: protocols.collect(),
            extensions,
            deflates,
        })
    }

    /// Whether the server that answered 101 agrees (§4.1, and for subprotocols as browsers have it), and whether messages
    /// may be compressed from now on.
    ///
    /// # Errors
    /// Where it does not.
    pub(super) fn verify(
        &self,
        headers: &dyn ResponseHeaders,
    ) -> Result<Option<DeflateAgreement>, TransportError> {
        let refused = |why: String| {
            let message = format!("the answer to the WebSocket handshake {why}");
            Err(TransportError::new(ErrorClass::Protocol, message))
        };
        let names = |name, wanted: &str| {
            all(headers, name).iter().any(|token| token.eq_ignore_ascii_case(wanted))
        };
        if !names("upgrade", "websocket") {
            return refused("has no `upgrade: websocket`".to_owned());
        }
        if !names("connection", "upgrade") {
            return refused("has no `connection: upgrade`".to_owned());
        }
        if headers.first("sec-websocket-accept").as_deref() != Some(self.accept.as_str()) {
            return refused("does not accept its key".to_owned());
        }
        let extensions = all(headers, "sec-websocket-extensions");
        let deflate = match extensions.as_slice() {
            [] => None,
            [extension] if self.deflates => match DeflateAgreement::parse(extension) {
                Ok(agreement) => Some(agreement),
                Err(why) => return refused(why),
            },
            [.., extension] => {
                // Whoever asks for one in a header of their own has to do without it, too.
                let asked =
                    if self.extensions { "plimsoll does not speak" } else { "nobody asked for" };
                return refused(format!("uses the extension `{extension}`, which {asked}"));
            }
        };
        match (all(headers, "sec-websocket-protocol").as_slice(), self.protocols.as_slice()) {
            ([], []) => Ok(deflate),
            ([], asked) => refused(format!("chooses none of `{}`", asked.join(", "))),
            ([chosen], asked) if asked.contains(chosen) => Ok(deflate),
            (chosen, _) => {
                refused(format!("chooses `{}`, which nobody asked for", chosen.join(", ")))
            }
        }
    }
}

/// A handshake under way.
pub(super) struct HandshakeExchange<'a> {
    io: &'a mut Io,
    handshake: &'a OpeningHandshake,
    /// Where the answer goes.
    parser: &'a mut ResponseParser,
    sent: usize,
    /// What came behind the answer: the first frames.
    unread: Vec<u8>,
}

impl<'a> HandshakeExchange<'a> {
    /// Sends `handshake` over `io`; the answer goes into `parser`, which has been started for it.
    pub(super) fn new(
        io: &'a mut Io,
        handshake: &'a OpeningHandshake,
        parser: &'a mut ResponseParser,
    ) -> Self {
        Self { io, handshake, parser, sent: 0, unread: vec![] }
    }

    /// How many bytes were sent, and what came behind the answer.
    pub(super) fn end(self) -> (u64, Vec<u8>) {
        (self.sent as u64, self.unread)
    }

    /// Writes what there is room for, and reads once.
    pub(super) fn turn(
        &mut self,
        context: &mut Context<'_>,
        scratch: &mut [u8],
    ) -> Poll<Result<ParseProgress, TransportError>> {
        let failed = |doing| move |error: io::Error| TransportError::from_io(&error, doing);
        let bytes = &self.handshake.bytes;
        while self.sent < bytes.len() {
            let written = Pin::new(&mut *self.io).poll_write(context, &bytes[self.sent..]);
            self.sent += ready!(written).map_err(failed("sending the handshake"))?;
        }
        ready!(Pin::new(&mut *self.io).poll_flush(context))
            .map_err(failed("sending the handshake"))?;
        let read =
            ready!(self.io.read(context, scratch)).map_err(failed("reading the handshake"))?;
        if read == 0 {
            return Poll::Ready(self.parser.end().map(|()| ParseProgress::Complete));
        }
        Poll::Ready(self.feed(&scratch[..read]))
    }

    /// Feeds the head byte by byte, since frames may follow it at once; a body as it is.
    fn feed(&mut self, bytes: &[u8]) -> Result<ParseProgress, TransportError> {
        let mut rest = bytes;
        while self.parser.status() == 0
            && let Some((byte, behind)) = rest.split_first()
        {
            rest = behind;
            let fed = self.parser.feed(std::slice::from_ref(byte))?;
            if fed == ParseProgress::Complete {
                if self.parser.status() == 101 {
                    self.unread = rest.to_vec();
                }
                return Ok(fed);
            }
        }
        if rest.is_empty() { Ok(ParseProgress::More) } else { self.parser.feed(rest) }
    }
}

fn tokens(value: &str) -> impl Iterator<Item = String> + '_ {
    value.split(',').map(|token| token.trim().to_owned()).filter(|token| !token.is_empty())
}

/// All elements of the lists that the header `name` has.
fn all(headers: &dyn ResponseHeaders, name: &str) -> Vec<String> {
    let mut found = vec![];
    headers.each(name, &mut |value| found.extend(tokens(&String::from_utf8_lossy(value))));
    found
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::*;
    use crate::transport::body::RequestBody;
    use plimsoll_units::{RandomStream, Seed};

    type Headers = Vec<(&'static str, String)>;

    struct Answer(Headers);

    impl ResponseHeaders for Answer {
        fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
            self.0.iter().filter(|(n, _)| *n == name).for_each(|(_, v)| visit(v.as_bytes()));
        }
    }

    fn asking(
        path: &str,
        more: &[(HeaderName, &'static str)],
    ) -> Result<OpeningHandshake, TransportError> {
        asking_with(path, more, false)
    }

    fn asking_with(
        path: &str,
        more: &[(HeaderName, &'static str)],
        compresses: bool,
    ) -> Result<OpeningHandshake, TransportError> {
        let mut headers = HeaderMap::new();
        for (name, value) in more {
            headers.append(name, HeaderValue::from_static(value));
        }
        let parts = RequestParts {
            method: Method::GET,
            path: path.into(),
            headers,
            body: RequestBody::default(),
        };
        let mut chance = Seed::new(1).stream(RandomStream::WebSocket, 0);
        OpeningHandshake::new(&Rc::new(parts), ("h:1", "a=b"), compresses, &mut chance)
    }

    #[test]
    fn handshake_asks_for_what_the_protocol_wants() {
        let sent = asking("/ws", &[]).expect("valid").bytes;
        let sent = String::from_utf8(sent).expect("text");
        assert!(sent.starts_with("GET /ws HTTP/1.1\r\nhost: h:1\r\n"), "{sent}");
        for header in ["upgrade: websocket", "connection: Upgrade", "sec-websocket-version: 13"] {
            assert!(sent.contains(&format!("\r\n{header}\r\n")), "{header}\n{sent}");
        }
        assert!(sent.ends_with("\r\ncookie: a=b\r\n\r\n"), "{sent}");
        assert_eq!(asking("/a\r\nx: y", &[]).err().map(|e| e.class), Some(ErrorClass::Script));
    }

    /// Goal: a server that does not agree is found out, whatever it lacks or adds.
    #[test]
    fn only_an_answer_that_agrees_is_accepted() {
        let protocols = [(header::SEC_WEBSOCKET_PROTOCOL, "chat, news")];
        let why = |asked: &[_], change: &dyn Fn(&mut Headers)| {
            let handshake = asking("/", asked).expect("valid");
            let mut headers = vec![
                ("upgrade", "WebSocket".to_owned()),
                ("connection", "keep-alive, Upgrade".to_owned()),
                ("sec-websocket-accept", handshake.accept.clone()),
            ];
            change(&mut headers);
            handshake.verify(&Answer(headers)).err().map_or(String::new(), |error| error.message)
        };
        let without = |name| move |headers: &mut Headers| headers.retain(|(n, _)| *n != name);
        let with = |name, value: &'static str| {
            move |headers: &mut Headers| headers.push((name, value.to_owned()))
        };
        assert_eq!(why(&[], &|_| {}), "");
        assert!(why(&[], &without("upgrade")).contains("no `upgrade"));
        assert!(why(&[], &without("connection")).contains("no `connection"));
        assert!(why(&[], &without("sec-websocket-accept")).contains("key"));
        let deflate = with("sec-websocket-extensions", "permessage-deflate");
        assert!(why(&[], &deflate).contains("nobody asked for"));
        let offering = asking_with("/", &[], true).expect("valid");
        assert!(
            String::from_utf8_lossy(&offering.bytes)
                .contains("\r\nsec-websocket-extensions: permessage-deflate\r\n")
        );
        let chooses = |value| with("sec-websocket-protocol", value);
        assert_eq!(why(&protocols, &chooses("news")), "");
        assert!(why(&protocols, &chooses("mail")).contains("chooses `mail`"));
        assert!(why(&protocols, &|_| {}).contains("chooses none of `chat, news`"));
        assert!(why(&[], &chooses("chat")).contains("nobody asked for"));
    }
}
