//! How long a user waits.

use crate::format::{Declaration, Grammar, Rule, optional};

/// A law of delays.
pub(crate) const DELAY: Grammar = Grammar::AnyOf(&[
    Grammar::Form(
        "duration or range (`2s..8s`, uniform)",
        r"([0-9._]+ *(ns|us|µs|ms|s|min|m|h|d) *)+(\.\. *([0-9._]+ *(ns|us|µs|ms|s|min|m|h|d) *)+)?",
    ),
    Grammar::Mapping(&DELAY_LAW),
]);

pub(crate) static DELAY_LAW: Declaration = Declaration {
    name: "delay",
    place: "a law of delays",
    about: "A law that delays are drawn from.",
    groups: &[&[
        optional("exponential", Grammar::PositiveDuration, "An exponential law with this mean.")
            .example("5s"),
        optional(
            "normal",
            Grammar::List(&Grammar::Duration),
            "A normal law with this mean and standard deviation, cut at 0.",
        )
        .example("[5s, 1s]"),
    ]],
    others: None,
    rules: &[Rule::OneOf(&["exponential", "normal"])],
    example: "
scenarios:
  read:
    flow:
      - get: { name: page, url: / }
      - think: { exponential: 5s }
      - think: { normal: [5s, 1s] }
",
};
