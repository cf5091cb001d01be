//! Routes: which request, what it does in the stack, what it is answered.

use super::answer::ANSWER;
use super::values::{STATUS, TIME};
use plimsoll_scenario::format::{
    Declaration, Grammar, Others, Property, Rule, WordList, optional, required,
};

/// The keys that say which request it is.
pub(crate) const METHOD_KEYS: &[&str] = &["get", "post", "put", "patch", "delete", "head"];

const LIMITS: Grammar = Grammar::OneOrMany(&Grammar::Text("name of a limit"));
const VISITS: Grammar = Grammar::List(&Grammar::Mapping(&VISIT));
const PATH: Grammar = Grammar::Text("path");

pub(crate) static EVERY_ROUTE: Declaration = Declaration {
    name: "every_route",
    place: "what every route does",
    about: "What holds for every route that is not `bare`.",
    groups: &[&[
        optional("visits", VISITS, "Visits before the route's own."),
        optional("limits", LIMITS, "Limits of routes that name none themselves.")
            .example("per_address"),
    ]],
    others: None,
    rules: &[],
    example: "
limits: { per_address: { rate: 10 req/s } }
tiers: { edge: { kind: edge } }
every_route: { limits: per_address, visits: [{ edge: 60us }] }
",
};

pub(crate) static ROUTE: Declaration = Declaration {
    name: "route",
    place: "a route",
    about: "Which request, what it does in the stack, and what it is answered.",
    groups: &[KEYS],
    others: None,
    rules: &[Rule::OneOf(METHOD_KEYS)],
    example: "
tiers: { api: { kind: api }, db: { kind: db } }
routes:
  - post: /api/bookings
    auth: bearer
    require: [flight]
    visits: [{ api: 2ms }, { db: { exponential: 1ms } }]
    create: bookings
    answer: { status: 201, json: { id: '{{ id }}' } }
  - get: /api/bookings/{id}
    find: bookings
    answer: { json: { flight: '{{ item.flight }}' } }
",
};

static KEYS: &[Property] = &[
    optional(
        "get",
        PATH,
        "The path of a GET; `{id}` stands for one piece, `{*rest}` at the end for all that follow.",
    )
    .example("/api/bookings/{id}"),
    optional("post", PATH, "The path of a POST."),
    optional("put", PATH, "The path of a PUT."),
    optional("patch", PATH, "The path of a PATCH."),
    optional("delete", PATH, "The path of a DELETE."),
    optional("head", PATH, "The path of a HEAD."),
    optional("bare", Grammar::Flag, "Whether it goes without what `every_route` says.")
        .default("false"),
    optional("limits", LIMITS, "The rate limits that it has.").example("[per_address, logins]"),
    optional("visits", VISITS, "What it does in the stack, one after the other."),
    optional(
        "auth",
        Grammar::AnyOf(&[Grammar::Words(&BEARER), Grammar::Mapping(&AUTH)]),
        "The token that it asks for.",
    ),
    optional(
        "require",
        Grammar::List(&Grammar::Text("field")),
        "Fields that the request's body must have, else 400.",
    )
    .example("[email, password]"),
    optional(
        "key",
        Grammar::Text("template"),
        "What a cache keeps the response under; the URL where none is given.",
    )
    .example("'{{ query.q }}'"),
    optional(
        "find",
        Grammar::Text("name of a store"),
        "The store in which the item that the path names is found, else 404.",
    )
    .example("bookings"),
    optional(
        "create",
        Grammar::Text("name of a store"),
        "The store to which the request's body is added.",
    )
    .example("bookings"),
    optional(
        "change",
        Grammar::Anything,
        "What of the found item becomes what; texts are templates.",
    )
    .example("{ status: paid }"),
    optional("issue", Grammar::Mapping(&ISSUE), "The token that it issues."),
    optional("background", Grammar::Mapping(&BACKGROUND), "What goes on after the response."),
    optional(
        "answer",
        Grammar::Mapping(&ANSWER),
        "What it is answered; an empty 200 where nothing is given.",
    ),
];

pub(crate) static BEARER: WordList = WordList {
    what: "`bearer` or where a token is",
    words: &[("bearer", "The first kind of token, in `authorization: Bearer`.")],
};

pub(crate) static AUTH: Declaration = Declaration {
    name: "auth",
    place: "an `auth`",
    about: "Which token a route asks for, and where it looks.",
    groups: &[&[
        TOKEN,
        optional("bearer", Grammar::Flag, "Whether it may be in `authorization: Bearer`.")
            .default("false"),
        optional("cookie", Grammar::Text("cookie"), "The cookie that it may be in.").example("sid"),
        optional("query", Grammar::Text("parameter"), "The query parameter that it may be in.")
            .example("token"),
        optional("status", STATUS, "What a request without it is answered.").default("401"),
    ]],
    others: None,
    rules: &[Rule::AtLeastOne(&["bearer", "cookie", "query"])],
    example: "
tokens: { playback: { ttl: 90s } }
routes:
  - get: /video/{*rest}
    auth: { token: playback, query: token, status: 403 }
",
};

const TOKEN: Property = optional(
    "token",
    Grammar::Text("name of a token"),
    "The kind of token; the first that is declared where none is given.",
)
.example("session");

pub(crate) static ISSUE: Declaration = Declaration {
    name: "issue",
    place: "an `issue`",
    about: "The token that a route issues; its response has it as `{{ token }}`.",
    groups: &[&[
        TOKEN,
        optional("subject", Grammar::Text("template"), "Whom it is for.")
            .example("'{{ body.email }}'"),
        optional("cookie", Grammar::Text("cookie"), "The cookie that carries it.").example("sid"),
    ]],
    others: None,
    rules: &[],
    example: "
routes:
  - post: /login
    issue: { subject: '{{ body.email }}', cookie: sid }
    answer: { json: { token: '{{ token }}' } }
",
};

pub(crate) static BACKGROUND: Declaration = Declaration {
    name: "background",
    place: "background work",
    about: "What goes on after the response, for requests that create an item.",
    groups: &[&[
        optional("visits", VISITS, "What it does in the stack."),
        optional(
            "then",
            Grammar::Anything,
            "What of the created item becomes what when it is done.",
        )
        .example("{ status: done }"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers: { worker: { kind: worker } }
routes:
  - post: /exports
    create: exports
    background: { visits: [{ worker: 2s }], then: { status: done } }
    answer: { status: 202, json: { id: '{{ id }}' } }
",
};

pub(crate) static VISIT: Declaration = Declaration {
    name: "visit",
    place: "a visit",
    about: "One visit: a tier and how long its work takes there.",
    groups: &[&[
        optional("pause", TIME, "Time that passes without work in any tier.").example("10ms"),
        optional(
            "cached",
            Grammar::Mapping(&CACHED),
            "Work that is only done where a cache has nothing.",
        ),
    ]],
    others: Some(Others {
        key: "tier",
        value: TIME,
        about: "How long the work takes in that tier.",
    }),
    rules: &[Rule::OneKey],
    example: "
tiers: { api: { kind: api } }
routes:
  - get: /
    visits: [{ api: 5ms }, { api: 200us..400us }, { pause: { exponential: 10ms } }]
",
};

pub(crate) static CACHED: Declaration = Declaration {
    name: "cached",
    place: "a cached visit",
    about: "Work that is only done where a cache has nothing.",
    groups: &[&[
        required("in", Grammar::Text("name of a tier"), "The tier that has a `cache`.")
            .example("cache"),
        required("ttl", Grammar::Duration, "How long an entry is good.").example("5m"),
        required(
            "miss",
            Grammar::List(&Grammar::Mapping(&VISIT)),
            "What is done where it has nothing.",
        ),
    ]],
    others: None,
    rules: &[],
    example: "
tiers:
  cache: { kind: cache, cache: { memory: 1 GB, entry: 4 KiB } }
  db: { kind: db }
routes:
  - get: /api/airports
    visits: [{ cache: 150us }, { cached: { in: cache, ttl: 5m, miss: [{ db: 3ms }] } }]
",
};
