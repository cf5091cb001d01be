//! `report.html`: one self-contained page that opens offline and asks nobody for anything.
//!
//! The template escapes everything that is put into it; the only text marked as safe is our own style sheet and script
//! and the SVG of the charts, in which no foreign text ever stands. A content security policy names the style sheet and
//! the script by their hashes and forbids everything else, even if that should fail.
//!
//! Without the script the page says all that it has to say; with it, one may look closer.

mod bullet;
mod data;
mod parts;
pub(super) mod policy;
#[cfg(test)]
mod tests;
mod waterfall;

use std::sync::LazyLock;

use minijinja::Environment;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use serde::Serialize;

use super::baseline::BaselineRange;
use super::capacity::CapacityView;
use super::figure::{Figure, Figures, LegendEntry};
use super::model::Report;
use super::pages::{self, PageView};
use super::{
    ReportError, ReportExtras, agents, exemplars, facts, format, mark_rows, rows, split, stack,
    wording,
};
use plimsoll_metrics::Distribution;
use plimsoll_slo::{Finding, ValidityStatus};

/// The style sheet of all pages.
pub(super) const STYLE: &str = include_str!("html/style.css");
const PAGE: &str = include_str!("html/page.html");
/// The script of the page; `html/page.js` says what it does.
pub(super) static SCRIPT: LazyLock<String> =
    LazyLock::new(|| compact(include_str!("html/page.js")));
const CAPACITY: &str = include_str!("html/capacity.html");

/// A script without comments, indents and the blanks around arrows and behind commas; none of its texts may have an arrow
/// between blanks, or a blank behind a comma that shows.
pub(super) fn compact(script: &str) -> String {
    let lines = script.lines().map(str::trim);
    let code = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
    code.collect::<Vec<_>>().join("\n").replace(" => ", "=>").replace(", ", ",")
}

/// Everything that the template may ask for.
#[derive(Serialize)]
struct HtmlPage {
    style: &'static str,
    script: &'static str,
    policy: String,
    /// The data of the charts, packed; empty without charts.
    data: String,
    title: String,
    started: String,
    duration: String,
    verdict: VerdictView,
    validity: ValidityView,
    model: String,
    judged_part: String,
    caveats: Vec<String>,
    tiles: Vec<(&'static str, String, String)>,
    limit_head: &'static str,
    slo: Vec<SloView>,
    split: Option<split::SplitView>,
    figures: Figures,
    about_pages: &'static str,
    page_keys: Vec<LegendEntry>,
    page_remarks: Vec<String>,
    pages: Vec<PageView>,
    phases: Vec<LegendEntry>,
    parts: Vec<parts::PhaseRow>,
    steps: Vec<rows::StepRow>,
    all_steps: rows::StepRow,
    tags: Vec<rows::StepRow>,
    /// What is said below the table of steps.
    streams: Vec<String>,
    has_failed_times: bool,
    of_all: &'static str,
    missing_quantiles: Option<String>,
    has_baseline: bool,
    scenarios: Vec<rows::ScenarioRow>,
    times: Vec<rows::TimeRow>,
    errors: Vec<rows::ErrorRow>,
    exemplars: Vec<exemplars::ExemplarRow>,
    tiers: Vec<stack::StackTierRow>,
    availability: Vec<(String, String)>,
    incidents: Vec<stack::IncidentRow>,
    events: Vec<rows::EventRow>,
    about_marks: &'static str,
    marks: Vec<mark_rows::MarkTable>,
    load: Vec<(&'static str, String)>,
    generator: Vec<(&'static str, String)>,
    agent_heads: [&'static str; 9],
    agents: Vec<agents::AgentRow>,
    conditions: Vec<(String, String)>,
    capacity: Option<CapacityView>,
    curve: Option<Figure>,
    /// Markup, escaped already.
    capacity_tables: String,
}

/// Renders `report.html`.
///
/// # Errors
/// Where the page template or the chart library fails; never because of a log's content.
pub fn render(report: &Report, extra: &ReportExtras) -> Result<String, ReportError> {
    let header = &report.header;
    let capacity = extra.capacity.as_ref().map(CapacityView::of);
    let curve = capacity.as_ref().map(curve).transpose()?.flatten();
    let capacity_tables = capacity_tables(capacity.as_ref())?;
    let mut figures = figures(report, extra.baseline.as_ref())?;
    let data = data::packed(report, &mut figures);
    let page = HtmlPage {
        style: STYLE,
        script: &SCRIPT,
        policy: policy(report),
        data,
        title: format!(
            "{} · {}",
            format::line(&header.name, 80),
            format::line(&header.workload, 60)
        ),
        started: format::line(&header.started_utc, 40),
        duration: format::duration(report.duration),
        verdict: VerdictView::of(report),
        validity: validity(report),
        model: wording::model(report),
        judged_part: wording::judged_part(report),
        caveats: wording::caveats(report),
        tiles: tiles(report),
        limit_head: rows::limit_head(report),
        slo: slo(report),
        split: split::view(report),
        figures,
        about_pages: pages::ABOUT,
        page_keys: waterfall::keys(),
        page_remarks: pages::remarks(report),
        pages: waterfall::views(report),
        phases: parts::keys(),
        parts: parts::rows(report),
        steps: rows::steps(report),
        all_steps: rows::all_steps(report),
        tags: rows::tags(report),
        streams: rows::streams(report).into_iter().chain(rows::failed_times(report)).collect(),
        has_failed_times: rows::has_failed_times(report),
        of_all: rows::OF_ALL,
        missing_quantiles: rows::missing_quantiles(report),
        has_baseline: extra.baseline.is_some(),
        scenarios: rows::scenarios(report),
        times: rows::times(report),
        errors: rows::errors(report),
        exemplars: exemplars::rows(report),
        tiers: stack::tiers(report),
        availability: stack::availability(report),
        incidents: stack::incidents(report),
        events: rows::events(report),
        about_marks: mark_rows::ABOUT,
        marks: mark_rows::tables(report),
        load: facts::load(report),
        generator: facts::generator(report),
        agent_heads: agents::HEADS,
        agents: agents::rows(report, usize::MAX).0,
        conditions: facts::conditions(report),
        capacity,
        curve,
        capacity_tables,
    };
    fill(PAGE, &page)
}

/// The tables of a capacity result, for every page that shows one; nothing without one.
pub(super) fn capacity_tables(capacity: Option<&CapacityView>) -> Result<String, ReportError> {
    capacity.map_or(Ok(String::new()), |capacity| fill(CAPACITY, capacity))
}

/// Fills an HTML template; everything is escaped unless marked as safe.
pub(super) fn fill(template: &str, page: &impl Serialize) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_filter("code", code);
    // The name's ending turns escaping on.
    Ok(environment.render_named_str("page.html", template, Serde(page))?)
}

/// A message with what stands between backticks as code; everything is escaped.
fn code(text: &str) -> Value {
    let parts: Vec<&str> = text.split('`').collect();
    let mut html = String::new();
    for (index, part) in parts.iter().enumerate() {
        let escaped = html_escape::encode_double_quoted_attribute(part);
        // A backtick without another one behind it is only a backtick.
        let is_alone = parts.len().is_multiple_of(2) && index + 1 == parts.len();
        match (index.is_multiple_of(2), is_alone) {
            (true, _) => html.push_str(&escaped),
            (false, true) => html.extend(["`", &escaped]),
            (false, false) => html.extend(["<code>", &escaped, "</code>"]),
        }
    }
    Value::from_safe_string(html)
}

#[cfg(feature = "charts")]
fn figures(report: &Report, baseline: Option<&BaselineRange>) -> Result<Figures, ReportError> {
    super::charts::all(report, baseline)
}

#[cfg(feature = "charts")]
pub(super) fn curve(capacity: &CapacityView) -> Result<Option<Figure>, ReportError> {
    super::charts::curve(capacity)
}

#[cfg(not(feature = "charts"))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature as with charts")]
fn figures(_: &Report, _: Option<&BaselineRange>) -> Result<Figures, ReportError> {
    Ok(Figures::default())
}

#[cfg(not(feature = "charts"))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature as with charts")]
pub(super) fn curve(_: &CapacityView) -> Result<Option<Figure>, ReportError> {
    Ok(None)
}

/// The verdict in all its forms.
#[derive(Serialize)]
pub(super) struct VerdictView {
    key: &'static str,
    symbol: &'static str,
    word: &'static str,
    sentence: String,
}

impl VerdictView {
    pub(super) fn of(report: &Report) -> Self {
        let verdict = report.judgement.verdict;
        Self {
            key: wording::verdict_key(verdict),
            symbol: wording::verdict_symbol(verdict),
            word: wording::verdict(verdict),
            sentence: wording::sentence(report),
        }
    }
}

#[derive(Serialize)]
struct ValidityView {
    key: &'static str,
    word: &'static str,
    /// How many tests passed.
    passed: usize,
    /// How serious, and what.
    reasons: Vec<(&'static str, String)>,
    tests: Vec<TestView>,
}

/// Pictures of pages stand in the page itself.
fn policy(report: &Report) -> String {
    let policy = policy::of(&[STYLE], &[&SCRIPT]);
    if report.pictures.is_empty() { policy } else { format!("{policy}; img-src data:") }
}

#[derive(Serialize)]
struct TestView {
    name: String,
    key: &'static str,
    status: &'static str,
    message: String,
}

fn validity(report: &Report) -> ValidityView {
    let validity = &report.judgement.validity;
    let test = |finding: &Finding| TestView {
        name: finding.test.word().replace('_', " "),
        key: wording::validity_key(finding.status),
        status: wording::validity(finding.status),
        message: format::message(&finding.message),
    };
    ValidityView {
        key: wording::validity_key(validity.status),
        word: wording::validity(validity.status),
        passed: validity.findings.iter().filter(|it| it.status == ValidityStatus::Valid).count(),
        reasons: validity
            .findings
            .iter()
            .filter(|finding| finding.status != ValidityStatus::Valid)
            .map(|finding| (wording::validity(finding.status), format::message(&finding.message)))
            .collect(),
        tests: validity.findings.iter().map(test).collect(),
    }
}

#[derive(Serialize)]
struct SloView {
    row: rows::SloRow,
    /// Markup of our own; empty where there is nothing to draw.
    bullet: String,
}

fn slo(report: &Report) -> Vec<SloView> {
    let rows = rows::slo(report).into_iter().zip(&report.judgement.objectives);
    rows.map(|(row, judged)| SloView { row, bullet: bullet::svg(judged) }).collect()
}

/// The figures one asks for first.
fn tiles(report: &Report) -> Vec<(&'static str, String, String)> {
    let shown = &report.shown;
    let quantile = |times: &Distribution, q| rows::quantile(times, q);
    let service = |q| format!("service time {}", quantile(&shown.run.service_time, q));
    let failed = shown.run.counts.failed();
    vec![
        ("achieved rate", format!("{} req/s", format::rate(shown.rate())), beside_rate(report)),
        ("p50 response time", quantile(&shown.run.success_time(), 0.5), service(0.5)),
        ("p95 response time", quantile(&shown.run.success_time(), 0.95), service(0.95)),
        ("p99 response time", quantile(&shown.run.success_time(), 0.99), service(0.99)),
        (
            "error rate",
            if shown.run.counts.attempts() == 0 {
                "n/a".into()
            } else {
                format::share(shown.run.counts.error_rate())
            },
            format!(
                "{} of {} requests",
                format::count(failed),
                format::count(shown.run.counts.attempts())
            ),
        ),
    ]
}

/// What was asked for and, where some of it failed, what was good.
fn beside_rate(report: &Report) -> String {
    let intended = report.intended_rate(&report.shown).map_or_else(
        || "closed model".to_owned(),
        |rate| format!("{} req/s intended", format::rate(rate)),
    );
    match facts::successes(report) {
        Some(successes) => format!("{intended}, {successes} succeeded"),
        None => intended,
    }
}
