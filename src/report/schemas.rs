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
pub(crate) mod tests {
    use boon::{Compiler, Schemas};
    use serde_json::{Value, json};

    use super::OutputSchema;

    /// Lets no key pass that the schema does not describe: what is written must be described.
    fn closed(schema: &mut Value) {
        match schema {
            Value::Object(entries) => {
                if entries.contains_key("properties")
                    && entries["properties"].get("kind").is_none()
                    && !entries.contains_key("additionalProperties")
                {
                    entries.insert("additionalProperties".to_owned(), json!(false));
                }
                entries.values_mut().for_each(closed);
            }
            Value::Array(items) => items.iter_mut().for_each(closed),
            _ => {}
        }
    }

    /// Fails where a document does not fit its schema, or has a key that the schema does not describe.
    pub(crate) fn assert_described(of: OutputSchema, document: &Value) {
        let mut schema: Value = serde_json::from_str(of.text()).expect("a schema");
        closed(&mut schema);
        let mut compiler = Compiler::new();
        compiler.add_resource("http://plimsoll/output", schema).expect("a schema");
        let mut schemas = Schemas::new();
        let root = compiler.compile("http://plimsoll/output", &mut schemas).expect("a schema");
        if let Err(error) = schemas.validate(document, root) {
            panic!("{of:?}: {error}\n{document:#}");
        }
    }

    #[test]
    fn schemas_say_their_version() {
        for (of, version) in [
            (OutputSchema::Result, crate::report::json::SCHEMA),
            (OutputSchema::Events, crate::report::live::events::SCHEMA),
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
