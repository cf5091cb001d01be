//! The JSON Schema of `simulation.yaml`, for editors.

use serde_json::{Value, json};

use crate::scenario::json_schema::{
    DIALECT, Definitions, any_of, definitions, flag, list_of, map_of, number, object, one_or_many,
    reference, scalar, shared_definitions, text, whole, words,
};

/// The schema of `simulation.yaml`.
pub fn simulation_schema() -> Value {
    let timeline = list_of(&reference("fault"));
    let mut root = object(
        &[
            ("name", reference("name")),
            ("tiers", map_of(&reference("tier"))),
            ("limits", map_of(&reference("limit"))),
            ("tokens", map_of(&object(&[("ttl", reference("duration"))], &["ttl"]))),
            ("faults", any_of(&[timeline.clone(), map_of(&timeline)])),
            (
                "every_route",
                object(&[("visits", reference("visits")), ("limits", one_or_many(&text()))], &[]),
            ),
            ("routes", list_of(&reference("route"))),
            ("headers", map_of(&scalar())),
            ("metrics", text()),
            ("trust_forwarded", flag()),
            ("gzip", flag()),
        ],
        &["name", "tiers", "routes"],
    );
    root["$schema"] = json!(DIALECT);
    root["title"] = json!("plimsoll simulation");
    root["definitions"] = definitions(&[
        shared_definitions(),
        tier_definitions(),
        fault_definitions(),
        route_definitions(),
        answer_definitions(),
    ]);
    root
}

fn tier_definitions() -> Definitions {
    let kinds = ["edge", "api", "db", "cache", "queue", "worker", "external"];
    let balancing = any_of(&[
        words(&["round_robin", "least_connections", "random"]),
        object(&[("sticky", text())], &["sticky"]),
    ]);
    let duration = reference("duration");
    let pool = object(&[("of", text()), ("size", whole()), ("idle", whole())], &["of", "size"]);
    let size = || reference("size");
    let cache = object(&[("memory", size()), ("entry", size())], &["memory", "entry"]);
    let failover = object(
        &[
            ("retry", flag()),
            ("detect", duration.clone()),
            ("back", duration.clone()),
            ("status", whole()),
        ],
        &[],
    );
    let trigger =
        |side| object(&[(side, reference("share")), ("for", duration.clone())], &[side, "for"]);
    let scale = object(
        &[
            ("min", whole()),
            ("max", whole()),
            ("out", trigger("above")),
            ("in", trigger("below")),
            ("delay", duration.clone()),
        ],
        &["min", "max", "out", "in"],
    );
    let mut fields = resources();
    fields.extend([
        ("kind", words(&kinds)),
        ("replicas", whole()),
        ("cores", any_of(&[whole(), words(&["unlimited"])])),
        ("balancing", balancing),
        ("backlog", whole()),
        ("pool", pool),
        ("cache", cache),
        ("failover", failover),
        ("scale", scale),
    ]);
    let tier = object(&fields, &["kind"]);
    let limit = object(
        &[
            ("rate", reference("rate")),
            ("burst", whole()),
            ("nodelay", flag()),
            ("requests", whole()),
            ("per", duration),
            ("status", whole()),
        ],
        &[],
    );
    vec![("tier", tier), ("limit", limit)]
}

/// What a tier may run out of, and what its standby does.
fn resources() -> Vec<(&'static str, Value)> {
    let size = || reference("size");
    let memory = [("base", size()), ("per_request", size()), ("limit", size())];
    let disk = [("size", size()), ("base", size()), ("per_visit", size())];
    let network = [("per_second", size()), ("per_visit", size())];
    let replication = [("delay", reference("duration")), ("catch_up", number())];
    vec![
        ("memory", object(&memory, &[])),
        ("disk", object(&disk, &["size"])),
        ("network", object(&network, &["per_second", "per_visit"])),
        ("replication", object(&replication, &["delay", "catch_up"])),
    ]
}

fn fault_definitions() -> Definitions {
    let duration = || reference("duration");
    let kill = object(&[("tier", text()), ("replica", whole())], &["tier", "replica"]);
    let slow = object(&[("tier", text()), ("factor", number())], &["tier", "factor"]);
    let errors = object(
        &[("tier", text()), ("share", reference("share")), ("status", whole())],
        &["tier", "share"],
    );
    let roll = object(
        &[("tier", text()), ("drain", duration()), ("restart", duration()), ("wait", duration())],
        &["tier", "restart"],
    );
    let fault = object(
        &[
            ("at", duration()),
            ("for", duration()),
            ("every", duration()),
            ("kill", kill),
            ("slow", slow),
            ("errors", errors),
            ("freeze", duration()),
            ("roll", roll),
            ("lag", object(&[("tier", text())], &["tier"])),
        ],
        &["at"],
    );
    vec![("fault", fault)]
}

fn route_definitions() -> Definitions {
    let lognormal = object(&[("mean", reference("duration")), ("cv", number())], &["mean", "cv"]);
    let law = any_of(&[
        json!({ "type": "string", "examples": ["5ms", "200ms..400ms"] }),
        object(&[("exponential", reference("duration")), ("lognormal", lognormal)], &[]),
    ]);
    let cached = object(
        &[("in", text()), ("ttl", reference("duration")), ("miss", reference("visits"))],
        &["in", "ttl", "miss"],
    );
    let mut visit = object(&[("cached", cached), ("pause", reference("law"))], &[]);
    visit["additionalProperties"] = reference("law");
    let auth = any_of(&[
        words(&["bearer"]),
        object(
            &[
                ("token", text()),
                ("bearer", flag()),
                ("cookie", text()),
                ("query", text()),
                ("status", whole()),
            ],
            &[],
        ),
    ]);
    let issue = object(&[("token", text()), ("subject", text()), ("cookie", text())], &[]);
    let background = object(&[("visits", reference("visits")), ("then", json!({}))], &[]);
    let methods = ["get", "post", "put", "patch", "delete", "head"];
    let mut fields: Vec<(&str, Value)> = methods.iter().map(|method| (*method, text())).collect();
    fields.extend([
        ("bare", flag()),
        ("limits", one_or_many(&text())),
        ("visits", reference("visits")),
        ("auth", auth),
        ("require", one_or_many(&text())),
        ("key", text()),
        ("find", text()),
        ("create", text()),
        ("change", json!({})),
        ("issue", issue),
        ("background", background),
        ("answer", reference("answer")),
    ]);
    vec![("law", law), ("visits", list_of(&visit)), ("route", object(&fields, &[]))]
}

fn answer_definitions() -> Definitions {
    let events = object(
        &[("count", whole()), ("every", reference("law")), ("data", json!({})), ("end", json!({}))],
        &["count", "data"],
    );
    let push = object(&[("every", reference("law")), ("data", json!({}))], &["every", "data"]);
    let websocket =
        object(&[("reply", json!({})), ("push", push), ("ping", reference("duration"))], &[]);
    let answer = object(
        &[
            ("status", whole()),
            ("headers", map_of(&scalar())),
            ("type", text()),
            ("redirect", text()),
            ("json", json!({})),
            ("text", text()),
            ("html", text()),
            ("bytes", reference("size")),
            ("events", events),
            ("websocket", websocket),
        ],
        &[],
    );
    vec![("answer", answer)]
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::scenario::{ProblemKind, SourceId};
    use crate::simulator::Simulation;

    fn known_to_reader() -> BTreeMap<&'static str, BTreeSet<String>> {
        let text = include_str!("../../tests/schema/every_place_of_a_simulation.yaml");
        let problems = Simulation::parse(text, SourceId(0)).expect_err("unknown fields everywhere");
        let mut places: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for problem in problems {
            if let ProblemKind::UnknownField { place, known, .. } = problem.kind {
                places.entry(place).or_default().extend(known.into_iter().map(str::to_owned));
            }
        }
        places
    }

    #[test]
    fn reader_and_schema_know_the_same_fields() {
        const TIER: &str = "/definitions/tier/properties";
        let schema = simulation_schema();
        let reader = known_to_reader();
        let places = [
            ("a simulation", String::new()),
            ("a token", "/properties/tokens/additionalProperties".into()),
            ("what every route does", "/properties/every_route".into()),
            ("a tier", "/definitions/tier".into()),
            ("a way of balancing", format!("{TIER}/balancing/anyOf/1")),
            ("a pool", format!("{TIER}/pool")),
            ("a cache", format!("{TIER}/cache")),
            ("the memory of a tier", format!("{TIER}/memory")),
            ("the disk of a tier", format!("{TIER}/disk")),
            ("the network of a tier", format!("{TIER}/network")),
            ("the replication of a tier", format!("{TIER}/replication")),
            ("a failover", format!("{TIER}/failover")),
            ("a scaler", format!("{TIER}/scale")),
            ("a limit", "/definitions/limit".into()),
            ("a fault", "/definitions/fault".into()),
            ("a `kill`", "/definitions/fault/properties/kill".into()),
            ("a `slow`", "/definitions/fault/properties/slow".into()),
            ("an `errors`", "/definitions/fault/properties/errors".into()),
            ("a `roll`", "/definitions/fault/properties/roll".into()),
            ("a `lag`", "/definitions/fault/properties/lag".into()),
            ("a route", "/definitions/route".into()),
            ("`bearer` or where a token is", "/definitions/route/properties/auth/anyOf/1".into()),
            ("an `issue`", "/definitions/route/properties/issue".into()),
            ("background work", "/definitions/route/properties/background".into()),
            ("a service time", "/definitions/law/anyOf/1".into()),
            ("a lognormal law", "/definitions/law/anyOf/1/properties/lognormal".into()),
            ("a cached visit", "/definitions/visits/items/properties/cached".into()),
            ("an answer", "/definitions/answer".into()),
            ("a stream of events", "/definitions/answer/properties/events".into()),
            ("a websocket", "/definitions/answer/properties/websocket".into()),
            ("a `push`", "/definitions/answer/properties/websocket/properties/push".into()),
        ];
        for (place, pointer) in &places {
            let known = reader.get(place).unwrap_or_else(|| panic!("nothing unknown in {place}"));
            let node = schema.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}"));
            let properties = node["properties"].as_object().unwrap_or_else(|| panic!("{pointer}"));
            let told: BTreeSet<String> = properties.keys().cloned().collect();
            assert_eq!(*known, told, "{place}");
        }
        // The two sides of the scaler have a place in common.
        let sides = [("out", "above"), ("in", "below")].map(|(way, side)| {
            let node = &schema["definitions"]["tier"]["properties"]["scale"]["properties"][way];
            node["properties"][side].is_object()
        });
        assert_eq!(sides, [true, true]);
        let listed: BTreeSet<&str> =
            places.iter().map(|(place, _)| *place).chain(["a trigger of the scaler"]).collect();
        let all: BTreeSet<&str> = reader.keys().copied().collect();
        assert_eq!(all, listed, "a place is not compared with the schema");
    }
}
