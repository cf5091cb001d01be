//! What a recording or collection sends is what its import sends.

use plimsoll::import::{Imported, har, openapi, postman};
use plimsoll::scenario::SourceId;
use serde_json::{Value, json};

use super::{checked, options};

/// A recording of these exchanges, a second apart.
fn recording(exchanges: &[Value]) -> Imported {
    let entries: Vec<Value> = exchanges
        .iter()
        .enumerate()
        .map(|(second, exchange)| {
            let mut entry = json!({ "startedDateTime": format!("2026-01-31T12:00:{second:02}Z"), "time": 10 });
            entry["request"] = exchange["request"].clone();
            entry["response"] = json!({ "status": 200, "headers": [], "content": { "mimeType": "application/json" } });
            if let Some(given) = exchange["response"].as_object() {
                given.iter().for_each(|(key, value)| entry["response"][key] = value.clone());
            }
            entry
        })
        .collect();
    let text = json!({ "log": { "entries": entries } }).to_string();
    let imported = har(&text, SourceId(0), &options("shop", "x.har")).expect("a recording");
    checked(&imported, "scenario.yaml");
    imported
}

fn request(method: &str, path: &str, more: &Value) -> Value {
    let mut request =
        json!({ "method": method, "url": format!("https://shop.test{path}"), "headers": [] });
    more.as_object().into_iter().flatten().for_each(|(key, value)| request[key] = value.clone());
    json!({ "request": request })
}

fn assert_has(imported: &Imported, lines: &[&str]) {
    for line in lines {
        assert!(imported.files[0].1.contains(line), "{line}\n{}", imported.files[0].1);
    }
}

#[test]
fn every_method_is_kept_but_what_browsers_ask_themselves() {
    let asks = json!({ "headers": [{ "name": "Access-Control-Request-Method", "value": "POST" }] });
    let search =
        json!({ "postData": { "mimeType": "application/json", "text": "{\"query\":{}}" } });
    let imported = recording(&[
        request("get", "/", &json!({})),
        request("PROPFIND", "/dav/", &json!({})),
        request("GET", "/_search", &search),
        request("OPTIONS", "/files/", &json!({})),
        request("OPTIONS", "/api", &asks),
        request("CONNECT", "/x", &json!({})),
    ]);
    assert_has(
        &imported,
        &[
            "get: { name: home",
            "request: { method: PROPFIND, name:",
            "request: { method: GET, name: search, url: /_search, json: { query: {} }",
            "options: { name:",
        ],
    );
    let notes = imported.notes.to_string();
    assert!(notes.contains("for CORS\n  OPTIONS https://shop.test/api"), "{notes}");
    assert!(notes.contains("no step sends CONNECT"), "{notes}");
}

#[test]
fn bodies_are_kept_whole_or_told() {
    let upload = "--b\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\ny --b\r\n--b--\r\n";
    let imported = recording(&[
        request("GET", "/", &json!({})),
        request(
            "POST",
            "/upload",
            &json!({ "postData": { "mimeType": "multipart/form-data; boundary=b", "text": upload } }),
        ),
        request(
            "POST",
            "/packed",
            &json!({ "postData": { "mimeType": "application/json", "text": "eyJh\r\nIjoxfQ==", "encoding": "base64" } }),
        ),
        request(
            "POST",
            "/filed",
            &json!({ "postData": { "mimeType": "application/json", "_file": "body.json" } }),
        ),
    ]);
    assert_has(&imported, &["multipart: { t: [x, y --b] }", "json: { a: 1 }"]);
    let notes = imported.notes.to_string();
    assert!(
        notes.contains("a file beside the recording") && notes.contains("body.json"),
        "{notes}"
    );
}

#[test]
fn tokens_with_entities_and_states_are_captured() {
    let page = json!({
        "content": { "mimeType": "text/html", "text": "<form><input name=\"csrf\" value=\"Zm9vYmFyMTIzNDU2Nzg5MA&amp;x\"></form>" },
        "headers": [{ "name": "ETag", "value": "\"9f8e7d6c5b4a3210\"" }],
    });
    let mut form = request("GET", "/login", &json!({}));
    form["response"] = page;
    let state = json!({ "headers": [{ "name": "If-Match", "value": "\"9f8e7d6c5b4a3210\"" }] });
    let posted = json!({ "postData": { "mimeType": "application/x-www-form-urlencoded", "text": "csrf=Zm9vYmFyMTIzNDU2Nzg5MA%26x" } });
    let imported =
        recording(&[form, request("POST", "/login", &posted), request("PUT", "/me", &state)]);
    assert_has(
        &imported,
        &[
            "unescape_html: true",
            "csrf: \"{{ csrf }}\"",
            "if-match: \"{{ etag }}\"",
            "header: etag",
        ],
    );
}

#[test]
fn collection_keeps_bodies_of_get_and_methods_of_its_own() {
    let item = |name: &str, method: &str| {
        let body = json!({ "mode": "raw", "raw": "{\"a\":1}", "options": { "raw": { "language": "json" } } });
        json!({ "name": name, "request": { "method": method, "url": "https://shop.test/x", "body": body } })
    };
    let text = json!({
        "info": { "name": "x", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json" },
        "item": [item("find", "GET"), item("ask", "QUERY")],
    })
    .to_string();
    let imported =
        postman(&text, None, SourceId(0), &options("shop", "x.json")).expect("a collection");
    checked(&imported, "scenario.yaml");
    assert_has(
        &imported,
        &[
            "request: { method: GET, name: find, url: /x, json: { a: 1 } }",
            "request: { method: QUERY, name: ask, url: /x, json: { a: 1 } }",
        ],
    );
}

#[test]
fn names_of_fields_that_look_like_templates_stand_for_themselves() {
    let form = json!({ "postData": { "mimeType": "application/x-www-form-urlencoded", "text": "%7B%7Bid%7D%7D=1&%24%7BX%7D=2" } });
    let imported = recording(&[request("GET", "/", &json!({})), request("POST", "/f", &form)]);
    assert_has(&imported, &["{{ '{' }}{id}{{ '}' }}", "{{ '$' }}{X}"]);
}

/// Of a description whose one operation takes such a body, what is sent.
fn body_of(schema: &Value, schemas: &Value) -> String {
    let text = json!({
        "openapi": "3.1.0",
        "info": { "title": "x", "version": "1" },
        "servers": [{ "url": "http://127.0.0.1:1" }],
        "components": { "schemas": schemas },
        "paths": { "/a": { "post": {
            "requestBody": { "content": { "application/json": { "schema": schema } } },
            "responses": { "200": { "description": "" } },
        } } },
    })
    .to_string();
    let imported = openapi(&text, SourceId(0), &options("shop", "x.json")).expect("a description");
    checked(&imported, "scenario.yaml");
    imported.files[0].1.clone()
}

#[test]
fn values_of_a_description_are_what_its_schemas_say() {
    let large = json!({ "type": "object", "required": ["id", "none"], "properties": {
        "id": { "type": "integer", "minimum": 9_007_199_254_740_993_i64 },
        "none": { "const": null },
    } });
    let sent = body_of(&large, &json!({}));
    assert!(sent.contains("json: { id: 9007199254740993, none: null }"), "{sent}");
    let schemas = json!({
        "Pet": { "type": "object", "required": ["kind"], "properties": { "kind": { "type": "string" } },
            "discriminator": { "propertyName": "kind", "mapping": { "cat": "#/components/schemas/Cat" } } },
        "Cat": { "allOf": [{ "$ref": "#/components/schemas/Pet" }, { "properties": { "lives": { "const": 9 } } }] },
        "Dog": { "allOf": [{ "$ref": "#/components/schemas/Pet" }] },
    });
    let cat = body_of(&json!({ "$ref": "#/components/schemas/Cat" }), &schemas);
    assert!(cat.contains("json: { kind: cat, lives: 9 }"), "{cat}");
    let dog = body_of(&json!({ "$ref": "#/components/schemas/Dog" }), &schemas);
    assert!(dog.contains("json: { kind: Dog }"), "{dog}");
}
