//! Gates over summaries drawn at random: what the same build comes to, and one that is 10 % slower.
//!
//! Each run has one number of luck that all its metrics share and one of each metric's own, in equal parts, so
//! that metrics correlate by 0.5 between runs. Times are lognormal.

use plimsoll::metrics::{ArrivalProcess, LoadModel, StageInfo};
use plimsoll::slo::ValidityStatus;
use plimsoll::slo::gate::{
    GateMetric, GateRules, GateVerdict, RunConditions, RunSummary, SloMetric, StepSummary, compare,
};
use plimsoll::units::{Nanos, RandomStream, Rate, Ratio, Seed};
use rand_distr::{Distribution as _, StandardNormal};

/// What the candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Candidate {
    /// The same build.
    Same,
    /// Everything takes 10 % longer.
    Slower,
    /// p95 of step pay alone is 10 % longer.
    OneRowSlower,
}

/// How runs are drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    /// A side.
    pub(super) runs: usize,
    /// Coefficient of variation from run to run of what the SLO table holds; of all else twice as much.
    pub(super) cv: f64,
    /// How many times the SLO table has, 1 to 3; beside them it has the error rate.
    pub(super) times: usize,
}

/// What so many gates came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Outcomes {
    /// Share that passed.
    pub(super) passed: f64,
    /// Share that was called regressed.
    pub(super) regressed: f64,
    /// Median over gates of the rise that their weakest time could have shown.
    pub(super) shown: f64,
}

/// Plays `trials` gates, always the same ones.
pub(super) fn play(setting: Setting, candidate: Candidate, trials: u64) -> Outcomes {
    let (mut passed, mut regressed, mut shown) = (0_u64, 0_u64, vec![]);
    for trial in 0..trials {
        let mut rng = Seed::new(8).stream(RandomStream::Bootstrap, trial);
        let mut side = |candidate| -> Vec<RunSummary> {
            (0..setting.runs).map(|_| run(&mut rng, setting, candidate)).collect()
        };
        let (before, after) = (side(Candidate::Same), side(candidate));
        let found = compare(&before, &after, &GateRules::default()).expect("alike");
        passed += u64::from(found.verdict == GateVerdict::NotRegressed);
        regressed += u64::from(found.verdict == GateVerdict::Regressed);
        let times = found.deciding().filter(|row| row.metric != GateMetric::ErrorRate);
        let weakest = times.filter_map(|row| row.regression.smallest_effect).fold(0.0, f64::max);
        shown.push(weakest);
    }
    shown.sort_by(f64::total_cmp);
    Outcomes {
        passed: passed as f64 / trials as f64,
        regressed: regressed as f64 / trials as f64,
        shown: shown[shown.len() / 2],
    }
}

/// Steps beside the one that the SLO table names.
const OTHER_STEPS: [&str; 5] = ["login", "airports", "search", "flight", "history"];

fn run(rng: &mut rand_pcg::Pcg64Mcg, setting: Setting, candidate: Candidate) -> RunSummary {
    let deviation = |cv: f64| (1.0 + cv * cv).ln().sqrt();
    let shared: f64 = StandardNormal.sample(rng);
    let slower = if candidate == Candidate::Slower { 1.1 } else { 1.0 };
    let mut time = |ms: f64, cv: f64| {
        let own: f64 = StandardNormal.sample(rng);
        let luck = (deviation(cv) * (shared + own) * 0.5_f64.sqrt()).exp();
        Some(Nanos::from_secs_f64(ms / 1e3 * luck * slower))
    };
    let (cv, noisier) = (setting.cv, 2.0 * setting.cv);
    let mut whole = step(RunSummary::WHOLE);
    (whole.p95, whole.p99) = (time(180.0, cv), time(300.0, cv));
    (whole.p50, whole.mean) = (time(40.0, noisier), time(60.0, noisier));
    let mut pay = step("pay");
    pay.p95 = time(450.0, cv);
    if candidate == Candidate::OneRowSlower {
        pay.p95 = pay.p95.map(|p95| Nanos::from_secs_f64(p95.as_secs_f64() * 1.1));
    }
    let mut steps = vec![whole, pay];
    for name in OTHER_STEPS {
        let mut other = step(name);
        (other.p50, other.p95) = (time(30.0, noisier), time(90.0, noisier));
        (other.p99, other.mean) = (time(150.0, noisier), time(40.0, noisier));
        steps.push(other);
    }
    let of = plimsoll::metrics::Answers::Successes;
    let row = |step: &str, metric| SloMetric { step: step.into(), metric, of };
    let table = [
        row("pay", GateMetric::P95),
        row(RunSummary::WHOLE, GateMetric::P95),
        row(RunSummary::WHOLE, GateMetric::P99),
    ];
    let mut slo = table[..setting.times].to_vec();
    slo.push(row(RunSummary::WHOLE, GateMetric::ErrorRate));
    RunSummary {
        started_utc: "2026-11-27T12:00:00Z".into(),
        validity: ValidityStatus::Valid,
        partial: false,
        failures_apart: true,
        conditions: conditions(),
        steps,
        slo,
        slo_other: vec![],
    }
}

fn step(name: &str) -> StepSummary {
    StepSummary {
        name: name.into(),
        requests: 1_000,
        p50: None,
        p95: None,
        p99: None,
        mean: None,
        error_rate: Some(Ratio::new(0.0)),
        all: None,
    }
}

fn conditions() -> RunConditions {
    let rate = Rate::per_second(20.0);
    let duration = Nanos::from_secs(60);
    RunConditions {
        name: "ais".into(),
        workload: "load".into(),
        scenario_hash: "9f2c".into(),
        model: LoadModel::Open,
        arrivals: ArrivalProcess::Poisson,
        stages: vec![StageInfo { from: rate, to: rate, duration, judged: true }],
        shard: (0, 1),
        seed: Seed::new(1),
        target_kind: "http, loopback".into(),
        facts: vec![],
    }
}
