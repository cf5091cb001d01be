//! Values as a row of bars, an eighth of a line each.

/// From the lowest to the highest.
pub const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Values as bars, the greatest of them full and zero the lowest; a gap where there is none.
pub fn bars_from_zero(values: impl Iterator<Item = Option<f64>> + Clone) -> String {
    let finite = values.map(|value| value.filter(|value| value.is_finite()));
    let greatest = finite.clone().flatten().fold(0.0, f64::max);
    let bar = |value: Option<f64>| {
        let Some(value) = value else { return ' ' };
        let share = if greatest > 0.0 { value / greatest } else { 0.0 };
        BARS[((share * 7.0).round().clamp(0.0, 7.0)) as usize]
    };
    finite.map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_begin_at_zero_and_gaps_stay_gaps() {
        let values = [Some(0.0), Some(1.0), None, Some(7.0), Some(f64::NAN)];
        assert_eq!(bars_from_zero(values.into_iter()), "▁▂ █ ");
        assert_eq!(bars_from_zero([Some(0.0); 2].into_iter()), "▁▁");
    }
}
