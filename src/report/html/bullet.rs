//! Bullet graphs of the SLO table: where estimate and interval lie between nothing and the max.

use std::fmt::Write as _;

use serde::Serialize;

use crate::wording;
use plimsoll_metrics::Bound;
use plimsoll_slo::JudgedObjective;

/// Positions in per cent of the graph's width.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Bullet {
    /// The estimate.
    dot: f64,
    /// Where the interval begins, and how long it is.
    from: f64,
    length: f64,
    /// The target, if there is one.
    target: Option<f64>,
    /// The max, if there is one.
    limit: Option<f64>,
    /// The value lies to the right of the graph.
    beyond: bool,
}

/// The graph of an objective where lower is better, and which has an estimate and a bound.
///
/// Where higher is better (uptime 99.9 %), what matters lies within a hair of the right edge: no graph.
pub(super) fn of(judged: &JudgedObjective) -> Option<Bullet> {
    let objective = &judged.objective;
    let outermost = objective.limit.or(objective.target)?.base();
    if objective.bound == Bound::AtLeast || outermost <= 0.0 {
        return None;
    }
    let estimate = judged.estimate?.base();
    // The outermost bound stands at four fifths, so that a little excess can be seen.
    let place = |value: f64| (value / outermost * 80.0).clamp(0.0, 99.0);
    let rounded = |value: f64| (value * 10.0).round() / 10.0;
    let (low, high) =
        judged.interval.map_or((estimate, estimate), |(low, high)| (low.base(), high.base()));
    Some(Bullet {
        dot: rounded(place(estimate)),
        from: rounded(place(low)),
        length: rounded(place(high) - place(low)),
        target: objective.target.map(|target| rounded(place(target.base()))),
        limit: objective.limit.map(|limit| rounded(place(limit.base()))),
        beyond: estimate / outermost * 80.0 > 99.0,
    })
}

/// The graph as markup of our own; empty where there is none.
pub(super) fn svg(judged: &JudgedObjective) -> String {
    let Some(bullet) = of(judged) else { return String::new() };
    let key = wording::status_key(judged.status);
    let mut svg = format!(
        "<svg class=\"bullet b-{key}\" aria-hidden=\"true\"><rect class=\"rail\" y=\"10\" width=\"100%\" \
         height=\"2\"/>"
    );
    // Writing to a string cannot fail.
    for (class, at) in [("target", bullet.target), ("limit", bullet.limit)] {
        if let Some(at) = at {
            let _ = write!(
                svg,
                "<line class=\"{class}\" x1=\"{at}%\" x2=\"{at}%\" y1=\"2\" y2=\"20\"/>"
            );
        }
    }
    let Bullet { from, length, dot, .. } = bullet;
    let _ = write!(
        svg,
        "<rect class=\"span\" x=\"{from}%\" y=\"8\" width=\"{length}%\" height=\"6\" rx=\"3\"/>"
    );
    if bullet.beyond {
        svg.push_str("<svg class=\"dot\" x=\"92%\" y=\"4\" width=\"8%\" height=\"14\" viewBox=\"0 0 12 14\">");
        svg.push_str("<path d=\"M0 0 12 7 0 14z\"/></svg></svg>");
    } else {
        let _ = write!(svg, "<circle class=\"dot\" cx=\"{dot}%\" cy=\"11\" r=\"5\"/></svg>");
    }
    svg
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_fixture as fixture;
    use plimsoll_units::{Nanos, Quantity};

    #[test]
    fn bullet_puts_the_max_at_four_fifths_and_the_estimate_in_proportion() {
        let judged = &fixture::pass().objectives[0];
        let bullet = serde_json::to_value(of(judged)).expect("serializes");
        assert_eq!(bullet["limit"], 80.0);
        assert_eq!(bullet["target"], 32.0);
        assert_eq!(bullet["dot"], 25.8);
    }

    #[test]
    fn value_beyond_the_graph_is_an_arrow_and_no_dot_at_its_edge() {
        let mut judged = fixture::pass().objectives[0].clone();
        assert!(svg(&judged).contains("<circle") && !svg(&judged).contains("<path"));
        judged.estimate = Some(Quantity::Time(Nanos::from_secs(60)));
        assert!(!svg(&judged).contains("<circle") && svg(&judged).contains("<path"));
    }

    #[test]
    fn objective_without_estimate_has_no_bullet() {
        let (_, judgement) = fixture::empty();
        assert!(judgement.objectives.iter().all(|judged| of(judged).is_none()));
    }
}
