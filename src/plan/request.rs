//! One request of a flow, compiled.

use super::{Capture, CaptureSlot, Check, OnFailure, PlaybackId, SessionId, Template};
use plimsoll_metrics::StepId;
use plimsoll_scenario::FileContent;
use plimsoll_units::Nanos;

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
    /// What a part says, in which the boundary that separates parts must not stand.
    Part(Template, Box<str>),
    /// A file, of at least one byte.
    File(BodySource),
}

impl UploadPiece {
    /// Its template; none for a file.
    pub const fn template(&self) -> Option<&Template> {
        match self {
            Self::Text(template) | Self::Part(template, _) => Some(template),
            Self::File(_) => None,
        }
    }
}

/// Where the bytes of a file come from as they are sent. It is never copied for a request.
#[derive(Debug, Clone)]
pub enum BodySource {
    /// So many bytes that nobody reads, made on the way.
    Noise(u64),
    /// The content of a file.
    File(FileContent),
}

impl BodySource {
    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        match self {
            Self::Noise(size) => *size,
            Self::File(content) => content.size(),
        }
    }
}

/// A file at its place in a rendered text.
#[derive(Debug, Clone)]
pub struct Filler {
    /// How many bytes of the text come before it.
    pub at: usize,
    /// Its content, at least one byte.
    pub source: BodySource,
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
    /// How it is signed, if it is.
    pub sign: Option<AwsSigning>,
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
    /// The data sets that it asks for of which each row is given once.
    pub given_once: Vec<u16>,
    /// What it brings a playback, if it is one's.
    pub media: Option<Media>,
    /// Where the value of its `range` header is kept; it has none while that is empty.
    pub range: Option<CaptureSlot>,
}

/// AWS Signature Version 4.
#[derive(Debug, Clone)]
pub struct AwsSigning {
    /// The service's name.
    pub service: String,
    /// The region.
    pub region: String,
    /// The access key's ID.
    pub access_key: Template,
    /// The secret access key.
    pub secret_key: Template,
    /// The token of temporary credentials.
    pub session_token: Option<Template>,
}

/// What a request brings a playback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// A playlist.
    Playlist(PlaybackId),
    /// A segment, or what it needs.
    Segment(PlaybackId),
}

impl Media {
    /// The playback.
    pub const fn playback(self) -> PlaybackId {
        match self {
            Self::Playlist(id) | Self::Segment(id) => id,
        }
    }
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
