//! Whether a run that was merged from shards has all of them, each measured well.

use super::super::{Finding, ValidityTest};
use plimsoll_metrics::RunHeader;

/// Whether a merged run has all its shards, and each of them was measured well.
pub(super) fn finding(header: &RunHeader) -> Finding {
    const TEST: ValidityTest = ValidityTest::Shards;
    let merged = header.shards.len();
    let doubts =
        header.shards.iter().filter_map(|shard| Some((shard.number, shard.doubt.as_ref()?)));
    let doubts: Vec<(u32, &String)> = doubts.collect();
    let left_out: Vec<String> = header.without.iter().map(u32::to_string).collect();
    let rest = format!(
        "without {} of {} shards ({}): their requests are not counted",
        left_out.len(),
        merged + left_out.len(),
        left_out.join(", ")
    );
    match (doubts.first(), left_out.is_empty()) {
        (Some((number, doubt)), whole) => {
            let more = match doubts.len() - 1 {
                0 => String::new(),
                more => format!("; {more} more shards are in doubt"),
            };
            let rest = if whole { String::new() } else { format!("; {rest}") };
            Finding::not_valid(TEST, format!("shard {number}: {doubt}{more}{rest}"))
        }
        (None, true) => Finding::valid(TEST, format!("all {merged} shards were on time")),
        (None, false) => Finding::suspect(TEST, rest),
    }
}
