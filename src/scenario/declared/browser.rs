//! `browsers:`: real browsers beside the load.

use super::delay::DELAY;
use crate::format::{Declaration, Grammar, Property, Rule, WordList, optional, required};

pub(crate) static BROWSER: Declaration = Declaration {
    name: "browser",
    place: "a browser",
    about: "Users with a real browser (Chromium), few of them beside the scenarios. Each plays the flow again and \
            again while the load goes on, in a context of its own; every page that it opens is measured by the \
            browser itself: TTFB, FCP, LCP, CLS, INP, TBT, TTI, DOMContentLoaded, load. Pages may reach the target's \
            host and `allow_hosts`, and no other.",
    groups: &[&[
        optional(
            "vus",
            Grammar::Whole(1.0, 64.0),
            "How many users have this browser. A page costs about a second of CPU: two for each core of the \
             machine are many. Beside `rate`, how many may play at once, 4 where nothing is said.",
        )
        .default("1")
        .example("2"),
        optional(
            "rate",
            PAGE_RATE,
            "How many pages are loaded, over all users: flows begin at equal gaps, whatever those before are doing. \
             One that is due while all users are busy is left out, and the report counts it. Without it, a user \
             begins anew when it is done.",
        )
        .example("6 pages/min"),
        optional(
            "context",
            Grammar::Words(&CONTEXTS),
            "What is left of the iteration before.",
        )
        .default("fresh"),
        optional(
            "baseline",
            Grammar::Duration,
            "For how long one of these users plays before the first arrival, so that the report can say what load \
             does to pages. Such loads are not judged.",
        )
        .example("30s"),
        optional(
            "workloads",
            Grammar::OneOrMany(&Grammar::Text("name of a workload")),
            "The workloads beside which they play; all where none is named.",
        )
        .example("[load]"),
        optional("network", Grammar::Mapping(&NETWORK), "A slower network than there is."),
        optional(
            "cpu",
            Grammar::Form("number of times, like `4x slower`", r"[1-9][0-9]*(\.[0-9]+)?x slower"),
            "A slower processor than there is, for scripts of pages.",
        )
        .example("4x slower"),
        optional("timeout", Grammar::PositiveDuration, "The longest time for one step.").default("30s"),
        optional(
            "headers",
            Grammar::Texts("header", &Grammar::Text("template")),
            "Headers of all its requests, before those of `http.headers`. What a browser says itself (`accept`, \
             `user-agent`, `content-type`, `sec-*` and the like) comes from here only.",
        )
        .example("{ authorization: 'Bearer {{ token }}' }"),
        optional(
            "screenshot",
            Grammar::Words(&SCREENSHOTS),
            "Pictures for the log and the HTML report. They show what pages show, secrets included.",
        )
        .default("none"),
        optional(
            "login",
            Grammar::List(&Grammar::Mapping(&PAGE_STEP)),
            "What a user does before its flow in each new context: with `fresh`, before each flow; with `warm`, once, and \
             again behind a flow that failed. Its pages are neither measured nor judged. Where it fails, the flow's first \
             page is a failed load.",
        ),
        required("flow", Grammar::List(&Grammar::Mapping(&PAGE_STEP)), "What a user does."),
    ]],
    others: None,
    rules: &[],
    example: "
browsers:
  shop_front:
    vus: 1
    baseline: 30s
    flow:
      - open: { name: home, url: / }
      - type: { selector: '#q', text: 'Berlin' }
      - click: { name: search, selector: '#go', wait: '.result' }
      - think: 2s..5s
",
};

/// Above zero.
const PAGE_RATE: Grammar = Grammar::Form(
    "number of pages with a time, like `6 pages/min`",
    r"([0-9]*[1-9][0-9]*(\.[0-9]+)?|0*\.[0-9]*[1-9][0-9]*) pages?/(s|min|h)",
);

static CONTEXTS: WordList = WordList {
    what: "a context",
    words: &[
        ("fresh", "Nothing: no cache, no cookies, as somebody who comes for the first time."),
        ("warm", "Cache and cookies, as somebody who comes back."),
    ],
};

static SCREENSHOTS: WordList = WordList {
    what: "a choice of pictures",
    words: &[
        ("none", "None."),
        (
            "worst",
            "One of each page, as it looked in its worst load under load: the first that failed, or else the slowest.",
        ),
    ],
};

pub(crate) static NETWORK: Declaration = Declaration {
    name: "browser_network",
    place: "a browser's network",
    about: "What the browser adds to each of its requests, by its own emulation (Chromium's \
            `Network.emulateNetworkConditions`): it delays answers, not connecting.",
    groups: &[&[
        optional("latency", Grammar::Duration, "Least time from request to first byte.")
            .example("40ms"),
        optional("down", BITS, "Most that comes in.").example("10 Mbit/s"),
        optional("up", BITS, "Most that goes out.").example("5 Mbit/s"),
    ]],
    others: None,
    rules: &[Rule::AtLeastOne(&["latency", "down", "up"])],
    example: "
browsers:
  shop_front:
    network: { latency: 40ms, down: 10 Mbit/s }
    flow: [{ open: { name: home, url: / } }]
",
};

/// Above zero.
const BITS: Grammar = Grammar::Form(
    "number of bits, like `10 Mbit/s`",
    r"([0-9]*[1-9][0-9]*(\.[0-9]+)?|0*\.[0-9]*[1-9][0-9]*) [kMG]?bit/s",
);

pub(crate) static PAGE_STEP: Declaration = Declaration {
    name: "page_step",
    place: "a step of a browser",
    about: "One step of a browser's flow: a mapping with one key.",
    groups: &[&[
        optional("open", Grammar::Mapping(&OPEN_PAGE), "Loads a page and measures it."),
        optional("click", Grammar::Mapping(&CLICK), "Clicks an element."),
        optional("type", Grammar::Mapping(&TYPE), "Types into an element."),
        optional("think", DELAY, "Does nothing for a while, as a person who reads.")
            .example("2s..5s"),
    ]],
    others: None,
    rules: &[Rule::OneKey],
    example: "
browsers:
  shop_front:
    flow:
      - open: { name: home, url: / }
      - think: 2s..5s
",
};

/// Looked for in the document, in open shadow roots and in frames of the same origin.
const SELECTOR: Grammar = Grammar::Text("CSS selector");

const UNTIL: Property = optional(
    "until",
    Grammar::Words(&MILESTONES),
    "How far the document must come before the flow goes on. A page that never loads whole, because it keeps a request \
     open, asks for `dcl`; it has no figure `load` then.",
)
.default("load");

static MILESTONES: WordList = WordList {
    what: "a milestone",
    words: &[
        ("load", "All that it needs is there: pictures, style sheets, scripts."),
        ("dcl", "It is parsed and its scripts have run (`DOMContentLoaded`)."),
    ],
};

pub(crate) static OPEN_PAGE: Declaration = Declaration {
    name: "open_page",
    place: "`open`",
    about: "A page that is loaded and measured. Its figures are taken when the next page is loaded or the flow ends, \
            so that shifts and interactions until then are in them.",
    groups: &[&[
        required("name", Grammar::Name, "The page's name in tables and in `slo: pages:`.")
            .example("home"),
        required(
            "url",
            Grammar::Text("template of a URL"),
            "Relative to the target, or of an allowed host.",
        )
        .example("/"),
        optional("wait", SELECTOR, "An element that must be there then before the flow goes on.")
            .example("'.result'"),
        UNTIL,
    ]],
    others: None,
    rules: &[],
    example: "
browsers:
  shop_front:
    flow: [{ open: { name: home, url: '/?q=1', wait: '.result' } }]
slo:
  pages: { home: { lcp: { target: 2.5s, max: 4s }, cls: { target: 0.1 } } }
",
};

pub(crate) static CLICK: Declaration = Declaration {
    name: "click",
    place: "`click`",
    about: "A click on the first element that matches, in its middle, as soon as a person could: one that is missing, \
            hidden, disabled or covered is waited for, and at the end of the step's time the load fails and says which. \
            Where the click leads to another page, that one is measured under the click's name. Where a script shows \
            another page within the same document (a soft navigation), its one figure is `load`: from the click until \
            `wait` is there.",
    groups: &[&[
        required("selector", SELECTOR, "The element.").example("'#go'"),
        optional(
            "name",
            Grammar::Name,
            "The name of the page that it leads to; without it, it leads to none.",
        )
        .example("search"),
        optional("wait", SELECTOR, "An element that must be there before the flow goes on.")
            .example("'.result'"),
        UNTIL,
    ]],
    others: None,
    rules: &[],
    example: "
browsers:
  shop_front:
    flow:
      - open: { name: home, url: / }
      - click: { selector: '#go', name: search, wait: '.result' }
",
};

pub(crate) static TYPE: Declaration = Declaration {
    name: "type",
    place: "`type`",
    about: "Text that is typed into the first element that matches, key by key; a line feed is Enter.",
    groups: &[&[
        required("selector", SELECTOR, "The element.").example("'#q'"),
        required("text", Grammar::Text("template"), "What is typed.").example("Berlin"),
    ]],
    others: None,
    rules: &[],
    example: "
browsers:
  shop_front:
    flow:
      - open: { name: home, url: / }
      - type: { selector: '#q', text: Berlin }
",
};
