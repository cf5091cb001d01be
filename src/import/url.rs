//! A URL → a scenario of one request, as `plimsoll run URL` plays it.
//!
//! What nobody else should read (a token in a header, a password in a body) stays out of the text: a reference to the
//! environment takes its place, and its value is given beside.

use std::fmt::Write as _;

use http::Method;

use super::names::snake;
use super::secrets::{is_secret, secret_spans};
use plimsoll_units::{Nanos, WorkRate};

/// A request to one URL, as a command line asks for it. Texts may hold templates and `${NAME}`.
#[derive(Debug, Clone)]
pub struct UrlRequest {
    /// `http://host/path?query`.
    pub url: String,
    /// The method; GET where none is given, and POST where there is a body.
    pub method: Option<Method>,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What it carries.
    pub body: Option<UrlBody>,
    /// How often it is sent.
    pub rate: WorkRate,
    /// For how long.
    pub duration: Nanos,
}

/// What a request to a URL carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UrlBody {
    /// A text.
    Text(String),
    /// The content of the file at this path.
    File(String),
}

/// The scenario of a request to a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlScenario {
    /// The text of `scenario.yaml`.
    pub text: String,
    /// What it refers to in the environment, and the values that were given.
    pub secrets: Vec<(String, String)>,
}

/// Why a request to a URL cannot be a scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not a URL with a host.
    #[error("`{0}` is not a URL that can be loaded")]
    NoUrl(String),
    /// User and password in it.
    #[error("credentials in a URL are never sent; use `--header 'authorization: …'`")]
    Credentials,
    /// Two of one name.
    #[error("the header `{0}` is given twice")]
    HeaderTwice(String),
}

/// Whether a word of the command line is a URL rather than a path.
pub fn is_url(word: &str) -> bool {
    word.starts_with("http://") || word.starts_with("https://")
}

/// Writes the scenario of a request.
///
/// # Errors
/// Where the URL is none, or headers contradict each other.
pub fn scenario_of_url(request: &UrlRequest) -> Result<UrlScenario, UrlError> {
    let (target, host, path) = parts(&request.url)?;
    for (at, (name, _)) in request.headers.iter().enumerate() {
        let is_known = |(known, _): &(String, String)| known.eq_ignore_ascii_case(name);
        if request.headers[..at].iter().any(is_known) {
            return Err(UrlError::HeaderTwice(name.clone()));
        }
    }
    let mut hidden = HiddenValues::default();
    let mut text = format!(
        "name: {}\ntarget: {target}\n{}\nworkloads:\n  load: {{ stages: [{{ rate: {} {}, duration: {} }}] }}\n\n",
        name_of(target.split_once("://").map_or(&*host, |(_, authority)| authority)),
        allowed(&host),
        request.rate.rate.get(),
        request.rate.unit,
        request.duration,
    );
    text.push_str("scenarios:\n  url:\n    flow:\n");
    let has_body = request.body.is_some();
    let method =
        request.method.clone().unwrap_or(if has_body { Method::POST } else { Method::GET });
    text.push_str(&step(&method, has_body));
    // Writing into a text cannot fail.
    let _ = writeln!(text, "          url: {}", quoted(&hidden.in_text(&path)));
    if !request.headers.is_empty() {
        text.push_str("          headers:\n");
    }
    for (name, value) in &request.headers {
        let value = quoted(&hidden.of_header(name, value));
        let _ = writeln!(text, "            {}: {value}", quoted(&name.to_ascii_lowercase()));
    }
    match &request.body {
        Some(UrlBody::Text(body)) => {
            let _ = writeln!(text, "          body: {}", quoted(&hidden.in_text(body)));
        }
        Some(UrlBody::File(path)) => {
            let _ = writeln!(text, "          body: {{ file: {} }}", quoted(path));
        }
        None => {}
    }
    Ok(UrlScenario { text: head(&hidden) + &text, secrets: hidden.found })
}

/// What the file is, and what it needs.
fn head(hidden: &HiddenValues) -> String {
    let mut head =
        "# What `plimsoll run URL` played. `plimsoll run` with this file plays it again.\n"
            .to_owned();
    if !hidden.found.is_empty() {
        let names: Vec<String> = hidden.found.iter().map(|(name, _)| format!("${name}")).collect();
        let _ = writeln!(
            head,
            "# Values that nobody else should read are not in it: set {} in the environment.",
            names.join(", ")
        );
    }
    head
}

/// The key of the step, and its name.
fn step(method: &Method, has_body: bool) -> String {
    let own = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    let bodiless = matches!(*method, Method::GET | Method::HEAD);
    let word = method.as_str();
    let name = word.to_ascii_lowercase();
    if own.contains(&word) && !(bodiless && has_body) {
        return format!("      - {name}:\n          name: {name}\n");
    }
    let name = if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name
    } else {
        "request".to_owned()
    };
    let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    format!("      - request:\n          method: {}\n          name: {name}\n", quoted(word))
}

/// Target, host, and path with query.
fn parts(text: &str) -> Result<(String, String, String), UrlError> {
    let no_url = || UrlError::NoUrl(text.to_owned());
    let (scheme, rest) = text.split_once("://").ok_or_else(no_url)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.contains('@') {
        return Err(UrlError::Credentials);
    }
    let target = format!("{scheme}://{authority}");
    let url = url::Url::parse(&target).map_err(|_| no_url())?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(no_url)?.to_owned();
    // A fragment is never sent.
    let path = path.split('#').next().unwrap_or_default();
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Ok((target, host, path))
}

/// The system's name: its host and port, as far as a name may have their characters. Two servers of one machine are
/// two systems.
fn name_of(authority: &str) -> String {
    let words = authority.split(|c: char| !(c.is_alphanumeric() || c == '.'));
    let plain = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
    if plain.starts_with(char::is_alphabetic) { plain } else { format!("host-{plain}") }
}

/// The host as one that may be loaded; load on it must be allowed on the command line all the same.
fn allowed(host: &str) -> String {
    let address: Result<std::net::IpAddr, _> = host.trim_matches(['[', ']']).parse();
    if host == "localhost" || address.is_ok_and(|address| address.is_loopback()) {
        return String::new();
    }
    format!("allow_hosts: [{}]\n", quoted(host))
}

/// A text as YAML: JSON's texts are.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Values that stay out of the text, each with the name that stands for it.
#[derive(Default)]
struct HiddenValues {
    found: Vec<(String, String)>,
}

impl HiddenValues {
    /// A header's value; of an authorization the scheme stays.
    fn of_header(&mut self, name: &str, value: &str) -> String {
        let proves = ["authorization", "proxy-authorization", "cookie"];
        let is_proof = proves.iter().any(|known| name.eq_ignore_ascii_case(known));
        if !(is_proof || is_secret(name, value)) {
            return self.in_text(value);
        }
        match value.split_once(' ') {
            Some((scheme, rest)) if is_proof && scheme.chars().all(char::is_alphanumeric) => {
                format!("{scheme} {}", self.hide(name, rest))
            }
            _ => self.hide(name, value),
        }
    }

    /// A text in which secrets may stand by their keys or by their looks.
    fn in_text(&mut self, text: &str) -> String {
        let (mut shown, mut at) = (String::new(), 0);
        for (range, key) in secret_spans(text) {
            shown.push_str(&text[at..range.start]);
            let hidden = self.hide(&key, &text[range.clone()]);
            shown.push_str(&hidden);
            at = range.end;
        }
        shown + &text[at..]
    }

    /// What stands for a value; a template or a reference stands for itself.
    fn hide(&mut self, key: &str, value: &str) -> String {
        if value.contains("${") || value.contains("{{") {
            return value.to_owned();
        }
        let known = self.found.iter().find(|(_, known)| known == value);
        if let Some((name, _)) = known {
            return format!("${{{name}}}");
        }
        let key = snake(key).to_ascii_uppercase();
        let stem = if key.is_empty() { "URL_SECRET".to_owned() } else { format!("URL_{key}") };
        let is_taken = |name: &String| self.found.iter().any(|(known, _)| known == name);
        let further = (2..).map(|number| format!("{stem}_{number}"));
        let free = std::iter::once(stem.clone()).chain(further).find(|name| !is_taken(name));
        let name = free.unwrap_or(stem);
        self.found.push((name.clone(), value.to_owned()));
        format!("${{{name}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str) -> UrlRequest {
        UrlRequest {
            url: url.to_owned(),
            method: None,
            headers: vec![],
            body: None,
            rate: "50 req/s".parse().expect("a rate"),
            duration: Nanos::from_secs(30),
        }
    }

    #[test]
    fn scenario_of_a_url_reads_as_one_that_was_written() {
        let headers = [
            ("Accept", "text/html"),
            ("Authorization", "Bearer s3cr3t-t0ken"),
            ("x-api-key", "${KEY}"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let body = Some(UrlBody::Text(r#"{"user":"ada","password":"pa55word!"}"#.to_owned()));
        let asked =
            UrlRequest { headers, body, ..request("https://shop.example:8443/login?page=1#top") };
        let written = scenario_of_url(&asked).expect("a scenario");
        insta::assert_snapshot!(written.text);
        let secrets = [("URL_AUTHORIZATION", "s3cr3t-t0ken"), ("URL_PASSWORD", "pa55word!")];
        assert_eq!(
            written.secrets,
            secrets.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn address_becomes_a_name_and_a_bare_query_a_path() {
        let text = |url: &str| scenario_of_url(&request(url)).expect(url).text;
        assert!(
            text("http://127.0.0.1:8080?q=1")
                .contains("name: host-127.0.0.1-8080\ntarget: http://127.0.0.1:8080\n")
        );
        assert!(text("http://127.0.0.1?q=1").contains("url: \"/?q=1\""));
        assert!(text("http://[::1]:81/a").contains("name: host-1-81\ntarget: http://[::1]:81\n"));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let refused = |url: &str| scenario_of_url(&request(url)).expect_err(url);
        assert_eq!(refused("http://bob:pw@a.example/"), UrlError::Credentials);
        assert_eq!(refused("http:///x"), UrlError::NoUrl("http:///x".to_owned()));
        let twice =
            [("a", "1"), ("A", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let asked = UrlRequest { headers: twice.to_vec(), ..request("http://a.example/") };
        assert_eq!(scenario_of_url(&asked), Err(UrlError::HeaderTwice("A".to_owned())));
    }
}
