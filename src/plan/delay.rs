//! Laws of delays: think times, and how long is watched and listened.

use plimsoll_units::Nanos;

/// A law of delays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// Always the same.
    Constant(Nanos),
    /// Between two spans, equally likely.
    Uniform(Nanos, Nanos),
    /// Exponential with this mean.
    Exponential(Nanos),
    /// Normal with mean and standard deviation, cut at zero.
    Normal(Nanos, Nanos),
}

impl Delay {
    /// The same law with all times multiplied by `factor`.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        let scale = |span: Nanos| Nanos::from_secs_f64(span.as_secs_f64() * factor);
        match self {
            Self::Constant(span) => Self::Constant(scale(span)),
            Self::Uniform(low, high) => Self::Uniform(scale(low), scale(high)),
            Self::Exponential(mean) => Self::Exponential(scale(mean)),
            Self::Normal(mean, deviation) => Self::Normal(scale(mean), scale(deviation)),
        }
    }

    /// The mean.
    pub fn mean(self) -> Nanos {
        match self {
            Self::Constant(mean) | Self::Exponential(mean) | Self::Normal(mean, _) => mean,
            Self::Uniform(low, high) => Nanos::new(u64::midpoint(low.get(), high.get())),
        }
    }
}
