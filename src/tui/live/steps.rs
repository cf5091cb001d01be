//! The table of steps: the last seconds of each, sorted as the user likes.

use std::cmp::Ordering;

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::page::SortBy;
use super::context::PanelContext;
use super::{LiveRun, RECENT, StepLive};
use crate::frame::cut;
use crate::scrolled::ScrolledText;
use crate::theme::Tone;
use plimsoll_report::format;
use plimsoll_units::{Rate, Ratio};

pub(super) fn title(ink: PanelContext) -> String {
    let sorted = match ink.look.sort {
        SortBy::Order => "",
        SortBy::Rate => " by rate",
        SortBy::P95 => " by p95",
        SortBy::P99 => " by p99",
        SortBy::Errors => " by errors",
    };
    format!("steps{sorted}, last {RECENT} s")
}

pub(super) fn text(live: &LiveRun, ink: PanelContext, inner: Rect) -> ScrolledText {
    let width = usize::from(inner.width);
    let wide = width >= 52;
    let fixed = if wide { 8 + 9 * 3 + 10 } else { 7 + 9 + 9 };
    let name = width.saturating_sub(fixed).clamp(6, 30);
    let rows = order(live, ink.look.sort);
    let rows = rows.iter().map(|(text, step)| row(text, step, ink, name, wide)).collect();
    ScrolledText { head: vec![head(ink, name, wide)], rows }
}

fn head(ink: PanelContext, name: usize, wide: bool) -> Line<'static> {
    let mark = |by: SortBy, text: &str| {
        if ink.look.sort == by { format!("▾{text}") } else { text.to_owned() }
    };
    let (rate, p95) = (mark(SortBy::Rate, "req/s"), mark(SortBy::P95, "p95"));
    let (p99, errors) = (mark(SortBy::P99, "p99"), mark(SortBy::Errors, "errors"));
    let text = if wide {
        format!("{:<name$}{rate:>8}{:>9}{p95:>9}{p99:>9}{errors:>10}", "", "p50")
    } else {
        let time = if ink.look.sort == SortBy::P99 { p99 } else { p95 };
        format!("{:<name$}{rate:>7}{time:>9}{errors:>9}", "")
    };
    Line::styled(text, ink.theme.style(Tone::Faint))
}

fn row(text: &str, step: &StepLive, ink: PanelContext, name: usize, wide: bool) -> Line<'static> {
    let time = |span| if step.known { format::time(span) } else { "–".to_owned() };
    let rate = format::rate(Rate::per_second(step.rate));
    let text = cut(text, name.saturating_sub(1));
    let figures = if wide {
        format!("{rate:>8}{:>9}{:>9}{:>9}", time(step.p50), time(step.p95), time(step.p99))
    } else {
        let shown = if ink.look.sort == SortBy::P99 { step.p99 } else { step.p95 };
        format!("{rate:>7}{:>9}", time(shown))
    };
    let errors = match (step.failed, step.requests) {
        (0, _) => "0".to_owned(),
        (failed, requests) => format!("!{}", format::share(Ratio::of(failed, requests))),
    };
    let tone = if step.failed > 0 { Tone::Bad } else { Tone::Faint };
    let errors_width = if wide { 10 } else { 9 };
    Line::from(vec![
        Span::styled(format!("{text:<name$}"), ink.theme.style(Tone::Strong)),
        Span::raw(figures),
        Span::styled(format!("{errors:>errors_width$}"), ink.theme.style(tone)),
    ])
}

fn order(live: &LiveRun, by: SortBy) -> Vec<(String, StepLive)> {
    let known = live.log.header.steps.iter().zip(&live.steps);
    let steps = known.map(|(info, step)| (format::line(&info.name, 40), step.clone()));
    // Pages stand with the steps: few loads, so over the whole run.
    let pages = live.pages().into_iter();
    let pages = pages.map(|(name, page)| (format!("{} (page, lcp)", format::line(name, 28)), page));
    let mut rows: Vec<(String, StepLive)> = steps.chain(pages).collect();
    let share = |step: &StepLive| step.failed as f64 / step.requests.max(1) as f64;
    rows.sort_by(|(_, a), (_, b)| match by {
        SortBy::Order => Ordering::Equal,
        SortBy::Rate => b.rate.total_cmp(&a.rate),
        SortBy::P95 => b.p95.cmp(&a.p95),
        SortBy::P99 => b.p99.cmp(&a.p99),
        SortBy::Errors => share(b).total_cmp(&share(a)),
    });
    rows
}
