//! Reads all sources at once, each within its time; one that fails or hangs costs only its own readings.

use tokio::task::JoinSet;

use super::choice::{SourceChoice, SourceSnapshot};
use super::error::ObserveError;
use super::fetch::Trust;
use super::page::Pages;
use super::source::{PastPeriod, PolledSource, SourceSpec};
use plimsoll_metrics::Reading;
use plimsoll_units::{Nanos, RunTime};

/// A source without readings, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFailure {
    /// The tier.
    pub tier: String,
    /// The replica; empty for the whole tier.
    pub replica: String,
    /// The kind of source.
    pub source: &'static str,
    /// What went wrong.
    pub error: ObserveError,
}

/// All readings of one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// When they were asked for.
    pub at: RunTime,
    /// In the order of the sources, each metric of a tier from one group of them; a source that failed has a
    /// reading of "no data" for each of its metrics.
    pub readings: Vec<Reading>,
    /// What went wrong.
    pub failures: Vec<SourceFailure>,
}

/// All sources of a stack.
pub struct Observer {
    sources: Vec<PolledSource>,
    pages: Pages,
    timeout: Nanos,
    choice: SourceChoice,
}

impl Observer {
    /// Checks every source; nothing is sent yet. A source has `timeout` for each reading; those over TLS
    /// believe whom `trust` names.
    ///
    /// # Errors
    /// All sources that cannot be used, by their place in the list.
    pub fn new(
        specs: Vec<SourceSpec>,
        timeout: Nanos,
        trust: Trust,
    ) -> Result<Self, Vec<(usize, ObserveError)>> {
        let pages = Pages::new(trust);
        let (mut sources, mut errors) = (Vec::new(), Vec::new());
        for (index, spec) in specs.into_iter().enumerate() {
            match PolledSource::new(spec) {
                Ok(source) => sources.push(source),
                Err(error) => errors.push((index, error)),
            }
        }
        if errors.is_empty() {
            let mut choice = SourceChoice::default();
            for source in &sources {
                for metric in source.seldom_told() {
                    choice.settle(&source.subject().tier, metric, source.group());
                }
            }
            Ok(Self { sources, pages, timeout, choice })
        } else {
            Err(errors)
        }
    }

    /// Reads all sources: first those that are timed, then all others at once. Takes at most twice the time
    /// that one source has. Belongs on a thread that sends no load: large pages take milliseconds to parse.
    ///
    /// Dropped half-way, it loses the sources that were being read: let it finish.
    pub async fn read(&mut self, now: RunTime) -> Observation {
        let sources = self.sources.drain(..).enumerate();
        let (timed, others): (Vec<_>, Vec<_>) = sources.partition(|(_, source)| source.is_timed());
        let (mut done, pages) = (Vec::new(), self.pages.anew());
        for group in [timed, others] {
            let mut tasks = JoinSet::new();
            for (index, source) in group {
                tasks.spawn(read_one(index, source, pages.clone(), now, self.timeout));
            }
            done.extend(tasks.join_all().await);
        }
        done.sort_by_key(|(index, ..)| *index);
        let (mut snapshots, mut failures) = (Vec::new(), Vec::new());
        for (_, source, result) in done {
            let failed = result.is_err();
            let availability = source.availability(result.as_ref().err());
            let mut readings = result.unwrap_or_else(|error| {
                failures.push(failure(&source, error));
                source.nothing()
            });
            readings.extend(availability);
            snapshots.push(SourceSnapshot { group: source.group(), failed, readings });
            self.sources.push(source);
        }
        Observation { at: now, readings: self.choice.pick(snapshots), failures }
    }
}

impl Observer {
    /// Whether any source knows the past, too.
    pub(super) fn remembers(&self) -> bool {
        self.sources.iter().any(PolledSource::remembers)
    }

    /// Whether a source that knows the past told something of `observation`, or has nothing to tell.
    pub(super) fn is_complete(&self, observation: &Observation) -> bool {
        let remembering = self.sources.iter().filter(|source| source.remembers());
        let failed = |source: &PolledSource| {
            observation.failures.iter().any(|failure| {
                failure.source == source.kind() && failure.tier == source.subject().tier
            })
        };
        !remembering.into_iter().any(failed)
    }

    /// What sources told late of a run that began at `began` (Unix time, milliseconds) and ended at `end`, of each metric
    /// from the source that has been settled on.
    pub(super) fn delayed(&self, began: u64, end: RunTime) -> Vec<(RunTime, Vec<Reading>)> {
        let mut all = Vec::new();
        for source in &self.sources {
            for (at, mut readings) in source.delayed(began, end) {
                readings.retain(|reading| self.choice.is_settled_on(source.group(), reading));
                all.push((at, readings));
            }
        }
        all.retain(|(_, readings)| !readings.is_empty());
        all
    }

    /// What the sources that know the past give for a part of it, moment by moment, each metric from the source
    /// that has been settled on. A source that fails, or takes longer than it may, tells nothing.
    pub(super) async fn past(&self, past: &PastPeriod) -> Vec<(RunTime, Vec<Reading>)> {
        let mut all = Vec::new();
        let until = tokio::time::Instant::now() + std::time::Duration::from(PAST_MAX);
        for source in self.sources.iter().filter(|source| source.remembers()) {
            let answer = tokio::time::timeout_at(until, source.past(&self.pages, past));
            let Ok(Ok(moments)) = answer.await else { continue };
            for (at, mut readings) in moments {
                readings.retain(|reading| self.choice.is_settled_on(source.group(), reading));
                if !readings.is_empty() {
                    all.push((at, readings));
                }
            }
        }
        all
    }
}

/// All that is asked of the past together has this long: a server that was too slow for a second's reading may take
/// longer for a run's.
const PAST_MAX: Nanos = Nanos::from_secs(4);

type SourceOutcome = (usize, PolledSource, Result<Vec<Reading>, ObserveError>);

async fn read_one(
    index: usize,
    mut source: PolledSource,
    pages: Pages,
    now: RunTime,
    timeout: Nanos,
) -> SourceOutcome {
    let result = tokio::time::timeout(timeout.into(), source.read(&pages, now)).await;
    (index, source, result.unwrap_or(Err(ObserveError::Timeout(timeout))))
}

fn failure(source: &PolledSource, error: ObserveError) -> SourceFailure {
    let subject = source.subject();
    SourceFailure {
        tier: subject.tier.clone(),
        replica: subject.replica.clone(),
        source: source.kind(),
        error,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::mapping::ReadingSubject;
    use crate::presets;
    use crate::source::MetricSource;
    use plimsoll_units::Quantity;

    fn page(tier: &str, port: u16) -> SourceSpec {
        let subject =
            ReadingSubject { tier: tier.into(), replica: String::new(), replica_label: None };
        let url = format!("http://user:topsecret@127.0.0.1:{port}/metrics");
        let place =
            MetricSource::Page { url, mappings: presets::nginx_exporter(), recognise: false };
        SourceSpec { subject, place, cores: None, memory_limit: None, group: 0 }
    }

    /// Serves a page whose counter grows by 10 each time; `None` accepts and never answers.
    async fn exporter(answers: bool) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        tokio::spawn(async move {
            let mut held = Vec::new();
            for count in 1_u32.. {
                let (mut stream, _) = listener.accept().await.expect("a client");
                if !answers {
                    held.push(stream);
                    continue;
                }
                let mut request = [0; 4096];
                let _length = stream.read(&mut request).await.expect("a request");
                let body = format!(
                    "nginx_connections_active 7\nnginx_http_requests_total {}\n",
                    count * 10
                );
                let head = format!(
                    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                stream.write_all((head + &body).as_bytes()).await.expect("the client reads");
            }
        });
        port
    }

    fn values(observation: &Observation) -> Vec<Option<Quantity>> {
        observation.readings.iter().map(|reading| reading.value).collect()
    }

    #[tokio::test]
    async fn sources_that_fail_or_hang_read_no_data_and_spare_the_others() {
        let closed = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port")
            .local_addr()
            .expect("bound")
            .port();
        let specs = vec![
            page("good", exporter(true).await),
            page("hung", exporter(false).await),
            page("gone", closed),
        ];
        let mut observer = Observer::new(specs, Nanos::from_millis(500), None)
            .unwrap_or_else(|errors| panic!("{errors:?}"));
        let first = observer.read(RunTime::new(1_000_000_000)).await;
        // The rate of the good one needs a second scrape; the others say "no data" for each of their metrics.
        assert_eq!(values(&first)[0], Some(Quantity::Count(7.0)));
        assert_eq!(values(&first)[1..], [None; 6]);
        let second = observer.read(RunTime::new(3_000_000_000)).await;
        let rate = second.readings[1].value.expect("two scrapes make a rate");
        assert!((rate.base() - 5.0).abs() < 1e-9, "{rate}");
        let failed: Vec<_> = second.failures.iter().map(|failure| failure.tier.as_str()).collect();
        assert_eq!(failed, ["hung", "gone"]);
        for failure in &second.failures {
            assert!(!failure.error.to_string().contains("topsecret"), "{}", failure.error);
        }
    }

    #[tokio::test]
    async fn database_that_cannot_be_reached_is_not_available() {
        let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("postgres://u@{}/db", closed.local_addr().expect("bound"));
        drop(closed);
        let database = SourceSpec { place: MetricSource::Postgres { url }, ..page("db", 1) };
        let observer = Observer::new(vec![database], Nanos::from_secs(5), None);
        let mut observer = observer.unwrap_or_else(|errors| panic!("{errors:?}"));
        let told = observer.read(RunTime::new(1)).await.readings;
        let available = told.iter().find(|reading| reading.metric == "available");
        let value = available.and_then(|reading| reading.value);
        assert_eq!(value, Some(Quantity::Share(plimsoll_units::Ratio::new(0.0))), "{told:?}");
    }

    #[test]
    fn every_unusable_address_is_named() {
        let mut bad = page("a", 1);
        bad.place = MetricSource::Redis { url: "http://nowhere".into() };
        let errors = Observer::new(vec![bad.clone(), page("b", 1), bad], Nanos::from_secs(1), None)
            .err()
            .expect("unusable");
        assert_eq!(errors.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 2]);
    }
}
