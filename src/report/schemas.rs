//! The schemas of what is written for machines, each with its version.
//!
//! Within a version keys are added, never changed or taken away. Tests hold whatever is written to them, key by key.

/// A document or stream that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputSchema {
    /// `result.json`.
    Result,
    /// What a search for capacity found.
    Capacity,
    /// `gate.json`.
    Gate,
    /// Lines of `events.jsonl`.
    Events,
    /// What `check --format json` prints.
    Check,
    /// What `prove --format json` prints.
    Prove,
}

impl OutputSchema {
    /// The JSON Schema (draft 2020-12).
    pub const fn text(self) -> &'static str {
        match self {
            Self::Result => include_str!("schemas/result.json"),
            Self::Capacity => include_str!("schemas/capacity.json"),
            Self::Gate => include_str!("schemas/gate.json"),
            Self::Events => include_str!("schemas/events.json"),
            Self::Check => include_str!("schemas/check.json"),
            Self::Prove => include_str!("schemas/prove.json"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::OutputSchema;

    #[test]
    fn schemas_say_their_version() {
        for (of, version) in [
            (OutputSchema::Result, crate::json::SCHEMA),
            (OutputSchema::Events, crate::live::events::SCHEMA),
            (OutputSchema::Gate, "plimsoll.gate/1"),
            (OutputSchema::Check, "plimsoll.check/1"),
            (OutputSchema::Prove, "plimsoll.prove/1"),
            (OutputSchema::Capacity, "plimsoll.capacity/1"),
        ] {
            let schema: Value = serde_json::from_str(of.text()).expect("a schema");
            assert_eq!(schema["$id"], json!(version));
        }
    }
}
