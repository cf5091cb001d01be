//! A program of the user's that prints metrics as lines of JSON, started again and again beside the run.
//!
//! Nothing waits for it: a reading takes what the last one that ended has printed, once. It runs in a process group of its
//! own, which is killed when its time is up and when the source is dropped.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use serde_json_path::JsonPath;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio_util::task::AbortOnDropHandle;

use super::error::ObserveError;
use super::json_metrics::JsonMetrics;
use super::series::MetricSeries;
use plimsoll_units::{Nanos, RunTime};

/// What a program may print; figures take a fraction of it.
const OUTPUT_LIMIT: usize = 1 << 20;
/// What is kept of the end of its standard error, in bytes.
const COMPLAINT_LIMIT: usize = 4_096;
/// Longest line of it that a message holds, in characters.
const COMPLAINT_LINE: usize = 300;
/// The label of series that are about a replica.
pub(super) const REPLICA: &str = "replica";

/// A program and what it prints. Arguments and environment may hold secrets: neither is printed.
#[derive(Clone, PartialEq)]
pub struct MetricCommand {
    /// The program: a name that `PATH` knows, or a path.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where it runs; the folder of this process where it is empty.
    pub folder: PathBuf,
    /// All of its environment.
    pub env: Vec<(String, String)>,
    /// From one start to the next.
    pub every: Nanos,
    /// How long it may take.
    pub timeout: Nanos,
    /// Where a line says which replica it is about.
    pub replica: Option<JsonPath>,
    /// What a line holds.
    pub metrics: JsonMetrics,
}

impl MetricCommand {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if !self.folder.as_os_str().is_empty() {
            command.current_dir(&self.folder);
        }
        command
    }

    /// Runs it once, and what it printed if it ended well and in time.
    async fn run(self) -> Result<Vec<MetricSeries>, ObserveError> {
        let started = self.command().spawn();
        let mut child = started.map_err(|error| ObserveError::Start(error.kind()))?;
        let mut group = CommandGroup(child.id());
        let ended = tokio::time::timeout(self.timeout.into(), output_of(&mut child)).await;
        let (status, printed, complaint) =
            ended.map_err(|_| ObserveError::Timeout(self.timeout))??;
        group.0 = None;
        if !status.success() {
            let said = last_line(&complaint);
            return Err(ObserveError::Program { status: status.to_string(), said });
        }
        self.series(&printed)
    }

    /// The last value of each metric and replica in a stream of JSON: lines of it, or documents over several lines.
    fn series(&self, printed: &[u8]) -> Result<Vec<MetricSeries>, ObserveError> {
        let mut last = BTreeMap::new();
        for document in serde_json::Deserializer::from_slice(printed).into_iter::<Value>() {
            let document =
                document.map_err(|error| ObserveError::NotJson { line: error.line() })?;
            let replica = match &self.replica {
                None => None,
                Some(path) => match path.query(&document).first() {
                    Some(Value::String(name)) => Some(name.clone()),
                    Some(Value::Number(number)) => Some(number.to_string()),
                    // It is about nothing that is observed.
                    _ => continue,
                },
            };
            for series in self.metrics.series(&document) {
                last.insert((series.name.clone(), replica.clone()), series);
            }
        }
        let labelled = |((_, replica), series): (_, MetricSeries)| match replica {
            Some(replica) => series.with(REPLICA, replica),
            None => series,
        };
        Ok(last.into_iter().map(labelled).collect())
    }
}

/// A command that is started when it is due, and what became of the last one.
pub(super) struct CommandSource {
    command: MetricCommand,
    running: Option<AbortOnDropHandle<Result<Vec<MetricSeries>, ObserveError>>>,
    due: RunTime,
    failure: Option<ObserveError>,
}

impl CommandSource {
    /// Due at once.
    pub(super) fn new(command: MetricCommand) -> Self {
        Self { command, running: None, due: RunTime::ZERO, failure: None }
    }

    /// What the program printed that has ended since the last reading; `None` where none has. Starts the next one when
    /// it is due. Fails again and again until one ends well.
    pub(super) async fn read(
        &mut self,
        now: RunTime,
    ) -> Result<Option<Vec<MetricSeries>>, ObserveError> {
        let mut fresh = None;
        if let Some(ended) = self.running.take_if(|running| running.is_finished()) {
            // A task that panicked has printed nothing.
            match ended.await.unwrap_or(Err(ObserveError::Protocol("a command"))) {
                Ok(series) => (fresh, self.failure) = (Some(series), None),
                Err(error) => self.failure = Some(error),
            }
        }
        if self.running.is_none() && self.due <= now {
            let running = tokio::spawn(self.command.clone().run());
            self.running = Some(AbortOnDropHandle::new(running));
            while self.due <= now {
                self.due = self.due + self.command.every;
            }
        }
        match (fresh, &self.failure) {
            (None, Some(error)) => Err(error.clone()),
            (fresh, _) => Ok(fresh),
        }
    }
}

/// How a program ended, what it printed, and the end of what it said on standard error.
async fn output_of(child: &mut Child) -> Result<(ExitStatus, Vec<u8>, Vec<u8>), ObserveError> {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let ended = async { child.wait().await.map_err(|error| ObserveError::Start(error.kind())) };
    tokio::try_join!(ended, bounded(out), async { Ok(end_of(err).await) })
}

/// All that a stream has to say, if that is no more than a program may print.
async fn bounded(stream: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, ObserveError> {
    let mut printed = Vec::new();
    if let Some(stream) = stream {
        let mut stream = stream.take(OUTPUT_LIMIT as u64 + 1);
        let read = stream.read_to_end(&mut printed).await;
        read.map_err(|error| ObserveError::Connection(error.kind().to_string()))?;
    }
    if printed.len() > OUTPUT_LIMIT {
        return Err(ObserveError::TooLarge { limit: OUTPUT_LIMIT });
    }
    Ok(printed)
}

/// The end of a stream, which is read to its end so that nobody waits for a reader.
async fn end_of(stream: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let Some(mut stream) = stream else { return Vec::new() };
    let (mut kept, mut piece) = (Vec::new(), [0; COMPLAINT_LIMIT]);
    while let Ok(length @ 1..) = stream.read(&mut piece).await {
        kept.extend_from_slice(&piece[..length]);
        let surplus = kept.len().saturating_sub(COMPLAINT_LIMIT);
        kept.drain(..surplus);
    }
    kept
}

fn last_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let line = said.lines().map(str::trim).rfind(|line| !line.is_empty());
    line.unwrap_or_default().chars().take(COMPLAINT_LINE).collect()
}

/// A command with everything it started; dropped before it has ended by itself, it is killed.
struct CommandGroup(Option<u32>);

impl Drop for CommandGroup {
    fn drop(&mut self) {
        if let Some(group) = self.0.and_then(|id| Pid::from_raw(id.cast_signed())) {
            // It may have ended by itself meanwhile.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> MetricCommand {
        let path = |text: &str| JsonPath::parse(text).expect("a path");
        MetricCommand {
            program: "/bin/sh".into(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            folder: PathBuf::new(),
            env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
            every: Nanos::from_secs(10),
            timeout: Nanos::from_secs(60),
            replica: None,
            metrics: JsonMetrics(vec![
                ("cpu".to_owned(), path("$.cpu")),
                ("lag".to_owned(), path("$.lag")),
            ]),
        }
    }

    /// The first outcome of a source that is read at `at`; readings before it have nothing new.
    async fn outcome(
        source: &mut CommandSource,
        at: RunTime,
    ) -> Result<Vec<MetricSeries>, ObserveError> {
        loop {
            match source.read(at).await {
                Ok(None) => tokio::task::yield_now().await,
                Ok(Some(series)) => return Ok(series),
                Err(error) => return Err(error),
            }
        }
    }

    async fn once(command: MetricCommand) -> Result<Vec<MetricSeries>, ObserveError> {
        outcome(&mut CommandSource::new(command), RunTime::ZERO).await
    }

    #[tokio::test]
    async fn last_line_that_has_a_metric_counts_and_documents_may_be_long() {
        let printed = r#"printf '{"cpu": 0.5}\n\n{"cpu": 0.25, "other": 1}\n{\n  "lag": "3"\n}\n'"#;
        let expected = [MetricSeries::plain("cpu", 0.25), MetricSeries::plain("lag", 3.0)];
        assert_eq!(once(shell(printed)).await, Ok(expected.to_vec()));
        assert_eq!(once(shell("true")).await, Ok(vec![]));
    }

    #[tokio::test]
    async fn lines_say_which_replica_they_are_about() {
        let mut command = shell(
            r#"printf '{"on": "b", "cpu": 2}\n{"on": "a", "cpu": 1}\n{"cpu": 9}\n{"on": 7, "cpu": 3}'"#,
        );
        command.replica = JsonPath::parse("$.on").ok();
        let of = |replica: &str, cpu| MetricSeries::plain("cpu", cpu).with(REPLICA, replica);
        assert_eq!(once(command).await, Ok(vec![of("7", 3.0), of("a", 1.0), of("b", 2.0)]));
    }

    #[tokio::test]
    async fn value_is_reported_once_and_the_program_started_when_it_is_due() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = shell(r#"echo run >> runs; echo "{\"cpu\": $(wc -l < runs)}""#);
        command.folder = folder.path().to_owned();
        let mut source = CommandSource::new(command);
        let at = |seconds| RunTime::ZERO + Nanos::from_secs(seconds);
        assert_eq!(outcome(&mut source, at(0)).await, Ok(vec![MetricSeries::plain("cpu", 1.0)]));
        for second in 1..10 {
            assert_eq!(source.read(at(second)).await, Ok(None), "second {second}");
            assert!(source.running.is_none(), "not due");
        }
        assert_eq!(outcome(&mut source, at(10)).await, Ok(vec![MetricSeries::plain("cpu", 2.0)]));
    }

    #[tokio::test]
    async fn program_that_fails_says_so_by_its_last_line_until_one_ends_well() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = shell(
            "[ -e well ] && exec echo '{}'; echo '{\"cpu\": 1}'; echo one >&2; echo ' two' >&2; exit 3",
        );
        command.folder = folder.path().to_owned();
        let mut source = CommandSource::new(command);
        let failure = outcome(&mut source, RunTime::ZERO).await.expect_err("it fails");
        assert_eq!(failure.to_string(), "it ended with exit status: 3: two");
        assert_eq!(source.read(RunTime::new(1)).await, Err(failure), "nothing has changed");
        std::fs::write(folder.path().join("well"), "").expect("written");
        let ten = RunTime::ZERO + Nanos::from_secs(10);
        while source.read(ten).await.is_err() {
            tokio::task::yield_now().await;
        }
        assert_eq!(source.failure, None);
    }

    #[tokio::test]
    async fn rubbish_a_flood_and_no_program_are_told_apart() {
        let told = async |script: &str| once(shell(script)).await.expect_err(script).to_string();
        assert_eq!(told("printf '{}\\n<html>\\n'").await, "line 2 of its output is no JSON");
        assert_eq!(told("exec yes '{}'").await, "the answer is longer than 1048576 bytes");
        let missing = MetricCommand { program: "/nowhere/it".into(), ..shell("") };
        let missing = once(missing).await.expect_err("no program");
        assert_eq!(missing.to_string(), "it cannot be started: entity not found");
    }

    /// Whether a process of this number is there and no mere entry of one that has ended.
    fn is_alive(pid: &str) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        status.is_ok_and(|text| !text.contains(") Z "))
    }

    async fn ends(pid: &str) {
        while is_alive(pid) {
            tokio::task::yield_now().await;
        }
    }

    /// A program that waits for a child of its own, and the child's process id once it has one.
    async fn hanging(folder: &std::path::Path, timeout: Nanos) -> (CommandSource, String) {
        let script = "sleep 600 & echo $! > child.new && mv child.new child; wait";
        let command = MetricCommand { folder: folder.to_owned(), timeout, ..shell(script) };
        let mut source = CommandSource::new(command);
        assert_eq!(source.read(RunTime::ZERO).await, Ok(None), "a reading waits for no program");
        loop {
            match std::fs::read_to_string(folder.join("child")) {
                Ok(pid) => return (source, pid),
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }

    #[tokio::test]
    async fn program_that_hangs_is_killed_with_all_that_it_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let limit = Nanos::from_millis(1_500);
        let (mut source, child) = hanging(folder.path(), limit).await;
        let failure = outcome(&mut source, RunTime::ZERO).await;
        assert_eq!(failure, Err(ObserveError::Timeout(limit)));
        ends(&child).await;
    }

    #[tokio::test]
    async fn source_that_is_dropped_kills_its_program() {
        let folder = tempfile::tempdir().expect("a folder");
        let (source, child) = hanging(folder.path(), Nanos::from_secs(600)).await;
        drop(source);
        ends(&child).await;
    }
}
