//! Between which rates the answer lies, and what is measured next.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::super::search_view::{SearchView, StepUnderWay};
use super::wording::{described, estimated};
use crate::frame::{fitting, panel, wrapped};
use crate::theme::{Theme, Tone};
use plimsoll_capacity::search::{FailureAbove, SearchEnd, SearchLimit, SearchOutcome};
use plimsoll_capacity::step::StepPurpose;
use plimsoll_report::format;
use plimsoll_units::Rate;

pub(super) fn draw(search: &SearchView, theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    let title = if search.outcome.is_some() { "SLO-max" } else { "SLO-max so far" };
    let block = panel(theme, title, false);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let width = usize::from(inner.width);
    let mut lines = vec![between(search, theme, width), ruler(search, theme, width)];
    match (&search.outcome, &search.doing) {
        (Some(outcome), _) => lines.extend(found(outcome, theme, width)),
        (None, doing) => {
            lines.extend(throttled(search, theme, width));
            lines.extend(doing.iter().flat_map(|doing| next(doing, theme, width)));
        }
    }
    if inner.height > 6 {
        lines.push(Line::default());
        lines.push(Line::styled("what must hold", theme.style(Tone::Title)));
        lines.extend(
            search
                .slo_limits
                .iter()
                .map(|slo_limit| Line::from(format!("  {}", described(slo_limit)))),
        );
    }
    frame.render_widget(Paragraph::new(lines), inner);
}

/// Says at once that a rate limit was met: who sees the search go down need not wait for its end to know why.
fn throttled(search: &SearchView, theme: Theme, width: usize) -> Vec<Line<'static>> {
    let Some(step) = search.throttled() else { return Vec::new() };
    let passed = step.rate.times(1.0 - step.failed.get());
    let text = format!(
        "! a rate limit answers: about {} of {} req/s pass; that is the edge's, not the stack's capacity",
        format::rate(passed),
        format::rate(step.rate)
    );
    let tone = theme.style(Tone::Warning);
    wrapped(&text, width).into_iter().map(|text| Line::styled(text, tone)).collect()
}

fn between(search: &SearchView, theme: Theme, width: usize) -> Line<'static> {
    let strong = |text: String| Span::styled(text, theme.style(Tone::Strong));
    let rate = format::rate;
    let (known, apart) = match search.bracket {
        (None, None) => (vec![Span::raw("nothing known yet")], None),
        (Some(pass), None) => {
            (vec![Span::raw("above "), strong(rate(pass)), Span::raw(" req/s")], None)
        }
        (None, Some(fail)) => {
            (vec![Span::raw("below "), strong(rate(fail)), Span::raw(" req/s")], None)
        }
        (Some(pass), Some(fail)) => {
            let apart = (fail.get() / pass.get() - 1.0) * 100.0;
            let words = [Span::raw("between "), Span::raw(" and "), Span::raw(" req/s")];
            let [between, and, unit] = words;
            (vec![between, strong(rate(pass)), and, strong(rate(fail)), unit], Some(apart))
        }
    };
    let apart = apart
        .map(|apart| vec![Span::styled(format!("{apart:.0} % apart"), theme.style(Tone::Faint))]);
    fitting([Some(known), apart].into_iter().flatten().collect(), width)
}

/// The bracket as a line: `220 ✔━━━━━◆━━━✖ 260`, ◆ being the rate that is measured now.
fn ruler(search: &SearchView, theme: Theme, width: usize) -> Line<'static> {
    let (pass, fail) = search.bracket;
    let shown = |rate: Option<Rate>| rate.map_or_else(|| "?".to_owned(), format::rate);
    let (low, high) = (shown(pass), shown(fail));
    let length = width.saturating_sub(low.chars().count() + high.chars().count() + 4);
    let at = match (pass, fail, &search.doing) {
        (Some(pass), Some(fail), Some(doing)) => {
            let share = (doing.rate.get() / pass.get()).ln() / (fail.get() / pass.get()).ln();
            (0.0..=1.0).contains(&share).then_some((share * length as f64) as usize)
        }
        _ => None,
    };
    let line: String = (0..length).map(|i| if at == Some(i) { '◆' } else { '━' }).collect();
    Line::from(vec![
        Span::raw(format!("{low} ")),
        Span::styled("✔", theme.style(Tone::Good)),
        Span::styled(line, theme.style(Tone::Faint)),
        Span::styled("✖", theme.style(Tone::Bad)),
        Span::raw(format!(" {high}")),
    ])
}

fn next(doing: &StepUnderWay, theme: Theme, width: usize) -> Vec<Line<'static>> {
    let why = match doing.purpose {
        StepPurpose::Baseline => "what a response costs when nobody waits",
        StepPurpose::Bracket => "to find one rate that passes and one that fails",
        StepPurpose::Refine => "where the model expects the limit",
        StepPurpose::Confirm => "the claim, held once more",
        StepPurpose::Breach => "10 % above the claim, to show that it fails",
    };
    let text = format!("◆ {} {} req/s: {why}", doing.purpose.word(), format::rate(doing.rate));
    let tone = theme.style(Tone::Accent);
    wrapped(&text, width).into_iter().map(|text| Line::styled(text, tone)).collect()
}

fn found(outcome: &SearchOutcome, theme: Theme, width: usize) -> Vec<Line<'static>> {
    let mut said = Vec::new();
    match &outcome.held {
        Some(held) => {
            let rate = format::rate(held.rate);
            said.push((format!("{rate} req/s, held for {}", held.hold), Tone::Strong));
        }
        None if outcome.slo_max.is_some() => {
            said.push(("no rate was held at rest".to_owned(), Tone::Bad));
        }
        None => said.push(("no rate passed".to_owned(), Tone::Bad)),
    }
    said.extend(outcome.slo_max.map(|rate| (format!("limit {}", estimated(&rate)), Tone::Plain)));
    if outcome.confirmed {
        said.push(("✔ confirmed in a step of its own".to_owned(), Tone::Good));
    }
    said.extend(outcome.failure_above.map(|above| match above {
        FailureAbove::Shown(_) => (format!("✔ {above}"), Tone::Good),
        _ => (format!("! {above}"), Tone::Warning),
    }));
    said.extend(
        outcome
            .time_needed
            .map(|needed| (format!("! it would take about --within {needed}"), Tone::Warning)),
    );
    match outcome.limit {
        Some(SearchLimit::RateLimited) => {
            said.push((
                "! an edge's rate limit, not the stack's capacity".to_owned(),
                Tone::Warning,
            ));
        }
        Some(SearchLimit::Overload) => {
            said.push(("above it more arrives than is answered".to_owned(), Tone::Plain));
        }
        Some(SearchLimit::ResponseTime | SearchLimit::Other) | None => {}
    }
    if let Some(why) = ended(outcome.end) {
        said.push((why.to_owned(), Tone::Warning));
    }
    said.into_iter()
        .flat_map(|(text, tone)| {
            wrapped(&text, width).into_iter().map(move |text| Line::styled(text, theme.style(tone)))
        })
        .collect()
}

/// Why the search ended, where it did not come to its end.
const fn ended(end: SearchEnd) -> Option<&'static str> {
    match end {
        SearchEnd::Complete => None,
        SearchEnd::BudgetSpent => Some("! time is up: the interval says what is known"),
        SearchEnd::NoLimitFound => Some("! every rate up to the highest allowed passes"),
        SearchEnd::NeverWithin => Some("! even a small part of the first rate fails"),
        SearchEnd::GeneratorLimit => Some("! the generator, not the stack, was the limit"),
        SearchEnd::Interrupted => Some("! stopped: the interval says what is known"),
        SearchEnd::NotConfirmed => Some("! the claim failed again and again when held"),
    }
}
