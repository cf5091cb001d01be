//! Every consumer reports the same figures of the same log, whatever happened in the run.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use prost::Message as _;
use serde_json::Value as Json;

use super::json;
use super::live::{LiveTotals, events, otlp, prometheus};
use super::{Report, ReportExtras};
use plimsoll_capacity::stack::StackModel;
use plimsoll_capacity::step::{StepPurpose, StepResult};
use plimsoll_metrics::{
    Bound, Collector, Counts, ErrorClass as E, Event, EventKind, Measure, Objective, Outcome,
    Recorder, RunEnd, RunHeader, RunLine, RunLog, Sample, SampleKind, ScenarioId, Scope, Selection,
    Side, SplitInfo, SplitPart, StepId, StepInfo, StopReason, Tally, Variant,
};
use plimsoll_slo::gate::RunSummary;
use plimsoll_slo::{Strictness, judge};
use plimsoll_units::{Money, Nanos, Quantity, Rate, Ratio, RunTime};

const SECONDS: u64 = 20;
/// Requests in each second; derived rows and broken iterations come beside them.
const REQUESTS: u64 = 50;

/// What one run of the corpus is about.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a kind of log that is in the corpus or not"
)]
struct Plot {
    /// Of the requests of a second so many fail, each with the class.
    failing: &'static [(u64, E)],
    /// So many derived times of this kind a second, and so many of them in failure.
    derived: Option<(SampleKind, u64, u64)>,
    /// So many scripts that broke a second.
    broken: u64,
    workers: u32,
    is_split: bool,
    is_steered: bool,
    /// Whether the log ends in the middle of a line.
    is_cut: bool,
    /// Whether half of the workers are one shard and the others another, merged afterwards.
    is_merged: bool,
}

const PLAIN: Plot = Plot {
    failing: &[],
    derived: None,
    broken: 0,
    workers: 1,
    is_split: false,
    is_steered: false,
    is_cut: false,
    is_merged: false,
};

const CORPUS: [(&str, Plot); 10] = [
    ("nothing fails", PLAIN),
    ("polls given up", Plot { derived: Some((SampleKind::Poll, 10, 3)), ..PLAIN }),
    (
        "streams",
        Plot { derived: Some((SampleKind::FirstEvent, 20, 1)), failing: &[(2, E::Reset)], ..PLAIN },
    ),
    ("playback", Plot { derived: Some((SampleKind::FirstSegment, 5, 0)), broken: 1, ..PLAIN }),
    ("throttled", Plot { failing: &[(20, E::Throttled), (1, E::Http5xx)], ..PLAIN }),
    ("expected and unexpected 4xx", Plot { failing: &[(5, E::Http4xx)], ..PLAIN }),
    ("split", Plot { failing: &[(4, E::Http5xx)], broken: 2, is_split: true, ..PLAIN }),
    ("steered", Plot { failing: &[(3, E::Refused)], is_steered: true, ..PLAIN }),
    ("several workers", Plot { failing: &[(6, E::CheckFailed)], broken: 3, workers: 3, ..PLAIN }),
    (
        "cut and merged",
        Plot {
            failing: &[(7, E::ConnectTimeout)],
            derived: Some((SampleKind::Poll, 10, 3)),
            broken: 2,
            workers: 4,
            is_cut: true,
            is_merged: true,
            ..PLAIN
        },
    ),
];

/// What a run was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Truth {
    requests: u64,
    failed: u64,
    attempts: u64,
}

impl Plot {
    /// What each second comes to.
    fn second(&self) -> Truth {
        let failing: u64 = self.failing.iter().map(|(count, _)| count).sum();
        let given_up = self.broken + self.derived.map_or(0, |(_, _, failed)| failed);
        Truth { requests: REQUESTS, failed: failing + given_up, attempts: REQUESTS + given_up }
    }

    fn header(&self) -> RunHeader {
        let mut header =
            RunHeader::holding(Rate::per_second(REQUESTS as f64), Nanos::from_secs(SECONDS));
        if let Some((kind, ..)) = self.derived {
            header.steps.push(StepInfo {
                name: "get.derived".into(),
                kind,
                tags: vec!["api".into()],
            });
        }
        if self.is_split {
            let (from, until) = (RunTime::ZERO, RunTime::ZERO + Nanos::from_secs(SECONDS));
            let part = SplitPart { from, until, share: Ratio::new(0.5) };
            header.split = Some(SplitInfo {
                green: "http://127.0.0.1:8081".into(),
                parts: vec![part],
                duet: false,
            });
        }
        let row = |scope, measure, bound| Objective {
            name: String::new(),
            scope,
            measure,
            bound,
            target: None,
            limit: Some(Quantity::Share(Ratio::new(0.5))),
            of: plimsoll_metrics::Answers::default(),
        };
        header.objectives = [Scope::Run, Scope::Scenario("all".into())]
            .into_iter()
            .flat_map(|scope| {
                [
                    row(scope.clone(), Measure::ErrorRate, Bound::AtMost),
                    row(scope, Measure::Uptime, Bound::AtLeast),
                ]
            })
            .collect();
        header
    }

    /// The log, made by the recorders and the collector that a run has.
    fn log(&self) -> RunLog {
        let shards = if self.is_merged { 2 } else { 1 };
        let each = self.workers / shards;
        let mut collectors: Vec<Collector> = (0..shards).map(|_| Collector::new(each)).collect();
        let mut recorders: Vec<Recorder> = (0..self.workers)
            .map(|worker| Recorder::new(worker % each, 2, 1).with_split(usize::from(self.is_split)))
            .collect();
        let mut log = RunLog::begun(self.header());
        for second in 0..SECONDS {
            self.play(second, &mut recorders);
            let end = RunTime::ZERO + Nanos::from_secs(second + 1);
            for (recorder, worker) in recorders.iter_mut().zip(0..) {
                collectors[(worker / each) as usize].absorb(&recorder.take_part(end));
            }
        }
        let mut of_shards = collectors.iter_mut().map(Collector::drain_complete);
        log.intervals = of_shards.next().expect("a shard");
        for seconds in of_shards {
            log.intervals.iter_mut().zip(&seconds).for_each(|(mine, other)| mine.merge(other));
        }
        if self.is_steered {
            let kind = EventKind::Steered("rate +0 %".into());
            log.events.push(Event { at: RunTime::ZERO + Nanos::from_secs(5), kind });
        }
        let at = RunTime::ZERO + Nanos::from_secs(SECONDS);
        log.end = Some(RunEnd { at, reason: StopReason::Finished });
        if self.is_cut { cut(&log) } else { log }
    }

    fn play(&self, second: u64, recorders: &mut [Recorder]) {
        let at = |ms: u64| RunTime::ZERO + Nanos::from_millis(second * 1_000 + ms);
        let classes = self.failing.iter().flat_map(|&(count, class)| vec![class; count as usize]);
        let mut failing = classes;
        let scenario = ScenarioId(0);
        for index in 0..REQUESTS {
            let recorder = &mut recorders[index as usize % self.workers as usize];
            let (start, end) = (at(index * 10), at(index * 10 + 5 + index % 4));
            let outcome = failing.next().map_or(Outcome::Ok, Outcome::Failed);
            let sample = Sample::of_time(StepId(0), (start, start), end, outcome);
            recorder.arrival_due(scenario);
            recorder.arrival_started(scenario, Nanos::ZERO);
            recorder.request_started(start, start);
            recorder.record(scenario, &sample);
            if self.is_split {
                recorder.record_side(Self::variant(index), &sample);
            }
            let failed = outcome != Outcome::Ok;
            recorder.iteration_ended(scenario, failed, sample.response_time());
        }
        let recorder = &mut recorders[0];
        let (times, failed) = self.derived.map_or((0, 0), |(_, times, failed)| (times, failed));
        for index in 0..times {
            let outcome =
                if index < failed { Outcome::Failed(E::ResponseTimeout) } else { Outcome::Ok };
            let sample = Sample::of_time(StepId(1), (at(0), at(0)), at(100 + index), outcome);
            recorder.record_logical(scenario, &sample);
        }
        for index in 0..self.broken {
            recorder.iteration_error(scenario, E::Script);
            if self.is_split {
                recorder.side_iteration_error(Self::variant(index), E::Script);
            }
        }
    }

    fn variant(index: u64) -> Variant {
        Variant { part: 0, side: Side::ALL[(index % 2) as usize] }
    }
}

/// The log as it is read after the process was killed in the middle of a line.
fn cut(log: &RunLog) -> RunLog {
    let mut text = RunLine::Run(log.header.clone()).to_text();
    log.intervals.iter().for_each(|one| text += &RunLine::Interval(one.clone()).to_text());
    text += "{\"interval\":{\"st";
    let log = RunLog::read(&text).expect("all but its last line");
    assert!(log.torn);
    log
}

/// The sum of the values of a family in Prometheus' text.
fn sum_of(page: &str, family: &str) -> u64 {
    let lines = page.lines().filter(|line| line.starts_with(&format!("{family}{{")));
    lines.map(|line| line.rsplit(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0)).sum()
}

/// The sum of the points of a metric in OTLP's JSON.
fn sum_in(body: &ExportMetricsServiceRequest, name: &str) -> u64 {
    let metrics = &body.resource_metrics[0].scope_metrics[0].metrics;
    let sums = metrics.iter().filter(|metric| metric.name == name).flat_map(|metric| {
        let Some(metric::Data::Sum(sum)) = &metric.data else { panic!("{metric:?}") };
        &sum.data_points
    });
    sums.map(|point| match point.value {
        Some(number_data_point::Value::AsInt(value)) => value as u64,
        _ => panic!("{point:?}"),
    })
    .sum()
}

/// What each consumer counts over the whole run.
fn counted(log: &RunLog) -> BTreeMap<&'static str, Truth> {
    let of = |counts: &Counts| Truth {
        requests: counts.requests,
        failed: counts.failed(),
        attempts: counts.attempts(),
    };
    let mut found = BTreeMap::new();
    found.insert("tally", of(&Tally::of_log(log).counts));
    let scenario = Selection::Scenario(ScenarioId(0));
    found.insert("scenario", of(&Tally::of(&scenario, &log.intervals).counts));
    let report = Report::new(log, &judge(log, Strictness::Normal));
    found.insert("report", of(&report.whole.run.counts));
    let mut live = LiveTotals::new(&log.header);
    log.intervals.iter().for_each(|interval| live.absorb(interval));
    let page = prometheus::render(&live);
    let sums = |requests: u64, errors: u64, given_up: u64| Truth {
        requests,
        failed: errors + given_up,
        attempts: requests + given_up,
    };
    let of_page = |name: &str| sum_of(&page, &format!("plimsoll_{name}_total"));
    found.insert(
        "Prometheus",
        sums(of_page("requests"), of_page("errors"), of_page("iteration_errors")),
    );
    let body = ExportMetricsServiceRequest::decode(&otlp::render(&live)[..]).expect("protobuf");
    let of_body = |name: &str| sum_in(&body, &format!("plimsoll.{name}"));
    found.insert("OTLP", sums(of_body("requests"), of_body("errors"), of_body("iteration_errors")));
    found
}

/// The error rate that each consumer tells of the part of the run that it looks at.
fn rates(log: &RunLog) -> BTreeMap<&'static str, f64> {
    let judgement = judge(log, Strictness::Normal);
    let row = |index: usize| judgement.objectives[index].estimate.expect("measured").base();
    let report = Report::new(log, &judgement);
    let result = json::value(&report, &ReportExtras::default());
    let told = |path: &str| result.pointer(path).and_then(Json::as_f64);
    let events: Vec<Json> = log
        .intervals
        .iter()
        .map(|second| serde_json::from_str(&events::second(&log.header, second)).expect("JSON"))
        .collect();
    let failed: u64 = events.iter().filter_map(|second| second["failed"].as_u64()).sum();
    let attempts = Tally::of_log(log).counts.attempts() as f64;
    let series = report.series.points.iter().flat_map(|point| point.errors.values()).sum::<u64>();
    let shown = report.shown.run.counts.attempts() as f64;
    let mut found = BTreeMap::from([
        ("row of the run", row(0)),
        ("row of the scenario", row(2)),
        ("gate", RunSummary::of(log).steps[0].error_rate.expect("requests ended").get()),
        ("events", failed as f64 / attempts),
        ("series", series as f64 / attempts),
        ("shown", report.shown.run.counts.failed() as f64 / shown),
        ("capacity", of_capacity(log)),
    ]);
    for (name, path) in
        [("result.json", "/errors/rate"), ("result.json, scenario", "/scenarios/all/errors/rate")]
    {
        found.insert(name, told(path).expect("result.json tells it"));
    }
    if log.header.split.is_some() {
        let mut sides = Counts::default();
        for side in Side::ALL {
            sides.add(&Tally::of(&Selection::Side(side, None), &log.intervals).counts);
        }
        found.insert("sides", sides.error_rate().get());
    }
    found
}

fn of_capacity(log: &RunLog) -> f64 {
    let stack = StackModel {
        name: String::new(),
        tiers: vec![],
        rate_limit: None,
        signals: vec![],
        quota: None,
        fixed_cost: Money::default(),
    };
    let asked = (Rate::per_second(REQUESTS as f64), Nanos::ZERO);
    let step = StepResult::observed(StepPurpose::Confirm, asked, &log.intervals, &stack);
    let failed: u64 = step.batches.iter().map(|batch| batch.errors + batch.throttled).sum();
    let answered: u64 = step.batches.iter().map(|batch| batch.response.count()).sum();
    failed as f64 / (failed + answered) as f64
}

/// Goal: prove that no consumer has a count of its own.
/// Method: runs whose every second is made of the same, so that each part of them has the same error rate.
#[test]
fn every_consumer_counts_the_same_of_the_same_log() {
    for (what, plot) in CORPUS {
        let (log, second) = (plot.log(), plot.second());
        let truth = Truth {
            requests: SECONDS * second.requests,
            failed: SECONDS * second.failed,
            attempts: SECONDS * second.attempts,
        };
        for (consumer, found) in counted(&log) {
            assert_eq!(found, truth, "{consumer}: {what}");
        }
        let rate = second.failed as f64 / second.attempts as f64;
        for (consumer, found) in rates(&log) {
            assert!((found - rate).abs() < 1e-9, "{consumer}: {what}: {found} instead of {rate}");
        }
    }
}

#[test]
fn derived_rows_carry_their_own_counts() {
    for (what, plot) in CORPUS {
        let Some((_, times, failed)) = plot.derived else { continue };
        let log = plot.log();
        let summary = RunSummary::of(&log);
        let row = summary.steps.iter().find(|row| row.name == "get.derived").expect("a row");
        assert!(row.requests > 0 && row.mean.is_some(), "{what}: {row:?}");
        let rate = failed as f64 / times as f64;
        assert!((row.error_rate.expect("times ended").get() - rate).abs() < 1e-9, "{what}");
        let report = Report::new(&log, &judge(&log, Strictness::Normal));
        let counts = &report.whole.steps[&StepId(1)].counts;
        assert_eq!((counts.requests, counts.failed()), (SECONDS * times, SECONDS * failed));
    }
}

/// Unexpected 4xx, throttled answers and failed checks are service, in the run's row and in its scenario's.
#[test]
fn scenario_is_served_when_the_run_is() {
    for (what, plot) in CORPUS {
        let judgement = judge(&plot.log(), Strictness::Normal);
        let uptime = |index: usize| judgement.objectives[index].estimate.expect("measured").base();
        assert!((uptime(1) - uptime(3)).abs() < 1e-12, "{what}");
        let lost: u64 =
            plot.failing.iter().filter(|(_, class)| class.is_outage()).map(|f| f.0).sum();
        let given_up = plot.derived.map_or(0, |(_, _, failed)| failed);
        let share = (REQUESTS - lost) as f64 / (REQUESTS + given_up) as f64;
        assert!((uptime(1) - share).abs() < 1e-9, "{what}: {} instead of {share}", uptime(1));
    }
}
