//! A request step.

use super::failure::ON_FAILURE;
use super::response::{CAPTURED, CHECK};
use crate::format::{Declaration, Grammar, Property, Rule, optional, required};

/// Where a request goes.
pub(super) static URL: &[Property] = &[required(
    "url",
    Grammar::Text("template"),
    "A path on the target, or an absolute URL; percent-encoded where it is written down.",
)
.example("/orders/{{ id }}")];

/// What a request is counted under.
pub(super) static NAME: &[Property] = &[required(
    "name",
    Grammar::Name,
    "The step's name in tables, never a URL. Requests of one name are counted together.",
)
.example("login")];

/// Parameters of its URL.
pub(super) static QUERY: &[Property] = &[optional(
    "query",
    Grammar::Texts("parameter", &Grammar::OneOrMany(&Grammar::Text("template"))),
    "Query parameters, put behind those of the URL; a list gives its parameter once for each item.",
)
.example("{ q: shoes, size: [41, 42] }")];

/// Its headers.
pub(super) static HEADERS: &[Property] =
    &[optional("headers", Grammar::Texts("header", &Grammar::Text("template")), "Headers.")
        .example("{ accept: text/html }")];

/// What it carries.
pub(super) static BODY: &[Property] = &[
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
        Grammar::Texts("part", &Grammar::OneOrMany(&PART)),
        "A body of parts (`multipart/form-data`): texts, files, and files of so many bytes; a list gives its part once for each item.",
    )
    .example("{ title: holiday, tag: [sea, sun] }"),
    optional(
        "body",
        Grammar::AnyOf(&[Grammar::Text("template"), Grammar::Mapping(&BODY_FILE)]),
        "A body as it stands: a text, or the content of a file.",
    )
    .example("a=1"),
];

/// Who asks, and what is made of the response.
pub(super) static REST: &[Property] = &[
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

/// How it is signed.
pub(super) static SIGNED: &[Property] = &[optional(
    "sign",
    Grammar::Mapping(&SIGN),
    "A signature over the request, made as it is sent.",
)];

/// What holds between the keys of every request.
pub(super) const RULES: &[Rule] = &[
    Rule::AtMostOne(&["json", "form", "multipart", "body"]),
    Rule::AtMostOne(&["bearer", "basic"]),
];

/// The same of requests that may be signed.
pub(super) const SIGNED_RULES: &[Rule] = &[
    Rule::AtMostOne(&["json", "form", "multipart", "body"]),
    Rule::AtMostOne(&["bearer", "basic", "sign"]),
];

const PART: Grammar = Grammar::AnyOf(&[Grammar::Text("template"), Grammar::Mapping(&UPLOAD)]);

pub(crate) static REQUEST: Declaration = Declaration {
    name: "request",
    place: "a request",
    about: "One request. Its step is counted under `name`.",
    groups: &[URL, NAME, QUERY, HEADERS, BODY, REST, SIGNED, ON_FAILURE],
    others: None,
    rules: SIGNED_RULES,
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

pub(crate) static ANY_REQUEST: Declaration = Declaration {
    name: "any_request",
    place: "`request`",
    about: "One request of any method: of WebDAV, of a cache, or of your own.",
    groups: &[
        &[required(
            "method",
            Grammar::Form("method", "[A-Za-z0-9!#$%&'*+.^_`|~-]+"),
            "The method as it is sent; upper and lower case differ (RFC 9110, §9.1).",
        )
        .example("PROPFIND")],
        URL,
        NAME,
        QUERY,
        HEADERS,
        BODY,
        REST,
        SIGNED,
        ON_FAILURE,
    ],
    others: None,
    rules: SIGNED_RULES,
    example: "
scenarios:
  list:
    flow:
      - request: { method: PROPFIND, name: list, url: /files/, headers: { depth: '1' }, check: { status: 207 } }
      - request: { method: GET, name: search, url: /_search, json: { query: { match_all: {} } } }
      - options: { name: preflight, url: /files/, headers: { origin: 'https://shop.example' } }
",
};

pub(crate) static SIGN: Declaration = Declaration {
    name: "sign",
    place: "`sign`",
    about: "A signature over method, path, query, some headers and body, which proves who sends them and when.",
    groups: &[&[required("aws", Grammar::Mapping(&AWS), "AWS Signature Version 4.")]],
    others: None,
    rules: &[],
    example: "
scenarios:
  items:
    flow:
      - get:
          name: items
          url: /items
          sign: { aws: { service: execute-api, region: eu-west-1, access_key: '${KEY:-AKID}', secret_key: '${SECRET:-x}' } }
",
};

pub(crate) static AWS: Declaration = Declaration {
    name: "aws",
    place: "`aws`",
    about: "AWS Signature Version 4. Signed are `host`, `content-type`, `range` and what begins with `x-amz-`; the date is that of \
            the send, and a request that is redirected on the same host is signed again. Of service `s3`, uploads of `size` \
            are sent as an unsigned payload.",
    groups: &[&[
        required("service", Grammar::Text("service"), "The service's name.").example("execute-api"),
        required("region", Grammar::Text("region"), "The region.").example("eu-west-1"),
        required("access_key", Grammar::Text("template"), "The access key's ID.")
            .example("${AWS_ACCESS_KEY_ID:-AKID}"),
        required("secret_key", Grammar::Text("template"), "The secret access key; it is never sent.")
            .example("${AWS_SECRET_ACCESS_KEY:-x}"),
        optional("session_token", Grammar::Text("template"), "The token of temporary credentials.")
            .example("${AWS_SESSION_TOKEN:-x}"),
    ]],
    others: None,
    rules: &[],
    example: "
scenarios:
  items:
    flow:
      - get:
          name: items
          url: /items
          sign: { aws: { service: s3, region: eu-west-1, access_key: '${KEY:-AKID}', secret_key: '${SECRET:-x}' } }
",
};

pub(crate) static BODY_FILE: Declaration = Declaration {
    name: "body_file",
    place: "`body`",
    about: "A body that is the content of a file, sent as it is. It is held in memory once, however many users send it.",
    groups: &[&[
        required("file", Grammar::Text("path"), FILE_ABOUT).example("order.xml"),
        optional("type", Grammar::Text("media type"), "Its media type.")
            .default("application/octet-stream"),
    ]],
    others: None,
    rules: &[],
    example: "
scenarios:
  order:
    flow:
      - put: { name: photo, url: /photos/7, body: { file: photo.jpg, type: image/jpeg } }
",
};

const FILE_ABOUT: &str = "The file, relative to the one that names it. Above 1 MiB it is read from the disk as it is sent.";

pub(crate) static BASIC: Declaration = Declaration {
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

pub(crate) static UPLOAD: Declaration = Declaration {
    name: "upload",
    place: "a part of an upload",
    about: "A part of an upload that says more than a text: a file, so many bytes that nobody reads, or a text with a \
            media type.",
    groups: &[&[
        optional("file", Grammar::Text("path"), FILE_ABOUT).example("photo.jpg"),
        optional(
            "size",
            Grammar::Size,
            "So many bytes in place of a file's; at most 1 TiB, for they are made as they are sent.",
        )
        .example("2 MiB"),
        optional("text", Grammar::Text("template"), "A text.").example("'{\"album\":7}'"),
        optional(
            "filename",
            Grammar::Text("template"),
            "The file's name as the server is told; that of `file` where none is given.",
        )
        .example("photo.jpg"),
        optional(
            "type",
            Grammar::Text("media type"),
            "Its media type; of a file `application/octet-stream` where none is given, of a text none.",
        )
        .example("image/jpeg"),
    ]],
    others: None,
    rules: &[Rule::OneOf(&["file", "size", "text"])],
    example: "
scenarios:
  post:
    flow:
      - post:
          name: upload
          url: /photos
          multipart:
            title: holiday
            photo: { file: photo.jpg, type: image/jpeg }
            film: { filename: a.mp4, type: video/mp4, size: 200 MiB }
",
};
