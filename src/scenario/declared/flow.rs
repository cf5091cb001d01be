//! Scenarios, flows and their steps.

use super::delay::DELAY;
use super::failure::ENDS_ON_FAILURE;
use super::graphql::GRAPHQL;
use super::load::WEIGHT;
use super::request::{ANY_REQUEST, REQUEST};
use super::response::STATUS;
use super::stream::{HLS, ROUNDS, SSE, TIMES, WEBSOCKET};
use crate::format::{Declaration, Grammar, Property, Rule, WordList, optional, required};

/// A list of steps.
pub(crate) static FLOW: Grammar = Grammar::List(&Grammar::Mapping(&STEP));

/// What is done, of whatever holds a flow.
static INNER: &[Property] =
    &[required("flow", Grammar::List(&Grammar::Mapping(&STEP)), "What is done.")];

pub(crate) static SCENARIO: Declaration = Declaration {
    name: "scenario",
    place: "a scenario",
    about: "A scripted journey. Each arrival plays one, drawn by weight.",
    groups: &[
        &[optional("weight", WEIGHT, "Its weight among all scenarios.").default("1").example("70")],
        INNER,
    ],
    others: None,
    rules: &[],
    example: "
scenarios:
  search:
    weight: 70
    flow:
      - get: { name: airports, url: '/api/airports?q=BER' }
  book:
    weight: 30
    flow:
      - post: { name: book, url: /api/bookings, json: { flight: 7 } }
",
};

/// A setup or teardown: its steps, or a mapping of those and a timeout.
pub(crate) const LIFECYCLE_VALUE: Grammar =
    Grammar::AnyOf(&[Grammar::List(&Grammar::Mapping(&STEP)), Grammar::Mapping(&LIFECYCLE)]);

pub(crate) static LIFECYCLE: Declaration = Declaration {
    name: "lifecycle",
    place: "a list of steps, or `flow` and `timeout`,",
    about: "What one user does once for a run, outside its figures: `setup` before the first arrival, `teardown` behind \
            the last answer, also after Ctrl-C. Where no timeout is needed, a list of steps says the same. A step that \
            fails ends it. A setup that fails ends the run before its load (97); a teardown that fails is a warning.",
    groups: &[
        &[optional(
            "timeout",
            Grammar::PositiveDuration,
            "The longest time for all of it, think times included.",
        )
        .default("1m")],
        INNER,
    ],
    others: None,
    rules: &[],
    example: "
setup:
  timeout: 2m
  flow:
    - post: { name: create, url: /sales, json: { title: winter }, capture: { sale: $.id } }
teardown:
  - delete: { name: remove, url: '/sales/{{ sale }}' }
scenarios:
  visit:
    flow:
      - get: { name: sale, url: '/sales/{{ sale }}' }
",
};

pub(crate) static SESSION: Declaration = Declaration {
    name: "session",
    place: "a session",
    about: "How users log in, how long that holds, and what says that it no longer does.",
    groups: &[&[
        required(
            "login",
            Grammar::List(&Grammar::Mapping(&STEP)),
            "How a user gets it; what it captures is there for the requests of the session.",
        ),
        required("lives", Grammar::PositiveDuration, "How long it lives on the server.").example("15m"),
        optional(
            "renew_ahead",
            Grammar::Duration,
            "How long before its end it is renewed; less than `lives`, a tenth of it where none is given.",
        )
        .example("1m"),
        optional(
            "expired",
            Grammar::OneOrMany(&STATUS),
            "The statuses that say that it has ended in spite of that.",
        )
        .default("401"),
        optional(
            "per",
            Grammar::Words(&SESSION_SCOPES),
            "Who has one. Where nothing is said, each user, over all its iterations; but each iteration where the \
             login asks for what an iteration has of its own: rows that are not `unique`, values captured before, \
             `iteration`, a visitor's connections (`per_iteration`), one of two targets.",
        )
        .example("run"),
    ]],
    others: None,
    rules: &[],
    example: "
sessions:
  viewing:
    login:
      - post: { name: token, url: /token, capture: { token: $.token } }
    lives: 90s
    renew_ahead: 15s
    expired: [401, 403]
    per: user
scenarios:
  view:
    flow:
      - get: { name: course, url: '/courses/7?token={{ token }}', session: viewing }
",
};

pub(crate) static SESSION_SCOPES: WordList = WordList {
    what: "an owner of a session",
    words: &[
        ("user", "Each user logs in once, and again when the session ends."),
        ("iteration", "Each iteration that needs the session logs in."),
        ("run", "One user logs in for all; others wait until it has."),
    ],
};

const REQUEST_VALUE: Grammar = Grammar::Mapping(&REQUEST);

pub(crate) static STEP: Declaration = Declaration {
    name: "step",
    place: "a step",
    about: "One step of a flow: a mapping with one key.",
    groups: &[&[
        optional("get", REQUEST_VALUE, "Sends a GET request."),
        optional("post", REQUEST_VALUE, "Sends a POST request."),
        optional("put", REQUEST_VALUE, "Sends a PUT request."),
        optional("patch", REQUEST_VALUE, "Sends a PATCH request."),
        optional("delete", REQUEST_VALUE, "Sends a DELETE request."),
        optional("head", REQUEST_VALUE, "Sends a HEAD request."),
        optional("options", REQUEST_VALUE, "Sends an OPTIONS request."),
        optional("graphql", Grammar::Mapping(&GRAPHQL), "Sends a GraphQL operation."),
        optional(
            "request",
            Grammar::Mapping(&ANY_REQUEST),
            "Sends a request of any method, also GET with a body.",
        ),
        optional(
            "think",
            Grammar::AnyOf(&[DELAY, TEMPLATE]),
            "Does nothing for a while, as a person who reads; a template says how long, where a bare number counts \
             seconds.",
        )
        .example("2s..8s"),
        optional("use", Grammar::Text("name of a flow"), "Does what a named flow does.")
            .example("login"),
        optional("repeat", Grammar::Mapping(&REPEAT), "Does something several times."),
        optional("foreach", Grammar::Mapping(&FOREACH), "Does something for each item of a list."),
        optional("while", Grammar::Mapping(&WHILE), "Does something as long as a condition holds."),
        optional("if", Grammar::Mapping(&IF), "Does something on a condition."),
        optional(
            "choose",
            Grammar::List(&Grammar::Mapping(&BRANCH)),
            "Does one of several things, drawn by weight; at least one weight is above 0.",
        ),
        optional(
            "parallel",
            Grammar::List(&Grammar::Mapping(&STEP)),
            "Sends several requests at once; only steps that are requests.",
        ),
        optional(
            "pace",
            Grammar::PositiveDuration,
            "Waits until so much time has passed since the last `pace`, or since the iteration began.",
        )
        .example("10s"),
        optional("poll", Grammar::Mapping(&POLL), "Does something again and again until a condition holds."),
        optional("sse", Grammar::Mapping(&SSE), "Reads server-sent events."),
        optional("websocket", Grammar::Mapping(&WEBSOCKET), "Opens a WebSocket."),
        optional("hls", Grammar::Mapping(&HLS), "Watches a video."),
    ]],
    others: None,
    rules: &[Rule::OneKey],
    example: "
flows:
  login:
    - post: { name: login, url: /login, json: { user: ada } }
scenarios:
  browse:
    flow:
      - use: login
      - think: 2s..8s
      - parallel:
          - get: { name: styles, url: /app.css }
          - get: { name: script, url: /app.js }
      - pace: 30s
",
};

pub(crate) static REPEAT: Declaration = Declaration {
    name: "repeat",
    place: "`repeat`",
    about: "Something that is done several times.",
    groups: &[
        &[
            required(
                "times",
                Grammar::AnyOf(&[TIMES, TEMPLATE]),
                "How many times; of a range, any number is equally likely. A template says it from data.",
            )
            .example("1..3"),
            optional("rounds", EXPECTED_ROUNDS, "Of a number from data: how many to expect. See `foreach`.")
                .example("2.5"),
        ],
        INNER,
    ],
    others: None,
    rules: &[],
    example: "
scenarios:
  browse:
    flow:
      - repeat:
          times: 1..3
          flow: [{ get: { name: page, url: / } }]
",
};

/// A text with something to fill in.
const TEMPLATE: Grammar = Grammar::Form("template", r"[^{]*\{\{.*\}\}.*");

/// How many rounds a loop makes on average.
const EXPECTED_ROUNDS: Grammar = Grammar::Number(0.0, 100_000.0);

pub(crate) static FOREACH: Declaration = Declaration {
    name: "foreach",
    place: "`foreach`",
    about: "Something that is done for each item of a list, in its order. The item has a name meanwhile, and keeps it \
            with its last value.",
    groups: &[
        &[
            required("in", Grammar::Text("expression"), "The list.").example("items"),
            required(
                "as",
                Grammar::Name,
                "The item's name in templates: `{{ item }}`, `{{ item.id }}`. Without `-` and `.`.",
            )
            .example("item"),
            optional("limit", Grammar::Whole(1.0, 1e6), "The most items; those beyond are left out.")
                .example("5"),
            optional(
                "rounds",
                EXPECTED_ROUNDS,
                "How many items are expected on average. A rate in req/s needs it; one in iter/s does not.",
            )
            .example("3"),
        ],
        INNER,
    ],
    others: None,
    rules: &[],
    example: "
scenarios:
  browse:
    flow:
      - get: { name: list, url: /items, capture: { items: { json: '$.items[*]', take: all } } }
      - foreach:
          in: items
          as: item
          limit: 5
          rounds: 4.2
          flow: [{ get: { name: item, url: '/items/{{ item.id }}' } }]
",
};

pub(crate) static WHILE: Declaration = Declaration {
    name: "while",
    place: "`while`",
    about: "Something that is done as long as a condition holds, and at most so often or so long; behind that, the \
            iteration goes on. Where the end is a failure, use `poll`.",
    groups: &[
        &[
            required("when", Grammar::Text("expression"), "The condition, asked before each round.")
                .example("next != ''"),
            required("max", Grammar::Whole(1.0, 1e6), "The most rounds.").example("20"),
            optional("timeout", Grammar::PositiveDuration, "No round begins after so long.")
                .example("30s"),
            optional("rounds", EXPECTED_ROUNDS, "How many rounds to expect. See `foreach`.").example("3"),
        ],
        INNER,
    ],
    others: None,
    rules: &[],
    example: "
scenarios:
  browse:
    flow:
      - get: { name: page, url: /items, capture: { next: { json: $.next, default: '' } } }
      - while:
          when: next != ''
          max: 20
          rounds: 2
          flow: [{ get: { name: page, url: '{{ next }}', capture: { next: { json: $.next, default: '' } } } }]
",
};

pub(crate) static IF: Declaration = Declaration {
    name: "if",
    place: "`if`",
    about: "Something that is done on a condition.",
    groups: &[
        &[required("when", Grammar::Text("expression"), "The condition.").example("seats > 0")],
        INNER,
        &[optional(
            "else",
            Grammar::List(&Grammar::Mapping(&STEP)),
            "What is done where it does not hold.",
        )],
    ],
    others: None,
    rules: &[],
    example: "
scenarios:
  book:
    flow:
      - get: { name: flight, url: /flights/7, capture: { seats: $.seats } }
      - if:
          when: seats > 0
          flow: [{ post: { name: book, url: /bookings } }]
          else: [{ get: { name: others, url: /flights } }]
",
};

pub(crate) static BRANCH: Declaration = Declaration {
    name: "branch",
    place: "a branch",
    about: "One of the things that `choose` chooses from.",
    groups: &[&[optional("weight", WEIGHT, "Its weight among all branches.").default("1")], INNER],
    others: None,
    rules: &[],
    example: "
scenarios:
  browse:
    flow:
      - choose:
          - { weight: 3, flow: [{ get: { name: list, url: /list } }] }
          - { weight: 1, flow: [{ get: { name: help, url: /help } }] }
",
};

pub(crate) static POLL: Declaration = Declaration {
    name: "poll",
    place: "`poll`",
    about: "Something that is done again and again until a condition holds. The whole is a step with a time of its \
            own; its requests are counted as well.",
    groups: &[
        &[
            required("name", Grammar::Name, "The name of the whole.").example("ready"),
            required(
                "every",
                Grammar::PositiveDuration,
                "From the start of one round to the start of the next.",
            )
            .example("500ms"),
            required(
                "timeout",
                Grammar::PositiveDuration,
                "The longest time for the whole; beyond it the step is an error.",
            )
            .example("30s"),
            optional(
                "rounds",
                ROUNDS,
                "How many rounds are expected on average, so that a rate in req/s can be kept.",
            )
            .default("2"),
            ENDS_ON_FAILURE,
            required("until", Grammar::Text("expression"), "When it holds, the poll is over.")
                .example("status == 'done'"),
        ],
        INNER,
    ],
    others: None,
    rules: &[],
    example: "
scenarios:
  export:
    flow:
      - poll:
          name: ready
          every: 500ms
          timeout: 30s
          until: status == 'done'
          flow: [{ get: { name: status, url: /jobs/1, capture: { status: $.status } } }]
",
};
