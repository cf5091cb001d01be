//! From series to the metrics of a tier: which formula makes `cpu` or `hit_ratio` of what a source tells.

use super::quantile;
use super::series::{Scrape, ScrapeWindow, Selector};
use plimsoll_metrics::{PageFigure, Reading};
use plimsoll_units::{Bytes, Nanos, Quantity, Rate, Ratio};

/// What a metric is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceUnit {
    /// A span of time, told in seconds.
    Seconds,
    /// A share, where 1 is the whole.
    Share,
    /// Events per second.
    PerSecond,
    /// A size in bytes.
    Bytes,
    /// A plain number.
    Count,
}

impl SourceUnit {
    /// The unit that a metric of this name has, where only its name is known: `replication_lag` is a time,
    /// `hit_ratio` a share, `requests` a rate, `memory_used` a size, `connections` a count.
    pub fn of_metric(name: &str) -> Self {
        let ends = |endings: &[&str]| {
            endings.iter().any(|end| name == *end || name.ends_with(&format!("_{end}")))
        };
        // What is measured of pages: `largest_contentful_paint`. The load of a machine is none of these.
        let of_page = PageFigure::of_row(name).filter(|_| name != PageFigure::Load.word());
        let is_page_time = of_page.is_some_and(|figure| figure != PageFigure::Cls);
        if is_page_time
            || ends(&["p50", "p90", "p95", "p99", "latency", "lag", "seconds", "time", "mean"])
        {
            Self::Seconds
        } else if ends(&["used", "bytes", "size"]) && !name.starts_with("connections") {
            Self::Bytes
        } else if ends(&[
            "cpu",
            "memory",
            "disk",
            "ratio",
            "share",
            "throttled",
            "connections_used",
        ]) {
            Self::Share
        } else if ends(&[
            "requests",
            "commands",
            "transactions",
            "evictions",
            "rate",
            "received",
            "sent",
        ]) {
            Self::PerSecond
        } else {
            Self::Count
        }
    }

    /// `value` in this unit; `None` if it is not finite or is negative, which no metric here can be.
    pub fn quantity(self, value: f64) -> Option<Quantity> {
        if !value.is_finite() || value < 0.0 {
            return None;
        }
        Some(match self {
            Self::Seconds => Quantity::Time(Nanos::from_secs_f64(value)),
            Self::Share => Quantity::Share(Ratio::new(value)),
            Self::PerSecond => Quantity::Rate(Rate::per_second(value)),
            Self::Bytes => Quantity::Size(Bytes::new(value.round() as u64)),
            Self::Count => Quantity::Count(value),
        })
    }
}

/// How a number follows from series. Each gives "no data" where a series that it needs is absent.
#[derive(Debug, Clone, PartialEq)]
pub enum Formula {
    /// The sum of gauges.
    Sum(Selector),
    /// Growth of counters per second.
    PerSecond(Selector),
    /// A gauge divided by another; no data when the second is zero (Redis without `maxmemory`).
    Share(Selector, Selector),
    /// Growth of counters per second, divided by a gauge: CPU seconds over cores.
    PerSecondShare(Selector, Selector),
    /// Growth of a counter divided by the growth of another: seconds per query.
    /// No data when the second did not grow.
    Growth(Selector, Selector),
    /// Growth of a counter divided by the growth of several others: evictions among lookups.
    /// No data when none of them grew.
    GrowthOf(Selector, Vec<Selector>),
    /// 1 where the sum of gauges is above zero, else 0: whether any replica serves.
    Any(Selector),
    /// Growth of a counter among its own and another's: hits among hits and misses.
    /// No data when neither grew.
    Among(Selector, Selector),
    /// Seconds until the sum of gauges is worked off at the pace at which counters grew; 0 where there is nothing to do,
    /// no data where nothing was done.
    Backlog(Selector, Selector),
    /// The greatest of gauges.
    Highest(Selector),
    /// How far the least of the second gauges is behind the greatest of the first; 0 where it is ahead.
    Behind(Selector, Selector),
    /// A gauge among its own and another's: connections among those in use and those left.
    /// No data when both are zero.
    Part(Selector, Selector),
    /// What a share leaves of the whole: hits where misses are told.
    Rest(Box<Formula>),
    /// A formula in another unit.
    Scaled(Box<Formula>, f64),
    /// The first formula that has data: exporters of different versions name the same thing differently.
    FirstOf(Vec<Formula>),
    /// Used share where free and total are reported: the fullest of several (file systems).
    Fullest(Selector, Selector),
    /// A quantile (0 to 1) of a histogram's growth; the selector names it without `_bucket`.
    Histogram(Selector, f64),
    /// A quantile (0 to 1) of statement times, estimated from their means and deviations.
    Statements(f64),
}

impl Formula {
    /// The number, if the window has the series for it.
    pub fn value(&self, window: ScrapeWindow<'_>) -> Option<f64> {
        match self {
            Self::Sum(selector) => window.sum(selector),
            Self::PerSecond(selector) => Some(window.increase(selector)? / window.seconds()?),
            Self::Share(part, whole) => ratio(window.sum(part)?, window.sum(whole)?),
            Self::PerSecondShare(part, whole) => {
                ratio(window.increase(part)? / window.seconds()?, window.sum(whole)?)
            }
            Self::Growth(part, whole) => ratio(window.increase(part)?, window.increase(whole)?),
            Self::GrowthOf(part, wholes) => {
                let wholes = wholes.iter().filter_map(|whole| window.increase(whole));
                ratio(window.increase(part)?, wholes.sum())
            }
            Self::Any(gauge) => Some(f64::from(u8::from(window.sum(gauge)? > 0.0))),
            Self::Among(part, rest) => {
                let part = window.increase(part)?;
                ratio(part, part + window.increase(rest)?)
            }
            Self::Backlog(gauge, counter) => {
                let (left, done) = (window.sum(gauge)?, window.increase(counter)?);
                if left > 0.0 { ratio(left, done / window.seconds()?) } else { Some(0.0) }
            }
            Self::Highest(gauge) => window.chosen(gauge).map(|one| one.value).reduce(f64::max),
            Self::Behind(first, others) => {
                let ahead = window.chosen(first).map(|one| one.value).reduce(f64::max)?;
                let least = window.chosen(others).map(|one| one.value).reduce(f64::min)?;
                Some((ahead - least).max(0.0))
            }
            Self::Part(part, rest) => {
                let part = window.sum(part)?;
                ratio(part, part + window.sum(rest)?)
            }
            Self::Rest(formula) => Some(1.0 - formula.value(window)?),
            Self::Scaled(formula, factor) => Some(formula.value(window)? * factor),
            Self::FirstOf(formulas) => formulas.iter().find_map(|formula| formula.value(window)),
            Self::Fullest(free, total) => fullest(window, free, total),
            Self::Histogram(selector, q) => quantile::of_histogram(window, selector, *q),
            Self::Statements(q) => quantile::of_statements(window, *q),
        }
    }
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

fn fullest(window: ScrapeWindow<'_>, free: &Selector, total: &Selector) -> Option<f64> {
    let shares = window.chosen(total).filter(|all| all.value > 0.0).filter_map(|all| {
        let left = window.chosen(free).find(|left| left.labels == all.labels)?;
        Some(1.0 - left.value / all.value)
    });
    shares.reduce(f64::max)
}

/// One metric of a tier and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// The metric's name: `cpu`, `connections`, …
    pub metric: String,
    /// What it is measured in.
    pub unit: SourceUnit,
    /// How it is computed.
    pub formula: Formula,
}

impl Mapping {
    /// A mapping; reads like the row of a table.
    pub fn new(metric: impl Into<String>, unit: SourceUnit, formula: Formula) -> Self {
        Self { metric: metric.into(), unit, formula }
    }

    /// The metric's value, if there is data for it.
    pub fn quantity(&self, window: ScrapeWindow<'_>) -> Option<Quantity> {
        self.unit.quantity(self.formula.value(window)?)
    }
}

/// Whose readings they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadingSubject {
    /// The tier.
    pub tier: String,
    /// The replica; empty where the source speaks of the whole tier.
    pub replica: String,
    /// The label that tells replicas apart within the source, if one does.
    pub replica_label: Option<String>,
}

impl ReadingSubject {
    fn reading(&self, replica: &str, mapping: &Mapping, value: Option<Quantity>) -> Reading {
        let (tier, metric) = (self.tier.clone(), mapping.metric.clone());
        Reading { tier, metric, replica: replica.to_owned(), value }
    }

    /// A reading of "no data" for each mapping: what a source that failed has told.
    pub fn nothing(&self, mappings: &[Mapping]) -> Vec<Reading> {
        mappings.iter().map(|mapping| self.reading(&self.replica, mapping, None)).collect()
    }

    /// One reading for each mapping, or for each mapping and replica where a label tells replicas apart.
    pub fn readings(&self, mappings: &[Mapping], window: ScrapeWindow<'_>) -> Vec<Reading> {
        let Some(label) = &self.replica_label else {
            return self.of_replica(&self.replica, mappings, window);
        };
        let replicas = window.now.values_of(label);
        if replicas.is_empty() {
            return self.nothing(mappings);
        }
        let of_one = |replica: &String| {
            let before: Option<Scrape> = window.before.map(|scrape| scrape.only(label, replica));
            let now = window.now.only(label, replica);
            self.of_replica(replica, mappings, ScrapeWindow { before: before.as_ref(), now: &now })
        };
        let mut of_each: Vec<Vec<Reading>> = replicas.iter().map(of_one).collect();
        // A page may have other tiers' replicas too: those without any data are not this tier's.
        let tells = |readings: &Vec<Reading>| readings.iter().any(|one| one.value.is_some());
        if of_each.iter().any(tells) {
            of_each.retain(tells);
        } else {
            of_each.truncate(1);
        }
        of_each.concat()
    }

    fn of_replica(
        &self,
        replica: &str,
        mappings: &[Mapping],
        window: ScrapeWindow<'_>,
    ) -> Vec<Reading> {
        let reading = |mapping: &Mapping| self.reading(replica, mapping, mapping.quantity(window));
        mappings.iter().map(reading).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::MetricSeries;
    use plimsoll_units::RunTime;

    fn scrape(seconds: u64, series: &[(&str, &str, f64)]) -> Scrape {
        let series = series
            .iter()
            .map(|(name, pod, value)| MetricSeries::plain(*name, *value).with("pod", *pod));
        Scrape { at: RunTime::new(seconds * 1_000_000_000), series: series.collect() }
    }

    fn subject(replica_label: Option<&str>) -> ReadingSubject {
        let replica_label = replica_label.map(str::to_owned);
        ReadingSubject { tier: "api".to_owned(), replica: String::new(), replica_label }
    }

    #[test]
    fn replicas_that_a_label_tells_apart_get_readings_of_their_own() {
        let before = scrape(0, &[("cpu", "a", 1.0), ("cpu", "b", 1.0)]);
        let now = scrape(2, &[("cpu", "a", 2.0), ("cpu", "b", 1.5)]);
        let mappings =
            [Mapping::new("cores", SourceUnit::Count, Formula::PerSecond(Selector::new("cpu")))];
        let window = ScrapeWindow { before: Some(&before), now: &now };
        let readings = subject(Some("pod")).readings(&mappings, window);
        let told: Vec<_> = readings.iter().map(|one| (one.replica.as_str(), one.value)).collect();
        assert_eq!(told, [("a", Some(Quantity::Count(0.5))), ("b", Some(Quantity::Count(0.25)))]);
        let together = subject(None).readings(&mappings, window);
        assert_eq!(together[0].value, Some(Quantity::Count(0.75)));
    }

    #[test]
    fn metric_without_series_reads_no_data() {
        let now = scrape(2, &[("cpu", "a", 2.0)]);
        let mappings =
            [Mapping::new("clients", SourceUnit::Count, Formula::Sum(Selector::new("absent")))];
        let readings = subject(None).readings(&mappings, ScrapeWindow { before: None, now: &now });
        assert_eq!((readings.len(), readings[0].value), (1, None));
    }

    #[test]
    fn share_of_a_limit_that_is_zero_is_no_data() {
        let now = scrape(2, &[("used", "a", 2.0), ("limit", "a", 0.0)]);
        let formula = Formula::Share(Selector::new("used"), Selector::new("limit"));
        assert_eq!(formula.value(ScrapeWindow { before: None, now: &now }), None);
    }

    #[test]
    fn hit_ratio_counts_only_what_happened_between() {
        let before = scrape(0, &[("hits", "a", 1_000.0), ("misses", "a", 0.0)]);
        let now = scrape(1, &[("hits", "a", 1_030.0), ("misses", "a", 10.0)]);
        let formula = Formula::Among(Selector::new("hits"), Selector::new("misses"));
        assert_eq!(formula.value(ScrapeWindow { before: Some(&before), now: &now }), Some(0.75));
        assert_eq!(formula.value(ScrapeWindow { before: Some(&now), now: &now }), None);
    }

    #[test]
    fn backlog_is_the_time_until_it_is_worked_off() {
        let scrape =
            |seconds, ready, done| scrape(seconds, &[("ready", "a", ready), ("done", "a", done)]);
        let lag = |before: &Scrape, now: &Scrape| {
            let formula = Formula::Backlog(Selector::new("ready"), Selector::new("done"));
            formula.value(ScrapeWindow { before: Some(before), now })
        };
        let before = scrape(0, 0.0, 100.0);
        assert_eq!(lag(&before, &scrape(2, 30.0, 120.0)), Some(3.0));
        assert_eq!(lag(&before, &scrape(2, 0.0, 100.0)), Some(0.0));
        assert_eq!(lag(&before, &scrape(2, 30.0, 100.0)), None, "nobody consumes");
    }

    #[test]
    fn figures_of_pages_are_times_but_for_the_shift() {
        for name in ["largest_contentful_paint", "page_load", "time_to_interactive", "lcp"] {
            assert_eq!(SourceUnit::of_metric(name), SourceUnit::Seconds, "{name}");
        }
        for name in ["cumulative_layout_shift", "cls", "load"] {
            assert_eq!(SourceUnit::of_metric(name), SourceUnit::Count, "{name}");
        }
    }

    #[test]
    fn value_that_cannot_be_is_no_data() {
        assert_eq!(SourceUnit::Bytes.quantity(-1.0), None);
        assert_eq!(SourceUnit::Seconds.quantity(f64::NAN), None);
    }
}
