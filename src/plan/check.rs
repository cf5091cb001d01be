//! What is asserted about a response, and what is taken out of it.

use serde_json::Value as Json;
use serde_json_path::JsonPath;

use super::CaptureSlot;
use plimsoll_scenario::schema::{CaptureTake, Matcher};
use plimsoll_units::{Bytes, Nanos};

/// A set of statuses: single ones and ranges, `[200, 301..399]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSet(pub Vec<(u16, u16)>);

impl StatusSet {
    /// Whether `status` is in the set.
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|&(first, last)| (first..=last).contains(&status))
    }
}

/// An assertion on one response. The first that fails names the failure.
#[derive(Debug, Clone)]
pub enum Check {
    /// The status is one of these. Where a step has no such check, 400 and above is an error.
    Status(StatusSet),
    /// The service time is below this.
    Time(Nanos),
    /// The body is smaller than this.
    Size(Bytes),
    /// A header, by lower-case name.
    Header(String, Matcher),
    /// Values in a JSON body; the text is the path as written.
    Json(JsonPath, String, Matcher),
    /// The body as text.
    Body(Matcher),
    /// The body as hexadecimal digits.
    Hex(Matcher),
    /// The body is a GraphQL response without errors.
    Graphql,
}

impl Check {
    /// Whether the body must be kept for it.
    pub const fn needs_body(&self) -> bool {
        matches!(self, Self::Json(..) | Self::Body(_) | Self::Hex(_) | Self::Graphql)
    }
}

/// Where a captured value comes from.
#[derive(Debug, Clone)]
pub enum CaptureSource {
    /// A JSON path like `$.a.b`, as its keys: found without building a tree.
    JsonKeys(Vec<String>),
    /// Any other JSON path.
    Json(JsonPath),
    /// Group 1 of a regular expression on the body, or the whole match.
    Body(regex::Regex),
    /// A header, by lower-case name.
    Header(String),
    /// A cookie set by this response, by name.
    Cookie(String),
}

/// A value taken out of a response for later steps.
#[derive(Debug, Clone)]
pub struct Capture {
    /// Where it is kept.
    pub slot: CaptureSlot,
    /// The name that templates use, for messages.
    pub name: String,
    /// Where it comes from.
    pub source: CaptureSource,
    /// The same as the author wrote it, and where: for messages.
    pub written: String,
    /// Which of several values.
    pub take: CaptureTake,
    /// Whether entities of HTML in it stand for their characters.
    pub unescape_html: bool,
    /// The value where the response has none; without it that is a failure.
    pub default: Option<Json>,
    /// Whether it must never reach a log or report.
    pub secret: bool,
}

impl Capture {
    /// Whether the body must be kept for it.
    pub const fn needs_body(&self) -> bool {
        match self.source {
            CaptureSource::JsonKeys(_) | CaptureSource::Json(_) | CaptureSource::Body(_) => true,
            CaptureSource::Header(_) | CaptureSource::Cookie(_) => false,
        }
    }
}
