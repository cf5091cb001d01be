//! Whether a run that was merged from shards has all of them, each measured well.

use super::super::absent::AbsentTime;
use super::super::{Finding, ValidityTest};
use super::words::percent;
use plimsoll_metrics::{RunHeader, RunLog};

/// Whether a merged run has all its shards, each of them was measured well, and was there while it was judged.
pub(super) fn finding(log: &RunLog) -> Finding {
    const TEST: ValidityTest = ValidityTest::Shards;
    let header = &log.header;
    let doubts =
        header.shards.iter().filter_map(|shard| Some((shard.number, shard.doubt.clone()?)));
    let absent = AbsentTime::of(log);
    let absences = absences(header);
    let mut doubts: Vec<(u32, String)> = doubts.collect();
    if !absent.can_be_cut() {
        let lacking = format!(
            "; {:.0} s of the judged time ({}) are without it, too much to be cut",
            absent.length.as_secs_f64(),
            percent(absent.share)
        );
        doubts.extend(absences.iter().map(|(number, why)| (*number, format!("{why}{lacking}"))));
    }
    let left_out = left_out(header);
    match (doubts.first(), left_out) {
        (Some((number, doubt)), left_out) => {
            let more = match doubts.len() - 1 {
                0 => String::new(),
                more => format!("; {more} more shards are in doubt"),
            };
            let rest = left_out.map_or_else(String::new, |left_out| format!("; {left_out}"));
            Finding::not_valid(TEST, format!("shard {number}: {doubt}{more}{rest}"))
        }
        (None, Some(left_out)) => Finding::suspect(TEST, left_out),
        (None, None) => Finding::valid(TEST, on_time(header, &absent, &absences)),
    }
}

fn on_time(header: &RunHeader, absent: &AbsentTime, absences: &[(u32, String)]) -> String {
    let merged = header.shards.len();
    let Some((number, why)) = absences.first() else {
        return format!("all {merged} shards were on time");
    };
    let missed: u64 = header.shards.iter().map(|shard| shard.missed).sum();
    let more = match absences.len() - 1 {
        0 => String::new(),
        more => format!("; {more} more such stretches"),
    };
    let lost =
        if missed > 0 { format!("; {missed} arrivals were not played") } else { String::new() };
    format!(
        "all {merged} shards were on time but in {:.0} s ({}) that are not judged: shard {number}: {why}{more}{lost}",
        absent.length.as_secs_f64(),
        percent(absent.share)
    )
}

/// Each stretch in which a shard was absent.
fn absences(header: &RunHeader) -> Vec<(u32, String)> {
    let shards = header.shards.iter();
    shards
        .flat_map(|shard| shard.absences.iter().map(|it| (shard.number, it.to_string())))
        .collect()
}

/// Shards that were left out on purpose.
fn left_out(header: &RunHeader) -> Option<String> {
    let numbers: Vec<String> = header.without.iter().map(u32::to_string).collect();
    (!numbers.is_empty()).then(|| {
        format!(
            "without {} of {} shards ({}): their requests are not counted",
            numbers.len(),
            header.shards.len() + numbers.len(),
            numbers.join(", ")
        )
    })
}
