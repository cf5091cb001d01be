//! JSON Schema of `scenario.yaml` and `stack.yaml`, so that editors complete and check while one writes.
//!
//! Written by hand, because the reader is: its rules (one of two fields, a unit behind a number) are not those
//! of any type. A test holds both together field by field.

mod stack;

use serde_json::{Map, Value, json};

/// The dialect that editors know best.
pub(crate) const DIALECT: &str = "http://json-schema.org/draft-07/schema#";

/// The schema of `scenario.yaml`.
pub fn scenario_schema() -> Value {
    let mut root = object(
        &[
            ("name", reference("name")),
            ("target", described(&text(), "Where requests go, like https://shop.example")),
            ("green", described(&text(), "A second target, for a share of the arrivals")),
            ("stack", described(&text(), "The stack's file, relative to this one")),
            ("data", map_of(&reference("data_set"))),
            ("http", reference("http")),
            ("workloads", map_of(&reference("workload"))),
            ("flows", map_of(&reference("flow"))),
            ("sessions", map_of(&reference("session"))),
            ("scenarios", map_of(&reference("scenario"))),
            ("slo", reference("slo_table")),
            ("allow_hosts", list_of(&text())),
        ],
        &["name", "target", "workloads", "scenarios"],
    );
    root["$schema"] = json!(DIALECT);
    root["title"] = json!("plimsoll scenario");
    root["definitions"] = definitions(&[
        shared_definitions(),
        load_definitions(),
        http_definitions(),
        flow_definitions(),
        step_definitions(),
        request_definitions(),
        slo_definitions(),
    ]);
    root
}

pub use stack::stack_schema;

pub(crate) type Definitions = Vec<(&'static str, Value)>;

pub(crate) fn definitions(groups: &[Definitions]) -> Value {
    let all = groups.iter().flatten().map(|(name, value)| ((*name).to_owned(), value.clone()));
    Value::Object(all.collect::<Map<_, _>>())
}

pub(crate) fn shared_definitions() -> Definitions {
    let number_and_unit = |units: &str, example: &str| {
        let pattern = format!(r"^(\$\{{.*|[0-9][0-9_.]*\s*({units}).*)$");
        json!({ "type": "string", "pattern": pattern, "examples": [example] })
    };
    vec![
        ("name", json!({ "type": "string", "pattern": r"^[^\W\d][\w.-]*$" })),
        ("duration", number_and_unit("ns|us|µs|ms|s|m|min|h|d", "30s")),
        ("share", number_and_unit("%", "0.1%")),
        ("size", number_and_unit("B|[kKMGT]i?B", "512 MiB")),
        ("rate", number_and_unit("(req|requests|iter|iterations)/(s|sec|m|min|h)", "300 req/s")),
        ("money", json!({ "type": "string", "examples": ["$60", "60 USD"] })),
        ("quantity", json!({ "type": ["string", "number"], "examples": ["200ms", "70%", 100] })),
    ]
}

fn load_definitions() -> Definitions {
    let zipf =
        object(&[("zipf", json!({ "type": "number", "minimum": 0, "maximum": 10 }))], &["zipf"]);
    vec![
        (
            "data_set",
            object(
                &[
                    ("file", json!({ "type": "string", "pattern": r"\.(csv|jsonl|ndjson)$" })),
                    (
                        "pick",
                        any_of(&[words(&["sequential", "shuffle", "uniform", "unique"]), zipf]),
                    ),
                ],
                &["file"],
            ),
        ),
        (
            "workload",
            object(
                &[
                    ("arrivals", words(&["poisson", "exponential", "constant"])),
                    ("max_vus", whole()),
                    ("stages", list_of(&reference("stage"))),
                    ("think", text()),
                    ("vus", whole()),
                    ("duration", reference("duration")),
                    ("pace", reference("duration")),
                    ("recorded", text()),
                    ("speed", json!({ "type": "number", "minimum": 0.001, "maximum": 1000 })),
                    ("hooks", list_of(&reference("hook"))),
                ],
                &[],
            ),
        ),
        (
            "hook",
            object(
                &[
                    ("at", reference("duration")),
                    ("run", text()),
                    ("mark", text()),
                    ("timeout", reference("duration")),
                ],
                &["at"],
            ),
        ),
        (
            "stage",
            object(
                &[
                    ("rate", reference("rate")),
                    ("ramp_to", reference("rate")),
                    ("duration", reference("duration")),
                    ("judge", flag()),
                    ("green", reference("share")),
                ],
                &["duration"],
            ),
        ),
    ]
}

fn http_definitions() -> Definitions {
    vec![
        (
            "http",
            object(
                &[
                    ("timeout", reference("duration")),
                    ("connect_timeout", reference("duration")),
                    ("version", json!({ "enum": ["1.1", 1.1, "2", 2, "auto"] })),
                    ("connections", words(&["per_user", "per_iteration", "shared"])),
                    ("source_ips", one_or_many(&text())),
                    ("forwarded_for", one_or_many(&text())),
                    ("headers", map_of(&scalar())),
                    ("correlation", one_or_many(&text())),
                    ("tls", reference("tls")),
                    ("max_redirects", whole()),
                    ("max_body", reference("size")),
                    ("cookies", flag()),
                    ("compression", flag()),
                ],
                &[],
            ),
        ),
        (
            "tls",
            object(
                &[
                    ("ca", one_or_many(&text())),
                    ("cert", text()),
                    ("key", text()),
                    ("insecure", flag()),
                    ("server_name", text()),
                ],
                &[],
            ),
        ),
    ]
}

fn flow_definitions() -> Definitions {
    vec![
        ("flow", list_of(&reference("step"))),
        ("scenario", object(&[("weight", number()), ("flow", reference("flow"))], &["flow"])),
        ("session", session()),
        ("step", reference_step()),
        (
            "repeat",
            object(
                &[
                    ("times", json!({ "type": ["integer", "string"], "examples": [3, "1..3"] })),
                    ("flow", reference("flow")),
                ],
                &["times", "flow"],
            ),
        ),
        (
            "if",
            object(
                &[("when", text()), ("flow", reference("flow")), ("else", reference("flow"))],
                &["when", "flow"],
            ),
        ),
        ("branch", object(&[("weight", number()), ("flow", reference("flow"))], &["flow"])),
        (
            "law",
            any_of(&[
                json!({ "type": "string", "examples": ["5s", "2s..8s"] }),
                object(
                    &[
                        ("exponential", reference("duration")),
                        ("normal", list_of(&reference("duration"))),
                    ],
                    &[],
                ),
            ]),
        ),
    ]
}

/// How users log in, and how long that holds.
fn session() -> Value {
    object(
        &[
            ("login", reference("flow")),
            ("lives", reference("duration")),
            ("renew_ahead", reference("duration")),
            ("expired", one_or_many(&json!({ "type": ["integer", "string"] }))),
        ],
        &["login", "lives"],
    )
}

/// A step is a mapping with exactly one key.
fn reference_step() -> Value {
    let methods = ["get", "post", "put", "patch", "delete", "head"];
    let mut fields: Vec<(&'static str, Value)> =
        methods.iter().map(|method| (*method, reference("request"))).collect();
    fields.extend([
        ("think", reference("law")),
        ("use", text()),
        ("repeat", reference("repeat")),
        ("if", reference("if")),
        ("choose", list_of(&reference("branch"))),
        ("parallel", reference("parallel")),
        ("pace", reference("duration")),
        ("poll", reference("poll")),
        ("sse", reference("sse")),
        ("websocket", reference("websocket")),
        ("hls", reference("hls")),
    ]);
    let mut step = object(&fields, &[]);
    step["minProperties"] = json!(1);
    step["maxProperties"] = json!(1);
    step
}

/// Steps that are more than one request.
fn step_definitions() -> Definitions {
    let duration = || reference("duration");
    let poll = object(
        &[
            ("name", reference("name")),
            ("every", duration()),
            ("timeout", duration()),
            ("rounds", number()),
            ("until", text()),
            ("flow", reference("flow")),
        ],
        &["name", "every", "timeout", "until", "flow"],
    );
    let with = |more: &[(&'static str, Value)], without: &[&str], required: &[&str]| {
        let mut fields = request_fields();
        fields.retain(|(name, _)| !without.contains(name));
        fields.extend(more.iter().cloned());
        object(&fields, required)
    };
    let until = [("method", words(&["get", "post", "put"])), ("until", reference("check"))];
    let messages =
        [("send", json!({})), ("expect", reference("check")), ("hold", reference("law"))];
    let hls = object(
        &[
            ("name", reference("name")),
            ("session", text()),
            ("manifest", reference("request")),
            ("segment", reference("segment")),
            ("buffer", whole()),
            ("segment_length", duration()),
            ("watch", reference("law")),
        ],
        &["name", "manifest", "segment", "watch"],
    );
    vec![
        ("poll", poll),
        ("sse", with(&until, &[], &["name", "url"])),
        ("websocket", with(&messages, &[], &["name", "url"])),
        ("segment", with(&[], &["url"], &["name"])),
        ("hls", hls),
        ("parallel", list_of(&reference("step"))),
    ]
}

/// The fields of a request.
fn request_fields() -> Vec<(&'static str, Value)> {
    let upload = object(
        &[("filename", text()), ("type", text()), ("size", reference("size"))],
        &["filename", "size"],
    );
    vec![
        ("name", reference("name")),
        ("url", text()),
        ("query", map_of(&scalar())),
        ("headers", map_of(&scalar())),
        ("json", json!({})),
        ("form", map_of(&scalar())),
        ("multipart", map_of(&any_of(&[scalar(), upload]))),
        ("body", text()),
        ("bearer", text()),
        ("basic", object(&[("user", text()), ("password", text())], &["user", "password"])),
        ("check", reference("check")),
        ("capture", map_of(&reference("capture"))),
        ("session", text()),
        ("timeout", reference("duration")),
        ("follow_redirects", flag()),
        ("tags", one_or_many(&text())),
    ]
}

fn request_definitions() -> Definitions {
    let matcher = any_of(&[
        scalar(),
        object(&[("contains", text()), ("matches", text()), ("equals", json!({}))], &[]),
    ]);
    vec![
        ("request", object(&request_fields(), &["name", "url"])),
        (
            "check",
            object(
                &[
                    ("status", one_or_many(&json!({ "type": ["integer", "string"] }))),
                    ("time", json!({ "type": "string", "pattern": "^<", "examples": ["< 2s"] })),
                    ("size", json!({ "type": "string", "pattern": "^<", "examples": ["< 1 MiB"] })),
                    ("header", map_of(&reference("matcher"))),
                    ("json", map_of(&reference("matcher"))),
                    ("body", reference("matcher")),
                ],
                &[],
            ),
        ),
        ("matcher", matcher),
        (
            "capture",
            any_of(&[
                json!({ "type": "string", "pattern": r"^\$", "examples": ["$.token"] }),
                object(
                    &[
                        ("json", text()),
                        ("regex", text()),
                        ("header", text()),
                        ("cookie", text()),
                        ("default", json!({})),
                        ("secret", flag()),
                    ],
                    &[],
                ),
            ]),
        ),
    ]
}

fn slo_definitions() -> Definitions {
    let objective = object(
        &[
            ("target", reference("quantity")),
            ("max", reference("quantity")),
            ("min", reference("quantity")),
        ],
        &[],
    );
    let rows = map_of(&reference("objective"));
    let mut table = object(
        &[("scenarios", map_of(&rows)), ("steps", map_of(&rows)), ("tags", map_of(&rows))],
        &[],
    );
    table["additionalProperties"] = reference("objective");
    vec![("objective", objective), ("slo_table", table)]
}

pub(crate) fn object(fields: &[(&str, Value)], required: &[&str]) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let mut object = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

pub(crate) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{name}") })
}

pub(crate) fn map_of(value: &Value) -> Value {
    json!({ "type": "object", "additionalProperties": value })
}

pub(crate) fn list_of(item: &Value) -> Value {
    json!({ "type": "array", "items": item })
}

pub(crate) fn one_or_many(item: &Value) -> Value {
    any_of(&[item.clone(), list_of(item)])
}

pub(crate) fn any_of(choices: &[Value]) -> Value {
    json!({ "anyOf": choices })
}

pub(crate) fn words(known: &[&str]) -> Value {
    json!({ "enum": known })
}

fn described(schema: &Value, description: &str) -> Value {
    let mut schema = schema.clone();
    schema["description"] = json!(description);
    schema
}

pub(crate) fn text() -> Value {
    json!({ "type": "string" })
}

pub(crate) fn scalar() -> Value {
    json!({ "type": ["string", "number", "boolean"] })
}

pub(crate) fn number() -> Value {
    json!({ "type": "number", "minimum": 0 })
}

pub(crate) fn whole() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

pub(crate) fn flag() -> Value {
    json!({ "type": "boolean" })
}

#[cfg(test)]
mod tests;
