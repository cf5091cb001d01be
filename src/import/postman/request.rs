//! One request of a collection → a step.

use super::super::percent::encoded;
use std::collections::BTreeSet;

use serde_json::Value;

use super::file::{flag, list, pairs, plain, text};
use super::script::findings;
use crate::draft::{BodyDraft, JsonDraft, RequestDraft, UploadPartDraft, is_sent};
use crate::names::{UniqueNames, snake};
use crate::note::ImportNotes;
use crate::text::{DraftText, TextPiece};
use crate::variables::{PlanVariables, capture_name};
use crate::yaml::{YamlEntry, YamlValue};

/// A request and what it inherits.
#[derive(Debug)]
pub(super) struct CollectionItem<'v> {
    pub(super) node: &'v Value,
    /// The folder at the top that it stands in; empty where it stands in none.
    pub(super) folder: &'v str,
    /// Authorizations from the collection down to its folder.
    auths: Vec<Value>,
}

impl CollectionItem<'_> {
    /// Its URL as one text.
    pub(super) fn url_text(&self) -> String {
        let request = &self.node["request"];
        let url = if request.is_string() { request } else { &request["url"] };
        if url.is_string() {
            return plain(url);
        }
        match text(url, "raw") {
            raw if !raw.is_empty() => raw,
            _ => {
                let joined = |key: &str, sign: &str| match &url[key] {
                    Value::Array(parts) => parts.iter().map(plain).collect::<Vec<_>>().join(sign),
                    other => plain(other),
                };
                let protocol = Some(text(url, "protocol")).filter(|protocol| !protocol.is_empty());
                let port = Some(text(url, "port")).filter(|port| !port.is_empty());
                let port = port.map_or(String::new(), |port| format!(":{port}"));
                format!(
                    "{}://{}{port}/{}",
                    protocol.unwrap_or("http".into()),
                    joined("host", "."),
                    joined("path", "/")
                )
            }
        }
    }

    /// Its scripts of one kind, as one text.
    fn script(&self, listen: &str) -> String {
        let events =
            list(self.node, "event").iter().filter(|event| text(event, "listen") == listen);
        events.map(|event| text(&event["script"], "exec")).collect::<Vec<_>>().join("\n")
    }

    fn name(&self) -> String {
        text(self.node, "name")
    }
}

/// All requests, in order, with what they inherit.
pub(super) fn collect<'v>(
    items: &'v [Value],
    (auths, folder): (&[Value], &'v str),
    found: &mut Vec<CollectionItem<'v>>,
) {
    for item in items {
        let mut auths = auths.to_vec();
        if let Some(auth) = item.get("auth") {
            auths.push(auth.clone());
        }
        if item.get("item").is_some() {
            let name = item.get("name").and_then(Value::as_str).unwrap_or_default();
            let folder = if folder.is_empty() { name } else { folder };
            collect(list(item, "item"), (&auths, folder), found);
        } else if item.get("request").is_some() {
            found.push(CollectionItem { node: item, folder, auths });
        }
    }
}

/// The variables that scripts set from answers.
pub(super) fn captured(items: &[CollectionItem<'_>]) -> BTreeSet<String> {
    // A script's own name may be written in another case than a template's.
    let set = |item: &CollectionItem<'_>| findings(&item.script("test")).captures;
    let names: BTreeSet<String> = items.iter().flat_map(set).map(|capture| capture.name).collect();
    let used = items.iter().flat_map(|item| {
        let text = item.node.to_string() + &Value::from(item.auths.clone()).to_string();
        let parts: Vec<String> = text
            .split("{{")
            .skip(1)
            .filter_map(|rest| Some(rest.split_once("}}")?.0.trim().to_owned()))
            .collect();
        parts
    });
    used.filter(|name| names.contains(&snake(name))).collect()
}

/// Postman's dynamic variables (<https://learning.postman.com/docs/tests-and-scripts/write-scripts/variables-list/>).
pub(super) fn dynamic(name: &str) -> Option<DraftText> {
    let name = name.strip_prefix('$')?;
    let around = |before: &str, middle: &str, after: &str| {
        let literal = |text: &str| TextPiece::Literal(text.to_owned());
        DraftText(vec![literal(before), TextPiece::Expression(middle.to_owned()), literal(after)])
    };
    Some(match name {
        "guid" | "randomUUID" => DraftText::expression("uuid()"),
        "randomInt" => DraftText::expression("rand(0, 1000)"),
        "timestamp" => DraftText::expression("now('unix')"),
        "isoTimestamp" => DraftText::expression("now('%Y-%m-%dT%H:%M:%S.%3fZ')"),
        "randomBoolean" => DraftText::expression("pick([true, false])"),
        "randomEmail" | "randomExampleEmail" => around("user", "rand(1, 100000)", "@example.com"),
        "randomPrice" => DraftText::expression("rand(1, 1000)"),
        "randomHexadecimal" | "randomAlphaNumeric" => DraftText::expression("hex(4)"),
        "randomIP" => around("192.0.2.", "rand(1, 254)", ""),
        "randomUrl" => DraftText::literal("https://example.com/"),
        other if other.starts_with("random") => {
            let word = snake(&other["random".len()..]).replace('_', " ");
            around(&format!("{word} "), "hex(4)", "")
        }
        _ => return None,
    })
}

/// The origin of the first request whose host is known.
pub(super) fn target(items: &[CollectionItem<'_>], variables: &PlanVariables) -> Option<String> {
    items.iter().find_map(|item| split(&variables.expanded(&item.url_text())).0)
}

/// Folders, and the collection itself, that have scripts of their own.
pub(super) fn with_scripts(node: &Value, found: &mut Vec<String>) {
    let has =
        list(node, "event").iter().any(|event| !text(&event["script"], "exec").trim().is_empty());
    if has && node.get("item").is_some() {
        let name = text(node, "name");
        found.push(if name.is_empty() {
            "the collection".to_owned()
        } else {
            format!("folder {name}")
        });
    }
    for item in list(node, "item") {
        with_scripts(item, found);
    }
}

/// Scheme and host, where they are known, and what follows. A variable in front stands for the target.
fn split(url: &str) -> (Option<String>, &str) {
    let (scheme, rest) =
        url.split_once("://").map_or(("http", url), |(scheme, rest)| (scheme, rest));
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    if rest.starts_with("{{") {
        return (None, &rest[end..]);
    }
    let (host, rest) = rest.split_at(end);
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    let known = !host.is_empty() && host.chars().all(plain) && matches!(scheme, "http" | "https");
    let origin = format!("{scheme}://{host}");
    let known = known && url::Url::parse(&origin).is_ok();
    (known.then_some(origin), rest)
}

/// The type that Postman sends with a body that is text where the request names none.
fn media_type(body: &Value) -> &'static str {
    if text(body, "mode") == "urlencoded" {
        return "application/x-www-form-urlencoded";
    }
    match text(&body["options"]["raw"], "language").as_str() {
        "json" => "application/json",
        "xml" => "application/xml",
        "html" => "text/html",
        "javascript" => "application/javascript",
        _ => "text/plain",
    }
}

/// Writes requests as steps.
pub(super) struct PostmanWriter<'a> {
    pub(super) variables: PlanVariables,
    pub(super) target: &'a str,
    pub(super) notes: &'a mut ImportNotes,
    pub(super) names: UniqueNames<usize>,
}

impl PostmanWriter<'_> {
    pub(super) fn step(&mut self, item: &CollectionItem<'_>) -> Option<RequestDraft> {
        let request = &item.node["request"];
        let method = Some(text(request, "method")).filter(|method| !method.is_empty());
        let method = method.unwrap_or_else(|| "GET".to_owned()).to_ascii_uppercase();
        if !is_sent(&method) {
            self.notes.drop(format!("no step sends {method:.20}"), item.name());
            return None;
        }
        let hint = Some(snake(&item.name())).filter(|name| !name.is_empty());
        let hint = hint.unwrap_or_else(|| "request".to_owned());
        let name = self.names.give(&std::ptr::from_ref(item.node).addr(), &[hint]);
        let mut step = RequestDraft::of_method(&method, name);
        self.url(item, &mut step);
        self.headers(request, &mut step);
        self.authorize(item, &mut step);
        if method != "HEAD" {
            step.body = self.body(&request["body"], &step.name.clone());
        }
        if matches!(step.body, BodyDraft::Text(_))
            && !step.headers.iter().any(|(name, _)| name == "content-type")
        {
            let media_type = match media_type(&request["body"]) {
                "text/plain"
                    if self.variables.read_json(&text(&request["body"], "raw")).is_some() =>
                {
                    "application/json"
                }
                named => named,
            };
            let media_type = DraftText::literal(media_type);
            step.headers.push(("content-type".to_owned(), media_type));
        }
        if matches!(step.body, BodyDraft::Json(_) | BodyDraft::Form(_) | BodyDraft::Multipart(_)) {
            step.headers.retain(|(name, _)| name != "content-type");
        }
        self.scripts(item, &mut step);
        Some(step)
    }

    fn url(&mut self, item: &CollectionItem<'_>, step: &mut RequestDraft) {
        let url = self.variables.expanded(&item.url_text());
        let (origin, rest) = split(&url);
        let place = step.name.clone();
        if let Some(origin) = origin.filter(|origin| origin != self.target) {
            let host = origin.split_once("://").map_or("", |(_, host)| host);
            let name =
                format!("{}_{}_URL", self.variables.prefix, snake(host).to_ascii_uppercase());
            step.origin = Some(DraftText(vec![TextPiece::Environment { name, default: origin }]));
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let described = &item.node["request"]["url"];
        let given = pairs(described.get("variable"));
        for segment in path.trim_start_matches('/').split('/') {
            let value = segment
                .strip_prefix(':')
                .and_then(|name| given.iter().find(|(known, _)| known == name));
            let text = match value {
                Some((name, value)) if value.is_empty() => {
                    self.notes.change(
                        "a parameter of a path without a value: `1` is used instead",
                        format!("`{name}` of {place}"),
                    );
                    DraftText::literal("1")
                }
                Some((name, value)) => self.variables.text(name, value, &place, self.notes),
                None => self.variables.text("path", segment, &place, self.notes),
            };
            step.path.push(text.map_literal(|text| encoded(&text)));
        }
        let from_text = || {
            let pairs = query.split('&').filter(|pair| !pair.is_empty());
            pairs.map(|pair| {
                pair.split_once('=')
                    .map_or((pair.to_owned(), String::new()), |(n, v)| (n.to_owned(), v.to_owned()))
            })
        };
        let query: Vec<(String, String)> = match described.get("query").and_then(Value::as_array) {
            Some(_) => pairs(described.get("query")),
            None => from_text().collect(),
        };
        for (name, value) in query {
            let text = self.variables.text(&name, &value, &place, self.notes);
            step.query.push((encoded(&name), Some(text.map_literal(|text| encoded(&text)))));
        }
    }

    fn headers(&mut self, request: &Value, step: &mut RequestDraft) {
        let place = step.name.clone();
        for (name, value) in pairs(request.get("header")) {
            let name = name.trim().to_ascii_lowercase();
            let own =
                ["host", "content-length", "connection", "cookie", "accept-encoding", "user-agent"];
            if own.contains(&name.as_str()) || ::http::HeaderName::try_from(name.as_str()).is_err()
            {
                self.notes.drop("headers that the connection sets, or that cannot be sent", name);
                continue;
            }
            if step.headers.iter().any(|(known, _)| *known == name) {
                self.notes.drop("a header given twice: the first is kept", name);
                continue;
            }
            let value = match (name.as_str(), value.split_once(' ')) {
                ("authorization", Some((scheme, token)))
                    if scheme.eq_ignore_ascii_case("bearer") =>
                {
                    step.bearer =
                        Some(self.variables.text("token", token.trim(), &place, self.notes));
                    continue;
                }
                _ => self.variables.text(&name, value.trim(), &place, self.notes),
            };
            step.headers.push((name, value.map_literal(|text| text.replace(['\r', '\n'], " "))));
        }
    }

    /// The authorization nearest to the request.
    fn authorize(&mut self, item: &CollectionItem<'_>, step: &mut RequestDraft) {
        // `null` says nothing: what stands above holds.
        let own = item.node["request"].get("auth").filter(|auth| auth.is_object());
        let Some(auth) = own.or(item.auths.iter().rev().find(|auth| auth.is_object())) else {
            return;
        };
        let kind = text(auth, "type");
        let given = pairs(auth.get(&kind));
        let place = step.name.clone();
        let mut value = |key: &str, name: &str| {
            let found = given
                .iter()
                .find(|(known, _)| known == key)
                .map_or("", |(_, value)| value.as_str());
            self.variables.text(name, found, &place, self.notes)
        };
        match kind.as_str() {
            "bearer" if step.bearer.is_none() => step.bearer = Some(value("token", "token")),
            "oauth2" if step.bearer.is_none() => {
                step.bearer = Some(value("accessToken", "access_token"));
            }
            "" | "noauth" | "bearer" | "oauth2" => {}
            "basic" => {
                step.basic = Some((value("username", "username"), value("password", "password")));
            }
            "apikey" => {
                let key = given
                    .iter()
                    .find(|(known, _)| known == "key")
                    .map(|(_, key)| key.clone())
                    .unwrap_or_default();
                let text = value("value", "api_key");
                if given.iter().any(|(known, place)| known == "in" && place == "query") {
                    step.query.push((encoded(&key), Some(text)));
                } else {
                    step.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&key));
                    step.headers.push((key.to_ascii_lowercase(), text));
                }
            }
            "awsv4" => {
                let or = |text: DraftText, default: &str| {
                    let is_empty = text.0.is_empty();
                    if is_empty { DraftText::literal(default) } else { text }
                };
                let mut fields = vec![
                    ("service", or(value("service", "service"), "execute-api")),
                    ("region", or(value("region", "region"), "us-east-1")),
                    ("access_key", value("accessKey", "access_key")),
                    ("secret_key", value("secretKey", "secret_key")),
                ];
                let token = value("sessionToken", "session_token");
                fields.extend((!token.0.is_empty()).then_some(("session_token", token)));
                let field = |(key, text): (_, DraftText)| {
                    YamlEntry::new(key, YamlValue::text(text.written()))
                };
                let aws = YamlValue::Map(fields.into_iter().map(field).collect());
                let sign = YamlValue::Map(vec![YamlEntry::new("aws", aws)]);
                step.extra.push(YamlEntry::new("sign", sign));
            }
            other => self
                .notes
                .drop(format!("an authorization of the kind `{other:.20}`"), place.clone()),
        }
        if step.bearer.is_some() {
            step.basic = None;
        }
    }

    fn body(&mut self, body: &Value, place: &str) -> BodyDraft {
        if flag(body, "disabled") {
            return BodyDraft::None;
        }
        match text(body, "mode").as_str() {
            "raw" => self.raw(&text(body, "raw"), place),
            "urlencoded" => {
                let fields = pairs(body.get("urlencoded"));
                let form = fields.into_iter().map(|(name, value)| {
                    let text = self.variables.text(&name, &value, place, self.notes);
                    (name, text)
                });
                BodyDraft::form(form.collect())
            }
            "formdata" => self.parts(body, place),
            "graphql" => {
                let graphql = &body["graphql"];
                let variables = text(graphql, "variables");
                let query =
                    self.variables.text("query", &text(graphql, "query"), place, self.notes);
                let mut fields = vec![("query".to_owned(), JsonDraft::Text(query))];
                if let BodyDraft::Json(json) = self.raw(&variables, place) {
                    fields.push(("variables".to_owned(), json));
                }
                BodyDraft::Json(JsonDraft::Map(fields))
            }
            "file" => {
                self.notes.drop(
                    "a body that is a file on another machine: write what it carries",
                    place.to_owned(),
                );
                BodyDraft::None
            }
            _ => BodyDraft::None,
        }
    }

    fn parts(&mut self, body: &Value, place: &str) -> BodyDraft {
        let mut parts: Vec<(String, UploadPartDraft)> = vec![];
        for part in list(body, "formdata").iter().filter(|part| !flag(part, "disabled")) {
            let name = text(part, "key");
            if text(part, "type") != "file" {
                let value = self.variables.text(&name, &text(part, "value"), place, self.notes);
                parts.push((name, UploadPartDraft::Text(value)));
                continue;
            }
            self.notes.change(
                "an uploaded file: 1 kB is sent in its place",
                format!("`{name}` of {place}"),
            );
            let files = match &part["src"] {
                Value::Array(files) => files.iter().map(plain).collect(),
                file => vec![plain(file)],
            };
            for path in files {
                let filename = path.rsplit(['/', '\\']).next().filter(|file| !file.is_empty());
                let filename = filename.unwrap_or("file.bin").to_owned();
                let file = UploadPartDraft::File { filename, media_type: None, size: 1_000 };
                parts.push((name.clone(), file));
            }
        }
        BodyDraft::Multipart(parts)
    }

    fn raw(&mut self, body: &str, place: &str) -> BodyDraft {
        self.variables.raw_body(body, place, self.notes)
    }

    /// What scripts and examples say of the answer.
    fn scripts(&mut self, item: &CollectionItem<'_>, step: &mut RequestDraft) {
        for (listen, shown) in [("prerequest", "pre-request"), ("test", "test")] {
            if !item.script(listen).trim().is_empty() {
                let reason = format!(
                    "{shown} scripts: none is played; what a step can say of them was taken over"
                );
                self.notes.drop(reason, step.name.clone());
            }
        }
        let found = findings(&item.script("test"));
        step.captures = found.captures;
        for capture in &mut step.captures {
            capture.name = capture_name(&capture.name);
        }
        let mut names = BTreeSet::new();
        step.captures.retain(|capture| names.insert(capture.name.clone()));
        let codes =
            list(item.node, "response").iter().filter_map(|example| example.get("code")?.as_u64());
        let good: BTreeSet<u64> = codes.filter(|code| (200..400).contains(code)).collect();
        let example = match good.into_iter().collect::<Vec<_>>()[..] {
            [] => None,
            [only] => Some(only.to_string()),
            _ => Some("2xx".to_owned()),
        };
        step.status = found.status.or(example);
    }
}
