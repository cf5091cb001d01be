//! Named, labelled numbers, and what two readings of them say about the time between.
//!
//! Every source becomes series: an exposition page, Redis's INFO, PostgreSQL's views, control-group
//! files. So counters, resets, shares and replicas are handled in one place for all of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use plimsoll_units::RunTime;

/// Labels of a series, in the order of their names.
pub type Labels = BTreeMap<String, String>;

/// One number that a source tells, as `name{label="value"} value` does.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSeries {
    /// What it measures.
    pub name: String,
    /// What tells it apart from others of its name.
    pub labels: Labels,
    /// The number; NaN and infinities are as the source told them.
    pub value: f64,
}

impl MetricSeries {
    /// A series without labels.
    pub fn plain(name: impl Into<String>, value: f64) -> Self {
        Self { name: name.into(), labels: Labels::new(), value }
    }

    /// This series with one more label.
    #[must_use]
    pub fn with(mut self, label: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(label.into(), value.into());
        self
    }

    /// The value of a label; empty if it has none, as in Prometheus.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// How a label must read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum LabelMatch {
    Is(String),
    Not(String),
}

/// Chooses series by name and labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    name: String,
    labels: Vec<(String, LabelMatch)>,
}

impl Selector {
    /// All series of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), labels: Vec::new() }
    }

    /// Only those whose `label` is `value`.
    #[must_use]
    pub fn is(mut self, label: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((label.into(), LabelMatch::Is(value.into())));
        self
    }

    /// Only those whose `label` is not `value`.
    #[must_use]
    pub fn not(mut self, label: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((label.into(), LabelMatch::Not(value.into())));
        self
    }

    /// The same choice among series of another name: a histogram's `_bucket`, `_sum`, `_count`.
    #[must_use]
    pub fn suffixed(&self, suffix: &str) -> Self {
        Self { name: format!("{}{suffix}", self.name), labels: self.labels.clone() }
    }

    /// Whether this series is chosen.
    pub fn matches(&self, series: &MetricSeries) -> bool {
        series.name == self.name
            && self.labels.iter().all(|(label, wanted)| match wanted {
                LabelMatch::Is(value) => series.label(label) == value,
                LabelMatch::Not(value) => series.label(label) != value,
            })
    }
}

/// Everything that one source gave at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Scrape {
    /// When it was asked.
    pub at: RunTime,
    /// What it gave.
    pub series: Vec<MetricSeries>,
}

impl Scrape {
    /// The values that a label takes, in order; without the empty one.
    pub fn values_of(&self, label: &str) -> BTreeSet<String> {
        let values = self.series.iter().map(|series| series.label(label));
        values.filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }

    /// Only the series whose label reads so.
    #[must_use]
    pub fn only(&self, label: &str, value: &str) -> Self {
        let chosen = self.series.iter().filter(|series| series.label(label) == value);
        Self { at: self.at, series: chosen.cloned().collect() }
    }
}

/// Two scrapes of the same source, one after the other; the earlier one is missing at first.
#[derive(Debug, Clone, Copy)]
pub struct ScrapeWindow<'a> {
    /// The earlier scrape.
    pub before: Option<&'a Scrape>,
    /// The later scrape.
    pub now: &'a Scrape,
}

impl<'a> ScrapeWindow<'a> {
    /// The chosen series of the later scrape that have a finite value.
    pub fn chosen(self, selector: &Selector) -> impl Iterator<Item = &'a MetricSeries> {
        let series = self.now.series.iter().filter(|series| series.value.is_finite());
        series.filter(move |series| selector.matches(series))
    }

    /// The sum of the chosen gauges; `None` where there is none.
    pub fn sum(self, selector: &Selector) -> Option<f64> {
        self.chosen(selector).map(|series| series.value).reduce(|sum, value| sum + value)
    }

    /// Seconds between the scrapes; `None` without an earlier one.
    pub fn seconds(self) -> Option<f64> {
        let seconds = self.now.at.since(self.before?.at).as_secs_f64();
        (seconds > 0.0).then_some(seconds)
    }

    /// By how much each chosen counter grew.
    ///
    /// A counter that fell was reset (its process restarted) and has grown by its whole value since, as
    /// in Prometheus. A series that is new beside others of its source began at zero: unlike Prometheus,
    /// which cannot know that and loses the first increase of every label combination.
    pub fn increases(self, selector: &Selector) -> Option<Vec<(&'a MetricSeries, f64)>> {
        let before: HashMap<_, _> =
            self.before?.series.iter().map(|old| (key(old), old.value)).collect();
        let grown = self.chosen(selector).map(|series| match before.get(&key(series)) {
            Some(&old) if old <= series.value => (series, series.value - old),
            _ => (series, series.value),
        });
        let grown: Vec<_> = grown.collect();
        (!grown.is_empty()).then_some(grown)
    }

    /// By how much the chosen counters grew together.
    pub fn increase(self, selector: &Selector) -> Option<f64> {
        Some(self.increases(selector)?.into_iter().map(|(_, grown)| grown).sum())
    }
}

fn key(series: &MetricSeries) -> (&str, &Labels) {
    (&series.name, &series.labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrape(seconds: u64, series: &[(&str, &str, f64)]) -> Scrape {
        let series = series
            .iter()
            .map(|(name, cpu, value)| MetricSeries::plain(*name, *value).with("cpu", *cpu));
        Scrape { at: RunTime::new(seconds * 1_000_000_000), series: series.collect() }
    }

    #[test]
    fn counters_grow_by_their_differences() {
        let before = scrape(1, &[("c", "0", 10.0), ("c", "1", 5.0), ("other", "0", 99.0)]);
        let now = scrape(3, &[("c", "0", 14.0), ("c", "1", 6.0), ("other", "0", 100.0)]);
        let window = ScrapeWindow { before: Some(&before), now: &now };
        assert_eq!(window.increase(&Selector::new("c")), Some(5.0));
        assert_eq!(window.increase(&Selector::new("c").is("cpu", "0")), Some(4.0));
        assert_eq!(window.increase(&Selector::new("c").not("cpu", "0")), Some(1.0));
        assert_eq!(window.seconds(), Some(2.0));
    }

    #[test]
    fn counter_that_fell_has_grown_from_zero() {
        let (before, now) = (scrape(1, &[("c", "0", 1_000.0)]), scrape(2, &[("c", "0", 30.0)]));
        let window = ScrapeWindow { before: Some(&before), now: &now };
        assert_eq!(window.increase(&Selector::new("c")), Some(30.0));
    }

    #[test]
    fn counter_that_appears_has_grown_from_zero() {
        let before = scrape(1, &[("c", "0", 10.0)]);
        let now = scrape(2, &[("c", "0", 10.0), ("c", "1", 7.0)]);
        let window = ScrapeWindow { before: Some(&before), now: &now };
        assert_eq!(window.increase(&Selector::new("c")), Some(7.0));
    }

    #[test]
    fn first_scrape_says_nothing_about_growth() {
        let now = scrape(2, &[("c", "0", 10.0)]);
        let window = ScrapeWindow { before: None, now: &now };
        assert_eq!(window.increase(&Selector::new("c")), None);
        assert_eq!(window.seconds(), None);
        assert_eq!(window.sum(&Selector::new("c")), Some(10.0));
    }

    #[test]
    fn absent_series_are_no_data_and_not_zero() {
        let now = scrape(2, &[("c", "0", f64::NAN)]);
        let window = ScrapeWindow { before: Some(&now), now: &now };
        assert_eq!(window.sum(&Selector::new("c")), None);
        assert_eq!(window.sum(&Selector::new("absent")), None);
        assert_eq!(window.increase(&Selector::new("absent")), None);
    }
}
