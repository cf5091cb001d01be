//! Counts of a log that do not grow with its length: kinds of requests, each with a sample of its URLs.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::request::LoggedRequest;
use super::sample::UrlSample;
use crate::har::is_asset;
use crate::names::is_id;

/// More values than these at one place of a path are no words of a route, but values.
const WORDS_MAX: usize = 20;
/// How many kinds of requests are held before such places are looked for; and again when there are as many more.
const ROUTES_MAX: usize = 5_000;
/// How many segments of a path are told apart.
const DEPTH_MAX: usize = 16;
/// How many bytes of URLs are held in all.
const SAMPLE_BYTES_MAX: usize = 16 << 20;
/// What stands for a value.
pub(super) const BLANK: &str = "{}";
/// What separates the parts of a key: no path has it.
const SIGN: char = '\n';

/// A kind of requests: a method, a host, and a path in which ids are blanks.
#[derive(Debug, Clone)]
pub(super) struct RouteTally {
    pub(super) host: String,
    pub(super) method: &'static str,
    /// Segments, with [`BLANK`]s.
    pub(super) segments: Vec<String>,
    /// Static files, all of them together.
    pub(super) is_static: bool,
    pub(super) count: u64,
    pub(super) statuses: Vec<(u16, u64)>,
    /// Bytes of answers, and how many told them.
    pub(super) bytes: (u64, u64),
    pub(super) sample: UrlSample,
}

/// All kinds of requests of a log.
#[derive(Debug, Default)]
pub(super) struct RouteTallies {
    routes: Vec<RouteTally>,
    by_key: HashMap<String, usize>,
    /// Beginnings of paths behind which any segment is a value.
    values_behind: HashSet<String>,
    /// How many routes are allowed before the next look.
    limit: usize,
    bytes: usize,
    /// Requests of kinds that were given up because there were too many.
    pub(super) given_up: u64,
    key: String,
}

impl RouteTallies {
    /// Counts a request, number `line` of the log.
    pub(super) fn add(
        &mut self,
        request: &LoggedRequest,
        (line, status, bytes): (u64, u16, Option<u64>),
    ) {
        self.write_key(request);
        let at = match self.by_key.get(self.key.as_str()) {
            Some(at) => *at,
            None => self.insert(request),
        };
        let route = &mut self.routes[at];
        route.count += 1;
        match route.statuses.iter_mut().find(|(known, _)| *known == status) {
            Some((_, count)) => *count += 1,
            None => route.statuses.push((status, 1)),
        }
        if let Some(bytes) = bytes {
            route.bytes.0 += bytes;
            route.bytes.1 += 1;
        }
        self.bytes += route.sample.put(line, &request.url);
        if self.bytes > SAMPLE_BYTES_MAX {
            self.routes.iter_mut().for_each(|route| route.sample.halve());
            self.bytes = self.routes.iter().map(|route| route.sample.bytes()).sum();
        }
        if self.routes.len() > self.limit.max(ROUTES_MAX) {
            self.find_values();
            self.give_up_the_rarest();
            self.limit = self.routes.len() + ROUTES_MAX;
        }
    }

    /// The kind of a request, by its number among [`Self::finish`]'s before they are sorted.
    fn write_key(&mut self, request: &LoggedRequest) {
        let path = request.url.split('?').next().unwrap_or_default();
        let key = &mut self.key;
        key.clear();
        key.push_str(&request.host);
        key.push(SIGN);
        key.push_str(request.method);
        if request.method == "GET" && is_asset(path) {
            key.push(SIGN);
            return;
        }
        let start = key.len();
        for (depth, segment) in path.trim_start_matches('/').split('/').enumerate() {
            let value = is_value(segment)
                || (!self.values_behind.is_empty()
                    && depth > 0
                    && self.values_behind.contains(&format!("{}{}", request.host, &key[start..])));
            key.push('/');
            key.push_str(if value { BLANK } else { segment });
        }
    }

    fn insert(&mut self, request: &LoggedRequest) -> usize {
        let is_static = self.key.ends_with(SIGN);
        let shape = self.key.rsplit(SIGN).next().unwrap_or_default();
        let start = shape.find('/').map_or(shape.len(), |at| at + 1);
        let segments = if is_static {
            vec!["static".to_owned()]
        } else {
            shape[start..].split('/').map(str::to_owned).collect()
        };
        self.routes.push(RouteTally {
            host: request.host.clone(),
            method: request.method,
            segments,
            is_static,
            count: 0,
            statuses: vec![],
            bytes: (0, 0),
            sample: UrlSample::default(),
        });
        self.by_key.insert(self.key.clone(), self.routes.len() - 1);
        self.routes.len() - 1
    }

    /// From the left: whether a place varies is asked among paths that agree so far.
    fn find_values(&mut self) {
        for depth in 1..DEPTH_MAX {
            let mut words: HashMap<String, BTreeSet<&str>> = HashMap::new();
            for route in self.routes.iter().filter(|route| !route.is_static) {
                if let Some(word) = route.segments.get(depth) {
                    words.entry(beginning(route, depth)).or_default().insert(word);
                }
            }
            let many = words.into_iter().filter(|(_, words)| words.len() > WORDS_MAX);
            let found: Vec<String> = many.map(|(beginning, _)| beginning).collect();
            if found.is_empty() {
                continue;
            }
            self.values_behind.extend(found);
            for route in self.routes.iter_mut().filter(|route| !route.is_static) {
                if route.segments.len() > depth
                    && self.values_behind.contains(&beginning(route, depth))
                {
                    BLANK.clone_into(&mut route.segments[depth]);
                }
            }
        }
        self.merge();
    }

    /// Routes that became the same are one.
    fn merge(&mut self) {
        self.by_key.clear();
        for route in std::mem::take(&mut self.routes) {
            let key = key_of(&route);
            if let Some(at) = self.by_key.get(&key) {
                self.routes[*at].absorb(route);
            } else {
                self.by_key.insert(key, self.routes.len());
                self.routes.push(route);
            }
        }
    }

    /// A log of ever new paths, such as of a scanner, does not cost memory without bound.
    fn give_up_the_rarest(&mut self) {
        if self.routes.len() <= ROUTES_MAX / 2 {
            return;
        }
        self.routes.sort_by_key(|route| std::cmp::Reverse(route.count));
        self.given_up += self.routes.drain(ROUTES_MAX / 2..).map(|route| route.count).sum::<u64>();
        self.merge();
    }

    /// The kinds of requests, the most frequent first.
    pub(super) fn finish(mut self) -> (Vec<RouteTally>, u64) {
        self.find_values();
        let mut routes = self.routes;
        let order = |route: &RouteTally| {
            (route.is_static, route.method, route.segments.clone(), route.host.clone())
        };
        routes.sort_by_cached_key(|route| (std::cmp::Reverse(route.count), order(route)));
        (routes, self.given_up)
    }
}

/// Whether a segment names one thing among many, its escapes resolved.
fn is_value(segment: &str) -> bool {
    if segment.contains('%') {
        return is_id(&percent_encoding::percent_decode_str(segment).decode_utf8_lossy());
    }
    is_id(segment)
}

fn beginning(route: &RouteTally, depth: usize) -> String {
    format!("{}/{}", route.host, route.segments[..depth].join("/"))
}

fn key_of(route: &RouteTally) -> String {
    let RouteTally { host, method, segments, is_static, .. } = route;
    if *is_static {
        return format!("{host}{SIGN}{method}{SIGN}");
    }
    format!("{host}{SIGN}{method}/{}", segments.join("/"))
}

impl RouteTally {
    fn absorb(&mut self, other: Self) {
        self.count += other.count;
        for (status, count) in other.statuses {
            match self.statuses.iter_mut().find(|(known, _)| *known == status) {
                Some((_, known)) => *known += count,
                None => self.statuses.push((status, count)),
            }
        }
        self.bytes = (self.bytes.0 + other.bytes.0, self.bytes.1 + other.bytes.1);
        self.sample.absorb(other.sample);
    }

    /// Whether a request is of this kind.
    pub(super) fn fits(&self, request: &LoggedRequest) -> bool {
        let path = request.url.split('?').next().unwrap_or_default();
        let is_static = request.method == "GET" && is_asset(path);
        if (self.method, self.host.as_str(), self.is_static)
            != (request.method, request.host.as_str(), is_static)
        {
            return false;
        }
        let mut known = self.segments.iter();
        is_static
            || (path.trim_start_matches('/').split('/').all(|segment| {
                known.next().is_some_and(|known| known == BLANK || known == segment)
            }) && known.next().is_none())
    }

    /// `/flights/{}/seats`
    pub(super) fn shape(&self) -> String {
        format!("{}/{}", self.host, self.segments.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str) -> LoggedRequest {
        LoggedRequest { method: "GET", host: String::new(), url: url.to_owned(), hidden: vec![] }
    }

    #[test]
    fn places_that_vary_become_values_and_words_stay() {
        let mut tallies = RouteTallies::default();
        for n in 0..30 {
            let name = char::from(b'a' + n % 26);
            tallies
                .add(&request(&format!("/users/x{name}{name}yz{}/posts", n / 26)), (1, 200, None));
            tallies.add(&request(&format!("/flights/{n}")), (1, 200, None));
        }
        tallies.add(&request("/app.js"), (1, 200, None));
        let (routes, _) = tallies.finish();
        let shapes: Vec<String> = routes.iter().map(RouteTally::shape).collect();
        assert_eq!(shapes, ["/flights/{}", "/users/{}/posts", "/static"]);
    }

    /// Goal: memory does not grow with the number of distinct paths.
    #[test]
    fn log_of_ever_new_paths_is_held_in_bounds() {
        let mut tallies = RouteTallies::default();
        for n in 0..40_000_u64 {
            let word: String =
                (0..5).map(|at| char::from(b'a' + (n / 26_u64.pow(at) % 26) as u8)).collect();
            tallies.add(&request(&format!("/{word}")), (n, 200, None));
            tallies.add(&request("/home"), (n, 200, None));
        }
        assert!(tallies.routes.len() <= 2 * ROUTES_MAX, "{}", tallies.routes.len());
        let (routes, given_up) = tallies.finish();
        assert_eq!((routes[0].shape().as_str(), routes[0].count), ("/home", 40_000));
        assert_eq!(routes.iter().map(|route| route.count).sum::<u64>() + given_up, 80_000);
    }
}
