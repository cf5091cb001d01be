//! What comes to a run from outside: hooks of the workload, planned marks, and marks that others set.
//!
//! A thread of its own waits for all of them, so that a slow command delays neither the load nor the log.
//! Marks are lines of the file `marks` in the run's folder: `plimsoll mark` writes them, and so can a script.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::metrics::{Event, EventKind};
use crate::plan::Hook;
use crate::transport::Clock;
use crate::units::{Nanos, RunTime};

use super::exit::Failure;

/// The file in a run's folder whose lines become marks.
pub(super) const MARKS: &str = "marks";
/// How often it is looked at. The line says when it was written, so nothing is dated late.
const LOOK: Duration = Duration::from_millis(200);
/// What is kept of a command's output, in bytes of each stream.
const KEPT: usize = 2_000;
/// Longest mark.
const LONGEST: usize = 300;
/// Events that nobody has taken yet; whoever has more to say waits.
const INBOX: usize = 64;

/// What is to happen, and where.
#[derive(Debug, Clone, Default)]
pub(super) struct HookPlan {
    /// Hooks and planned marks.
    pub(super) hooks: Vec<Hook>,
    /// Where commands run: the scenario's folder.
    pub(super) folder: PathBuf,
    /// The run's own folder.
    pub(super) run: PathBuf,
    /// What commands are told as `PLIMSOLL_TARGET`.
    pub(super) target: String,
}

/// The thread that waits. Dropped, it stops at once, and commands with it.
pub(super) struct HookThread {
    inbox: mpsc::Receiver<Event>,
    stop: CancellationToken,
    /// Returns what it had to cut off.
    thread: Option<std::thread::JoinHandle<Vec<Event>>>,
}

impl HookThread {
    pub(super) fn start(plan: HookPlan, clock: Clock) -> Result<Self, Failure> {
        let (outbox, inbox) = mpsc::channel(INBOX);
        let stop = CancellationToken::new();
        let waiting = HookRunner { plan, clock, outbox, running: RefCell::default() };
        let stopped = stop.clone();
        let thread = std::thread::Builder::new()
            .name("outside".to_owned())
            .spawn(move || {
                wait_until(&waiting, &stopped);
                waiting.cut_off()
            })
            .map_err(|error| Failure::while_doing("cannot start a thread", &error))?;
        Ok(Self { inbox, stop, thread: Some(thread) })
    }

    /// Awaits the next event. May be dropped while it waits.
    pub(super) async fn next(&mut self) -> Event {
        match self.inbox.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }
}

impl HookThread {
    /// Ends it with the run. Returns what nobody has taken yet, and the end of each hook that was still running.
    pub(super) fn finish(mut self) -> Vec<Event> {
        let cut_off = self.stop();
        let mut events: Vec<Event> = std::iter::from_fn(|| self.inbox.try_recv().ok()).collect();
        events.extend(cut_off);
        events
    }

    fn stop(&mut self) -> Vec<Event> {
        self.stop.cancel();
        // It waits for nothing but the token now.
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for HookThread {
    fn drop(&mut self) {
        self.stop();
    }
}

fn wait_until(waiting: &HookRunner, stop: &CancellationToken) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    // Without a runtime nothing comes from outside; the run itself needed one too, so this is theory.
    let Ok(runtime) = runtime else { return };
    runtime.block_on(async {
        tokio::select! {
            () = waiting.marks() => {}
            () = waiting.hooks() => {}
            () = stop.cancelled() => {}
        }
    });
}

struct HookRunner {
    plan: HookPlan,
    clock: Clock,
    outbox: mpsc::Sender<Event>,
    /// The commands of hooks that are running.
    running: RefCell<Vec<(Id, String)>>,
}

impl HookRunner {
    async fn send_event(&self, at: RunTime, kind: EventKind) {
        // Nobody listens once the run has ended, and then nobody wants to know.
        let _ = self.outbox.send(Event { at, kind }).await;
    }

    /// Looks at the file of marks for ever.
    async fn marks(&self) {
        let file = self.plan.run.join(MARKS);
        let mut read = 0;
        loop {
            tokio::time::sleep(LOOK).await;
            let Ok(bytes) = fs::read(&file) else { continue };
            let new = bytes.get(read..).unwrap_or_default();
            // A line that is still being written has no end yet.
            let Some(last) = new.iter().rposition(|byte| *byte == b'\n') else { continue };
            let text = String::from_utf8_lossy(&new[..last]).into_owned();
            read += last + 1;
            for line in text.lines() {
                let (at, text) = self.dated(line);
                if !text.is_empty() {
                    self.send_event(at, EventKind::Mark(text)).await;
                }
            }
        }
    }

    /// `@NANOSECONDS text`, by the machine's monotonic clock, as `plimsoll mark` writes it; anything else
    /// happens now.
    fn dated(&self, line: &str) -> (RunTime, String) {
        let now = self.clock.now();
        let stamped = line.strip_prefix('@').and_then(|rest| rest.split_once(' '));
        let stamp = stamped.and_then(|(stamp, text)| Some((stamp.parse().ok()?, text)));
        match stamp {
            Some((stamp, text)) => (self.clock.at(Nanos::new(stamp)).min(now), shortened(text)),
            None => (now, shortened(line)),
        }
    }

    /// Carries out every hook at its time, several at once where they overlap; then waits for ever.
    async fn hooks(&self) {
        let mut running = JoinSet::new();
        for hook in &self.plan.hooks {
            let due = tokio::time::sleep(hook.at.since(self.clock.now()).into());
            tokio::pin!(due);
            loop {
                tokio::select! {
                    () = &mut due => break,
                    Some(ended) = running.join_next_with_id() => self.report_end(ended).await,
                }
            }
            self.send_event(self.clock.now(), EventKind::Mark(shortened(&hook.mark))).await;
            if let Some((command, timeout)) = &hook.run {
                let task = running.spawn(run(self.command(command), command.clone(), *timeout));
                self.running.borrow_mut().push((task.id(), command.clone()));
            }
        }
        while let Some(ended) = running.join_next_with_id().await {
            self.report_end(ended).await;
        }
        std::future::pending::<()>().await;
    }

    async fn report_end(&self, ended: Result<(Id, String), JoinError>) {
        let (id, text) = ended.unwrap_or_else(|error| (error.id(), format!("failed: {error}")));
        self.running.borrow_mut().retain(|(known, _)| *known != id);
        self.send_event(self.clock.now(), EventKind::Hook(text)).await;
    }

    /// The end of each command that was still running: it was ended with the run.
    fn cut_off(self) -> Vec<Event> {
        let at = self.clock.now();
        let end = |(_, command)| Event {
            at,
            kind: EventKind::Hook(format!("`{command}` was cut off by the run's end")),
        };
        self.running.into_inner().into_iter().map(end).collect()
    }

    fn command(&self, text: &str) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", text])
            .env("PLIMSOLL_RUN", absolute(&self.plan.run))
            .env("PLIMSOLL_TARGET", &self.plan.target)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        // The systems that the program brings along have no folder.
        if self.plan.folder.is_dir() {
            command.current_dir(&self.plan.folder);
        }
        command
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Runs a command to its end or its limit and says what it came to.
async fn run(mut command: Command, text: String, limit: Nanos) -> String {
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return format!("`{text}` cannot be started: {error}"),
    };
    let mut group = ProcessGroup(child.id());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let ended = tokio::time::timeout(limit.into(), async {
        tokio::join!(child.wait(), kept(out), kept(err))
    });
    let Ok((status, out, err)) = ended.await else {
        return format!("`{text}` was ended: it took longer than {limit}");
    };
    group.0 = None;
    let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
    let said: Vec<&str> = [out.trim(), err.trim()].into_iter().filter(|s| !s.is_empty()).collect();
    let said = if said.is_empty() { String::new() } else { format!(": {}", said.join(" · ")) };
    format!("`{text}` ended, {how}{said}")
}

/// A command with everything it started; dropped before it has ended by itself, it is ended.
struct ProcessGroup(Option<u32>);

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        let pid = self.0.and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
        if let Some(pid) = pid {
            // It may have ended by itself meanwhile.
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
}

/// The beginning of a stream as text; the rest is read and dropped, so that nobody waits for a reader.
async fn kept(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let (mut kept, mut buffer) = (Vec::new(), vec![0; 4_096]);
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        let room = KEPT - kept.len();
        kept.extend_from_slice(&buffer[..length.min(room)]);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

fn shortened(text: &str) -> String {
    text.trim().chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(at_ms: u64, command: &str, limit: Nanos) -> Hook {
        let at = RunTime::ZERO + Nanos::from_millis(at_ms);
        Hook { at, mark: command.to_owned(), run: Some((command.to_owned(), limit)) }
    }

    fn start(run: &Path, hooks: Vec<Hook>) -> HookThread {
        let (folder, run) = (run.to_owned(), run.to_owned());
        let plan = HookPlan { hooks, folder, run, target: "http://127.0.0.1:1".to_owned() };
        HookThread::start(plan, Clock::starting_in(Nanos::ZERO)).expect("a thread")
    }

    #[tokio::test]
    async fn hook_is_marked_and_its_output_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let limit = Nanos::from_secs(60);
        let mut outside =
            start(folder.path(), vec![hook(1, "echo $PLIMSOLL_TARGET; exit 3", limit)]);
        let marked = outside.next().await;
        assert_eq!(marked.kind, EventKind::Mark("echo $PLIMSOLL_TARGET; exit 3".to_owned()));
        let EventKind::Hook(text) = outside.next().await.kind else { panic!("no output") };
        assert!(text.ends_with("ended, exit status: 3: http://127.0.0.1:1"), "{text}");
    }

    #[tokio::test]
    async fn hook_that_takes_too_long_is_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let limit = Nanos::from_millis(50);
        let mut outside = start(folder.path(), vec![hook(0, "sleep 600", limit)]);
        outside.next().await;
        let EventKind::Hook(text) = outside.next().await.kind else { panic!("no end") };
        assert_eq!(text, "`sleep 600` was ended: it took longer than 50ms");
    }

    #[tokio::test]
    async fn hook_that_outlives_the_run_is_told_to_be_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let limit = Nanos::from_secs(60);
        let mut outside =
            start(folder.path(), vec![hook(0, "true", limit), hook(0, "sleep 600", limit)]);
        let mut ended = 0;
        while ended == 0 {
            ended += usize::from(matches!(outside.next().await.kind, EventKind::Hook(_)));
        }
        let events: Vec<EventKind> = outside.finish().into_iter().map(|event| event.kind).collect();
        let report_end = EventKind::Hook("`sleep 600` was cut off by the run's end".to_owned());
        assert_eq!(events.last(), Some(&report_end), "{events:?}");
        let hooks = events.iter().filter(|kind| matches!(kind, EventKind::Hook(_))).count();
        assert_eq!(hooks, 1, "the other one has ended by itself: {events:?}");
    }

    #[tokio::test]
    async fn lines_of_the_file_become_marks_once_they_are_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(MARKS), "@1 begun before\nreplica 2 stopped\nhalf a li")
            .expect("written");
        let mut outside = start(folder.path(), vec![]);
        let first = outside.next().await;
        assert_eq!(
            first,
            Event { at: RunTime::ZERO, kind: EventKind::Mark("begun before".into()) }
        );
        assert_eq!(outside.next().await.kind, EventKind::Mark("replica 2 stopped".into()));
    }
}
