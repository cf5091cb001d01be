//! Method and path → route.

use http::Method;

/// One part of a path between slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    /// `{name}`: exactly one segment.
    Parameter(String),
    /// `{*name}` at the end: all that is left.
    Rest(String),
}

/// A pattern like `/api/bookings/{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Segment>);

/// Parameters by name, in the order of the path.
pub(super) type Parameters = Vec<(String, String)>;

/// Finds routes. Literal segments win over parameters, and those over rests; then the first one wins.
#[derive(Debug, Default)]
pub(super) struct Router {
    entries: Vec<(Method, Pattern, usize)>,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Route(usize, Parameters),
    /// The path is known, the method is not.
    OtherMethod,
    Nothing,
}

impl Pattern {
    /// Reads a pattern; `None` if it does not begin with `/`, or if it is malformed.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut segments = Vec::new();
        for part in text.strip_prefix('/')?.split('/') {
            let name = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            segments.push(match name.map(|name| (name.strip_prefix('*'), name)) {
                _ if matches!(segments.last(), Some(Segment::Rest(_))) => return None,
                Some((Some(rest), _)) if is_name(rest) => Segment::Rest(rest.to_owned()),
                Some((None, name)) if is_name(name) => Segment::Parameter(name.to_owned()),
                None if !part.contains(['{', '}', '?', '#']) => Segment::Literal(part.to_owned()),
                _ => return None,
            });
        }
        Some(Self(segments))
    }

    /// Whether a last parameter names an item.
    pub(super) fn has_parameter(&self) -> bool {
        self.0.iter().any(|segment| !matches!(segment, Segment::Literal(_)))
    }

    fn matches(&self, path: &str) -> Option<Parameters> {
        let mut parameters = Vec::new();
        let mut rest = Some(path.strip_prefix('/')?);
        for segment in &self.0 {
            let all = rest?;
            let (part, tail) = match all.split_once('/') {
                Some((part, tail)) => (part, Some(tail)),
                None => (all, None),
            };
            match segment {
                Segment::Literal(literal) if literal == part => rest = tail,
                Segment::Literal(_) => return None,
                Segment::Parameter(_) if part.is_empty() => return None,
                Segment::Parameter(name) => {
                    parameters.push((name.clone(), decoded(part)));
                    rest = tail;
                }
                Segment::Rest(name) => {
                    parameters.push((name.clone(), decoded(all)));
                    rest = None;
                }
            }
        }
        rest.is_none().then_some(parameters)
    }

    /// Literals first: the smaller, the earlier it is tried.
    fn looseness(&self) -> Vec<u8> {
        let loose = |segment: &Segment| match segment {
            Segment::Literal(_) => 0,
            Segment::Parameter(_) => 1,
            Segment::Rest(_) => 2,
        };
        self.0.iter().map(loose).collect()
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn decoded(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
}

impl Router {
    /// Adds a route; `false` if one with the same method and pattern is there already.
    pub(super) fn add(&mut self, method: Method, pattern: Pattern, route: usize) -> bool {
        if self.entries.iter().any(|(m, p, _)| (m, p) == (&method, &pattern)) {
            return false;
        }
        let place = self.entries.partition_point(|(_, p, _)| p.looseness() <= pattern.looseness());
        self.entries.insert(place, (method, pattern, route));
        true
    }

    /// The route for a request. HEAD goes where GET would.
    pub(super) fn find(&self, method: &Method, path: &str) -> Found {
        let mut found = Found::Nothing;
        for (known, pattern, route) in &self.entries {
            let same = known == method || (method == Method::HEAD && known == Method::GET);
            // Matching costs more than comparing methods; it is only needed for a 405 otherwise.
            if !same && found == Found::OtherMethod {
                continue;
            }
            if let Some(parameters) = pattern.matches(path) {
                if same {
                    return Found::Route(*route, parameters);
                }
                found = Found::OtherMethod;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router() -> Router {
        let mut router = Router::default();
        let routes = ["/", "/api/flights/{id}", "/api/flights/search", "/static/{*file}"];
        for (index, path) in routes.into_iter().enumerate() {
            router.add(Method::GET, Pattern::parse(path).expect("a pattern"), index);
        }
        router
    }

    fn found(path: &str) -> Found {
        router().find(&Method::GET, path)
    }

    fn parameter(name: &str, value: &str) -> Parameters {
        vec![(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn literal_wins_over_parameter_in_any_order() {
        assert_eq!(found("/api/flights/search"), Found::Route(2, vec![]));
        assert_eq!(found("/api/flights/AD%204"), Found::Route(1, parameter("id", "AD 4")));
    }

    #[test]
    fn path_must_match_whole() {
        assert_eq!(found("/"), Found::Route(0, vec![]));
        for path in ["/api/flights", "/api/flights/", "/api/flights/1/seats", "/api"] {
            assert_eq!(found(path), Found::Nothing, "{path}");
        }
    }

    #[test]
    fn rest_takes_all_that_is_left() {
        assert_eq!(found("/static/a/b.js"), Found::Route(3, parameter("file", "a/b.js")));
    }

    #[test]
    fn other_method_is_told_apart_from_other_path() {
        assert_eq!(router().find(&Method::POST, "/api/flights/1"), Found::OtherMethod);
        assert_eq!(router().find(&Method::POST, "/nothing"), Found::Nothing);
        assert_eq!(router().find(&Method::HEAD, "/"), Found::Route(0, vec![]));
    }

    #[test]
    fn malformed_patterns_are_refused() {
        for text in ["api", "/a/{", "/a/{}", "/{*x}/y", "/a?b", "/{a b}"] {
            assert_eq!(Pattern::parse(text), None, "{text}");
        }
    }
}
