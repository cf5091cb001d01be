//! The logs side by side, second by second.

use crate::metrics::{Event, EventKind, Interval, RunEnd, RunLine, StopReason};
use crate::units::RunTime;

use super::super::exit::{Exit, Failure};
use super::shard_log::ShardLog;

const SECOND: u64 = 1_000_000_000;

/// Hands on all lines between the first and the last one.
pub(super) fn lines(
    logs: &mut [ShardLog],
    write: &mut (impl FnMut(&RunLine) -> Result<(), Failure> + ?Sized),
) -> Result<(), Failure> {
    let mut others = vec![];
    let mut orders = vec![];
    let mut reached = RunTime::ZERO;
    for log in logs.iter_mut() {
        log.advance(&mut others)?;
    }
    hand_on(&mut others, &mut orders, write)?;
    // The last part of a shard ends within a second, and goes with it.
    let second_of = |interval: &Interval| interval.end.get().div_ceil(SECOND);
    while let Some(second) = logs.iter().filter_map(|log| log.next().map(second_of)).min() {
        let mut merged: Option<Interval> = None;
        for log in logs.iter_mut() {
            while log.next().is_some_and(|next| second_of(next) == second) {
                let Some(interval) = log.advance(&mut others)? else { break };
                match &mut merged {
                    Some(merged) => add(merged, &interval, log)?,
                    None => merged = Some(interval),
                }
            }
        }
        if let Some(mut interval) = merged {
            interval.start = interval.start.max(reached).min(interval.end);
            reached = interval.end;
            write(&RunLine::Interval(interval))?;
        }
        // What stood behind a second stands behind it again: a run that is merged once more is the same run.
        hand_on(&mut others, &mut orders, write)?;
    }
    Ok(())
}

/// Hands on the lines beside the seconds, each order once.
fn hand_on(
    others: &mut Vec<RunLine>,
    orders: &mut Vec<Event>,
    write: &mut (impl FnMut(&RunLine) -> Result<(), Failure> + ?Sized),
) -> Result<(), Failure> {
    others.drain(..).filter(|other| is_new(other, orders)).try_for_each(|other| write(&other))
}

/// Whether a line says what no shard has said before: all of them carry out the same order at the same moment.
fn is_new(line: &RunLine, orders: &mut Vec<Event>) -> bool {
    let RunLine::Event(event) = line else { return true };
    let Event { kind: EventKind::Steered(_) | EventKind::Aborted(_), .. } = event else {
        return true;
    };
    let is_known = orders.contains(event);
    if !is_known {
        orders.push(event.clone());
    }
    !is_known
}

/// Adds a second of one shard to that of the others.
fn add(merged: &mut Interval, interval: &Interval, log: &ShardLog) -> Result<(), Failure> {
    merged.merge(interval);
    if merged.is_possible() {
        return Ok(());
    }
    let why = "counts more than any run has, together with the others";
    Err(Failure::new(Exit::Usage, format!("error: `{}` {why}", log.path.display())))
}

/// How all of them ended: as the worst did. One that was cut off says nothing of the others, and was absent from there on;
/// none where all were.
pub(super) fn end_of(logs: &[ShardLog]) -> Option<RunEnd> {
    let ends: Vec<RunEnd> = logs.iter().filter_map(|log| log.end).collect();
    let has = |reason| ends.iter().any(|end| end.reason == reason);
    let worst_first = [StopReason::Aborted, StopReason::Interrupted, StopReason::UsedUp];
    let reason = worst_first.into_iter().find(|it| has(*it));
    let at = ends.iter().map(|end| end.at).max()?;
    Some(RunEnd { at, reason: reason.unwrap_or(StopReason::Finished) })
}
