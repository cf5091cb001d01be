//! Values that several parts of the file share.

use plimsoll_scenario::format::{Declaration, Grammar, Rule, optional, required};

/// A count without a bound of its own.
pub(super) const COUNT: Grammar = Grammar::Whole(0.0, u32::MAX as f64);

/// What a response may be answered with.
pub(super) const STATUS: Grammar = Grammar::Form("status, 200 to 599", r"[2-5]\d\d");

/// How long work takes.
pub(super) const TIME: Grammar = Grammar::AnyOf(&[
    Grammar::Form(
        "duration or range (`200ms..400ms`, uniform)",
        r"([0-9._]+ *(ns|us|µs|ms|s|min|m|h|d) *)+(\.\. *([0-9._]+ *(ns|us|µs|ms|s|min|m|h|d) *)+)?",
    ),
    Grammar::Mapping(&TIME_LAW),
]);

pub(crate) static TIME_LAW: Declaration = Declaration {
    name: "time",
    place: "a service time",
    about: "A law that service times are drawn from.",
    groups: &[&[
        optional("exponential", Grammar::Duration, "An exponential law with this mean.")
            .example("8ms"),
        optional("lognormal", Grammar::Mapping(&LOGNORMAL), "A lognormal law."),
    ]],
    others: None,
    rules: &[Rule::OneOf(&["exponential", "lognormal"])],
    example: "
tiers: { api: { kind: api } }
routes:
  - get: /
    visits: [{ api: { exponential: 8ms } }]
",
};

pub(crate) static LOGNORMAL: Declaration = Declaration {
    name: "lognormal",
    place: "a lognormal law",
    about: "A lognormal law by its mean and spread.",
    groups: &[&[
        required("mean", Grammar::Duration, "Its mean.").example("8ms"),
        // Beyond this, sample means say nothing.
        required(
            "cv",
            Grammar::Number(0.0, 20.0),
            "Its coefficient of variation: standard deviation over mean.",
        )
        .example("0.5"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers: { api: { kind: api } }
routes:
  - get: /
    visits: [{ api: { lognormal: { mean: 8ms, cv: 0.5 } } }]
",
};
