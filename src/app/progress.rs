//! What a plain terminal shows while a run goes on: one line, rewritten every second.

use std::fmt::Write as _;

use crate::metrics::{Counts, Distribution, Interval};
use crate::units::{Nanos, RunTime};

use super::output::{live_width, say, say_raw};

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
        let text = line(interval, self.duration);
        if let Some(width) = self.width {
            // A line that wraps could not be rewritten.
            let text: String = text.chars().take(width.saturating_sub(1)).collect();
            // Back to the start of the line, and clear it to its end.
            say_raw(&format!("\r\x1b[K{text}"));
        } else if interval.end >= self.next_line {
            say(&text);
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

fn line(interval: &Interval, duration: Nanos) -> String {
    const WIDTH: usize = 16;
    let share = interval.end.as_secs_f64() / duration.as_secs_f64().max(1e-9);
    let filled = ((share * WIDTH as f64) as usize).min(WIDTH);
    let bar = format!("{}{}", "━".repeat(filled), "╌".repeat(WIDTH - filled));
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
    let mut text = format!(
        "{bar} {}/{}  {rate:>6.0} req/s  p50 {}  p99 {}  in flight {}  failed {}",
        interval.end,
        RunTime::ZERO + duration,
        quantile(0.50),
        quantile(0.99),
        interval.in_flight,
        Counts::of(interval).failed(),
    );
    if interval.arrivals.dropped > 0 {
        let _ = write!(text, "  DROPPED {}", interval.arrivals.dropped);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_without_requests_shows_no_numbers_it_does_not_have() {
        let interval = Interval { end: RunTime::ZERO + Nanos::from_secs(5), ..Interval::default() };
        let text = line(&interval, Nanos::from_secs(20));
        assert!(text.starts_with("━━━━╌╌╌╌╌╌╌╌╌╌╌╌ 0:05/0:20"), "{text}");
        assert!(text.contains("p99 –"), "{text}");
    }
}
