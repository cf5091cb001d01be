//! Steps that last: server-sent events, `WebSockets`, and watching a video.

use super::delay::DELAY;
use super::failure::{ENDS_ON_FAILURE, PARTS_ON_FAILURE};
use super::request::{BODY, HEADERS, NAME, QUERY, REST, RULES, URL};
use super::response::CHECK;
use crate::format::{Declaration, Grammar, Property, Rule, WordList, optional, required};

pub(crate) static SSE: Declaration = Declaration {
    name: "sse",
    place: "`sse`",
    about: "Server-sent events, read until one meets `until`, or to the stream's end, or for `hold`. Captures look into \
            the last event. Time until the first event is the row `NAME.first_event`, that from each event to the next \
            `NAME.event_gap`.",
    groups: &[
        URL,
        NAME,
        QUERY,
        HEADERS,
        BODY,
        REST,
        &[
            optional("method", Grammar::Words(&SSE_METHODS), "How the stream is asked for.")
                .default("get"),
            optional(
                "until",
                Grammar::Mapping(&CHECK),
                "Checks (`json`, `body`) of the last event's data; its end where none are given.",
            ),
            optional(
                "event",
                Grammar::Text("type of event"),
                "The type of the events that are listened to (`message` where the server names none); all where nothing is given.",
            )
            .example("price"),
            optional(
                "hold",
                DELAY,
                "How long is listened to a stream that does not end; its first event must come within `timeout`. Without it, and without `until`, it is left at `timeout`.",
            )
            .example("30s..60s"),
            ENDS_ON_FAILURE,
        ],
    ],
    others: None,
    rules: RULES,
    example: "
scenarios:
  ask:
    flow:
      - sse:
          name: suggest
          url: /suggest
          method: post
          json: { question: where? }
          until: { body: '[DONE]' }
          timeout: 30s
",
};

pub(crate) static SSE_METHODS: WordList = WordList {
    what: "a method of `sse`",
    words: &[("get", "GET."), ("post", "POST."), ("put", "PUT.")],
};

pub(crate) static WEBSOCKET: Declaration = Declaration {
    name: "websocket",
    place: "`websocket`",
    about: "A WebSocket: it is opened, messages are sent, one is waited for, and it stays open a while. Time until \
            the first message is the row `NAME.first_message`.",
    groups: &[
        URL,
        NAME,
        QUERY,
        HEADERS,
        BODY,
        REST,
        &[
            optional(
                "send",
                Grammar::AnyOf(&[Grammar::Mapping(&BINARY_MESSAGE), Grammar::Anything]),
                "A message, or a list of them; texts as they stand, `binary: { hex: … }` as bytes, all else as JSON. Texts are templates.",
            )
            .example("{ subscribe: prices }"),
            optional(
                "expect",
                Grammar::Mapping(&CHECK),
                "Checks (`json`, `body`) that one message must meet before the request's timeout.",
            ),
            optional("hold", DELAY, "How long it stays open after that.").default("0s"),
            ENDS_ON_FAILURE,
        ],
    ],
    others: None,
    rules: RULES,
    example: "
scenarios:
  watch:
    flow:
      - websocket:
          name: live
          url: /ws
          send: { subscribe: prices }
          expect: { json: { $.type: price } }
          hold: 30s..60s
",
};

pub(crate) static BINARY_MESSAGE: Declaration = Declaration {
    name: "binary_message",
    place: "a binary message",
    about: "A binary message, for `send` of a `websocket`. A mapping without `hex` or `base64` in it is a text of JSON.",
    groups: &[&[
        required("binary", Grammar::Mapping(&BINARY), "Its bytes.").example("{ hex: 0a ff }")
    ]],
    others: None,
    rules: &[],
    example: "
scenarios:
  feed:
    flow:
      - websocket:
          name: feed
          url: /feed
          send: [{ binary: { hex: 01 00 ff } }, { binary: { base64: AQD/ } }]
          expect: { hex: 01 00 }
",
};

pub(crate) static BINARY: Declaration = Declaration {
    name: "binary",
    place: "`binary`",
    about: "Bytes, written as text.",
    groups: &[&[
        optional(
            "hex",
            Grammar::Text("template"),
            "In hexadecimal digits; blanks between them mean nothing.",
        )
        .example("01 00 ff"),
        optional("base64", Grammar::Text("template"), "In Base64 (RFC 4648 §4).").example("AQD/"),
    ]],
    others: None,
    rules: &[Rule::OneOf(&["hex", "base64"])],
    example: "
scenarios:
  feed:
    flow:
      - websocket: { name: feed, url: /feed, send: { binary: { base64: AQD/ } } }
",
};

pub(crate) static VARIANTS: WordList = WordList {
    what: "a choice of `variant`",
    words: &[
        ("adaptive", "The first at first, then as the bandwidth allows that segments come with."),
        ("first", "The first in the playlist."),
        ("lowest", "That of the lowest `BANDWIDTH`."),
        ("highest", "That of the highest `BANDWIDTH`."),
    ],
};

static HLS_KEYS: &[Property] = &[
    required("name", Grammar::Name, "The name of the whole; its parts are `NAME.first_segment` and so on.")
        .example("playback"),
    optional(
        "session",
        Grammar::Text("name of a session"),
        "The session that playlist and segments need; renewing it fetches a new playlist as well.",
    )
    .example("viewing"),
    required("manifest", Grammar::Mapping(&PLAYLIST), "How the playlist is asked for; without `session`."),
    required("segment", Grammar::Mapping(&SEGMENT), "How segments are asked for; without `session`."),
    optional("variant", Grammar::Words(&VARIANTS), "Which of a master playlist's variants is played.")
        .default("adaptive"),
    optional("buffer", Grammar::Whole(1.0, 100.0), "How many segments the player loads ahead.")
        .default("3"),
    optional(
        "segment_length",
        Grammar::PositiveDuration,
        "How long a segment is expected to last, so that a rate in req/s can be kept; the playlist tells the truth.",
    )
    .default("4s"),
    optional(
        "renditions",
        Grammar::Whole(0.0, 2.0),
        "How many renditions (sound, subtitles) are expected to be loaded beside the variant, for the same purpose.",
    )
    .default("0"),
    required("watch", DELAY, "How long is watched.").example("2m..5m"),
];

pub(crate) static HLS: Declaration = Declaration {
    name: "hls",
    place: "`hls`",
    about: "A video that is watched as a player does: playlist, then segment by segment (RFC 8216).",
    groups: &[HLS_KEYS, PARTS_ON_FAILURE],
    others: None,
    rules: &[],
    example: "
scenarios:
  view:
    flow:
      - hls:
          name: playback
          manifest: { name: manifest, url: /video/main.m3u8 }
          segment: { name: segment }
          watch: 2m..5m
",
};

pub(crate) static SEGMENT: Declaration = Declaration {
    name: "segment",
    place: "a segment",
    about: "How a segment of a video is asked for; its URL comes from the playlist.",
    groups: &[NAME, QUERY, HEADERS, BODY, REST],
    others: None,
    rules: RULES,
    example: "
scenarios:
  view:
    flow:
      - hls:
          name: playback
          manifest: { name: manifest, url: /video/main.m3u8 }
          segment: { name: segment, check: { status: 200 }, timeout: 4s }
          watch: 1m
",
};

pub(crate) static PLAYLIST: Declaration = Declaration {
    name: "playlist",
    place: "a playlist",
    about: "The GET request for a video's playlist. Its step is counted under `name`.",
    groups: &[URL, NAME, QUERY, HEADERS, BODY, REST],
    others: None,
    rules: RULES,
    example: "
scenarios:
  watch:
    flow:
      - hls:
          name: video
          manifest: { name: manifest, url: /video.m3u8 }
          segment: { name: segment }
          watch: 2m
",
};

/// How many rounds a loop expects.
pub(super) const ROUNDS: Grammar = Grammar::Number(1.0, 100_000.0);

/// How many times something is done.
pub(super) const TIMES: Grammar =
    Grammar::Form("whole number or range (`1..3`)", r"\d+( *\.\. *\d+)?");
