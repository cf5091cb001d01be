//! The agents of a merged run: what each of them offered, and how well it measured.
//!
//! Agents play parts of the same load by chance, so their response times should be alike. One that differs stands in
//! another zone, or on a bad machine.

use serde::Serialize;
use serde_json::{Value, json};

use super::format;
use super::model::Report;
use plimsoll_metrics::ShardSummary;
use plimsoll_units::{Nanos, Ratio, RunTime};

/// What the columns are called; all but the first hold figures.
pub const HEADS: [&str; 9] = [
    "agent",
    "arrivals",
    "requests",
    "errors",
    "p95",
    "against others",
    "lag p99",
    "CPU",
    "clock error",
];

/// Of fewer agents nobody can tell which one is unlike the others.
const AGENTS_MIN: usize = 5;
/// So many median absolute deviations away, an agent is unlike the others.
const DEVIATIONS: f64 = 3.0;
/// MAD → standard deviation of a normal distribution.
const MAD_SCALE: f64 = 1.4826;
/// Nobody minds a difference below this, however alike the others are.
const DIFFERENCE_MIN: f64 = 0.05;

/// One agent.
#[derive(Debug, Clone, Serialize)]
pub struct AgentRow {
    /// A text for each of [`HEADS`].
    pub cells: Vec<String>,
    /// Why its measurement cannot be trusted, or in what it is unlike the others; mostly empty.
    pub note: String,
    /// Whether its measurement cannot be trusted.
    pub is_doubted: bool,
}

/// How an agent's 95th percentile stands against the others'.
#[derive(Debug, Clone, Copy, PartialEq)]
struct AgentContrast {
    /// 0.1: 10 % above the median of the others.
    difference: f64,
    is_unlike: bool,
}

/// At most `most` agents: those with a note before all others, then by number. Says how many are not among them.
pub fn rows(report: &Report, most: usize) -> (Vec<AgentRow>, usize) {
    let shards = &report.header.shards;
    let mut rows: Vec<AgentRow> = shards
        .iter()
        .zip(contrasts(shards))
        .map(|(shard, contrast)| row(shard, contrast))
        .collect();
    let left = rows.len().saturating_sub(most);
    if left > 0 {
        // The sort is stable, so numbers stay in order.
        rows.sort_by_key(|row| row.note.is_empty());
        rows.truncate(most);
    }
    (rows, left)
}

/// What is said below a table that does not show all.
pub fn others(left: usize) -> Option<String> {
    (left > 0).then(|| {
        format!("{} more agents, of which there is nothing to tell", format::count(left as u64))
    })
}

fn row(shard: &ShardSummary, contrast: Option<AgentContrast>) -> AgentRow {
    let unlike = contrast.filter(|it| it.is_unlike).map(|contrast| {
        format!(
            "p95 is {} the others': another zone, or a bad machine",
            if contrast.difference > 0.0 { "above" } else { "below" }
        )
    });
    AgentRow {
        cells: vec![
            shard.number.to_string(),
            format::count(shard.intended),
            format::count(shard.requests),
            format::count(shard.failed),
            format::time(shard.response_time_p95),
            contrast.map_or("–".to_owned(), |it| format!("{:+.0} %", it.difference * 100.0)),
            format::time(shard.schedule_lag_p99),
            format::share(shard.worker_cpu),
            shard
                .clock_error
                .map_or("–".to_owned(), |error| format!("± {}", format::time(error))),
        ],
        is_doubted: doubt(shard).is_some(),
        note: doubt(shard).or(unlike).unwrap_or_default(),
    }
}

/// Why an agent's measurement cannot be trusted, or not all of it.
fn doubt(shard: &ShardSummary) -> Option<String> {
    shard.doubt.clone().or_else(|| {
        let absences: Vec<String> = shard.absences.iter().map(ToString::to_string).collect();
        (!absences.is_empty()).then(|| absences.join("; "))
    })
}

/// For each agent, how it stands against the others; `None` where nothing was measured.
fn contrasts(shards: &[ShardSummary]) -> Vec<Option<AgentContrast>> {
    let of = |shard: &ShardSummary| shard.response_time_p95.get() as f64;
    let mut sorted: Vec<f64> = shards.iter().map(of).filter(|p95| *p95 > 0.0).collect();
    sorted.sort_by(f64::total_cmp);
    let middle = median(&sorted, None);
    let mut deviations: Vec<f64> = sorted.iter().map(|p95| (p95 - middle).abs()).collect();
    deviations.sort_by(f64::total_cmp);
    let allowed = DEVIATIONS * MAD_SCALE * median(&deviations, None);
    let contrast = |shard| {
        let p95 = of(shard);
        let at = sorted.iter().position(|known| *known >= p95).filter(|_| p95 > 0.0)?;
        let others = (sorted.len() > 1).then(|| median(&sorted, Some(at)))?;
        let difference = p95 / others - 1.0;
        let is_unlike = sorted.len() >= AGENTS_MIN
            && (p95 - middle).abs() > allowed
            && difference.abs() > DIFFERENCE_MIN;
        Some(AgentContrast { difference, is_unlike })
    };
    shards.iter().map(contrast).collect()
}

/// The median of ascending values, but for the one at `without`; zero if there is none.
fn median(sorted: &[f64], without: Option<usize>) -> f64 {
    let count = sorted.len() - usize::from(without.is_some());
    let at = |index: usize| {
        let skipped = usize::from(without.is_some_and(|without| index >= without));
        sorted.get(index + skipped).copied().unwrap_or(0.0)
    };
    if count == 0 { 0.0 } else { f64::midpoint(at((count - 1) / 2), at(count / 2)) }
}

/// All agents for machines.
pub(super) fn value(report: &Report) -> Vec<Value> {
    let shards = &report.header.shards;
    let ms = |time: Nanos| (time.as_millis_f64() * 1e3).round() / 1e3;
    let share = |ratio: Ratio| (ratio.get() * 1e6).round() / 1e6;
    let agent = |(shard, contrast): (&ShardSummary, Option<AgentContrast>)| {
        let seconds = |at: RunTime| at.since(RunTime::ZERO).as_secs_f64();
        let absences = shard.absences.iter().map(
            |absence| json!({ "from_s": seconds(absence.from), "to_s": absence.to.map(seconds) }),
        );
        json!({
            "number": shard.number,
            "started_utc": shard.started_utc,
            "workers": shard.workers,
            "arrivals": shard.intended,
            "requests": shard.requests,
            "failed": shard.failed,
            "response_time_p95_ms": ms(shard.response_time_p95),
            "against_others": contrast.map(|it| (it.difference * 1e6).round() / 1e6),
            "is_unlike_others": contrast.map(|it| it.is_unlike),
            "schedule_lag_p99_ms": ms(shard.schedule_lag_p99),
            "worker_cpu": share(shard.worker_cpu),
            "clock_error_ms": shard.clock_error.map(ms),
            "doubt": doubt(shard),
            "absences": absences.collect::<Vec<Value>>(),
            "missed_arrivals": shard.missed,
        })
    };
    shards.iter().zip(contrasts(shards)).map(agent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(number: u32, p95_us: u64) -> ShardSummary {
        ShardSummary {
            number,
            started_utc: "2026-05-04T09:30:00Z".to_owned(),
            workers: 1,
            intended: 100,
            requests: 200,
            failed: 3,
            schedule_lag_p99: Nanos::from_micros(50),
            worker_cpu: Ratio::new(0.25),
            response_time_p95: Nanos::from_micros(p95_us),
            clock_error: Some(Nanos::from_micros(300)),
            doubt: None,
            absences: vec![],
            missed: 0,
            open: 0,
        }
    }

    fn unlike(p95s: &[u64]) -> Vec<u32> {
        let shards: Vec<ShardSummary> =
            (1..).zip(p95s).map(|(number, p95)| shard(number, *p95)).collect();
        let all = shards.iter().zip(contrasts(&shards));
        let unlike = all.filter(|(_, contrast)| contrast.is_some_and(|it| it.is_unlike));
        unlike.map(|(shard, _)| shard.number).collect()
    }

    #[test]
    fn agent_unlike_the_others_is_told_where_there_are_enough() {
        assert_eq!(unlike(&[10_000, 10_100, 9_900, 10_050, 14_000, 10_020]), [5]);
        assert_eq!(unlike(&[10_000, 10_100, 7_000, 10_050, 10_010, 10_020]), [3]);
        // A twentieth more is nothing, however alike the others are.
        assert_eq!(unlike(&[10_000, 10_000, 10_000, 10_000, 10_400, 10_000]), [0; 0]);
        // Of three nobody knows which is right.
        assert_eq!(unlike(&[10_000, 10_000, 20_000]), [0; 0]);
        // One that measured nothing has no percentile to be unlike.
        assert_eq!(unlike(&[10_000, 10_100, 9_900, 10_050, 0, 10_020]), [0; 0]);
    }

    #[test]
    fn agent_is_held_against_the_median_of_the_others() {
        let shards = [shard(1, 100), shard(2, 100), shard(3, 150)];
        let found: Vec<f64> =
            contrasts(&shards).into_iter().flatten().map(|it| it.difference).collect();
        for (found, expected) in found.iter().zip([-0.2, -0.2, 0.5]) {
            assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
        }
        assert_eq!(contrasts(&[shard(1, 100)]), [None]);
        assert_eq!(contrasts(&[]), []);
    }
}
