//! What samples of steps are.

use plimsoll_units::words;

words! {
    /// What a sample of a step is.
    pub enum SampleKind {
        /// A GET request.
        Get = "GET",
        /// A HEAD request.
        Head = "HEAD",
        /// A POST request.
        Post = "POST",
        /// A PUT request.
        Put = "PUT",
        /// A PATCH request.
        Patch = "PATCH",
        /// A DELETE request.
        Delete = "DELETE",
        /// An OPTIONS request.
        Options = "OPTIONS",
        /// A request of any other method.
        OtherMethod = "other method",
        /// The request that opens a stream of server-sent events.
        EventStream = "SSE",
        /// The handshake of a WebSocket.
        WebSocket = "WebSocket",
        /// All rounds of a poll.
        Poll = "poll",
        /// From the request to the first server-sent event.
        FirstEvent = "first event",
        /// From one server-sent event to the next.
        EventGap = "event gap",
        /// A whole stream of server-sent events.
        Events = "events",
        /// From the handshake to the first message.
        FirstMessage = "first message",
        /// A whole WebSocket.
        Messages = "messages",
        /// From the beginning of a playback to its first segment.
        FirstSegment = "first segment",
        /// How long pictures moved.
        Played = "played",
        /// How long pictures stood still.
        Stalled = "stalled",
        /// The age at which a session was refused.
        Expired = "expired",
    }
}

impl SampleKind {
    /// Whether it is a time over or within several requests and no request itself. Such samples never count among
    /// requests; see [`super::Interval::logical`].
    pub const fn is_logical(self) -> bool {
        match self {
            Self::Get
            | Self::Head
            | Self::Post
            | Self::Put
            | Self::Patch
            | Self::Delete
            | Self::Options
            | Self::OtherMethod
            | Self::EventStream
            | Self::WebSocket => false,
            Self::Poll
            | Self::FirstEvent
            | Self::EventGap
            | Self::Events
            | Self::FirstMessage
            | Self::Messages
            | Self::FirstSegment
            | Self::Played
            | Self::Stalled
            | Self::Expired => true,
        }
    }

    /// Whether it is a request of the method of this name.
    pub const fn is_method(self) -> bool {
        matches!(
            self,
            Self::Get
                | Self::Head
                | Self::Post
                | Self::Put
                | Self::Patch
                | Self::Delete
                | Self::Options
        )
    }

    /// Whether it is one request and its answer, in flight from the first to the last byte.
    pub const fn is_single_request(self) -> bool {
        !self.is_logical() && !matches!(self, Self::WebSocket)
    }
}
