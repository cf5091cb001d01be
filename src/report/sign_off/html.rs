//! The sign-off report as a page that prints well.

use serde::Serialize;

use super::document::SignOffDocument;
use super::input::SignOff;
use crate::ReportError;
use crate::figure::Figure;
use crate::html::{STYLE, capacity_tables, curve, fill, policy};

const PAGE: &str = include_str!("page.html");

#[derive(Serialize)]
struct SignOffView {
    style: &'static str,
    policy: String,
    document: SignOffDocument,
    curve: Option<Figure>,
    /// Markup, escaped already.
    capacity_tables: String,
}

/// Renders the document as one self-contained HTML page; print it for a PDF.
///
/// # Errors
/// Where the page template or the chart library fails.
pub fn html(input: &SignOff) -> Result<String, ReportError> {
    let document = SignOffDocument::of(input);
    let curve = document.capacity.as_ref().map(curve).transpose()?.flatten();
    let capacity_tables = capacity_tables(document.capacity.as_ref())?;
    let policy = policy::of(&[STYLE], &[]);
    fill(PAGE, &SignOffView { style: STYLE, policy, document, curve, capacity_tables })
}
