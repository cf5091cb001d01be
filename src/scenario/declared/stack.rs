//! A stack file: tiers, quota, signals and forecast.

use super::observe::{EVERY, OBSERVE, TIER_OBSERVE, TIMEOUT};
use crate::format::{Declaration, FileFormat, Grammar, Property, WordList, optional, required};

/// `stack.yaml`.
pub static STACK_FILE: FileFormat = FileFormat {
    file: "stack.yaml",
    about: "What a system runs on, what it may grow to and what that costs, and where its own metrics are read. \
            A scenario names it by `stack: stack.yaml`.",
    root: &ROOT,
};

pub(crate) static ROOT: Declaration = Declaration {
    name: "stack_file",
    place: "a stack file",
    about: "The whole file.",
    groups: &[KEYS],
    others: None,
    rules: &[],
    example: "
name: shop
tiers:
  edge: { kind: edge, size: { cores: 2, memory: 2 GiB }, cost: $20 }
  api:
    kind: api
    replicas: 3
    size: { cores: 2, memory: 2 GiB }
    pools: { db: 20 }
    cost: $40
    scale: { up: { cores: 8, memory: 16 GiB }, out: { max: 12 } }
  db: { kind: db, size: { cores: 4, memory: 8 GiB }, connections: 200, cost: $120 }
signals: [api.cpu > 70% for 2m]
forecast: { peak: 1000 req/s, growth: 50% }
",
};

static KEYS: &[Property] = &[
    optional("name", Grammar::Name, "The stack's name, where it has one of its own.")
        .example("shop"),
    required(
        "tiers",
        Grammar::Names(&Grammar::Mapping(&TIER)),
        "The tiers, from the edge inwards; at least one.",
    ),
    optional("quota", Grammar::Mapping(&QUOTA), "What all replicas together may ask for."),
    optional(
        "signals",
        Grammar::OneOrMany(&Grammar::Form(
            "signal",
            r"[^<>]+[<>] *[$0-9._]+[^<>]*( for ([0-9._]+ *(ns|us|µs|ms|s|min|m|h|d) *)+)?",
        )),
        "When the stack scales: a metric, maybe of a tier, against a threshold, maybe for a while.",
    )
    .example("[api.cpu > 70% for 2m, p95 > 500ms]"),
    optional("forecast", Grammar::Mapping(&FORECAST), "The load to plan for."),
    optional(
        "costs",
        Grammar::Texts("what", &Grammar::Money),
        "Monthly costs besides the tiers' own.",
    )
    .example("{ cdn: $30 }"),
    optional(
        "health",
        Grammar::AnyOf(&[PATHS, Grammar::Mapping(&HEALTH)]),
        "Paths on the target that say whether the stack is healthy; they are asked once a second.",
    )
    .example("[/health]"),
    optional(
        "observe",
        Grammar::Mapping(&OBSERVE),
        "Where metrics are read, for the stack as a whole.",
    ),
];

const PATHS: Grammar = Grammar::OneOrMany(&Grammar::Text("path"));
const REPLICAS: Grammar = Grammar::Whole(1.0, 10_000.0);
const WHOLE: Grammar = Grammar::Whole(0.0, u32::MAX as f64);
const CORES: Property =
    optional("cores", Grammar::Number(0.01, 10_000.0), "Cores, whole or not.").example("2");
const MEMORY: Property = optional("memory", Grammar::Size, "Memory.").example("2 GiB");
const COST: Property =
    optional("cost", Grammar::Money, "What a replica costs a month.").example("$40");

pub(crate) static TIER: Declaration = Declaration {
    name: "tier",
    place: "a tier",
    about: "One kind of component, in one or more replicas of one size.",
    groups: &[TIER_KEYS],
    others: None,
    rules: &[],
    example: "
tiers:
  api:
    kind: api
    replicas: 3
    size: { cores: 2, memory: 2 GiB }
    balancing: least_conn
    pools: { db: 20 }
    cost: $40
    scale: { up: { cores: 8, memory: 16 GiB }, out: { max: 12 } }
  db: { kind: db, connections: 200 }
",
};

static TIER_KEYS: &[Property] = &[
    required("kind", Grammar::Words(&KINDS), "What it is."),
    optional("replicas", REPLICAS, "How many replicas there are.").default("1"),
    optional(
        "size",
        Grammar::Mapping(&SIZE),
        "What a replica may use at most; what `cpu` and `memory` are shares of where nothing else tells.",
    ),
    optional(
        "requests",
        Grammar::Mapping(&SIZE),
        "What a replica reserves, where that is less than its size.",
    ),
    optional("balancing", Grammar::Words(&BALANCINGS), "How requests are spread over replicas.")
        .default("round_robin"),
    optional(
        "pools",
        Grammar::Texts("tier", &WHOLE),
        "The connections that each replica holds at most to other tiers.",
    )
    .example("{ db: 20 }"),
    optional("connections", WHOLE, "The connections that a replica accepts.").example("200"),
    optional(
        "memory_limit",
        Grammar::Size,
        "The memory that a replica may use for its data, where that is less than its size (Redis's `maxmemory`).",
    )
    .example("3 GB"),
    optional("rate_limit", Grammar::Mapping(&RATE_LIMIT), "The rate that it lets through."),
    optional(
        "lock",
        Grammar::Mapping(&LOCK),
        "What requests wait for here besides cores and pools: a lock, a semaphore, worker threads.",
    ),
    COST,
    optional("scale", Grammar::Mapping(&SCALE), "What it may grow to; as it is where nothing is said."),
    optional("observe", Grammar::Mapping(&TIER_OBSERVE), "Where its metrics are read."),
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
        ("external", "Somebody else's service, which cannot be scaled from here."),
    ],
};

pub(crate) static BALANCINGS: WordList = WordList {
    what: "a way to balance",
    words: &[
        ("round_robin", "One after the other."),
        ("least_conn", "To the one with the fewest requests in progress."),
        ("random", "To any."),
        ("sticky", "Each user to its own."),
    ],
};

pub(crate) static SIZE: Declaration = Declaration {
    name: "replica_size",
    place: "a size",
    about: "How large something is. What is not given is not known, or not limited.",
    groups: &[&[CORES, MEMORY]],
    others: None,
    rules: &[],
    example: "
tiers:
  api: { kind: api, size: { cores: 2, memory: 2 GiB }, requests: { cores: 0.5 } }
",
};

pub(crate) static RATE_LIMIT: Declaration = Declaration {
    name: "rate_limit",
    place: "a rate limit",
    about: "A rate that is let through; more is refused.",
    groups: &[&[
        required("rate", Grammar::Rate, "The rate.").example("10 req/s"),
        optional("burst", WHOLE, "How many more at once.").default("0").example("20"),
        optional("per", Grammar::Words(&PER), "Whom it holds for.").default("address"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers:
  edge: { kind: edge, rate_limit: { rate: 10 req/s, burst: 20, per: address } }
",
};

pub(crate) static LOCK: Declaration = Declaration {
    name: "lock",
    place: "a lock",
    about: "Something that few requests at a time go through. How much it carries is measured; whether more replicas widen \
            it cannot be, as long as their number stays the same.",
    groups: &[&[required("scope", Grammar::Words(&LOCK_SCOPES), "Who goes through the same.")]],
    others: None,
    rules: &[],
    example: "
tiers:
  api: { kind: api, replicas: 2, lock: { scope: replica } }
",
};

pub(crate) static LOCK_SCOPES: WordList = WordList {
    what: "who shares a lock",
    words: &[
        ("replica", "Each replica has its own: twice as many carry twice as much."),
        ("shared", "All replicas have one together: more of them carry no more."),
    ],
};

pub(crate) static PER: WordList = WordList {
    what: "whom a limit holds for",
    words: &[("address", "Each client address has its own."), ("all", "All clients together.")],
};

pub(crate) static SCALE: Declaration = Declaration {
    name: "scale",
    place: "`scale`",
    about: "What a tier may grow to: larger replicas, or more of them.",
    groups: &[&[
        optional("up", Grammar::Mapping(&SCALE_UP), "How large a replica may become."),
        optional("out", Grammar::Mapping(&SCALE_OUT), "How many replicas there may be."),
    ]],
    others: None,
    rules: &[],
    example: "
tiers:
  api: { kind: api, scale: { up: { cores: 8, memory: 16 GiB }, out: { min: 2, max: 12, delay: 1m } } }
",
};

pub(crate) static SCALE_UP: Declaration = Declaration {
    name: "scale_up",
    place: "`scale.up`",
    about: "How large a replica may become: any size up to one, or one of a list.",
    groups: &[&[
        CORES,
        MEMORY,
        optional(
            "sizes",
            Grammar::List(&Grammar::Mapping(&SIZE_CHOICE)),
            "The sizes that can be had, where not every size can.",
        ),
    ]],
    others: None,
    rules: &[],
    example: "
tiers:
  api:
    kind: api
    scale:
      up:
        sizes:
          - { name: t3.large, cores: 2, memory: 8 GiB, cost: $60 }
          - { name: t3.xlarge, cores: 4, memory: 16 GiB, cost: $120 }
",
};

pub(crate) static SIZE_CHOICE: Declaration = Declaration {
    name: "size_choice",
    place: "a size to choose",
    about: "A size that can be had.",
    groups: &[&[
        required("name", Grammar::Text("text"), "Its name.").example("t3.large"),
        CORES,
        MEMORY,
        COST,
    ]],
    others: None,
    rules: &[],
    example: "
tiers:
  api: { kind: api, scale: { up: { sizes: [{ name: t3.large, cores: 2, memory: 8 GiB, cost: $60 }] } } }
",
};

pub(crate) static SCALE_OUT: Declaration = Declaration {
    name: "scale_out",
    place: "`scale.out`",
    about: "How many replicas there may be, and how soon a new one serves.",
    groups: &[&[
        optional("min", REPLICAS, "The fewest replicas.").example("2"),
        optional("max", REPLICAS, "The most replicas.").example("12"),
        optional("delay", Grammar::Duration, "How long until a new replica serves.").example("1m"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers:
  api: { kind: api, scale: { out: { min: 2, max: 12, delay: 1m } } }
",
};

pub(crate) static QUOTA: Declaration = Declaration {
    name: "quota",
    place: "a quota",
    about: "What the replicas of all tiers together may ask for. What is not given is not limited.",
    groups: &[&[
        optional("requests", Grammar::Mapping(&SIZE), "What they may reserve."),
        optional("limits", Grammar::Mapping(&SIZE), "What they may use at most."),
        optional("replicas", WHOLE, "How many replicas there may be.").example("40"),
        optional("volumes", WHOLE, "How many volumes there may be.").example("10"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers: { api: { kind: api } }
quota: { requests: { cores: 16, memory: 32 GiB }, limits: { cores: 32 }, replicas: 40 }
",
};

pub(crate) static FORECAST: Declaration = Declaration {
    name: "forecast",
    place: "a forecast",
    about: "The load to plan for.",
    groups: &[&[
        optional("peak", Grammar::Rate, "The highest rate expected now.").example("1000 req/s"),
        optional("growth", Grammar::Share, "How much it grows until the plan is made again.")
            .default("0%")
            .example("50%"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers: { api: { kind: api } }
forecast: { peak: 1000 req/s, growth: 50% }
",
};

pub(crate) static HEALTH: Declaration = Declaration {
    name: "health",
    place: "`health`",
    about: "How the stack is asked whether it is healthy. A path that does not answer 2xx in time is down.",
    groups: &[&[
        required("path", PATHS, "Paths on the target.").example("[/health, /health/ready]"),
        EVERY,
        TIMEOUT,
    ]],
    others: None,
    rules: &[],
    example: "
tiers: { api: { kind: api } }
health: { path: [/health, /health/ready], every: 1s, timeout: 1s }
",
};
