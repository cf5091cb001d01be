//! Figures of the HTML reports: finished drawings with their titles and keys.

use serde::Serialize;

/// One series in the key of a figure.
#[derive(Debug, Clone, Serialize)]
pub(super) struct LegendEntry {
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
    pub(super) keys: Vec<LegendEntry>,
    /// Our own SVG, without foreign text.
    pub(super) svg: String,
}

/// The stack's own metrics.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct StackFigures {
    /// Load, then what moved, on one clock.
    pub(super) panels: Vec<Figure>,
    /// What stood still: tier, and its metrics with their values.
    pub(super) steady: Vec<(String, String)>,
    /// What moved and found no room, as a list of names.
    pub(super) left_out: String,
}

/// All figures of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Figures {
    /// Load, response time, errors, in flight, generator.
    pub(super) run: Vec<Figure>,
    /// The stack beside the load.
    pub(super) stack: StackFigures,
    /// One a step.
    pub(super) steps: Vec<Figure>,
    /// Steps that have no figure because there are too many.
    pub(super) steps_left_out: usize,
}
