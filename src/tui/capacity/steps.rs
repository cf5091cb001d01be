//! The steps of the search, newest first.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::search_view::{SearchStep, SearchView, StepOutcome};
use super::wording::{outcome_symbol, outcome_tone};
use crate::frame::cut;
use crate::scrolled::ScrolledText;
use crate::theme::{Theme, Tone};
use plimsoll_capacity::step::AbortReason;
use plimsoll_report::format;
use plimsoll_units::Nanos;

pub(super) fn text(search: &SearchView, theme: Theme, inner: Rect) -> ScrolledText {
    if search.steps.is_empty() {
        let text = "the first step is under way; each ends in a line here";
        let text = cut(text, usize::from(inner.width));
        let head = vec![Line::styled(text, theme.style(Tone::Faint))];
        return ScrolledText { head, rows: vec![] };
    }
    let width = usize::from(inner.width);
    let wide = width >= 66;
    // On the smallest screens every line counts.
    let head = if inner.height > 3 { vec![head(search, theme, wide)] } else { vec![] };
    let numbered = search.steps.iter().enumerate().rev();
    let rows = numbered.map(|(index, step)| row(index + 1, step, theme, width)).collect();
    ScrolledText { head, rows }
}

fn head(search: &SearchView, theme: Theme, wide: bool) -> Line<'static> {
    let time = search.timed_name();
    let text = if wide {
        format!(
            "{:>3}  {:<9}{:>9}{:>7}{time:>10}{:>10}{:>9}  outcome",
            "#", "why", "req/s", "held", "p99", "failed"
        )
    } else {
        format!("{:>3} {:>8}{time:>10}  outcome", "#", "req/s")
    };
    Line::styled(text, theme.style(Tone::Faint))
}

fn row(number: usize, step: &SearchStep, theme: Theme, width: usize) -> Line<'static> {
    let wide = width >= 66;
    let time = |time: Option<Nanos>| time.map_or_else(|| "–".to_owned(), format::time);
    let rate = format::rate(step.rate);
    let figures = if wide {
        format!(
            "{number:>3}  {:<9}{rate:>9}{:>7}{:>10}{:>10}{:>9}  ",
            step.purpose.word(),
            format!("{:.0} s", step.hold.as_secs_f64()),
            time(step.time),
            time(step.p99),
            format::share(step.failed),
        )
    } else {
        format!("{number:>3} {rate:>8}{:>10}  ", time(step.time))
    };
    let words = match step.outcome {
        StepOutcome::Within => "within",
        StepOutcome::Exceeds => "exceeds",
        StepOutcome::Throttled => "rate limit",
        StepOutcome::Stopped(AbortReason::InFlightRunaway) if wide => "pile-up",
        StepOutcome::Stopped(AbortReason::ErrorBurst) if wide => "errors",
        StepOutcome::Stopped(_) => "stopped",
        StepOutcome::Invalid if wide => "late load",
        StepOutcome::Invalid => "not valid",
    };
    let outcome = format!("{} {words}", outcome_symbol(step.outcome));
    let outcome = cut(&outcome, width.saturating_sub(figures.chars().count()));
    Line::from(vec![
        Span::raw(figures),
        Span::styled(outcome, theme.style(outcome_tone(step.outcome))),
    ])
}
