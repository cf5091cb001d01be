//! Axes: round ticks with their units.

use super::super::format;
use plimsoll_units::{Bytes, Nanos, Quantity, Rate, Ratio};

/// One axis: a range on a linear or logarithmic scale, and labelled ticks.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    /// Where it begins, in plotted units (log10 of the value on a logarithmic scale).
    pub(super) low: f64,
    /// Where it ends.
    pub(super) high: f64,
    /// (position in plotted units, label).
    pub(super) ticks: Vec<(f64, String)>,
    logarithmic: bool,
}

impl Axis {
    /// Where `value` lies, in plotted units, held inside the range.
    pub(super) fn place(&self, value: f64) -> f64 {
        let plotted = if self.logarithmic { value.max(f64::MIN_POSITIVE).log10() } else { value };
        plotted.clamp(self.low, self.high)
    }

    /// Whether `value` lies within the range.
    pub(super) fn holds(&self, value: f64) -> bool {
        let plotted = if self.logarithmic { value.max(f64::MIN_POSITIVE).log10() } else { value };
        (self.low..=self.high).contains(&plotted)
    }

    pub(super) const fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }

    /// An axis of a quantity from zero to at least `greatest`, in base units.
    pub(super) fn linear(greatest: f64, kind: Quantity, ticks: usize) -> Self {
        let measured = greatest > 0.0 && greatest.is_finite();
        // A share of a whole has no room above it.
        let whole = matches!(kind, Quantity::Share(_)) && greatest <= 1.0;
        // A little air, so that a line never lies on the upper edge.
        let greatest = if measured { greatest * 1.03 } else { smallest(kind) };
        let step = if matches!(kind, Quantity::Size(_)) {
            binary_step(greatest / ticks as f64)
        } else {
            round_step(greatest / ticks as f64)
        };
        let count = (greatest / step - 1e-9).ceil().max(1.0) as u32;
        let count = if whole { count.min((1.0 / step + 1e-9) as u32).max(1) } else { count };
        let tick = |index: u32| {
            let value = step * f64::from(index);
            (value, label(kind.with_base(value)))
        };
        Self {
            low: 0.0,
            high: step * f64::from(count),
            ticks: (0..=count).map(tick).collect(),
            logarithmic: false,
        }
    }

    /// A logarithmic axis of times that holds `least` to `greatest` seconds.
    pub(super) fn log_time(least: f64, greatest: f64) -> Self {
        let low = least.max(1e-9).log10().floor();
        let high = greatest.max(1e-9).log10().ceil().max(low + 1.0);
        let decades = (high - low) as i32;
        let steps: &[f64] = if decades <= 2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let mut ticks = vec![];
        for decade in 0..=decades {
            for step in steps {
                let value = step * 10_f64.powi(low as i32 + decade);
                if value.log10() <= high + 1e-9 {
                    ticks.push((value.log10(), label(Quantity::Time(Nanos::from_secs_f64(value)))));
                }
            }
        }
        Self { low, high, ticks, logarithmic: true }
    }

    /// The same, ending where the values do: for pictures without lines.
    pub(super) fn log_time_close(least: f64, greatest: f64) -> Self {
        let mut axis = Self::log_time(least, greatest);
        (axis.low, axis.high) = (least.max(1e-9).log10(), greatest.max(1e-9).log10());
        let fine = axis.high - axis.low < 2.0;
        if fine {
            // Within a power of ten or two, its 1, 2 and 5 are named as well.
            let from = axis.low.floor() as i32;
            let decades = from..=axis.high.ceil() as i32;
            let values =
                decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|step| step * 10_f64.powi(decade)));
            let tick =
                |value: f64| (value.log10(), label(Quantity::Time(Nanos::from_secs_f64(value))));
            axis.ticks = values.map(tick).collect();
        }
        axis.ticks.retain(|(at, _)| (axis.low..=axis.high).contains(at));
        axis
    }

    /// `count` ranges side by side, each one wide, with ticks of their own.
    pub(super) fn ranges(count: usize, ticks: Vec<(f64, String)>) -> Self {
        Self { low: 0.0, high: count.max(1) as f64, ticks, logarithmic: false }
    }

    /// Time since the run began: `30 s`, `10 min`, `2 h`.
    pub(super) fn run_time(seconds: f64, ticks: usize) -> Self {
        const STEPS: [u32; 16] =
            [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200];
        let seconds = seconds.max(1.0);
        let fits = |step: &f64| seconds / step <= ticks as f64;
        let known = STEPS.iter().map(|&step| f64::from(step)).find(fits);
        let step = known.unwrap_or_else(|| (seconds / ticks as f64 / 86_400.0).ceil() * 86_400.0);
        let count = (seconds / step) as u32;
        let tick = |index: u32| {
            let at = f64::from(index) * step;
            let (size, unit) = match step {
                ..60.0 => (1.0, "s"),
                ..3_600.0 => (60.0, "min"),
                ..86_400.0 => (3_600.0, "h"),
                _ => (86_400.0, "d"),
            };
            (at, format!("{} {unit}", at / size))
        };
        Self { low: 0.0, high: seconds, ticks: (0..=count).map(tick).collect(), logarithmic: false }
    }

    /// Shares of requests on a logarithmic scale of 1/(1 − q): 0 %, 90 %, 99 %, … up to one in `count`.
    pub(super) fn percentiles(count: u64) -> Self {
        const LABELS: [&str; 7] =
            ["0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %"];
        let high = (count.max(10) as f64).log10().min(6.0);
        let shown = LABELS.iter().take(high.floor() as usize + 1).enumerate();
        let mut ticks: Vec<(f64, String)> =
            shown.map(|(index, label)| (index as f64, (*label).to_owned())).collect();
        // Over many decades the median comes too close to the origin for two labels.
        let median = (2_f64.log10(), "50 %".to_owned());
        if high > 4.5 {
            ticks[0] = median;
        } else {
            ticks.insert(1, median);
        }
        Self { low: 0.0, high, ticks, logarithmic: false }
    }
}

fn smallest(kind: Quantity) -> f64 {
    match kind {
        Quantity::Time(_) => 0.001,
        Quantity::Share(_) => 0.01,
        Quantity::Size(_) => 1_024.0,
        Quantity::Rate(_) | Quantity::Count(_) | Quantity::Money(_) => 1.0,
    }
}

/// The next of 1, 2, 2.5, 5 times a power of ten.
fn round_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|step| step * power);
    steps.into_iter().find(|&step| step >= rough * (1.0 - 1e-9)).unwrap_or(rough)
}

/// The next power of two.
fn binary_step(rough: f64) -> f64 {
    2_f64.powf(rough.max(1.0).log2().ceil())
}

fn label(value: Quantity) -> String {
    match value {
        Quantity::Time(span) if span.is_zero() => "0".to_owned(),
        Quantity::Share(share) if share.get() == 0.0 => "0".to_owned(),
        Quantity::Size(size) if size.get() == 0 => "0".to_owned(),
        Quantity::Rate(rate) if rate.get() == 0.0 => "0".to_owned(),
        other => format::bound(other),
    }
}

/// Kinds of axes by name.
pub(super) const TIME: Quantity = Quantity::Time(Nanos::ZERO);
/// Events per second.
pub(super) const RATE: Quantity = Quantity::Rate(Rate::ZERO);
/// Plain numbers.
pub(super) const COUNT: Quantity = Quantity::Count(0.0);

/// The kind of a quantity with any value.
pub(super) fn kind_of(value: Quantity) -> Quantity {
    match value {
        Quantity::Share(_) => Quantity::Share(Ratio::new(0.0)),
        Quantity::Size(_) => Quantity::Size(Bytes::new(0)),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn every_tick_is_round_and_carries_its_unit() {
        assert_eq!(
            labels(&Axis::linear(0.173, TIME, 4)),
            ["0", "50 ms", "100 ms", "150 ms", "200 ms"]
        );
        assert_eq!(
            labels(&Axis::linear(0.0, RATE, 4)),
            ["0", "0.25 /s", "0.5 /s", "0.75 /s", "1 /s"]
        );
        assert_eq!(
            labels(&Axis::run_time(3_600.0, 6)),
            ["0 min", "10 min", "20 min", "30 min", "40 min", "50 min", "60 min"]
        );
        assert_eq!(labels(&Axis::percentiles(5_000)), ["0 %", "50 %", "90 %", "99 %", "99.9 %"]);
        assert_eq!(labels(&Axis::log_time(0.002, 0.4)), ["1 ms", "10 ms", "100 ms", "1 s"]);
    }

    #[test]
    fn values_without_measure_still_make_an_axis() {
        assert!(Axis::run_time(1.8e10, 6).ticks.len() < 12);
        for greatest in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
            let axis = Axis::linear(greatest, TIME, 4);
            assert!(axis.high > 0.0 && axis.ticks.len() < 12);
        }
    }
}
