//! The autoscaler: adds a replica under sustained load, and takes one away without.

use plimsoll_units::{Nanos, Ratio};

/// When replicas are added and removed. Utilisation is that of the tier's cores, read once a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScalerSpec {
    /// Never fewer replicas than this.
    pub min: u32,
    /// Never more than this.
    pub max: u32,
    /// Adds a replica when utilisation stays above this …
    pub out_above: Ratio,
    /// … for this long.
    pub out_for: Nanos,
    /// Removes one when utilisation stays below this …
    pub in_below: Ratio,
    /// … for this long.
    pub in_for: Nanos,
    /// How long a new replica takes until it serves.
    pub delay: Nanos,
}

impl ScalerSpec {
    /// How often utilisation is read.
    pub(super) const TICK: Nanos = Nanos::from_secs(1);
}

/// What the scaler wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Leave it.
    Stay,
    /// One more replica.
    Out,
    /// One replica less.
    In,
}

/// How long utilisation has been out of bounds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scaler {
    above: Nanos,
    below: Nanos,
    pub(super) busy_before_ns: u64,
}

impl Scaler {
    /// Judges one tick at which `replicas` were serving or on their way.
    pub(super) fn decide(
        &mut self,
        spec: &ScalerSpec,
        utilisation: f64,
        replicas: u32,
    ) -> Decision {
        let bump = |span: Nanos, hot: bool| if hot { span + ScalerSpec::TICK } else { Nanos::ZERO };
        self.above = bump(self.above, utilisation > spec.out_above.get());
        self.below = bump(self.below, utilisation < spec.in_below.get());
        if self.above >= spec.out_for && !self.above.is_zero() && replicas < spec.max {
            self.above = Nanos::ZERO;
            return Decision::Out;
        }
        if self.below >= spec.in_for && !self.below.is_zero() && replicas > spec.min {
            self.below = Nanos::ZERO;
            return Decision::In;
        }
        Decision::Stay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> ScalerSpec {
        ScalerSpec {
            min: 1,
            max: 3,
            out_above: Ratio::new(0.7),
            out_for: Nanos::from_secs(3),
            in_below: Ratio::new(0.2),
            in_for: Nanos::from_secs(2),
            delay: Nanos::from_secs(5),
        }
    }

    #[test]
    fn scaler_acts_only_on_sustained_load() {
        let mut scaler = Scaler::default();
        let loads = [0.9, 0.9, 0.5, 0.9, 0.9, 0.9];
        let decisions = loads.map(|load| scaler.decide(&spec(), load, 2));
        assert_eq!(decisions[..5], [Decision::Stay; 5]);
        assert_eq!(decisions[5], Decision::Out);
    }

    #[test]
    fn scaler_keeps_to_its_limits() {
        let mut scaler = Scaler::default();
        assert!((0..9).all(|_| scaler.decide(&spec(), 0.9, 3) == Decision::Stay));
        assert!((0..9).all(|_| scaler.decide(&spec(), 0.1, 1) == Decision::Stay));
    }
}
