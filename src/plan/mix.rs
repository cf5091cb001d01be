//! Scenarios whose shares change over time: what several workloads at once play.

use std::sync::Arc;

use plimsoll_metrics::ScenarioId;
use plimsoll_units::RunTime;

/// The scenarios' shares over time.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioMix(pub Arc<[MixSpan]>);

/// A stretch of time in which each scenario's rate goes from one to another in a straight line.
#[derive(Debug, Clone, PartialEq)]
pub struct MixSpan {
    /// Where it begins.
    pub from: RunTime,
    /// Where it ends.
    pub until: RunTime,
    /// Each scenario's rate at its beginning and at its end, iterations per second.
    pub rates: Box<[(f64, f64)]>,
}

impl ScenarioMix {
    /// The scenario of an arrival due at `at` that has drawn `drawn` in [0, 1). Takes no memory.
    pub fn scenario(&self, at: RunTime, drawn: f64) -> ScenarioId {
        let index = self.0.partition_point(|span| span.until <= at).min(self.0.len() - 1);
        let span = &self.0[index];
        let length = span.until.since(span.from).as_secs_f64().max(f64::MIN_POSITIVE);
        let part = (at.since(span.from).as_secs_f64() / length).min(1.0);
        let rate = |&(from, to): &(f64, f64)| from + (to - from) * part;
        let mut left = drawn * span.rates.iter().map(rate).sum::<f64>();
        let mut found = 0;
        for (position, rates) in span.rates.iter().enumerate() {
            let rate = rate(rates);
            if rate > 0.0 {
                found = position;
                if left < rate {
                    break;
                }
            }
            left -= rate;
        }
        ScenarioId(found as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_units::Nanos;

    #[test]
    fn shares_follow_the_rates_of_their_time() {
        let at = |seconds| RunTime::ZERO + Nanos::from_secs(seconds);
        let mix = ScenarioMix(Arc::new([
            MixSpan { from: at(0), until: at(10), rates: Box::new([(0.0, 10.0), (10.0, 10.0)]) },
            MixSpan { from: at(10), until: at(20), rates: Box::new([(1.0, 1.0), (0.0, 0.0)]) },
        ]));
        let drawn = |second, share| mix.scenario(at(second), share).0;
        assert_eq!([drawn(0, 0.0), drawn(0, 0.99)], [1, 1], "the first has no rate yet");
        assert_eq!([drawn(5, 0.33), drawn(5, 0.34)], [0, 1], "5 of 15");
        assert_eq!([drawn(12, 0.0), drawn(12, 0.999), drawn(60, 0.5)], [0, 0, 0]);
    }
}
