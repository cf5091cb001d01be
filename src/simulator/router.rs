//! Method and path → route.

use http::Method;

/// One part of a path between slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PathSegment {
    Literal(String),
    /// `{name}`: exactly one segment.
    Parameter(String),
    /// `{*name}` at the end: all that is left.
    Rest(String),
}

/// A pattern like `/api/bookings/{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathPattern(Vec<PathSegment>);

/// Parameters by name, in the order of the path.
pub(super) type Parameters = Vec<(String, String)>;

/// Finds routes. Literal segments win over parameters, and those over rests; then the first one wins.
#[derive(Debug, Default)]
pub(super) struct Router {
    entries: Vec<(Method, PathPattern, usize)>,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RouteMatch {
    Route(usize, Parameters),
    /// The path is known, the method is not.
    OtherMethod,
    Nothing,
}

impl PathPattern {
    /// Reads a pattern; `None` if it does not begin with `/`, or if it is malformed.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut segments = Vec::new();
        for part in text.strip_prefix('/')?.split('/') {
            let name = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            segments.push(match name.map(|name| (name.strip_prefix('*'), name)) {
                _ if matches!(segments.last(), Some(PathSegment::Rest(_))) => return None,
                Some((Some(rest), _)) if is_name(rest) => PathSegment::Rest(rest.to_owned()),
                Some((None, name)) if is_name(name) => PathSegment::Parameter(name.to_owned()),
                None if !part.contains(['{', '}', '?', '#']) => {
                    PathSegment::Literal(part.to_owned())
                }
                _ => return None,
            });
        }
        Some(Self(segments))
    }

    /// Whether a last parameter names an item.
    pub(super) fn has_parameter(&self) -> bool {
        self.0.iter().any(|segment| !matches!(segment, PathSegment::Literal(_)))
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
                PathSegment::Literal(literal) if literal == part => rest = tail,
                PathSegment::Literal(_) => return None,
                PathSegment::Parameter(_) if part.is_empty() => return None,
                PathSegment::Parameter(name) => {
                    parameters.push((name.clone(), decoded(part)));
                    rest = tail;
                }
                PathSegment::Rest(name) => {
                    parameters.push((name.clone(), decoded(all)));
                    rest = None;
                }
            }
        }
        rest.is_none().then_some(parameters)
    }

    /// Literals first: the smaller, the earlier it is tried.
    fn looseness(&self) -> Vec<u8> {
        let loose = |segment: &PathSegment| match segment {
            PathSegment::Literal(_) => 0,
            PathSegment::Parameter(_) => 1,
            PathSegment::Rest(_) => 2,
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
    pub(super) fn add(&mut self, method: Method, pattern: PathPattern, route: usize) -> bool {
        if self.entries.iter().any(|(m, p, _)| (m, p) == (&method, &pattern)) {
            return false;
        }
        let place = self.entries.partition_point(|(_, p, _)| p.looseness() <= pattern.looseness());
        self.entries.insert(place, (method, pattern, route));
        true
    }

    /// The route for a request. HEAD goes where GET would.
    pub(super) fn find(&self, method: &Method, path: &str) -> RouteMatch {
        let mut found = RouteMatch::Nothing;
        for (known, pattern, route) in &self.entries {
            let same = known == method || (method == Method::HEAD && known == Method::GET);
            // Matching costs more than comparing methods; it is only needed for a 405 otherwise.
            if !same && found == RouteMatch::OtherMethod {
                continue;
            }
            if let Some(parameters) = pattern.matches(path) {
                if same {
                    return RouteMatch::Route(*route, parameters);
                }
                found = RouteMatch::OtherMethod;
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
            router.add(Method::GET, PathPattern::parse(path).expect("a pattern"), index);
        }
        router
    }

    fn found(path: &str) -> RouteMatch {
        router().find(&Method::GET, path)
    }

    fn parameter(name: &str, value: &str) -> Parameters {
        vec![(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn literal_wins_over_parameter_in_any_order() {
        assert_eq!(found("/api/flights/search"), RouteMatch::Route(2, vec![]));
        assert_eq!(found("/api/flights/AD%204"), RouteMatch::Route(1, parameter("id", "AD 4")));
    }

    #[test]
    fn path_must_match_whole() {
        assert_eq!(found("/"), RouteMatch::Route(0, vec![]));
        for path in ["/api/flights", "/api/flights/", "/api/flights/1/seats", "/api"] {
            assert_eq!(found(path), RouteMatch::Nothing, "{path}");
        }
    }

    #[test]
    fn rest_takes_all_that_is_left() {
        assert_eq!(found("/static/a/b.js"), RouteMatch::Route(3, parameter("file", "a/b.js")));
    }

    #[test]
    fn other_method_is_told_apart_from_other_path() {
        assert_eq!(router().find(&Method::POST, "/api/flights/1"), RouteMatch::OtherMethod);
        assert_eq!(router().find(&Method::POST, "/nothing"), RouteMatch::Nothing);
        assert_eq!(router().find(&Method::HEAD, "/"), RouteMatch::Route(0, vec![]));
    }

    #[test]
    fn malformed_patterns_are_refused() {
        for text in ["api", "/a/{", "/a/{}", "/{*x}/y", "/a?b", "/{a b}"] {
            assert_eq!(PathPattern::parse(text), None, "{text}");
        }
    }
}
