//! A scenario file as a whole: its target, data, defaults for HTTP.

use super::{browser, flow, load, slo};
use crate::format::{
    Declaration, FileFormat, Grammar, Property, Rule, WordList, optional, required,
};

/// `scenario.yaml`.
pub static SCENARIO_FILE: FileFormat = FileFormat {
    file: "scenario.yaml",
    about: "What users do, how many of them come, and what they must not wait for. One file a system; \
            `plimsoll check` says what is wrong with it, `plimsoll schema` prints its JSON Schema.",
    root: &ROOT,
};

pub(crate) static ROOT: Declaration = Declaration {
    name: "scenario_file",
    place: "a scenario file",
    about: "The whole file.",
    groups: &[KEYS],
    others: None,
    rules: &[],
    example: "
name: shop
target: ${SHOP_URL:-http://127.0.0.1:8080}
workloads:
  load: { stages: [{ rate: 300 req/s, duration: 5m }] }
scenarios:
  browse:
    flow:
      - get: { name: home, url: / }
      - think: 2s..8s
slo:
  p95: { target: 200ms, max: 500ms }
",
};

static KEYS: &[Property] = &[
    required("name", Grammar::Name, "The system's name; reports are kept under it.")
        .example("shop"),
    required(
        "target",
        Grammar::Text("URL"),
        "Where requests go: scheme, host, port and maybe a path put before every relative URL.",
    )
    .example("http://127.0.0.1:8080"),
    optional(
        "green",
        Grammar::Text("URL"),
        "A second target, to which stages may send a share of their arrivals (blue-green, canary).",
    )
    .example("http://127.0.0.1:8081"),
    optional(
        "include",
        Grammar::OneOrMany(&Grammar::Text("path")),
        "Files that say more, relative to this one. Of what several say, a later file goes before an earlier one, and \
         this one before all: of mappings by name entry by entry, of anything else as a whole.",
    )
    .example("[base.yaml, slo.yaml]"),
    optional(
        "vars",
        Grammar::Names(&Grammar::Anything),
        "Values that stand elsewhere as `${vars.NAME}`: within a text, or in place of any value, also in the stack's file.",
    )
    .example("{ rate: 300 req/s, region: eu }"),
    optional("stack", Grammar::Text("path"), "The stack's file, relative to the one that names it.")
        .example("stack.yaml"),
    optional(
        "data",
        Grammar::Names(&Grammar::Mapping(&DATA_SET)),
        "Files whose rows feed templates as `name.column`. Names without `-` and `.`.",
    ),
    optional("http", Grammar::Mapping(&HTTP), "Defaults for every request."),
    required(
        "workloads",
        Grammar::Names(&load::WORKLOAD),
        "How load is offered; `plimsoll run --workload NAME` chooses one, else the first is taken.",
    ),
    optional(
        "flows",
        Grammar::Names(&flow::FLOW),
        "Pieces that flows of scenarios use by name (`use: NAME`).",
    ),
    optional(
        "sessions",
        Grammar::Names(&Grammar::Mapping(&flow::SESSION)),
        "How users log in; requests name the session that they need.",
    ),
    optional(
        "setup",
        flow::LIFECYCLE_VALUE,
        "What is done once, before the first arrival; what it captures is there for all users.",
    ),
    optional("teardown", flow::LIFECYCLE_VALUE, "What is done once, behind the last answer."),
    required(
        "scenarios",
        Grammar::Names(&Grammar::Mapping(&flow::SCENARIO)),
        "The scripted journeys. Each arrival plays one, drawn by weight.",
    ),
    optional(
        "browsers",
        Grammar::Names(&Grammar::Mapping(&browser::BROWSER)),
        "Users with a real browser, few of them beside the scenarios.",
    ),
    optional(
        "slo",
        Grammar::Mapping(&slo::TABLE),
        "What must hold. Without it, a default table is judged and named.",
    ),
    optional(
        "abort",
        Grammar::OneOrMany(&Grammar::Text("condition")),
        "What ends a run early, and fails it (99): `METRIC > VALUE for TIME`, or `METRIC of STEP > …`. Metrics are \
         quantiles of response times (`p99`), `mean` and `error_rate`.",
    )
    .example("[p99 > 2s for 10s, error_rate of pay > 20% for 30s]"),
    optional(
        "allow_hosts",
        Grammar::List(&Grammar::Text("host")),
        "Hosts outside loopback and private addresses that may be loaded; each run must say \
         `--i-may-load HOST` as well.",
    )
    .example("[staging.example.com]"),
];

pub(crate) static DATA_SET: Declaration = Declaration {
    name: "data_set",
    place: "a data set",
    about: "A file whose rows feed templates: CSV with a line of names, or one JSON object a line. A column is \
            asked for as `name.column`, whatever characters are in its name; within an expression \
            `name['first name']`. Objects may lack fields that others have: such a field is undefined, and sent as \
            nothing, in JSON as `null`; `default(…)` gives another value.",
    groups: &[&[
        required(
            "file",
            Grammar::Form("path ending in .csv, .jsonl or .ndjson", r".*\.(csv|jsonl|ndjson)"),
            "The file, relative to the scenario's.",
        )
        .example("users.csv"),
        optional(
            "delimiter",
            Grammar::Words(&DELIMITERS),
            "What separates the values of a row of CSV; blanks are part of a value (RFC 4180).",
        )
        .default("','"),
        optional(
            "encoding",
            Grammar::Words(&ENCODINGS),
            "How its characters are written, where no byte order mark says it.",
        )
        .default("utf-8"),
        optional(
            "pick",
            Grammar::AnyOf(&[Grammar::Words(&PICKS), Grammar::Mapping(&PICK)]),
            "How a row is picked for an iteration.",
        )
        .default("sequential"),
        optional(
            "when_used_up",
            Grammar::Words(&USED_UP),
            "Of `pick: once`: what an arrival that finds no row left does to the run.",
        )
        .default("fail"),
    ]],
    others: None,
    rules: &[],
    example: "
data:
  users: { file: users.csv, pick: unique }
  codes: { file: codes.csv, pick: once, when_used_up: stop }
  routes: { file: routes.csv, pick: { zipf: 1.1 }, delimiter: ';', encoding: latin-1 }
",
};

pub(crate) static ENCODINGS: WordList = WordList {
    what: "an encoding",
    words: &[
        ("utf-8", "UTF-8."),
        ("latin-1", "Latin-1 (ISO 8859-1), or Windows-1252, which has the same letters and more."),
        ("utf-16", "UTF-16; a byte order mark begins the file."),
    ],
};

pub(crate) static DELIMITERS: WordList = WordList {
    what: "a delimiter",
    words: &[(",", "A comma."), (";", "A semicolon."), ("|", "A vertical bar."), ("tab", "A tab.")],
};

pub(crate) static PICKS: WordList = WordList {
    what: "a way to pick a row",
    words: &[
        ("sequential", "One after the other, from the first again when all are used."),
        ("shuffle", "One after the other, in an order drawn once."),
        ("uniform", "Any, equally likely."),
        ("unique", "One a user, never twice; the file needs as many rows as there may be users."),
        (
            "once",
            "One an arrival that asks for it, and never again, over all workers and shards; `when_used_up` says what \
             comes then.",
        ),
    ],
};

pub(crate) static USED_UP: WordList = WordList {
    what: "an end of used up data",
    words: &[
        ("stop", "The run ends there, and is judged as a whole one."),
        (
            "fail",
            "The iteration fails and the run stops, never to pass. A run that is certain to ask for more rows than \
             there are does not begin.",
        ),
    ],
};

pub(crate) static PICK: Declaration = Declaration {
    name: "pick",
    place: "a pick",
    about: "A popularity law: the row of rank `k` has weight `1 / k^exponent`.",
    groups: &[&[required(
        "zipf",
        // Beyond 10 the first row has all the weight that a double can tell from 1.
        Grammar::Number(0.0, 10.0),
        "The exponent. At 0 all rows are equally likely; web traffic is near 1.",
    )
    .example("1.1")]],
    others: None,
    rules: &[],
    example: "
data:
  routes: { file: routes.csv, pick: { zipf: 1.1 } }
",
};

pub(crate) static HTTP: Declaration = Declaration {
    name: "http",
    place: "`http`",
    about: "Defaults for every request, and how users connect.",
    groups: &[HTTP_KEYS],
    others: None,
    rules: &[],
    example: "
http:
  timeout: 10s
  version: auto
  connections: per_user
  source_ips: [127.0.1.0/24]
  headers: { accept: application/json }
  correlation: [traceparent, x-correlation-id]
",
};

static HTTP_KEYS: &[Property] = &[
    optional(
        "timeout",
        Grammar::PositiveDuration,
        "The longest time from the send of a request to the last byte of its response.",
    )
    .default("10s"),
    optional(
        "connect_timeout",
        Grammar::PositiveDuration,
        "The longest time for connecting, and again for the TLS handshake.",
    )
    .default("5s"),
    optional("version", Grammar::Words(&VERSIONS), "Which HTTP is spoken.").default("auto"),
    optional(
        "connections",
        Grammar::AnyOf(&[Grammar::Words(&CONNECTIONS), Grammar::Mapping(&SHARED_CONNECTIONS)]),
        "Who uses a connection.",
    )
    .default("per_user"),
    optional(
        "proxy",
        Grammar::Text("URL"),
        "The HTTP proxy that requests go through (`http://user:password@host:port`); none where it is empty. Requests to \
         `http` name their whole URL there; `https`, HTTP/2 and WebSockets get a tunnel (`CONNECT`). Proxies of the \
         environment are used only where they are named here.",
    )
    .example("http://proxy.example:3128"),
    optional(
        "no_proxy",
        Grammar::OneOrMany(&Grammar::Text("host")),
        "Hosts that are reached without the proxy, as `NO_PROXY` lists them: names with all below them, addresses, \
         networks, `*`.",
    )
    .example("[localhost, .internal, 10.0.0.0/8]"),
    optional(
        "dns",
        Grammar::Words(&ADDRESS_CHOICES),
        "Which of a name's addresses a new connection tries first; the others follow after 250 ms of silence or a \
         failure (RFC 8305).",
    )
    .default("rotate"),
    optional(
        "dns_ttl",
        Grammar::PositiveDuration,
        "How long the addresses of a name are good before it is looked up again; the system's resolver does not tell.",
    )
    .default("30s"),
    optional(
        "source_ips",
        Grammar::OneOrMany(&ADDRESSES),
        "Where connections come from; users take turns. The system's choice where none are given.",
    )
    .example("127.0.1.0/24"),
    optional(
        "forwarded_for",
        Grammar::OneOrMany(&ADDRESSES),
        "What `x-forwarded-for` says, for an edge that trusts the generator; users take turns.",
    )
    .example("10.20.0.0/20"),
    optional(
        "headers",
        Grammar::Texts("header", &Grammar::Text("template")),
        "Headers of every request; a request's own come before them.",
    )
    .example("{ accept: application/json }"),
    optional(
        "correlation",
        Grammar::OneOrMany(&Grammar::Text("header")),
        "Headers that make each request traceable: `traceparent` (W3C Trace Context), others with a random UUID.",
    )
    .example("[traceparent, x-correlation-id]"),
    optional("tls", Grammar::Mapping(&TLS), "Whom the client trusts and what it shows."),
    optional(
        "max_redirects",
        Grammar::Whole(0.0, 255.0),
        "The most redirects followed for one request.",
    )
    .default("5"),
    optional(
        "max_body",
        Grammar::Size,
        "The largest body read, as sent and again as decompressed; a larger one is an error.",
    )
    .default("16 MiB"),
    optional(
        "max_head",
        Grammar::Size,
        "The largest head of a response; a larger one is an error, as is one of more than 128 lines over HTTP/1.1. HTTP/2 \
         servers are told (`SETTINGS_MAX_HEADER_LIST_SIZE`).",
    )
    .default("64 KiB"),
    optional(
        "max_memory",
        Grammar::Size,
        "What bodies that are looked into, events and messages under way may hold in memory together, whatever servers \
         send; what does not fit is an error. 48 MiB and 256 KiB for each user where nothing is given.",
    )
    .example("2 GiB"),
    optional("cookies", Grammar::Flag, "Whether users keep cookies (RFC 6265).").default("true"),
    optional(
        "compression",
        Grammar::Flag,
        "Whether compressed responses are asked for (`accept-encoding`).",
    )
    .default("true"),
];

const ADDRESSES: Grammar = Grammar::Form("address or range", "[0-9a-fA-F.:/ -]+");

pub(crate) static VERSIONS: WordList = WordList {
    what: "a version of HTTP",
    words: &[
        ("1.1", "HTTP/1.1."),
        ("2", "HTTP/2; over plain TCP with prior knowledge."),
        ("auto", "What ALPN agrees on; HTTP/1.1 over plain TCP."),
    ],
};

pub(crate) static CONNECTIONS: WordList = WordList {
    what: "a way to use connections",
    words: &[
        ("per_user", "Each user has its own, as a browser, and keeps it over its iterations."),
        (
            "per_iteration",
            "Each user has its own, new in every iteration: each arrival is a new visitor.",
        ),
        ("shared", "All users of a worker share a pool."),
    ],
};

pub(crate) static SHARED_CONNECTIONS: Declaration = Declaration {
    name: "shared_connections",
    place: "`connections`",
    about: "Few HTTP/2 connections for all users, as gateways and mobile back ends have them: requests are streams on \
            them. Needs `version: 2`.",
    groups: &[&[required(
        "shared",
        Grammar::Whole(1.0, 10_000.0),
        "How many connections all users of an agent share, dealt out over its workers, of which there are no more.",
    )
    .example("4")]],
    others: None,
    rules: &[],
    example: "
http: { version: 2, connections: { shared: 4 } }
",
};

pub(crate) static ADDRESS_CHOICES: WordList = WordList {
    what: "a way to choose an address",
    words: &[
        ("rotate", "Each address in turn, so that all replicas behind a name are loaded."),
        ("first", "The first, in the order of the system's resolver."),
        ("random", "Any, drawn by the seed."),
    ],
};

pub(crate) static TLS: Declaration = Declaration {
    name: "tls",
    place: "`tls`",
    about: "Whom the client trusts besides the system's authorities, and what it shows. Paths are relative to \
            the scenario's folder.",
    groups: &[&[
        optional(
            "ca",
            Grammar::OneOrMany(&Grammar::Text("path")),
            "PEM files with further authorities to trust.",
        )
        .example("ca.pem"),
        optional("cert", Grammar::Text("path"), "A PEM file with the client's certificate chain.")
            .example("client.pem"),
        optional("key", Grammar::Text("path"), "A PEM file with the client's private key.")
            .example("client.key"),
        optional("insecure", Grammar::Flag, "Accept any certificate.").default("false"),
        optional(
            "server_name",
            Grammar::Text("host"),
            "The name asked for (SNI) and checked; the target's host where none is given.",
        )
        .example("shop.example"),
    ]],
    others: None,
    rules: &[Rule::Together(&["cert", "key"])],
    example: "
http:
  tls: { ca: ca.pem, server_name: shop.example }
",
};
