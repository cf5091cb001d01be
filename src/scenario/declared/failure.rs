//! `on_failure:`: what follows a request that fails.

use super::delay::DELAY;
use crate::format::{Declaration, Grammar, Property, WordList, optional, required};

/// What a step of one request may say besides.
pub(super) static ON_FAILURE: &[Property] = &[optional(
    "on_failure",
    Grammar::AnyOf(&[Grammar::Words(&FAILURE_ACTIONS), Grammar::Mapping(&FAILURE)]),
    "What its user does where it fails. It is a failed request in every case.",
)
.default("stop")];

/// What a step of several requests may say besides.
pub(super) static PARTS_ON_FAILURE: &[Property] = &[optional(
    "on_failure",
    Grammar::AnyOf(&[Grammar::Words(&FAILURE_ACTIONS), Grammar::Mapping(&FAILURE)]),
    "What its user does where one of its requests fails: a retry sends that one again, as players do. It is a failed \
     request in every case.",
)
.default("stop")];

/// What a step that lasts may say besides: nothing begins it again.
pub(super) const ENDS_ON_FAILURE: Property = optional(
    "on_failure",
    Grammar::Words(&FAILURE_ENDS),
    "What its user does where it fails. It has failed in every case.",
)
.default("stop");

pub(crate) static FAILURE_ACTIONS: WordList = WordList {
    what: "an action after a failure",
    words: &[
        ("stop", "Ends the iteration, as a person who meets an error page."),
        ("continue", "Goes on with the next step; the iteration counts as failed."),
        ("retry", "Sends it again, up to three times, a second apart."),
    ],
};

pub(crate) static FAILURE_ENDS: WordList = WordList {
    what: "an action after a failure that is final",
    words: &[("stop", "Ends the iteration."), ("continue", "Goes on with the next step.")],
};

pub(crate) static FAILURE: Declaration = Declaration {
    name: "failure",
    place: "`on_failure`",
    about: "A request that is sent again. Every attempt is a request of its step: the first one's failure counts, and so \
            does what the last one comes to, with a response time from when the user first wanted it. `retries` \
            counts them.",
    groups: &[&[
        required("retry", Grammar::Mapping(&RETRY), "How it is sent again."),
        optional(
            "then",
            Grammar::Words(&FAILURE_ENDS),
            "What follows the last attempt that fails.",
        )
        .default("stop"),
    ]],
    others: None,
    rules: &[],
    example: "
scenarios:
  search:
    flow:
      - get:
          name: search
          url: /search
          on_failure: { retry: { times: 3, wait: 500ms, exponential: true }, then: continue }
",
};

pub(crate) static RETRY: Declaration = Declaration {
    name: "retry",
    place: "`retry`",
    about: "How a request is sent again. `retry-after` of the answer is obeyed, in seconds or as a date (RFC 9110 \
            §10.2.3).",
    groups: &[&[
        optional("times", Grammar::Whole(1.0, 100.0), "How many more attempts there are.").default("3"),
        optional(
            "wait",
            DELAY,
            "From a failure to the next attempt. No share of think times changes it.",
        )
        .default("1s"),
        optional("exponential", Grammar::Flag, "Whether each wait is twice as long as the one before.")
            .default("false"),
        optional(
            "max_wait",
            Grammar::PositiveDuration,
            "The longest wait. A server that asks for a longer one is not asked again.",
        )
        .default("1m"),
        optional(
            "idempotent",
            Grammar::Flag,
            "That the server does once what it is asked twice. Of POST and PATCH it must be said (RFC 9110 §9.2.2).",
        )
        .default("false"),
    ]],
    others: None,
    rules: &[],
    example: "
scenarios:
  order:
    flow:
      - post:
          name: pay
          url: /pay
          headers: { idempotency-key: '{{ uuid() }}' }
          on_failure: { retry: { times: 2, wait: 1s..2s, idempotent: true } }
",
};
