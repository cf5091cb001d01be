//! A simulation file as a whole.

use super::fault::FAULTS;
use super::route::{EVERY_ROUTE, ROUTE};
use super::tier::TIER;
use super::values::{COUNT, STATUS};
use plimsoll_scenario::format::{
    Declaration, FileFormat, Grammar, Property, Rule, optional, required,
};

/// `simulation.yaml`.
pub static SIMULATION_FILE: FileFormat = FileFormat {
    file: "simulation.yaml",
    about: "What `plimsoll simulate` and `plimsoll demo` play: the tiers of a stack with their queues and service \
            times, the routes that it answers, and what goes wrong meanwhile.",
    root: &ROOT,
};

pub(crate) static ROOT: Declaration = Declaration {
    name: "simulation_file",
    place: "a simulation",
    about: "The whole file.",
    groups: &[KEYS],
    others: None,
    rules: &[],
    example: "
name: shop
tiers:
  api: { kind: api, replicas: 3, cores: 2 }
  db: { kind: db, cores: 4, pool: { of: api, size: 20 } }
routes:
  - get: /api/items/{id}
    visits:
      - api: { lognormal: { mean: 2ms, cv: 0.5 } }
      - db: { exponential: 1ms }
    answer: { json: { id: '{{ path.id }}', price: 10 } }
",
};

static KEYS: &[Property] = &[
    required("name", Grammar::Name, "The system's name.").example("shop"),
    required(
        "tiers",
        Grammar::Texts("tier", &Grammar::Mapping(&TIER)),
        "The tiers that routes visit; at least one, none named `pause` or `cached`.",
    ),
    optional(
        "limits",
        Grammar::Texts("name", &Grammar::Mapping(&LIMIT)),
        "Rate limits by client address, which routes name.",
    ),
    optional(
        "tokens",
        Grammar::Texts("name", &Grammar::Mapping(&TOKEN)),
        "Kinds of tokens that routes issue and ask for; `session`, good for an hour, where none are given.",
    ),
    optional(
        "faults",
        Grammar::AnyOf(&[FAULTS, Grammar::Texts("name", &FAULTS)]),
        "What goes wrong: a timeline that always happens, or timelines by name, of which `--faults NAME` chooses one.",
    ),
    optional(
        "every_route",
        Grammar::Mapping(&EVERY_ROUTE),
        "What holds for every route that is not `bare`.",
    ),
    required(
        "routes",
        Grammar::List(&Grammar::Mapping(&ROUTE)),
        "The routes; other paths are 404.",
    ),
    optional(
        "headers",
        Grammar::Texts("header", &Grammar::Text("text")),
        "Headers of every response.",
    )
    .example("{ server: nginx }"),
    optional("metrics", Grammar::Text("path"), "The path of the simulator's own metrics.")
        .default("/__sim/metrics"),
    optional(
        "trust_forwarded",
        Grammar::Flag,
        "Whether the client's address is what `x-forwarded-for` says.",
    )
    .default("false"),
    optional("gzip", Grammar::Flag, "Whether responses are compressed for clients that accept it.")
        .default("false"),
];

pub(crate) static LIMIT: Declaration = Declaration {
    name: "limit",
    place: "a limit",
    about: "A rate limit by client address: nginx's leaky bucket (`rate`), or a fixed window (`requests` with \
            `per`).",
    groups: &[&[
        optional("rate", Grammar::Rate, "The rate of a bucket, in requests, above 0.")
            .example("10 req/s"),
        optional("burst", COUNT, "How many more a bucket lets through at once.")
            .default("0")
            .example("20"),
        optional(
            "nodelay",
            Grammar::Flag,
            "Whether a bucket lets the burst through at once, instead of one after the other.",
        )
        .default("false"),
        optional("requests", COUNT, "How many a window lets through.").example("100"),
        optional("per", Grammar::Duration, "How long a window is.").example("15m"),
        optional(
            "status",
            STATUS,
            "What the rest is answered; 503 by a bucket and 429 by a window where none is given.",
        )
        .example("429"),
    ]],
    others: None,
    rules: &[Rule::OneOf(&["rate", "requests"]), Rule::Together(&["requests", "per"])],
    example: "
limits:
  per_address: { rate: 10 req/s, burst: 20, nodelay: true, status: 503 }
  logins: { requests: 30, per: 1m, status: 429 }
",
};

pub(crate) static TOKEN: Declaration = Declaration {
    name: "token",
    place: "a token",
    about: "A kind of token: signed, with a subject and an end.",
    groups: &[&[required("ttl", Grammar::Duration, "How long it lives.").example("15m")]],
    others: None,
    rules: &[],
    example: "
tokens:
  session: { ttl: 15m }
",
};
