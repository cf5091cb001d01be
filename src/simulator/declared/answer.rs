//! Canned answers.

use super::values::{STATUS, TIME};
use plimsoll_scenario::format::{Declaration, Grammar, Property, Rule, optional, required};

/// The keys of the body, of which a response has one.
pub(crate) const BODIES: &[&str] =
    &["json", "text", "html", "script", "image", "bytes", "events", "websocket"];

pub(crate) static ANSWER: Declaration = Declaration {
    name: "answer",
    place: "an answer",
    about: "What a request is answered. Texts are templates, with `path`, `query`, `body`, `user`, `item`, `id` \
            and `token` of the request.",
    groups: &[KEYS],
    others: None,
    rules: &[Rule::AtMostOne(BODIES)],
    example: "
routes:
  - get: /api/items/{id}
    answer: { status: 200, headers: { etag: x }, json: { id: '{{ path.id }}', price: 10 } }
  - get: /old
    answer: { redirect: /new }
  - get: /photo
    answer: { type: image/jpeg, bytes: 200 KiB }
",
};

static KEYS: &[Property] = &[
    optional("status", STATUS, "The status; 200 where none is given, and 301 of a `redirect`.")
        .example("201"),
    optional("headers", Grammar::Texts("header", &Grammar::Text("template")), "Headers.")
        .example("{ etag: x }"),
    optional(
        "type",
        Grammar::Text("media type"),
        "The content type; told by the body where none is given.",
    )
    .example("image/jpeg"),
    optional("redirect", Grammar::Text("template"), "Where it redirects to (`location`).")
        .example("/new"),
    optional(
        "json",
        Grammar::Anything,
        "A JSON body; a quoted text is a template of a whole document.",
    )
    .example("{ id: '{{ path.id }}' }"),
    optional("text", Grammar::Text("template"), "A text.").example("ok"),
    optional("html", Grammar::Text("template"), "A page.").example("<h1>ok</h1>"),
    optional("script", Grammar::Mapping(&SCRIPT), "A script of a page."),
    optional("image", Grammar::Mapping(&IMAGE), "A picture of a page."),
    optional("bytes", Grammar::Size, "So many bytes that mean nothing; at most 64 MiB.")
        .example("200 KiB"),
    optional("events", Grammar::Mapping(&EVENTS), "Server-sent events."),
    optional("websocket", Grammar::Mapping(&WEBSOCKET), "A WebSocket."),
];

pub(crate) static SCRIPT: Declaration = Declaration {
    name: "script",
    place: "a script",
    about: "A script for a page in a browser: valid, of this size, and as much work as told. Most of it is a comment.",
    groups: &[&[
        required("size", Grammar::Size, "Its size, at most 64 MiB.").example("120 kB"),
        optional("busy", Grammar::Duration, "For how long it keeps the page's main thread busy.")
            .default("0s")
            .example("30ms"),
    ]],
    others: None,
    rules: &[],
    example: PAGE_EXAMPLE,
};

pub(crate) static IMAGE: Declaration = Declaration {
    name: "image",
    place: "a picture",
    about: "A picture for a page in a browser: a PNG of this size.",
    groups: &[&[
        required("size", Grammar::Size, "Its size, at most 64 MiB.").example("60 kB"),
        required("width", Grammar::Whole(1.0, 4096.0), "Its width in pixels.").example("640"),
        required("height", Grammar::Whole(1.0, 4096.0), "Its height in pixels.").example("360"),
    ]],
    others: None,
    rules: &[],
    example: PAGE_EXAMPLE,
};

const PAGE_EXAMPLE: &str = "
routes:
  - get: /
    answer: { html: '<script src=/app.js></script><img src=/hero.png width=640 height=360>' }
  - get: /app.js
    answer: { script: { size: 120 kB, busy: 30ms } }
  - get: /hero.png
    answer: { image: { size: 60 kB, width: 640, height: 360 } }
";

pub(crate) static EVENTS: Declaration = Declaration {
    name: "events",
    place: "a stream of events",
    about: "Server-sent events.",
    groups: &[&[
        required("count", Grammar::Whole(1.0, 1e6), "How many.").example("40"),
        optional("every", TIME, "From one to the next.").default("0s").example("50ms"),
        required(
            "data",
            Grammar::Anything,
            "What each says: a text as it stands, all else as JSON.",
        )
        .example("{ word: x }"),
        optional("end", Grammar::Anything, "What a last one says.").example("'[DONE]'"),
    ]],
    others: None,
    rules: &[],
    example: "
routes:
  - get: /suggest
    answer: { events: { count: 40, every: 50ms, data: { word: x }, end: '[DONE]' } }
",
};

pub(crate) static WEBSOCKET: Declaration = Declaration {
    name: "websocket",
    place: "a websocket",
    about: "What a WebSocket does.",
    groups: &[&[
        optional("reply", Grammar::Anything, "What it answers to each message, which templates know as `body`; `n` counts.")
            .example("{ echo: '{{ body }}' }"),
        optional("push", Grammar::Mapping(&PUSH), "What it sends by itself."),
        optional("ping", Grammar::Duration, "How often it pings.").example("20s"),
    ]],
    others: None,
    rules: &[],
    example: "
routes:
  - get: /ws
    answer: { websocket: { reply: { ok: true }, push: { every: 1s, data: { price: 10 } }, ping: 20s } }
",
};

pub(crate) static PUSH: Declaration = Declaration {
    name: "push",
    place: "a `push`",
    about: "What a WebSocket sends by itself.",
    groups: &[&[
        required("every", TIME, "From one message to the next.").example("1s"),
        required("data", Grammar::Anything, "What each says.").example("{ price: 10 }"),
    ]],
    others: None,
    rules: &[],
    example: WEBSOCKET.example,
};
