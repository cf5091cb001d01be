//! A line of the log that a layer above declares.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a search for capacity notes between the seconds that it plays.
///
/// Its form is `capacity::notes::CapacityNote`, which stands above this layer and alone reads and writes it.
/// Here it is kept, in order and unseen, so that every reader of a log can pass it on whole, also one of another
/// version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CapacityLine(Value);

impl CapacityLine {
    /// The line that says `note`.
    pub fn of(note: &impl Serialize) -> Self {
        // Cannot fail: every key is a string.
        Self(serde_json::to_value(note).unwrap_or_default())
    }

    /// The note that the line says.
    ///
    /// # Errors
    /// Where the line has another form.
    pub fn note<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.0)
    }
}
