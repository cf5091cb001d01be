//! YAML text → a tree in which every value knows its place.
//!
//! Built on the events of `saphyr-parser`, so that a file with many mistakes is answered in full. The tree is
//! bounded in depth and in size, because aliases can make a small file huge.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span as EventSpan};

use super::{ProblemKind, Problems, SourceId, Span, core_schema};

/// How deep values may be nested.
pub const DEPTH_LIMIT: usize = 64;
/// How many values a file may hold once aliases are expanded.
pub const NODE_LIMIT: usize = 100_000;

/// A value and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it stands. A block mapping or list stands at its key.
    pub span: Span,
    /// What it is.
    pub value: NodeValue,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeValue {
    /// A text, or whatever a text stands for.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys with values, in the order of the file; no key comes twice.
    Mapping(Vec<(KeyNode, Node)>),
}

/// A text, or whatever a text stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// What it says, quotes and escapes resolved.
    pub text: String,
    /// Whether it stands without quotes, so that `5` is a number and `true` a truth value.
    pub plain: bool,
}

/// A key of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyNode {
    /// Its text.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

impl Node {
    /// Whether nothing is written: an empty value, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, NodeValue::Scalar(scalar)
            if scalar.plain && core_schema::is_null(&scalar.text))
    }

    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            NodeValue::Scalar(_) => "a single value",
            NodeValue::Sequence(_) => "a list",
            NodeValue::Mapping(_) => "a mapping",
        }
    }

    /// The value of `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            NodeValue::Mapping(entries) => {
                entries.iter().find(|(known, _)| known.text == key).map(|(_, node)| node)
            }
            _ => None,
        }
    }

    /// How many values are in it, itself included, and how deep they are nested.
    fn extent(&self) -> (usize, usize) {
        let add = |(count, depth): (usize, usize), node: &Self| {
            let (more, deeper) = node.extent();
            (count + more, depth.max(deeper + 1))
        };
        match &self.value {
            NodeValue::Scalar(_) => (1, 0),
            NodeValue::Sequence(items) => items.iter().fold((1, 1), add),
            NodeValue::Mapping(entries) => entries.iter().map(|(_, node)| node).fold((1, 1), add),
        }
    }
}

/// Reads the one document of a file. What is wrong goes to `problems`; without a tree there is at least one.
pub fn parse(text: &str, source: SourceId, problems: &mut Problems) -> Option<Node> {
    let mut builder = NodeBuilder::new(source, problems);
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => {
                if !builder.on_event(event, span) {
                    return None;
                }
            }
            Err(error) => {
                let mark = error.marker();
                let at = EventSpan::new(*mark, *mark);
                let message = error.info().to_owned();
                let span = builder.place(at);
                builder.problems.report(span, ProblemKind::Syntax { message });
                return None;
            }
        }
    }
    let root = builder.root;
    if root.is_none() {
        problems.report(Span::file(source), ProblemKind::EmptyFile);
    }
    root
}

/// A list or mapping that is not closed yet.
struct OpenCollection {
    anchor: usize,
    span: Span,
    content: CollectionContent,
}

enum CollectionContent {
    Sequence(Vec<Node>),
    Mapping(Vec<(KeyNode, Node)>, PendingKey),
    /// A mapping with a key that is no text, mostly a template without quotes: it is read as an empty text,
    /// so that nothing more is said about it.
    Unusable,
}

/// What a mapping waits for.
enum PendingKey {
    Key,
    Value(KeyNode),
    /// The value of a key that comes twice.
    Skipped,
}

struct NodeBuilder<'p> {
    source: SourceId,
    problems: &'p mut Problems,
    open: Vec<OpenCollection>,
    anchors: HashMap<usize, Node>,
    count: usize,
    root: Option<Node>,
}

impl<'p> NodeBuilder<'p> {
    fn new(source: SourceId, problems: &'p mut Problems) -> Self {
        Self { source, problems, open: vec![], anchors: HashMap::new(), count: 0, root: None }
    }

    fn place(&self, span: EventSpan) -> Span {
        Span {
            source: self.source,
            line: span.start.line().max(1) as u32,
            column: span.start.col() as u32 + 1,
            length: span.end.index().saturating_sub(span.start.index()) as u32,
        }
    }

    /// Returns whether to go on.
    fn on_event(&mut self, event: Event<'_>, span: EventSpan) -> bool {
        let place = self.place(span);
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                self.problems.report(place, ProblemKind::SecondDocument);
                false
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(place, tag.as_deref());
                let plain = style == ScalarStyle::Plain;
                let scalar = Scalar { text: text.into_owned(), plain };
                self.close(Node { span: place, value: NodeValue::Scalar(scalar) }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(place, tag.as_deref());
                self.enter(anchor, place, CollectionContent::Sequence(vec![]))
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(place, tag.as_deref());
                self.enter(anchor, place, CollectionContent::Mapping(vec![], PendingKey::Key))
            }
            Event::SequenceEnd | Event::MappingEnd => self.leave(place),
            Event::Alias(anchor) => self.expand(anchor, place),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => true,
        }
    }

    fn refuse_tag(&mut self, place: Span, tag: Option<&saphyr_parser::Tag>) {
        if let Some(tag) = tag {
            self.problems.report(place, ProblemKind::TagNotKnown { tag: shown(tag) });
        }
    }

    fn enter(&mut self, anchor: usize, place: Span, content: CollectionContent) -> bool {
        if self.open.len() >= DEPTH_LIMIT {
            self.problems.report(place, ProblemKind::TooDeep { limit: DEPTH_LIMIT });
            return false;
        }
        // A block collection begins where its key is; a flow collection has a bracket of its own.
        let span = match (place.length, self.open.last()) {
            (
                0,
                Some(OpenCollection {
                    content: CollectionContent::Mapping(_, PendingKey::Value(key)),
                    ..
                }),
            ) => key.span,
            _ => place,
        };
        self.open.push(OpenCollection { anchor, span, content });
        true
    }

    fn leave(&mut self, end: Span) -> bool {
        let Some(mut open) = self.open.pop() else { return true };
        if open.span.line == end.line && end.length > 0 {
            // The event of a closing bracket may reach over the blanks behind it.
            open.span.length = (end.column + 1).saturating_sub(open.span.column);
        }
        let value = match open.content {
            CollectionContent::Sequence(items) => NodeValue::Sequence(items),
            CollectionContent::Mapping(entries, _) => NodeValue::Mapping(entries),
            CollectionContent::Unusable => {
                NodeValue::Scalar(Scalar { text: String::new(), plain: false })
            }
        };
        let mut span = open.span;
        if let (0, NodeValue::Mapping(entries)) = (span.length, &value)
            && let Some((first, _)) = entries.first()
        {
            span = first.span;
        }
        self.close(Node { span, value }, open.anchor)
    }

    fn expand(&mut self, anchor: usize, place: Span) -> bool {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            self.problems.report(place, ProblemKind::AliasInItself);
            return false;
        };
        let (count, depth) = node.extent();
        if self.open.len() + depth > DEPTH_LIMIT {
            self.problems.report(place, ProblemKind::TooDeep { limit: DEPTH_LIMIT });
            return false;
        }
        self.count += count;
        self.close(node, 0)
    }

    /// Puts a finished value where it belongs.
    fn close(&mut self, node: Node, anchor: usize) -> bool {
        self.count += 1;
        if self.count > NODE_LIMIT {
            self.problems.report(node.span, ProblemKind::TooManyValues { limit: NODE_LIMIT });
            return false;
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(OpenCollection { content: CollectionContent::Sequence(items), .. }) => {
                items.push(node);
            }
            Some(OpenCollection { content, .. }) => add_to_mapping(content, node, self.problems),
        }
        true
    }
}

fn add_to_mapping(content: &mut CollectionContent, node: Node, problems: &mut Problems) {
    let CollectionContent::Mapping(entries, pending) = content else { return };
    let next = match std::mem::replace(pending, PendingKey::Key) {
        PendingKey::Key => accept_key(node, entries, problems),
        PendingKey::Value(key) => {
            entries.push(with_place(key, node));
            Some(PendingKey::Key)
        }
        PendingKey::Skipped => Some(PendingKey::Key),
    };
    match next {
        Some(next) => *pending = next,
        None => *content = CollectionContent::Unusable,
    }
}

/// What the mapping waits for behind a key; nothing where the key is no text.
fn accept_key(
    node: Node,
    entries: &[(KeyNode, Node)],
    problems: &mut Problems,
) -> Option<PendingKey> {
    let NodeValue::Scalar(scalar) = node.value else {
        problems.report(node.span, ProblemKind::KeyNotText);
        return None;
    };
    let earlier = entries.iter().find(|(key, _)| key.text == scalar.text);
    if let Some((first, _)) = earlier {
        let line = first.span.line;
        problems.report(node.span, ProblemKind::DuplicateField { field: scalar.text, line });
        return Some(PendingKey::Skipped);
    }
    Some(PendingKey::Value(KeyNode { text: scalar.text, span: node.span }))
}

/// A tag as written.
fn shown(tag: &saphyr_parser::Tag) -> String {
    if tag.is_yaml_core_schema() { format!("!!{}", tag.suffix) } else { tag.to_string() }
}

/// An empty value has no place of its own: it stands at its key.
fn with_place(key: KeyNode, mut node: Node) -> (KeyNode, Node) {
    if node.span.length == 0 && node.is_null() {
        node.span = key.span;
    }
    (key, node)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Node {
        let mut problems = Problems::default();
        let node = parse(text, SourceId(0), &mut problems);
        assert_eq!(problems.into_sorted(), vec![]);
        node.expect("a tree")
    }

    fn only_problem(text: &str) -> ProblemKind {
        let mut problems = Problems::default();
        parse(text, SourceId(0), &mut problems);
        let mut problems = problems.into_sorted();
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems.remove(0).kind
    }

    fn place(node: &Node) -> (u32, u32, u32) {
        (node.span.line, node.span.column, node.span.length)
    }

    #[test]
    fn values_know_their_places() {
        let root = tree("a: 1\nb:\n  c: \"x y\"\n  d: { e: [1, 2] }\n  f:\n");
        assert_eq!(place(root.get("a").expect("a")), (1, 4, 1));
        let b = root.get("b").expect("b");
        assert_eq!(place(b), (2, 1, 1));
        assert_eq!(place(b.get("c").expect("c")), (3, 6, 5));
        assert_eq!(place(b.get("d").expect("d")), (4, 6, 13));
        assert_eq!(place(b.get("d").expect("d").get("e").expect("e")), (4, 11, 6));
        assert_eq!(place(b.get("f").expect("f")), (5, 3, 1));
    }

    #[test]
    fn list_items_stand_at_their_first_key() {
        let root = tree("a:\n  - get: x\n    url: y\n  - b\n");
        let NodeValue::Sequence(items) = &root.get("a").expect("a").value else { panic!("list") };
        assert_eq!(place(&items[0]), (2, 5, 3));
        assert_eq!(place(&items[1]), (4, 5, 1));
    }

    #[test]
    fn aliases_expand_but_not_without_bound() {
        let root = tree("a: &x { k: v }\nb: *x\n");
        assert_eq!(root.get("a").map(|n| &n.value), root.get("b").map(|n| &n.value));
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for n in 1..9 {
            let alias = format!("*a{},", n - 1).repeat(10);
            bomb = format!("{bomb}a{n}: &a{n} [{}]\n", alias.trim_end_matches(','));
        }
        assert_eq!(only_problem(&bomb), ProblemKind::TooManyValues { limit: NODE_LIMIT });
    }

    #[test]
    fn deep_nesting_is_refused_not_followed() {
        let deep = "[".repeat(100);
        assert_eq!(only_problem(&deep), ProblemKind::TooDeep { limit: DEPTH_LIMIT });
        let (open, close) = ("[".repeat(40), "]".repeat(40));
        let chain = format!("a0: &a0 {open}{close}\na1: {open}*a0{close}\n");
        assert_eq!(only_problem(&chain), ProblemKind::TooDeep { limit: DEPTH_LIMIT });
    }

    #[test]
    fn duplicate_keys_are_told_with_the_first_ones_line() {
        let kind = only_problem("a: 1\nb: 2\na: 3\n");
        assert_eq!(kind, ProblemKind::DuplicateField { field: "a".into(), line: 1 });
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_answered_without_panic(text in "(?s).{0,200}") {
            let mut problems = Problems::default();
            let node = parse(&text, SourceId(0), &mut problems);
            proptest::prop_assert!(node.is_some() || !problems.is_empty());
        }

        #[test]
        fn any_yaml_like_text_is_answered_without_panic(text in r"[\[\]{}:\-,a&*!'#|>\n \t?%.]{0,80}") {
            let mut problems = Problems::default();
            let node = parse(&text, SourceId(0), &mut problems);
            proptest::prop_assert!(node.is_some() || !problems.is_empty());
        }
    }
}
