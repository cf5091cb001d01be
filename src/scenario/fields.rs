//! Tree → typed values, noting every problem instead of stopping at the first.
//!
//! A value that is wrong decodes to `None` and leaves a problem behind; the caller reads all fields of a
//! mapping first and gives up only afterwards, so that one run of `plimsoll check` shows everything.

use std::collections::BTreeSet;

use super::problem::nearest;
use super::{KeyNode, Node, NodeValue, ProblemKind, Problems, Span};

/// A type that can be read from a node.
pub trait Decode: Sized {
    /// The value, or `None` with at least one problem noted.
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self>;
}

/// The fields of a mapping, taken one after the other.
#[derive(Debug)]
pub struct Fields<'n> {
    place: &'static str,
    span: Span,
    entries: &'n [(KeyNode, Node)],
    taken: BTreeSet<usize>,
    known: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// The fields of `node`; `place` names it in messages, with its article: `a stage`.
    pub fn of(node: &'n Node, place: &'static str, problems: &mut Problems) -> Option<Self> {
        let NodeValue::Mapping(entries) = &node.value else {
            let kind = ProblemKind::WrongShape { expected: place, found: node.kind() };
            problems.report(node.span, kind);
            return None;
        };
        let taken = BTreeSet::new();
        Some(Self { place, span: node.span, entries, taken, known: vec![] })
    }

    /// Where the mapping stands.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The node of a field, if it is given. A field that is given as nothing counts as given.
    pub fn node(&mut self, name: &'static str) -> Option<&'n Node> {
        self.entry(name).map(|(_, node)| node)
    }

    /// The key and node of a field, if it is given.
    pub fn entry(&mut self, name: &'static str) -> Option<&'n (KeyNode, Node)> {
        self.known.push(name);
        let index = self.entries.iter().position(|(key, _)| key.text == name)?;
        self.taken.insert(index);
        Some(&self.entries[index])
    }

    /// Whether a field is given.
    pub fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|(key, _)| key.text == name)
    }

    /// A field that may be left out.
    pub fn optional<T: Decode>(
        &mut self,
        name: &'static str,
        problems: &mut Problems,
    ) -> Option<T> {
        T::decode(self.node(name)?, problems)
    }

    /// A field that must be there.
    pub fn required<T: Decode>(
        &mut self,
        name: &'static str,
        problems: &mut Problems,
    ) -> Option<T> {
        let node = self.required_node(name, problems)?;
        T::decode(node, problems)
    }

    /// The node of a field that must be there.
    pub fn required_node(
        &mut self,
        name: &'static str,
        problems: &mut Problems,
    ) -> Option<&'n Node> {
        let node = self.node(name);
        if node.is_none() {
            let kind = ProblemKind::MissingField { field: name, place: self.place };
            problems.report(self.span, kind);
        }
        node
    }

    /// A field that may be left out, with its default.
    pub fn or<T: Decode>(&mut self, name: &'static str, default: T, problems: &mut Problems) -> T {
        self.optional(name, problems).unwrap_or(default)
    }

    /// The entries that no field has taken yet: the names that the author chose.
    pub fn others(&mut self) -> Vec<&'n (KeyNode, Node)> {
        let rest: Vec<usize> =
            (0..self.entries.len()).filter(|index| !self.taken.contains(index)).collect();
        self.taken.extend(rest.iter().copied());
        rest.into_iter().map(|index| &self.entries[index]).collect()
    }

    /// Reports every field that was not asked for. A missing field that is only misspelt is told once.
    pub fn finish(self, problems: &mut Problems) {
        for (index, (key, _)) in self.entries.iter().enumerate() {
            if self.taken.contains(&index) {
                continue;
            }
            if let Some(field) = nearest(&key.text, &self.known) {
                let place = self.place;
                problems.retract(self.span, |kind| {
                    matches!(kind, ProblemKind::MissingField { field: missing, place: there }
                        if *missing == field && *there == place)
                });
            }
            let kind = ProblemKind::UnknownField {
                field: key.text.clone(),
                place: self.place,
                known: self.known.clone(),
            };
            problems.report(key.span, kind);
        }
    }
}

/// The text of a scalar.
///
/// Returns `None` and reports where the node is not a scalar, or is nothing.
pub fn text<'n>(
    node: &'n Node,
    expected: &'static str,
    problems: &mut Problems,
) -> Option<&'n str> {
    match &node.value {
        NodeValue::Scalar(scalar) if !node.is_null() => Some(&scalar.text),
        _ => {
            let kind = ProblemKind::WrongShape { expected, found: node.kind() };
            problems.report(node.span, kind);
            None
        }
    }
}

/// The items of a list.
pub fn list<'n>(
    node: &'n Node,
    expected: &'static str,
    problems: &mut Problems,
) -> Option<&'n [Node]> {
    if let NodeValue::Sequence(items) = &node.value {
        return Some(items);
    }
    problems.report(node.span, ProblemKind::WrongShape { expected, found: node.kind() });
    None
}

/// The items of a list, or a single value as a list of one.
pub fn one_or_many(node: &Node) -> &[Node] {
    match &node.value {
        NodeValue::Sequence(items) => items,
        _ => std::slice::from_ref(node),
    }
}

/// The entries of a mapping whose keys the author chose.
pub fn entries<'n>(
    node: &'n Node,
    expected: &'static str,
    problems: &mut Problems,
) -> Option<&'n [(KeyNode, Node)]> {
    if let NodeValue::Mapping(entries) = &node.value {
        return Some(entries);
    }
    problems.report(node.span, ProblemKind::WrongShape { expected, found: node.kind() });
    None
}

/// One of a fixed set of words, by position in `known`.
pub fn word<T: Copy>(
    node: &Node,
    what: &'static str,
    known: &[(&'static str, T)],
    problems: &mut Problems,
) -> Option<T> {
    let found = text(node, what, problems)?;
    if let Some((_, value)) = known.iter().find(|(name, _)| *name == found) {
        return Some(*value);
    }
    let known = known.iter().map(|(name, _)| *name).collect();
    problems.report(node.span, ProblemKind::UnknownWord { found: found.to_owned(), what, known });
    None
}

/// A number within bounds, both included.
pub fn number_within(
    node: &Node,
    what: &'static str,
    (low, high): (f64, f64),
    problems: &mut Problems,
) -> Option<f64> {
    let found = f64::decode(node, problems)?;
    if (low..=high).contains(&found) {
        return Some(found);
    }
    problems.report(node.span, ProblemKind::OutOfRange { what, low, high, found });
    None
}

mod values;
