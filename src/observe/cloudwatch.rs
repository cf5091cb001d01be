//! Pages of exporters of `CloudWatch`, whose values are about minutes that are over.
//!
//! A value comes minutes after its time, and stands on the page until the next one comes. So each is taken once, under the
//! time that the page gives with it, and reported at the end of the run in the middle of its own minute. Values without a
//! time could be of any minute: they are refused.

use std::collections::BTreeMap;

use plimsoll_metrics::Reading;
use plimsoll_units::{Nanos, RunTime};

use super::error::ObserveError;
use super::exposition::TimedSeries;
use super::mapping::{Mapping, ReadingSubject};
use super::series::{MetricSeries, Scrape, ScrapeWindow};

/// What all names of these exporters' series about a cloud begin with.
const PREFIX: &str = "aws_";
/// The length of what a value is about, milliseconds.
const MINUTE: i64 = 60_000;
/// Minutes that are kept: two days.
const MINUTES_MAX: usize = 2 * 24 * 60;

/// The values of minutes, by the Unix time in milliseconds at which each began.
#[derive(Debug, Default)]
pub(super) struct CloudMinutes(BTreeMap<i64, Vec<MetricSeries>>);

impl CloudMinutes {
    /// Takes what is new on a page.
    ///
    /// # Errors
    /// Where there are values and none has a time.
    pub(super) fn take(&mut self, page: Vec<TimedSeries>) -> Result<(), ObserveError> {
        let of_cloud = |one: &TimedSeries| {
            one.series.name.starts_with(PREFIX) && !one.series.name.ends_with("_info")
        };
        let (mut timed, mut seen) = (0_usize, 0_usize);
        for TimedSeries { series, at_ms } in page.into_iter().filter(of_cloud) {
            seen += 1;
            let Some(at) = at_ms else { continue };
            timed += 1;
            let minute = self.0.entry(at).or_default();
            let known = minute
                .iter()
                .any(|known| known.name == series.name && known.labels == series.labels);
            if !known {
                minute.push(series);
            }
        }
        while self.0.len() > MINUTES_MAX {
            self.0.pop_first();
        }
        if seen > 0 && timed == 0 { Err(ObserveError::Untimed) } else { Ok(()) }
    }

    /// The readings of all minutes that lie within a run which began at `began` (Unix time, milliseconds) and ended at
    /// `end`, each in the middle of its minute.
    pub(super) fn readings(
        &self,
        (subject, mappings): (&ReadingSubject, &[Mapping]),
        began: u64,
        end: RunTime,
    ) -> Vec<(RunTime, Vec<Reading>)> {
        let within = self.0.iter().filter_map(|(&minute, series)| {
            let into_run = u64::try_from(minute - i64::try_from(began).ok()?).ok()?;
            let at = RunTime::ZERO + Nanos::from_millis(into_run);
            (at + Nanos::from_millis(MINUTE as u64) <= end)
                .then(|| (at + Nanos::from_millis(MINUTE as u64 / 2), series))
        });
        let readings = within.map(|(at, series)| {
            let now = Scrape { at, series: series.clone() };
            let mut readings = subject.readings(mappings, ScrapeWindow { before: None, now: &now });
            readings.retain(|reading| reading.value.is_some());
            (at, readings)
        });
        readings.filter(|(_, readings)| !readings.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::parse_timed;
    use crate::presets::cloudwatch;
    use plimsoll_units::Quantity;

    fn database() -> ReadingSubject {
        ReadingSubject { tier: "db".into(), replica: String::new(), replica_label: None }
    }

    /// As `cloudwatch_exporter` prints a database: a comma behind the last label, a time behind the value.
    fn page(minute: i64, cpu: f64) -> String {
        let labels = "{job=\"aws_rds\",instance=\"\",dbinstance_identifier=\"orders\",}";
        format!(
            "# HELP aws_rds_cpuutilization_average CloudWatch metric AWS/RDS CPUUtilization\n\
             # TYPE aws_rds_cpuutilization_average gauge\n\
             aws_rds_cpuutilization_average{labels} {cpu} {minute}\n\
             aws_rds_database_connections_maximum{labels} 40.0 {minute}\n\
             cloudwatch_exporter_scrape_duration_seconds 0.25\n"
        )
    }

    fn taken(minutes: &mut CloudMinutes, page: &str) -> Result<(), ObserveError> {
        minutes.take(parse_timed(page).expect("a page"))
    }

    #[test]
    fn value_counts_once_and_in_the_middle_of_its_own_minute() {
        let (mut minutes, began) = (CloudMinutes::default(), 1_600_000_020_000);
        // The minute in which the run began, one within it (twice on the page), and one that it did not see the end of.
        let starts = [began - 20_000, began + 40_000, began + 40_000, began + 100_000];
        for (start, cpu) in starts.into_iter().zip([90.0, 25.0, 99.0, 90.0]) {
            taken(&mut minutes, &page(start, cpu)).expect("values with times");
        }
        let mappings = cloudwatch::database();
        let end = RunTime::ZERO + Nanos::from_secs(150);
        let told = minutes.readings((&database(), &mappings), began as u64, end);
        let at: Vec<RunTime> = told.iter().map(|(at, _)| *at).collect();
        assert_eq!(at, [RunTime::ZERO + Nanos::from_secs(70)]);
        let value = |metric: &str| {
            let of_minute = &told[0].1;
            of_minute.iter().find(|one| one.metric == metric).and_then(|one| one.value)
        };
        assert!((value("cpu").expect("told").base() - 0.25).abs() < 1e-9);
        assert_eq!(value("connections"), Some(Quantity::Count(40.0)));
        assert_eq!(value("replication_lag"), None);
    }

    #[test]
    fn values_without_a_time_are_refused() {
        let yace = "aws_rds_cpuutilization_maximum{dimension_DBInstanceIdentifier=\"orders\"} 5\n\
                    aws_rds_info{name=\"arn:aws:rds:eu-west-1:1:db:orders\"} 0\n";
        let refused = taken(&mut CloudMinutes::default(), yace);
        assert_eq!(refused, Err(ObserveError::Untimed));
        assert_eq!(taken(&mut CloudMinutes::default(), "aws_rds_info{name=\"a\"} 0\n"), Ok(()));
    }
}
