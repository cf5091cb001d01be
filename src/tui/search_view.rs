//! A search for SLO-max as the page shows it.

use plimsoll_capacity::search::{CapacitySearch, SearchOutcome};
use plimsoll_capacity::slo_limits::SloLimit;
use plimsoll_capacity::step::{AbortReason, StepPurpose, StepResult};
use plimsoll_metrics::{Distribution, Interval};
use plimsoll_units::{Nanos, Rate, Ratio, RunTime};

/// A search as it is shown. [`SearchView::follow`] brings it up to date after every step.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchView {
    /// The system.
    pub name: String,
    /// Where the load goes.
    pub target: String,
    /// What must hold.
    pub slo_limits: Vec<SloLimit>,
    /// The steps that were played, oldest first.
    pub steps: Vec<SearchStep>,
    /// The highest rate that seems to pass, and the lowest that seems to fail.
    pub bracket: (Option<Rate>, Option<Rate>),
    /// What is played now, or next.
    pub doing: Option<StepUnderWay>,
    /// Time that the search may still take.
    pub left: Nanos,
    /// How it ended.
    pub outcome: Option<SearchOutcome>,
}

/// A step that was played.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchStep {
    /// Why.
    pub purpose: StepPurpose,
    /// What was offered.
    pub rate: Rate,
    /// What the first SLO limit on times judges: a quantile, or the mean.
    pub time: Option<Nanos>,
    /// p99 of response time.
    pub p99: Option<Nanos>,
    /// Failed and throttled requests among all.
    pub failed: Ratio,
    /// How long it was held, and how long it took besides.
    pub hold: Nanos,
    /// Warm-up and draining.
    pub besides: Nanos,
    /// What came of it.
    pub outcome: StepOutcome,
}

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepOutcome {
    /// Every SLO limit seems to hold.
    Within,
    /// Some SLO limit does not.
    Exceeds,
    /// A rate limit at the edge answered: it says nothing of the stack.
    Throttled,
    /// It was stopped to protect the stack, which is a failure too.
    Stopped(AbortReason),
    /// The generator was too late or too busy: the step is not valid.
    Invalid,
}

/// The step that is played.
#[derive(Debug, Clone, PartialEq)]
pub struct StepUnderWay {
    /// Why.
    pub purpose: StepPurpose,
    /// What is offered.
    pub rate: Rate,
    /// How long it takes, warm-up included.
    pub length: Nanos,
    /// How much of that is over.
    pub elapsed: Nanos,
    /// p95 of the last second, if any request ended in it.
    pub p95: Option<Nanos>,
    /// Requests in flight.
    pub in_flight: u64,
}

impl SearchView {
    /// A search that begins.
    pub fn new(name: &str, target: &str, slo_limits: Vec<SloLimit>) -> Self {
        Self {
            name: name.to_owned(),
            target: target.to_owned(),
            slo_limits,
            steps: Vec::new(),
            bracket: (None, None),
            doing: None,
            left: Nanos::ZERO,
            outcome: None,
        }
    }

    /// Brings it up to date with `search`, which has `left` of its budget.
    pub fn follow(&mut self, search: &CapacitySearch, left: Nanos) {
        self.steps = search.steps().iter().map(|step| self.shown(step)).collect();
        self.bracket = search.bracket();
        self.left = left;
        self.doing = None;
    }

    /// A step begins that lasts `length`, warm-up included.
    pub fn begin(&mut self, purpose: StepPurpose, rate: Rate, length: Nanos) {
        let elapsed = Nanos::ZERO;
        self.doing = Some(StepUnderWay { purpose, rate, length, elapsed, p95: None, in_flight: 0 });
    }

    /// The search has come to its end.
    pub fn end(&mut self, outcome: SearchOutcome) {
        self.doing = None;
        self.outcome = Some(outcome);
    }

    /// One second of the step that is played.
    pub(super) fn on_interval(&mut self, second: &Interval) {
        let Some(doing) = &mut self.doing else { return };
        let mut times = Distribution::new();
        second.steps.values().for_each(|step| times.merge_sparse(&step.times().successes()));
        doing.elapsed = second.end.since(RunTime::ZERO);
        doing.p95 = (!times.is_empty()).then(|| times.quantile(0.95));
        doing.in_flight = second.in_flight;
    }

    fn shown(&self, step: &StepResult) -> SearchStep {
        let response = step.response();
        let time = |seconds: f64| seconds.is_finite().then(|| Nanos::from_secs_f64(seconds));
        let bad: u64 = step.batches.iter().map(|batch| batch.errors + batch.throttled).sum();
        let known = response.count() > 0;
        SearchStep {
            purpose: step.purpose,
            rate: step.offered,
            time: self
                .timed()
                .filter(|_| known)
                .and_then(|slo_limit| time(slo_limit.measure(&response))),
            p99: known.then(|| time(response.quantile(0.99))).flatten(),
            failed: Ratio::of(bad, bad + response.count()),
            hold: step.duration,
            besides: step.warm_up,
            outcome: match step.aborted {
                _ if !step.valid => StepOutcome::Invalid,
                Some(reason) => StepOutcome::Stopped(reason),
                None if step.is_throttled() => StepOutcome::Throttled,
                None if seems_within(&self.slo_limits, step) => StepOutcome::Within,
                None => StepOutcome::Exceeds,
            },
        }
    }

    /// The first SLO limit on times: what the curve shows.
    pub(super) fn timed(&self) -> Option<&SloLimit> {
        self.slo_limits.iter().find(|slo_limit| slo_limit.limit().is_some())
    }

    /// The name of its figure.
    pub(super) fn timed_name(&self) -> String {
        self.timed().map_or_else(|| "p95".to_owned(), SloLimit::figure)
    }

    /// The step that a rate limit at the edge answered at the lowest rate, if any did.
    pub(super) fn throttled(&self) -> Option<&SearchStep> {
        let limited = self.steps.iter().filter(|step| step.outcome == StepOutcome::Throttled);
        limited.min_by(|a, b| a.rate.get().total_cmp(&b.rate.get()))
    }

    pub(super) fn spent(&self) -> Nanos {
        let steps: Nanos = self.steps.iter().map(|step| step.hold + step.besides).sum();
        steps + self.doing.as_ref().map_or(Nanos::ZERO, |doing| doing.elapsed)
    }

    /// What the search takes on, if every step lasts as long as the next one and each halves the bracket in
    /// logarithms: the narrowing to 5 %, the confirmation and the failure shown above it. `None` while the
    /// bracket is open.
    pub(super) fn eta(&self) -> Option<Nanos> {
        const GAP: f64 = 1.05;
        let doing = self.doing.as_ref()?;
        let left = doing.length.saturating_sub(doing.elapsed);
        let (pass, fail) = (self.bracket.0?.get(), self.bracket.1?.get());
        let apart = (fail / pass).ln() / GAP.ln();
        let narrowing = if apart > 1.0 { apart.log2().ceil() as u64 } else { 0 };
        let more = match doing.purpose {
            StepPurpose::Baseline | StepPurpose::Bracket | StepPurpose::Refine => {
                narrowing.max(1) + 1
            }
            StepPurpose::Confirm => 1,
            StepPurpose::Breach => 0,
        };
        Some((left + doing.length * more).min(self.left))
    }
}

/// Whether every SLO limit holds by its estimate alone, without a word on its certainty.
fn seems_within(slo_limits: &[SloLimit], step: &StepResult) -> bool {
    let response = step.response();
    let bad: u64 = step.batches.iter().map(|batch| batch.errors + batch.throttled).sum();
    let failed = Ratio::of(bad, bad + response.count());
    slo_limits.iter().all(|slo_limit| match (slo_limit, slo_limit.limit()) {
        (SloLimit::ErrorRate { max }, _) => failed <= *max,
        (_, limit) => limit.is_none_or(|limit| slo_limit.measure(&response) <= limit),
    })
}
