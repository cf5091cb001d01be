//! Bodies that are made from schemas fit them: each is rendered as a run would send it, and judged by another
//! implementation of JSON Schema.

use std::sync::Arc;

use boon::{Compiler, Draft, Schemas};
use minijinja::Value as TemplateValue;
use plimsoll::import::openapi;
use plimsoll::plan::{Body, CaptureSlot, Plan, RenderError, ScopeValues, TemplateScope, Variables};
use plimsoll::scenario::SourceId;
use plimsoll::units::{RandomStream, RunTime, Seed};
use serde_json::{Map, Value, json};

use super::{checked, input, options};

/// How many bodies are made from each schema.
const DRAWS: u64 = 5;

/// A user without rows and captured values, whose chance is the draw's.
struct Nobody<'p> {
    plan: &'p Plan,
    draw: u64,
}

impl Variables for Nobody<'_> {
    fn slot(&self, _: CaptureSlot) -> Option<&TemplateValue> {
        None
    }
    fn deal(&mut self, _: u16) -> Result<(), RenderError> {
        Ok(())
    }
    fn cell(&self, _: u16, _: u16) -> Option<&TemplateValue> {
        None
    }
    fn scope(&self) -> TemplateScope {
        let names = Arc::new(self.plan.templates.names().clone());
        let chance = Seed::new(1).stream(RandomStream::Iteration, self.draw);
        let (slots, rows, now) = (vec![], vec![], RunTime::ZERO);
        let values = ScopeValues { slots, rows, vu: self.draw, iteration: self.draw, now };
        TemplateScope::new(names, values, chance)
    }
    fn set_chance(&mut self, _: rand_pcg::Pcg64Mcg) {}
}

/// A description with a request for each schema, named as the schema is.
fn description(schemas: &Map<String, Value>) -> Value {
    let paths: Map<String, Value> = schemas
        .keys()
        .map(|name| {
            let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
            let body = json!({ "content": { "application/json": { "schema": schema } } });
            let operation =
                json!({ "operationId": name, "requestBody": body, "responses": { "200": {} } });
            (format!("/{name}"), json!({ "post": operation }))
        })
        .collect();
    json!({ "openapi": "3.1.0", "paths": paths, "components": { "schemas": schemas } })
}

/// What a run would send, by the name of the schema in the path.
fn bodies(plan: &Plan, draw: u64) -> Vec<(String, String)> {
    let rendered = |template: &plimsoll::plan::Template| {
        let mut out = vec![];
        template.render(&mut Nobody { plan, draw }, &mut out).expect("it renders");
        String::from_utf8(out).expect("UTF-8")
    };
    plan.requests
        .iter()
        .map(|request| {
            let Body::Text(body) = &request.body else { return (String::new(), String::new()) };
            (
                rendered(&request.url).rsplit('/').next().unwrap_or_default().to_owned(),
                rendered(body),
            )
        })
        .collect()
}

/// Goal: prove that at least 97 of 100 bodies are valid by their own schema.
#[test]
fn bodies_are_valid_by_their_schemas() {
    let schemas: Map<String, Value> =
        serde_json::from_str(&input("schemas.json")).expect("the corpus");
    let document = description(&schemas);
    let imported = openapi(&document.to_string(), SourceId(0), &options("api", "api.json"));
    let plan = checked(&imported.expect("a description"), "scenario.yaml");
    let (mut compiler, mut known) = (Compiler::new(), Schemas::new());
    compiler.set_default_draft(Draft::V2020_12);
    compiler.enable_format_assertions();
    compiler.add_resource("http://corpus/api.json", document).expect("a resource");
    let (mut count, mut wrong) = (0, vec![]);
    for draw in 0..DRAWS {
        for (name, body) in bodies(&plan, draw) {
            let at = format!("http://corpus/api.json#/components/schemas/{name}");
            let schema = compiler.compile(&at, &mut known).expect(&name);
            let value: Value = serde_json::from_str(&body).expect(&body);
            count += 1;
            if let Err(error) = known.validate(&value, schema) {
                wrong.push(format!("{name}: {body}\n{error}"));
            }
        }
    }
    assert_eq!(count, schemas.len() * DRAWS as usize, "a schema was left out");
    assert!(count >= 200, "only {count} bodies");
    assert!(wrong.len() * 100 <= count * 3, "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
