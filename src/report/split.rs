//! Blue and green as rows and words, shared by every format.

use serde::Serialize;

use super::{format, model::Report, rows};
use plimsoll_metrics::{Side, Tally};
use plimsoll_slo::{
    BlueGreen, Contrast, ContrastBasis, ContrastRow, GreenVerdict, ShareResult, ValidityStatus,
};
use plimsoll_units::{Nanos, Rate};

/// Longest URL.
const URL_LIMIT: usize = 80;

/// Blue and green, ready to be shown.
#[derive(Debug, Serialize)]
pub(super) struct SplitView {
    /// How the two share the arrivals.
    pub(super) about: &'static str,
    /// Each side's URL and its requests in the whole run.
    pub(super) sides: Vec<(&'static str, String)>,
    /// One entry a share.
    pub(super) shares: Vec<ShareView>,
}

/// One share: a row a side, and what the comparison came to.
#[derive(Debug, Serialize)]
pub(super) struct ShareView {
    pub(super) rows: Vec<SideRow>,
    /// What was found, measure by measure; empty where there is nothing to compare.
    pub(super) found: String,
    /// The answer.
    pub(super) answer: String,
    /// `no_worse`, `needs_more_requests`, `worse` or `not_valid`; empty without an answer.
    pub(super) key: &'static str,
    pub(super) symbol: &'static str,
}

/// One side at one share.
#[derive(Debug, Serialize)]
pub(super) struct SideRow {
    pub(super) share: String,
    pub(super) side: &'static str,
    pub(super) requests: String,
    pub(super) rate: String,
    pub(super) p50: String,
    pub(super) p95: String,
    pub(super) p99: String,
    pub(super) errors: String,
    pub(super) failed: bool,
}

impl SideRow {
    /// The names of the columns; figures are aligned to the right from the third one on.
    pub(super) const HEADS: [&'static str; 8] =
        ["green's share", "side", "requests", "req/s", "p50", "p95", "p99", "errors"];

    /// The cells below them.
    pub(super) fn cells(&self) -> [&str; 8] {
        let Self { share, side, requests, rate, p50, p95, p99, errors, failed: _ } = self;
        [share, side, requests, rate, p50, p95, p99, errors]
    }
}

/// What a report shows of a split run; none of any other.
pub(super) fn view(report: &Report) -> Option<SplitView> {
    let found = report.blue_green.as_ref()?;
    let BlueGreen { blue, green, duet, requests, shares } = found;
    let side = |url: &str, requests| {
        format!("{} · {} requests", format::line(url, URL_LIMIT), format::count(requests))
    };
    let sides = vec![("blue", side(blue, requests[0])), ("green", side(green, requests[1]))];
    let is_valid = report.judgement.validity.status != ValidityStatus::NotValid;
    let about = if *duet {
        "every arrival played against two targets at once"
    } else {
        "the same arrivals, split over two targets"
    };
    let mut shares: Vec<ShareView> = shares.iter().map(|it| share(it, is_valid)).collect();
    if *duet {
        shares
            .iter_mut()
            .flat_map(|share| &mut share.rows)
            .for_each(|row| row.share = "all".into());
    }
    Some(SplitView { about, sides, shares })
}

/// A measurement that is not valid supports no answer, whatever its figures say.
fn share(share: &ShareResult, is_valid: bool) -> ShareView {
    let sides = Side::ALL.into_iter().zip(&share.sides);
    let rows = sides.map(|(side, totals)| side_row(share, side, totals)).collect();
    match &share.contrast {
        Some(contrast) if !is_valid => ShareView {
            rows,
            found: found(contrast),
            answer: format!("{}, but the measurement is not valid", answer(contrast)),
            key: "not_valid",
            symbol: "⊘",
        },
        Some(contrast) => ShareView {
            rows,
            found: found(contrast),
            answer: answer(contrast),
            key: contrast.verdict().key(),
            symbol: symbol(contrast.verdict()),
        },
        None => ShareView {
            rows,
            found: String::new(),
            answer: "nothing to compare: one side had no request".to_owned(),
            key: "",
            symbol: "–",
        },
    }
}

fn side_row(share: &ShareResult, side: Side, totals: &Tally) -> SideRow {
    let quantile = |p| rows::quantile(&totals.success_time(), p);
    SideRow {
        share: format::share(share.part.share),
        side: side.name(),
        requests: format::count(totals.counts.requests),
        rate: rate(totals.counts.requests, share.span),
        p50: quantile(0.5),
        p95: quantile(0.95),
        p99: quantile(0.99),
        errors: match totals.counts.failed() {
            0 => "0".to_owned(),
            _ => format::share(totals.counts.error_rate()),
        },
        failed: totals.counts.failed() > 0,
    }
}

fn rate(requests: u64, span: Nanos) -> String {
    format::rate(Rate::of(requests, span))
}

const fn symbol(verdict: GreenVerdict) -> &'static str {
    match verdict {
        GreenVerdict::NoWorse => "✔",
        GreenVerdict::NeedsMore => "?",
        GreenVerdict::Worse => "✘",
    }
}

/// `p95 +20.4 % (+15.1 % … +26.0 %), p99 …`.
fn found(contrast: &Contrast) -> String {
    let all: Vec<String> = contrast.rows.iter().map(effect).collect();
    let against = match contrast.against {
        ContrastBasis::Pairs => "green against blue, arrival by arrival",
        ContrastBasis::SameSeconds => "green against blue",
        ContrastBasis::Before => "green against blue before (blue had no request here)",
    };
    format!("{against}: {}{}", all.join(", "), saved(contrast))
}

/// What pairing was worth, where it was worth something; nothing of a run that was split.
fn saved(contrast: &Contrast) -> String {
    let worth = contrast.rows.iter().filter_map(|row| Some((name(row), row.saved?)));
    let told: Vec<String> = worth
        .filter(|(_, saved)| *saved >= 1.5)
        .map(|(name, saved)| format!("{name} {} ×", format::significant(saved, 2)))
        .collect();
    if told.is_empty() {
        return String::new();
    }
    format!("; in turns, intervals as narrow would take longer: {}", told.join(", "))
}

fn effect(row: &ContrastRow) -> String {
    let name = name(row);
    let Some(effect) = row.effect else { return format!("{name} n/a") };
    let (told, unit) = if row.is_ratio {
        (effect.map(|ratio| (ratio - 1.0) * 100.0), "%")
    } else {
        (effect.map(|share| share * 100.0), "points")
    };
    let signed = |value: f64| {
        let digits = if row.is_ratio { 1 } else { 2 };
        // Rounding must not leave a minus before nothing.
        let text = format!("{value:+.digits$}");
        if text.bytes().all(|byte| matches!(byte, b'-' | b'+' | b'0' | b'.')) {
            return text.replace(['-', '+'], "±");
        }
        text
    };
    let [lower, value, upper] = [told.lower, told.value, told.upper].map(signed);
    format!("{name} {value} {unit} ({lower} … {upper})")
}

const fn name(row: &ContrastRow) -> &'static str {
    if row.is_ratio { row.name } else { "errors" }
}

/// The answer in words.
fn answer(contrast: &Contrast) -> String {
    let of = |verdict: GreenVerdict| -> Vec<&ContrastRow> {
        contrast.rows.iter().filter(|row| row.verdict == verdict).collect()
    };
    let names =
        |rows: &[&ContrastRow]| rows.iter().map(|row| name(row)).collect::<Vec<_>>().join(", ");
    match contrast.verdict() {
        GreenVerdict::NoWorse => "green is no worse".to_owned(),
        GreenVerdict::Worse => format!("green is worse: {}", names(&of(GreenVerdict::Worse))),
        GreenVerdict::NeedsMore => {
            let open = of(GreenVerdict::NeedsMore);
            let why: Vec<String> =
                open.iter().map(|row| format!("{}: {}", name(row), row.note)).collect();
            format!("needs more requests: {}", why.join("; "))
        }
    }
}
