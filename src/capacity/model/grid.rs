//! Probabilities on a grid of times, to which a wait is added or from which it is taken out.
//!
//! Waits follow P(W>t) = C·e^{−Ct/Wq}: an atom at zero and an exponential, so that adding one to a
//! distribution on a grid is a recursion of first order, and taking one out again is its inverse.

use crate::histogram::Histogram;
use crate::queueing::WaitLaw;
use crate::slo_limits::SloLimit;

/// Cells of the grid up to the limit, and in all.
const CELLS_TO_LIMIT: f64 = 400.0;
const CELLS: usize = 3_200;

/// Probabilities on a grid of times.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TimeGrid {
    /// Seconds per cell.
    width: f64,
    mass: Vec<f64>,
    /// The mean is kept apart, as the grid ends somewhere.
    mean: f64,
}

impl TimeGrid {
    /// `histogram` on a grid fine enough to judge `limit` seconds.
    pub(super) fn of(histogram: &Histogram, limit: f64) -> Self {
        let width = limit / CELLS_TO_LIMIT;
        let total = histogram.count().max(1) as f64;
        let mut mass = vec![0.0; CELLS];
        for (time, count) in histogram.pairs() {
            if let Some(cell) = mass.get_mut((time.as_secs_f64() / width) as usize) {
                *cell += *count as f64 / total;
            }
        }
        Self { width, mass, mean: histogram.mean() }
    }

    fn decay(&self, law: &WaitLaw) -> Option<f64> {
        (law.mean > 0.0 && law.probability > 0.0)
            .then(|| (-law.probability / law.mean * self.width).exp())
    }

    /// Everyone waits by `law` in addition.
    pub(super) fn add(&mut self, law: &WaitLaw) {
        let Some(decay) = self.decay(law) else { return };
        let waits = law.probability.min(1.0);
        let mut carried = 0.0;
        for cell in &mut self.mass {
            carried = decay * carried + (1.0 - decay) * *cell;
            *cell = (1.0 - waits) * *cell + waits * carried;
        }
        self.mean += law.mean;
    }

    /// Takes out a wait that the distribution contains.
    pub(super) fn remove(&mut self, law: &WaitLaw) {
        let Some(decay) = self.decay(law) else { return };
        let stays = 1.0 - law.probability.min(1.0);
        let gain = stays + (1.0 - stays) * (1.0 - decay);
        let (mut with_before, mut without_before) = (0.0, 0.0);
        for cell in &mut self.mass {
            let with = *cell;
            *cell = (with - decay * with_before + stays * decay * without_before) / gain;
            (with_before, without_before) = (with, *cell);
        }
        self.mean -= law.mean;
    }

    /// The time in seconds that a share `p` does not exceed; infinite beyond the grid.
    pub(super) fn quantile(&self, p: f64) -> f64 {
        let mut below = 0.0;
        for (index, cell) in self.mass.iter().enumerate() {
            if below + cell >= p {
                let inside = if *cell > 0.0 { (p - below) / cell } else { 0.5 };
                return (index as f64 + inside) * self.width;
            }
            below += cell;
        }
        f64::INFINITY
    }

    pub(super) fn measure(&self, slo_limit: &SloLimit) -> f64 {
        match slo_limit {
            SloLimit::Quantile { p, .. } => self.quantile(p.get()),
            SloLimit::Mean { .. } => self.mean,
            SloLimit::ErrorRate { .. } => 0.0,
        }
    }
}
