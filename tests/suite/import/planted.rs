//! Secrets of every kind, planted in every place of every format that can be imported: none of them is in what is
//! written or told.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use plimsoll::import::{Imported, access_log, har, jmx, k6, openapi, postman};
use plimsoll::scenario::SourceId;
use serde_json::{Value, json};

use super::{checked, options};

/// A secret of each kind, with the key under which it is found in the wild.
const SECRETS: [(&str, &str); 20] = [
    ("password", "correct-horse-7-battery"),
    ("pass", "tr0ub4dor-and-3"),
    ("passcode", "918273"),
    ("pwd", "Winter2026!x"),
    ("session_id", "5f3c9a71e0b24d66"),
    ("sid", "q1w2e3r4t5z6"),
    ("PHPSESSID", "el4ukv0kqbvoirg7nkp4dncpk3"),
    ("SAMLResponse", "PHNhbWxwOlJlc3BvbnNlIHhtbG5zOnNhbWxwPQ8"),
    ("code", "SplxlOBeZQQYbYS6WxSbIA"),
    ("state", "af0ifjsldkj7"),
    ("card_number", "4242424242424242"),
    ("cvc", "7391"),
    ("access_token", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLW9mLWFkYQ"),
    ("refresh_token", "1//0gLu8uV9k3mZ2CgYIARAAGBASNwF"),
    ("api_key", "sk_live_EXAMPLE0key0of0nobody"),
    ("client_secret", "GOCSPX-28aZ0w7Yb3Rt"),
    ("csrf_token", "kN3vT9pQ2xL7"),
    ("otp", "483920"),
    // Opaque, under keys that say nothing.
    ("ref", "q7Zp2LmX9vB4tR8sK1wY"),
    ("x", "dGhpcyBpcyBhIHNlY3JldCBrZXkgMTIz"),
];

/// What is in a path, or would be: tokens without a key.
const OPAQUE: &str = "q7Zp2LmX9vB4tR8sK1wY";

/// A word that is no secret, beside each secret: an import that wrote nothing would pass as well.
const PLAIN: &str = "plainword";

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Fails where a secret is in any output, as it is or encoded.
fn assert_hidden(format: &str, imported: &Imported) {
    let mut written = imported.notes.to_string();
    for (name, text) in &imported.files {
        let _ = write!(written, "\n{name}\n{text}");
    }
    for (key, value) in SECRETS {
        for shape in [value.to_owned(), encoded(value), BASE64_STANDARD.encode(value)] {
            let line = written.lines().find(|line| line.contains(&shape));
            assert_eq!(line, None, "{format}: `{key}` is written");
        }
    }
    assert!(written.contains(PLAIN), "{format}: nothing was imported\n{written}");
}

/// A large body, deep inside which the secret stands.
fn large_json(key: &str, value: &str) -> String {
    let filler: Vec<Value> = (0..150)
        .map(|n| json!({ "name": format!("thing {n}"), "count": n, "open": true }))
        .collect();
    json!({ "list": filler, "data": { "form": [{ key: value, "word": PLAIN }] } }).to_string()
}

fn large_xml(key: &str, value: &str) -> String {
    let filler = "<thing><name>a name</name></thing>".repeat(200);
    format!("<order>{filler}<login><word>{PLAIN}</word><{key}>{value}</{key}></login></order>")
}

/// Bodies with a secret inside, each with its type.
fn bodies(key: &str, value: &str) -> Vec<(&'static str, String)> {
    let form = format!("word={PLAIN}&{}={}", encoded(key), encoded(value));
    vec![
        ("application/json", json!({ "word": PLAIN, key: value }).to_string()),
        ("application/json", json!({ "a": { "b": [{ "word": PLAIN, key: value }] } }).to_string()),
        ("application/json", json!({ "inner": json!({ key: value }).to_string() }).to_string()),
        ("application/json", large_json(key, value)),
        ("application/x-www-form-urlencoded", form.clone()),
        ("text/plain", form),
        ("text/plain", format!("word: {PLAIN}\n{key}: {value}\n")),
        ("text/plain;charset=UTF-8", json!({ "word": PLAIN, key: value }).to_string()),
        ("application/xml", large_xml(key, value)),
        ("text/xml", format!("<login {key}=\"{value}\" word=\"{PLAIN}\"/>")),
    ]
}

// -------------------------------------------------------------------------------------------------- recordings

/// One request of a recording.
fn entry(number: usize, request: &Value) -> Value {
    json!({
        "startedDateTime": format!("2026-01-31T12:{:02}:{:02}.000Z", number / 60 % 60, number % 60),
        "time": 10,
        "_resourceType": "fetch",
        "request": request,
        "response": { "status": 200, "headers": [], "content": { "mimeType": "text/plain", "text": "ok" } },
    })
}

fn pair(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": value })
}

/// Every secret in every place of a request, and what a recording has besides.
fn recording() -> String {
    let mut entries = vec![];
    let add = |entries: &mut Vec<Value>, request: Value| {
        let number = entries.len();
        entries.push(entry(number, &request));
    };
    let site = "https://shop.example.com";
    add(&mut entries, json!({ "method": "GET", "url": format!("{site}/{PLAIN}"), "headers": [] }));
    for (key, value) in SECRETS {
        for (kind, text) in bodies(key, value) {
            add(
                &mut entries,
                json!({
                    "method": "POST", "url": format!("{site}/login"), "headers": [pair("content-type", kind)],
                    "postData": { "mimeType": kind, "text": text },
                }),
            );
        }
        let part = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"{key}\"\r\n\r\n{value}\r\n--edge--\r\n"
        );
        add(
            &mut entries,
            json!({
                "method": "POST", "url": format!("{site}/upload"), "headers": [],
                "postData": { "mimeType": "multipart/form-data; boundary=edge", "text": part },
            }),
        );
        add(
            &mut entries,
            json!({
                "method": "GET", "url": format!("{site}/find?{}={}", encoded(key), encoded(value)),
                "headers": [pair(&format!("x-{}", key.replace('_', "-")), value), pair("cookie", &format!("{key}={value}"))],
            }),
        );
    }
    for (user, password) in
        [("ada.lovelace", "correct-horse-7-battery"), ("sk_live_EXAMPLE0key0of0nobody", "")]
    {
        let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
        add(
            &mut entries,
            json!({
                "method": "GET", "url": format!("{site}/me"), "headers": [pair("authorization", &basic)],
            }),
        );
    }
    for before in ["reset", "invite", "verify", "t"] {
        add(
            &mut entries,
            json!({ "method": "GET", "url": format!("{site}/{before}/{OPAQUE}"), "headers": [] }),
        );
    }
    add(
        &mut entries,
        json!({
            "method": "GET", "url": "https://ada:tr0ub4dor-and-3@shop.example.com/inside", "headers": [],
        }),
    );
    let mut socket =
        entry(59, &json!({ "method": "GET", "url": "wss://shop.example.com/live", "headers": [] }));
    let messages = SECRETS.into_iter().flat_map(|(key, value)| {
        [json!({ key: value, "word": PLAIN }).to_string(), format!("auth {key}={value}")]
    });
    socket["_resourceType"] = json!("websocket");
    socket["response"]["status"] = json!(101);
    socket["_webSocketMessages"] = messages
        .map(|text| json!({ "type": "send", "opcode": 1, "time": 1.0, "data": text }))
        .collect();
    entries.push(socket);
    json!({ "log": { "entries": entries } }).to_string()
}

#[test]
fn no_secret_of_a_recording_is_written() {
    let imported =
        har(&recording(), SourceId(0), &options("shop", "shop.har")).expect("a recording");
    checked(&imported, "scenario.yaml");
    assert_hidden("HAR", &imported);
    let scenario = &imported.files[0].1;
    assert!(!scenario.contains("ada.lovelace"), "the user of a basic authorization is written");
    assert!(scenario.contains("${SHOP_PASSWORD"), "no variable took a secret's place");
}

// ------------------------------------------------------------------------------------------------- access logs

#[test]
fn no_secret_of_an_access_log_is_written() {
    let mut paths = vec![format!("/{PLAIN}?page=1")];
    for (key, value) in SECRETS {
        let query = format!("{}={}", encoded(key), encoded(value));
        paths.push(format!("/find?page=2&{query}"));
        paths.push(format!("/find?{query}&page=3"));
    }
    for before in ["reset", "invite", "verify", "t"] {
        paths.push(format!("/{before}/{OPAQUE}"));
    }
    let combined = |(at, path): (usize, &String)| {
        format!(
            "192.0.2.1 - {} [31/Jan/2026:12:{:02}:{:02} +0000] \"GET {path} HTTP/1.1\" 200 10 \"https://shop.example/?password=correct-horse-7-battery\" \"curl\"",
            SECRETS[1].1,
            at / 60 % 60,
            at % 60,
        )
    };
    let as_json = |(at, path): (usize, &String)| {
        json!({
            "time_iso8601": format!("2026-01-31T12:{:02}:{:02}+00:00", at / 60 % 60, at % 60),
            "request": format!("GET {path} HTTP/1.1"), "status": 200, "body_bytes_sent": 10,
            "remote_addr": "192.0.2.1", "http_authorization": "Bearer q7Zp2LmX9vB4tR8sK1wY",
        })
        .to_string()
    };
    let lines: [Vec<String>; 2] = [
        paths.iter().enumerate().map(combined).collect(),
        paths.iter().enumerate().map(as_json).collect(),
    ];
    for (format, lines) in [("combined", &lines[0]), ("JSON", &lines[1])] {
        let mut wanted = options("shop", "access.log");
        wanted.replay = Some(plimsoll::units::Ratio::new(1.0));
        let imported = access_log(&lines.join("\n"), SourceId(0), &wanted).expect("a log");
        checked(&imported, "scenario.yaml");
        checked(&imported, "replay.yaml");
        assert_hidden(&format!("log, {format}"), &imported);
    }
}

// ------------------------------------------------------------------------------------------------- descriptions

#[test]
fn no_secret_of_a_description_is_written() {
    let mut paths = serde_json::Map::new();
    paths.insert(format!("/{PLAIN}"), json!({ "get": { "responses": { "200": {} } } }));
    for (number, (key, value)) in SECRETS.into_iter().enumerate() {
        let parameter = |place: &str| json!({ "name": key, "in": place, "required": true, "example": value, "schema": { "type": "string" } });
        let property = |how: &str| json!({ "schema": { "type": "object", "properties": { key: { "type": "string", how: value } } } });
        paths.insert(format!("/in/query/{number}"), json!({
            "get": { "summary": format!("sends {key}={value}"), "parameters": [parameter("query"), parameter("header"), parameter("cookie")] },
        }));
        paths.insert(
            format!("/in/path/{number}/{{{key}}}"),
            json!({ "get": { "parameters": [parameter("path")] } }),
        );
        let kinds = [
            ("application/json", json!({ "example": { "word": PLAIN, "deep": [{ key: value }] } })),
            ("application/json", property("example")),
            ("application/json", property("default")),
            ("application/x-www-form-urlencoded", property("example")),
            ("multipart/form-data", property("example")),
            ("text/plain", json!({ "example": format!("{key}={value}") })),
        ];
        for (at, (kind, media)) in kinds.into_iter().enumerate() {
            paths.insert(
                format!("/in/body/{number}/{at}"),
                json!({
                    "post": { "requestBody": { "content": { kind: media } } },
                }),
            );
        }
    }
    let text = json!({
        "openapi": "3.0.3",
        "servers": [{ "url": "https://ada:tr0ub4dor-and-3@shop.example.com/v1" }],
        "paths": paths,
    });
    let imported = openapi(&text.to_string(), SourceId(0), &options("shop", "shop.json"))
        .expect("a description");
    checked(&imported, "scenario.yaml");
    assert_hidden("OpenAPI", &imported);
}

// -------------------------------------------------------------------------------------------- plans of other tools

#[test]
fn no_secret_of_a_collection_is_written() {
    let mut items = vec![
        json!({ "name": PLAIN, "request": { "method": "GET", "url": format!("https://shop.example.com/{PLAIN}") } }),
    ];
    let mut variables = vec![];
    for (number, (key, value)) in SECRETS.into_iter().enumerate() {
        variables.push(json!({ "key": format!("{key}{number}"), "value": value }));
        let url = format!("https://shop.example.com/find/{number}?{key}={value}");
        items.push(json!({
            "name": format!("find {number}"),
            "event": [{ "listen": "prerequest", "script": { "exec": [format!("pm.variables.set('{key}', '{value}');")] } }],
            "request": {
                "method": "GET", "description": format!("asks with {key}={value}"),
                "header": [{ "key": format!("X-{key}"), "value": value }, { "key": "Cookie", "value": format!("{key}={value}") }],
                "url": { "raw": url, "host": ["https://shop.example.com"], "path": ["find", number.to_string()], "query": [{ "key": key, "value": value }] },
            },
        }));
        for (kind, text) in bodies(key, value) {
            items.push(json!({ "name": format!("post {number}"), "request": {
                "method": "POST", "url": "https://shop.example.com/login",
                "header": [{ "key": "Content-Type", "value": kind }], "body": { "mode": "raw", "raw": text },
            } }));
        }
        for mode in ["urlencoded", "formdata"] {
            items.push(json!({ "name": format!("{mode} {number}"), "request": {
                "method": "POST", "url": "https://shop.example.com/login",
                "body": { "mode": mode, mode: [{ "key": key, "value": value, "type": "text" }] },
            } }));
        }
        let auth = [
            json!({ "type": "basic", "basic": [{ "key": "username", "value": value }, { "key": "password", "value": value }] }),
            json!({ "type": "bearer", "bearer": [{ "key": "token", "value": value }] }),
            json!({ "type": "apikey", "apikey": [{ "key": "key", "value": "X-Who" }, { "key": "value", "value": value }, { "key": "in", "value": "header" }] }),
        ];
        for auth in auth {
            items.push(json!({ "name": format!("auth {number}"), "request": {
                "method": "GET", "url": "https://shop.example.com/me", "auth": auth,
            } }));
        }
        items.push(json!({ "name": format!("variable {number}"), "request": {
            "method": "GET", "url": format!("https://shop.example.com/v?{key}={{{{{key}{number}}}}}"),
        } }));
    }
    let number_as_number =
        json!({ "word": PLAIN, "card": { "number": 4_242_424_242_424_242_u64 }, "cvc": 7391 });
    items.push(json!({ "name": "pay", "request": {
        "method": "POST", "url": "https://shop.example.com/pay",
        "body": { "mode": "raw", "raw": number_as_number.to_string() },
    } }));
    let text = json!({
        "info": { "name": "Shop", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json" },
        "variable": variables,
        "item": items,
    });
    let imported = postman(&text.to_string(), None, SourceId(0), &options("shop", "shop.json"));
    let imported = imported.expect("a collection");
    checked(&imported, "scenario.yaml");
    assert_hidden("Postman", &imported);
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// An element of a list of arguments or headers.
fn property(kind: &str, name: &str, value: &str) -> String {
    let (prefix, value) = (if kind == "Header" { "Header" } else { "Argument" }, escaped(value));
    format!(
        "<elementProp name=\"{name}\" elementType=\"{kind}\"><stringProp name=\"{prefix}.name\">{name}</stringProp>\
         <stringProp name=\"{prefix}.value\">{value}</stringProp></elementProp>"
    )
}

fn sampler(name: &str, method: &str, inside: &str, below: &str) -> String {
    format!(
        "<HTTPSamplerProxy testclass=\"HTTPSamplerProxy\" testname=\"{name}\" enabled=\"true\">{inside}\
         <stringProp name=\"HTTPSampler.domain\">shop.example.com</stringProp><stringProp name=\"HTTPSampler.protocol\">https</stringProp>\
         <stringProp name=\"HTTPSampler.path\">/{PLAIN}</stringProp><stringProp name=\"HTTPSampler.method\">{method}</stringProp>\
         </HTTPSamplerProxy><hashTree>{below}</hashTree>"
    )
}

fn arguments(list: &str) -> String {
    format!(
        "<elementProp name=\"HTTPsampler.Arguments\" elementType=\"Arguments\"><collectionProp name=\"Arguments.arguments\">{list}</collectionProp></elementProp>"
    )
}

#[test]
fn no_secret_of_a_test_plan_is_written() {
    let (mut samplers, mut variables) = (String::new(), String::new());
    for (key, value) in SECRETS {
        variables.push_str(&property("Argument", &format!("my_{key}"), value));
        let list = property("HTTPArgument", key, value);
        let header = format!(
            "<HeaderManager testclass=\"HeaderManager\" testname=\"h\" enabled=\"true\"><collectionProp name=\"HeaderManager.headers\">{}{}</collectionProp></HeaderManager><hashTree/>",
            property("Header", &format!("X-{key}"), value),
            property("Header", "Cookie", &format!("{key}={value}")),
        );
        samplers.push_str(&sampler("find", "GET", &arguments(&list), &header));
        samplers.push_str(&sampler("form", "POST", &arguments(&list), ""));
        samplers.push_str(&sampler(
            "variable",
            "GET",
            &arguments(&property("HTTPArgument", "v", &format!("${{my_{key}}}"))),
            "",
        ));
        for (_, text) in bodies(key, value) {
            let raw = "<boolProp name=\"HTTPSampler.postBodyRaw\">true</boolProp>";
            samplers.push_str(&sampler(
                "post",
                "POST",
                &format!("{raw}{}", arguments(&property("HTTPArgument", "", &text))),
                "",
            ));
        }
        let login = format!(
            "<AuthManager testclass=\"AuthManager\" testname=\"a\" enabled=\"true\"><collectionProp name=\"AuthManager.auth_list\"><elementProp name=\"\" elementType=\"Authorization\">\
             <stringProp name=\"Authorization.url\">https://shop.example.com/</stringProp><stringProp name=\"Authorization.username\">{0}</stringProp>\
             <stringProp name=\"Authorization.password\">{0}</stringProp></elementProp></collectionProp></AuthManager><hashTree/>",
            escaped(value)
        );
        samplers.push_str(&sampler("me", "GET", &arguments(""), &login));
    }
    let plan = format!(
        "<?xml version=\"1.0\"?><jmeterTestPlan version=\"1.2\"><hashTree><TestPlan testclass=\"TestPlan\" testname=\"Shop\" enabled=\"true\">\
         <elementProp name=\"TestPlan.user_defined_variables\" elementType=\"Arguments\"><collectionProp name=\"Arguments.arguments\">{variables}</collectionProp></elementProp></TestPlan>\
         <hashTree><ThreadGroup testclass=\"ThreadGroup\" testname=\"Users\" enabled=\"true\"><stringProp name=\"ThreadGroup.num_threads\">2</stringProp></ThreadGroup>\
         <hashTree>{samplers}</hashTree></hashTree></hashTree></jmeterTestPlan>"
    );
    let imported = jmx(&plan, SourceId(0), &options("shop", "shop.jmx"), &mut |_| None);
    let imported = imported.expect("a test plan");
    checked(&imported, "scenario.yaml");
    assert_hidden("JMeter", &imported);
}

#[test]
fn no_secret_of_k6_options_is_written() {
    let environment: serde_json::Map<String, Value> =
        SECRETS.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    let text = json!({
        "scenarios": { PLAIN: { "executor": "constant-vus", "vus": 2, "duration": "10s", "env": environment, "tags": environment, "exec": "shop" } },
        "thresholds": { "http_req_duration": ["p(95)<500"], "http_req_duration{password:correct-horse-7-battery}": ["p(95)<500"] },
        "tlsAuth": [{ "domains": ["shop.example.com"], "key": "-----BEGIN PRIVATE KEY-----\ndGhpcyBpcyBhIHNlY3JldCBrZXkgMTIz", "password": "tr0ub4dor-and-3" }],
        "systemTags": [PLAIN],
    });
    let imported =
        k6(&text.to_string(), SourceId(0), &options("shop", "k6.json")).expect("options");
    checked(&imported, "scenario.yaml");
    assert_hidden("k6", &imported);
}
