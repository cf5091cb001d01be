//! Figures of the HTML reports: finished drawings with their titles and keys, and the data behind them.

use serde::{Serialize, Serializer};

/// One series in the key of a figure.
#[derive(Debug, Clone, Serialize)]
pub(super) struct LegendEntry {
    /// The series' number in the style sheet.
    pub(super) class: String,
    /// What it shows; foreign text, escaped by the page.
    pub(super) label: String,
}

/// A drawing with its title.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Figure {
    /// What it shows; foreign text, escaped by the page.
    pub(super) title: String,
    /// The unit and the reading of it.
    pub(super) about: String,
    /// What a reader who does not see it is told; foreign text, escaped by the page.
    pub(super) spoken: String,
    /// The series; empty where there is only one.
    pub(super) keys: Vec<LegendEntry>,
    /// Our own SVG, without foreign text.
    pub(super) svg: String,
    /// What the script of the page draws it from; none where the picture is all there is.
    #[serde(skip)]
    pub(super) data: Option<PageChart>,
    /// Which of the charts in the page's data it is.
    pub(super) chart: Option<usize>,
}

/// The data of a chart over time.
#[derive(Debug, Clone, Serialize)]
pub(super) struct PageChart {
    /// The unit of the values: `time` in microseconds, `rate` a second, `share` of 1, `size` in bytes, or `count`.
    pub(super) unit: &'static str,
    /// Whether it has a logarithmic scale until the reader chooses another.
    pub(super) log: bool,
    /// Whether it has the width of half the page, and not of a third.
    pub(super) large: bool,
    /// The clock of the values: 0 is the run's in detail, 1 that of steps and the stack.
    pub(super) clock: u8,
    /// The step that it shows; none for a chart of all.
    pub(super) step: Option<String>,
    pub(super) lines: Vec<LineData>,
    /// Bounds of the SLO table, in the unit of the values.
    pub(super) limits: Vec<f64>,
    /// From where to where a baseline's p95 reached, in the unit of the values; empty without one.
    pub(super) band: Vec<f64>,
}

/// One line of a chart.
#[derive(Debug, Clone, Serialize)]
pub(super) struct LineData {
    pub(super) ink: u8,
    pub(super) label: String,
    /// One value for each moment of the clock; none is a gap.
    #[serde(serialize_with = "short")]
    pub(super) values: Vec<Option<f64>>,
}

/// Whole numbers without a fraction.
fn short<S: Serializer>(values: &[Option<f64>], serializer: S) -> Result<S::Ok, S::Error> {
    /// Serializes a number as it is shortest.
    #[derive(Serialize)]
    #[serde(untagged)]
    enum ShortNumber {
        Whole(i64),
        Real(f64),
    }
    let number = |value: f64| {
        let is_whole = value.fract() == 0.0 && value.abs() < 1e15;
        if is_whole { ShortNumber::Whole(value as i64) } else { ShortNumber::Real(value) }
    };
    serializer.collect_seq(values.iter().map(|value| value.map(number)))
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
    /// How response times are spread: heat map, histogram, percentiles.
    pub(super) spread: Vec<Figure>,
    /// The stack beside the load.
    pub(super) stack: StackFigures,
    /// One a step.
    pub(super) steps: Vec<Figure>,
    /// Steps that have no figure because there are too many.
    pub(super) steps_left_out: usize,
}

impl Figures {
    /// All of them, in the order of the page.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Figure> {
        let Self { run, spread, stack, steps, .. } = self;
        run.iter_mut().chain(spread).chain(steps).chain(&mut stack.panels)
    }
}
