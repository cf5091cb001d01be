//! Why a header block cannot be read.

/// The header block cannot be read: the connection is lost, because the tables are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the headers are malformed: {0}")]
pub(in crate::transport::http2) struct CompressionError(
    pub(in crate::transport::http2) &'static str,
);
