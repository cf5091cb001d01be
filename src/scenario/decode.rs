//! Tree → typed values, noting every problem instead of stopping at the first.

pub(super) mod values;

use super::format::{Grammar, WordList};
use super::{KeyNode, Node, NodeValue, ProblemKind, Problems, Spanned};

/// A type that can be read from a node.
pub trait Decode: Sized {
    /// The value, or `None` with at least one problem noted.
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self>;

    /// Whether values of `grammar` are read by this type.
    fn reads(grammar: &Grammar) -> bool;
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

/// One of the words of a list; `meanings` says what each stands for.
pub fn word<T: Copy>(
    node: &Node,
    list: &WordList,
    meanings: &[(&'static str, T)],
    problems: &mut Problems,
) -> Option<T> {
    debug_assert!(
        list.words.iter().map(|(word, _)| word).eq(meanings.iter().map(|(word, _)| word)),
        "the words of {} and what they stand for differ",
        list.what
    );
    let found = text(node, list.what, problems)?;
    if let Some((_, value)) = meanings.iter().find(|(name, _)| *name == found) {
        return Some(*value);
    }
    let known = meanings.iter().map(|(name, _)| *name).collect();
    let (found, what) = (found.to_owned(), list.what);
    problems.report(node.span, ProblemKind::UnknownWord { found, what, known });
    None
}

/// A whole number within bounds that no declaration knows, both included.
pub fn whole_within(
    node: &Node,
    what: &str,
    (low, high): (u32, u32),
    problems: &mut Problems,
) -> Option<u32> {
    let found = u32::decode(node, problems)?;
    if (low..=high).contains(&found) {
        return Some(found);
    }
    let (what, low, high) = (what.to_owned(), f64::from(low), f64::from(high));
    let kind = ProblemKind::OutOfRange { what, low, high, found: f64::from(found) };
    problems.report(node.span, kind);
    None
}

/// A list of texts, or a single one.
pub(super) fn texts(node: &Node, problems: &mut Problems) -> Vec<Spanned<String>> {
    one_or_many(node).iter().filter_map(|item| Spanned::<String>::decode(item, problems)).collect()
}

/// A mapping of texts, or of lists of texts: a list gives its key once for each item.
pub(super) fn repeated_map(
    node: &Node,
    expected: &'static str,
    problems: &mut Problems,
) -> Vec<(Spanned<String>, Spanned<String>)> {
    let Some(entries) = entries(node, expected, problems) else { return vec![] };
    let mut pairs = vec![];
    for (key, node) in entries {
        let key = Spanned::new(key.text.clone(), key.span);
        pairs.extend(texts(node, problems).into_iter().map(|value| (key.clone(), value)));
    }
    pairs
}

/// A mapping of texts.
pub(super) fn text_map(
    node: &Node,
    expected: &'static str,
    problems: &mut Problems,
) -> Vec<(Spanned<String>, Spanned<String>)> {
    let Some(entries) = entries(node, expected, problems) else { return vec![] };
    entries
        .iter()
        .filter_map(|(key, node)| {
            let value = Spanned::<String>::decode(node, problems)?;
            Some((Spanned::new(key.text.clone(), key.span), value))
        })
        .collect()
}
