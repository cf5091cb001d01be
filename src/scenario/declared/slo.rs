//! `slo:`: the rows of the SLO table.

use crate::format::{Declaration, Grammar, Others, Property, Rule, WordList, optional};

const METRICS: &str = "A row: `p50` … `p99.9`, `mean`, `uptime`, `throughput`, `connect.p95`, \
                       `iteration.p95`, `recover`, or a metric of a tier such as `db.connections`. \
                       Steps also have `first_event.p95`, `event_gap.p95`, `first_message.p95`, `first_segment.p95`, \
                       `message_rate` and `failures`; the run and scenarios `goodput`, the share of iterations without a failure of which \
                       every step kept the `max` of its rows on times.";

/// The row that holds by default.
static ERROR_RATE: &[Property] = &[optional(
    "error_rate",
    Grammar::AnyOf(&[Grammar::Words(&UNJUDGED), Grammar::Mapping(&OBJECTIVE)]),
    "How many of the requests may fail. Those of which no row speaks, by `error_rate` or `failures`, are held to at most \
     1 %, or to what the `min` of an `uptime` lets go; `off` leaves them unjudged.",
)];

pub(crate) static UNJUDGED: WordList = WordList {
    what: "a rule for errors",
    words: &[("off", "They are shown, and decide nothing.")],
};

pub(crate) static TABLE: Declaration = Declaration {
    name: "slo_table",
    place: "an SLO table",
    about: "What must hold: rows for the whole run by metric, and rows for scenarios, steps and tags by name.",
    groups: &[
        ERROR_RATE,
        &[
            optional(
                "scenarios",
                Grammar::Texts("scenario", &Grammar::Mapping(&ROWS)),
                "Rows for the iterations of a scenario.",
            ),
            optional(
                "steps",
                Grammar::Texts("step", &Grammar::Mapping(&ROWS)),
                "Rows for the requests of a step.",
            ),
            optional(
                "tags",
                Grammar::Texts("tag", &Grammar::Mapping(&ROWS)),
                "Rows for all steps that have a tag.",
            ),
            optional(
                "pages",
                Grammar::Texts("page", &Grammar::Mapping(&PAGE_ROWS)),
                "Rows for a page that real browsers load (`browsers:`).",
            ),
        ],
    ],
    others: Some(Others { key: "metric", value: Grammar::Mapping(&OBJECTIVE), about: METRICS }),
    rules: &[],
    example: "
scenarios:
  booking: { flow: [{ post: { name: login, url: /login, tags: [write] } }] }
slo:
  p95: { target: 200ms, max: 500ms }
  uptime: { target: 99.9%, min: 99.5% }
  goodput: { min: 99% }
  steps: { login: { p95: { target: 300ms, max: 1s } } }
  scenarios: { booking: { error_rate: { max: 0.5% } } }
  tags: { write: { p99: { max: 1s } } }
",
};

pub(crate) static ROWS: Declaration = Declaration {
    name: "slo_rows",
    place: "an SLO table",
    about: "Rows for one scenario, step or tag.",
    groups: &[ERROR_RATE],
    others: Some(Others { key: "metric", value: Grammar::Mapping(&OBJECTIVE), about: METRICS }),
    rules: &[],
    example: "
scenarios:
  booking: { flow: [{ post: { name: login, url: /login } }] }
slo:
  steps: { login: { p95: { target: 300ms }, error_rate: { max: 1% } } }
",
};

pub(crate) static PAGE_ROWS: Declaration = Declaration {
    name: "page_rows",
    place: "an SLO table",
    about: "Rows for one page of real browsers.",
    groups: &[],
    others: Some(Others {
        key: "figure",
        value: Grammar::Mapping(&OBJECTIVE),
        about: "`ttfb`, `fcp`, `lcp`, `cls`, `inp`, `tbt`, `tti`, `dcl` or `load`: its p75 over all loads, which is \
                what the field's limits are meant for; `lcp.p95` for another quantile. `cls` is a bare number. `tti` \
                is by the definition that its authors withdrew in 2023: prefer `tbt`.",
    }),
    rules: &[],
    example: "
browsers:
  shop_front: { flow: [{ open: { name: home, url: / } }] }
slo:
  pages: { home: { lcp: { target: 2.5s, max: 4s }, cls: { target: 0.1, max: 0.25 } } }
",
};

pub(crate) static OBJECTIVE: Declaration = Declaration {
    name: "objective",
    place: "an objective",
    about: "One row. Between target and limit the run is at risk; beyond the limit it fails. Units follow the \
            metric: times, shares in percent, rates, counts.",
    groups: &[&[
        optional("target", Grammar::Quantity, "What the team wants.").example("200ms"),
        optional("max", Grammar::Quantity, "What must not be exceeded, where less is better.")
            .example("500ms"),
        optional("min", Grammar::Quantity, "What must not be undercut, where more is better.")
            .example("99.5%"),
        optional(
            "of",
            Grammar::Words(&ANSWERS),
            "Whose response times count. Only rows on these have it: `p50` … `p99.9`, `mean`, `first_event.p95` and the like.",
        )
        .default("successes"),
    ]],
    others: None,
    rules: &[Rule::AtLeastOne(&["target", "max", "min"]), Rule::AtMostOne(&["max", "min"])],
    example: "
slo:
  p99: { target: 500ms, max: 1s }
",
};

static ANSWERS: WordList = WordList {
    what: "whose times",
    words: &[
        (
            "successes",
            "Requests that were answered as expected: a failure that comes at once makes no p95 better.",
        ),
        ("all", "All requests, failed ones included."),
    ],
};
