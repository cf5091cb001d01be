//! What a plain terminal shows while a run goes on: one line, rewritten every second.

use crate::metrics::{Counts, Distribution, Interval};
use crate::report::format;
use crate::units::{Nanos, RunTime};

use super::output::{fitted, live_width, say_raw};

/// Prints the progress of a run.
#[derive(Debug)]
pub(super) struct RunProgress {
    duration: Nanos,
    /// How many iterations are to be played, where users of a closed model play so many.
    iterations: Option<u64>,
    /// Those of them that have ended.
    ended: u64,
    /// The terminal's width, where a line can be rewritten.
    width: Option<usize>,
    quiet: bool,
    /// Failures since the run began.
    failed: u64,
    /// Where lines cannot be rewritten, one is printed every so often.
    next_line: RunTime,
}

/// Without a terminal, a line every 5 s: enough to see life in a CI log.
const LINE_EVERY: Nanos = Nanos::from_secs(5);

impl RunProgress {
    /// Progress of a run that starts iterations for `duration`, or as many as `iterations` says.
    pub(super) fn new(duration: Nanos, iterations: Option<u64>, quiet: bool) -> Self {
        Self {
            duration,
            iterations,
            ended: 0,
            width: live_width(),
            quiet,
            failed: 0,
            next_line: RunTime::ZERO + LINE_EVERY,
        }
    }

    /// One second is complete.
    pub(super) fn show(&mut self, interval: &Interval) {
        self.failed += Counts::of(interval).failed();
        self.ended += interval.arrivals.completed + interval.arrivals.failed;
        if self.quiet {
            return;
        }
        if let Some(width) = self.width {
            // Back to the start of the line, and clear it to its end.
            say_raw(&format!("\r\x1b[K{}", self.line(interval, width)));
        } else if interval.end >= self.next_line {
            say_raw(&format!("{}\n", self.line(interval, usize::MAX)));
            self.next_line = interval.end + LINE_EVERY;
        }
    }

    /// What there is to say, what matters most first, in less than `width` columns: the bar gives way, then the last
    /// figures do.
    fn line(&self, interval: &Interval, width: usize) -> String {
        /// Columns of the bar at the most and at the least.
        const BAR: (usize, usize) = (16, 4);
        let parts = self.figures(interval);
        let needed: usize = parts.iter().map(|part| part.chars().count() + 2).sum();
        let length = width.saturating_sub(needed).clamp(BAR.1, BAR.0);
        let share = interval.end.as_secs_f64() / self.duration.as_secs_f64().max(1e-9);
        // Whatever comes first ends the run.
        let played = self.iterations.map(|all| self.ended as f64 / all.max(1) as f64);
        let share = played.map_or(share, |played| played.max(share));
        let filled = ((share * length as f64) as usize).min(length);
        let bar = format!("{}{} ", "━".repeat(filled), "╌".repeat(length - filled));
        format!("{bar}{}", fitted(&parts, width.saturating_sub(length + 1)))
    }

    /// Rates and times of the last second, failures of the whole run: one that is over must not be missed.
    fn figures(&self, interval: &Interval) -> Vec<String> {
        let mut response = Distribution::new();
        for step in interval.steps.values() {
            response.merge_sparse(&step.times().successes());
        }
        let rate = interval.requests() as f64 / interval.length().as_secs_f64().max(1e-9);
        let quantile = |q| {
            let none = response.is_empty();
            if none { "–".to_owned() } else { format::time(response.quantile(q)) }
        };
        let mut parts = vec![format!("{}/{}", interval.end, RunTime::ZERO + self.duration)];
        parts.extend(self.iterations.map(|all| {
            format!("{} of {} iterations", format::count(self.ended), format::count(all))
        }));
        parts.push(format!("{rate:>6.0} req/s"));
        parts.push(format!("failed {}", format::count(self.failed)));
        if interval.arrivals.dropped > 0 {
            parts.push(format!("DROPPED {}", interval.arrivals.dropped));
        }
        parts.push(format!("p50 {}", quantile(0.50)));
        parts.push(format!("p99 {}", quantile(0.99)));
        parts.push(format!("in flight {}", interval.in_flight));
        parts
    }

    /// The run is over: the line makes room for the summary.
    pub(super) fn finish(&self) {
        if self.width.is_some() && !self.quiet {
            say_raw("\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{ErrorClass, StepId, StepInterval};

    fn line(interval: &Interval, duration: Nanos, width: usize) -> String {
        RunProgress::new(duration, None, true).line(interval, width)
    }

    /// Goal: prove that a failure stays in sight when the seconds after it were fine, and that a short time is no zero.
    #[test]
    fn failures_add_up_and_times_below_a_millisecond_are_told() {
        let mut progress = RunProgress::new(Nanos::from_secs(20), None, true);
        let mut times = Distribution::new();
        times.record_n(Nanos::from_micros(286), 10);
        let second = |failed: u64, end: u64| {
            let step = StepInterval {
                requests: 10,
                errors: [(ErrorClass::ResponseTimeout, failed)].into(),
                response_time: times.to_sparse(),
                ..StepInterval::default()
            };
            Interval {
                end: RunTime::ZERO + Nanos::from_secs(end),
                steps: [(StepId(0), step)].into(),
                ..Interval::default()
            }
        };
        progress.show(&second(3, 1));
        progress.show(&second(0, 2));
        let text = progress.line(&second(0, 2), usize::MAX);
        assert!(text.contains("failed 3") && text.contains("p50 286 µs"), "{text}");
    }

    #[test]
    fn line_without_requests_shows_no_numbers_it_does_not_have() {
        let interval = Interval { end: RunTime::ZERO + Nanos::from_secs(5), ..Interval::default() };
        let text = line(&interval, Nanos::from_secs(20), usize::MAX);
        assert!(text.starts_with("━━━━╌╌╌╌╌╌╌╌╌╌╌╌ 0:05/0:20"), "{text}");
        assert!(text.contains("p99 –"), "{text}");
    }

    #[test]
    fn run_of_a_number_of_iterations_tells_how_many_have_ended() {
        let mut progress = RunProgress::new(Nanos::from_secs(3_600), Some(2_000), true);
        let mut second =
            Interval { end: RunTime::ZERO + Nanos::from_secs(5), ..Interval::default() };
        (second.arrivals.completed, second.arrivals.failed) = (990, 10);
        progress.show(&second);
        let text = progress.line(&second, usize::MAX);
        assert!(
            text.starts_with("━━━━━━━━╌╌╌╌╌╌╌╌ 0:05/60:00  1,000 of 2,000 iterations"),
            "{text}"
        );
    }

    #[test]
    fn narrow_line_ends_with_a_whole_figure_and_keeps_what_went_wrong() {
        let mut interval =
            Interval { end: RunTime::ZERO + Nanos::from_secs(5), ..Interval::default() };
        (interval.arrivals.dropped, interval.in_flight) = (120, 4_321);
        let whole = line(&interval, Nanos::from_secs(20), usize::MAX);
        let figures: Vec<&str> = whole.split("  ").skip(1).map(str::trim).collect();
        for width in 40..=120 {
            let text = line(&interval, Nanos::from_secs(20), width);
            assert!(text.chars().count() < width, "{width}: {text}");
            let shown: Vec<&str> = text.split("  ").skip(1).map(str::trim).collect();
            assert_eq!(shown, figures[..shown.len()], "{width}: {text}");
        }
        let at = |width| line(&interval, Nanos::from_secs(20), width);
        assert!(at(60).contains("DROPPED 120") && !at(60).contains("in flight"), "{}", at(60));
        assert!(at(90).ends_with("in flight 4321"), "{}", at(90));
    }
}
