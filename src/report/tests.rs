//! Goldens of every format, from run logs made by hand.

use super::terminal::{self, Style};
use super::{Extra, Report, fixture, json, junit, markdown, render_all};
use crate::metrics::RunLog;
use crate::slo::Judgement;

/// Compares `text` with `tests/snapshots/report/NAME.snap`.
fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../tests/snapshots/report");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn cases() -> Vec<(&'static str, RunLog, Judgement)> {
    let (log, pass) = (fixture::log(), fixture::pass());
    let mut cases = vec![("pass", log.clone(), pass), ("at_risk", log, fixture::at_risk())];
    for (name, (log, judgement)) in [
        ("fail", fixture::fail()),
        ("not_valid", fixture::not_valid()),
        ("closed", fixture::closed()),
        ("torn", fixture::torn()),
        ("empty", fixture::empty()),
        ("nasty", fixture::nasty()),
    ] {
        cases.push((name, log, judgement));
    }
    cases
}

#[test]
fn terminal_summary_of_each_kind_of_run_is_as_agreed() {
    for (name, log, judgement) in cases() {
        let report = Report::new(&log, &judgement).with_folder("reports/ais/20260504T093000Z/");
        golden(&format!("{name}.terminal"), &terminal::summary(&report, Style::Plain, 100));
    }
}

#[test]
fn terminal_summary_fits_eighty_and_a_hundred_and_twenty_columns() {
    for (name, log, judgement) in cases() {
        let report = Report::new(&log, &judgement);
        for width in [80, 120] {
            for line in terminal::summary(&report, Style::Plain, width).lines() {
                assert!(line.chars().count() <= width, "{name} at {width}: {line}");
            }
        }
    }
    let (log, judgement) = fixture::fail();
    let report = Report::new(&log, &judgement);
    golden("fail.terminal80", &terminal::summary(&report, Style::Plain, 80));
}

#[test]
fn plain_summary_has_no_escape_sequence_and_colour_changes_no_text() {
    for (name, log, judgement) in cases() {
        let report = Report::new(&log, &judgement);
        let plain = terminal::summary(&report, Style::Plain, 100);
        assert!(!plain.contains('\x1b'), "{name}");
        let colour = terminal::summary(&report, Style::Colour, 100);
        let bare = regex::Regex::new("\x1b\\[[0-9;]*m")
            .expect("valid")
            .replace_all(&colour, "")
            .into_owned();
        let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        assert_eq!(trimmed(&bare), trimmed(&plain), "{name}");
    }
}

#[test]
fn markdown_of_each_kind_of_run_is_as_agreed() {
    for (name, log, judgement) in cases() {
        golden(
            &format!("{name}.md"),
            &markdown::render(&Report::new(&log, &judgement), &Extra::default()),
        );
    }
}

#[test]
fn json_of_each_kind_of_run_is_as_agreed() {
    for (name, log, judgement) in cases() {
        let text = json::render(&Report::new(&log, &judgement), &Extra::default());
        golden(&format!("{name}.json"), &text);
    }
}

#[test]
fn junit_of_each_kind_of_run_is_as_agreed() {
    for (name, log, judgement) in cases() {
        golden(
            &format!("{name}.junit"),
            &junit::render(&Report::new(&log, &judgement)).expect("writes"),
        );
    }
}

#[test]
fn same_log_gives_the_same_bytes() {
    for (name, log, judgement) in cases() {
        let text: String = std::iter::once(crate::metrics::RunLine::Run(log.header.clone()))
            .chain(log.intervals.iter().cloned().map(crate::metrics::RunLine::Interval))
            .chain(log.events.iter().cloned().map(crate::metrics::RunLine::Event))
            .chain(log.end.map(crate::metrics::RunLine::End))
            .map(|line| line.to_text())
            .collect();
        let mut back = RunLog::read(&text).expect("reads");
        back.torn = log.torn;
        let extra = Extra::default();
        let first = render_all(&log, &judgement, &extra).expect("renders");
        assert!(first == render_all(&back, &judgement, &extra).expect("renders"), "{name}");
    }
}

#[test]
fn result_json_keeps_the_promised_fields_in_their_order() {
    let (log, judgement) = fixture::fail();
    let value = json::value(&Report::new(&log, &judgement), &Extra::default());
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

/// 105 requests a second in the full minutes, 10 seconds of ramp: the whole run holds more than the judged part.
#[test]
fn load_counts_the_whole_run_and_quantiles_the_judged_part() {
    let log = fixture::log();
    let value = json::value(&Report::new(&log, &fixture::pass()), &Extra::default());
    let sent: u64 = log.intervals.iter().map(crate::metrics::Interval::requests).sum();
    assert_eq!(value["load"]["requests"], sent);
    assert_eq!(value["judged"]["requests"], 48 * 105);
    assert_eq!(value["load"]["achieved_rate_per_s"], 105.0);
    assert_eq!(value["load"]["intended_rate_per_s"], 105.0);
}

/// Two steps of a hundred equal values each: the run's p50 is the lower, its p99 the higher, never a mean.
#[test]
fn quantiles_of_the_run_come_from_merged_histograms() {
    let log = fixture::log();
    let report = Report::new(&log, &fixture::pass());
    let steps: Vec<u64> =
        report.shown.steps.values().map(|totals| totals.response_time.count()).collect();
    assert_eq!(report.shown.run.response_time.count(), steps.iter().sum::<u64>());
    let slowest = report.shown.steps.values().map(|totals| totals.response_time.max()).max();
    assert_eq!(Some(report.shown.run.response_time.max()), slowest);
}

#[test]
fn foreign_text_stays_text_in_every_format() {
    let (log, judgement) = fixture::nasty();
    let report = Report::new(&log, &judgement);
    let markdown = markdown::render(&report, &Extra::default());
    assert!(!markdown.contains("<script"));
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    for table in markdown.split("\n\n").filter(|block| block.starts_with('|')) {
        let heads = columns(table.lines().next().unwrap_or_default());
        assert!(table.lines().all(|line| columns(line) == heads), "{table}");
    }
    let xml = junit::render(&report).expect("writes");
    assert!(!xml.contains("<script") && !xml.contains('\x1b'));
    let files = render_all(&log, &judgement, &Extra::default()).expect("renders");
    for (name, bytes) in files {
        let text = String::from_utf8(bytes).expect("UTF-8");
        assert!(name == "result.json" || !text.contains("<script"), "{name}");
        assert!(!text.contains('\x1b'), "{name}");
    }
}

/// Writes the pages of all cases where a designer can look at them: `PLIMSOLL_PAGES=folder`.
#[test]
fn pages() {
    if let Some(folder) = std::option_env!("PLIMSOLL_PAGES") {
        for (name, log, judgement) in cases() {
            let html = super::html::render(&Report::new(&log, &judgement), &Extra::default())
                .expect("renders");
            std::fs::write(format!("{folder}/{name}.html"), html).expect("writes");
        }
    }
}
