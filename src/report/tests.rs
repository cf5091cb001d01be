//! Goldens of every format, from run logs made by hand.

mod capacity;

use capacity::{capacity, sign_off_input};

use super::sign_off;
use std::sync::LazyLock;

use super::schemas::OutputSchema;
use super::terminal::{self, TerminalStyle};
use super::{Report, ReportExtras, json, junit, markdown, render_all};
use plimsoll_fixture::{self as fixture, assert_described};
use plimsoll_metrics::{Bound, Distribution, Measure, Objective, RunLog, Scope, StageInfo, StepId};
use plimsoll_slo::{Judgement, Strictness, judge};
use plimsoll_units::{Nanos, Quantity, Rate, RunTime};

/// Compares `text` with `tests/snapshots/report/NAME.snap`.
fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../tests/snapshots/report");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// One kind of run, merged once for all tests.
struct Case {
    name: &'static str,
    log: RunLog,
    judgement: Judgement,
    report: Report,
}

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    [
        ("pass", (fixture::log(), fixture::pass())),
        ("at_risk", (fixture::log(), fixture::at_risk())),
        ("fail", fixture::fail()),
        ("not_valid", fixture::not_valid()),
        ("closed", fixture::closed()),
        ("torn", fixture::torn()),
        ("empty", fixture::empty()),
        ("pages", fixture::pages()),
        ("nasty", fixture::nasty()),
    ]
    .into_iter()
    .map(|(name, (log, judgement))| {
        let report = Report::new(&log, &judgement);
        Case { name, log, judgement, report }
    })
    .collect()
});

fn case(name: &str) -> &'static Case {
    CASES.iter().find(|case| case.name == name).expect("a known case")
}

#[test]
fn results_fit_the_schema_that_is_printed() {
    for Case { report, .. } in CASES.iter() {
        let found = json::value(report, &ReportExtras::default());
        assert_described(OutputSchema::Result.text(), &found);
    }
    let extra = ReportExtras { capacity: Some(capacity()), ..ReportExtras::default() };
    let found = json::value(&case("pass").report, &extra);
    assert_described(OutputSchema::Result.text(), &found);
    assert_described(OutputSchema::Capacity.text(), &found["capacity"]);
}

#[test]
fn lines_of_events_fit_the_schema_that_is_printed() {
    use super::live::events;
    let mut lines = vec![];
    for Case { log, report, .. } in CASES.iter() {
        lines.push(events::start(&log.header));
        lines.extend(log.intervals.iter().map(|second| events::second(&log.header, second)));
        lines.extend(log.events.iter().map(|event| events::note(&log.header, event)));
        lines.extend(log.end.iter().map(|end| events::end(end, 1)));
        lines.push(events::verdict(report, 99));
    }
    for kind in ["start", "second", "note", "end", "verdict"] {
        let wanted = format!("\"event\":\"{kind}\"");
        let line = lines.iter().find(|line| line.contains(&wanted)).expect(kind);
        assert_described(OutputSchema::Events.text(), &serde_json::from_str(line).expect("JSON"));
    }
}

#[test]
fn every_format_of_each_kind_of_run_is_as_agreed() {
    for Case { name, report, .. } in CASES.iter() {
        let report = report.clone().with_folder("reports/ais/20260504T093000Z/");
        let extra = ReportExtras::default();
        golden(&format!("{name}.terminal"), &terminal::summary(&report, TerminalStyle::Plain, 100));
        golden(&format!("{name}.md"), &markdown::render(&report, &extra));
        golden(&format!("{name}.json"), &json::render(&report, &extra));
        golden(&format!("{name}.junit"), &junit::render(&report, &extra).expect("writes"));
    }
}

/// Goal: prove that no terminal wraps a line in mid-word, and that no figure or name is cut to fit.
/// Method: an ellipsis at the end of a word stands where something is missing; one between blanks is an interval's. The
/// folder of the reports stays on one line, so that it can be copied.
#[test]
fn terminal_summary_fits_every_terminal_and_cuts_nothing() {
    let cut = regex::Regex::new(r"\S…").expect("valid");
    for Case { name, report, .. } in CASES.iter() {
        let mut report = report.clone();
        for (at, step) in report.header.steps.iter_mut().enumerate().filter(|_| *name != "nasty") {
            step.name = format!("GET /api/v2/organisations/orders {at}");
        }
        for width in [40, 60, 80, 100, 120] {
            let text = terminal::summary(&report, TerminalStyle::Plain, width);
            for line in text.lines() {
                assert!(line.chars().count() <= width, "{name} at {width}: {line}");
                assert!(*name == "nasty" || !cut.is_match(line), "{name} at {width}: {line}");
            }
        }
    }
    for width in [40, 60, 80] {
        let text = terminal::summary(&case("fail").report, TerminalStyle::Plain, width);
        golden(&format!("fail.terminal{width}"), &text);
    }
}

#[test]
fn plain_summary_has_no_escape_sequence_and_colour_changes_no_text() {
    let escape = regex::Regex::new("\x1b\\[[0-9;]*m").expect("valid");
    for Case { name, report, .. } in CASES.iter() {
        let plain = terminal::summary(report, TerminalStyle::Plain, 100);
        assert!(!plain.contains('\x1b'), "{name}");
        for width in [60, 100] {
            let plain = terminal::summary(report, TerminalStyle::Plain, width);
            let colour = terminal::summary(report, TerminalStyle::Colour, width);
            let bare = escape.replace_all(&colour, "").into_owned();
            let trimmed =
                |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
            assert_eq!(trimmed(&bare), trimmed(&plain), "{name} at {width}");
        }
    }
}

#[test]
fn same_log_gives_the_same_bytes() {
    for Case { name, log, judgement, .. } in CASES.iter() {
        let text: String = std::iter::once(plimsoll_metrics::RunLine::Run(log.header.clone()))
            .chain(log.intervals.iter().cloned().map(plimsoll_metrics::RunLine::Interval))
            .chain(log.events.iter().cloned().map(plimsoll_metrics::RunLine::Event))
            .chain(log.pages.iter().cloned().map(plimsoll_metrics::RunLine::Page))
            .chain(log.pictures.iter().cloned().map(plimsoll_metrics::RunLine::Picture))
            .chain(log.browsers.clone().map(plimsoll_metrics::RunLine::Browsers))
            .chain(log.end.map(plimsoll_metrics::RunLine::End))
            .map(|line| line.to_text())
            .collect();
        let mut back = RunLog::read(&text).expect("reads");
        back.torn = log.torn;
        let extra = ReportExtras::default();
        let first = render_all(&Report::new(log, judgement), &extra).expect("renders");
        assert!(
            first == render_all(&Report::new(&back, judgement), &extra).expect("renders"),
            "{name}"
        );
    }
}

#[test]
fn result_json_keeps_the_promised_fields_in_their_order() {
    let value = json::value(&case("fail").report, &ReportExtras::default());
    let keys: Vec<&str> =
        value.as_object().expect("an object").keys().map(String::as_str).take(13).collect();
    let promised = [
        "schema",
        "name",
        "started_utc",
        "duration_s",
        "verdict",
        "validity",
        "load",
        "response_time_ms",
        "service_time_ms",
        "schedule_lag_ms",
        "errors",
        "steps",
        "scenarios",
    ];
    assert_eq!(keys, promised);
    assert_eq!(value["objectives"][2]["status"], "fail");
}

/// 105 requests a second in the full minutes, 5 seconds of ramp: the whole run holds more than the judged part.
#[test]
fn load_counts_the_whole_run_and_quantiles_the_judged_part() {
    let Case { log, report, .. } = case("pass");
    let value = json::value(report, &ReportExtras::default());
    let sent: u64 = log.intervals.iter().map(plimsoll_metrics::Interval::requests).sum();
    assert_eq!(value["load"]["requests"], sent);
    assert_eq!(value["judged"]["requests"], 24 * 105);
    assert_eq!(value["load"]["achieved_rate_per_s"], 105.0);
    assert_eq!(value["load"]["intended_rate_per_s"], 105.0);
}

/// Whatever ends with an exit code other than 0 must not look green to a CI that only counts test cases.
#[test]
fn junit_is_red_wherever_the_exit_code_is() {
    use plimsoll_slo::{ObjectiveStatus, Strictness, Verdict};
    let red = |log: &RunLog, judgement: &Judgement, strict| {
        let extra = ReportExtras { strict, ..ReportExtras::default() };
        let xml = junit::render(&Report::new(log, judgement), &extra).expect("writes");
        xml.contains("<failure") || xml.contains("<error")
    };
    let log = fixture::log();
    let mut unmeasured = fixture::pass();
    unmeasured.verdict = Verdict::Inconclusive;
    for row in &mut unmeasured.objectives {
        row.status = ObjectiveStatus::NotMeasured;
    }
    let mut overloaded = fixture::pass();
    overloaded.verdict = Verdict::Inconclusive;
    overloaded.validity.overloaded = true;
    let all = CASES.iter().map(|case| case.judgement.clone()).chain([unmeasured, overloaded]);
    for judgement in all {
        let code = judgement.verdict.exit_code(Strictness::Normal);
        assert_eq!(red(&log, &judgement, false), code != 0, "{:?}", judgement.verdict);
    }
    assert!(red(&log, &fixture::at_risk(), true));
}

/// Two steps, 100 requests of 10 ms and 100 of 100 ms: the median of the run is 10 ms; the mean of the
/// steps' medians would be 55 ms.
#[test]
fn quantiles_of_the_run_come_from_merged_histograms() {
    let mut log = fixture::log();
    log.intervals.truncate(10);
    for interval in &mut log.intervals {
        interval.steps.remove(&StepId(2));
        for (id, ms) in [(StepId(0), 10), (StepId(1), 100)] {
            let mut times = Distribution::new();
            times.record_n(Nanos::from_millis(ms), 100);
            let step = interval.steps.entry(id).or_default();
            step.requests = 100;
            step.response_time = times.to_sparse();
        }
    }
    let report = Report::new(&log, &fixture::pass());
    let run = &report.shown.run.success_time();
    assert_eq!(run.count(), 4 * 200);
    assert!((run.quantile(0.5).as_millis_f64() - 10.0).abs() < 0.02);
    assert_eq!(run.quantile(0.99), Nanos::from_millis(100));
    let last = report.series.points.last().and_then(|point| point.response_time);
    assert!(last.is_some_and(|[p50, ..]| (p50.as_millis_f64() - 10.0).abs() < 0.02));
}

#[test]
fn foreign_text_stays_text_in_every_format() {
    let Case { report, .. } = case("nasty");
    let markdown = markdown::render(report, &ReportExtras::default());
    assert!(!markdown.contains("<script"));
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    for table in markdown.split("\n\n").filter(|block| block.starts_with('|')) {
        let heads = columns(table.lines().next().unwrap_or_default());
        assert!(table.lines().all(|line| columns(line) == heads), "{table}");
    }
    let xml = junit::render(report, &ReportExtras::default()).expect("writes");
    assert!(!xml.contains("<script") && !xml.contains('\x1b'));
    let files = render_all(report, &ReportExtras::default()).expect("renders");
    for (name, bytes) in files {
        let text = String::from_utf8(bytes).expect("UTF-8");
        // The page's own: its data and its script.
        let has_charts = cfg!(feature = "charts");
        let own = if name == "report.html" && has_charts { 2 } else { 0 };
        assert!(name == "result.json" || text.matches("<script").count() == own, "{name}");
        assert!(name == "result.json" || !text.contains("<script>alert"), "{name}");
        assert!(!text.contains('\x1b'), "{name}");
    }
}

/// The failing run as a log of this version tells it: with the times of its failures, half a millisecond each.
fn failing_with_times() -> Report {
    let (mut log, judgement) = fixture::fail();
    for interval in &mut log.intervals {
        let steps = interval
            .steps
            .values_mut()
            .map(|step| (&step.errors, &mut step.response_time, &mut step.time_parts));
        for (errors, times, parts) in steps {
            let failed = errors.values().sum::<u64>() as usize;
            parts.failed = std::iter::repeat_n(Nanos::from_micros(500), failed).collect();
            times.merge(&parts.failed);
        }
    }
    // As many requests as there are times now: the fixture's own failures have none.
    Report::new(&log, &judgement)
}

#[test]
fn times_of_failures_stand_beside_those_of_successes_in_every_format() {
    let report = failing_with_times();
    let count = report.shown.steps[&StepId(1)].failed_time.count();
    let line = format!("failures of search: {count}, p50 500 µs, p95 500 µs, max 500 µs");
    let extra = ReportExtras::default();
    let terminal = terminal::summary(&report, TerminalStyle::Plain, 100);
    assert!(terminal.contains(&line), "{terminal}");
    let row = terminal.lines().find(|line| line.starts_with("  failed ")).expect("a row");
    assert_eq!(row.matches("500 µs").count(), 7 - row.matches("n/a").count(), "{row}");
    let markdown = markdown::render(&report, &extra);
    assert!(markdown.contains(&line) && markdown.contains("| of failures |"), "{markdown}");
    let page = super::html::render(&report, &extra).expect("renders");
    assert!(page.contains(&line) && page.contains(">Of failures</th>"), "{page}");
    let json = json::value(&report, &extra);
    for place in [&json, &json["steps"]["search"], &json["whole_run"]] {
        assert_eq!(place["failed_response_time_ms"]["p50"], 0.5, "{place}");
    }
    // Without failures there is nothing beside.
    let sound = terminal::summary(&case("pass").report, TerminalStyle::Plain, 100);
    assert!(!sound.contains("\n  failed "), "{sound}");
}

#[test]
fn missing_quantile_says_whether_none_succeeded_or_too_few_were_sent() {
    let report = |failing: &[u16]| {
        let (mut log, judgement) = (fixture::log(), fixture::pass());
        for step in log.intervals.iter_mut().flat_map(|interval| &mut interval.steps) {
            if failing.contains(&step.0.0) {
                let requests = step.1.requests;
                step.1.errors = [(plimsoll_metrics::ErrorClass::Refused, requests)].into();
                step.1.time_parts.failed = step.1.response_time.clone();
            }
        }
        super::rows::missing_quantiles(&Report::new(&log, &judgement))
    };
    assert_eq!(report(&[]), None);
    assert_eq!(report(&[1]).as_deref(), Some("n/a: no request of search succeeded"));
    let steps: Vec<u16> = (0..case("pass").report.header.steps.len() as u16).collect();
    assert_eq!(report(&steps).as_deref(), Some("n/a: no request succeeded"));
    let empty = super::rows::missing_quantiles(&case("empty").report);
    assert_eq!(empty.as_deref(), Some("n/a: too few requests for this quantile"));
}

/// Goal: prove that the rate asked for is the one shown, whatever mix of scenarios chance dealt to the judged seconds.
#[test]
fn intended_rate_is_the_one_that_stages_ask_for() {
    let (mut log, judgement) = (fixture::log(), fixture::pass());
    let by_counts = Report::new(&log, &judgement);
    log.events.retain(|event| !matches!(event.kind, plimsoll_metrics::EventKind::Steered(_)));
    log.header.exact_arrivals = true;
    let full = log.header.stages[0].to;
    let hold = StageInfo { from: full, to: full, duration: Nanos::from_secs(25), judged: true };
    let ramp = StageInfo { from: Rate::per_second(0.0), duration: Nanos::from_secs(10), ..hold };
    log.header.stages = vec![ramp, hold];
    let report = Report::new(&log, &judgement);
    let expected = log.header.requests_per_iteration();
    let rate = |report: &Report, part| report.intended_rate(part).expect("open").get();
    let (from, to) = (report.shown.from.as_secs_f64(), report.shown.to.as_secs_f64());
    // Half of the ramp's rate until it is over, then all of it.
    let ramped = (from.min(10.0)..=10.0).contains(&10.0);
    assert!(ramped && to > 10.0);
    let area = |at: f64| {
        if at < 10.0 { hold.to.get() * at * at / 20.0 } else { hold.to.get() * (at - 5.0) }
    };
    let wanted = expected * (area(to) - area(from)) / (to - from);
    assert!((rate(&report, &report.shown) - wanted).abs() < 1e-6, "{wanted}");
    // Where part of the run was steered, what fell due is all that is known.
    log.events.push(plimsoll_metrics::Event {
        at: RunTime::ZERO,
        kind: plimsoll_metrics::EventKind::Steered("rate 20 iter/s".into()),
    });
    let steered = Report::new(&log, &judgement);
    let counted = rate(&by_counts, &by_counts.shown);
    assert!((rate(&steered, &steered.shown) - counted).abs() < 1e-9);
}

#[test]
fn table_shows_the_requests_that_objectives_speak_of() {
    let mut log = fixture::log();
    let stage = |secs: u64, judged: bool| StageInfo {
        duration: Nanos::from_secs(secs),
        judged,
        ..log.header.stages[0]
    };
    log.header.stages = vec![stage(8, true), stage(4, false), stage(13, true)];
    for interval in &mut log.intervals[25..] {
        interval.arrivals.intended = 0;
    }
    log.header.objectives = vec![Objective {
        name: "p99".into(),
        scope: Scope::Run,
        measure: Measure::ResponseTime(0.99),
        bound: Bound::AtMost,
        target: None,
        limit: Some(Quantity::Time(Nanos::from_secs(1))),
        of: plimsoll_metrics::Answers::default(),
    }];
    let judgement = judge(&log, Strictness::Normal);
    let report = Report::new(&log, &judgement);
    assert_eq!(judgement.objectives[0].samples, report.shown.run.success_time().count());
    assert_eq!(report.shown.span, judgement.steady.stages.iter().map(|s| s.1.since(s.0)).sum());
    assert_eq!(judgement.steady.stages.len(), 2);
    assert!(judgement.steady.tail.is_some());
}

#[test]
fn odd_times_in_a_log_never_stop_a_report() {
    let (log, judgement) = fixture::fail();
    let twisted: [fn(&mut RunLog, &mut Judgement); 4] = [
        |log, _| log.intervals.reverse(),
        |log, _| log.intervals.iter_mut().for_each(|interval| interval.end = interval.start),
        |log, _| log.intervals[3].end = RunTime::NEVER,
        |_, judgement| judgement.steady.stages = vec![(RunTime::NEVER, RunTime::ZERO)],
    ];
    for twist in twisted {
        let (mut log, mut judgement) = (log.clone(), judgement.clone());
        twist(&mut log, &mut judgement);
        let report = Report::new(&log, &judgement);
        let files = render_all(&report, &ReportExtras::default()).expect("renders");
        assert!(files.iter().all(|(_, bytes)| bytes.len() < 1_000_000));
        assert!(terminal::summary(&report, TerminalStyle::Plain, 100).contains("FAIL"));
    }
}

#[cfg(feature = "charts")]
#[test]
fn pages_are_as_agreed() {
    let extra = ReportExtras { capacity: Some(capacity()), ..ReportExtras::default() };
    for name in ["fail", "not_valid"] {
        let html = super::html::render(&case(name).report, &extra).expect("renders");
        golden(&format!("{name}.html"), &html);
    }
    let html = sign_off::html(&sign_off_input(Some(capacity()))).expect("renders");
    golden("sign_off.html", &html);
}

/// The colours of a chart are classes: no fixed colour or font may be left in the page's drawings.
#[cfg(feature = "charts")]
#[test]
fn charts_hold_no_fixed_colour_and_no_foreign_text() {
    let html =
        super::html::render(&case("nasty").report, &ReportExtras::default()).expect("renders");
    let drawings: Vec<&str> =
        html.split("<svg").skip(1).filter_map(|rest| rest.split("</svg>").next()).collect();
    assert!(drawings.len() > 10);
    for svg in drawings {
        assert!(
            !svg.contains("#0") && !svg.contains("font-family") && !svg.contains("alert"),
            "{svg}"
        );
        assert!(svg.contains("class="));
    }
}
