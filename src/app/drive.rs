//! The loop of a run: events go into the log and to the observer; commands come from it and from signals.

use crate::engine::{Control, EngineError, Run, RunEvent, Steering, SteeringCommand};
use crate::metrics::{Event, EventKind, Interval, PageLoad, RunEnd, RunLine, StopReason};
use crate::transport::Clock;

use super::abort::AbortGuard;
use super::audience::RunObserver;
use super::browsing::PageFeed;
use super::exit::Failure;
use super::files::RunFolder;
use super::guard::GreenGuard;
use super::lifecycle;
use super::mask;
use super::observing::SnapshotFeed;
use super::output::say;
use super::prepare::PreparedRun;
use super::progress::RunProgress;
use super::signals::StopSignals;
use super::talk;
use crate::units::RunTime;

/// Plays the run to its end, writing the log as it goes.
pub(super) async fn drive(
    prepared: &mut PreparedRun,
    observer: &mut impl RunObserver,
) -> Result<StopReason, Failure> {
    let played = play(prepared, observer).await;
    lifecycle::leave_nothing(&mut prepared.plan, &prepared.options, played).await
}

async fn play(
    prepared: &mut PreparedRun,
    observer: &mut impl RunObserver,
) -> Result<StopReason, Failure> {
    let failed = |error: EngineError| Failure::while_doing("the run failed", &error);
    #[cfg(feature = "fleet")]
    if let Some(agents) = prepared.agents.take() {
        talk::never_wait();
        return super::fleet::lead(agents, prepared, observer).await;
    }
    let mut signals = StopSignals::new()?;
    talk::never_wait();
    let hosts = prepared.browser_hosts.take();
    let mut browsing =
        PageFeed::start(prepared.plan.clone(), hosts, prepared.options.workers).await?;
    let is_stopped = tokio::select! {
        () = browsing.idle() => false,
        () = signals.next() => true,
    };
    let mut run = match prepared.start {
        Some(at) => Run::start_on(Clock::beginning_at(at), &prepared.plan, &prepared.options),
        None => Run::start(&prepared.plan, &prepared.options),
    }
    .map_err(failed)?;
    let control = run.control();
    browsing.begin(run.clock());
    if is_stopped {
        interrupt(observer, &control);
    }
    let mut observing = SnapshotFeed::start(prepared, run.clock())?;
    let mut guard = GreenGuard::new(prepared, &control);
    let mut abort = AbortGuard::new(prepared, &control);
    loop {
        tokio::select! {
            events = run.next() => {
                let Some(mut events) = events.map_err(failed)? else { return Ok(StopReason::Aborted) };
                observing.add_to(&mut events);
                guard.add_to(&mut events);
                abort.add_to(&mut events);
                let late = tokio::select! {
                    late = observing.late(&events) => late,
                    () = signals.next() => Vec::new(),
                };
                let pages = browsing.last(&events);
                for line in late.into_iter().chain(pages) {
                    tell(line, &mut prepared.folder, observer)?;
                }
                if let Some(end) = note(events, &mut prepared.folder, observer)? {
                    tear_down(prepared, end.at, observer, &mut signals).await?;
                    prepared.folder.append(&RunLine::End(end))?;
                    observer.on_end(&end);
                    // Where a worker broke down, that is said behind the end, which stands in the log by now.
                    run.next().await.map_err(failed)?;
                    prepared.folder.flush()?;
                    return Ok(end.reason);
                }
            }
            load = browsing.next() => {
                tell(RunLine::Page(load), &mut prepared.folder, observer)?;
            }
            events = observing.next() => {
                note(events, &mut prepared.folder, observer)?;
            }
            command = observer.next_steering() => {
                let event = mask::event(command.carry_out(&control));
                observer.on_steering(control.steering());
                prepared.folder.append(&RunLine::Event(event.clone()))?;
                observer.on_event(event);
            }
            () = signals.next() => interrupt(observer, &control),
        }
    }
}

/// Stops the run as its user asks.
fn interrupt(observer: &mut impl RunObserver, control: &Control) {
    observer.on_signal();
    control.stop(StopReason::Interrupted);
}

/// Plays the teardown, which stands before the end in the log. One that fails is a warning.
pub(super) async fn tear_down(
    prepared: &mut PreparedRun,
    ended: RunTime,
    observer: &mut impl RunObserver,
    signals: &mut StopSignals,
) -> Result<(), Failure> {
    let stopped = async {
        tokio::select! {
            () = signals.next() => {}
            () = lifecycle::given_up(observer) => {}
        }
    };
    let note = lifecycle::tear_down(&mut prepared.plan, &prepared.options, stopped).await?;
    let Some(note) = note else { return Ok(()) };
    let failure = note.failure.clone();
    prepared.folder.append(&RunLine::Lifecycle(note))?;
    if let Some(why) = failure {
        let kind = EventKind::Warning(format!("the teardown failed: {why}"));
        let event = mask::event(Event { at: ended, kind });
        prepared.folder.append(&RunLine::Event(event.clone()))?;
        observer.on_event(event);
    }
    Ok(())
}

/// Writes a line down, then tells the observer what concerns it.
fn tell(
    line: RunLine,
    folder: &mut RunFolder,
    observer: &mut impl RunObserver,
) -> Result<(), Failure> {
    let line = mask::line(&line).unwrap_or(line);
    folder.append(&line)?;
    match line {
        RunLine::Page(load) => observer.on_page(load),
        RunLine::Event(event) => observer.on_event(event),
        _ => {}
    }
    Ok(())
}

/// Writes events down, then hands them to the observer. Returns the end, which is still to be written, if it is one of
/// them.
fn note(
    events: Vec<RunEvent>,
    folder: &mut RunFolder,
    observer: &mut impl RunObserver,
) -> Result<Option<RunEnd>, Failure> {
    for event in events {
        match event {
            RunEvent::Interval(interval) => {
                let line = RunLine::Interval(*interval);
                folder.append(&line)?;
                if let RunLine::Interval(interval) = line {
                    observer.on_interval(interval);
                }
            }
            RunEvent::Event(event) => {
                let event = mask::event(event);
                folder.append(&RunLine::Event(event.clone()))?;
                observer.on_event(event);
            }
            RunEvent::End(end) => return Ok(Some(end)),
        }
    }
    Ok(None)
}

/// A plain terminal, or a CI log.
impl RunObserver for RunProgress {
    fn on_interval(&mut self, interval: Interval) {
        self.show(&interval);
    }

    fn on_page(&mut self, _: PageLoad) {}

    fn on_event(&mut self, event: Event) {
        match &event.kind {
            EventKind::Warning(text) => say(&format!("warning: {text}")),
            EventKind::SourceError(text) => say(&format!("not observed: {text}")),
            EventKind::Mark(text) => say(&format!("mark {}: {text}", event.at)),
            EventKind::Hook(text) => say(&format!("hook: {text}")),
            EventKind::Aborted(note) => say(&format!("stopping: {note}")),
            EventKind::Steered(_) | EventKind::Failure(_) | EventKind::Exemplar(_) => {}
        }
    }

    fn on_steering(&mut self, _: Steering) {}

    fn on_signal(&mut self) {
        say("\nstopping: requests in flight get 5 s; a second Ctrl-C stops at once");
    }

    fn on_end(&mut self, _: &RunEnd) {
        self.finish();
    }

    async fn next_steering(&mut self) -> SteeringCommand {
        std::future::pending().await
    }
}
