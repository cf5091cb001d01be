//! How the terminal is written on: in which colours, and with which characters.

use std::io::{IsTerminal as _, stdout};
use std::sync::OnceLock;

use crate::cli::ThemeChoice;

use super::files::variable;

/// What the command line says of the terminal.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TerminalChoice {
    pub(super) theme: Option<ThemeChoice>,
    pub(super) ascii: bool,
    #[cfg_attr(
        not(feature = "tui"),
        expect(dead_code, reason = "only the terminal UI has a mouse")
    )]
    pub(super) no_mouse: bool,
}

static ASKED: OnceLock<TerminalChoice> = OnceLock::new();

/// Takes what the command line says, once.
pub(super) fn choose(choice: TerminalChoice) {
    let _ = ASKED.set(choice);
}

fn asked() -> TerminalChoice {
    ASKED.get().copied().unwrap_or_default()
}

/// Whether the terminal UI takes the mouse over.
#[cfg(feature = "tui")]
pub(super) fn wants_mouse() -> bool {
    !asked().no_mouse
}

/// Whether `NO_COLOR` (no-color.org) and the command line leave colours on.
pub(super) fn wants_colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && asked().theme != Some(ThemeChoice::None)
}

/// Whether only ASCII may be shown on the terminal: asked for, or the locale has nothing else. What goes into a file or a
/// pipe is UTF-8 whatever the locale.
pub(super) fn wants_ascii() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable);
    asked().ascii || is_ascii_locale(locale.into_iter().find(|name| !name.is_empty()).as_deref())
}

/// Whether data on stdout must be ASCII.
pub(super) fn is_ascii_output() -> bool {
    stdout().is_terminal() && wants_ascii()
}

/// The locale of C without a character set is ASCII by definition (POSIX 7.2). Where none is named at all, as in most
/// containers, terminals show UTF-8.
fn is_ascii_locale(name: Option<&str>) -> bool {
    matches!(name, Some("C" | "POSIX"))
}

/// The colours of the terminal UI.
#[cfg(feature = "tui")]
pub(super) fn colours() -> crate::tui::ThemeColours {
    use crate::tui::ThemeColours;
    match asked().theme {
        _ if !wants_colour() => ThemeColours::None,
        Some(ThemeChoice::Dark) => ThemeColours::Dark,
        Some(ThemeChoice::Light) => ThemeColours::Light,
        Some(ThemeChoice::Sixteen) => ThemeColours::Sixteen,
        Some(ThemeChoice::None) => ThemeColours::None,
        None => told(
            &variable("TERM").unwrap_or_default(),
            variable("COLORTERM").is_some_and(|value| !value.is_empty()),
            variable("COLORFGBG").as_deref(),
        ),
    }
}

/// The colours of a terminal by what it says of itself. `COLORFGBG` ends with the number of the ground's colour; 7 and
/// those from 9 on are light.
#[cfg(feature = "tui")]
fn told(terminal: &str, many: bool, ground: Option<&str>) -> crate::tui::ThemeColours {
    use crate::tui::ThemeColours;
    if !many && !terminal.contains("256color") && !terminal.contains("direct") {
        return ThemeColours::Sixteen;
    }
    let ground = ground.and_then(|text| text.rsplit(';').next()?.parse::<u8>().ok());
    match ground {
        Some(0..=6 | 8) => ThemeColours::Dark,
        Some(7 | 9..=15) => ThemeColours::Light,
        _ => ThemeColours::Either,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_locale_of_c_is_ascii() {
        for (name, is_ascii) in [
            (None, false),
            (Some("C"), true),
            (Some("POSIX"), true),
            (Some("C.UTF-8"), false),
            (Some("de_AT.UTF-8"), false),
        ] {
            assert_eq!(is_ascii_locale(name), is_ascii, "{name:?}");
        }
    }

    #[cfg(feature = "tui")]
    #[test]
    fn colours_follow_what_a_terminal_says_of_itself() {
        use crate::tui::ThemeColours;
        for (terminal, many, ground, colours) in [
            ("xterm", false, None, ThemeColours::Sixteen),
            ("xterm-256color", false, None, ThemeColours::Either),
            ("xterm-256color", false, Some("15;0"), ThemeColours::Dark),
            ("xterm-256color", false, Some("0;15"), ThemeColours::Light),
            ("xterm", true, Some("0;default;15"), ThemeColours::Light),
            ("xterm-256color", false, Some("nonsense"), ThemeColours::Either),
        ] {
            assert_eq!(told(terminal, many, ground), colours, "{terminal} {ground:?}");
        }
    }
}
