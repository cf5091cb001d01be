//! What a plain terminal shows while a run goes on: one line, rewritten every second.

use crate::metrics::{Counts, Distribution, Interval};
use crate::units::{Nanos, RunTime};

use super::output::{fitted, live_width, say_raw};

/// Prints the progress of a run.
#[derive(Debug)]
pub(super) struct RunProgress {
    duration: Nanos,
    /// The terminal's width, where a line can be rewritten.
    width: Option<usize>,
    quiet: bool,
    /// Where lines cannot be rewritten, one is printed every so often.
    next_line: RunTime,
}

/// Without a terminal, a line every 5 s: enough to see life in a CI log.
const LINE_EVERY: Nanos = Nanos::from_secs(5);

impl RunProgress {
    /// Progress of a run that starts iterations for `duration`.
    pub(super) fn new(duration: Nanos, quiet: bool) -> Self {
        Self { duration, width: live_width(), quiet, next_line: RunTime::ZERO + LINE_EVERY }
    }

    /// One second is complete.
    pub(super) fn show(&mut self, interval: &Interval) {
        if self.quiet {
            return;
        }
        if let Some(width) = self.width {
            // Back to the start of the line, and clear it to its end.
            say_raw(&format!("\r\x1b[K{}", line(interval, self.duration, width)));
        } else if interval.end >= self.next_line {
            say_raw(&format!("{}\n", line(interval, self.duration, usize::MAX)));
            self.next_line = interval.end + LINE_EVERY;
        }
    }

    /// The run is over: the line makes room for the summary.
    pub(super) fn finish(&self) {
        if self.width.is_some() && !self.quiet {
            say_raw("\r\x1b[K");
        }
    }
}

/// What there is to say, what matters most first, in less than `width` columns: the bar gives way, then the last
/// figures do.
fn line(interval: &Interval, duration: Nanos, width: usize) -> String {
    /// Columns of the bar at the most and at the least.
    const BAR: (usize, usize) = (16, 4);
    let parts = figures(interval, duration);
    let needed: usize = parts.iter().map(|part| part.chars().count() + 2).sum();
    let length = width.saturating_sub(needed).clamp(BAR.1, BAR.0);
    let share = interval.end.as_secs_f64() / duration.as_secs_f64().max(1e-9);
    let filled = ((share * length as f64) as usize).min(length);
    let bar = format!("{}{} ", "━".repeat(filled), "╌".repeat(length - filled));
    format!("{bar}{}", fitted(&parts, width.saturating_sub(length + 1)))
}

fn figures(interval: &Interval, duration: Nanos) -> Vec<String> {
    let mut response = Distribution::new();
    for step in interval.steps.values() {
        response.merge_sparse(&step.times().successes());
    }
    let rate = interval.requests() as f64 / interval.length().as_secs_f64().max(1e-9);
    let quantile = |q| {
        if response.is_empty() {
            "–".to_owned()
        } else {
            format!("{:.0} ms", response.quantile(q).as_millis_f64())
        }
    };
    let mut parts = vec![
        format!("{}/{}", interval.end, RunTime::ZERO + duration),
        format!("{rate:>6.0} req/s"),
        format!("failed {}", Counts::of(interval).failed()),
    ];
    if interval.arrivals.dropped > 0 {
        parts.push(format!("DROPPED {}", interval.arrivals.dropped));
    }
    parts.push(format!("p50 {}", quantile(0.50)));
    parts.push(format!("p99 {}", quantile(0.99)));
    parts.push(format!("in flight {}", interval.in_flight));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_without_requests_shows_no_numbers_it_does_not_have() {
        let interval = Interval { end: RunTime::ZERO + Nanos::from_secs(5), ..Interval::default() };
        let text = line(&interval, Nanos::from_secs(20), usize::MAX);
        assert!(text.starts_with("━━━━╌╌╌╌╌╌╌╌╌╌╌╌ 0:05/0:20"), "{text}");
        assert!(text.contains("p99 –"), "{text}");
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
