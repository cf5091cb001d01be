//! `check:` and `capture:`: what is asserted about a response, and what is taken out of it.

use crate::format::{Declaration, Grammar, Rule, WordList, optional};

/// One status, a class, or a range.
pub(crate) const STATUS: Grammar = Grammar::Form(
    "status, class (`2xx`) or range (`200..299`)",
    r"[1-5]xx|[1-5]\d\d( *\.\. *[1-5]\d\d)?",
);

/// What a text or value must be.
const CONDITION: Grammar = Grammar::AnyOf(&[VALUE_CONDITION, Grammar::Mapping(&CONDITION_FIELDS)]);

/// A condition that is a single value.
const VALUE_CONDITION: Grammar = Grammar::Text("value, `exists`, `< 5`, `<= 5`, `> 5` or `>= 5`");

pub(crate) static CHECK: Declaration = Declaration {
    name: "check",
    place: "`check`",
    about: "Assertions on one response; a response that misses one is an error. Of an event or a message only \
            `json`, `body` and `hex` can be checked. Without `status`, statuses of 400 and above are errors.",
    groups: &[&[
        optional("status", Grammar::OneOrMany(&STATUS), "The statuses that are right.")
            .example("[200, 3xx]"),
        optional(
            "time",
            Grammar::Form(
                "duration behind `<` or `<=`",
                "<=? *([0-9._]+ *(ns|us|µs|ms|s|min|m|h|d) *)+",
            ),
            "What the service time must be below.",
        )
        .example("< 2s"),
        optional(
            "size",
            Grammar::Form("size behind `<` or `<=`", "<=? *[0-9._]+ *([kKMGT]?B|[KMGT]iB)"),
            "What the body's size must be below.",
        )
        .example("< 1 MiB"),
        optional("header", Grammar::Texts("header", &CONDITION), "What headers must be.")
            .example("{ content-type: { contains: json } }"),
        optional(
            "json",
            Grammar::Texts("JSON path", &CONDITION),
            "What values in a JSON body must be, by path (RFC 9535): all that the path finds, and it must find one.",
        )
        .example("{ $.status: done }"),
        optional(
            "body",
            CONDITION,
            "What the body must be as text. A bare text must be contained in it.",
        )
        .example("welcome"),
        optional(
            "hex",
            CONDITION,
            "What the body must be in hexadecimal digits, in lower case. A bare text is what it must begin with.",
        )
        .example("89 50 4e 47"),
    ]],
    others: None,
    rules: &[],
    example: "
scenarios:
  buy:
    flow:
      - get:
          name: order
          url: /orders/1
          check:
            status: 2xx
            time: < 2s
            json: { $.status: done, $.items: exists, $.total: \"> 0\" }
            body: { matches: 'order [0-9]+' }
",
};

pub(crate) static CONDITION_FIELDS: Declaration = Declaration {
    name: "condition",
    place: "a condition",
    about: "What values must be, where a bare value does not say it. A bare value must be equal, of the same type: \
            `5` is not `'5'`, numbers compare exactly whatever their size, and of a header or the body, which are \
            texts, a number means its digits.",
    groups: &[&[
        optional("contains", Grammar::Text("text"), "A text that must be in it.").example("json"),
        optional("matches", Grammar::Text("regular expression"), "What must match a part of it.")
            .example("'^[0-9]+$'"),
        optional("equals", Grammar::Anything, "What it must be, of the same type.").example("[1, 2]"),
        optional("exists", Grammar::Flag, "Whether it must be there.").example("false"),
        optional(
            "any",
            Grammar::AnyOf(&[VALUE_CONDITION, Grammar::Mapping(&CONDITION_FIELDS)]),
            "A condition that at least one of the values must meet.",
        )
        .example("'> 5'"),
        optional(
            "all",
            Grammar::AnyOf(&[VALUE_CONDITION, Grammar::Mapping(&CONDITION_FIELDS)]),
            "A condition that all of the values must meet, of which there may be none.",
        )
        .example("true"),
        optional(
            "count",
            Grammar::AnyOf(&[VALUE_CONDITION, Grammar::Mapping(&CONDITION_FIELDS)]),
            "A condition on how many values there are; of a path that finds one list, on its length.",
        )
        .example("'>= 1'"),
    ]],
    others: None,
    rules: &[Rule::OneOf(&["contains", "matches", "equals", "exists", "any", "all", "count"])],
    example: "
scenarios:
  buy:
    flow:
      - get:
          name: order
          url: /orders/1
          check:
            header: { content-type: { contains: json } }
            json:
              $.ids: { equals: [1, 2] }
              $.items[*].in_stock: true
              $.items[*].price: { any: '< 10' }
              $.items: { count: '>= 1' }
              $.error: { exists: false }
",
};

/// A JSON path, or a mapping that says where the value is.
pub(crate) const CAPTURED: Grammar =
    Grammar::AnyOf(&[Grammar::Text("JSON path"), Grammar::Mapping(&CAPTURE)]);

pub(crate) static TAKES: WordList = WordList {
    what: "a choice among values",
    words: &[
        ("first", "The first."),
        ("last", "The last."),
        ("random", "Any of them, equally likely."),
        ("all", "All of them, as a list."),
    ],
};

pub(crate) static CAPTURE: Declaration = Declaration {
    name: "capture",
    place: "a capture",
    about: "A value taken out of a response for later steps, which use it as `{{ name }}`. It goes out as it came: \
            numbers with all their digits, lists and mappings as JSON. Without a default, a response that lacks it \
            is an error; so is one that has `null` there, but then the iteration goes on with it.",
    groups: &[&[
        optional("json", Grammar::Text("JSON path"), "Where it is in a JSON body (RFC 9535).")
            .example("$.token"),
        optional(
            "regex",
            Grammar::Text("regular expression"),
            "What finds it in the body: its first group, or all that matches.",
        )
        .example("'id=([0-9]+)'"),
        optional("header", Grammar::Text("header"), "The header whose value it is.")
            .example("location"),
        optional("cookie", Grammar::Text("cookie"), "The cookie whose value it is.").example("sid"),
        optional("take", Grammar::Words(&TAKES), "Which one, where there are several.")
            .default("first"),
        optional(
            "unescape_html",
            Grammar::Flag,
            "Whether entities of HTML in it stand for their characters: `&amp;` for `&`.",
        )
        .default("false"),
        optional("default", Grammar::Anything, "The value where the response has none, or `null`.")
            .example("0"),
        optional(
            "secret",
            Grammar::Flag,
            "Whether it must never reach a log or report; told by its name where nothing is said.",
        )
        .example("true"),
    ]],
    others: None,
    rules: &[Rule::OneOf(&["json", "regex", "header", "cookie"])],
    example: "
scenarios:
  buy:
    flow:
      - post:
          name: order
          url: /orders
          capture:
            id: $.id
            next: { header: location, default: / }
            csrf: { regex: 'csrf=([0-9a-f]+)', secret: true }
            item: { json: '$.items[*].id', take: random }
            note: { regex: 'note=\"([^\"]*)', unescape_html: true }
      - get: { name: show, url: '/orders/{{ id }}' }
",
};
