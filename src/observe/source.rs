//! One place to read from, whatever its kind, and what is remembered between two readings of it.

use std::path::PathBuf;

use url::Url;

use super::cgroup::{self, Cgroup};
use super::cloudwatch::CloudMinutes;
use super::command::{CommandSource, MetricCommand};
use super::error::ObserveError;
use super::json_document::JsonDocument;
use super::mapping::{Mapping, ReadingSubject};
use super::page::{Pages, address};
use super::postgres::{self, PostgresSource};
use super::presets::{self, CORES, MEMORY_LIMIT};
use super::prometheus::{PrometheusSource, Query};
use super::redis::{self, RedisSource};
use super::series::{MetricSeries, Scrape, ScrapeWindow};
use plimsoll_metrics::Reading;
use plimsoll_units::{Quantity, Ratio, RunTime};

/// Where a tier's metrics are. Addresses may hold credentials: they are neither printed nor kept in messages.
#[derive(Clone, PartialEq)]
pub enum MetricSource {
    /// A page in the exposition format, and how metrics follow from it.
    Page {
        /// Its address.
        url: String,
        /// The metrics.
        mappings: Vec<Mapping>,
        /// Whether the page itself tells which ready-made metrics are added to these.
        recognise: bool,
    },
    /// A page of an exporter of `CloudWatch`.
    CloudWatch {
        /// Its address.
        url: String,
        /// The metrics.
        mappings: Vec<Mapping>,
    },
    /// A Prometheus server and what to ask it.
    Prometheus {
        /// Its address.
        url: String,
        /// The metrics.
        queries: Vec<Query>,
    },
    /// A document in JSON.
    Document(JsonDocument),
    /// A program that prints lines of JSON.
    Command(MetricCommand),
    /// PostgreSQL itself.
    Postgres {
        /// `postgres://user:password@host:port/database`.
        url: String,
    },
    /// Redis itself.
    Redis {
        /// `redis://[user][:password@]host[:port]`.
        url: String,
    },
    /// A control group on this machine.
    Cgroup(Cgroup),
    /// A process on this machine.
    Process {
        /// Its number.
        pid: u32,
    },
    /// A process on this machine whose number stands in a file; read anew each time.
    ProcessFile {
        /// The file.
        path: PathBuf,
    },
}

/// A place, whose readings they are, and what that subject may use where the place does not tell.
#[derive(Clone, PartialEq)]
pub struct SourceSpec {
    /// The tier and replica.
    pub subject: ReadingSubject,
    /// Where to read.
    pub place: MetricSource,
    /// Cores of one replica.
    pub cores: Option<f64>,
    /// Bytes of memory of one replica.
    pub memory_limit: Option<f64>,
    /// Sources of one group complement each other (one a replica); of several groups that give the same
    /// metric of a tier, the lowest that has it counts.
    pub group: usize,
}

/// A part of a run, and where it lies in Unix time.
#[derive(Debug, Clone, Copy)]
pub(super) struct PastPeriod {
    /// Its first moment.
    pub(super) from: RunTime,
    /// Its last moment.
    pub(super) until: RunTime,
    /// When the run began, milliseconds of Unix time.
    pub(super) began: u64,
}

/// Prometheus answers no more than 11,000 moments at once.
const MOMENTS_MAX: u64 = 10_000;

impl PastPeriod {
    fn unix(&self) -> (u64, u64) {
        let ms = |at: RunTime| self.began + at.get() / 1_000_000;
        (ms(self.from), ms(self.until))
    }

    /// From one moment to the next in milliseconds: whole seconds.
    fn step(&self) -> u64 {
        let seconds = self.until.since(self.from).as_secs_f64() / MOMENTS_MAX as f64;
        1_000 * (seconds.ceil() as u64).max(1)
    }

    /// A moment in the run's time; `None` before it began.
    fn in_run(&self, unix: u64) -> Option<RunTime> {
        Some(RunTime::new(unix.checked_sub(self.began)? * 1_000_000))
    }
}

enum SourceReader {
    Page(Url),
    CloudWatch(Url, CloudMinutes),
    Prometheus(PrometheusSource),
    Document(Url, JsonDocument),
    Command(Box<CommandSource>),
    Postgres(Box<PostgresSource>),
    Redis(RedisSource),
    Cgroup(Cgroup),
    Process(u32),
    ProcessFile(PathBuf),
}

/// A source that is being read: it knows its last scrape, so that counters become rates.
pub(super) struct PolledSource {
    subject: ReadingSubject,
    reader: SourceReader,
    mappings: Vec<Mapping>,
    given: Vec<MetricSeries>,
    last: Option<Scrape>,
    group: usize,
    recognise: bool,
}

impl PolledSource {
    /// Checks the place's address; nothing is sent yet.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub(super) fn new(spec: SourceSpec) -> Result<Self, ObserveError> {
        let label = spec.subject.replica_label.clone();
        let recognise = matches!(spec.place, MetricSource::Page { recognise: true, .. });
        let (reader, mappings) = match spec.place {
            MetricSource::Page { url, mappings, .. } => {
                (SourceReader::Page(address(&url)?), mappings)
            }
            MetricSource::CloudWatch { url, mappings } => {
                (SourceReader::CloudWatch(address(&url)?, CloudMinutes::default()), mappings)
            }
            MetricSource::Prometheus { url, queries } => {
                let mappings = queries.iter().map(Query::mapping).collect();
                (SourceReader::Prometheus(PrometheusSource::new(&url, queries, label)?), mappings)
            }
            MetricSource::Document(document) => {
                let mappings = document.metrics.mappings();
                (SourceReader::Document(document.address()?, document), mappings)
            }
            MetricSource::Command(command) => {
                let mappings = command.metrics.mappings();
                (SourceReader::Command(Box::new(CommandSource::new(command))), mappings)
            }
            MetricSource::Postgres { url } => {
                (SourceReader::Postgres(Box::new(PostgresSource::new(&url)?)), postgres::mappings())
            }
            MetricSource::Redis { url } => {
                (SourceReader::Redis(RedisSource::new(&url)?), redis::mappings())
            }
            MetricSource::Cgroup(group) => (SourceReader::Cgroup(group), cgroup::mappings()),
            MetricSource::Process { pid } => {
                (SourceReader::Process(pid), cgroup::process_mappings())
            }
            MetricSource::ProcessFile { path } => {
                (SourceReader::ProcessFile(path), cgroup::process_mappings())
            }
        };
        let given = [(CORES, spec.cores), (MEMORY_LIMIT, spec.memory_limit)];
        let given =
            given.into_iter().filter_map(|(name, value)| Some(MetricSeries::plain(name, value?)));
        Ok(Self {
            subject: spec.subject,
            reader,
            mappings,
            given: given.collect(),
            last: None,
            group: spec.group,
            recognise,
        })
    }

    /// Which group of sources it belongs to.
    pub(super) const fn group(&self) -> usize {
        self.group
    }

    /// Whose readings they are.
    pub(super) fn subject(&self) -> &ReadingSubject {
        &self.subject
    }

    /// What kind of source it is, for messages: `Prometheus`, `a metrics page`, …
    pub(super) fn kind(&self) -> &'static str {
        match self.reader {
            SourceReader::Page(_) | SourceReader::CloudWatch(..) => "a metrics page",
            SourceReader::Prometheus(_) => "Prometheus",
            SourceReader::Document(..) => "a document in JSON",
            SourceReader::Command(_) => "a command",
            SourceReader::Postgres(_) => "PostgreSQL",
            SourceReader::Redis(_) => "Redis",
            SourceReader::Cgroup(_) => "a control group",
            SourceReader::Process(_) | SourceReader::ProcessFile(_) => "a process",
        }
    }

    /// Whether a reading times the source's answer, so that others must not get in its way.
    pub(super) fn is_timed(&self) -> bool {
        matches!(self.reader, SourceReader::Redis(_))
    }

    /// The metrics of a source that tells them more seldom than it is read: it may have nothing yet, and counts all the same.
    pub(super) fn seldom_told(&self) -> impl Iterator<Item = &str> {
        let is_seldom = matches!(self.reader, SourceReader::Command(_));
        self.mappings.iter().filter(move |_| is_seldom).map(|mapping| mapping.metric.as_str())
    }

    /// "No data" for each metric: what is told when reading failed.
    pub(super) fn nothing(&self) -> Vec<Reading> {
        self.subject.nothing(&self.mappings)
    }

    /// Whether the service itself answered, where it was asked itself: a database that cannot be reached is down,
    /// and one that refuses us may serve others. A page describes its own process at the most.
    pub(super) fn availability(&self, trouble: Option<&ObserveError>) -> Option<Reading> {
        let share = match (&self.reader, trouble) {
            (SourceReader::Postgres(_) | SourceReader::Redis(_), None) => 1.0,
            (
                SourceReader::Postgres(_) | SourceReader::Redis(_),
                Some(ObserveError::Connection(_) | ObserveError::Timeout(_)),
            ) => 0.0,
            (
                SourceReader::Postgres(_)
                | SourceReader::Redis(_)
                | SourceReader::Page(_)
                | SourceReader::CloudWatch(..)
                | SourceReader::Prometheus(_)
                | SourceReader::Document(..)
                | SourceReader::Command(_)
                | SourceReader::Cgroup(_)
                | SourceReader::Process(_)
                | SourceReader::ProcessFile(_),
                _,
            ) => return None,
        };
        Some(Reading {
            tier: self.subject.tier.clone(),
            metric: "available".to_owned(),
            replica: self.subject.replica.clone(),
            value: Some(Quantity::Share(Ratio::new(share))),
        })
    }

    /// Reads once, at `now`. The first reading has no rates: they need two.
    pub(super) async fn read(
        &mut self,
        pages: &Pages,
        now: RunTime,
    ) -> Result<Vec<Reading>, ObserveError> {
        let series = match &mut self.reader {
            SourceReader::Page(url) => super::exposition::parse(&pages.get(url.clone()).await?)?,
            SourceReader::CloudWatch(url, minutes) => {
                let page = pages.get(url.clone()).await?;
                minutes.take(super::exposition::parse_timed(&page)?)?;
                return Ok(Vec::new());
            }
            SourceReader::Prometheus(source) => source.read(pages).await?,
            SourceReader::Document(url, document) => document.read(url, pages.trust()).await?,
            SourceReader::Command(source) => match source.read(now).await? {
                Some(series) => series,
                None => return Ok(Vec::new()),
            },
            SourceReader::Postgres(source) => source.read().await?,
            SourceReader::Redis(source) => source.read(pages.trust()).await?,
            SourceReader::Cgroup(group) => group.read()?,
            SourceReader::Process(pid) => cgroup::read_process(*pid)?,
            SourceReader::ProcessFile(path) => cgroup::read_process(cgroup::process_id(path)?)?,
        };
        if self.recognise {
            self.recognise = false;
            self.mappings.extend(presets::recognise(&series));
        }
        let scrape = Scrape { at: now, series: self.with_given(series) };
        let window = ScrapeWindow { before: self.last.as_ref(), now: &scrape };
        let readings = self.subject.readings(&self.mappings, window);
        self.last = Some(scrape);
        Ok(readings)
    }

    /// Whether it knows the past, too.
    pub(super) const fn remembers(&self) -> bool {
        matches!(self.reader, SourceReader::Prometheus(_))
    }

    /// Its readings of the past, moment by moment; none of a source that only knows the present.
    pub(super) async fn past(
        &self,
        pages: &Pages,
        past: &PastPeriod,
    ) -> Result<Vec<(RunTime, Vec<Reading>)>, ObserveError> {
        let SourceReader::Prometheus(source) = &self.reader else { return Ok(Vec::new()) };
        let moments = source.read_range(pages, past.unix(), past.step()).await?;
        let readings = moments.into_iter().filter_map(|(at, series)| {
            let at = past.in_run(at)?;
            let now = Scrape { at, series: self.with_given(series) };
            let window = ScrapeWindow { before: None, now: &now };
            let mut readings = self.subject.readings(&self.mappings, window);
            readings.retain(|reading| reading.value.is_some());
            Some((at, readings))
        });
        Ok(readings.collect())
    }

    /// What it told late of a run that began at `began` (Unix time, milliseconds) and ended at `end`.
    pub(super) fn delayed(&self, began: u64, end: RunTime) -> Vec<(RunTime, Vec<Reading>)> {
        let SourceReader::CloudWatch(_, minutes) = &self.reader else { return Vec::new() };
        minutes.readings((&self.subject, &self.mappings), began, end)
    }

    /// Adds what the stack file gives, unless the source tells it itself.
    fn with_given(&self, mut series: Vec<MetricSeries>) -> Vec<MetricSeries> {
        for given in &self.given {
            if series.iter().any(|one| one.name == given.name) {
                continue;
            }
            match &self.subject.replica_label {
                // Every replica may use as much.
                Some(label) => {
                    let at = Scrape { at: RunTime::ZERO, series: series.clone() };
                    let of_each =
                        at.values_of(label).into_iter().map(|name| given.clone().with(label, name));
                    series.extend(of_each);
                }
                None => series.push(given.clone()),
            }
        }
        series
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_units::Nanos;

    #[test]
    fn past_of_a_long_run_is_asked_for_in_fewer_moments() {
        let from = RunTime::ZERO + Nanos::from_secs(2);
        let of =
            |seconds| PastPeriod { from, until: from + Nanos::from_secs(seconds), began: 5_000 };
        assert_eq!((of(3_600).unix(), of(3_600).step()), ((7_000, 3_607_000), 1_000));
        assert_eq!(of(8 * 3_600).step(), 3_000);
        assert_eq!(of(1).in_run(7_000), Some(from));
        assert_eq!(of(1).in_run(4_999), None);
    }
}
