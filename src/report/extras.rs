//! What every format is given beside the run, and how one may fail.

use super::baseline::BaselineRange;
use plimsoll_capacity::output::CapacitySection;

/// What a report shows beside the run itself.
#[derive(Debug, Clone, Default)]
pub struct ReportExtras {
    /// A capacity result; absent where none was sought.
    pub capacity: Option<CapacitySection>,
    /// Whether at risk and not measured count as failures (`--strict`); `junit.xml` follows the exit code.
    pub strict: bool,
    /// What the run is shown beside; none where no baseline was given.
    pub baseline: Option<BaselineRange>,
}

/// Why a format could not be rendered. None of these can be caused by the content of a log.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The page template does not fit the model.
    #[error("the report's page template failed: {0}")]
    Page(#[from] minijinja::Error),
    /// The XML writer refused.
    #[error("cannot write JUnit XML: {0}")]
    Junit(#[from] std::io::Error),
    /// The chart library refused.
    #[error("cannot draw a chart: {message}")]
    Chart {
        /// What the library said.
        message: String,
    },
}
