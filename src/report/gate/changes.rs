//! What changed between two sides, and what did not: the order in which every format shows it.

use super::answer::{is_whole, weight};
use plimsoll_slo::gate::{GateComparison, GateRow};
use plimsoll_slo::regression::{DIFFERENCE_MIN, EffectScale, RegressionVerdict};

/// The rows of a comparison by what they came to, the largest change of a named step first.
#[derive(Debug, Default)]
pub(crate) struct ComparisonChanges<'a> {
    /// Got worse for certain.
    pub(crate) worse: Vec<&'a GateRow>,
    /// Undecided, and the verdict hangs on it.
    pub(crate) undecided: Vec<&'a GateRow>,
    /// Got better: by as much as counts for worse, and the whole interval says so.
    pub(crate) better: Vec<&'a GateRow>,
    /// Everything else, in the comparison's own order.
    pub(crate) same: Vec<&'a GateRow>,
}

impl<'a> ComparisonChanges<'a> {
    pub(crate) fn of(comparison: &'a GateComparison) -> Self {
        let mut changes = Self::default();
        for row in &comparison.rows {
            let of_kind = match row.regression.verdict {
                RegressionVerdict::Regressed => &mut changes.worse,
                _ if is_better(row, comparison.effect_min) => &mut changes.better,
                RegressionVerdict::NeedMoreRuns { .. } if row.decides => &mut changes.undecided,
                RegressionVerdict::NeedMoreRuns { .. } | RegressionVerdict::NotRegressed => {
                    &mut changes.same
                }
            };
            of_kind.push(row);
        }
        for rows in [&mut changes.worse, &mut changes.undecided, &mut changes.better] {
            let key = |row: &GateRow| (is_whole(row), -weight(row).abs());
            rows.sort_by(|a, b| {
                let ((a_whole, a_weight), (b_whole, b_weight)) = (key(a), key(b));
                a_whole.cmp(&b_whole).then(a_weight.total_cmp(&b_weight))
            });
        }
        changes
    }

    /// `2 metrics that decide, 11 for information`: what is not shown unless asked; nothing where all is shown.
    pub(crate) fn unchanged(&self) -> Option<String> {
        let deciding = self.same.iter().filter(|row| row.decides).count();
        let informing = self.same.len() - deciding;
        let metrics =
            |count| if count == 1 { "1 metric".into() } else { format!("{count} metrics") };
        let decide = |count| if count == 1 { "decides" } else { "decide" };
        match (deciding, informing) {
            (0, 0) => None,
            (0, some) => Some(format!("{} for information", metrics(some))),
            (some, 0) => Some(format!("{} that {}", metrics(some), decide(some))),
            (some, more) => {
                let decide = decide(some);
                Some(format!("{} that {decide}, {more} for information", metrics(some)))
            }
        }
    }
}

fn is_better(row: &GateRow, effect_min: f64) -> bool {
    let regression = &row.regression;
    let (Some(effect), Some((_, high))) = (regression.effect, regression.interval) else {
        return false;
    };
    match regression.scale {
        EffectScale::Ratio => high < 1.0 && effect < 1.0 / (1.0 + effect_min),
        EffectScale::Difference => high < 0.0 && effect < -DIFFERENCE_MIN,
    }
}
