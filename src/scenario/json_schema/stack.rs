//! The schema of `stack.yaml`.

use serde_json::{Value, json};

use super::{
    DIALECT, Definitions, any_of, definitions, list_of, map_of, number, object, one_or_many,
    reference, shared_definitions, text, whole, words,
};

/// The schema of `stack.yaml`.
pub fn stack_schema() -> Value {
    let mut root = object(
        &[
            ("name", reference("name")),
            ("tiers", map_of(&reference("tier"))),
            ("quota", reference("quota")),
            ("signals", one_or_many(&text())),
            (
                "forecast",
                object(&[("peak", reference("rate")), ("growth", reference("share"))], &[]),
            ),
            ("costs", map_of(&reference("money"))),
            ("health", any_of(&[one_or_many(&text()), reference("health")])),
            ("observe", reference("observe")),
        ],
        &["tiers"],
    );
    root["$schema"] = json!(DIALECT);
    root["title"] = json!("plimsoll stack");
    root["definitions"] =
        definitions(&[shared_definitions(), tier_definitions(), observe_definitions()]);
    root
}

fn tier_definitions() -> Definitions {
    let size_fields = [("cores", number()), ("memory", reference("size"))];
    let named_size = object(
        &[
            ("name", text()),
            ("cores", number()),
            ("memory", reference("size")),
            ("cost", reference("money")),
        ],
        &["name"],
    );
    let up = object(
        &[("cores", number()), ("memory", reference("size")), ("sizes", list_of(&named_size))],
        &[],
    );
    let out = object(&[("min", whole()), ("max", whole()), ("delay", reference("duration"))], &[]);
    let kinds = ["edge", "api", "db", "cache", "queue", "worker", "external"];
    let pair = object(&size_fields, &[]);
    vec![
        (
            "tier",
            object(
                &[
                    ("kind", words(&kinds)),
                    ("replicas", whole()),
                    ("size", reference("replica_size")),
                    ("requests", reference("replica_size")),
                    ("balancing", words(&["round_robin", "least_conn", "random", "sticky"])),
                    ("pools", map_of(&whole())),
                    ("connections", whole()),
                    ("memory_limit", reference("size")),
                    ("rate_limit", reference("rate_limit")),
                    ("cost", reference("money")),
                    ("scale", object(&[("up", up), ("out", out)], &[])),
                    ("observe", reference("tier_observe")),
                ],
                &["kind"],
            ),
        ),
        ("replica_size", pair.clone()),
        (
            "rate_limit",
            object(
                &[
                    ("rate", reference("rate")),
                    ("burst", whole()),
                    ("per", words(&["address", "all"])),
                ],
                &["rate"],
            ),
        ),
        (
            "quota",
            object(
                &[
                    ("requests", pair.clone()),
                    ("limits", pair),
                    ("replicas", whole()),
                    ("volumes", whole()),
                ],
                &[],
            ),
        ),
    ]
}

fn observe_definitions() -> Definitions {
    let duration = || reference("duration");
    vec![
        (
            "health",
            object(
                &[("path", one_or_many(&text())), ("every", duration()), ("timeout", duration())],
                &["path"],
            ),
        ),
        (
            "observe",
            object(&[("prometheus", text()), ("every", duration()), ("timeout", duration())], &[]),
        ),
        (
            "tier_observe",
            object(
                &[
                    ("prometheus", map_of(&text())),
                    ("exporter", one_or_many(&any_of(&[text(), reference("exporter")]))),
                    ("postgres", text()),
                    ("redis", text()),
                    ("cgroup", one_or_many(&text())),
                    ("process", one_or_many(&text())),
                ],
                &[],
            ),
        ),
        (
            "exporter",
            object(&[("url", text()), ("preset", text()), ("metrics", map_of(&text()))], &["url"]),
        ),
    ]
}
