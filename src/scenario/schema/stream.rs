//! Steps that last: server-sent events, `WebSockets`, and watching a video.

use http::Method;

use super::check::{CheckSpec, checks};
use super::delay::{DelaySpec, law};
use super::failure::{self, read_end};
use super::request::RequestSpec;
use crate::declared::stream::{BINARY, BINARY_MESSAGE, HLS, PLAYLIST, SEGMENT, SSE, WEBSOCKET};
use crate::names::EntityName;
use crate::{Fields, Node, NodeValue, ProblemKind, Problems, Spanned, one_or_many};
use plimsoll_units::Nanos;

/// A stream of events or messages. How long until the first one is a step of its own.
#[derive(Debug, Clone)]
pub struct StreamSpec {
    /// How it is opened. Its captures look into the last event or message.
    pub request: RequestSpec,
    /// What it is.
    pub kind: StreamKindSpec,
}

/// What a stream is.
#[derive(Debug, Clone)]
pub enum StreamKindSpec {
    /// Server-sent events, read until one meets these checks, or to the end.
    Events {
        /// Checks of the last event's data.
        until: Vec<CheckSpec>,
        /// The type of the events that are listened to; empty for all.
        event: String,
        /// How long is listened, if not to the end or to the request's timeout.
        hold: Option<DelaySpec>,
    },
    /// A WebSocket.
    Messages {
        /// What is sent once it is open; texts in it are templates.
        send: Vec<SocketMessageSpec>,
        /// Checks that one message must meet before the request's timeout.
        expect: Vec<CheckSpec>,
        /// How long it stays open.
        hold: DelaySpec,
    },
}

/// A message that is sent over a WebSocket.
#[derive(Debug, Clone)]
pub enum SocketMessageSpec {
    /// A text, or JSON as one.
    Text(Node),
    /// Bytes in hexadecimal digits.
    Hex(Spanned<String>),
    /// Bytes in Base64.
    Base64(Spanned<String>),
}

/// A video that is watched, segment by segment, as a player does.
#[derive(Debug, Clone)]
pub struct PlaybackSpec {
    /// The metric's key of the whole.
    pub name: Spanned<String>,
    /// The session that playlist and segments need. Renewing it fetches a new playlist as well.
    pub session: Option<Spanned<String>>,
    /// How the playlist is asked for.
    pub manifest: RequestSpec,
    /// How segments are asked for; their URLs come from the playlist.
    pub segment: RequestSpec,
    /// Which of several variants is played.
    pub variant: VariantSpec,
    /// How many segments the player loads ahead.
    pub buffer: u32,
    /// How long a segment is expected to last, so that a rate in req/s can be kept; the playlist tells the truth.
    pub segment_length: Nanos,
    /// How many renditions are expected beside the variant, for the same purpose.
    pub renditions: u32,
    /// How long is watched.
    pub watch: DelaySpec,
    /// Whether the iteration goes on behind a playlist or segment that fails.
    pub goes_on: bool,
}

/// Which of a playlist's variants is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariantSpec {
    /// The first at first, then as the bandwidth allows.
    Adaptive,
    /// The first.
    First,
    /// That of the lowest bandwidth.
    Lowest,
    /// That of the highest bandwidth.
    Highest,
}

const VARIANT_WORDS: [(&str, VariantSpec); 4] = [
    ("adaptive", VariantSpec::Adaptive),
    ("first", VariantSpec::First),
    ("lowest", VariantSpec::Lowest),
    ("highest", VariantSpec::Highest),
];

impl StreamSpec {
    pub(super) fn read_events(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut fields = Fields::of(node, &SSE, problems)?;
        let methods = [("get", Method::GET), ("post", Method::POST), ("put", Method::PUT)];
        let known: Vec<_> = methods.iter().enumerate().map(|(at, (name, _))| (*name, at)).collect();
        let method =
            fields.word("method", &known, problems).map_or(Method::GET, |at| methods[at].1.clone());
        let until = fields.node("until", problems).map(|node| content_checks(node, problems));
        let event: Option<Spanned<String>> = fields.read("event", problems);
        let hold = fields.node("hold", problems).and_then(|node| law(node, problems));
        let request = RequestSpec::from_fields(method, &mut fields, problems);
        let request = request.going_on(read_end(&mut fields, problems));
        fields.finish(problems);
        let kind = StreamKindSpec::Events {
            until: until.unwrap_or_default(),
            event: event.map(|event| event.value).unwrap_or_default(),
            hold,
        };
        Some(Self { request, kind })
    }

    pub(super) fn read_messages(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut fields = Fields::of(node, &WEBSOCKET, problems)?;
        let send = fields.node("send", problems).map(|node| messages(node, problems));
        let expect = fields.node("expect", problems).map(|node| content_checks(node, problems));
        let hold = fields.node("hold", problems).and_then(|node| law(node, problems));
        let request = RequestSpec::from_fields(Method::GET, &mut fields, problems);
        let request = request.going_on(read_end(&mut fields, problems));
        fields.finish(problems);
        let kind = StreamKindSpec::Messages {
            send: send.unwrap_or_default(),
            expect: expect.unwrap_or_default(),
            hold: hold.unwrap_or(DelaySpec::Constant(Nanos::ZERO)),
        };
        Some(Self { request, kind })
    }
}

/// A single message, or a list of them. A mapping is one message.
fn messages(node: &Node, problems: &mut Problems) -> Vec<SocketMessageSpec> {
    let nodes = match node.value {
        NodeValue::Mapping(_) => std::slice::from_ref(node),
        _ => one_or_many(node),
    };
    nodes.iter().filter_map(|node| message(node, problems)).collect()
}

/// A mapping with bytes under `binary` stands for them; all else for a text.
fn message(node: &Node, problems: &mut Problems) -> Option<SocketMessageSpec> {
    let bytes = node.get("binary");
    if bytes.is_none_or(|bytes| bytes.get("hex").or(bytes.get("base64")).is_none()) {
        return Some(SocketMessageSpec::Text(node.clone()));
    }
    let mut fields = Fields::of(node, &BINARY_MESSAGE, problems)?;
    let inner = fields.node("binary", problems);
    fields.finish(problems);
    let mut fields = Fields::of(inner?, &BINARY, problems)?;
    let (hex, base64) = (fields.read("hex", problems), fields.read("base64", problems));
    fields.finish(problems);
    hex.map(SocketMessageSpec::Hex).or(base64.map(SocketMessageSpec::Base64))
}

/// Checks of one event or message: it has a text, which may be JSON, and nothing else.
fn content_checks(node: &Node, problems: &mut Problems) -> Vec<CheckSpec> {
    let checks = checks(node, problems);
    let fits = |check: &CheckSpec| {
        matches!(check, CheckSpec::Json(..) | CheckSpec::Body(_) | CheckSpec::Hex(_))
    };
    if !checks.iter().all(fits) {
        let kind = ProblemKind::WrongShape {
            expected: "checks on `json`, `body` or `hex`",
            found: "checks on a whole response",
        };
        problems.report(node.span, kind);
    }
    checks
}

impl PlaybackSpec {
    pub(super) fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut fields = Fields::of(node, &HLS, problems)?;
        let name: Option<EntityName> = fields.read("name", problems);
        let session = fields.read("session", problems);
        let manifest = fields.node("manifest", problems).and_then(|node| {
            let mut fields = Fields::of(node, &PLAYLIST, problems)?;
            let request = RequestSpec::from_fields(Method::GET, &mut fields, problems);
            fields.finish(problems);
            Some(request)
        });
        let segment = fields.node("segment", problems).and_then(|node| {
            let mut fields = Fields::of(node, &SEGMENT, problems)?;
            let request = RequestSpec::without_url(Method::GET, &mut fields, problems);
            fields.finish(problems);
            Some(request)
        });
        let variant = fields.word("variant", &VARIANT_WORDS, problems);
        let buffer = fields.read("buffer", problems);
        let segment_length = fields.read("segment_length", problems);
        let renditions = fields.read("renditions", problems);
        let watch = fields.node("watch", problems).and_then(|node| law(node, problems));
        let failure = fields.node("on_failure", problems);
        let failure = failure.map(|node| failure::read(node, &Method::GET, problems));
        let (on_failure, goes_on) = failure.unwrap_or_default().of_parts();
        let nothing = Spanned::new(String::new(), fields.span());
        fields.finish(problems);
        Some(Self {
            name: name.map_or(nothing, |name| name.0),
            session,
            manifest: RequestSpec { on_failure, ..without_session(manifest?, problems) },
            segment: RequestSpec { on_failure, ..without_session(segment?, problems) },
            variant: variant.unwrap_or(VariantSpec::Adaptive),
            // An HLS player's usual buffer.
            buffer: buffer.unwrap_or(3),
            // What most packagers make; the run tells where it is far off.
            segment_length: segment_length.unwrap_or(Nanos::from_secs(4)),
            renditions: renditions.unwrap_or(0),
            watch: watch?,
            goes_on,
        })
    }
}

/// A new session needs a new playlist, so playlist and segments share the playback's.
fn without_session(request: RequestSpec, problems: &mut Problems) -> RequestSpec {
    if let Some(session) = &request.session {
        problems.report(session.span, ProblemKind::SessionOfPart);
    }
    request
}
