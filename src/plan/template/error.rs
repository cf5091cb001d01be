//! What can be wrong with a template, when it is compiled and when it is rendered.

use std::ops::Range;

use super::CaptureSlot;
use plimsoll_metrics::ErrorClass;

/// Why a template cannot be compiled. Ranges are bytes of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `{{` without `}}`.
    #[error("`{{{{` is never closed by `}}}}`")]
    Unclosed {
        /// Where it opens.
        at: Range<usize>,
    },
    /// `{% … %}` or `{# … #}`.
    #[error("only `{{{{ … }}}}` is understood here")]
    Statement {
        /// Where it stands.
        at: Range<usize>,
    },
    /// The expression is not well-formed.
    #[error("{message}")]
    Syntax {
        /// Where the expression stands.
        at: Range<usize>,
        /// What minijinja says.
        message: String,
    },
    /// A name that nothing defines: no data set or capture, no filter, no test.
    #[error("there is no {what} `{name}`")]
    UnknownName {
        /// Where the expression stands.
        at: Range<usize>,
        /// What it would be.
        what: &'static str,
        /// The name.
        name: String,
        /// The names that are known.
        known: Vec<String>,
    },
    /// A column that the data set does not have.
    #[error("`{dataset}` has no column `{column}`")]
    UnknownColumn {
        /// Where the expression stands.
        at: Range<usize>,
        /// The data set.
        dataset: String,
        /// The column.
        column: String,
        /// Its columns.
        known: Vec<String>,
    },
}

/// Why a template cannot be rendered now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A captured value that no earlier step has provided.
    #[error("a captured value is used before any step has captured it")]
    Missing(CaptureSlot),
    /// The expression failed.
    #[error("{0}")]
    Expression(String),
    /// A data set has no row left; each is given once.
    #[error("no row of data is left")]
    UsedUp(u16),
    /// An answer of the stack does not hold what the step needs of it.
    #[error("{0}")]
    Answer(String),
    /// A value holds the boundary between the parts of its upload, and would end its part.
    #[error("a part of the upload holds `{0}`, the boundary between parts")]
    Boundary(Box<str>),
}

impl RenderError {
    /// What a step that fails for it counts as.
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::Missing(_) | Self::Expression(_) | Self::UsedUp(_) => ErrorClass::Script,
            Self::Answer(_) | Self::Boundary(_) => ErrorClass::CaptureFailed,
        }
    }
}
