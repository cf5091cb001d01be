//! A request step.

use super::failure::ON_FAILURE;
use super::response::{CAPTURED, CHECK};
use crate::scenario::format::{Declaration, Grammar, Property, Rule, optional, required};

/// Where a request goes.
pub(super) static URL: &[Property] = &[required(
    "url",
    Grammar::Text("template"),
    "A path on the target, or an absolute URL; percent-encoded where it is written down.",
)
.example("/orders/{{ id }}")];

/// What every request may say.
pub(super) static COMMON: &[Property] = &[
    required(
        "name",
        Grammar::Name,
        "The step's name in tables, never a URL. Requests of one name are counted together.",
    )
    .example("login"),
    optional(
        "query",
        Grammar::Texts("parameter", &Grammar::OneOrMany(&Grammar::Text("template"))),
        "Query parameters, put behind those of the URL; a list gives its parameter once for each item.",
    )
    .example("{ q: shoes, size: [41, 42] }"),
    optional("headers", Grammar::Texts("header", &Grammar::Text("template")), "Headers.")
        .example("{ accept: text/html }"),
    optional("json", Grammar::Anything, "A JSON body; the texts in it are templates.")
        .example("{ id: '{{ id }}' }"),
    optional(
        "form",
        Grammar::Texts("field", &Grammar::OneOrMany(&Grammar::Text("template"))),
        "A body of form fields (`application/x-www-form-urlencoded`); a list gives its field once for each item.",
    )
    .example("{ user: ada, role: [read, write] }"),
    optional(
        "multipart",
        Grammar::Texts("part", &PART),
        "A body of parts (`multipart/form-data`): texts, and files of so many bytes.",
    )
    .example("{ title: holiday }"),
    optional("body", Grammar::Text("template"), "A body as it stands.").example("a=1"),
    optional("bearer", Grammar::Text("template"), "The token of a bearer authorization.")
        .example("'{{ token }}'"),
    optional("basic", Grammar::Mapping(&BASIC), "A basic authorization."),
    optional("check", Grammar::Mapping(&CHECK), "Assertions on the response."),
    optional(
        "capture",
        Grammar::Texts("name", &CAPTURED),
        "Values taken out of the response, by the name that templates use (without `-` and `.`).",
    )
    .example("{ token: $.token }"),
    optional(
        "session",
        Grammar::Text("name of a session"),
        "The session that it needs; a user without one logs in first.",
    )
    .example("viewing"),
    optional(
        "timeout",
        Grammar::PositiveDuration,
        "The longest time from its send to the last byte; `http.timeout` where none is given.",
    )
    .example("30s"),
    optional("follow_redirects", Grammar::Flag, "Whether redirects are followed.").default("true"),
    optional(
        "tags",
        Grammar::OneOrMany(&Grammar::Text("text")),
        "What it is counted with besides its name.",
    )
    .example("[write]"),
];

/// What holds between the keys of every request.
pub(super) const RULES: &[Rule] = &[
    Rule::AtMostOne(&["json", "form", "multipart", "body"]),
    Rule::AtMostOne(&["bearer", "basic"]),
];

const PART: Grammar = Grammar::AnyOf(&[Grammar::Text("template"), Grammar::Mapping(&UPLOAD)]);

pub(in crate::scenario) static REQUEST: Declaration = Declaration {
    name: "request",
    place: "a request",
    about: "One request. Its step is counted under `name`.",
    groups: &[URL, COMMON, ON_FAILURE],
    others: None,
    rules: RULES,
    example: "
scenarios:
  buy:
    flow:
      - post:
          name: login
          url: /api/auth/login
          json: { email: ada@example.com, password: secret }
          check: { status: 200, time: < 2s }
          capture: { token: $.token }
      - get: { name: orders, url: /api/orders, query: { page: 1 }, bearer: '{{ token }}', tags: [read] }
",
};

pub(in crate::scenario) static BASIC: Declaration = Declaration {
    name: "basic",
    place: "`basic`",
    about: "User and password of a basic authorization (RFC 7617).",
    groups: &[&[
        required("user", Grammar::Text("template"), "The user's name.").example("ada"),
        required("password", Grammar::Text("template"), "The password.").example("${PASSWORD:-x}"),
    ]],
    others: None,
    rules: &[],
    example: "
scenarios:
  admin:
    flow:
      - get: { name: stats, url: /stats, basic: { user: ada, password: '${PASSWORD:-x}' } }
",
};

pub(in crate::scenario) static UPLOAD: Declaration = Declaration {
    name: "upload",
    place: "an uploaded file",
    about: "A file that is uploaded: bytes that nobody reads, under a file's name.",
    groups: &[&[
        required("filename", Grammar::Text("template"), "The file's name.").example("photo.jpg"),
        optional("type", Grammar::Text("media type"), "Its media type.")
            .default("application/octet-stream"),
        required(
            "size",
            Grammar::Size,
            "How large it is; at most 64 MiB, for it is held in memory once.",
        )
        .example("2 MiB"),
    ]],
    others: None,
    rules: &[],
    example: "
scenarios:
  post:
    flow:
      - post:
          name: upload
          url: /photos
          multipart: { title: holiday, photo: { filename: a.jpg, type: image/jpeg, size: 2 MiB } }
",
};
