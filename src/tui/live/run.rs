//! A run under way, second by second.

use std::collections::{BTreeMap, VecDeque};

use plimsoll_load::engine::Steering;
use plimsoll_metrics::{
    Counts, Distribution, ErrorClass, Event, EventKind, FailureExample, Interval, LoadModel,
    PageFigure, PageLoad, RunHeader, RunLog, SparseDistribution, StepId,
};
use plimsoll_plan::Stage;
use plimsoll_slo::{Judgement, Strictness, ValidityStatus, ValidityTest, judge};
use plimsoll_units::{Nanos, Quantity, RunTime};

use super::super::StartedRun;
use super::lean;
use super::past::LivePast;
use super::signals::SignalLive;

/// What is known of one step.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepLive {
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    /// Over the last [`RECENT`] seconds.
    pub(crate) rate: f64,
    pub(crate) p50: Nanos,
    pub(crate) p95: Nanos,
    pub(crate) p99: Nanos,
    /// Whether any request ended in that time.
    pub(crate) known: bool,
}

/// One class of errors.
#[derive(Debug, Clone, Default)]
pub(crate) struct ErrorLive {
    pub(crate) count: u64,
    pub(crate) example: Option<FailureExample>,
}

/// One of the stack's own metrics.
#[derive(Debug, Clone, Default)]
pub(crate) struct MetricGauge {
    pub(crate) values: VecDeque<f64>,
    pub(crate) last: Option<Quantity>,
}

/// Counts of the whole run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RunCounts {
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    pub(crate) dropped: u64,
    /// Iterations that have ended, well or not.
    pub(crate) ended: u64,
}

/// What the run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunState {
    Running,
    Paused,
    /// Draining because the user asked for it.
    Stopping,
    Ended,
}

/// A run under way, or just over.
#[derive(Debug)]
pub(crate) struct LiveRun {
    /// The header, the last seconds and the events: what live statuses are judged on.
    pub(crate) log: RunLog,
    pub(crate) stages: Vec<Stage>,
    pub(crate) state: RunState,
    pub(crate) steered: bool,
    pub(crate) past: LivePast,
    pub(crate) counts: RunCounts,
    pub(crate) steps: Vec<StepLive>,
    pub(crate) errors: BTreeMap<ErrorClass, ErrorLive>,
    pub(crate) stack: BTreeMap<(String, String, String), MetricGauge>,
    pub(super) signals: Vec<SignalLive>,
    pub(crate) judgement: Option<Judgement>,
    /// Estimates of each row of the SLO table over time.
    pub(crate) trends: Vec<VecDeque<f64>>,
    /// Whether the log no longer begins with the run.
    pub(crate) trimmed: bool,
}

/// Seconds that the table of steps speaks of.
pub(crate) const RECENT: usize = 10;

/// Seconds on which live statuses are judged: five minutes bound memory and work. The verdict judges all.
const JUDGED: usize = 300;

/// More events than fit on any screen; the log has all.
const EVENTS: usize = 500;

/// Page loads on which live statuses are judged: hours of them.
const PAGES: usize = 2_000;

/// Values of a trend: wider than any sparkline.
pub(crate) const TREND: usize = 60;

impl LiveRun {
    pub(crate) fn new(begun: StartedRun) -> Self {
        let StartedRun { header, signals, .. } = begun;
        let stages = stages_of(&header);
        Self {
            stages,
            state: RunState::Running,
            steered: false,
            past: LivePast::default(),
            counts: RunCounts::default(),
            steps: vec![StepLive::default(); header.steps.len()],
            errors: BTreeMap::new(),
            stack: BTreeMap::new(),
            signals: signals.into_iter().map(SignalLive::new).collect(),
            judgement: None,
            trends: vec![VecDeque::new(); header.objectives.len()],
            trimmed: false,
            log: RunLog::begun(header),
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.state != RunState::Ended
    }

    pub(crate) const fn is_closed(&self) -> bool {
        matches!(self.log.header.model, LoadModel::Closed { .. })
    }

    /// Time of the last second.
    pub(crate) fn now(&self) -> RunTime {
        self.log.intervals.last().map_or(RunTime::ZERO, |interval| interval.end)
    }

    /// How long the schedule lasts as it stands.
    pub(crate) fn planned(&self) -> Nanos {
        self.stages.iter().map(|stage| stage.duration).sum()
    }

    /// Expected requests an iteration, over all scenarios.
    pub(crate) fn requests_per_iteration(&self) -> f64 {
        let scenarios = self.log.header.scenarios.iter();
        scenarios.map(|known| known.share.get() * known.requests_per_iteration).sum()
    }

    pub(crate) fn on_interval(&mut self, interval: Interval) {
        self.count(&interval);
        self.past.absorb(&interval, &self.log.header);
        let times = self.past.last().times;
        self.signals.iter_mut().for_each(|signal| signal.on_interval(&interval, times));
        self.log.intervals.push(lean::lean(interval, &self.log.header.objectives));
        if self.log.intervals.len() > JUDGED + JUDGED / 8 {
            let surplus = self.log.intervals.len() - JUDGED;
            self.log.intervals.drain(..surplus);
            self.trimmed = true;
        }
        self.look_at_steps();
        if self.is_time_to_judge() {
            self.judge();
        }
    }

    pub(crate) fn on_page(&mut self, load: PageLoad) {
        self.log.pages.push(PageLoad { resources: vec![], ..load });
        if self.log.pages.len() > PAGES {
            self.log.pages.remove(0);
        }
    }

    /// The pages that browsers have loaded, by name: how often, and their largest contentful paint, over all that is kept.
    pub(crate) fn pages(&self) -> BTreeMap<&str, StepLive> {
        let since = self.now().since(RunTime::ZERO).saturating_sub(Nanos::from_secs(RECENT as u64));
        let mut pages: BTreeMap<&str, (StepLive, Vec<Nanos>)> = BTreeMap::new();
        for load in self.log.pages.iter().filter(|load| !load.idle) {
            let (page, times) = pages.entry(&load.page).or_default();
            page.requests += 1;
            page.failed += u64::from(load.failure.is_some());
            page.rate += if load.at >= RunTime::ZERO + since { 1.0 / RECENT as f64 } else { 0.0 };
            times.extend(load.time(PageFigure::Lcp));
        }
        let told = |(name, (page, times)): (_, (StepLive, Vec<Nanos>))| {
            let times: SparseDistribution = times.into_iter().collect();
            let [p50, p95, p99] = [0.50, 0.95, 0.99].map(|q| times.quantile(q));
            (name, StepLive { known: !times.is_empty(), p50, p95, p99, ..page })
        };
        pages.into_iter().map(told).collect()
    }

    pub(crate) fn on_event(&mut self, event: Event) {
        match &event.kind {
            EventKind::Failure(example) => {
                let known = self.errors.entry(example.class).or_default();
                known.example.get_or_insert_with(|| example.clone());
            }
            EventKind::Steered(_) => self.steered = true,
            EventKind::Mark(_)
            | EventKind::Hook(_)
            | EventKind::SourceError(_)
            | EventKind::Exemplar(_)
            | EventKind::Warning(_)
            | EventKind::Aborted(_) => {}
        }
        if !matches!(event.kind, EventKind::Failure(_) | EventKind::Exemplar(_)) {
            self.log.events.push(event);
        }
        if self.log.events.len() > EVENTS {
            self.log.events.remove(0);
        }
    }

    pub(crate) fn on_steering(&mut self, steering: &Steering) {
        self.stages = steering.stages().to_vec();
        match (self.state, steering.is_paused()) {
            (RunState::Running, true) => self.state = RunState::Paused,
            (RunState::Paused, false) => self.state = RunState::Running,
            (RunState::Running | RunState::Paused | RunState::Stopping | RunState::Ended, _) => {}
        }
    }

    pub(crate) fn on_end(&mut self) {
        self.state = RunState::Ended;
        self.judge();
    }

    fn count(&mut self, interval: &Interval) {
        self.counts.requests += interval.requests();
        let counts = Counts::of(interval);
        self.counts.failed += counts.failed();
        self.counts.dropped += interval.arrivals.dropped;
        self.counts.ended += interval.arrivals.completed + interval.arrivals.failed;
        // A derived row counts its own times; what was given up is counted with the run.
        for (id, step) in interval.steps.iter().chain(&interval.logical) {
            if let Some(known) = self.steps.get_mut(usize::from(id.0)) {
                known.requests += step.requests;
                known.failed += step.failed();
            }
        }
        for (class, count) in counts.failures() {
            self.errors.entry(class).or_default().count += count;
        }
        for reading in interval.readings.iter() {
            let owned = |name: &str| name.to_owned();
            let key = (owned(reading.tier), owned(reading.metric), owned(reading.replica));
            let gauge = self.stack.entry(key).or_default();
            gauge.last = reading.value;
            keep(&mut gauge.values, reading.value.map_or(f64::NAN, Quantity::base));
        }
    }

    /// Rate and quantiles of each step over the last seconds, from merged histograms.
    fn look_at_steps(&mut self) {
        let recent = &self.log.intervals[self.log.intervals.len().saturating_sub(RECENT)..];
        let seconds: f64 = recent.iter().map(|i| i.length().as_secs_f64()).sum();
        let mut times = Distribution::new();
        for (index, known) in self.steps.iter_mut().enumerate() {
            times.clear();
            let mut requests = 0;
            for interval in recent {
                if let Some(step) = interval.step(StepId(index as u16)) {
                    times.merge_sparse(&step.times().successes());
                    requests += step.requests;
                }
            }
            known.rate = requests as f64 / seconds.max(1e-9);
            known.known = !times.is_empty();
            known.p50 = times.quantile(0.50);
            known.p95 = times.quantile(0.95);
            known.p99 = times.quantile(0.99);
        }
    }

    /// Every second at first, later less often: what is judged grows, and what changes shrinks.
    fn is_time_to_judge(&self) -> bool {
        let every = match self.log.intervals.len() {
            0..=120 => 1,
            121..=400 => 3,
            _ => 10,
        };
        self.past.seconds.is_multiple_of(every)
    }

    fn judge(&mut self) {
        let judgement = judge(&self.log, Strictness::Normal);
        self.trends.resize_with(judgement.objectives.len(), VecDeque::new);
        for (trend, judged) in self.trends.iter_mut().zip(&judgement.objectives) {
            if let Some(estimate) = judged.estimate {
                keep(trend, estimate.base());
            }
        }
        self.judgement = Some(judgement);
    }

    /// Whether the measurement can be trusted so far. What only the end can tell is left out.
    pub(crate) fn validity(&self) -> Option<(ValidityStatus, &str)> {
        // A log under way has no end yet, and a trimmed one no beginning.
        const OF_THE_END: [ValidityTest; 2] = [ValidityTest::Complete, ValidityTest::Duration];
        const OF_THE_WHOLE: [ValidityTest; 4] = [
            ValidityTest::Conservation,
            ValidityTest::Gaps,
            ValidityTest::IntendedRate,
            ValidityTest::WarmUp,
        ];
        let findings = &self.judgement.as_ref()?.validity.findings;
        let counts = |test: ValidityTest| {
            let left_out = self.trimmed && OF_THE_WHOLE.contains(&test);
            !left_out && !OF_THE_END.contains(&test)
        };
        let worst = findings
            .iter()
            .filter(|finding| counts(finding.test))
            .max_by_key(|finding| finding.status)?;
        Some((worst.status, worst.message.as_str()))
    }
}

pub(crate) fn keep(values: &mut VecDeque<f64>, value: f64) {
    values.push_back(value);
    if values.len() > TREND {
        values.pop_front();
    }
}

fn stages_of(header: &RunHeader) -> Vec<Stage> {
    let stage = |info: &plimsoll_metrics::StageInfo| Stage {
        from: info.from,
        to: info.to,
        duration: info.duration,
        judged: info.judged,
    };
    header.stages.iter().map(stage).collect()
}
