//! A terminal that takes nothing, and a run that does not notice.

use std::io::{self, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use std::{fs, thread};

use super::*;
use crate::app::asked::{FleetRole, RunRequest};
use crate::app::drive::drive;
use crate::app::files;
use crate::app::prepare::prepare;
use crate::app::runtime::runtime;
use crate::cli;
use crate::metrics::{EventKind, PageLoad, RunEnd, RunLog, StopReason};
use crate::tui::ThemeColours;

/// A writer whose bytes go nowhere until it is opened, or until it has lost its patience.
#[derive(Clone)]
struct Gate {
    shared: Arc<(Mutex<GateState>, Condvar)>,
    patience: Duration,
}

#[derive(Default)]
struct GateState {
    open: bool,
    /// Somebody waits, or has waited.
    reached: bool,
    timed_out: bool,
}

impl Gate {
    fn shut(patience: Duration) -> Self {
        Self { shared: Arc::default(), patience }
    }

    /// Waits until something stands before the gate.
    fn await_writer(&self) {
        let (state, changed) = &*self.shared;
        let state = state.lock().expect("not poisoned");
        let (state, _) =
            changed.wait_timeout_while(state, self.patience, |s| !s.reached).expect("not poisoned");
        assert!(state.reached, "nothing was drawn");
    }

    fn open(&self) {
        let (state, changed) = &*self.shared;
        state.lock().expect("not poisoned").open = true;
        changed.notify_all();
    }

    fn timed_out(&self) -> bool {
        self.shared.0.lock().expect("not poisoned").timed_out
    }
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (state, changed) = &*self.shared;
        let mut state = state.lock().expect("not poisoned");
        state.reached = true;
        changed.notify_all();
        let closed = |state: &mut GateState| !state.open && !state.timed_out;
        let (mut state, waited) =
            changed.wait_timeout_while(state, self.patience, closed).expect("not poisoned");
        state.timed_out |= waited.timed_out();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Nobody types.
struct NoKeys;

impl KeySource for NoKeys {
    fn next(&mut self, within: Duration) -> io::Result<Option<Message>> {
        thread::park_timeout(within);
        Ok(None)
    }
}

/// The thread of the screen, on a gate instead of a terminal.
fn screen_before(gate: &Gate) -> RunScreen {
    let gate = gate.clone();
    RunScreen::start(move |inbox, _| {
        let mut model = Model::new(Theme::new(ThemeColours::Sixteen, false), true);
        let mut screen = tui::TerminalScreen::over(gate, 80, 24)?;
        tui::run(&mut screen, &mut NoKeys, &mut model, inbox, &mut |_| {})
    })
    .expect("a thread")
}

/// Draws on the run's own thread, as no observer may.
struct PaintingObserver {
    screen: tui::TerminalScreen<Gate>,
    model: Model,
}

impl RunObserver for PaintingObserver {
    fn on_interval(&mut self, interval: Interval) {
        tui::update(&mut self.model, Message::Interval(Box::new(interval)));
        self.screen.draw(&self.model).expect("drawn");
    }

    fn on_page(&mut self, _: PageLoad) {}

    fn on_event(&mut self, _: Event) {}

    fn on_steering(&mut self, _: Steering) {}

    fn on_signal(&mut self) {}

    fn on_end(&mut self, _: &RunEnd) {}

    async fn next_steering(&mut self) -> SteeringCommand {
        std::future::pending().await
    }
}

/// Does one thing after the other, as quickly as the run takes them.
struct SteeringObserver(Vec<SteeringCommand>);

impl RunObserver for SteeringObserver {
    fn on_interval(&mut self, _: Interval) {}

    fn on_page(&mut self, _: PageLoad) {}

    fn on_event(&mut self, _: Event) {}

    fn on_steering(&mut self, _: Steering) {}

    fn on_signal(&mut self) {}

    fn on_end(&mut self, _: &RunEnd) {}

    async fn next_steering(&mut self) -> SteeringCommand {
        if self.0.is_empty() {
            return std::future::pending().await;
        }
        self.0.remove(0)
    }
}

/// Answers every request with an empty page, for as long as the process lives.
fn server() -> String {
    fn serve(mut stream: TcpStream) -> io::Result<()> {
        let (mut head, mut byte) = (Vec::new(), [0]);
        loop {
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
            if head.ends_with(b"\r\n\r\n") {
                head.clear();
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
            }
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    url
}

const SCENARIO: &str = "
name: stalled
target: http://127.0.0.1:9
workloads: { short: { arrivals: constant, stages: [{ rate: 100 req/s, duration: 300ms }] } }
scenarios: { only: { weight: 1, flow: [{ get: { name: page, url: / } }] } }
";

/// A short run before `observer`: how it ended, and its log.
fn play(folder: &Path, observer: &mut impl RunObserver) -> (StopReason, RunLog) {
    let runtime = runtime().expect("a runtime");
    fs::write(folder.join("scenario.yaml"), SCENARIO).expect("written");
    let asked = RunRequest {
        target: Some(server()),
        green: cli::SplitArgs::default(),
        settings: &[],
        shard: None,
        of_url: None,
        tags: &[],
        preflight: false,
        may_load: &[],
        browsers: false,
        simulated: false,
        role: FleetRole::Alone,
    };
    let load = cli::LoadArgs { workers: Some(1), ..cli::LoadArgs::default() };
    let out = folder.join("reports");
    let mut prepared = prepare(&runtime, folder, &asked, &load, &out).expect("a sound scenario");
    let reason = runtime.block_on(drive(&mut prepared, observer)).expect("it plays");
    let (log, _) = files::read_log(prepared.folder.path()).expect("a log");
    (reason, log)
}

/// Far longer than the run, whatever else the machine does.
const LONG: Duration = Duration::from_mins(1);

/// Goal: prove that no part of a run waits for the terminal. Method: the screen's thread stands in a write
/// that does not return before the run has ended, and its feed is full. Were anything drawn by the run's
/// thread, or the feed waited for, the write would have to lose its patience first.
#[test]
fn run_ends_and_is_written_down_while_the_terminal_takes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let gate = Gate::shut(LONG);
    let mut screen = screen_before(&gate);
    gate.await_writer();
    for _ in 0..=FEED {
        screen.print(Message::Resize(ratatui::layout::Size::new(80, 24)));
    }
    let (reason, log) = play(folder.path(), &mut screen);
    assert!(!gate.timed_out(), "the run waited for the terminal");
    assert_eq!(reason, StopReason::Finished);
    assert_eq!(log.intervals.iter().map(Interval::requests).sum::<u64>(), 30);
    assert!(log.end.is_some());
    gate.open();
    runtime().expect("a runtime").block_on(screen.close()).expect("the screen ends with its feed");
}

/// Goal: prove that the test above can fail. Method: an audience that draws by itself.
#[test]
fn run_that_draws_by_itself_waits_for_the_terminal() {
    let folder = tempfile::tempdir().expect("a folder");
    let gate = Gate::shut(Duration::from_millis(200));
    let screen = tui::TerminalScreen::over(gate.clone(), 80, 24).expect("a screen");
    let mut painter = PaintingObserver {
        screen,
        model: Model::new(Theme::new(ThemeColours::Sixteen, false), true),
    };
    let (reason, _) = play(folder.path(), &mut painter);
    assert_eq!(reason, StopReason::Finished);
    assert!(gate.timed_out(), "the gate holds nobody up");
}

#[test]
fn every_steering_command_is_an_event_of_the_log_and_marks_the_run() {
    for (command, words, steered) in [
        (SteeringCommand::Scale(1.1), "rate +10 % to 110 req/s", true),
        (SteeringCommand::Hold, "held at 100 req/s", true),
        (SteeringCommand::SkipStage, "skipped to the next stage", true),
        (SteeringCommand::Pause, "arrivals paused", true),
        (SteeringCommand::Stop, "stop asked for", true),
        (SteeringCommand::Abort, "aborted", true),
        (SteeringCommand::Mark("deployed".into()), "deployed", false),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let resume = (command == SteeringCommand::Pause).then_some(SteeringCommand::Resume);
        let commands = [Some(command.clone()), resume].into_iter().flatten().collect();
        let (_, log) = play(folder.path(), &mut SteeringObserver(commands));
        let texts: Vec<String> = log.events.iter().map(|event| text(&event.kind)).collect();
        assert!(texts.iter().any(|text| text.contains(words)), "{command:?}: {texts:?}");
        assert_eq!(log.steered(), steered, "{command:?}");
    }
}

fn text(kind: &EventKind) -> String {
    match kind {
        EventKind::Mark(text)
        | EventKind::Hook(text)
        | EventKind::Steered(text)
        | EventKind::Warning(text) => text.clone(),
        EventKind::SourceError(source) => source.to_string(),
        EventKind::Failure(example) => example.message.clone(),
        EventKind::Exemplar(exemplar) => exemplar.correlation.clone(),
        EventKind::Aborted(note) => note.to_string(),
    }
}
