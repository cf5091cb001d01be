//! The terminal UI on a real terminal: whatever ends it, the terminal is as it was before.
#![cfg(feature = "tui")]

mod pty;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::{env, thread};

use plimsoll::tui::{self, Keyboard, Model, TerminalScreen, Theme, ThemeColours};
use pty::Pty;

/// Alternate screen on and off, and the cursor shown again (xterm's control sequences, which all follow).
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";
const SHOW_CURSOR: &str = "\x1b[?25h";

fn plimsoll() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.env("TERM", "xterm-256color").env_remove("NO_COLOR");
    command
}

/// Buttons and wheel told in whole coordinates, and no longer.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// What stands on the plain terminal at the end, after everything that the UI printed.
fn after_the_screen(printed: &str) -> &str {
    let at = printed.rfind(LEAVE);
    assert!(at.is_some(), "never left: {printed:?}");
    let at = at.unwrap_or_default();
    assert!(!printed[at..].contains(ENTER));
    assert_eq!(printed.matches(LEAVE).count(), 1, "leaving twice moves the cursor up again");
    let rest = &printed[at + LEAVE.len()..];
    assert!(rest.contains(SHOW_CURSOR), "the cursor stays hidden: {rest:?}");
    assert!(!rest.contains(MOUSE_ON));
    rest
}

/// Whether what was printed leaves the mouse to the terminal again.
fn gives_mouse_back(printed: &str) -> bool {
    let (on, off) = (printed.rfind(MOUSE_ON), printed.rfind(MOUSE_OFF));
    off.is_some() && off > on
}

fn terminate(pty: &Pty) {
    let pid = rustix::process::Pid::from_child(&pty.program);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it lives");
}

/// Set for the process that is to panic.
const PANIC: &str = "PLIMSOLL_TEST_PANIC";

/// Plays the UI as the program does, on a thread of its own, and panics at the first thing it asks for.
#[expect(clippy::panic, reason = "the panic is what is tested")]
fn panic_on_screen() {
    let (_feed, inbox) = sync_channel(1);
    let screen = thread::Builder::new().name("screen".into()).spawn(move || {
        let mut screen = TerminalScreen::open(true)?;
        let mut model = Model::new(Theme::new(ThemeColours::Either, false), true);
        tui::run(&mut screen, &mut Keyboard, &mut model, &inbox, &mut |command| {
            panic!("the hull is open at {command:?}")
        })
    });
    assert!(screen.expect("a thread").join().is_err());
}

#[test]
fn panic_gives_the_terminal_back_and_can_be_read() {
    if env::var_os(PANIC).is_some() {
        return panic_on_screen();
    }
    let mut command = Command::new(env::current_exe().expect("this test"));
    let name = "panic_gives_the_terminal_back_and_can_be_read";
    command.args(["--exact", name, "--nocapture"]).env(PANIC, "1");
    let mut pty = Pty::start(&mut command, 100, 30).expect("a terminal");
    assert!(pty.is_cooked().expect("settings"));
    let opened = pty.read_to("plimsoll").expect("the launcher");
    assert!(opened.contains(ENTER) && opened.contains(MOUSE_ON), "{opened:?}");
    assert!(!pty.is_cooked().expect("settings"), "keys must come one by one");
    pty.press("R").expect("typed");
    let (status, printed) = pty.read_to_end().expect("an end");
    assert!(status.success(), "{printed}");
    assert!(pty.is_cooked().expect("settings"), "the terminal is still raw");
    assert!(gives_mouse_back(&printed), "{printed:?}");
    let message = after_the_screen(&printed);
    assert!(message.contains("the hull is open at Rescan"), "{message:?}");
}

#[test]
fn kill_gives_the_terminal_back_from_the_launcher() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pty = Pty::start(plimsoll().current_dir(folder.path()), 100, 30).expect("a terminal");
    pty.read_to("alawael").expect("the demos");
    assert!(!pty.is_cooked().expect("settings"));
    terminate(&pty);
    let (status, printed) = pty.read_to_end().expect("an end");
    assert!(gives_mouse_back(&printed), "{printed:?}");
    after_the_screen(&printed);
    assert!(pty.is_cooked().expect("settings"), "the terminal is still raw");
    assert!(status.code().is_some(), "it ends by itself: {status}");
}

/// Without SIGHUP, too, which goes to the leader of the session only where there is one.
#[test]
fn window_that_is_closed_ends_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pty = Pty::start(plimsoll().current_dir(folder.path()), 100, 30).expect("a terminal");
    pty.read_to("alawael").expect("the demos");
    let status = pty.close().expect("an end");
    assert!(status.code().is_some_and(|code| code != 0), "it ends by itself: {status}");
}

#[test]
fn kill_in_a_run_gives_the_terminal_back_and_prints_what_was_measured() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pty = Pty::start(plimsoll().current_dir(folder.path()), 100, 30).expect("a terminal");
    pty.read_to("alawael").expect("the demos");
    pty.press("\r").expect("typed");
    pty.read_to("RUNNING").expect("a run");
    terminate(&pty);
    let (status, printed) = pty.read_to_end().expect("an end");
    let summary = after_the_screen(&printed);
    assert!(summary.contains("OBJECTIVES") && summary.contains("reports/ais/"), "{summary}");
    assert!(pty.is_cooked().expect("settings"), "the terminal is still raw");
    assert_eq!(status.code(), Some(130));
    let runs = folder.path().join("reports/ais").read_dir().expect("reports");
    let run = runs.flatten().next().expect("a run").path();
    let log = std::fs::read_to_string(run.join("run.jsonl")).expect("a log");
    assert!(log.contains("\"reason\":\"interrupted\""), "{log}");
}

/// SGR report (1006) of a mouse: button 0 is the left one, 65 the wheel downwards; columns and rows from 1.
fn mouse(button: u8, column: u16, row: u16) -> String {
    format!("\x1b[<{button};{column};{row}M\x1b[<{button};{column};{row}m")
}

#[test]
fn mouse_chooses_in_the_launcher_and_starts_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pty = Pty::start(plimsoll().current_dir(folder.path()), 100, 30).expect("a terminal");
    // Demos in order of their names from the third line on; the first is chosen, its target beside it.
    pty.read_to("triple").expect("the demos");
    pty.press(&mouse(0, 10, 4)).expect("clicked");
    pty.read_to("alawael").expect("the second is chosen");
    pty.press(&mouse(65, 10, 4)).expect("scrolled");
    pty.read_to("running").expect("the third is chosen");
    pty.press("q").expect("typed");
    let (status, printed) = pty.read_to_end().expect("an end");
    assert!(status.success() && gives_mouse_back(&printed), "{printed:?}");
    after_the_screen(&printed);
    assert!(!folder.path().join("reports").exists(), "nothing was run");
}

#[test]
fn no_mouse_leaves_the_mouse_to_the_terminal() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = plimsoll();
    let mut pty =
        Pty::start(command.arg("--no-mouse").current_dir(folder.path()), 100, 30).expect("a pty");
    let opened = pty.read_to("alawael").expect("the demos");
    pty.press("q").expect("typed");
    let (_, printed) = pty.read_to_end().expect("an end");
    assert!(!opened.contains("\x1b[?100") && !printed.contains("\x1b[?100"));
}

/// Goal: prove that a stop leaves the shell a usable terminal, and that the screen comes back.
/// Method: SIGTSTP as a shell's `kill` sends it, then SIGCONT.
#[test]
fn suspended_it_gives_the_terminal_back_and_takes_it_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pty = Pty::start(plimsoll().current_dir(folder.path()), 100, 30).expect("a terminal");
    pty.read_to("alawael").expect("the demos");
    let pid = rustix::process::Pid::from_child(&pty.program);
    let send = |signal| rustix::process::kill_process(pid, signal).expect("it lives");
    send(rustix::process::Signal::TSTP);
    let given_back = pty.read_to(SHOW_CURSOR).expect("the plain terminal");
    assert!(given_back.contains(MOUSE_OFF) && given_back.contains(LEAVE), "{given_back:?}");
    let stopped = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::UNTRACED);
    let status = stopped.expect("it can be waited for").expect("a status").1;
    assert!(status.stopped(), "{status:?}");
    assert!(pty.is_cooked().expect("settings"), "the terminal is still raw");
    send(rustix::process::Signal::CONT);
    let again = pty.read_to("alawael").expect("the demos again");
    assert!(again.contains(ENTER) && again.contains(MOUSE_ON), "{again:?}");
    pty.press("q").expect("typed");
    let (status, printed) = pty.read_to_end().expect("an end");
    assert!(status.success() && gives_mouse_back(&printed), "{status}: {printed:?}");
}

#[test]
fn without_a_terminal_it_says_what_to_do_instead() {
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/ais");
    let run = |terminal: Option<&str>| {
        let mut command = plimsoll();
        command.arg("run").arg(&scenario).arg("--tui").stdin(Stdio::null());
        if let Some(kind) = terminal {
            command.env("TERM", kind);
        }
        command.output().expect("it runs")
    };
    for output in [run(None), run(Some("dumb"))] {
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("`--tui` needs a terminal"), "{said}");
        assert!(output.stdout.is_empty());
    }
    let alone = plimsoll().stdin(Stdio::null()).output().expect("it runs");
    assert_eq!(alone.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&alone.stderr).contains("Usage: plimsoll"));
}
