//! Workloads that follow a log: its whole time, its busiest day, its busiest minute.

use jiff::Timestamp;

use super::super::draft::stages;
use super::super::yaml::YamlEntry;
use super::arrivals::SecondCounts;
use plimsoll_units::Nanos;

/// The most stages that one workload has: a day by hours.
const STAGES: i64 = 24;
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Workloads of a log, and what they are worth knowing.
pub(super) fn workloads(counts: &SecondCounts) -> Vec<YamlEntry> {
    let (first, last) = counts.span();
    let span = last - first + 1;
    let whole = recorded(counts, (first, span));
    let mut found = vec![
        stages("smoke", &[("1 req/s".to_owned(), Nanos::from_secs(30))]),
        whole.with_comment("The rates of the log, over its whole time."),
    ];
    if span > DAY {
        let day = counts.busiest(DAY);
        let hours = counts.pieces(day.start, HOUR, STAGES as usize);
        let rates = hours.into_iter().map(|count| (count, HOUR));
        let comment = format!("The busiest 24 hours, from {}, hour by hour.", utc(day.start));
        found.push(stages("day", &told(rates)).with_comment(comment));
    }
    found.push(peak(counts, span));
    found
}

/// The rate of the busiest short window, held. A window that is too long hides what users met.
fn peak(counts: &SecondCounts, span: i64) -> YamlEntry {
    let length = match span {
        600.. => 60,
        60.. => 10,
        _ => (span / 10).max(1),
    };
    let (window, second) = (counts.busiest(length), counts.busiest(1));
    let total: u64 = counts.counted().map(|(_, count)| u64::from(count)).sum();
    let mean = total as f64 / span as f64;
    let comment = format!(
        "The busiest {} of the log, from {}, held: {} × its mean. Its busiest second had {} requests.",
        Nanos::from_secs(length as u64),
        utc(window.start),
        rounded(window.rate / mean),
        second.rate,
    );
    let rate = format!("{} req/s", rounded(window.rate));
    stages("peak", &[(rate, Nanos::from_secs(300))]).with_comment(comment)
}

/// The rates of the log as stages: at most two dozen, of a round length.
fn recorded(counts: &SecondCounts, (first, span): (i64, i64)) -> YamlEntry {
    const LENGTHS: [i64; 14] =
        [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, HOUR, 2 * HOUR, 6 * HOUR, DAY];
    let fits = |length: &&i64| span <= **length * STAGES;
    let length = LENGTHS.iter().find(fits).copied().unwrap_or(span / STAGES + 1);
    let pieces = (span - 1) / length + 1;
    let counts = counts.pieces(first, length, pieces as usize);
    let seconds = (0..pieces).map(|piece| length.min(span - piece * length));
    stages("recorded", &told(counts.into_iter().zip(seconds)))
}

/// Rates and times; neighbours of one rate are one stage.
fn told(pieces: impl Iterator<Item = (u64, i64)>) -> Vec<(String, Nanos)> {
    let mut told: Vec<(String, Nanos)> = vec![];
    for (count, seconds) in pieces {
        let rate = format!("{} req/s", rounded(count as f64 / seconds as f64));
        let time = Nanos::from_secs(seconds as u64);
        match told.last_mut() {
            Some((known, whole)) if *known == rate => *whole += time,
            _ => told.push((rate, time)),
        }
    }
    told
}

fn utc(second: i64) -> String {
    Timestamp::from_second(second).map_or_else(|_| second.to_string(), |at| at.to_string())
}

/// Three digits: more say nothing about tomorrow.
pub(super) fn rounded(rate: f64) -> f64 {
    if rate <= 0.0 {
        return 0.0;
    }
    let scale = 10_f64.powf(2.0 - rate.log10().floor());
    (rate * scale).round() / scale
}
