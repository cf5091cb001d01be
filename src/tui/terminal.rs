//! The terminal itself: taken over on opening, given back on every way out.

use std::io::{self, BufWriter, Stdout, Write, stdout};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::Show;
use crossterm::execute;
use crossterm::style::Print;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::layout::{Position, Rect, Size};
use ratatui::{Terminal, TerminalOptions, Viewport};

use super::{Model, view};

/// Where pages are drawn. The terminal itself, once it was taken over, is given back when this is dropped.
#[derive(Debug)]
pub struct TerminalScreen<W: Write> {
    terminal: Terminal<CrosstermBackend<BufWriter<W>>>,
    /// What is drawn on, where the terminal was not taken over.
    viewport: Size,
    /// Whether the terminal was taken over.
    taken: bool,
}

/// A whole screen of 200 × 60 in one write.
const BUFFER: usize = 64 * 1024;

impl TerminalScreen<Stdout> {
    /// Takes the terminal of the process over, with its mouse or without, until this is dropped or the process
    /// panics.
    ///
    /// # Errors
    /// Where stdout is no terminal, or refuses.
    pub fn open(with_mouse: bool) -> io::Result<Self> {
        restore_on_panic();
        WITH_MOUSE.store(with_mouse, Ordering::SeqCst);
        take()?;
        let out = BufWriter::with_capacity(BUFFER, stdout());
        let mut terminal = Terminal::new(CrosstermBackend::new(out)).inspect_err(|_| restore())?;
        wipe(&mut terminal).inspect_err(|_| restore())?;
        Ok(Self { terminal, viewport: Size::ZERO, taken: true })
    }
}

impl<W: Write> TerminalScreen<W> {
    /// Draws on any writer, as on a terminal `width` columns wide and `height` lines high.
    ///
    /// # Errors
    /// Where the writer fails.
    pub fn over(out: W, width: u16, height: u16) -> io::Result<Self> {
        let out = BufWriter::with_capacity(BUFFER, out);
        let viewport = Viewport::Fixed(Rect::new(0, 0, width, height));
        let options = TerminalOptions { viewport };
        let terminal = Terminal::with_options(CrosstermBackend::new(out), options)?;
        Ok(Self { terminal, viewport: Size::new(width, height), taken: false })
    }

    /// The size of what is drawn on.
    ///
    /// # Errors
    /// Where the terminal does not tell it.
    pub fn size(&self) -> io::Result<Size> {
        Ok(if self.taken { self.terminal.size()? } else { self.viewport })
    }

    /// Draws what has changed.
    ///
    /// # Errors
    /// Where the writer fails.
    pub fn draw(&mut self, model: &Model) -> io::Result<()> {
        self.terminal.draw(|frame| view(model, frame))?;
        Ok(())
    }

    /// Gives the terminal back while `work` needs it.
    pub(super) fn suspended(&mut self, work: impl FnOnce()) -> io::Result<()> {
        if !self.taken {
            work();
            return Ok(());
        }
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

impl<W: Write> Drop for TerminalScreen<W> {
    fn drop(&mut self) {
        if self.taken {
            restore();
        }
    }
}

/// Whether the terminal is taken over just now.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Whether its mouse is taken over with it.
static WITH_MOUSE: AtomicBool = AtomicBool::new(false);

/// Buttons and wheel (1000), told with whole coordinates (1006), by xterm's control sequences. Crossterm's own
/// command would ask for every movement as well.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

fn take() -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    let mouse = if WITH_MOUSE.load(Ordering::SeqCst) { MOUSE_ON } else { "" };
    execute!(stdout(), EnterAlternateScreen, Print(mouse)).inspect_err(|_| restore())
}

/// Gives the terminal back: can be called from anywhere, also twice. The second time nothing is written: to
/// leave the alternate screen again would put the cursor back above what was said in between.
pub fn restore() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // Nothing can be done about a terminal that is gone.
    let _ = disable_raw_mode();
    let mouse = if WITH_MOUSE.load(Ordering::SeqCst) { MOUSE_OFF } else { "" };
    let _ = execute!(stdout(), Print(mouse), LeaveAlternateScreen, Show);
    let _ = stdout().flush();
}

/// Gives up on a terminal that does not take its output: it is no longer raw, and nothing is written to it.
pub fn release() {
    let _ = disable_raw_mode();
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
