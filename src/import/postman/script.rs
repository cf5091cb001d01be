//! What test scripts say that a step can say: values that are captured, and the status that is expected.

use std::sync::LazyLock;

use regex::Regex;

use crate::draft::{CaptureDraft, CaptureOrigin};
use crate::names::snake;

/// What a script says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ScriptFindings {
    pub(super) captures: Vec<CaptureDraft>,
    pub(super) status: Option<String>,
}

/// `pm.environment.set("token", body.data.token)`, also by its older name.
static SETS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?:pm\.(?:environment|collectionVariables|globals|variables)\.set|postman\.set(?:Environment|Global)Variable)\(\s*["']([\w.-]+)["']\s*,\s*([^;\n]+?)\s*\)\s*(?:;|\n|$|\})"#,
    )
    .ok()
});

/// A body by its name, or where it comes from, and the path behind it.
static BODIES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"^(pm\.response\.json\(\)|JSON\.parse\((?:responseBody|pm\.response\.text\(\))\)|\w+)((?:\??\.\w+|\[\d+\]|\[["'][\w-]+["']\])+)$"#).ok()
});

static NAMES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(\w+)\s*=\s*(?:pm\.response\.json\(\)|JSON\.parse\((?:responseBody|pm\.response\.text\(\))\))").ok()
});

static HEADERS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"^(?:pm\.response\.headers\.get|postman\.getResponseHeader)\(\s*["']([\w-]+)["']\s*\)?$"#,
    )
    .ok()
});

static STATUSES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?:have\.status\(\s*|response\.code\)\.to\.(?:equal|eql)\(\s*|responseCode\.code\s*===?\s*)([1-5]\d{2})\b").ok()
});

/// Looks through a script.
pub(super) fn findings(script: &str) -> ScriptFindings {
    let mut found = ScriptFindings::default();
    let names: Vec<&str> = NAMES
        .iter()
        .flat_map(|pattern| pattern.captures_iter(script))
        .filter_map(|parts| parts.get(1).map(|name| name.as_str()))
        .collect();
    for parts in SETS.iter().flat_map(|pattern| pattern.captures_iter(script)) {
        let (Some(name), Some(value)) = (parts.get(1), parts.get(2)) else { continue };
        if let Some(from) = origin(value.as_str(), &names) {
            found.captures.push(CaptureDraft { name: snake(name.as_str()), from });
        }
    }
    let status = STATUSES.as_ref().and_then(|pattern| pattern.captures(script));
    found.status = status.and_then(|parts| Some(parts.get(1)?.as_str().to_owned()));
    found
}

fn origin(value: &str, names: &[&str]) -> Option<CaptureOrigin> {
    if let Some(parts) = HEADERS.as_ref().and_then(|pattern| pattern.captures(value)) {
        return Some(CaptureOrigin::Header(parts.get(1)?.as_str().to_ascii_lowercase()));
    }
    let parts = BODIES.as_ref()?.captures(value)?;
    let (body, path) = (parts.get(1)?.as_str(), parts.get(2)?.as_str());
    let is_body = body.contains('(') || names.contains(&body);
    let path = path.replace("?.", ".").replace('\'', "\"");
    is_body.then(|| CaptureOrigin::Json(format!("${path}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_and_statuses_are_found_in_scripts() {
        let script = "pm.test('ok', () => pm.response.to.have.status(201));\nconst body = pm.response.json();\n\
                      pm.environment.set('accessToken', body.data.items[0].token);\n\
                      pm.collectionVariables.set(\"id\", pm.response.json().id);\n\
                      pm.globals.set('x', 5);\npm.variables.set('etag', pm.response.headers.get('ETag'));";
        let found = findings(script);
        let json = |name: &str, path: &str| CaptureDraft {
            name: name.into(),
            from: CaptureOrigin::Json(path.into()),
        };
        assert_eq!(
            found.captures[..2],
            [json("access_token", "$.data.items[0].token"), json("id", "$.id")]
        );
        assert_eq!(found.captures[2].from, CaptureOrigin::Header("etag".into()));
        assert_eq!(found.captures.len(), 3);
        assert_eq!(found.status.as_deref(), Some("201"));
        assert_eq!(findings("pm.test('x')"), ScriptFindings::default());
    }
}
