//! What a recording or collection sends is what its import sends.

use plimsoll::import::{Imported, har, jmx, openapi, postman};
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

/// What a collection becomes: a scenario without a problem.
fn collected(text: &str) -> Imported {
    let imported =
        postman(text, None, SourceId(0), &options("shop", "x.json")).expect("a collection");
    checked(&imported, "scenario.yaml");
    imported
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
    let imported = collected(&text);
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

/// An exchange whose answer is this JSON.
fn answered(mut exchange: Value, answer: &Value) -> Value {
    let text = answer.to_string();
    exchange["response"] = json!({ "content": { "mimeType": "application/json", "text": text } });
    exchange
}

fn sending(method: &str, path: &str, body: &Value) -> Value {
    let data = json!({ "mimeType": "application/json", "text": body.to_string() });
    request(method, path, &json!({ "postData": data }))
}

/// Goal: prove that a number is taken for an id where its key and its place say so, told where only its place may, and left
/// where it was sent before any answer had it.
#[test]
fn numbers_are_captured_by_evidence_and_told_without() {
    let cart = || answered(sending("POST", "/api/carts", &json!({})), &json!({ "cart": 4711 }));
    let found = recording(&[
        cart(),
        answered(request("GET", "/api/carts/4711", &json!({})), &json!({ "total": 1999 })),
        sending("POST", "/api/pay", &json!({ "cartId": 4711, "amount": 1999 })),
        request("GET", "/api/things/4711", &json!({})),
    ]);
    assert_has(
        &found,
        &[
            "capture: { cart: $.cart }",
            "url: \"/api/carts/{{ cart }}\"",
            "json: { cartId: \"{{ cart }}\", amount: 1999 }",
            "url: /api/things/4711",
        ],
    );
    let notes = found.notes.to_string();
    assert!(notes.contains("may be an id") && notes.contains("4711 in `/things/…`"), "{notes}");
    let typed = recording(&[
        request("GET", "/api/carts/4711", &json!({})),
        cart(),
        request("GET", "/api/carts/4711", &json!({})),
    ]);
    assert!(!typed.files[0].1.contains("capture"), "{}", typed.files[0].1);
}

#[test]
fn ids_inside_of_wrappers_belong_to_what_was_asked_for() {
    let products = json!({ "data": [{ "type": "products", "id": "5501" }, { "type": "products", "id": "5502" }] });
    let edges = json!({ "data": { "viewer": { "id": "VXNlcjox" } } });
    let found = recording(&[
        answered(request("GET", "/api/products", &json!({})), &products),
        request("GET", "/api/products/5502", &json!({})),
        answered(sending("POST", "/graphql", &json!({ "query": "{ viewer { id } }" })), &edges),
        sending(
            "POST",
            "/graphql",
            &json!({ "query": "query N($id: ID!) { node(id: $id) { id } }", "variables": { "id": "VXNlcjox" } }),
        ),
    ]);
    assert_has(
        &found,
        &[
            "capture: { product_id: \"$.data[1].id\" }",
            "/api/products/{{ product_id }}",
            "{ viewer_id: $.data.viewer.id }",
            "variables: { id: \"{{ viewer_id }}\" }",
        ],
    );
}

/// Goal: prove that the body of a plan keeps its types: variables in quotes are texts, those without are what they say.
#[test]
fn variables_in_bodies_keep_their_types() {
    let raw = |name: &str, body: &str| {
        let body =
            json!({ "mode": "raw", "raw": body, "options": { "raw": { "language": "json" } } });
        json!({ "name": name, "request": { "method": "POST", "url": "{{host}}:{{port}}/x", "body": body } })
    };
    let login = json!({
        "name": "login",
        "request": { "method": "POST", "url": "https://shop.test/login" },
        "event": [{ "listen": "test", "script": { "exec": ["pm.environment.set('cart', pm.response.json().cart)"] } }],
    });
    let form = json!({ "mode": "urlencoded", "urlencoded": [{ "key": "a", "value": "1" }, { "key": "a", "value": "2" }] });
    let files = json!({ "mode": "formdata", "formdata": [{ "key": "f", "type": "file", "src": ["/x/a.txt", "/x/b.txt"] }] });
    let sign = json!({ "type": "awsv4", "awsv4": [
        { "key": "accessKey", "value": "AKIDEXAMPLE" }, { "key": "secretKey", "value": "x1" },
        { "key": "region", "value": "eu-west-1" }, { "key": "service", "value": "s3" },
    ] });
    let post = |name: &str, body: &Value| json!({ "name": name, "request": { "method": "POST", "url": "https://shop.test/y", "body": body } });
    let text = json!({
        "info": { "name": "x", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json" },
        "variable": [{ "key": "page", "value": "3" }],
        "item": [
            login,
            raw("typed", "{ \"n\": {{page}}, \"t\": \"{{page}}\", /* why */ \"u\": \"{{$randomInt}}\", \"b\": {{$randomBoolean}} } // end"),
            raw("quoted", "{ \"cart\": \"{{cart}}\" }"),
            raw("bare", "{ \"cart\": {{cart}} }"),
            post("form", &form),
            post("files", &files),
            json!({ "name": "signed", "request": { "method": "GET", "url": "https://shop.test/z", "auth": sign } }),
        ],
    })
    .to_string();
    let imported = collected(&text);
    assert_has(
        &imported,
        &[
            "url: /x",
            "\"n\": 3, t: \"3\", u: \"{{ rand(0, 1000) | string }}\", b: \"{{ pick([true, false]) }}\"",
            "json: { cart: \"{{ cart | string }}\" }",
            "json: { cart: \"{{ cart }}\" }",
            "content-type: application/x-www-form-urlencoded",
            "f: [{ filename: a.txt, size: 1000 B }, { filename: b.txt, size: 1000 B }]",
            "service: s3",
            "secret_key: ${SHOP_SECRET_KEY:-change-me}",
        ],
    );
}

/// Goal: prove that a body goes out as its tool sends it where nobody knows whether a variable without quotes is a number.
#[test]
fn cells_without_quotes_go_into_json_as_they_are() {
    let argument = |name: &str, value: &str| {
        format!(
            "<elementProp name=\"{name}\" elementType=\"HTTPArgument\"><stringProp name=\"Argument.name\">{name}</stringProp>\
             <stringProp name=\"Argument.value\">{value}</stringProp></elementProp>"
        )
    };
    let sampler = |name: &str, raw: bool, arguments: &str| {
        format!(
            "<HTTPSamplerProxy testname=\"{name}\" enabled=\"true\"><boolProp name=\"HTTPSampler.postBodyRaw\">{raw}</boolProp>\
             <elementProp name=\"HTTPsampler.Arguments\" elementType=\"Arguments\"><collectionProp name=\"Arguments.arguments\">\
             {arguments}</collectionProp></elementProp><stringProp name=\"HTTPSampler.domain\">shop.test</stringProp>\
             <stringProp name=\"HTTPSampler.path\">/x</stringProp><stringProp name=\"HTTPSampler.method\">POST</stringProp>\
             </HTTPSamplerProxy><hashTree/>"
        )
    };
    let samplers = [
        sampler(
            "bare",
            true,
            &argument("", "{&quot;n&quot;: ${n}, &quot;s&quot;: &quot;${n}&quot;}"),
        ),
        sampler("quoted", true, &argument("", "{&quot;s&quot;: &quot;${n}&quot;}")),
        sampler("form", false, &(argument("a", "1") + &argument("a", "${n}"))),
    ];
    let text = format!(
        "<jmeterTestPlan><hashTree><TestPlan testname=\"p\" enabled=\"true\"/><hashTree>\
         <CSVDataSet testname=\"c\" enabled=\"true\"><stringProp name=\"filename\">rows.csv</stringProp>\
         <stringProp name=\"variableNames\">n</stringProp></CSVDataSet><hashTree/>\
         <ThreadGroup testname=\"g\" enabled=\"true\"><stringProp name=\"ThreadGroup.num_threads\">1</stringProp></ThreadGroup>\
         <hashTree>{}</hashTree></hashTree></hashTree></jmeterTestPlan>",
        samplers.concat()
    );
    let mut read = |_: &str| Some("7\n".to_owned());
    let imported = jmx(&text, SourceId(0), &options("shop", "x.jmx"), &mut read).expect("a plan");
    checked(&imported, "scenario.yaml");
    assert_has(
        &imported,
        &[
            "body: \"{\\\"n\\\": {{ rows.n }}, \\\"s\\\": \\\"{{ rows.n }}\\\"}\"",
            "content-type: application/json",
            "json: { s: \"{{ rows.n }}\" }",
            "content-type: application/x-www-form-urlencoded",
        ],
    );
}
