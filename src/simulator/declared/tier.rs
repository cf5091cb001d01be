//! The tiers of a simulated stack.

use super::values::{COUNT, STATUS};
use crate::model::MAX_REPLICAS;
use plimsoll_scenario::format::{Declaration, Grammar, Property, WordList, optional, required};

/// How many replicas a tier may have.
const REPLICAS: Grammar = Grammar::Whole(1.0, MAX_REPLICAS as f64);

pub(crate) static TIER: Declaration = Declaration {
    name: "tier",
    place: "a tier",
    about: "One kind of component: in each replica, a queue before so many cores.",
    groups: &[KEYS],
    others: None,
    rules: &[],
    example: "
tiers:
  api:
    kind: api
    replicas: 3
    cores: 2
    balancing: least_connections
    memory: { base: 180 MiB, per_request: 1 MiB, limit: 2 GiB }
    failover: { retry: true, detect: 1s, back: 5s }
  cache: { kind: cache, cores: 1, cache: { memory: 3 GB, entry: 24 KiB } }
",
};

static KEYS: &[Property] = &[
    required("kind", Grammar::Words(&KINDS), "What it is."),
    optional("replicas", REPLICAS, "How many replicas there are.").default("1"),
    optional(
        "cores",
        Grammar::AnyOf(&[Grammar::Whole(1.0, 10_000.0), Grammar::Words(&UNLIMITED)]),
        "How many visits a replica serves at once, or `unlimited`: none waits. Where nothing is given, 1, and `unlimited` of `external` tiers.",
    )
    .example("2"),
    optional(
        "balancing",
        Grammar::AnyOf(&[Grammar::Words(&BALANCINGS), Grammar::Mapping(&STICKY)]),
        "How requests are spread over replicas.",
    )
    .default("least_connections"),
    optional("backlog", COUNT, "How many visits may wait at a replica; more are refused. No bound where none is given.")
        .example("511"),
    optional("pool", Grammar::Mapping(&POOL), "The connections through which another tier comes."),
    optional("cache", Grammar::Mapping(&CACHE), "What it keeps, as a cache; the least recently used goes first."),
    optional("memory", Grammar::Mapping(&MEMORY), "The memory of a replica."),
    optional("disk", Grammar::Mapping(&DISK), "The disk of the tier, which fills with visits."),
    optional("network", Grammar::Mapping(&NETWORK), "The network of the tier."),
    optional("replication", Grammar::Mapping(&REPLICATION), "The standby that applies what the tier does."),
    optional("failover", Grammar::Mapping(&FAILOVER), "What happens to requests of a replica that is down."),
    optional("scale", Grammar::Mapping(&SCALER), "How replicas come and go with the load."),
];

pub(crate) static KINDS: WordList = WordList {
    what: "a kind of tier",
    words: &[
        ("edge", "A proxy, balancer or CDN."),
        ("api", "The service itself."),
        ("db", "A database."),
        ("cache", "A cache."),
        ("queue", "A queue."),
        ("worker", "A worker behind a queue."),
        (
            "external",
            "Somebody else's service: without cores of its own, unless the file gives some.",
        ),
    ],
};

pub(crate) static UNLIMITED: WordList =
    WordList { what: "a number of cores", words: &[("unlimited", "No visit waits.")] };

pub(crate) static BALANCINGS: WordList = WordList {
    what: "a way of balancing",
    words: &[
        ("round_robin", "One after the other."),
        ("least_connections", "To the one with the fewest requests in progress."),
        ("random", "To any."),
    ],
};

pub(crate) static STICKY: Declaration = Declaration {
    name: "sticky",
    place: "a way of balancing",
    about: "Each user to its own replica.",
    groups: &[&[required("sticky", Grammar::Text("cookie"), "The cookie that tells the replica.")
        .example("lb")]],
    others: None,
    rules: &[],
    example: "
tiers:
  api: { kind: api, replicas: 2, balancing: { sticky: lb } }
",
};

pub(crate) static POOL: Declaration = Declaration {
    name: "pool",
    place: "a pool",
    about: "The connections through which each replica of another tier comes; a visit without one waits.",
    groups: &[&[
        required("of", Grammar::Text("name of a tier"), "The tier that holds them.").example("api"),
        required("size", Grammar::Whole(1.0, 1e6), "How many a replica of it has.").example("20"),
        optional("idle", COUNT, "How many stay open where they are not needed.").default("0"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers:
  api: { kind: api }
  db: { kind: db, pool: { of: api, size: 20, idle: 5 } }
",
};

pub(crate) static CACHE: Declaration = Declaration {
    name: "cache",
    place: "a cache",
    about: "What a cache keeps.",
    groups: &[&[
        required("memory", Grammar::Size, "How much it holds (Redis's `maxmemory`).")
            .example("3 GB"),
        required("entry", Grammar::Size, "How large an entry is.").example("24 KiB"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers:
  cache: { kind: cache, cache: { memory: 3 GB, entry: 24 KiB } }
",
};

pub(crate) static MEMORY: Declaration = Declaration {
    name: "memory",
    place: "the memory of a tier",
    about: "The memory of a replica; one that goes beyond its limit is ended, as by the kernel.",
    groups: &[&[
        optional("base", Grammar::Size, "What it takes at rest.").default("0 B").example("180 MiB"),
        optional("per_request", Grammar::Size, "What each visit in it takes.")
            .default("0 B")
            .example("1 MiB"),
        optional("limit", Grammar::Size, "What it may take; no bound where none is given.")
            .example("2 GiB"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers:
  api: { kind: api, memory: { base: 180 MiB, per_request: 1 MiB, limit: 2 GiB } }
",
};

pub(crate) static DISK: Declaration = Declaration {
    name: "disk",
    place: "the disk of a tier",
    about: "A disk that fills with visits.",
    groups: &[&[
        required("size", Grammar::Size, "How large it is.").example("20 GiB"),
        optional("base", Grammar::Size, "What is on it at the start.").default("0 B"),
        optional("per_visit", Grammar::Size, "What each visit writes.")
            .default("0 B")
            .example("4 KiB"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers:
  db: { kind: db, disk: { size: 20 GiB, base: 2 GiB, per_visit: 4 KiB } }
",
};

pub(crate) static NETWORK: Declaration = Declaration {
    name: "network",
    place: "the network of a tier",
    about: "What goes through the network card of a tier.",
    groups: &[&[
        required("per_second", Grammar::Size, "How much it carries a second.").example("125 MB"),
        required("per_visit", Grammar::Size, "How much each visit sends.").example("16 KiB"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers:
  edge: { kind: edge, network: { per_second: 125 MB, per_visit: 16 KiB } }
",
};

pub(crate) static REPLICATION: Declaration = Declaration {
    name: "replication",
    place: "the replication of a tier",
    about: "A standby that applies what the tier does, a little later. The fault `lag` stops it.",
    groups: &[&[
        required("delay", Grammar::Duration, "How far it is behind at best.").example("20ms"),
        required(
            "catch_up",
            Grammar::Number(1.01, 1_000.0),
            "How many times as fast as the tier it applies what it has missed.",
        )
        .example("4"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers:
  db: { kind: db, replication: { delay: 20ms, catch_up: 4 } }
",
};

pub(crate) static FAILOVER: Declaration = Declaration {
    name: "failover",
    place: "a failover",
    about: "What happens to requests of a replica that is down.",
    groups: &[&[
        optional("retry", Grammar::Flag, "Whether a refused request goes to the next replica.")
            .default("true"),
        optional("detect", Grammar::Duration, "How long until the replica is left out.")
            .default("0s")
            .example("1s"),
        optional("back", Grammar::Duration, "How long until it is tried again once it is up.")
            .default("0s")
            .example("5s"),
        optional("status", STATUS, "What a request is answered that no replica takes.")
            .default("502"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers:
  api: { kind: api, replicas: 3, failover: { retry: true, detect: 1s, back: 5s, status: 502 } }
",
};

pub(crate) static SCALER: Declaration = Declaration {
    name: "scaler",
    place: "a scaler",
    about: "How replicas come and go with the share of cores in use.",
    groups: &[&[
        required("min", REPLICAS, "The fewest replicas.").example("2"),
        required("max", REPLICAS, "The most replicas.").example("10"),
        required("out", Grammar::Mapping(&SCALE_OUT), "When one is added."),
        required("in", Grammar::Mapping(&SCALE_IN), "When one is taken away."),
        optional("delay", Grammar::Duration, "How long until a new one serves.").default("0s"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers:
  api:
    kind: api
    scale: { min: 2, max: 10, out: { above: 70%, for: 1m }, in: { below: 20%, for: 5m }, delay: 30s }
",
};

const FOR: Property = required("for", Grammar::Duration, "For how long.").example("1m");

pub(crate) static SCALE_OUT: Declaration = Declaration {
    name: "scale_out",
    place: "a trigger of the scaler",
    about: "When a replica is added.",
    groups: &[&[
        required("above", Grammar::Share, "The share of cores in use.").example("70%"),
        FOR,
    ]],
    others: None,
    rules: &[],
    example: SCALER.example,
};

pub(crate) static SCALE_IN: Declaration = Declaration {
    name: "scale_in",
    place: "a trigger of the scaler",
    about: "When a replica is taken away.",
    groups: &[&[
        required("below", Grammar::Share, "The share of cores in use.").example("20%"),
        FOR,
    ]],
    others: None,
    rules: &[],
    example: SCALER.example,
};
