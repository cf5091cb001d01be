//! Time-weighted means of what a tier has in use.

/// Means of one tier over a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimulatedTierWindow {
    /// Cores at work.
    pub cores_used: f64,
    /// Requests in the tier or in what it calls.
    pub in_flight: f64,
    /// Connections of its pools in use.
    pub connections: f64,
}

/// What is metered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GaugeKind {
    Cores,
    InFlight,
    Connections,
    /// Held, but nothing a stack would show.
    Other,
}

/// The present value and the area under the curve of each gauge.
#[derive(Debug, Default)]
pub(super) struct GaugeMeter {
    present: [i64; 4],
    area: [f64; 4],
    changed: u64,
    opened: u64,
}

impl GaugeMeter {
    /// The gauge moves by `by` at `now`.
    pub(super) fn change(&mut self, now: u64, gauge: GaugeKind, by: i64) {
        self.settle(now);
        self.present[gauge as usize] += by;
    }

    /// The means since the last call.
    pub(super) fn take(&mut self, now: u64) -> SimulatedTierWindow {
        self.settle(now);
        let span = (now - self.opened).max(1) as f64;
        let mean = |gauge: GaugeKind| self.area[gauge as usize] / span;
        let window = SimulatedTierWindow {
            cores_used: mean(GaugeKind::Cores),
            in_flight: mean(GaugeKind::InFlight),
            connections: mean(GaugeKind::Connections),
        };
        self.area = [0.0; 4];
        self.opened = now;
        window
    }

    fn settle(&mut self, now: u64) {
        let span = (now - self.changed) as f64;
        for (area, present) in self.area.iter_mut().zip(self.present) {
            *area += span * present as f64;
        }
        self.changed = now;
    }
}
