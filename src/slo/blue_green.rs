//! Two targets under the same arrivals: is green worse than blue?
//!
//! Both sides are measured within the same seconds, so what disturbs both (a noisy neighbour, a slow
//! database behind them) belongs to neither. Each share of the arrivals is judged by itself: a green that
//! does well with one arrival in a hundred has shown nothing about half of them.

mod contrast;
mod watch;

pub use contrast::{Contrast, ContrastBasis, ContrastRow, GreenVerdict, SideValue};
pub use watch::{GreenFailing, GreenWatch};

use super::window::judged_spans;
use contrast::SideSeconds;
use plimsoll_metrics::{
    Answers, Interval, Measure, Objective, RunLog, Scope, Side, SideInterval, SplitPart,
    StopReason, Tally,
};
use plimsoll_units::{Nanos, RunTime};

/// A run that was split over two targets, share by share.
#[derive(Debug, Clone)]
pub struct BlueGreen {
    /// Blue's URL.
    pub blue: String,
    /// Green's URL.
    pub green: String,
    /// Whether both played every arrival.
    pub duet: bool,
    /// Requests that ended in the whole run, ramps and drain included, blue's and green's.
    pub requests: [u64; 2],
    /// The judged parts, in order.
    pub shares: Vec<ShareResult>,
}

/// What came of one share.
#[derive(Debug, Clone)]
pub struct ShareResult {
    /// Green's share, and when.
    pub part: SplitPart,
    /// How long the judged seconds in it are.
    pub span: Nanos,
    /// Blue's and green's figures over these seconds.
    pub sides: [Tally; 2],
    /// Green held against blue; none where either has not had a single request.
    pub contrast: Option<Contrast>,
}

/// What a split run came to; `None` of any other. Pure: the same log gives the same answer.
///
/// All judged seconds count, a warm-up too: it could swallow the first shares of a canary, and both sides have it.
pub fn blue_green(log: &RunLog) -> Option<BlueGreen> {
    let split = log.header.split.as_ref()?;
    let judged = judged_spans(log);
    let parts: Vec<PartSeconds<'_>> = (0..split.parts.len())
        .map(|index| PartSeconds::of(log, &judged, (index as u16, split.parts[index])))
        .collect();
    let shares = (0..parts.len()).filter(|&at| !parts[at].seconds.is_empty());
    Some(BlueGreen {
        blue: log.header.target.clone(),
        green: split.green.clone(),
        duet: split.duet,
        requests: Side::ALL.map(|side| {
            let all = log.intervals.iter().flat_map(|interval| &interval.sides);
            all.filter(|found| found.side == side).map(|found| found.requests).sum()
        }),
        shares: shares
            .map(|at| share_result(&parts, at, (split.duet, &log.header.objectives)))
            .collect(),
    })
}

fn share_result(
    parts: &[PartSeconds<'_>],
    at: usize,
    (duet, objectives): (bool, &[Objective]),
) -> ShareResult {
    let own = &parts[at];
    let answers = |p: f64| answers_of(objectives, p);
    let sides = Side::ALL.map(|side| {
        let mut totals = Tally::default();
        own.of_side(side).into_iter().flatten().for_each(|found| totals.add_side(found));
        totals
    });
    let green = own.of_side(Side::Green);
    let contrast = if sides[1].counts.requests == 0 {
        None
    } else if sides[0].counts.requests > 0 {
        let against = if duet { ContrastBasis::Pairs } else { ContrastBasis::SameSeconds };
        Some(Contrast::of([&own.of_side(Side::Blue), &green], against, answers))
    } else {
        // All go to green now: what blue did before is all there is to hold it against.
        let before: SideSeconds<'_> =
            parts[..at].iter().flat_map(|part| part.of_side(Side::Blue)).collect();
        let any = before.iter().flatten().any(|found| found.requests > 0);
        any.then(|| Contrast::of([&before, &green], ContrastBasis::Before, answers))
    };
    ShareResult { part: own.part, span: own.span, sides, contrast }
}

/// The judged seconds of one part of the run.
struct PartSeconds<'a> {
    part: SplitPart,
    span: Nanos,
    /// Both sides together; answers that came after the part belong to its last second.
    seconds: SideSeconds<'a>,
}

impl<'a> PartSeconds<'a> {
    fn of(log: &'a RunLog, judged: &[(RunTime, RunTime)], (index, part): (u16, SplitPart)) -> Self {
        let middle = |interval: &Interval| interval.start + Nanos::new(interval.length().get() / 2);
        let own = |interval: &'a Interval| -> Vec<&'a SideInterval> {
            interval.sides.iter().filter(|side| side.part == index).collect()
        };
        let within = log.intervals.iter().filter(|interval| {
            let at = middle(interval);
            let is_judged = judged.iter().any(|&(from, until)| (from..until).contains(&at));
            is_judged && (part.from..part.until).contains(&at)
        });
        let mut span = Nanos::ZERO;
        let mut seconds: SideSeconds<'a> = Vec::new();
        for interval in within {
            span += interval.length();
            seconds.push(own(interval));
        }
        if let Some(last) = seconds.last_mut() {
            let stopped = log.end.is_none_or(|end| end.reason != StopReason::Finished);
            let judged_until = judged.last().map_or(part.until, |span| span.1);
            let until = if stopped { part.until.min(judged_until) } else { part.until };
            let late = log.intervals.iter().filter(|interval| middle(interval) >= until);
            last.extend(late.flat_map(own));
        }
        Self { part, span, seconds }
    }

    fn of_side(&self, side: Side) -> SideSeconds<'a> {
        let of = |second: &Vec<&'a SideInterval>| {
            second.iter().copied().filter(|found| found.side == side).collect()
        };
        self.seconds.iter().map(of).collect()
    }
}

/// Whose times the quantile `p` of a side speaks of: of those that the SLO table asks for in its row on the whole run.
fn answers_of(objectives: &[Objective], p: f64) -> Answers {
    let is_meant = |row: &&Objective| {
        let same = matches!(row.measure, Measure::ResponseTime(of) if (of - p).abs() < 1e-9);
        same && row.scope == Scope::Run
    };
    objectives.iter().find(is_meant).map_or_else(Answers::default, |row| row.of)
}

#[cfg(test)]
mod tests;
