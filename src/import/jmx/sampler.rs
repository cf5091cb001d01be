//! An HTTP sampler → a step.

use super::super::percent::encoded;
use regex::escape;
use serde_json::Value;

use super::scope::SamplerScope;
use super::tree::XmlElement;
use crate::draft::{
    BodyDraft, CaptureDraft, CaptureOrigin, RequestDraft, UploadPartDraft, is_sent,
};
use crate::names::{UniqueNames, snake};
use crate::note::ImportNotes;
use crate::text::{DraftText, TextPiece};
use crate::variables::{PlanVariables, capture_name};
use crate::yaml::{YamlEntry, YamlValue};

/// Longer names of headers are refused by servers, and are no keys of YAML.
const HEADER_NAME_MAX: usize = 256;

/// Writes samplers as steps.
pub(super) struct SamplerWriter<'a> {
    pub(super) variables: PlanVariables,
    pub(super) target: String,
    pub(super) notes: &'a mut ImportNotes,
    pub(super) names: UniqueNames<usize>,
}

impl<'x> SamplerWriter<'_> {
    pub(super) fn step(
        &mut self,
        sampler: &'x XmlElement,
        scope: &SamplerScope<'x>,
    ) -> Option<RequestDraft> {
        let method =
            Some(sampler.property("HTTPSampler.method")).filter(|method| !method.is_empty());
        let method = method.unwrap_or("GET").to_ascii_uppercase();
        if !is_sent(&method) {
            self.notes.drop(format!("no step sends {method:.20}"), sampler.shown());
            return None;
        }
        let hint = Some(snake(sampler.attribute("testname"))).filter(|name| !name.is_empty());
        let hint = hint.unwrap_or_else(|| "request".to_owned());
        let name = self.names.give(&std::ptr::from_ref(sampler).addr(), &[hint]);
        let mut step = RequestDraft::of_method(&method, name);
        let place = step.name.clone();
        self.url(sampler, scope, &mut step);
        let sends = !matches!(method.as_str(), "GET" | "HEAD" | "DELETE" | "OPTIONS");
        if sampler.flag("HTTPSampler.postBodyRaw") && method != "HEAD" {
            let list = arguments(sampler);
            let body: String = list.iter().map(|part| part.property("Argument.value")).collect();
            step.body = self.variables.raw_body(&body, &place, self.notes);
        } else if sends {
            let fields = self.fields(sampler, scope, &place);
            step.body = self.form(sampler, fields, &place);
        } else {
            let fields = self.fields(sampler, scope, &place);
            let query = fields.into_iter().map(|(name, text)| {
                (encoded(&name), Some(text.map_literal(|text| encoded(&text))))
            });
            step.query.extend(query);
        }
        self.headers(scope, &mut step);
        self.credentials(scope, &mut step);
        if !sampler.flag("HTTPSampler.follow_redirects")
            && !sampler.flag("HTTPSampler.auto_redirects")
        {
            step.extra.push(YamlEntry::new("follow_redirects", YamlValue::plain("false")));
        }
        self.name_type(sampler, &mut step);
        for assertion in &scope.assertions {
            self.assertion(assertion, &mut step);
        }
        for extractor in &scope.extractors {
            self.extractor(extractor, &mut step);
        }
        Some(step)
    }

    /// The type of a body that is text, where no header names it: that of a form, or of JSON.
    fn name_type(&self, sampler: &XmlElement, step: &mut RequestDraft) {
        if !matches!(step.body, BodyDraft::Text(_))
            || step.headers.iter().any(|(name, _)| name == "content-type")
        {
            return;
        }
        let list = arguments(sampler);
        let body: String = list.iter().map(|part| part.property("Argument.value")).collect();
        let media_type = if !sampler.flag("HTTPSampler.postBodyRaw") {
            "application/x-www-form-urlencoded"
        } else if self.variables.read_json(&body).is_some() {
            "application/json"
        } else {
            return;
        };
        step.headers.push(("content-type".to_owned(), DraftText::literal(media_type)));
    }

    fn fields(
        &mut self,
        sampler: &'x XmlElement,
        scope: &SamplerScope<'x>,
        place: &str,
    ) -> Vec<(String, DraftText)> {
        let inherited = scope.defaults.iter().flat_map(|defaults| arguments(defaults));
        let mut found = vec![];
        for argument in inherited.chain(arguments(sampler)) {
            let (name, value) =
                (argument.property("Argument.name"), argument.property("Argument.value"));
            let key = if name.is_empty() { "body" } else { name };
            found.push((name.to_owned(), self.variables.text(key, value, place, self.notes)));
        }
        found
    }

    fn url(&mut self, sampler: &'x XmlElement, scope: &SamplerScope<'x>, step: &mut RequestDraft) {
        let place = step.name.clone();
        let path = self.variables.expanded(scope.property(sampler, "HTTPSampler.path"));
        let (origin, path) = match path.split_once("://") {
            Some((scheme @ ("http" | "https"), rest)) if !rest.starts_with("${") => {
                let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (Some(format!("{scheme}://{host}")), path.to_owned())
            }
            _ => (self.origin(sampler, scope), path),
        };
        if let Some(origin) = origin.filter(|origin| *origin != self.target) {
            let host = origin.split_once("://").map_or("", |(_, host)| host);
            let name =
                format!("{}_{}_URL", self.variables.prefix, snake(host).to_ascii_uppercase());
            step.origin = Some(DraftText(vec![TextPiece::Environment { name, default: origin }]));
        }
        let path = path.split('#').next().unwrap_or_default();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        for segment in path.trim_start_matches('/').split('/') {
            let text = self.variables.text("path", segment, &place, self.notes);
            step.path.push(text.map_literal(|text| encoded(&text)));
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let text = self.variables.text(name, value, &place, self.notes);
            step.query.push((encoded(name), Some(text.map_literal(|text| encoded(&text)))));
        }
    }

    /// Scheme and host of a sampler, where they are known.
    pub(super) fn origin(
        &self,
        sampler: &'x XmlElement,
        scope: &SamplerScope<'x>,
    ) -> Option<String> {
        origin(&self.variables, sampler, scope)
    }

    fn form(
        &mut self,
        sampler: &XmlElement,
        fields: Vec<(String, DraftText)>,
        place: &str,
    ) -> BodyDraft {
        let list = sampler
            .child("HTTPsampler.Files")
            .map_or(&[][..], |list| list.items("HTTPFileArgs.files"));
        let files: Vec<&XmlElement> =
            list.iter().filter(|file| !file.property("File.paramname").is_empty()).collect();
        if files.is_empty() && !sampler.flag("HTTPSampler.DO_MULTIPART_POST") {
            return if fields.is_empty() { BodyDraft::None } else { BodyDraft::form(fields) };
        }
        let mut parts: Vec<(String, UploadPartDraft)> = vec![];
        for (name, text) in fields {
            if parts.iter().all(|(known, _)| *known != name) {
                parts.push((name, UploadPartDraft::Text(text)));
            }
        }
        for file in files {
            let name = file.property("File.paramname").to_owned();
            self.notes.change(
                "an uploaded file: 1 kB is sent in its place",
                format!("`{name}` of {place}"),
            );
            let filename = file
                .property("File.path")
                .rsplit(['/', '\\'])
                .next()
                .unwrap_or("file.bin")
                .to_owned();
            let media_type = Some(file.property("File.mimetype").to_owned())
                .filter(|kind| kind.contains('/') && !kind.contains('$'));
            parts.retain(|(known, _)| *known != name);
            parts.push((name, UploadPartDraft::File { filename, media_type, size: 1_000 }));
        }
        BodyDraft::Multipart(parts)
    }

    fn headers(&mut self, scope: &SamplerScope<'_>, step: &mut RequestDraft) {
        let place = step.name.clone();
        for (name, value) in &scope.headers {
            let name = name.to_ascii_lowercase();
            let own =
                ["host", "content-length", "connection", "cookie", "accept-encoding", "user-agent"];
            let fits = name.len() <= HEADER_NAME_MAX
                && ::http::HeaderName::try_from(name.as_str()).is_ok();
            if own.contains(&name.as_str()) || !fits {
                let shown: String = name.chars().take(80).collect();
                self.notes.drop("headers that the connection sets, or that cannot be sent", shown);
                continue;
            }
            let told = matches!(
                step.body,
                BodyDraft::Json(_) | BodyDraft::Form(_) | BodyDraft::Multipart(_)
            );
            if name == "content-type" && (told || matches!(step.body, BodyDraft::None)) {
                continue;
            }
            match value.split_once(' ') {
                Some((scheme, token))
                    if name == "authorization" && scheme.eq_ignore_ascii_case("bearer") =>
                {
                    step.bearer =
                        Some(self.variables.text("token", token.trim(), &place, self.notes));
                }
                _ => {
                    let text = self.variables.text(&name, value, &place, self.notes);
                    step.headers
                        .push((name, text.map_literal(|text| text.replace(['\r', '\n'], " "))));
                }
            }
        }
    }

    fn credentials(&mut self, scope: &SamplerScope<'_>, step: &mut RequestDraft) {
        let Some(found) = scope.credentials.last().filter(|_| step.bearer.is_none()) else {
            return;
        };
        let place = step.name.clone();
        if matches!(found.property("Authorization.mechanism"), "DIGEST" | "KERBEROS") {
            self.notes.drop("an authorization that no step makes", place);
            return;
        }
        let user = self.variables.text(
            "username_secret",
            found.property("Authorization.username"),
            &place,
            self.notes,
        );
        let password = self.variables.text(
            "password",
            found.property("Authorization.password"),
            &place,
            self.notes,
        );
        step.basic = Some((user, password));
    }

    fn assertion(&mut self, assertion: &XmlElement, step: &mut RequestDraft) {
        let left_out = |notes: &mut ImportNotes| {
            notes.drop("an assertion that no check makes", assertion.shown());
        };
        match assertion.name.as_str() {
            "ResponseAssertion" => {
                let kind = assertion.number("Assertion.test_type").unwrap_or(2.0) as u32;
                let field = assertion.property("Assertion.test_field");
                for text in assertion.texts("Asserion.test_strings") {
                    let plain = kind.trailing_zeros() >= 2;
                    match field {
                        // The fourth bit turns the meaning around.
                        _ if kind & 4 != 0 || text.contains("${") => left_out(self.notes),
                        "Assertion.response_code"
                            if text.len() == 3
                                && text.parse().is_ok_and(|code| (100..600).contains(&code)) =>
                        {
                            step.status = Some(text.to_owned());
                        }
                        "Assertion.response_data" | "" | "Assertion.response_data_as_document" => {
                            let key = if plain { "contains" } else { "matches" };
                            let fits = plain || regex::Regex::new(text).is_ok();
                            if fits && !step.checks.iter().any(|check| check.key == "body") {
                                step.checks.push(YamlEntry::new(
                                    "body",
                                    YamlValue::only(key, YamlValue::text(text)),
                                ));
                            } else {
                                left_out(self.notes);
                            }
                        }
                        _ => left_out(self.notes),
                    }
                }
            }
            "JSONPathAssertion" => {
                let path = assertion.property("JSON_PATH");
                let expected = assertion.property("EXPECTED_VALUE");
                let value = if assertion.flag("JSONVALIDATION") && !assertion.flag("ISREGEX") {
                    let json = serde_json::from_str::<Value>(expected)
                        .unwrap_or_else(|_| Value::from(expected));
                    YamlValue::only("equals", YamlValue::from(&json))
                } else {
                    YamlValue::plain("exists")
                };
                let fits =
                    serde_json_path::JsonPath::parse(path).is_ok() && !expected.contains("${");
                if fits && !step.checks.iter().any(|check| check.key == "json") {
                    step.checks.push(YamlEntry::new(
                        "json",
                        YamlValue::Map(vec![YamlEntry::new(path, value)]),
                    ));
                } else {
                    left_out(self.notes);
                }
            }
            "DurationAssertion" => match assertion.number("DurationAssertion.duration") {
                Some(millis) if millis >= 1.0 => {
                    let most = plimsoll_units::Nanos::from_millis(millis.min(1e9) as u64);
                    step.checks.push(YamlEntry::new("time", YamlValue::text(format!("<= {most}"))));
                }
                _ => left_out(self.notes),
            },
            _ => left_out(self.notes),
        }
    }

    fn extractor(&mut self, extractor: &XmlElement, step: &mut RequestDraft) {
        let left_out = |notes: &mut ImportNotes| {
            notes.drop("an extractor that no capture is", extractor.shown());
        };
        let mut put = |name: &str, from: CaptureOrigin| {
            let name = capture_name(name);
            if step.captures.iter().all(|known| known.name != name) {
                step.captures.push(CaptureDraft { name, from });
            }
        };
        match extractor.name.as_str() {
            "JSONPostProcessor" => {
                let names = extractor.property("JSONPostProcessor.referenceNames").split(';');
                let paths = extractor.property("JSONPostProcessor.jsonPathExprs").split(';');
                for (name, path) in names.zip(paths) {
                    let path = path.trim();
                    if serde_json_path::JsonPath::parse(path).is_ok() {
                        put(name.trim(), CaptureOrigin::Json(path.to_owned()));
                    } else {
                        left_out(self.notes);
                    }
                }
            }
            "RegexExtractor" => {
                let pattern = extractor.property("RegexExtractor.regex");
                let of_body = matches!(
                    extractor.property("RegexExtractor.useHeaders"),
                    "" | "false" | "unescaped" | "as_document"
                );
                let first =
                    matches!(extractor.property("RegexExtractor.template"), "$1$" | "$0$" | "");
                if of_body && first && regex::Regex::new(pattern).is_ok() {
                    put(
                        extractor.property("RegexExtractor.refname"),
                        CaptureOrigin::Regex(pattern.to_owned()),
                    );
                } else {
                    left_out(self.notes);
                }
            }
            _ => {
                let bound = |name: &str| escape(extractor.property(name));
                let (left, right) =
                    (bound("BoundaryExtractor.lboundary"), bound("BoundaryExtractor.rboundary"));
                let pattern = format!("{left}(.*?){right}");
                put(extractor.property("BoundaryExtractor.refname"), CaptureOrigin::Regex(pattern));
            }
        }
    }
}

/// What a sampler sends, or what defaults add to it.
fn arguments(element: &XmlElement) -> &[XmlElement] {
    let list = element.child("HTTPsampler.Arguments");
    list.map_or(&[][..], |list| list.items("Arguments.arguments"))
}

/// Scheme and host of a sampler, where they are known.
pub(super) fn origin<'x>(
    variables: &PlanVariables,
    sampler: &'x XmlElement,
    scope: &SamplerScope<'x>,
) -> Option<String> {
    let property = |name: &str| variables.expanded(scope.property(sampler, name));
    let host = property("HTTPSampler.domain");
    let host = host
        .split_once("://")
        .map_or(host.as_str(), |(_, host)| host)
        .trim_end_matches('/')
        .to_owned();
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    if host.is_empty() || !host.chars().all(plain) {
        return None;
    }
    let scheme = Some(property("HTTPSampler.protocol").to_ascii_lowercase())
        .filter(|scheme| scheme == "https");
    let scheme = scheme.unwrap_or_else(|| "http".to_owned());
    let port = property("HTTPSampler.port");
    let own = matches!(
        (scheme.as_str(), port.as_str()),
        (_, "" | "0") | ("http", "80") | ("https", "443")
    );
    let origin = if own || port.contains("${") {
        format!("{scheme}://{host}")
    } else {
        format!("{scheme}://{host}:{port}")
    };
    url::Url::parse(&origin).is_ok().then_some(origin)
}
