//! One request of a flow, compiled.

use super::{Capture, CaptureSlot, Check, OnFailure, PlaybackId, SessionId, Template};
use crate::metrics::StepId;
use crate::units::Nanos;

/// What a request carries.
#[derive(Debug, Clone)]
pub enum Body {
    /// Nothing.
    None,
    /// A rendered text; JSON and forms are templates with their own escapes inside.
    Text(Template),
    /// An upload: texts, and files between them that nobody reads.
    Upload(Vec<UploadPiece>),
}

/// A piece of an upload.
#[derive(Debug, Clone)]
pub enum UploadPiece {
    /// A rendered text.
    Text(Template),
    /// So many bytes of a file, at least one.
    Filler(u64),
}

/// Bytes that stand for a file's content in a rendered text. They are made as they are sent, and never held whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filler {
    /// How many bytes of the text come before it.
    pub at: usize,
    /// How many bytes it has, at least one.
    pub size: u64,
}

/// One request of a flow, compiled. Where the step has a `json:` or `form:` body, its `content-type` is
/// among the headers; `host`, `content-length`, cookies and correlation are the transport's to add.
#[derive(Debug, Clone)]
pub struct RequestPlan {
    /// The metric's key.
    pub step: StepId,
    /// `GET`, `POST`, …
    pub method: http::Method,
    /// Path and query, beginning with `/`, the target's prefix included; or an absolute URL.
    pub url: Template,
    /// Header names in lower case, with values. User and defaults are merged.
    pub headers: Vec<(http::HeaderName, Template)>,
    /// What it carries.
    pub body: Body,
    /// The longest time from actual send to last byte.
    pub timeout: Nanos,
    /// The session whose end an answer may tell.
    pub session: Option<SessionId>,
    /// Assertions.
    pub checks: Vec<Check>,
    /// Values taken out for later steps.
    pub captures: Vec<Capture>,
    /// What follows where it fails.
    pub on_failure: OnFailure,
    /// Whether redirects are followed.
    pub follow_redirects: bool,
    /// What it brings a playback, if it is one's.
    pub media: Option<Media>,
    /// Where the value of its `range` header is kept; it has none while that is empty.
    pub range: Option<CaptureSlot>,
}

/// What a request brings a playback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// A playlist.
    Playlist(PlaybackId),
    /// A segment, or what it needs.
    Segment,
}

impl RequestPlan {
    /// Whether a check asks for this status.
    pub fn expects(&self, status: u16) -> bool {
        self.checks.iter().any(|check| matches!(check, Check::Status(set) if set.contains(status)))
    }

    /// Whether the body must be kept, and not only counted.
    pub fn needs_body(&self) -> bool {
        matches!(self.media, Some(Media::Playlist(_)))
            || self.checks.iter().any(Check::needs_body)
            || self.captures.iter().any(Capture::needs_body)
    }
}
