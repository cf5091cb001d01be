//! What a file may say, declared once.
//!
//! Each mapping of a file format is one [`Declaration`]: its keys with their values, defaults and meaning, and the
//! rules between keys. The reader ([`super::Fields`]) takes known keys, types and bounds from it, [`json_schema`]
//! makes the schema for editors, and [`mod@reference`] the pages of `docs/reference/`. Declarations are data; they
//! know neither the reader nor what is made of the values.

pub mod json_schema;
pub mod reference;

/// A kind of file.
#[derive(Debug)]
pub struct FileFormat {
    /// What it is usually called: `scenario.yaml`.
    pub file: &'static str,
    /// What it is for, in a few sentences.
    pub about: &'static str,
    /// The mapping that the file is.
    pub root: &'static Declaration,
}

/// A mapping of a file format.
#[derive(Debug)]
pub struct Declaration {
    /// Its name within the format, unique there: `stage`.
    pub name: &'static str,
    /// What messages call it, with its article: `a stage`.
    pub place: &'static str,
    /// What it is for, in a sentence or a few.
    pub about: &'static str,
    /// Its keys, in the order of the reference. Several mappings may share a group.
    pub groups: &'static [&'static [Property]],
    /// The entries whose keys the author chooses, where there are such.
    pub others: Option<Others>,
    /// What holds between keys.
    pub rules: &'static [Rule],
    /// A piece of a file that uses it, from the file's root on.
    pub example: &'static str,
}

/// A key that a mapping may have.
#[derive(Debug)]
pub struct Property {
    /// The key.
    pub name: &'static str,
    /// What its value may be.
    pub value: Grammar,
    /// Whether it may be left out.
    pub presence: Presence,
    /// What it means, in a sentence or a few.
    pub about: &'static str,
    /// A value that is right, as YAML.
    pub example: Option<&'static str>,
}

/// Whether a key may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It may not.
    Required,
    /// It may.
    Optional,
    /// It may, and then this holds, as YAML.
    Default(&'static str),
}

/// The entries of a mapping whose keys the author chooses.
#[derive(Debug)]
pub struct Others {
    /// What a key is: `metric`.
    pub key: &'static str,
    /// What its value may be.
    pub value: Grammar,
    /// What it means.
    pub about: &'static str,
}

/// What holds between the keys of a mapping.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// Exactly one of them is given.
    OneOf(&'static [&'static str]),
    /// None or one of them is given.
    AtMostOne(&'static [&'static str]),
    /// At least one of them is given.
    AtLeastOne(&'static [&'static str]),
    /// All of them are given, or none.
    Together(&'static [&'static str]),
    /// The mapping has exactly one key, whichever.
    OneKey,
}

/// What a value may be.
#[derive(Debug)]
pub enum Grammar {
    /// Anything: it is passed on as JSON.
    Anything,
    /// A text, and what it is: `path`, `template`.
    Text(&'static str),
    /// A text of this form. The regular expression has no anchors; unquoted numbers are looked at as text.
    Form(&'static str, &'static str),
    /// A name for tables and the command line.
    Name,
    /// `true` or `false`.
    Flag,
    /// A number within these bounds, both included.
    Number(f64, f64),
    /// A whole number within these bounds, both included.
    Whole(f64, f64),
    /// A time with its unit.
    Duration,
    /// A time above zero with its unit.
    PositiveDuration,
    /// A share in percent.
    Share,
    /// A share of at most 100 %.
    Portion,
    /// A size in bytes with its unit.
    Size,
    /// An amount of money.
    Money,
    /// A rate that says what it counts.
    Rate,
    /// A number with or without a unit.
    Quantity,
    /// One of some words.
    Words(&'static WordList),
    /// A list.
    List(&'static Grammar),
    /// A list, or a single value as a list of one.
    OneOrMany(&'static Grammar),
    /// A mapping whose keys are names that the author chooses.
    Names(&'static Grammar),
    /// A mapping whose keys are texts, and what a key is: `header`.
    Texts(&'static str, &'static Grammar),
    /// A mapping with keys of its own.
    Mapping(&'static Declaration),
    /// One of several.
    AnyOf(&'static [Grammar]),
}

/// Words that a value may be.
#[derive(Debug)]
pub struct WordList {
    /// What a word is, with its article: `a law of arrivals`.
    pub what: &'static str,
    /// Each word and what it means.
    pub words: &'static [(&'static str, &'static str)],
}

/// No bound above.
pub const UNBOUNDED: f64 = f64::INFINITY;

/// A key that must be there.
pub const fn required(name: &'static str, value: Grammar, about: &'static str) -> Property {
    Property { name, value, presence: Presence::Required, about, example: None }
}

/// A key that may be left out.
pub const fn optional(name: &'static str, value: Grammar, about: &'static str) -> Property {
    Property { name, value, presence: Presence::Optional, about, example: None }
}

impl Property {
    /// What holds where it is left out, as YAML.
    #[must_use]
    pub const fn default(self, default: &'static str) -> Self {
        // `..self` would have to drop what it replaces, which no constant function can.
        let Self { name, value, presence: _, about, example } = self;
        Self { name, value, presence: Presence::Default(default), about, example }
    }

    /// A value that is right, as YAML.
    #[must_use]
    pub const fn example(self, example: &'static str) -> Self {
        let Self { name, value, presence, about, example: _ } = self;
        Self { name, value, presence, about, example: Some(example) }
    }

    /// Whether it must be there.
    pub fn is_required(&self) -> bool {
        self.presence == Presence::Required
    }
}

impl Declaration {
    /// All keys, in order.
    pub fn properties(&self) -> impl Iterator<Item = &'static Property> + use<> {
        self.groups.iter().flat_map(|group| group.iter())
    }

    /// The key of this name and its position.
    pub fn property(&self, name: &str) -> Option<(usize, &'static Property)> {
        self.properties().enumerate().find(|(_, property)| property.name == name)
    }

    /// The names of all keys.
    pub fn names(&self) -> Vec<&'static str> {
        self.properties().map(|property| property.name).collect()
    }

    /// The mappings that its values may be, or hold.
    pub fn inner(&self) -> Vec<&'static Self> {
        let mut found = vec![];
        for property in self.properties() {
            property.value.mappings(&mut found);
        }
        if let Some(others) = &self.others {
            others.value.mappings(&mut found);
        }
        found
    }
}

impl Grammar {
    /// Whether it may be a list or a mapping.
    pub(super) fn is_collection(&self) -> bool {
        match self {
            Self::Anything
            | Self::List(_)
            | Self::OneOrMany(_)
            | Self::Names(_)
            | Self::Texts(..)
            | Self::Mapping(_) => true,
            Self::AnyOf(choices) => choices.iter().any(Self::is_collection),
            _ => false,
        }
    }

    /// Adds the mappings that it may be, or hold, to `found`.
    fn mappings(&self, found: &mut Vec<&'static Declaration>) {
        match self {
            Self::Mapping(declaration) => found.push(declaration),
            Self::List(value)
            | Self::OneOrMany(value)
            | Self::Names(value)
            | Self::Texts(_, value) => value.mappings(found),
            Self::AnyOf(choices) => choices.iter().for_each(|choice| choice.mappings(found)),
            _ => {}
        }
    }
}

impl FileFormat {
    /// All mappings of the format, the root first, each behind the one that first speaks of it.
    pub fn mappings(&self) -> Vec<&'static Declaration> {
        fn visit(declaration: &'static Declaration, found: &mut Vec<&'static Declaration>) {
            if found.iter().any(|known| std::ptr::eq(*known, declaration)) {
                return;
            }
            found.push(declaration);
            declaration.inner().into_iter().for_each(|inner| visit(inner, found));
        }
        let mut found = vec![];
        visit(self.root, &mut found);
        found
    }
}

/// `` `a`, `b` and `c` ``.
pub fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}
