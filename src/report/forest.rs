//! Forest plots: of each change its estimate as a dot and its interval as a line, on a common scale with nothing in its
//! middle.

use std::fmt::Write as _;

use plimsoll_slo::regression::EffectScale;

/// One line of a plot.
#[derive(Debug, Clone, Copy)]
pub(super) struct ForestRow {
    /// The change: a ratio, or a difference.
    pub(super) effect: f64,
    /// Its 95 % interval, if there is one.
    pub(super) interval: Option<(f64, f64)>,
    pub(super) scale: EffectScale,
}

impl ForestRow {
    fn ends(self) -> [f64; 3] {
        let (low, high) = self.interval.unwrap_or((f64::NAN, f64::NAN));
        [self.effect, low, high].map(|end| place(end, self.scale))
    }
}

/// The widest change of times and of shares: each kind of rows has an axis of its own.
#[derive(Clone, Copy)]
pub(super) struct ForestScale {
    ratio: f64,
    difference: f64,
}

impl ForestScale {
    pub(super) fn of(rows: &[ForestRow]) -> Self {
        let widest = |scale: EffectScale, least: f64| {
            let of_scale = rows.iter().filter(|row| row.scale == scale);
            let ends = of_scale.flat_map(|row| row.ends()).filter(|end| end.is_finite());
            ends.fold(least, |widest, end| widest.max(end.abs()))
        };
        Self {
            // As wide as four times what counts; wider where something moved further.
            ratio: widest(EffectScale::Ratio, 0.2),
            difference: widest(EffectScale::Difference, 0.004),
        }
    }

    /// The estimate as a dot, its interval as a line, and the line of no change. Markup of our own.
    pub(super) fn plot(self, row: ForestRow) -> String {
        let widest = match row.scale {
            EffectScale::Ratio => self.ratio,
            EffectScale::Difference => self.difference,
        };
        let [effect, low, high] = row.ends().map(|end| 50.0 + end / widest * 46.0);
        let mut svg = "<svg class=\"forest\" aria-hidden=\"true\"><line class=\"sg\" x1=\"50%\" x2=\"50%\" y1=\"0\" \
                       y2=\"22\" stroke-width=\"1\"/>"
            .to_owned();
        // Writing to a string cannot fail.
        if low.is_finite() && high.is_finite() {
            let _ = write!(
                svg,
                "<line class=\"reach\" x1=\"{low:.1}%\" x2=\"{high:.1}%\" y1=\"11\" y2=\"11\"/>"
            );
        }
        if effect.is_finite() {
            let _ = write!(svg, "<circle class=\"dot\" cx=\"{effect:.1}%\" cy=\"11\" r=\"4.5\"/>");
        }
        svg.push_str("</svg>");
        svg
    }
}

/// A change with nothing at 0: of ratios the logarithm, so that twice and half are as far away.
fn place(effect: f64, scale: EffectScale) -> f64 {
    match scale {
        EffectScale::Ratio => effect.ln(),
        EffectScale::Difference => effect,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_and_half_are_as_far_from_no_change_and_nothing_leaves_the_picture() {
        let row = |effect: f64, interval| ForestRow { effect, interval, scale: EffectScale::Ratio };
        let rows = [row(2.0, Some((1.5, 4.0))), row(0.5, Some((0.25, 0.7)))];
        let scale = ForestScale::of(&rows);
        let [up, down] = rows.map(|row| scale.plot(row));
        assert!(up.contains("cx=\"73.0%\"") && up.contains("x2=\"96.0%\""), "{up}");
        assert!(down.contains("cx=\"27.0%\"") && down.contains("x1=\"4.0%\""), "{down}");
    }

    #[test]
    fn what_has_no_interval_has_a_dot_alone() {
        let row = ForestRow { effect: 0.0, interval: None, scale: EffectScale::Difference };
        let svg = ForestScale::of(&[row]).plot(row);
        assert!(svg.contains("cx=\"50.0%\"") && !svg.contains("reach"), "{svg}");
        let none_left = ForestRow { effect: 0.0, interval: None, scale: EffectScale::Ratio };
        assert!(!ForestScale::of(&[none_left]).plot(none_left).contains("circle"));
    }
}
