//! The terminal itself: taken over on opening, given back on every way out.

use std::io::{self, BufWriter, Stdout, Write as _, stdout};
use std::sync::Once;

use crossterm::cursor::Show;
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::layout::{Position, Rect};

use super::{Model, view};

/// The terminal while the UI has it. Dropping it gives it back.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

/// A whole screen of 200 × 60 in one write.
const BUFFER: usize = 64 * 1024;

impl Screen {
    /// Takes the terminal over.
    pub(super) fn open() -> io::Result<Self> {
        restore_on_panic();
        take()?;
        let out = BufWriter::with_capacity(BUFFER, stdout());
        let mut terminal = Terminal::new(CrosstermBackend::new(out)).inspect_err(|_| restore())?;
        wipe(&mut terminal).inspect_err(|_| restore())?;
        Ok(Self { terminal })
    }

    /// Draws what has changed.
    pub(super) fn draw(&mut self, model: &Model) -> io::Result<()> {
        self.terminal.draw(|frame| view(model, frame))?;
        Ok(())
    }

    /// Gives the terminal back while `work` needs it.
    pub(super) fn suspended(&mut self, work: impl FnOnce()) -> io::Result<()> {
        restore();
        work();
        take()?;
        wipe(&mut self.terminal)
    }
}

/// Clears the screen, so that all of it is drawn anew. `Terminal::clear` would ask the terminal where its
/// cursor is and wait for the answer, which not every terminal gives.
fn wipe<B: Backend>(terminal: &mut Terminal<B>) -> Result<(), B::Error> {
    let size = terminal.size()?;
    terminal.resize(Rect::from((Position::ORIGIN, size)))
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen).inspect_err(|_| restore())
}

/// Gives the terminal back: can be called from anywhere, also twice.
pub fn restore() {
    // Nothing can be done about a terminal that is gone.
    let _ = disable_raw_mode();
    let _ = execute!(stdout(), LeaveAlternateScreen, Show);
    let _ = stdout().flush();
}

/// A panic message must not be painted into the alternate screen and vanish with it.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            report(panic);
        }));
    });
}
