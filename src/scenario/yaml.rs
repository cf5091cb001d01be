//! YAML text → a tree in which every value knows its place.
//!
//! Built on the events of `saphyr-parser`, so that a file with many mistakes is answered in full. The tree is
//! bounded in depth and in size, because aliases can make a small file huge.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span as EventSpan};

use super::{ProblemKind, Problems, SourceId, Span, core_schema};
use plimsoll_units::Bytes;

/// How deep values may be nested.
pub const DEPTH_LIMIT: usize = 64;
/// How many values a file may hold as it is written: more than descriptions of large APIs come to.
pub const VALUE_LIMIT: usize = 1_000_000;
/// How many values aliases may repeat, in all.
pub const REPEATED_VALUE_LIMIT: usize = 100_000;
/// How many bytes of text aliases may repeat, in all.
pub const REPEATED_TEXT_LIMIT: usize = 8 << 20;
/// The key that takes over the entries of another mapping, or of several (<https://yaml.org/type/merge.html>).
const MERGE: &str = "<<";

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

    /// The value of `key`, to be changed, if this is a mapping that has it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match &mut self.value {
            NodeValue::Mapping(entries) => {
                entries.iter_mut().find(|(known, _)| known.text == key).map(|(_, node)| node)
            }
            _ => None,
        }
    }

    /// The tree of one file, behind that of another which says more: of mappings by name that both have, entry by
    /// entry, of anything else as a whole.
    #[must_use]
    pub fn overlaid(self, over: Self) -> Self {
        const BY_NAME: [&str; 8] =
            ["vars", "data", "http", "workloads", "flows", "sessions", "scenarios", "slo"];
        let (NodeValue::Mapping(mut entries), NodeValue::Mapping(more)) =
            (self.value, over.value.clone())
        else {
            return over;
        };
        for (key, value) in more {
            let known = entries.iter_mut().find(|(known, _)| known.text == key.text);
            match known {
                Some((_, Self { value: NodeValue::Mapping(before), .. }))
                    if BY_NAME.contains(&key.text.as_str())
                        && matches!(value.value, NodeValue::Mapping(_)) =>
                {
                    put_all(before, value);
                }
                Some(known) => *known = (key, value),
                None => entries.push((key, value)),
            }
        }
        Self { span: over.span, value: NodeValue::Mapping(entries) }
    }

    /// How many values are in it, itself included, and how many bytes of text.
    pub(super) fn weight(&self) -> (usize, usize) {
        let extent = self.extent();
        (extent.count, extent.text)
    }

    /// How large it is.
    fn extent(&self) -> NodeExtent {
        let collection = NodeExtent { count: 1, depth: 1, text: 0 };
        match &self.value {
            NodeValue::Scalar(scalar) => NodeExtent { count: 1, depth: 0, text: scalar.text.len() },
            NodeValue::Sequence(items) => {
                items.iter().fold(collection, |extent, item| extent.with(item.extent(), 0))
            }
            NodeValue::Mapping(entries) => entries
                .iter()
                .fold(collection, |extent, (key, node)| extent.with(node.extent(), key.text.len())),
        }
    }
}

/// Puts the entries of a mapping in the place of those of the same names, or behind.
fn put_all(entries: &mut Vec<(KeyNode, Node)>, more: Node) {
    let NodeValue::Mapping(more) = more.value else { return };
    for (key, value) in more {
        match entries.iter_mut().find(|(known, _)| known.text == key.text) {
            Some(known) => *known = (key, value),
            None => entries.push((key, value)),
        }
    }
}

/// How large a node is.
#[derive(Clone, Copy)]
struct NodeExtent {
    /// How many values are in it, itself included.
    count: usize,
    /// How deep they are nested.
    depth: usize,
    /// How many bytes of text are in it.
    text: usize,
}

impl NodeExtent {
    /// With a value inside, whose key has so many bytes.
    fn with(self, inside: Self, key: usize) -> Self {
        Self {
            count: self.count + inside.count,
            depth: self.depth.max(inside.depth + 1),
            text: self.text + inside.text + key,
        }
    }
}

/// Reads the one document of a file. What is wrong goes to `problems`; without a tree there is at least one.
pub fn parse(text: &str, source: SourceId, problems: &mut Problems) -> Option<Node> {
    build(text, NodeBuilder::new(source, problems))
}

/// Reads a document that may hold `limit` values, and as many again by aliases: files that others wrote are larger
/// than those of a scenario.
pub fn parse_within(
    text: &str,
    source: SourceId,
    limit: usize,
    problems: &mut Problems,
) -> Option<Node> {
    let builder = NodeBuilder::new(source, problems);
    build(text, NodeBuilder { limit, repeated_limit: limit, ..builder })
}

fn build(text: &str, mut builder: NodeBuilder<'_>) -> Option<Node> {
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => {
                if !builder.on_event(event, span) {
                    return None;
                }
            }
            Err(error) => {
                let at = EventSpan::new(*error.marker(), *error.marker());
                let (message, span) = (error.info().to_owned(), builder.place(at));
                let span = super::indent::tab_of(text, &message, span).unwrap_or(span);
                builder.problems.report(span, ProblemKind::Syntax { message });
                return None;
            }
        }
    }
    if builder.root.is_none() {
        builder.problems.report(Span::file(builder.source), ProblemKind::EmptyFile);
    }
    builder.root
}

/// A list or mapping that is not closed yet.
struct OpenCollection {
    anchor: usize,
    span: Span,
    content: CollectionContent,
}

enum CollectionContent {
    Sequence(Vec<Node>),
    Mapping(MappingContent),
    /// A mapping with a key that is no text, mostly a template without quotes: it is read as an empty text,
    /// so that nothing more is said about it.
    Unusable,
}

/// A mapping that is not closed yet.
#[derive(Default)]
struct MappingContent {
    entries: Vec<(KeyNode, Node)>,
    /// The line of each key.
    lines: HashMap<String, u32>,
    /// What `<<` takes over: where the key stands, and its value.
    merge: Option<(Span, Node)>,
    pending: PendingKey,
}

/// What a mapping waits for.
#[derive(Default)]
enum PendingKey {
    #[default]
    Key,
    Value(KeyNode),
    /// The value of `<<`, which stands here.
    Merge(Span),
    /// The value of a key that comes twice.
    Skipped,
}

struct NodeBuilder<'p> {
    source: SourceId,
    problems: &'p mut Problems,
    open: Vec<OpenCollection>,
    anchors: HashMap<usize, Node>,
    /// How many values are written.
    count: usize,
    /// How many may be.
    limit: usize,
    /// How many values aliases have repeated.
    repeated_values: usize,
    /// How many they may.
    repeated_limit: usize,
    /// Bytes of text that aliases have repeated.
    repeated: usize,
    root: Option<Node>,
}

impl<'p> NodeBuilder<'p> {
    fn new(source: SourceId, problems: &'p mut Problems) -> Self {
        let (open, anchors) = (vec![], HashMap::new());
        Self {
            source,
            problems,
            open,
            anchors,
            count: 0,
            limit: VALUE_LIMIT,
            repeated_values: 0,
            repeated_limit: REPEATED_VALUE_LIMIT,
            repeated: 0,
            root: None,
        }
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
                self.enter(anchor, place, CollectionContent::Mapping(MappingContent::default()))
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
        let span = match (place.length, self.open.last().map(|open| &open.content)) {
            (0, Some(CollectionContent::Mapping(mapping))) => match &mapping.pending {
                PendingKey::Value(key) => key.span,
                _ => place,
            },
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
            CollectionContent::Mapping(mapping) => {
                if let (0, Some(first)) = (open.span.length, mapping.first_key()) {
                    open.span = first;
                }
                NodeValue::Mapping(mapping.merged(self.problems))
            }
            CollectionContent::Unusable => {
                NodeValue::Scalar(Scalar { text: String::new(), plain: false })
            }
        };
        self.close(Node { span: open.span, value }, open.anchor)
    }

    fn expand(&mut self, anchor: usize, place: Span) -> bool {
        let Some(node) = self.anchors.get(&anchor) else {
            self.problems.report(place, ProblemKind::AliasInItself);
            return false;
        };
        let extent = node.extent();
        self.repeated_values += extent.count;
        self.repeated += extent.text;
        // Nothing is copied that would be too much.
        let too_much = if self.open.len() + extent.depth > DEPTH_LIMIT {
            ProblemKind::TooDeep { limit: DEPTH_LIMIT }
        } else if self.repeated_values > self.repeated_limit {
            ProblemKind::TooManyValues { limit: self.repeated_limit }
        } else if self.repeated > REPEATED_TEXT_LIMIT {
            ProblemKind::TooMuchRepeated { limit: Bytes::new(REPEATED_TEXT_LIMIT as u64) }
        } else {
            let node = node.clone();
            return self.close(node, 0);
        };
        self.problems.report(place, too_much);
        false
    }

    /// Puts a finished value where it belongs.
    fn close(&mut self, node: Node, anchor: usize) -> bool {
        self.count += 1;
        if self.count > self.limit {
            let kind = ProblemKind::TooMany { what: "values", limit: self.limit };
            self.problems.report(node.span, kind);
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
    let CollectionContent::Mapping(mapping) = content else { return };
    match std::mem::take(&mut mapping.pending) {
        PendingKey::Key => match mapping.accept_key(node, problems) {
            Some(next) => mapping.pending = next,
            None => *content = CollectionContent::Unusable,
        },
        PendingKey::Value(key) => mapping.entries.push(with_place(key, node)),
        PendingKey::Merge(span) => mapping.merge = Some((span, node)),
        PendingKey::Skipped => {}
    }
}

impl MappingContent {
    /// What the mapping waits for behind a key; nothing where the key is no text.
    fn accept_key(&mut self, node: Node, problems: &mut Problems) -> Option<PendingKey> {
        let NodeValue::Scalar(scalar) = node.value else {
            problems.report(node.span, ProblemKind::KeyNotText);
            return None;
        };
        if let Some(line) = self.lines.get(&scalar.text) {
            let kind = ProblemKind::DuplicateField { field: scalar.text, line: *line };
            problems.report(node.span, kind);
            return Some(PendingKey::Skipped);
        }
        self.lines.insert(scalar.text.clone(), node.span.line);
        if scalar.plain && scalar.text == MERGE {
            problems.note_merge(node.span);
            return Some(PendingKey::Merge(node.span));
        }
        Some(PendingKey::Value(KeyNode { text: scalar.text, span: node.span }))
    }

    /// Where its first key stands.
    fn first_key(&self) -> Option<Span> {
        let first = self.entries.first().map(|(key, _)| key.span);
        first.into_iter().chain(self.merge.as_ref().map(|(span, _)| *span)).min()
    }

    /// Its entries, with those that `<<` takes over behind its own. Its own come first, then those of earlier mappings.
    fn merged(mut self, problems: &mut Problems) -> Vec<(KeyNode, Node)> {
        let Some((span, value)) = self.merge.take() else { return self.entries };
        let kind = value.kind();
        let sources = match value.value {
            NodeValue::Sequence(items) => items,
            _ => vec![value],
        };
        for source in sources {
            let NodeValue::Mapping(entries) = source.value else {
                problems.report(span, ProblemKind::MergeUnfit { found: kind });
                continue;
            };
            for (key, node) in entries {
                if !self.lines.contains_key(&key.text) {
                    self.lines.insert(key.text.clone(), key.span.line);
                    self.entries.push((key, node));
                }
            }
        }
        self.entries
    }
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
        let limit = REPEATED_VALUE_LIMIT;
        assert_eq!(only_problem(&bomb), ProblemKind::TooManyValues { limit });
    }

    #[test]
    fn values_that_are_written_are_bounded_too() {
        let list = |values: usize| format!("[{}]", vec!["0"; values].join(","));
        let mut problems = Problems::default();
        assert!(parse_within(&list(99), SourceId(0), 100, &mut problems).is_some());
        assert!(parse_within(&list(100), SourceId(0), 100, &mut problems).is_none());
        let kinds: Vec<_> = problems.into_sorted().into_iter().map(|found| found.kind).collect();
        assert_eq!(kinds, [ProblemKind::TooMany { what: "values", limit: 100 }]);
    }

    #[test]
    fn text_that_aliases_repeat_is_bounded() {
        let mut bomb = format!("a0: &a0 {}\n", "x".repeat(10_000));
        for n in 1..4 {
            let alias = format!("*a{},", n - 1).repeat(10);
            bomb = format!("{bomb}a{n}: &a{n} [{}]\n", alias.trim_end_matches(','));
        }
        let limit = Bytes::new(REPEATED_TEXT_LIMIT as u64);
        assert_eq!(only_problem(&bomb), ProblemKind::TooMuchRepeated { limit });
    }

    #[test]
    fn merge_key_takes_over_what_is_not_given() {
        let text =
            "a: &a { x: 1, y: 2 }\nb: &b { y: 3, z: 4 }\nc: { <<: [*a, *b], x: 5 }\nd:\n  <<: *a\n";
        let root = tree(text);
        let json = |key: &str| crate::json_of_node(root.get(key).expect("a mapping"));
        assert_eq!(json("c"), serde_json::json!({ "x": 5, "y": 2, "z": 4 }));
        assert_eq!(json("d"), serde_json::json!({ "x": 1, "y": 2 }));
        // A block mapping stands at its first key, which is `<<` and not what is taken over.
        assert_eq!(place(root.get("d").expect("d")), (4, 1, 1));
        let quoted = tree("a: { \"<<\": 1 }\n");
        assert!(quoted.get("a").is_some_and(|a| a.get("<<").is_some()));
    }

    #[test]
    fn merge_key_that_is_no_mapping_is_told_at_its_own_place() {
        let mut problems = Problems::default();
        parse("a: &a 5\nb: { <<: *a }\n", SourceId(0), &mut problems);
        let problems = problems.into_sorted();
        let told: Vec<_> = problems.iter().map(|p| (p.span.line, p.span.column)).collect();
        assert_eq!(told, [(2, 6)]);
        assert_eq!(problems[0].kind, ProblemKind::MergeUnfit { found: "a single value" });
    }

    /// Goal: many keys cost no more than their number; compared pairwise they take minutes.
    /// Method: the count of keys that a file may hold, each once; then one of them again.
    #[test]
    fn many_keys_are_each_looked_up_once() {
        let keys: Vec<String> = (0..45_000).map(|n| format!("k{n}: 1\n")).collect();
        let keys = keys.concat();
        let NodeValue::Mapping(entries) = tree(&keys).value else { panic!("a mapping") };
        assert_eq!(entries.len(), 45_000);
        let kind = only_problem(&format!("{keys}k7: 2\n"));
        assert_eq!(kind, ProblemKind::DuplicateField { field: "k7".into(), line: 8 });
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
