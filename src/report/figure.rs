//! Figures of the HTML reports: finished drawings with their titles and keys.

use serde::Serialize;

/// One series in the key of a figure.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Key {
    /// The series' number in the style sheet.
    pub(super) class: String,
    /// What it shows; foreign text, escaped by the page.
    pub(super) label: String,
}

/// A drawing with its title.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Figure {
    /// What it shows; foreign text, escaped by the page.
    pub(super) title: String,
    /// The unit and the reading of it.
    pub(super) about: String,
    /// The series; empty where there is only one.
    pub(super) keys: Vec<Key>,
    /// Our own SVG, without foreign text.
    pub(super) svg: String,
}

/// All figures of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Figures {
    /// Load, response time, errors, in flight, generator.
    pub(super) run: Vec<Figure>,
    /// Load and the stack's own metrics on one clock.
    pub(super) stack: Vec<Figure>,
    /// One a step.
    pub(super) steps: Vec<Figure>,
    /// Steps that have no figure because there are too many.
    pub(super) steps_left_out: usize,
}
