//! A source of the stack's metrics that fell silent, or answers again.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What became of a source of the stack's metrics, or of a health endpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "SourceEventFormat")]
pub struct SourceEvent {
    /// The tier; [`Reading::HEALTH`](super::Reading::HEALTH) for a health endpoint.
    pub tier: String,
    /// The replica, or the endpoint's path; empty where the source speaks of the whole tier.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub replica: String,
    /// The kind of source: `PostgreSQL`, `a metrics page`; empty for a health endpoint.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Why there is no answer; absent where it answers again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl SourceEvent {
    /// The replica with its tier, where the source speaks of one: `api 2`. A tier's silence may be the source's own,
    /// and a health endpoint is no replica.
    pub fn replica_of_tier(&self) -> Option<String> {
        let is_one = !self.replica.is_empty() && !self.source.is_empty();
        is_one.then(|| format!("{} {}", self.tier, self.replica))
    }

    /// Whether both speak of the same source.
    pub fn is_same_source(&self, other: &Self) -> bool {
        (&self.tier, &self.replica, &self.source) == (&other.tier, &other.replica, &other.source)
    }
}

impl fmt::Display for SourceEvent {
    /// `api 2, a metrics page: connection refused`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.tier)?;
        if !self.replica.is_empty() {
            write!(f, " {}", self.replica)?;
        }
        if !self.source.is_empty() {
            write!(f, ", {}", self.source)?;
        }
        write!(f, ": {}", self.reason.as_deref().unwrap_or(ANSWERS_AGAIN))
    }
}

const ANSWERS_AGAIN: &str = "answers again";

/// As logs have it: with fields, or, in older ones, as a sentence.
#[derive(Deserialize)]
#[serde(untagged)]
enum SourceEventFormat {
    Sentence(String),
    Fields {
        tier: String,
        #[serde(default)]
        replica: String,
        #[serde(default)]
        source: String,
        #[serde(default)]
        reason: Option<String>,
    },
}

impl From<SourceEventFormat> for SourceEvent {
    fn from(format: SourceEventFormat) -> Self {
        match format {
            SourceEventFormat::Fields { tier, replica, source, reason } => {
                Self { tier, replica, source, reason }
            }
            SourceEventFormat::Sentence(text) => {
                let (of, what) = text.split_once(": ").unwrap_or((&text, ""));
                let (name, source) = of.split_once(", ").unwrap_or((of, ""));
                let (tier, replica) = name.split_once(' ').unwrap_or((name, ""));
                let reason = (what != ANSWERS_AGAIN).then(|| what.to_owned());
                let [tier, replica, source] = [tier, replica, source].map(str::to_owned);
                Self { tier, replica, source, reason }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_of_old_logs_are_read_as_fields() {
        for sentence in [
            "api 2, a metrics page: cannot reach it: connection refused",
            "db, PostgreSQL: no answer within 1s",
            "api 2, a metrics page: answers again",
            "health /health: HTTP 503",
        ] {
            let json = serde_json::to_string(sentence).expect("a text");
            let read: SourceEvent = serde_json::from_str(&json).expect("a sentence");
            assert_eq!(read.to_string(), sentence);
            let written = serde_json::to_string(&read).expect("writes");
            assert_eq!(serde_json::from_str::<SourceEvent>(&written).expect("fields"), read);
        }
        let of = |sentence: &str| {
            SourceEvent::from(SourceEventFormat::Sentence(sentence.into())).replica_of_tier()
        };
        assert_eq!(of("api 2, a metrics page: gone").as_deref(), Some("api 2"));
        assert_eq!(of("db, PostgreSQL: gone"), None);
        assert_eq!(of("health /health: HTTP 503"), None);
    }
}
