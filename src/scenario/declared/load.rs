//! `workloads:`: how load is offered.

use crate::format::{
    Declaration, Grammar, Property, Rule, UNBOUNDED, WordList, optional, required,
};

/// A million users are far beyond the descriptors and ports of one machine.
const USERS: Grammar = Grammar::Whole(1.0, 1e6);

/// A workload: which of its keys are there says which kind it is.
pub(crate) static WORKLOAD: Grammar = Grammar::AnyOf(&[
    Grammar::Mapping(&OPEN),
    Grammar::Mapping(&CLOSED),
    Grammar::Mapping(&RECORDED),
    Grammar::Mapping(&PARALLEL),
]);

/// What every kind of workload has.
static COMMON: &[Property] = &[
    optional(
        "think",
        Grammar::Share,
        "The share of the scenarios' think times that users take; above 100% they think longer.",
    )
    .default("100%"),
    optional(
        "graceful_stop",
        Grammar::Duration,
        "How long iterations that began before the end may go on behind it, think times and further requests \
         included. What is still under way then is cut off and counted as unfinished; a request in flight always \
         ends or times out.",
    )
    .default("0s")
    .example("30s"),
    optional(
        "hooks",
        Grammar::List(&Grammar::Mapping(&HOOK)),
        "What is done to the stack, or noted, at moments of the run.",
    ),
];

/// Which scenarios a workload plays.
const SCENARIOS: Property = optional(
    "scenarios",
    Grammar::AnyOf(&[
        Grammar::List(&Grammar::Text("name of a scenario")),
        Grammar::Texts("scenario", &WEIGHT),
    ]),
    "The scenarios that it plays: names, with their own weights, or with weights of its own; all where none are given.",
)
.example("[search]");

const MAX_VUS: Property = optional(
    "max_vus",
    USERS,
    "The most virtual users at once. Arrivals beyond it are dropped, counted, and spoil the measurement's \
     validity. Where none is given, as many as the rate needs.",
)
.example("5000");

pub(crate) static OPEN: Declaration = Declaration {
    name: "open_workload",
    place: "a workload",
    about: "An open workload: arrivals at a rate, whatever the responses.",
    groups: &[
        &[
            required(
                "stages",
                Grammar::List(&Grammar::Mapping(&STAGE)),
                "The stages, one after the other; at least one.",
            ),
            optional(
                "arrivals",
                Grammar::Words(&ARRIVALS),
                "The law of the gaps between arrivals.",
            )
            .default("poisson"),
            MAX_VUS,
            SCENARIOS,
        ],
        COMMON,
    ],
    others: None,
    rules: &[],
    example: "
workloads:
  load:
    arrivals: poisson
    max_vus: 5000
    stages:
      - { ramp_to: 300 req/s, duration: 1m }
      - { rate: 300 req/s, duration: 5m }
",
};

pub(crate) static ARRIVALS: WordList = WordList {
    what: "a law of arrivals",
    words: &[
        (
            "poisson",
            "Exponential gaps: users who know nothing of each other; each stage has as many as its rate asks for.",
        ),
        (
            "exponential",
            "As `poisson`, but the number of arrivals varies as well, as the law has it.",
        ),
        ("constant", "Equal gaps."),
    ],
};

pub(crate) static CLOSED: Declaration = Declaration {
    name: "closed_workload",
    place: "a workload",
    about: "A closed workload: a number of users, each waiting for its responses. A slow stack slows it \
            down; use an open one to learn what users would have waited. It ends after `duration`, or once so many \
            `iterations` were played; of stages, with the last of them.",
    groups: &[
        &[
            required(
                "vus",
                Grammar::AnyOf(&[USERS, Grammar::List(&Grammar::Mapping(&VU_STAGE))]),
                "How many virtual users, or the stages of their number.",
            )
            .example("50"),
            optional(
                "duration",
                Grammar::PositiveDuration,
                "How long new iterations are started; an hour at the most where only `iterations` are given.",
            )
            .example("5m"),
            optional(
                "iterations",
                ITERATIONS,
                "How many iterations all users of all shards play together. Whoever is free takes the next one, and the \
                 mix of scenarios comes out as the weights say.",
            )
            .example("1000"),
            optional(
                "pace",
                Grammar::Duration,
                "The least time from one iteration's start to the next of the same user.",
            )
            .default("0s"),
            SCENARIOS,
        ],
        COMMON,
    ],
    others: None,
    rules: &[],
    example: "
workloads:
  soak: { vus: 50, duration: 30m, pace: 10s }
  once: { vus: 10, iterations: 1000, duration: 20m }
  wave:
    vus:
      - { ramp_to: 50, duration: 1m }
      - { vus: 50, duration: 10m }
      - { ramp_to: 0, duration: 1m }
",
};

/// How many iterations are asked for.
const ITERATIONS: Grammar = Grammar::Whole(1.0, 4e9);

/// Users of a stage; there may be none.
const USERS_OF_STAGE: Grammar = Grammar::Whole(0.0, 1e6);

pub(crate) static VU_STAGE: Declaration = Declaration {
    name: "vu_stage",
    place: "a stage of users",
    about: "A piece of a closed workload: it keeps a number of users, or goes to one in a straight line. Users who \
            leave end their iteration first; the same ones come back.",
    groups: &[&[
        optional("vus", USERS_OF_STAGE, "The number that it keeps.").example("50"),
        optional(
            "ramp_to",
            USERS_OF_STAGE,
            "The number at its end; it begins at the number before it, the first at 0.",
        )
        .example("50"),
        required("duration", Grammar::PositiveDuration, "How long it lasts.").example("5m"),
        optional(
            "judge",
            Grammar::Flag,
            "Whether the run is judged on it. Stages that keep a number are, ramps are only shown.",
        )
        .example("true"),
    ]],
    others: None,
    rules: &[Rule::OneOf(&["vus", "ramp_to"])],
    example: "
workloads:
  wave:
    pace: 5s
    vus:
      - { ramp_to: 20, duration: 30s }
      - { vus: 20, duration: 5m }
",
};

pub(crate) static RECORDED: Declaration = Declaration {
    name: "recorded_workload",
    place: "a workload",
    about: "Arrivals at recorded times. The data set's column `at` has seconds from the start, `scenario` the \
            name of the scenario that each arrival plays.",
    groups: &[
        &[
            required(
                "recorded",
                Grammar::Text("name of a data set"),
                "The data set with the recording; picked `sequential`, in order of time.",
            )
            .example("yesterday"),
            optional(
                "speed",
                // Beyond these, a second of the recording is less than a millisecond, or a quarter of an hour.
                Grammar::Number(0.001, 1_000.0),
                "How many times as fast it is played.",
            )
            .default("1"),
            MAX_VUS,
        ],
        COMMON,
    ],
    others: None,
    rules: &[],
    example: "
data:
  yesterday: { file: yesterday.csv }
workloads:
  replay: { recorded: yesterday, speed: 2, max_vus: 500 }
",
};

pub(crate) static PARALLEL: Declaration = Declaration {
    name: "parallel_workload",
    place: "a workload",
    about: "Several open workloads at once, each with its own stages and scenarios: arrivals of one law whose rate is the \
            sum of theirs, each playing a scenario of the workload that it came from. So each scenario may have a rate \
            of its own.",
    groups: &[
        &[required(
            "parallel",
            Grammar::List(&Grammar::Text("name of a workload")),
            "The workloads; all with stages of rates, the same law of arrivals and the `think` of this one.",
        )
        .example("[searches, bookings]")],
        COMMON,
    ],
    others: None,
    rules: &[],
    example: "
workloads:
  searches: { scenarios: [search], stages: [{ rate: 50 iter/s, duration: 5m }] }
  bookings: { scenarios: [book], stages: [{ ramp_to: 5 iter/s, duration: 1m }, { rate: 5 iter/s, duration: 4m }] }
  both: { parallel: [searches, bookings] }
scenarios:
  search: { flow: [{ get: { name: search, url: /search } }] }
  book: { flow: [{ post: { name: book, url: /bookings } }] }
",
};

pub(crate) static STAGE: Declaration = Declaration {
    name: "stage",
    place: "a stage",
    about: "A piece of an open workload: it holds a rate, or goes to one in a straight line.",
    groups: &[&[
        optional("rate", Grammar::Rate, "The rate that it holds.").example("300 req/s"),
        optional(
            "ramp_to",
            Grammar::Rate,
            "The rate at its end; it begins at the rate before it, the first at 0.",
        )
        .example("300 req/s"),
        optional("duration", Grammar::PositiveDuration, "How long it lasts.").example("5m"),
        optional("iterations", ITERATIONS, "How many iterations it lasts: as long as its rate needs for them.")
            .example("1000"),
        optional(
            "judge",
            Grammar::Flag,
            "Whether the run is judged on it. Stages that hold a rate are, ramps are only shown.",
        )
        .example("true"),
        optional(
            "green",
            Grammar::Portion,
            "The share of its arrivals that goes to the target `green`; none where nothing is given.",
        )
        .example("10%"),
    ]],
    others: None,
    rules: &[Rule::OneOf(&["rate", "ramp_to"]), Rule::OneOf(&["duration", "iterations"])],
    example: "
workloads:
  load:
    stages:
      - { ramp_to: 40 iter/s, duration: 1m }
      - { rate: 40 iter/s, duration: 5m }
      - { rate: 20 iter/s, iterations: 1000 }
",
};

pub(crate) static HOOK: Declaration = Declaration {
    name: "hook",
    place: "a hook",
    about: "Something that is done, or noted in the log, at a moment of the run. Commands run in the scenario's \
            folder by `sh -c` and know `PLIMSOLL_RUN` and `PLIMSOLL_TARGET`.",
    groups: &[&[
        required("at", Grammar::Duration, "When, from the start of the run.").example("30s"),
        optional(
            "run",
            Grammar::Text("command"),
            "A command for the shell; its output is kept as an event.",
        )
        .example("./stop-replica.sh 2"),
        optional("mark", Grammar::Text("text"), "What is noted; the command where none is given.")
            .example("replica 2 stopped"),
        optional(
            "timeout",
            Grammar::PositiveDuration,
            "How long the command may take; then it is ended with everything it started.",
        )
        .default("1m"),
    ]],
    others: None,
    rules: &[Rule::AtLeastOne(&["run", "mark"])],
    example: "
workloads:
  failover:
    stages: [{ rate: 100 req/s, duration: 2m }]
    hooks:
      - { at: 30s, run: ./stop-replica.sh 2, mark: replica 2 stopped, timeout: 10s }
",
};

/// A weight among alternatives.
pub(crate) const WEIGHT: Grammar = Grammar::Number(0.0, UNBOUNDED);
