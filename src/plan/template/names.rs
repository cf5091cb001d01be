//! The names that templates know, and those that they ask for.

use std::collections::{BTreeMap, BTreeSet};

/// Where a user keeps a captured value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaptureSlot(pub u16);

/// The names that templates may use.
#[derive(Debug, Clone, Default)]
pub struct TemplateNames {
    /// Data sets by name: position, and columns in order.
    pub datasets: BTreeMap<String, (u16, Vec<String>)>,
    /// Captured values by name.
    pub slots: BTreeMap<String, CaptureSlot>,
}

impl TemplateNames {
    /// The built-in names besides data sets and captures.
    pub const BUILT_IN: [&str; 2] = ["vu", "iteration"];
    /// The functions that templates may call.
    pub const FUNCTIONS: [&str; 14] = [
        "date",
        "now",
        "seq",
        "file",
        "rand",
        "uuid",
        "pick",
        "hex",
        "base64",
        "sha256",
        "hmac",
        "jwt",
        "urlencode",
        "lower",
    ];

    /// Whether templates may use a name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.slots.contains_key(name)
            || self.datasets.contains_key(name)
            || Self::BUILT_IN.contains(&name)
    }

    /// All names, for messages.
    pub(super) fn all(&self) -> Vec<String> {
        let own = self.datasets.keys().chain(self.slots.keys()).cloned();
        own.chain(Self::BUILT_IN.map(String::from)).collect()
    }
}

/// What templates ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedNames {
    /// Data sets.
    pub datasets: BTreeSet<u16>,
    /// Captured values.
    pub slots: BTreeSet<CaptureSlot>,
    /// Whether the number of the iteration is asked for.
    pub iteration: bool,
}

impl AskedNames {
    /// Adds what another template asks for.
    pub fn extend(&mut self, other: Self) {
        self.datasets.extend(other.datasets);
        self.slots.extend(other.slots);
        self.iteration |= other.iteration;
    }
}
