//! What workloads play: all scenarios, some of them, or several workloads at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::demand::{MixDemand, shares_of_data};
use super::load::{LoadCompiler, apply_duration};
use super::workload::PlayedLoad;
use crate::{ArrivalLaw, Load, MixSpan, OpenLoad, Overrides, ScenarioMix, ScenarioPlan, Stage};
use plimsoll_scenario::schema::{ArrivalLawSpec, OpenShape, Workload, WorkloadShape};
use plimsoll_scenario::{ProblemKind, Problems, Span, Spanned};
use plimsoll_units::{Nanos, Rate, RunTime};

/// One of the workloads that are played at once.
struct Component {
    load: OpenLoad,
    /// Each scenario's share of its arrivals.
    shares: Vec<f64>,
}

impl LoadCompiler<'_> {
    /// The weight of each scenario in a workload that is one of its own.
    pub(super) fn weights(&self, workload: &Workload, problems: &mut Problems) -> Vec<f64> {
        let chosen = workload.chosen();
        if chosen.is_empty() {
            return self.journeys.iter().map(|journey| journey.weight).collect();
        }
        let mut weights = vec![0.0; self.journeys.len()];
        let mut all_known = true;
        for one in chosen {
            let Some(at) = self.journeys.iter().position(|known| known.name == one.name.value)
            else {
                let known = self.journeys.iter().map(|known| known.name.clone()).collect();
                let name = one.name.value.clone();
                let kind = ProblemKind::UnknownName { what: "scenario", name, known };
                problems.report(one.name.span, kind);
                all_known = false;
                continue;
            };
            weights[at] += one.weight.unwrap_or(self.journeys[at].weight);
        }
        if all_known && weights.iter().sum::<f64>() <= 0.0 {
            problems.report(chosen[0].name.span, ProblemKind::WeightsZero);
        }
        weights
    }

    /// The same for a workload that plays a mix of its own.
    pub(super) fn playing(&self, weights: &[f64]) -> Self {
        let demand = MixDemand::of(self.journeys, weights);
        let shares = shares_of_data(self.journeys, weights, self.data.len());
        Self { demand, shares, ..self.clone() }
    }

    /// Several workloads at once: one schedule whose rate is the sum of theirs, and the mean weights of what it plays.
    pub(super) fn parallel(
        &self,
        whole: &Workload,
        names: &[Spanned<String>],
        problems: &mut Problems,
    ) -> Option<(OpenLoad, Vec<f64>)> {
        let as_written = Overrides::default();
        let mut arrivals = None;
        let mut components = vec![];
        for name in names {
            let (workload, shape) = self.component(name, (whole, arrivals), problems)?;
            arrivals = Some(shape.arrivals);
            let weights = self.weights(workload, problems);
            let own =
                LoadCompiler { overrides: &as_written, is_played: false, ..self.playing(&weights) };
            let load = own.open(shape, problems)?;
            let total = weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
            let shares = weights.iter().map(|weight| weight / total).collect();
            components.push(Component { load, shares });
        }
        let arrivals = components.first()?.load.arrivals.clone();
        let (mut stages, mut rates) = self.merged(&components);
        let mean = mean_rates(&stages, &rates);
        self.rescale((&mut stages, &mut rates), &mean, problems)?;
        let sum = components.iter().fold(0_u32, |sum, one| sum.saturating_add(one.load.max_vus));
        let max_vus = self.overrides.max_vus.unwrap_or(sum);
        if !self.each_visitor() {
            self.check_rows(max_vus, problems);
        }
        let mix = (!is_constant(&rates)).then(|| ScenarioMix(spans(&stages, rates)));
        Some((OpenLoad { arrivals, stages, max_vus, mix }, mean))
    }

    /// A workload that can be played beside others of these arrivals, as a part of `whole`.
    fn component(
        &self,
        name: &Spanned<String>,
        (whole, arrivals): (&Workload, Option<ArrivalLawSpec>),
        problems: &mut Problems,
    ) -> Option<(&Workload, &OpenShape)> {
        let all = &self.scenario.workloads;
        let Some(found) = all.iter().find(|workload| workload.name.value == name.value) else {
            let known = all.iter().map(|known| known.name.value.clone()).collect();
            let kind =
                ProblemKind::UnknownName { what: "workload", name: name.value.clone(), known };
            problems.report(name.span, kind);
            return None;
        };
        let why = match &found.shape {
            WorkloadShape::Open(shape) => {
                if arrivals.is_some_and(|law| law != shape.arrivals) {
                    "its arrivals follow another law"
                } else if found.think != whole.think {
                    "its users think for another share"
                } else if shape.stages.iter().any(|stage| stage.green.is_some()) {
                    "its stages send arrivals to `green`"
                } else {
                    return Some((found, shape));
                }
            }
            WorkloadShape::Closed(_) | WorkloadShape::Recorded(_) | WorkloadShape::Parallel(_) => {
                "it has no stages of rates"
            }
        };
        let kind = ProblemKind::NotParallelLoad { name: name.value.clone(), why };
        problems.report(name.span, kind);
        None
    }

    /// The stages of all together, and in each of them every scenario's rate at its beginning and at its end.
    fn merged(&self, components: &[Component]) -> (Vec<Stage>, Vec<ScenarioRates>) {
        let mut ends = BTreeSet::new();
        for component in components {
            let mut at = Nanos::ZERO;
            for stage in &component.load.stages {
                at += stage.duration;
                ends.insert(at);
            }
        }
        let (mut stages, mut all_rates) = (vec![], vec![]);
        let mut begin = Nanos::ZERO;
        for end in ends {
            let mut rates = vec![(0.0, 0.0); self.journeys.len()];
            let mut judged = true;
            for component in components {
                let Some((from, to, is_judged)) = within(&component.load.stages, begin, end) else {
                    continue;
                };
                judged &= is_judged;
                for (rate, share) in rates.iter_mut().zip(&component.shares) {
                    rate.0 += from * share;
                    rate.1 += to * share;
                }
            }
            let sum = |of: fn(&(f64, f64)) -> f64| Rate::per_second(rates.iter().map(of).sum());
            let (from, to) = (sum(|rate| rate.0), sum(|rate| rate.1));
            let duration = end.saturating_sub(begin);
            stages.push(Stage { from, to, duration, judged });
            all_rates.push(rates);
            begin = end;
        }
        (stages, all_rates)
    }

    /// What the command line changes of the sum: its peak and its duration.
    fn rescale(
        &self,
        (stages, rates): (&mut [Stage], &mut [ScenarioRates]),
        mean: &[f64],
        problems: &mut Problems,
    ) -> Option<()> {
        if let Some(wanted) = self.overrides.rate {
            let own = self.playing(mean);
            let wanted = own.iterations(&Spanned::new(wanted, Span::COMMAND_LINE), problems)?;
            let peak = stages.iter().flat_map(|stage| [stage.from, stage.to]).map(Rate::get);
            let peak = peak.fold(0.0_f64, f64::max);
            let factor = if peak > 0.0 { wanted.get() / peak } else { 1.0 };
            for (stage, rates) in stages.iter_mut().zip(rates) {
                (stage.from, stage.to) = (stage.from.times(factor), stage.to.times(factor));
                for (from, to) in rates {
                    *from *= factor;
                    *to *= factor;
                }
            }
        }
        apply_duration(stages, self.overrides.duration);
        Some(())
    }
}

/// Each scenario's rate at the beginning and at the end of a stage, iterations per second.
type ScenarioRates = Vec<(f64, f64)>;

/// The rates of a workload at both ends of a stretch that lies in one of its stages, and whether that is judged; `None`
/// behind its end.
fn within(stages: &[Stage], begin: Nanos, end: Nanos) -> Option<(f64, f64, bool)> {
    let mut start = Nanos::ZERO;
    for stage in stages {
        let stop = start + stage.duration;
        if begin < stop {
            let rate = |at: Nanos| {
                let part = at.saturating_sub(start).as_secs_f64() / stage.duration.as_secs_f64();
                stage.from.get() + (stage.to.get() - stage.from.get()) * part.min(1.0)
            };
            return Some((rate(begin), rate(end), stage.judged));
        }
        start = stop;
    }
    None
}

/// Each scenario's arrivals over all stages.
fn mean_rates(stages: &[Stage], rates: &[ScenarioRates]) -> Vec<f64> {
    let mut sums = vec![0.0; rates.first().map_or(0, Vec::len)];
    for (stage, rates) in stages.iter().zip(rates) {
        for (sum, &(from, to)) in sums.iter_mut().zip(rates) {
            *sum += f64::midpoint(from, to) * stage.duration.as_secs_f64();
        }
    }
    sums
}

fn spans(stages: &[Stage], rates: Vec<ScenarioRates>) -> Arc<[MixSpan]> {
    let mut from = RunTime::ZERO;
    let span = |(stage, rates): (&Stage, Vec<(f64, f64)>)| {
        let until = from + stage.duration;
        let span = MixSpan { from, until, rates: rates.into() };
        from = until;
        span
    };
    stages.iter().zip(rates).map(span).collect()
}

/// Whether every scenario has the same share of the arrivals all the time.
fn is_constant(rates: &[ScenarioRates]) -> bool {
    let ends = rates.iter().flat_map(|rates| {
        [rates.iter().map(|rate| rate.0).collect(), rates.iter().map(|rate| rate.1).collect()]
    });
    let shares = |rates: Vec<f64>| -> Option<Vec<f64>> {
        let sum: f64 = rates.iter().sum();
        (sum > 0.0).then(|| rates.iter().map(|rate| rate / sum).collect())
    };
    let shares: Vec<Vec<f64>> = ends.filter_map(shares).collect();
    let Some(first) = shares.first() else { return true };
    let is_same = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9;
    shares.iter().all(|other| other.iter().zip(first).all(is_same))
}

/// Keeps the scenarios that a load plays, with their weights in it.
pub(super) fn keep_played(journeys: &mut Vec<ScenarioPlan>, played: &mut PlayedLoad) {
    let PlayedLoad { load, weights, demand, .. } = played;
    // Rows name scenarios of any weight.
    let is_recorded =
        matches!(load, Load::Open(OpenLoad { arrivals: ArrivalLaw::Recorded(_), .. }));
    if demand.is_untold {
        // The mix has no mean where one of them has none.
        for journey in journeys.iter_mut() {
            journey.requests_per_iteration = 0.0;
        }
    }
    if is_recorded {
        return;
    }
    if let Load::Open(OpenLoad { mix: Some(mix), .. }) = load {
        let kept = |span: &MixSpan| {
            let rates = span.rates.iter().zip(&*weights).filter(|(_, weight)| **weight > 0.0);
            MixSpan { rates: rates.map(|(rate, _)| *rate).collect(), ..span.clone() }
        };
        *mix = ScenarioMix(mix.0.iter().map(kept).collect());
    }
    for (journey, weight) in journeys.iter_mut().zip(&*weights) {
        journey.weight = *weight;
    }
    journeys.retain(|journey| journey.weight > 0.0);
}
