//! Run logs made by hand, for the tests of reports: no chance, no clock.

mod verdicts;

use std::collections::BTreeMap;

use crate::metrics::{
    ArrivalCounts, ArrivalProcess, BrowserUse, Distribution, ErrorClass, Event, EventKind,
    FailureExample, GeneratorLoad, Interval, LoadModel, Measure, PageFigure, PageLoad,
    PageResource, Phase, Reading, RunEnd, RunHeader, RunLog, SampleKind, ScenarioId, ScenarioInfo,
    ScenarioInterval, Scope, StageInfo, StepId, StepInfo, StepInterval, StopReason,
};
use crate::slo::{
    Cause, HighestRate, Judgement, ObjectiveStatus, RateBasis, SteadyPeriod, Validity,
    ValidityStatus, ValidityTest, Verdict,
};
use crate::units::{Bytes, Nanos, Quantity, Rate, Ratio, RunTime, Seed};

pub(super) use verdicts::{RowFixture, at_risk, judged, pass};
use verdicts::{finding, ms, share};

/// Length of the fixture's run in seconds; the first five are a ramp.
const SECONDS: u64 = 30;

fn second(second: u64) -> RunTime {
    RunTime::ZERO + Nanos::from_secs(second)
}

fn step(name: &str, kind: SampleKind, tag: &str) -> StepInfo {
    StepInfo { name: name.into(), kind, tags: vec![tag.into()] }
}

fn header() -> RunHeader {
    RunHeader {
        scenario_hash: "9f2c51d07a3be614".into(),
        seed: Seed::new(42),
        stages: vec![
            StageInfo {
                from: Rate::ZERO,
                to: Rate::per_second(60.0),
                duration: Nanos::from_secs(5),
                judged: false,
            },
            StageInfo {
                from: Rate::per_second(60.0),
                to: Rate::per_second(60.0),
                duration: Nanos::from_secs(25),
                judged: true,
            },
        ],
        steps: vec![
            step("airports", SampleKind::Get, "static"),
            step("search", SampleKind::Get, "api"),
            step("login", SampleKind::Post, "api"),
        ],
        scenarios: vec![
            ScenarioInfo {
                name: "search".into(),
                share: Ratio::new(0.75),
                requests_per_iteration: 2.0,
            },
            ScenarioInfo {
                name: "booking".into(),
                share: Ratio::new(0.25),
                requests_per_iteration: 1.0,
            },
        ],
        workers: 2,
        max_vus: 500,
        conditions: vec![("api replicas".into(), "2 × m5.large".into())],
        ..RunHeader::holding(Rate::per_second(60.0), Nanos::from_secs(30))
    }
}

/// `count` times around `ms` milliseconds: evenly from half of it to half more, one in 15 four times as long.
fn times(count: u64, ms: f64) -> Distribution {
    let mut times = Distribution::new();
    for index in 0..count {
        let spread = 0.5 + index as f64 / count.max(1) as f64;
        let factor = if index % 15 == 14 { 4.0 } else { spread };
        times.record(Nanos::from_secs_f64(ms * factor / 1e3));
    }
    times
}

/// A second of one step: `count` requests that took around `ms` milliseconds.
fn step_interval(count: u64, ms: f64) -> StepInterval {
    StepInterval {
        requests: count,
        exchanges: count,
        messages: 0,
        statuses: BTreeMap::from([(200, count)]),
        bytes_received: count * 1_800,
        bytes_sent: count * 320,
        response_time: times(count, ms).to_sparse(),
        service_time: times(count, ms * 0.97).to_sparse(),
        phases: BTreeMap::from([
            (Phase::Wait, times(count, ms * 0.9).to_sparse()),
            (Phase::Receive, times(count, ms * 0.05).to_sparse()),
        ]),
        ..StepInterval::default()
    }
}

fn scenario_interval(iterations: u64, requests: u64, ms: f64) -> ScenarioInterval {
    ScenarioInterval {
        arrivals: ArrivalCounts {
            intended: iterations,
            started: iterations,
            completed: iterations,
            ..ArrivalCounts::default()
        },
        requests,
        response_time: times(requests, ms).to_sparse(),
        iteration_time: times(iterations, ms * 20.0).to_sparse(),
        ..ScenarioInterval::default()
    }
}

fn reading(tier: &str, metric: &str, replica: &str, value: Option<Quantity>) -> Reading {
    Reading { tier: tier.into(), metric: metric.into(), replica: replica.into(), value }
}

fn interval(at: u64) -> Interval {
    // The ramp rises for five seconds.
    let load = if at < 5 { at as f64 / 5.0 } else { 1.0 };
    let count = |full: f64| (full * load) as u64;
    let (search, booking) = (count(45.0), count(15.0));
    let arrivals = ArrivalCounts {
        intended: search + booking,
        started: search + booking,
        completed: search + booking,
        ..ArrivalCounts::default()
    };
    let wave = 1.0 + 0.1 * (at as f64 / 5.0).sin();
    let mut steps = BTreeMap::new();
    let of_steps = [(0, search, 4.0), (1, search, 60.0), (2, booking, 110.0)];
    for (id, requests, ms) in of_steps.into_iter().filter(|step| step.1 > 0) {
        steps.insert(StepId(id), step_interval(requests, ms * wave));
    }
    let cpu = |share: f64| Some(Quantity::Share(Ratio::new(share * load * wave)));
    Interval {
        start: second(at),
        end: second(at + 1),
        arrivals,
        in_flight: count(6.0),
        in_flight_time: Nanos::from_secs_f64(5.0 * load),
        vus_busy: count(120.0),
        vus: count(140.0),
        connections: count(140.0),
        opened: (at == 0).then(|| ("10.0.0.7:443 HTTP/2".to_owned(), 140)).into_iter().collect(),
        schedule_lag: times(search + booking, 0.05).to_sparse(),
        generator: GeneratorLoad {
            waited: Ratio::new(0.0),
            worker_cpu: Ratio::new(0.12 * load),
            process_cpu: Ratio::new(0.2 * load),
            memory: 38 << 20,
        },
        steps,
        logical: BTreeMap::new(),
        scenarios: BTreeMap::from([
            (ScenarioId(0), scenario_interval(search, search * 2, 32.0 * wave)),
            (ScenarioId(1), scenario_interval(booking, booking, 110.0 * wave)),
        ]),
        readings: vec![
            reading("api", "cpu", "1", cpu(0.55)),
            reading("api", "cpu", "2", if (15..18).contains(&at) { None } else { cpu(0.5) }),
            reading("db", "connections", "", Some(Quantity::Count((40.0 * load).round()))),
            reading(
                "cache",
                "memory",
                "",
                Some(Quantity::Size(Bytes::new((180 << 20) + at * 100_000))),
            ),
        ]
        .into(),
        sides: vec![],
    }
}

/// A run of half a minute: a ramp of five seconds, then 105 requests a second.
pub(crate) fn log() -> RunLog {
    RunLog {
        intervals: (0..SECONDS).map(interval).collect(),
        events: vec![Event { at: second(15), kind: EventKind::Mark("cache flushed".into()) }],
        end: Some(RunEnd { at: second(SECONDS), reason: StopReason::Finished }),
        ..RunLog::begun(header())
    }
}

fn fail_requests(log: &mut RunLog, step: StepId, class: ErrorClass, (status, each): (u16, u64)) {
    for interval in log.intervals.iter_mut().skip(4).step_by(4) {
        if let Some(step) = interval.steps.get_mut(&step) {
            *step.errors.entry(class).or_default() += each;
            if status != 0 {
                *step.statuses.entry(status).or_default() += each;
            }
        }
    }
}

fn failure(at: u64, step: StepId, class: ErrorClass, (status, message): (u16, &str)) -> Event {
    let message = message.to_owned();
    let example = FailureExample { step, scenario: ScenarioId(0), class, status, message };
    Event { at: second(at), kind: EventKind::Failure(example) }
}

/// A max exceeded, with several classes of errors.
pub(crate) fn fail() -> (RunLog, Judgement) {
    let mut log = log();
    fail_requests(&mut log, StepId(1), ErrorClass::Http5xx, (503, 5));
    fail_requests(&mut log, StepId(2), ErrorClass::CheckFailed, (200, 2));
    fail_requests(&mut log, StepId(0), ErrorClass::ResponseTimeout, (0, 1));
    log.events.extend([
        failure(4, StepId(1), ErrorClass::Http5xx, (503, "upstream connect error")),
        failure(4, StepId(2), ErrorClass::CheckFailed, (200, "$.token is missing")),
        failure(5, StepId(1), ErrorClass::Http5xx, (503, "a later one, not shown")),
        failure(12, StepId(0), ErrorClass::ResponseTimeout, (0, "no complete response within 10s")),
    ]);
    let mut judgement = pass();
    judgement.verdict = Verdict::Fail;
    let class = Some(ErrorClass::Http5xx);
    judgement.cause = Some(Cause::Errors { row: 2, failed: 240, attempts: 3_150, class });
    judgement.objectives[2] = judged(
        "error_rate",
        Scope::Run,
        share,
        RowFixture(0.019_05, Some((0.018, 0.020_1)), Some(0.001), Some(0.01)),
        ObjectiveStatus::Fail,
    );
    let mut straddling = judged(
        "p99",
        Scope::Scenario("booking".into()),
        ms,
        RowFixture(980.0, Some((871.0, 1_120.0)), Some(500.0), Some(1_000.0)),
        ObjectiveStatus::Inconclusive,
    );
    straddling.note = "the interval straddles the max; about 3 min more would decide".into();
    judgement.objectives.push(straddling);
    (log, judgement)
}

/// One page in browsers: idle, and beside a load under which its picture waits for two seconds.
pub(super) fn pages() -> (RunLog, Judgement) {
    let mut log = log();
    let idle = (0..4).map(|at| page_load(at, true, 40));
    let loaded = (5..29).map(|at| page_load(at, false, 2_040 + 10 * (at % 4)));
    log.pages = idle.chain(loaded).collect();
    log.browsers = Some(BrowserUse {
        loads: 28,
        left_out: 3,
        restarts: 0,
        cpu: Nanos::from_secs(31),
        memory: Bytes::new(390 << 20),
        processes: 11,
        cores_busy: Ratio::new(0.87),
        cores: vec![1],
    });
    let mut judgement = at_risk();
    let mut row = judged(
        "lcp",
        Scope::Page("home".into()),
        ms,
        RowFixture(2_700.0, Some((2_690.0, 2_700.0)), Some(2_500.0), Some(4_000.0)),
        ObjectiveStatus::AtRisk,
    );
    row.objective.measure = Measure::Page(PageFigure::Lcp, PageFigure::QUANTILE);
    row.samples = 24;
    judgement.objectives.push(row);
    (log, judgement)
}

fn page_load(at: u64, idle: bool, image_ms: u64) -> PageLoad {
    let ms = Nanos::from_millis;
    let resource = |path: &str, kind: &str, start: u64, first_byte: u64| PageResource {
        path: path.into(),
        kind: kind.into(),
        start: ms(start),
        first_byte: ms(first_byte),
        end: ms(first_byte + 20),
    };
    let ttfb = if idle { 120 } else { 420 };
    PageLoad {
        at: if idle { RunTime::ZERO } else { second(at) },
        page: "home".into(),
        idle,
        times: vec![
            (PageFigure::Ttfb, ms(ttfb)),
            (PageFigure::Fcp, ms(ttfb + 150)),
            (PageFigure::Lcp, ms(ttfb + 230 + image_ms)),
            (PageFigure::Tbt, ms(35)),
            (PageFigure::Load, ms(ttfb + 210 + image_ms)),
        ],
        cls: Some(0.034_4),
        status: 200,
        bytes: Bytes::new(310_000),
        requests: 3,
        script_errors: 0,
        blocked: vec!["third.example".into()],
        failure: None,
        doubt: None,
        largest: "img#hero".into(),
        resources: vec![
            resource("/app.js", "script", ttfb + 20, ttfb + 60),
            resource("/hero.png", "img", ttfb + 30, ttfb + 30 + image_ms),
        ],
    }
}

/// A generator that could not keep up.
pub(super) fn not_valid() -> (RunLog, Judgement) {
    let mut log = log();
    for interval in log.intervals.iter_mut().skip(10) {
        interval.arrivals.started -= 12;
        interval.arrivals.dropped = 12;
        interval.generator.worker_cpu = Ratio::new(0.97);
    }
    log.events
        .push(Event { at: second(21), kind: EventKind::Steered("rate set to 80 iter/s".into()) });
    let mut judgement = pass();
    judgement.verdict = Verdict::NotValid;
    judgement.cause = Some(Cause::Measurement { test: ValidityTest::AchievedRate });
    judgement.validity = Validity {
        status: ValidityStatus::NotValid,
        findings: vec![
            finding(
                ValidityTest::AchievedRate,
                ValidityStatus::NotValid,
                "240 iterations were dropped because all 500 users were busy; raise `max_vus`",
            ),
            finding(
                ValidityTest::GeneratorCpu,
                ValidityStatus::NotValid,
                "the busiest worker used 97% of its core; use more cores or `--shard`",
            ),
            finding(ValidityTest::Steered, ValidityStatus::Suspect, "the load was changed by hand"),
        ],
        overloaded: true,
        rate_limited: false,
        rate_limit: None,
        highest_rate: Some(HighestRate {
            rate: Rate::per_second(98.0),
            basis: RateBasis::Measured { kept: 9, seconds: 10 },
        }),
    };
    (log, judgement)
}

/// Fifty users that wait for their responses.
pub(super) fn closed() -> (RunLog, Judgement) {
    let mut log = log();
    log.header.model = LoadModel::Closed { vus: 50 };
    log.header.arrivals = ArrivalProcess::Closed;
    log.header.stages.clear();
    log.header.max_vus = 50;
    log.end = Some(RunEnd { at: second(SECONDS), reason: StopReason::Interrupted });
    (log, ended_early(Some(StopReason::Interrupted)))
}

/// A run that was killed in its 20th second.
pub(super) fn torn() -> (RunLog, Judgement) {
    let mut log = log();
    log.intervals.truncate(19);
    log.end = None;
    log.torn = true;
    (log, ended_early(None))
}

/// Every target met in a part of a run.
fn ended_early(by: Option<StopReason>) -> Judgement {
    let cause = Some(Cause::EndedEarly { by });
    Judgement { verdict: Verdict::Inconclusive, cause, partial: true, ..pass() }
}

/// A run in which nothing was sent.
pub(super) fn empty() -> (RunLog, Judgement) {
    let mut log = log();
    log.intervals.clear();
    log.events.clear();
    log.end = Some(RunEnd { at: RunTime::ZERO, reason: StopReason::Aborted });
    let mut judgement = pass();
    judgement.verdict = Verdict::NotValid;
    judgement.cause = Some(Cause::Measurement { test: ValidityTest::AchievedRate });
    judgement.validity.status = ValidityStatus::NotValid;
    judgement.validity.findings =
        vec![finding(ValidityTest::AchievedRate, ValidityStatus::NotValid, "no request was sent")];
    for judged in &mut judgement.objectives {
        judged.estimate = None;
        judged.interval = None;
        judged.samples = 0;
        judged.status = ObjectiveStatus::NotMeasured;
    }
    judgement.steady = SteadyPeriod::default();
    (log, judgement)
}

/// What an attacker, or a careless colleague, puts into every text.
pub(super) const NASTY: &str =
    "<script>alert('x')</script> | a\nb & \"c\" ]]> {{ 7*7 }} \u{1b}[31m\u{202e}";

/// A run whose every text is [`NASTY`].
pub(super) fn nasty() -> (RunLog, Judgement) {
    let (mut log, mut judgement) = fail();
    let nasty = || NASTY.to_owned();
    let header = &mut log.header;
    header.name = nasty();
    header.workload = nasty();
    header.target = nasty();
    header.version = nasty();
    header.started_utc = nasty();
    header.scenario_hash = nasty();
    header.conditions = vec![(nasty(), nasty())];
    for (index, step) in header.steps.iter_mut().enumerate() {
        step.name = format!("{index} {NASTY}");
        step.tags = vec![nasty()];
    }
    for scenario in &mut header.scenarios {
        scenario.name = nasty();
    }
    for interval in &mut log.intervals {
        let readings = interval.readings.iter().map(|reading| Reading {
            tier: nasty(),
            metric: format!("{}{NASTY}", reading.metric),
            ..reading.to_reading()
        });
        interval.readings = readings.collect();
    }
    for event in &mut log.events {
        match &mut event.kind {
            EventKind::Failure(example) => example.message = nasty(),
            EventKind::Mark(text)
            | EventKind::Hook(text)
            | EventKind::Steered(text)
            | EventKind::Warning(text) => *text = nasty(),
            EventKind::SourceError(source) => source.reason = Some(nasty()),
            EventKind::Aborted(note) => note.condition = nasty(),
        }
    }
    log.pages = pages().0.pages;
    for load in &mut log.pages {
        (load.page, load.largest, load.blocked) = (nasty(), nasty(), vec![nasty()]);
        load.failure = (load.at > second(26)).then(nasty);
        for resource in &mut load.resources {
            (resource.path, resource.kind) = (nasty(), nasty());
        }
    }
    for finding in &mut judgement.validity.findings {
        finding.message = nasty();
        finding.status = ValidityStatus::Suspect;
    }
    judgement.validity.status = ValidityStatus::Suspect;
    for judged in &mut judgement.objectives {
        judged.objective.name = nasty();
        judged.objective.scope = Scope::Step(nasty());
        judged.note = nasty();
    }
    (log, judgement)
}
