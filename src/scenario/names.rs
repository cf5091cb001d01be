//! What may be a name.

use super::format::Grammar;
use super::{Decode, KeyNode, Node, ProblemKind, Problems, Spanned, text};

/// A name for tables and the command line: of steps, flows, scenarios, workloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityName(pub Spanned<String>);

impl Decode for EntityName {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let name = text(node, "a name", problems)?;
        let name = Spanned::new(name.to_owned(), node.span);
        refuse(&name, is_name(&name.value), problems);
        Some(Self(name))
    }

    fn reads(grammar: &Grammar) -> bool {
        matches!(grammar, Grammar::Name)
    }
}

/// The name that a key is.
pub(super) fn name_of_key(key: &KeyNode, problems: &mut Problems) -> Spanned<String> {
    let name = Spanned::new(key.text.clone(), key.span);
    refuse(&name, is_name(&name.value), problems);
    name
}

/// The name that a key is, where templates use it: without `-` and `.`, which mean something there.
pub(super) fn identifier_of_key(key: &KeyNode, problems: &mut Problems) -> Spanned<String> {
    let name = Spanned::new(key.text.clone(), key.span);
    let fits = is_name(&name.value) && !name.value.contains(['-', '.']);
    refuse(&name, fits, problems);
    name
}

fn refuse(name: &Spanned<String>, fits: bool, problems: &mut Problems) {
    if !fits {
        problems.report(name.span, ProblemKind::BadName { found: name.value.clone() });
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}
