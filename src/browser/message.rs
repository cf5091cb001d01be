//! Messages of the Chrome `DevTools` Protocol: JSON texts, each ended by a zero byte on a pipe.
//!
//! Only what is asked for is parsed: an event that nobody waits for is dropped by its name, with its parameters
//! unread, so a new version of the browser with new events changes nothing here.
//! Source: <https://chromedevtools.github.io/devtools-protocol/>.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A call to the browser, in the form in which it goes out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DevToolsCall<'a> {
    /// Chosen by the caller; the answer carries it.
    pub id: u64,
    /// `Domain.method`.
    pub method: &'a str,
    /// The parameters.
    pub params: &'a serde_json::Value,
    /// The page that is meant; none for the browser itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<&'a str>,
}

/// What the browser sends: the answer to a call, or an event.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Incoming<'a> {
    /// Of the call that is answered; none for an event.
    #[serde(default)]
    pub id: Option<u64>,
    /// The event's name; none for an answer.
    #[serde(borrow, default)]
    pub method: Option<std::borrow::Cow<'a, str>>,
    /// The page it comes from.
    #[serde(borrow, default)]
    pub session_id: Option<std::borrow::Cow<'a, str>>,
    /// The event's parameters, unread.
    #[serde(borrow, default)]
    pub params: Option<&'a RawValue>,
    /// The answer, unread.
    #[serde(borrow, default)]
    pub result: Option<&'a RawValue>,
    /// Why a call failed.
    #[serde(default)]
    pub error: Option<CallError>,
}

/// Why the browser refused a call.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CallError {
    /// In the browser's words.
    pub message: String,
}
