//! Whether logs are shards of one run: everything in which they differ, at once.

use std::collections::BTreeSet;

use crate::metrics::RunHeader;

use super::super::exit::{Exit, Failure};
use super::copies::{self, LogCopy};
use super::shard_log::ShardLog;

/// Sorts the logs by shard, leaves out `without` and copies, and refuses what is no whole of one run.
pub(super) fn sorted(mut logs: Vec<ShardLog>, without: &[u32]) -> Result<Vec<ShardLog>, Failure> {
    let mut problems = differences(&logs);
    logs.sort_by_key(|log| log.header.shard);
    logs.retain(|log| !without.contains(&(log.header.shard.0 + 1)));
    let mut kept: Vec<ShardLog> = vec![];
    for log in logs {
        let Some(last) = kept.last_mut().filter(|last| last.header.shard == log.header.shard)
        else {
            kept.push(log);
            continue;
        };
        match copies::compare(&last.path, &log.path) {
            Ok(LogCopy::FirstIsWhole) => {}
            Ok(LogCopy::SecondIsWhole) => *last = log,
            Ok(LogCopy::Unlike) | Err(_) => problems.push(format!(
                "`{}` and `{}` are both shard {}",
                last.path.display(),
                log.path.display(),
                log.header.shard.0 + 1
            )),
        }
    }
    problems.extend(missing(&kept, without));
    if problems.is_empty() {
        return Ok(kept);
    }
    let told: Vec<String> = problems.iter().map(|problem| format!("error: {problem}")).collect();
    Err(Failure::new(Exit::Usage, format!("{}\nnothing was written", told.join("\n"))))
}

/// The shards that are neither there nor left out on purpose.
fn missing(logs: &[ShardLog], without: &[u32]) -> Option<String> {
    let count = logs.first()?.header.shard.1;
    let there: BTreeSet<u32> = logs.iter().map(|log| log.header.shard.0 + 1).collect();
    let missing: Vec<String> = (1..=count)
        .filter(|number| !there.contains(number) && !without.contains(number))
        .map(|number| number.to_string())
        .collect();
    if missing.is_empty() {
        return None;
    }
    let list = missing.join(",");
    Some(format!(
        "of {count} shards, {} are missing: {list}\nhint: `--without {list}` merges the others, as suspect",
        missing.len()
    ))
}

/// In what the logs differ from the first of them.
fn differences(logs: &[ShardLog]) -> Vec<String> {
    let Some((first, others)) = logs.split_first() else { return vec![] };
    let mut found = vec![];
    for other in others {
        let facts = facts(&first.header).into_iter().zip(facts(&other.header));
        for ((name, one), (_, another)) in facts.filter(|((_, one), (_, other))| one != other) {
            let place = other.path.display();
            found.push(format!("`{place}` has another {name}: {another}, not {one}"));
        }
    }
    found
}

/// All that shards of one run have in common, in words.
pub(in crate::app) fn facts(header: &RunHeader) -> Vec<(&'static str, String)> {
    vec![
        ("version", header.version.clone()),
        ("system", header.name.clone()),
        ("workload", header.workload.clone()),
        ("target", header.target.clone()),
        ("scenario hash", header.scenario_hash.clone()),
        ("seed", header.seed.to_string()),
        ("number of shards", header.shard.1.to_string()),
        ("load model", format!("{:?}", header.model)),
        ("law of arrivals", format!("{:?}, exact: {}", header.arrivals, header.exact_arrivals)),
        ("list of stages", format!("{:?}", header.stages)),
        ("list of steps", format!("{:?}", header.steps)),
        ("list of scenarios", format!("{:?}", header.scenarios)),
        ("SLO table", format!("{:?}", header.objectives)),
        ("`max_vus`", header.max_vus.to_string()),
        ("split", format!("{:?}", header.split)),
    ]
}
