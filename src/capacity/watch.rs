//! Watches a step while it is played: whether to stop it early, and whether it is valid.
//!
//! Fed with the seconds of a run as they come, so the same rules hold for the engine and for a test in
//! virtual time.

use super::search::RULES;
use super::slo_limits::SloLimit;
use super::step::{AbortReason, AbortRule};
use plimsoll_metrics::{Answers, Counts, Distribution, ErrorClass, Interval, Selection, Tally};
use plimsoll_units::Rate;

/// One step under way.
#[derive(Debug, Clone)]
pub struct StepWatch {
    rule: AbortRule,
    slo_limits: Vec<SloLimit>,
    offered: Rate,
    in_flight: Vec<u64>,
}

impl StepWatch {
    /// A step that offers `offered` requests a second, to be judged by `slo_limits`.
    pub fn new(slo_limits: &[SloLimit], offered: Rate) -> Self {
        let rule = AbortRule::for_slo_limits(slo_limits);
        Self { rule, slo_limits: slo_limits.to_vec(), offered, in_flight: Vec::new() }
    }

    /// One second is over, warm-up included. Says why to stop, if the step can only fail and harm.
    pub fn on_interval(&mut self, interval: &Interval) -> Option<AbortReason> {
        self.in_flight.push(interval.in_flight);
        // Users that are all busy waiting for answers are a backlog, too.
        let waiting = 2 * interval.in_flight >= interval.vus_busy;
        if interval.arrivals.dropped > 0 && waiting {
            return Some(AbortReason::InFlightRunaway);
        }
        let counts = Counts::of(interval);
        let errors = counts.failed().saturating_sub(counts.failed_by(ErrorClass::Throttled));
        self.rule.judge(self.offered, &self.in_flight, errors, counts.successes())
    }

    /// Why the seconds of a hold speak of the generator and not of the stack; `None` if they do not.
    pub fn invalid(&self, hold: &[Interval], aborted: bool) -> Option<String> {
        let dropped: u64 = hold.iter().map(|second| second.arrivals.dropped).sum();
        if dropped > 0 && !aborted {
            return Some(format!("{dropped} arrivals found no user: raise --max-vus"));
        }
        let faults: u64 = hold.iter().map(client_faults).sum();
        if faults > 0 {
            return Some(format!("{faults} requests failed in the generator itself"));
        }
        let seconds = hold.len().max(1) as f64;
        let cpu =
            hold.iter().map(|second| second.generator.worker_cpu.get()).sum::<f64>() / seconds;
        if cpu >= RULES.generator_cpu_max {
            return Some(format!("the generator used {:.0} % of a core", cpu * 100.0));
        }
        // A stack that drowns on the generator's own machine makes it late; that step fails anyway.
        if aborted {
            return None;
        }
        let tally = Tally::of(&Selection::Run, hold);
        let bounds = [tally.lower(Answers::Successes), tally.upper(Answers::Successes)];
        self.slo_limits.iter().find_map(|limit| lag_in(limit, &bounds))
    }
}

/// What the generator's lag may have added to what `limit` speaks of, where that is too much.
///
/// A step passes if its upper bound passes, and fails if its lower bound fails, whatever the lag was. Then the lag
/// matters only to the curve, which is one of logarithms: a fail may be off by the same share of its own time as a step at
/// the limit, and a pass, which is taken for slower than it was and moves the claim down, by twice as much of the limit.
fn lag_in(limit: &SloLimit, bounds: &[Distribution; 2]) -> Option<String> {
    let value = |times: &Distribution| match limit {
        SloLimit::Quantile { p, .. } => Some(times.quantile(p.get()).as_secs_f64()),
        SloLimit::Mean { .. } => Some(times.mean().as_secs_f64()),
        SloLimit::ErrorRate { .. } => None,
    };
    let (lower, upper) = (value(&bounds[0])?, value(&bounds[1])?);
    let max = limit.limit()?;
    let share = if upper <= max { RULES.lag_share_of_pass } else { RULES.lag_share };
    (upper - lower > share * lower.max(max)).then(|| {
        format!(
            "the generator was late: {:.1} of {:.1} ms may be its own",
            (upper - lower) * 1e3,
            upper * 1e3
        )
    })
}

fn client_faults(interval: &Interval) -> u64 {
    let failures = Counts::of(interval).failures();
    failures.iter().filter(|(class, _)| class.is_client_fault()).map(|(_, count)| count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_units::{Nanos, Ratio};

    /// Goal: prove that lag voids a step at its limit, and none that passes with it or fails without it.
    /// Method: a limit of 150 ms; lags as generators have them beside other work.
    #[test]
    fn lag_voids_a_step_only_where_it_could_matter() {
        let limit = SloLimit::Quantile { p: Ratio::new(0.95), max: Nanos::from_millis(150) };
        let all = |ms: u64| {
            let mut times = Distribution::new();
            times.record_n(Nanos::from_millis(ms), 100);
            times
        };
        let is_void = |lower, upper| lag_in(&limit, &[all(lower), all(upper)]).is_some();
        assert!(is_void(145, 160));
        assert!(!is_void(155, 160));
        assert!(!is_void(1_454, 1_469));
        assert!(is_void(500, 1_469), "the lag is most of it");
        assert!(!is_void(125, 138), "it passes with the lag");
        assert!(is_void(100, 138), "the curve would be off by too much");
    }
}
