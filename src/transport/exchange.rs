//! What one HTTP exchange came to, whatever the protocol.

use std::fmt::Write as _;

use http::HeaderMap;

use crate::units::RunTime;
use crate::user::Headers;

use super::parser::ResponseParser;

/// One complete response with the times of its parts.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// When the first byte of the request was handed to the socket.
    pub(super) began: RunTime,
    /// When the last byte of the request was handed to the socket.
    pub(super) written: RunTime,
    pub(super) first_byte: RunTime,
    pub(super) done: RunTime,
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
    pub(super) body_size: u64,
    /// Whether the connection can carry another request.
    pub(super) reusable: bool,
    /// HTTP/2's headers and body; HTTP/1.1's are in the parser.
    pub(super) http2: Option<Box<(HeaderMap, Vec<u8>)>>,
}

impl Answer {
    /// Whether a `set-cookie` is among the headers.
    pub(super) fn sets_cookies(&self, parser: &ResponseParser) -> bool {
        match &self.http2 {
            Some(answer) => answer.0.contains_key(http::header::SET_COOKIE),
            None => parser.sets_cookies(),
        }
    }

    /// The headers, wherever they are.
    pub(super) fn with_headers<T>(
        &self,
        parser: &ResponseParser,
        use_them: impl FnOnce(&dyn Headers) -> T,
    ) -> T {
        match &self.http2 {
            Some(answer) => use_them(&MapView(&answer.0)),
            None => use_them(&parser.headers()),
        }
    }

    /// Status, headers and the beginning of the body, for a reader.
    pub(super) fn describe(&self, parser: &ResponseParser) -> String {
        const SHOWN: usize = 2_000;
        let mut text = match &self.http2 {
            Some(answer) => {
                let mut text = format!("HTTP/2 {}\n", self.status);
                for (name, value) in &answer.0 {
                    let _ = writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
                }
                text.push('\n');
                text
            }
            None => parser.head_text(),
        };
        let body = self.body(parser);
        match std::str::from_utf8(&body[..body.len().min(SHOWN)]) {
            Ok(shown) => text.push_str(shown),
            Err(_) => {
                let _ = write!(text, "({} bytes, not text)", body.len());
            }
        }
        if body.len() > SHOWN {
            text.push('…');
        }
        text
    }

    /// The body as sent, wherever it is.
    pub(super) fn body<'a>(&'a self, parser: &'a ResponseParser) -> &'a [u8] {
        match &self.http2 {
            Some(answer) => &answer.1,
            None => parser.body(),
        }
    }
}

/// HTTP/2's headers.
pub(super) struct MapView<'a>(pub(super) &'a HeaderMap);

impl Headers for MapView<'_> {
    fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        self.0.get_all(name).iter().for_each(|value| visit(value.as_bytes()));
    }
}
