//! What the terminal UI costs at 20,000 requests a second: merging, judging and drawing, a second at a time.
//!
//! The bar is 2 % of a core. Run by `cargo bench --bench tui`; the figure is printed, never asserted.
//! `cargo bench --bench tui -- stall` measures instead what a stalled terminal does to the load: nothing.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

#[expect(dead_code, reason = "the tests look at more of a terminal")]
#[path = "../../tests/terminal/pty.rs"]
mod pty;
mod stall;

use std::collections::BTreeMap;
use std::io::sink;

use plimsoll::metrics::{
    ArrivalCounts, Bound, Distribution, GeneratorLoad, Interval, Measure, Objective, RunHeader,
    SampleKind, ScenarioId, ScenarioInfo, ScenarioInterval, Scope, StepId, StepInfo, StepInterval,
};
use plimsoll::transport::thread_cpu;
use plimsoll::tui::{Message, Model, StartedRun, Theme, ThemeColours, update, view};
use plimsoll::units::{Nanos, Quantity, Rate, Ratio, RunTime};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

const STEPS: u16 = 8;
const REQUESTS: u64 = 20_000;
/// Ten minutes: long enough for all intervals on which statuses are judged to fill up.
const SECONDS: u64 = 600;
/// Times a second that the screen is drawn: once for the second, once for a key.
const DRAWS: u32 = 2;

fn main() -> std::io::Result<()> {
    if std::env::args().any(|argument| argument == "stall") { stall::run() } else { cost() }
}

fn cost() -> std::io::Result<()> {
    let mut model = Model::new(Theme::new(ThemeColours::Either, false), true);
    let begun = StartedRun { header: header(), folder: "reports/bench".into(), signals: vec![] };
    update(&mut model, Message::Begun(Box::new(begun)));
    let area = Rect::new(0, 0, 200, 50);
    let options = TerminalOptions { viewport: Viewport::Fixed(area) };
    let mut terminal = Terminal::with_options(CrosstermBackend::new(sink()), options)?;
    let seconds: Vec<Interval> = (0..SECONDS).map(interval).collect();
    let (mut worst, mut total) = (Nanos::ZERO, Nanos::ZERO);
    for second in seconds {
        let before = thread_cpu();
        update(&mut model, Message::Interval(Box::new(second)));
        for _ in 0..DRAWS {
            terminal.draw(|frame| view(&model, frame))?;
        }
        let spent = thread_cpu().saturating_sub(before);
        worst = worst.max(spent);
        total += spent;
    }
    let share = total.as_secs_f64() / SECONDS as f64 * 100.0;
    println!("{REQUESTS} req/s, {STEPS} steps, {SECONDS} s, 200×50, {DRAWS} draws a second");
    println!("{share:.2} % of a core (bar 2 %); worst second {:.1} ms", worst.as_millis_f64());
    Ok(())
}

/// `count` times from 1 ms to about a second, spread as response times are.
fn times(count: u64, salt: u64) -> Distribution {
    let mut times = Distribution::new();
    for index in 0..count {
        // A golden-ratio sequence covers the unit interval evenly without chance.
        let share = ((index + salt) as f64 * 0.618_033_988_75).fract();
        let exponential = -(1.0 - share).max(1e-6).ln();
        times.record(Nanos::from_secs_f64(0.001 + 0.03 * exponential * exponential));
    }
    times
}

fn interval(at: u64) -> Interval {
    let each = REQUESTS / u64::from(STEPS);
    let step = |id: u16| StepInterval {
        requests: each,
        statuses: BTreeMap::from([(200, each)]),
        response_time: times(each, at * 31 + u64::from(id)).to_sparse(),
        service_time: times(each, at * 37 + u64::from(id)).to_sparse(),
        ..StepInterval::default()
    };
    let arrivals = ArrivalCounts {
        intended: each,
        started: each,
        completed: each,
        ..ArrivalCounts::default()
    };
    let start = RunTime::ZERO + Nanos::from_secs(at);
    Interval {
        start,
        end: start + Nanos::from_secs(1),
        arrivals,
        in_flight: 600,
        in_flight_time: Nanos::from_secs(600),
        vus_busy: 600,
        vus: 800,
        connections: 800,
        schedule_lag: times(each, at).to_sparse(),
        generator: GeneratorLoad { worker_cpu: Ratio::new(0.5), ..GeneratorLoad::default() },
        steps: (0..STEPS).map(|id| (StepId(id), step(id))).collect(),
        scenarios: BTreeMap::from([(
            ScenarioId(0),
            ScenarioInterval { arrivals, requests: REQUESTS, ..ScenarioInterval::default() },
        )]),
        ..Interval::default()
    }
}

fn header() -> RunHeader {
    let rate = Rate::per_second(REQUESTS as f64 / f64::from(STEPS));
    let objective = |name: &str, measure: Measure, target: Quantity, limit: Quantity| Objective {
        name: name.into(),
        scope: Scope::Run,
        measure,
        bound: Bound::AtMost,
        target: Some(target),
        limit: Some(limit),
        of: plimsoll::metrics::Answers::default(),
    };
    let time = |ms| Quantity::Time(Nanos::from_millis(ms));
    let share = |value| Quantity::Share(Ratio::new(value));
    RunHeader {
        name: "bench".into(),
        steps: (0..STEPS)
            .map(|id| StepInfo { name: format!("step {id}"), kind: SampleKind::Get, tags: vec![] })
            .collect(),
        scenarios: vec![ScenarioInfo {
            name: "all".into(),
            share: Ratio::new(1.0),
            requests_per_iteration: f64::from(STEPS),
        }],
        objectives: vec![
            objective("p95", Measure::ResponseTime(0.95), time(200), time(500)),
            objective("p99", Measure::ResponseTime(0.99), time(500), time(1_000)),
            objective("error_rate", Measure::ErrorRate, share(0.001), share(0.01)),
        ],
        workers: 2,
        max_vus: 2_000,
        ..RunHeader::holding(rate, Nanos::from_secs(SECONDS))
    }
}
