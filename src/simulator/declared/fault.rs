//! The timeline of what goes wrong.

use super::values::STATUS;
use plimsoll_scenario::format::{Declaration, Grammar, Property, Rule, optional, required};

/// A timeline.
pub(super) const FAULTS: Grammar = Grammar::List(&Grammar::Mapping(&FAULT));

const TIER: Property =
    required("tier", Grammar::Text("name of a tier"), "Which tier.").example("api");

/// The keys that say what goes wrong.
pub(crate) const FAULT_KINDS: &[&str] = &["kill", "slow", "errors", "freeze", "roll", "lag"];

pub(crate) static FAULT: Declaration = Declaration {
    name: "fault",
    place: "a fault",
    about: "Something that goes wrong at a moment of the run, maybe for a while.",
    groups: &[&[
        required("at", Grammar::Duration, "When, from the start.").example("7s"),
        optional("for", Grammar::Duration, "How long it lasts; to the end where nothing is given.")
            .example("5s"),
        optional("every", Grammar::Duration, "How often it recurs; only of a `freeze`.")
            .example("10s"),
        optional("kill", Grammar::Mapping(&KILL), "A replica stops."),
        optional("slow", Grammar::Mapping(&SLOW), "A tier takes longer."),
        optional(
            "errors",
            Grammar::Mapping(&ERRORS),
            "A tier answers a share of visits with an error.",
        ),
        optional("freeze", Grammar::Duration, "Nothing is answered for so long.").example("1s"),
        optional("roll", Grammar::Mapping(&ROLL), "A rolling update, one replica after the other."),
        optional("lag", Grammar::Mapping(&LAG), "The standby of a tier stops applying."),
    ]],
    others: None,
    rules: &[Rule::OneOf(FAULT_KINDS)],
    example: "
tiers: { api: { kind: api, replicas: 2 }, db: { kind: db } }
faults:
  replica_dies: [{ at: 7s, kill: { tier: api, replica: 2 }, for: 5s }]
  slow_database: [{ at: 7s, slow: { tier: db, factor: 6 }, for: 5s }]
  freezes: [{ at: 8s, freeze: 1s, every: 10s }]
",
};

pub(crate) static KILL: Declaration = Declaration {
    name: "kill",
    place: "a `kill`",
    about: "A replica stops; requests in it are lost.",
    groups: &[&[
        TIER,
        required("replica", Grammar::Form("whole number", r"\d+"), "Which replica, from 1.")
            .example("1"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers: { api: { kind: api, replicas: 2 } }
faults: [{ at: 7s, kill: { tier: api, replica: 2 }, for: 5s }]
",
};

pub(crate) static SLOW: Declaration = Declaration {
    name: "slow",
    place: "a `slow`",
    about: "A tier takes longer for every visit.",
    groups: &[&[
        TIER,
        required("factor", Grammar::Number(0.01, 1_000.0), "How many times as long.").example("6"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers: { db: { kind: db } }
faults: [{ at: 7s, slow: { tier: db, factor: 6 }, for: 5s }]
",
};

pub(crate) static ERRORS: Declaration = Declaration {
    name: "errors",
    place: "an `errors`",
    about: "A tier answers a share of visits with an error.",
    groups: &[&[
        TIER,
        required("share", Grammar::Share, "The share of visits.").example("5%"),
        optional("status", STATUS, "What they are answered.").default("500"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers: { payment: { kind: external } }
faults: [{ at: 7s, errors: { tier: payment, share: 30%, status: 502 }, for: 5s }]
",
};

pub(crate) static ROLL: Declaration = Declaration {
    name: "roll",
    place: "a `roll`",
    about: "A rolling update: each replica gets no more requests, stops, starts again.",
    groups: &[&[
        TIER,
        optional(
            "drain",
            Grammar::Duration,
            "How long a replica gets no more requests before it stops.",
        )
        .default("1s"),
        required("restart", Grammar::Duration, "How long it is down.").example("3s"),
        optional("wait", Grammar::Duration, "How long until the next one's turn.").default("0s"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers: { api: { kind: api, replicas: 3 } }
faults: [{ at: 5s, roll: { tier: api, drain: 1s, restart: 2s, wait: 1s } }]
",
};

pub(crate) static LAG: Declaration = Declaration {
    name: "lag",
    place: "a `lag`",
    about: "The standby of a tier stops applying; the tier has a `replication`.",
    groups: &[&[TIER]],
    others: None,
    rules: &[],
    example: "
tiers: { db: { kind: db, replication: { delay: 20ms, catch_up: 4 } } }
faults: [{ at: 7s, lag: { tier: db }, for: 5s }]
",
};
