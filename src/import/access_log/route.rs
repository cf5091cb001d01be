//! Requests of one kind: a method and a path in which ids are blanks.

use std::collections::{BTreeMap, BTreeSet};

use super::line::LoggedRequest;
use crate::import::draft::{RequestDraft, kind_of};
use crate::import::har::is_asset;
use crate::import::names::{candidates, is_id};

/// More values than these at one place of a path are no words of a route, but values.
const WORDS_MAX: usize = 20;
/// What stands for a value.
const BLANK: &str = "{}";

/// A kind of requests.
#[derive(Debug)]
pub(super) struct LoggedRoute<'h> {
    pub(super) method: &'static str,
    /// Segments, with [`BLANK`]s.
    pub(super) segments: Vec<String>,
    /// In the order of the log.
    pub(super) hits: Vec<&'h LoggedRequest>,
    /// Static files, all of them together.
    pub(super) is_static: bool,
}

/// Sorts requests into routes, the most frequent first.
pub(super) fn routes(hits: &[LoggedRequest]) -> Vec<LoggedRoute<'_>> {
    let shapes = shapes(hits);
    let mut routes: BTreeMap<(bool, &'static str, Vec<String>), Vec<&LoggedRequest>> =
        BTreeMap::new();
    for (hit, shape) in hits.iter().zip(shapes) {
        let is_static = hit.method == "GET" && is_asset(&hit.path);
        let shape = if is_static { vec!["static".to_owned()] } else { shape };
        routes.entry((is_static, hit.method, shape)).or_default().push(hit);
    }
    let mut routes: Vec<LoggedRoute<'_>> = routes
        .into_iter()
        .map(|((is_static, method, segments), hits)| LoggedRoute {
            method,
            segments,
            hits,
            is_static,
        })
        .collect();
    routes.sort_by_key(|route| std::cmp::Reverse(route.hits.len()));
    routes
}

fn shapes(hits: &[LoggedRequest]) -> Vec<Vec<String>> {
    let mut shapes: Vec<Vec<String>> = hits
        .iter()
        .map(|hit| {
            let segments = hit.path.trim_start_matches('/').split('/');
            segments.map(|part| if is_id(part) { BLANK } else { part }.to_owned()).collect()
        })
        .collect();
    let deepest = shapes.iter().map(Vec::len).max().unwrap_or_default();
    // From the left: whether a place varies is asked among paths that agree so far.
    for depth in 1..deepest.min(16) {
        let mut words: BTreeMap<Vec<String>, BTreeSet<String>> = BTreeMap::new();
        for (hit, shape) in hits.iter().zip(&shapes) {
            if shape.len() > depth && !is_asset(&hit.path) {
                words.entry(shape[..depth].to_vec()).or_default().insert(shape[depth].clone());
            }
        }
        for shape in shapes.iter_mut().filter(|shape| shape.len() > depth) {
            if words.get(&shape[..depth]).is_some_and(|words| words.len() > WORDS_MAX) {
                BLANK.clone_into(&mut shape[depth]);
            }
        }
    }
    shapes
}

impl LoggedRoute<'_> {
    /// `/flights/{}/seats`
    pub(super) fn shape(&self) -> String {
        format!("/{}", self.segments.join("/"))
    }

    pub(super) fn candidates(&self) -> Vec<String> {
        if self.is_static {
            return vec!["static_files".to_owned()];
        }
        let segments: Vec<&str> = self.segments.iter().map(String::as_str).collect();
        candidates(self.method, &segments)
    }

    /// The step without its URL.
    pub(super) fn step(&self, name: &str) -> RequestDraft {
        let mut step = RequestDraft::new(kind_of(self.method), name);
        step.status = self.status();
        if self.is_static {
            step.tag = Some("static");
        }
        if !matches!(self.method, "GET" | "HEAD" | "DELETE") {
            step.comment = Some("The log has no bodies: write here what it carries.".to_owned());
        }
        step
    }

    /// What was answered mostly, where it says how the next answer should be: the others are the stack's
    /// failures, or redirects, which are followed.
    fn status(&self) -> Option<String> {
        let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
        for hit in
            self.hits.iter().filter(|hit| (200..300).contains(&hit.status) || hit.status == 304)
        {
            *counts.entry(hit.status).or_default() += 1;
        }
        let redirects = self.hits.iter().any(|hit| (300..304).contains(&hit.status));
        match counts.keys().copied().collect::<Vec<_>>()[..] {
            _ if redirects => None,
            [] => None,
            [only] if only != 304 && only != 206 => Some(only.to_string()),
            _ => Some("2xx".to_owned()),
        }
    }
}
