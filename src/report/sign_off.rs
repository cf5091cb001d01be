//! The sign-off report: one document before a launch, from several runs and a capacity result.
//!
//! It states what was tested and how it came out, the line and the headroom to the forecast, and, just as
//! plainly, what was not tested. Whatever is missing is called "not tested", never left out.

mod document;
mod html;
mod input;
mod markdown;
mod risks;

pub use html::html;
pub use input::SignOff;
pub use markdown::markdown;
