//! The sign-off report as a page that prints well.

use serde::Serialize;

use super::{Document, SignOff};
use crate::report::RenderError;
use crate::report::figure::Figure;
use crate::report::html::{STYLE, capacity_tables, curve, fill};

const PAGE: &str = include_str!("page.html");

#[derive(Serialize)]
struct View {
    style: &'static str,
    document: Document,
    curve: Option<Figure>,
    /// Markup, escaped already.
    capacity_tables: String,
}

/// Renders the document as one self-contained HTML page; print it for a PDF.
///
/// # Errors
/// Where the page template or the chart library fails.
pub fn html(input: &SignOff) -> Result<String, RenderError> {
    let document = Document::of(input);
    let curve = document.capacity.as_ref().map(curve).transpose()?.flatten();
    let capacity_tables = capacity_tables(document.capacity.as_ref())?;
    fill(PAGE, &View { style: STYLE, document, curve, capacity_tables })
}
