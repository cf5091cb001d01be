//! The past of a run for charts: a few numbers a second, and a coarse histogram.

use std::collections::VecDeque;

use plimsoll_metrics::{Counts, Distribution, Interval, RunHeader};
use plimsoll_units::Nanos;

/// One second, or a little more where the generator was busy.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PastPoint {
    /// Its end, seconds into the run.
    pub(crate) at: f64,
    /// Requests a second that arrivals were expected to make.
    pub(crate) offered: f64,
    pub(crate) achieved: f64,
    pub(crate) failed: f64,
    /// p50, p95, p99 in milliseconds; none where no request ended.
    pub(crate) times: Option<[f64; 3]>,
    pub(crate) in_flight: u64,
    pub(crate) vus: u64,
    pub(crate) worker_cpu: f64,
}

/// Rows of the heat map: 1–2–5 steps from 1 ms to 20 s, with what is below and above.
pub(crate) const HEAT_ROWS: usize = 15;

const BOUNDS_MS: [u64; HEAT_ROWS - 1] =
    [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000];

/// The upper bound of a row of the heat map; `None` for the last.
pub(crate) fn heat_bounds(row: usize) -> Option<Nanos> {
    BOUNDS_MS.get(row).map(|ms| Nanos::from_millis(*ms))
}

/// The past, second by second.
#[derive(Debug, Default)]
pub(crate) struct LivePast {
    /// How many intervals there were.
    pub(crate) seconds: usize,
    pub(crate) points: VecDeque<PastPoint>,
    pub(crate) heat: VecDeque<[u64; HEAT_ROWS]>,
}

/// Two hours of points; the report shows all of a longer run.
const POINTS: usize = 7_200;
/// Wider than any terminal.
const HEAT_COLUMNS: usize = 400;

impl LivePast {
    pub(super) fn absorb(&mut self, interval: &Interval, header: &RunHeader) {
        let mut times = Distribution::new();
        for step in interval.steps.values() {
            times.merge_sparse(&step.times().successes());
        }
        self.seconds += 1;
        if interval.is_remainder()
            && let (Some(last), Some(rows)) = (self.points.back_mut(), self.heat.back_mut())
        {
            // What is left of it are its requests, and the state in which the run ended.
            rows.iter_mut().zip(heat(&times)).for_each(|(own, more)| *own += more);
            (last.in_flight, last.vus) = (interval.in_flight, interval.vus_busy);
            return;
        }
        self.points.push_back(point(interval, header, &times));
        self.heat.push_back(heat(&times));
        if self.points.len() > POINTS {
            self.points.pop_front();
        }
        if self.heat.len() > HEAT_COLUMNS {
            self.heat.pop_front();
        }
    }

    /// The last second, if there was one.
    pub(crate) fn last(&self) -> PastPoint {
        self.points.back().copied().unwrap_or_default()
    }
}

fn point(interval: &Interval, header: &RunHeader, times: &Distribution) -> PastPoint {
    let seconds = interval.length().as_secs_f64().max(1e-9);
    let offered: f64 = interval
        .scenarios
        .iter()
        .map(|(id, scenario)| {
            let known = header.scenarios.get(usize::from(id.0));
            let requests = known.map_or(0.0, |known| known.requests_per_iteration);
            requests * scenario.arrivals.intended as f64
        })
        .sum();
    let quantile = |q| times.quantile(q).as_millis_f64();
    PastPoint {
        at: interval.end.as_secs_f64(),
        offered: offered / seconds,
        achieved: interval.requests() as f64 / seconds,
        failed: Counts::of(interval).failed() as f64 / seconds,
        times: (!times.is_empty()).then(|| [quantile(0.50), quantile(0.95), quantile(0.99)]),
        in_flight: interval.in_flight,
        vus: interval.vus_busy,
        worker_cpu: interval.generator.worker_cpu.get(),
    }
}

fn heat(times: &Distribution) -> [u64; HEAT_ROWS] {
    let mut rows = [0; HEAT_ROWS];
    let mut below = 0;
    for (row, bound) in BOUNDS_MS.iter().enumerate() {
        let up_to = times.count_at_most(Nanos::from_millis(*bound));
        rows[row] = up_to.saturating_sub(below);
        below = up_to.max(below);
    }
    rows[HEAT_ROWS - 1] = times.count().saturating_sub(below);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_fixture as fixture;
    use plimsoll_units::RunTime;

    #[test]
    fn the_last_moment_of_a_run_is_no_second_of_its_charts() {
        let log = fixture::log();
        let mut past = LivePast::default();
        log.intervals.iter().for_each(|interval| past.absorb(interval, &log.header));
        let (points, before) = (past.points.len(), past.last());
        let start = log.intervals.last().map_or(RunTime::ZERO, |last| last.end);
        let end = start + Nanos::from_millis(150);
        let rest = Interval { start, end, in_flight: 0, ..Interval::default() };
        past.absorb(&rest, &log.header);
        assert_eq!(past.points.len(), points);
        let after = past.last();
        assert!((after.achieved - before.achieved).abs() < 1e-9 && after.times == before.times);
        assert_eq!(after.in_flight, 0);
    }
}
