//! The fields of a mapping: declared, read, and everything else reported.
//!
//! A value that is wrong decodes to `None` and leaves a problem behind; the caller reads all fields of a
//! mapping first and gives up only afterwards, so that one run of `plimsoll check` shows everything.

use super::decode::values::float;
use super::format::{Declaration, Grammar, Property, Rule, listed};
use super::problem::nearest;
use super::{Decode, KeyNode, Node, NodeValue, ProblemKind, Problems, Span, word};
use plimsoll_units::{Nanos, Ratio};

/// The fields of a mapping, taken one after the other.
///
/// Only keys that the mapping's declaration has can be read, and all of them must be before [`Self::finish`]:
/// what the reader knows and what is declared cannot differ.
#[derive(Debug)]
pub struct Fields<'n> {
    declared: &'static Declaration,
    span: Span,
    entries: &'n [(KeyNode, Node)],
    /// By declared key, whether it was asked for.
    asked: Vec<bool>,
}

impl<'n> Fields<'n> {
    /// The fields of `node`, which must be what `declared` says.
    pub fn of(
        node: &'n Node,
        declared: &'static Declaration,
        problems: &mut Problems,
    ) -> Option<Self> {
        let NodeValue::Mapping(entries) = &node.value else {
            let kind = ProblemKind::WrongShape { expected: declared.place, found: node.kind() };
            problems.report(node.span, kind);
            return None;
        };
        let asked = vec![false; declared.properties().count()];
        Some(Self { declared, span: node.span, entries, asked })
    }

    /// Where the mapping stands.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Whether a field is given.
    pub fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|(key, _)| key.text == name)
    }

    /// The node of a field, if it is given. A field that is given as nothing counts as given; one that is missing
    /// is reported where its declaration says that it must be there.
    pub fn node(&mut self, name: &str, problems: &mut Problems) -> Option<&'n Node> {
        self.entry(name, problems).map(|(_, node)| node)
    }

    /// The key and node of a field, if it is given.
    pub fn entry(&mut self, name: &str, problems: &mut Problems) -> Option<&'n (KeyNode, Node)> {
        self.declared_entry(name, problems).and_then(|(_, entry)| entry)
    }

    /// A field's value, if it is given and is what its declaration says.
    pub fn read<T: Decode>(&mut self, name: &str, problems: &mut Problems) -> Option<T> {
        let (property, entry) = self.declared_entry(name, problems)?;
        debug_assert!(
            T::reads(&property.value),
            "`{name}` of {} is declared as {:?} and read as {}",
            self.declared.place,
            property.value,
            std::any::type_name::<T>()
        );
        let (_, node) = entry?;
        let value = T::decode(node, problems)?;
        within_bounds(node, property, problems).then_some(value)
    }

    /// A field's value, or `default`.
    pub fn or<T: Decode>(&mut self, name: &str, default: T, problems: &mut Problems) -> T {
        self.read(name, problems).unwrap_or(default)
    }

    /// A field that is one of the words of its declaration; `meanings` says what each stands for.
    pub fn word<T: Copy>(
        &mut self,
        name: &str,
        meanings: &[(&'static str, T)],
        problems: &mut Problems,
    ) -> Option<T> {
        let (property, entry) = self.declared_entry(name, problems)?;
        let Grammar::Words(list) = &property.value else {
            debug_assert!(false, "`{name}` of {} is no word", self.declared.place);
            return None;
        };
        word(&entry?.1, list, meanings, problems)
    }

    /// The declaration of a field and its entry.
    fn declared_entry(
        &mut self,
        name: &str,
        problems: &mut Problems,
    ) -> Option<(&'static Property, Option<&'n (KeyNode, Node)>)> {
        let Some((index, property)) = self.declared.property(name) else {
            debug_assert!(false, "`{name}` is not declared for {}", self.declared.place);
            return None;
        };
        self.asked[index] = true;
        let given = self.entries.iter().find(|(key, _)| key.text == name);
        let entry = given.or_else(|| self.misspelt(property));
        if entry.is_none() && property.is_required() {
            let (field, place) = (property.name, self.declared.place);
            problems.report(self.span, ProblemKind::MissingField { field, place });
        }
        Some((property, entry))
    }

    /// The list or mapping that stands under a key by which a field was probably meant: what is wrong in it is told as
    /// well, and not only once its key is right.
    fn misspelt(&self, property: &Property) -> Option<&'n (KeyNode, Node)> {
        if self.declared.others.is_some() || !property.value.is_collection() {
            return None;
        }
        let known = self.declared.names();
        self.entries.iter().find(|(key, node)| {
            !matches!(node.value, NodeValue::Scalar(_))
                && !known.contains(&key.text.as_str())
                && nearest(&key.text, &known) == Some(property.name)
        })
    }

    /// The entries that are not declared by name: those whose keys the author chose.
    pub fn others(&self) -> Vec<&'n (KeyNode, Node)> {
        debug_assert!(self.declared.others.is_some(), "{} has fixed keys", self.declared.place);
        let is_other = |(key, _): &&(KeyNode, Node)| self.declared.property(&key.text).is_none();
        self.entries.iter().filter(is_other).collect()
    }

    /// The same with those of `name`, in the order in which they stand.
    pub fn others_and(&mut self, name: &str, problems: &mut Problems) -> Vec<&'n (KeyNode, Node)> {
        let named = self.entry(name, problems);
        let others = self.others();
        let is_meant = |entry: &&'n (KeyNode, Node)| {
            named.into_iter().chain(others.iter().copied()).any(|one| std::ptr::eq(one, *entry))
        };
        self.entries.iter().filter(is_meant).collect()
    }

    /// Reports every key that is not declared, and what does not keep the rules between keys. A missing field that
    /// is only misspelt is reported once.
    pub fn finish(self, problems: &mut Problems) {
        debug_assert!(
            self.asked.iter().all(|asked| *asked),
            "never read of {}: {:?}",
            self.declared.place,
            self.unread()
        );
        let all_known = self.declared.others.is_some() || self.report_unknown(problems);
        for rule in self.declared.rules {
            self.check(*rule, all_known, problems);
        }
    }

    fn unread(&self) -> Vec<&'static str> {
        let all = self.declared.properties().zip(&self.asked);
        all.filter(|(_, asked)| !**asked).map(|(property, _)| property.name).collect()
    }

    /// Reports unknown keys; returns whether there are none.
    fn report_unknown(&self, problems: &mut Problems) -> bool {
        let place = self.declared.place;
        let known = self.declared.names();
        let mut all_known = true;
        for (key, _) in self.entries.iter().filter(|(key, _)| !known.contains(&key.text.as_str())) {
            if let Some(field) = nearest(&key.text, &known) {
                problems.retract(self.span, |kind| {
                    matches!(kind, ProblemKind::MissingField { field: missing, place: there }
                        if *missing == field && *there == place)
                });
            }
            let (field, known) = (key.text.clone(), known.clone());
            problems.report(key.span, ProblemKind::UnknownField { field, place, known });
            all_known = false;
        }
        all_known
    }

    /// Reports what does not keep a rule. A key that was told to be unknown may well be the one that is missing.
    fn check(&self, rule: Rule, all_known: bool, problems: &mut Problems) {
        let place = self.declared.place;
        let (Rule::OneOf(names)
        | Rule::AtMostOne(names)
        | Rule::AtLeastOne(names)
        | Rule::Together(names)) = rule
        else {
            return;
        };
        let given: Vec<&KeyNode> = self
            .entries
            .iter()
            .map(|(key, _)| key)
            .filter(|key| names.contains(&key.text.as_str()))
            .collect();
        let missing = names.iter().find(|name| !self.has(name));
        match (rule, given.as_slice(), missing) {
            (Rule::OneOf(_) | Rule::AtLeastOne(_), [], _) if all_known => {
                let kind = ProblemKind::NeedsOneOf { place, fields: listed(names) };
                problems.report(self.span, kind);
            }
            (Rule::OneOf(_) | Rule::AtMostOne(_), [_, second, ..], _) => {
                let kind = ProblemKind::Conflict { place, fields: listed(names) };
                problems.report(second.span, kind);
            }
            (Rule::Together(_), [given, ..], Some(missing)) if all_known => {
                problems.report(given.span, ProblemKind::MissingField { field: missing, place });
            }
            _ => {}
        }
    }
}

/// Whether a value that could be read keeps the bounds of its declaration; if not, that is reported.
fn within_bounds(node: &Node, property: &Property, problems: &mut Problems) -> bool {
    let what = || format!("`{}`", property.name);
    let NodeValue::Scalar(scalar) = &node.value else { return true };
    let kind = match property.value {
        Grammar::Number(low, high) | Grammar::Whole(low, high) => {
            let found = float(&scalar.text).unwrap_or_default();
            if (low..=high).contains(&found) {
                return true;
            }
            ProblemKind::OutOfRange { what: what(), low, high, found }
        }
        Grammar::PositiveDuration if scalar.text.parse().is_ok_and(Nanos::is_zero) => {
            ProblemKind::NotPositive { what: what() }
        }
        Grammar::Portion if scalar.text.parse().is_ok_and(|share: Ratio| share.get() > 1.0) => {
            ProblemKind::BeyondWhole { what: what(), found: scalar.text.clone() }
        }
        _ => return true,
    };
    problems.report(node.span, kind);
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{UNBOUNDED, optional, required};
    use crate::{SourceId, yaml};

    static PLACE: Declaration = Declaration {
        name: "place",
        place: "a place",
        about: "A mapping for tests.",
        groups: &[&[
            required("name", Grammar::Text("text"), "A text."),
            optional("weight", Grammar::Number(0.0, UNBOUNDED), "A number."),
        ]],
        others: None,
        rules: &[],
        example: "",
    };

    fn with_fields(text: &str, read: impl FnOnce(Fields<'_>, &mut Problems)) -> Vec<ProblemKind> {
        let mut problems = Problems::default();
        let node = yaml::parse(text, SourceId(0), &mut problems).expect("a tree");
        let fields = Fields::of(&node, &PLACE, &mut problems).expect("a mapping");
        read(fields, &mut problems);
        problems.into_sorted().into_iter().map(|problem| problem.kind).collect()
    }

    #[test]
    fn what_the_declaration_requires_must_be_there() {
        let problems = with_fields("weight: 2\n", |mut fields, problems| {
            assert_eq!(fields.read::<String>("name", problems), None);
            assert_eq!(fields.read::<f64>("weight", problems), Some(2.0));
            fields.finish(problems);
        });
        assert_eq!(problems, [ProblemKind::MissingField { field: "name", place: "a place" }]);
    }

    #[test]
    #[should_panic(expected = "`height` is not declared for a place")]
    fn undeclared_key_cannot_be_read() {
        with_fields("name: x\nheight: 1\n", |mut fields, problems| {
            let _ = fields.read::<f64>("height", problems);
        });
    }

    #[test]
    #[should_panic(expected = "never read of a place: [\"weight\"]")]
    fn declared_key_cannot_stay_unread() {
        with_fields("name: x\n", |mut fields, problems| {
            let _ = fields.read::<String>("name", problems);
            fields.finish(problems);
        });
    }

    #[test]
    #[should_panic(expected = "is declared as Number(0.0, inf) and read as bool")]
    fn key_is_read_as_what_it_is_declared() {
        with_fields("name: x\nweight: 1\n", |mut fields, problems| {
            let _ = fields.read::<bool>("weight", problems);
        });
    }
}
