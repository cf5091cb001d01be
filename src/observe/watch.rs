//! Reads the stack again and again, on a thread of its own and on the run's clock.
//!
//! The load never waits for it: observations come through a bounded channel, and where nobody takes them
//! the next reading waits. A source that fails is reported once, and once more when it answers again.

use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use plimsoll_load::transport::Clock;
use plimsoll_metrics::{Reading, SourceEvent};
use plimsoll_units::{Nanos, RunTime};

use super::error::ObserveError;
use super::fetch::Trust;
use super::gaps::Gaps;
use super::health;
use super::health::HealthProbe;
use super::observer::{Observation, Observer, SourceFailure};
use super::snapshot::Snapshot;
use super::source::{MetricSource, PastPeriod, SourceSpec};

/// What is to be read, how often, and how long a source may take.
#[derive(Clone, Default)]
pub struct WatchPlan {
    /// The sources; none where the stack file names none.
    pub sources: Vec<SourceSpec>,
    /// From one reading to the next.
    pub every: Nanos,
    /// How long one source may take.
    pub timeout: Nanos,
    /// The health endpoints that are probed.
    pub health: HealthProbe,
    /// Whom sources over TLS are believed.
    pub trust: Trust,
}

impl WatchPlan {
    /// Gives programs what every program needs of the environment, beside what the file gives them.
    #[must_use]
    pub fn with_environment(mut self, variable: impl Fn(&str) -> Option<String>) -> Self {
        for source in &mut self.sources {
            let MetricSource::Command(command) = &mut source.place else { continue };
            for name in PASSED_ON {
                let is_given = command.env.iter().any(|(given, _)| given == name);
                if let Some(value) = variable(name).filter(|_| !is_given) {
                    command.env.push((name.to_owned(), value));
                }
            }
        }
        self
    }
}

/// What programs get of the environment unasked. Secrets are in none of them.
const PASSED_ON: [&str; 6] = ["PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR"];

/// Readings that nobody has taken yet. They come once a second; a coordinator that stalls longer than this
/// loses readings, never load.
const INBOX: usize = 16;

/// The end of a run waits no longer for what was missed.
const LATE_MAX: Nanos = Nanos::from_secs(5);

/// Where in its period a reading is taken: late, so that it covers most of the second it is filed under,
/// and early enough to be there when that second is closed.
const OFFSET_PERCENT: u64 = 60;

/// A request for what was missed until a time, and where the answer goes.
#[derive(Debug)]
struct BackfillRequest {
    end: RunTime,
    /// When the run began, milliseconds of Unix time.
    began: u64,
    reply: oneshot::Sender<BackfilledReadings>,
}

/// Readings with their times, taken after the seconds to which they belong.
type BackfilledReadings = Vec<(RunTime, Vec<Reading>)>;

/// A stack that is being read. Dropped, it stops at once.
#[derive(Debug)]
pub struct StackWatch {
    inbox: mpsc::Receiver<Snapshot>,
    /// Asks for what was missed until some time.
    ask: Option<oneshot::Sender<BackfillRequest>>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl StackWatch {
    /// Begins to read; `None` where there is nothing to read.
    ///
    /// # Errors
    /// Sources that cannot be used, by their place in the plan; or no thread can be had.
    pub fn start(
        plan: WatchPlan,
        clock: Clock,
    ) -> Result<Option<Self>, Vec<(usize, ObserveError)>> {
        if plan.sources.is_empty() && plan.health.endpoints.is_empty() {
            return Ok(None);
        }
        let observer = Observer::new(plan.sources, plan.timeout, plan.trust.clone())?;
        let (outbox, inbox) = mpsc::channel(INBOX);
        let stop = CancellationToken::new();
        let probing = health::probe(plan.health, plan.trust, clock, outbox.clone());
        let every = if plan.every.is_zero() { Nanos::from_secs(1) } else { plan.every };
        let (ask, asked) = oneshot::channel();
        let gaps = Gaps::new(every);
        let reader = SnapshotReader { observer, every, clock, outbox, troubles: Vec::new(), gaps };
        let stopped = stop.clone();
        let thread = std::thread::Builder::new()
            .name("observer".to_owned())
            .spawn(move || read_until((reader, asked), probing, &stopped))
            .map_err(|error| vec![(0, ObserveError::Connection(error.to_string()))])?;
        Ok(Some(Self { inbox, ask: Some(ask), stop, thread: Some(thread) }))
    }

    /// Awaits the next reading; never ends where the thread has. May be dropped while it waits.
    pub async fn next(&mut self) -> Snapshot {
        match self.inbox.recv().await {
            Some(snapshot) => snapshot,
            None => std::future::pending().await,
        }
    }

    /// Ends the reading, and asks the sources that know the past (Prometheus) for the seconds until `end` in which
    /// none of their readings was taken: theirs was slow, or readings are farther apart. `began` is when the run
    /// began, in milliseconds of Unix time. Takes five seconds at most.
    pub async fn missed(&mut self, end: RunTime, began: u64) -> Vec<(RunTime, Vec<Reading>)> {
        let Some(ask) = self.ask.take() else { return Vec::new() };
        let (reply, answer) = oneshot::channel();
        if ask.send(BackfillRequest { end, began, reply }).is_err() {
            return Vec::new();
        }
        // What nobody takes any more must not keep the reader waiting.
        self.inbox.close();
        tokio::time::timeout(LATE_MAX.into(), answer)
            .await
            .ok()
            .and_then(Result::ok)
            .unwrap_or_default()
    }

    /// A reading that is already there.
    pub fn take(&mut self) -> Option<Snapshot> {
        self.inbox.try_recv().ok()
    }
}

impl Drop for StackWatch {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // It has been told to stop and waits for nothing else; a panic there has cost readings only.
            let _ = thread.join();
        }
    }
}

fn read_until(
    (reader, asked): (SnapshotReader, oneshot::Receiver<BackfillRequest>),
    probing: impl Future<Output = ()>,
    stop: &CancellationToken,
) {
    // The load comes first. On Linux this speaks of the calling thread alone; without the right to it, so be it.
    let _ = rustix::process::nice(5);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    // Without a runtime there are no readings, and every objective on them says so.
    let Ok(runtime) = runtime else { return };
    runtime.block_on(async {
        tokio::select! {
            ((), ()) = async { tokio::join!(reader.run(asked), probing) } => {}
            () = stop.cancelled() => {}
        }
    });
}

struct SnapshotReader {
    observer: Observer,
    every: Nanos,
    clock: Clock,
    outbox: mpsc::Sender<Snapshot>,
    troubles: Vec<SourceEvent>,
    gaps: Gaps,
}

impl SnapshotReader {
    async fn run(mut self, mut asked: oneshot::Receiver<BackfillRequest>) {
        // Counters need something to count from. Gauges of the time before the run belong to no second.
        let first = self.observer.read(self.clock.now()).await;
        let troubles = self.changes(&first.failures);
        let first = Snapshot { at: first.at, readings: Vec::new(), troubles };
        if self.outbox.send(first).await.is_err() {
            return;
        }
        let mut due = RunTime::ZERO + Nanos::new(self.every.get() / 100 * OFFSET_PERCENT);
        loop {
            let now = self.clock.now();
            while due < now {
                due = due + self.every;
            }
            tokio::select! {
                () = tokio::time::sleep(due.since(now).into()) => {}
                missed = &mut asked => {
                    if let Ok(BackfillRequest { end, began, reply }) = missed {
                        let _ = reply.send(self.late(end, began).await);
                    }
                    return;
                }
            }
            let observation = self.observer.read(self.clock.now()).await;
            let is_complete = self.observer.is_complete(&observation);
            let Observation { at, readings, failures } = observation;
            let snapshot = Snapshot { at, readings, troubles: self.changes(&failures) };
            // Nobody takes it any more where the run has ended; then it is asked for what was missed.
            if self.outbox.send(snapshot).await.is_ok() && is_complete {
                self.gaps.answered(at);
            }
        }
    }

    /// What was missed until `end` of a run that began at this Unix time in milliseconds.
    async fn late(&self, end: RunTime, began: u64) -> BackfilledReadings {
        let delayed = self.observer.delayed(began, end);
        let Some(from) = self.gaps.first(end).filter(|_| self.observer.remembers()) else {
            return delayed;
        };
        let mut late = self.observer.past(&PastPeriod { from, until: end, began }).await;
        late.retain(|(at, _)| self.gaps.holds(*at));
        late.extend(delayed);
        late
    }

    /// What is new about the sources that fail.
    fn changes(&mut self, failures: &[SourceFailure]) -> Vec<SourceEvent> {
        let now: Vec<SourceEvent> = failures.iter().map(silent).collect();
        let before = std::mem::replace(&mut self.troubles, now);
        let begun = self.troubles.iter().filter(|one| !before.contains(one)).cloned();
        let fails = |known: &SourceEvent| self.troubles.iter().any(|one| one.is_same_source(known));
        let ended = before.iter().filter(|known| !fails(known)).cloned();
        begun.chain(ended.map(|known| SourceEvent { reason: None, ..known })).collect()
    }
}

fn silent(failure: &SourceFailure) -> SourceEvent {
    let SourceFailure { tier, replica, source, error } = failure;
    SourceEvent {
        tier: tier.clone(),
        replica: replica.clone(),
        source: (*source).to_owned(),
        reason: Some(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::mapping::ReadingSubject;
    use crate::presets;

    fn gone(tier: &str) -> SourceSpec {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("redis://:topsecret@{}", listener.local_addr().expect("bound"));
        let subject =
            ReadingSubject { tier: tier.into(), replica: String::new(), replica_label: None };
        let place = MetricSource::Redis { url };
        SourceSpec { subject, place, cores: None, memory_limit: None, group: 0 }
    }

    #[test]
    fn stack_without_sources_needs_no_thread() {
        let clock = Clock::starting_in(Nanos::ZERO);
        assert!(StackWatch::start(WatchPlan::default(), clock).is_ok_and(|watch| watch.is_none()));
    }

    #[tokio::test]
    async fn source_that_fails_is_told_of_once_and_reads_no_data_from_then_on() {
        let every = Nanos::from_millis(20);
        let plan = WatchPlan {
            sources: vec![gone("cache")],
            every,
            timeout: every,
            ..WatchPlan::default()
        };
        let watch = StackWatch::start(plan, Clock::starting_in(Nanos::ZERO));
        let mut watch = watch.unwrap_or_else(|errors| panic!("{errors:?}")).expect("a source");
        let first = watch.next().await;
        let said: Vec<String> = first.troubles.iter().map(ToString::to_string).collect();
        assert_eq!(said, ["cache, Redis: cannot reach it: connection refused"]);
        let second = watch.next().await;
        assert_eq!(second.troubles, []);
        assert!(!second.readings.is_empty());
        let others = second.readings.iter().filter(|reading| reading.metric != "available");
        assert!(others.clone().count() > 0);
        assert!(others.into_iter().all(|reading| reading.value.is_none()));
    }

    /// An exporter of `CloudWatch` whose one value is about the minute that began at `minute` (Unix time, milliseconds).
    async fn cloudwatch(minute: u64) -> SourceSpec {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/metrics", listener.local_addr().expect("bound"));
        let page = format!("aws_rds_cpuutilization_average{{}} 25.0 {minute}\n");
        let answer = format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{page}",
            page.len()
        );
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.expect("a client");
                let _length = stream.read(&mut [0; 4096]).await.expect("a request");
                stream.write_all(answer.as_bytes()).await.expect("the client reads");
            }
        });
        let mappings = presets::cloudwatch::database();
        SourceSpec { place: MetricSource::CloudWatch { url, mappings }, ..gone("db") }
    }

    #[tokio::test]
    async fn minute_of_cloudwatch_is_told_once_and_late() {
        let (every, began) = (Nanos::from_millis(20), 1_600_000_000_000);
        let sources = vec![cloudwatch(began + 60_000).await];
        let plan =
            WatchPlan { sources, every, timeout: Nanos::from_secs(60), ..WatchPlan::default() };
        let watch = StackWatch::start(plan, Clock::starting_in(Nanos::ZERO));
        let mut watch = watch.unwrap_or_else(|errors| panic!("{errors:?}")).expect("a source");
        for _ in 0..3 {
            let told = watch.next().await;
            assert_eq!((told.readings, told.troubles), (vec![], vec![]), "it is of no second");
        }
        let late = watch.missed(RunTime::ZERO + Nanos::from_secs(300), began).await;
        let told: Vec<_> = late
            .iter()
            .flat_map(|(at, readings)| readings.iter().map(move |one| (*at, one.metric.as_str())))
            .collect();
        assert_eq!(told, [(RunTime::ZERO + Nanos::from_secs(90), "cpu")]);
    }

    #[test]
    fn preset_of_a_page_is_told_by_its_names() {
        let page = include_str!("../../tests/data/observe/redis_exporter.1.txt");
        let series = crate::exposition::parse(page).expect("a real page");
        assert_eq!(presets::recognise(&series), presets::redis_exporter());
        assert_eq!(presets::recognise(&[]), []);
    }
}
