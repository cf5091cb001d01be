//! placeholder
use super::{Extra, RenderError, Report};
/// Renders.
pub fn render(_: &Report, _: &Extra) -> Result<String, RenderError> {
    Ok(String::new())
}
