//! What an answer can refer to.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::Object;

use plimsoll_units::RunTime;

/// The variables, besides functions.
pub(crate) const NAMES: [&str; 10] =
    ["path", "query", "body", "user", "item", "id", "token", "expires_in", "now", "n"];

/// The values of one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct AnswerScope {
    /// Parameters of the path.
    pub(crate) path: Vec<(String, String)>,
    /// The query as sent; decoded when asked for.
    pub(crate) query: String,
    /// The body, if it was JSON or a form.
    pub(crate) body: Value,
    /// The subject of the token presented, or of the token issued.
    pub(crate) user: Option<String>,
    /// The item found.
    pub(crate) item: Value,
    /// A fresh identifier.
    pub(crate) id: String,
    /// The token issued and its life in seconds.
    pub(crate) token: Option<(String, u64)>,
    /// When it is answered, and when serving began in seconds since 1970; together they make `now`.
    pub(crate) at: RunTime,
    pub(crate) epoch: u64,
    /// The number of an event in a stream, from 1.
    pub(crate) number: u64,
}

impl AnswerScope {
    /// UTC, ISO 8601.
    fn date(&self) -> String {
        let seconds = self.epoch + self.at.get() / 1_000_000_000;
        let date = jiff::Timestamp::from_second(seconds.cast_signed());
        date.map(|date| date.to_string()).unwrap_or_default()
    }
}

impl Object for AnswerScope {
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        Some(match key {
            "path" => Value::from_pairs(
                self.path.iter().map(|(name, value)| (name.as_str(), value.as_str())),
            ),
            "query" => Value::from_pairs(url::form_urlencoded::parse(self.query.as_bytes())),
            "body" => self.body.clone(),
            "user" => self.user.as_deref().map_or(Value::from(()), Value::from),
            "item" => self.item.clone(),
            "id" => Value::from(self.id.as_str()),
            "token" => Value::from(self.token.as_ref()?.0.as_str()),
            "expires_in" => Value::from(self.token.as_ref()?.1),
            "now" => Value::from(self.date()),
            "n" => Value::from(self.number),
            _ => return None,
        })
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }
}
