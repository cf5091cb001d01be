//! The only place where the model changes.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Position;

use super::keys::{KeyAction, action};
use super::live::{LiveRun, RunState};
use super::message::{PointerEvent, PointerEventKind};
use super::model::{Model, ResultsPage, ScreenContent};
use super::page::{Page, Panel, Question};
use super::past_runs::{ComparedRuns, ComparisonSide};
use super::pointer::{PointedAt, pointed_at};
use super::prompt::{Prompt, PromptOutcome, PromptPurpose};
use super::{Command, Message, footer, view};
use plimsoll_load::engine::SteeringCommand;

/// Takes a message in. Returns what is to be done in the world.
pub fn update(model: &mut Model, message: Message) -> Command {
    match message {
        Message::Key(key) => return on_key(model, key),
        Message::Resize(size) => model.screen = size,
        Message::Pointer(event) => on_pointer(model, event),
        Message::Places(places) => model.launcher.on_places(places),
        Message::History(runs) => model.history.on_runs(runs),
        Message::Begun(begun) => {
            say(model, format!("written to {}", begun.folder));
            model.search = None;
            model.live = Some(LiveRun::new(*begun));
            model.go(Page::Live);
            model.refusal.clear();
        }
        Message::Search(search) => {
            model.search = Some(*search);
            model.go(Page::Capacity);
        }
        Message::Interval(interval) => {
            if let Some(search) = &mut model.search {
                search.on_interval(&interval);
            }
            with_live(model, |live| live.on_interval(*interval));
            model.notice_seconds = model.notice_seconds.saturating_sub(1);
            if model.notice_seconds == 0 {
                model.notice.clear();
            }
        }
        Message::Page(load) => with_live(model, |live| live.on_page(*load)),
        Message::Event(event) => with_live(model, |live| live.on_event(event)),
        Message::Steered(steering) => with_live(model, |live| live.on_steering(&steering)),
        Message::Finished(finished) => {
            if finished.opened {
                model.live = None;
                model.search = None;
            }
            with_live(model, LiveRun::on_end);
            model.after = Some(ResultsPage::new(*finished));
            model.go(Page::After);
            model.charts_after = false;
            model.question = None;
            model.prompt = None;
        }
        Message::Compared(diff) => {
            model.diff = Some(*diff);
            model.go(Page::Diff);
            model.notice.clear();
        }
        Message::Refused(why) => {
            model.refusal = why;
            if model.page == Page::Live {
                model.go(Page::Launcher);
            }
        }
        Message::Notice(text) => say(model, text),
        Message::Suspend => return Command::Suspend,
        Message::Quit => return Command::Quit,
    }
    Command::Nothing
}

/// Seconds of a run for which a notice hides the keys.
const NOTICE: u32 = 5;

fn say(model: &mut Model, notice: impl Into<String>) {
    model.notice = notice.into();
    model.notice_seconds = NOTICE;
}

fn with_live(model: &mut Model, change: impl FnOnce(&mut LiveRun)) {
    if let Some(live) = &mut model.live {
        change(live);
    }
}

fn on_key(model: &mut Model, key: KeyEvent) -> Command {
    model.notice.clear();
    if let Some(mut prompt) = model.prompt.take() {
        return match prompt.on_key(key) {
            PromptOutcome::Open => {
                model.prompt = Some(prompt);
                Command::Nothing
            }
            PromptOutcome::Cancelled => Command::Nothing,
            PromptOutcome::Done => on_typed(model, prompt),
        };
    }
    if let Some(question) = model.question.take() {
        return on_answer(question, key);
    }
    if !model.refusal.is_empty() {
        model.refusal.clear();
        return Command::Nothing;
    }
    if let Some(scrolled) = model.help {
        match key.code {
            KeyCode::Up => scroll_help(model, scrolled, -1),
            KeyCode::Down => scroll_help(model, scrolled, 1),
            _ => model.help = None,
        }
        return Command::Nothing;
    }
    match action(model.page, key) {
        Some(action) => on_action(model, action),
        None => Command::Nothing,
    }
}

/// Lines that a notch of the wheel scrolls by, as in most terminals.
const NOTCH: isize = 3;

/// Selects and scrolls, and nothing else: a slip of the hand neither starts, steers nor stops a run.
fn on_pointer(model: &mut Model, event: PointerEvent) {
    // What is asked for is answered by a key.
    if model.prompt.is_some() || model.question.is_some() {
        return;
    }
    let turned = match event.kind {
        PointerEventKind::Click => None,
        PointerEventKind::WheelUp => Some(-1),
        PointerEventKind::WheelDown => Some(1),
    };
    match (turned, model.help) {
        (None, _) if !model.refusal.is_empty() => model.refusal.clear(),
        (Some(_), _) if !model.refusal.is_empty() => {}
        (None, Some(_)) => model.help = None,
        (Some(by), Some(scrolled)) => scroll_help(model, scrolled, by),
        (None, None) => select(model, event.at),
        (Some(by), None) => turn(model, event.at, by),
    }
}

fn select(model: &mut Model, at: Position) {
    match pointed_at(model, at) {
        PointedAt::Choice(index) => model.launcher.choose_place(index),
        PointedAt::Run(index) => model.history.mark(index),
        PointedAt::Panel(panel) => show_panel(model, panel),
        PointedAt::Page => {}
    }
}

/// A list goes on by an entry a notch; text is scrolled, and of several panels the one that is pointed at.
fn turn(model: &mut Model, at: Position, by: isize) {
    match (pointed_at(model, at), model.shown()) {
        (PointedAt::Choice(_) | PointedAt::Run(_), _) => step(model, by),
        (PointedAt::Panel(panel), _) => {
            show_panel(model, panel);
            step(model, by * NOTCH);
        }
        (
            PointedAt::Page,
            ScreenContent::Launcher | ScreenContent::History | ScreenContent::Live(_),
        ) => {}
        (PointedAt::Page, _) => step(model, by * NOTCH),
    }
}

fn show_panel(model: &mut Model, panel: Panel) {
    if model.look.panel != panel {
        model.look.panel = panel;
        model.look.scroll = 0;
    }
}

fn scroll_help(model: &mut Model, from: usize, by: isize) {
    model.help = Some(from.saturating_add_signed(by).min(footer::help_scroll_max(model)));
}

fn on_answer(question: Question, key: KeyEvent) -> Command {
    match (question, key.code) {
        (Question::Leave, KeyCode::Char('y' | 'q') | KeyCode::Enter) => Command::StopAndQuit,
        (Question::Leave, _) => Command::Nothing,
    }
}

fn on_typed(model: &mut Model, prompt: Prompt) -> Command {
    if prompt.purpose == PromptPurpose::Mark {
        let text = prompt.text.trim();
        let text = if text.is_empty() { "mark" } else { text };
        return Command::Steer(SteeringCommand::Mark(text.to_owned()));
    }
    if let Err(problem) = model.launcher.set_field(prompt.purpose, &prompt.text) {
        model.prompt = Some(Prompt { problem, ..prompt });
    }
    Command::Nothing
}

fn on_action(model: &mut Model, action: KeyAction) -> Command {
    match action {
        KeyAction::Help => model.help = Some(0),
        KeyAction::Quit => return quit(model),
        KeyAction::Suspend => return suspend(model),
        KeyAction::Up | KeyAction::Down => {
            step(model, if action == KeyAction::Up { -1 } else { 1 });
        }
        KeyAction::NextPanel | KeyAction::PreviousPanel => {
            let by = if action == KeyAction::NextPanel { 1 } else { -1 };
            show_panel(model, model.look.panel.next(by));
        }
        KeyAction::Zoom => model.look.zoomed = !model.look.zoomed,
        KeyAction::Sort => model.look.sort = model.look.sort.next(),
        KeyAction::Window => model.look.span = model.look.span.next(),
        KeyAction::Charts => charts(model),
        KeyAction::Again => return again(model),
        KeyAction::Open => {
            return model.history.folder().map_or(Command::Nothing, Command::Open);
        }
        KeyAction::Choose => model.history.choose(),
        KeyAction::ChooseBefore => model.history.put(ComparisonSide::Before),
        KeyAction::ChooseAfter => model.history.put(ComparisonSide::After),
        KeyAction::Compare => return compare(model),
        KeyAction::Back | KeyAction::Launcher
            if model.page == Page::Capacity && is_searching(model) =>
        {
            say(model, "the search goes on: s stops it");
        }
        KeyAction::Back => model.go_back(),
        KeyAction::Launcher => model.go(Page::Launcher),
        KeyAction::History => model.go(Page::History),
        KeyAction::Rescan => return Command::Rescan,
        KeyAction::Left => model.launcher.choose_workload(-1),
        KeyAction::Right => model.launcher.choose_workload(1),
        KeyAction::Start => return start(model),
        KeyAction::Edit => return edit(model),
        KeyAction::Target => ask(model, PromptPurpose::Target),
        KeyAction::RateField => ask(model, PromptPurpose::Rate),
        KeyAction::DurationField => ask(model, PromptPurpose::Duration),
        KeyAction::ThinkField => ask(model, PromptPurpose::Think),
        KeyAction::SeedField => ask(model, PromptPurpose::Seed),
        KeyAction::Settings => ask(model, PromptPurpose::Settings),
        KeyAction::Tags => ask(model, PromptPurpose::Tags),
        KeyAction::Mark => model.prompt = Some(Prompt::new(PromptPurpose::Mark, "")),
        KeyAction::Faster
        | KeyAction::Slower
        | KeyAction::MuchFaster
        | KeyAction::MuchSlower
        | KeyAction::Hold
        | KeyAction::Skip
        | KeyAction::Pause
        | KeyAction::Stop
        | KeyAction::Abort => return steer(model, action),
    }
    Command::Nothing
}

/// Between a verdict and what led to it: the charts of a run, the curve of a search.
fn charts(model: &mut Model) {
    match (model.page, &model.search, &model.live) {
        (Page::Capacity, ..) if model.after.is_some() && !is_searching(model) => {
            model.go(Page::After);
        }
        (Page::Capacity, ..) if is_searching(model) => {
            say(model, "the report comes when the search is over");
        }
        (Page::Capacity, ..) => say(model, "the report is being made; a moment"),
        (_, Some(_), None) => model.go(Page::Capacity),
        (_, _, Some(_)) => model.charts_after = !model.charts_after,
        (_, None, None) => {
            say(model, "only runs of this session have live charts; open the report");
        }
    }
    model.look.scroll = 0;
}

/// Whether a search is under way.
fn is_searching(model: &Model) -> bool {
    model.search.as_ref().is_some_and(|search| search.outcome.is_none())
}

/// Whether load is sent.
fn is_busy(model: &Model) -> bool {
    is_searching(model) || model.live.as_ref().is_some_and(LiveRun::is_running)
}

fn quit(model: &mut Model) -> Command {
    if is_busy(model) {
        model.question = Some(Question::Leave);
        return Command::Nothing;
    }
    Command::Quit
}

/// A stopped process sends nothing: during a run that would be a gap in the load.
fn suspend(model: &mut Model) -> Command {
    if is_busy(model) {
        say(model, "Ctrl-Z would stop the load with the screen; s stops the run");
        return Command::Nothing;
    }
    Command::Suspend
}

fn step(model: &mut Model, by: isize) {
    match model.page {
        Page::Launcher => model.launcher.step_place(by),
        Page::History => model.history.step(by),
        Page::Live | Page::After | Page::Diff | Page::Capacity => {
            // What was scrolled to may have become shorter, or the screen larger.
            let most = view::scroll_max(model);
            model.look.scroll = model.look.scroll.min(most).saturating_add_signed(by).min(most);
        }
    }
}

fn again(model: &mut Model) -> Command {
    if model.after.as_ref().is_some_and(|after| after.finished.opened) {
        say(model, "a run from the history starts in the launcher: Esc");
        return Command::Nothing;
    }
    Command::Again
}

/// On the page of a run: with the run before. In the history: the sides that were chosen.
fn compare(model: &mut Model) -> Command {
    let sides = match (model.page, &model.after) {
        (Page::After, Some(after)) => {
            let before = model.history.before(&after.finished.report);
            let after = PathBuf::from(&after.finished.folder);
            before.map(|run| ComparedRuns { before: vec![run.folder.clone()], after: vec![after] })
        }
        _ => model.history.sides(),
    };
    let Some(sides) = sides else {
        say(
            model,
            match model.page {
                Page::After => "there is no run of this workload before it",
                _ => "choose two runs first: space, or a and b",
            },
        );
        return Command::Nothing;
    };
    say(model, "comparing…");
    Command::Compare(sides)
}

fn start(model: &mut Model) -> Command {
    match model.launcher.launch() {
        Ok(launch) => {
            say(model, format!("starting {}…", launch.name));
            Command::Launch(Box::new(launch))
        }
        Err(why) => {
            say(model, why);
            Command::Nothing
        }
    }
}

fn edit(model: &mut Model) -> Command {
    if let Some(file) = model.launcher.file() {
        return Command::Edit(file);
    }
    say(model, "a demo's files are inside the program; copy `scenarios/` to change them");
    Command::Nothing
}

fn ask(model: &mut Model, purpose: PromptPurpose) {
    let text = model.launcher.field(purpose);
    model.prompt = Some(Prompt::new(purpose, text));
}

/// Steps of the rate: a finger's, and a hand's.
const STEP: f64 = 1.05;
const LEAP: f64 = 1.10;

fn steer(model: &mut Model, action: KeyAction) -> Command {
    if is_searching(model) {
        say(model, "stopping: requests in flight get 5 s");
        return Command::Steer(SteeringCommand::Stop);
    }
    let Some(live) = model.live.as_mut().filter(|live| live.is_running()) else {
        say(model, "the run is over");
        return Command::Nothing;
    };
    let command = match action {
        KeyAction::Stop => SteeringCommand::Stop,
        KeyAction::Abort => SteeringCommand::Abort,
        _ if live.is_closed() => {
            say(model, "closed model: the users set the pace, the rate cannot be steered");
            return Command::Nothing;
        }
        KeyAction::Pause if live.state == RunState::Paused => SteeringCommand::Resume,
        _ if live.state == RunState::Paused => {
            say(model, "arrivals are paused; p lets them go on");
            return Command::Nothing;
        }
        KeyAction::Pause => SteeringCommand::Pause,
        KeyAction::Faster => SteeringCommand::Scale(STEP),
        KeyAction::Slower => SteeringCommand::Scale(1.0 / STEP),
        KeyAction::MuchFaster => SteeringCommand::Scale(LEAP),
        KeyAction::MuchSlower => SteeringCommand::Scale(1.0 / LEAP),
        KeyAction::Hold => SteeringCommand::Hold,
        _ => SteeringCommand::SkipStage,
    };
    if matches!(command, SteeringCommand::Stop | SteeringCommand::Abort) {
        live.state = RunState::Stopping;
    }
    Command::Steer(command)
}
