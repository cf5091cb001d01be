//! The stages of a workload that follows a log.

use crate::units::Nanos;

use super::super::draft::stages;
use super::super::yaml::YamlEntry;
use super::line::LoggedRequest;

/// The rates of the log as stages: at most two dozen, of a round length.
pub(super) fn recorded_stages(kept: &[(&LoggedRequest, usize)]) -> (YamlEntry, f64) {
    const LENGTHS: [i64; 14] =
        [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 86_400];
    const STAGES: i64 = 24;
    let second = |at: Option<&(&LoggedRequest, usize)>| at.map_or(0, |(hit, _)| hit.at.as_second());
    let (first, last) = (second(kept.first()), second(kept.last()));
    let span = last - first + 1;
    let fits = |length: &&i64| span <= **length * STAGES;
    let length = LENGTHS.iter().find(fits).copied().unwrap_or(span / STAGES + 1);
    let mut counts = vec![0_u64; (span - 1) as usize / length as usize + 1];
    for (hit, _) in kept {
        counts[(hit.at.as_second() - first) as usize / length as usize] += 1;
    }
    let mut told: Vec<(String, Nanos)> = vec![];
    let mut peak = 0.0_f64;
    for (index, count) in counts.iter().enumerate() {
        let seconds = length.min(span - i64::try_from(index).unwrap_or(0) * length);
        let rate = *count as f64 / seconds as f64;
        // A last stage that was cut short says little about the busiest time.
        if seconds == length || counts.len() == 1 {
            peak = peak.max(rate);
        }
        let (rate, time) = (format!("{} req/s", rounded(rate)), Nanos::from_secs(seconds as u64));
        match told.last_mut() {
            Some((known, whole)) if *known == rate => *whole += time,
            _ => told.push((rate, time)),
        }
    }
    (stages("recorded", &told), peak)
}

/// Three digits: more say nothing about tomorrow.
pub(super) fn rounded(rate: f64) -> f64 {
    if rate <= 0.0 {
        return 0.0;
    }
    let scale = 10_f64.powf(2.0 - rate.log10().floor());
    (rate * scale).round() / scale
}
