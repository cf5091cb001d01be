//! The keys, as one table: it is asked what a key does, and prints the footer and the help.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::page::Page;

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyAction {
    Up,
    Down,
    Left,
    Right,
    Start,
    Target,
    RateField,
    DurationField,
    ThinkField,
    SeedField,
    Settings,
    Tags,
    Edit,
    Rescan,
    History,
    Faster,
    Slower,
    MuchFaster,
    MuchSlower,
    Hold,
    Skip,
    Mark,
    Pause,
    Stop,
    Abort,
    NextPanel,
    PreviousPanel,
    Zoom,
    Sort,
    Window,
    Charts,
    Again,
    Choose,
    ChooseBefore,
    ChooseAfter,
    Compare,
    Open,
    Back,
    Launcher,
    Help,
    Suspend,
    Quit,
}

/// One line of the table.
pub(super) struct KeyBinding {
    codes: &'static [KeyCode],
    /// The keys as the footer shows them.
    pub(super) keys: &'static str,
    /// One word for the footer; empty keeps it out of there.
    pub(super) label: &'static str,
    /// A sentence for the help.
    pub(super) help: &'static str,
    action: KeyAction,
}

const fn bind(
    codes: &'static [KeyCode],
    keys: &'static str,
    label: &'static str,
    help: &'static str,
    action: KeyAction,
) -> KeyBinding {
    KeyBinding { codes, keys, label, help, action }
}

use KeyCode::{BackTab, Char, Enter, Esc, PageDown, PageUp, Tab};

const HELP: KeyBinding =
    bind(&[Char('?'), KeyCode::F(1)], "?", "help", "this help", KeyAction::Help);
const UP: KeyBinding =
    bind(&[KeyCode::Up, Char('k')], "↑", "", "up, or scroll the panel", KeyAction::Up);
const DOWN: KeyBinding =
    bind(&[KeyCode::Down, Char('j')], "↓", "", "down, or scroll the panel", KeyAction::Down);
const QUIT: KeyBinding = bind(&[Char('q')], "q", "quit", "leave", KeyAction::Quit);

const LAUNCHER: &[KeyBinding] = &[
    bind(&[Enter], "⏎", "start", "start the chosen workload", KeyAction::Start),
    UP,
    DOWN,
    bind(&[KeyCode::Right, Char('l')], "←→", "workload", "next workload", KeyAction::Right),
    bind(&[KeyCode::Left, Char('h')], "←", "", "previous workload", KeyAction::Left),
    bind(&[Char('t')], "t", "", "send the load elsewhere", KeyAction::Target),
    bind(&[Char('r')], "r", "", "another highest rate, `300 req/s`", KeyAction::RateField),
    bind(&[Char('d')], "d", "", "another duration, `90s`", KeyAction::DurationField),
    bind(&[Char('i')], "i", "", "scale think times, `10%`", KeyAction::ThinkField),
    bind(&[Char('s')], "s", "", "another seed", KeyAction::SeedField),
    bind(&[Char('=')], "=", "", "change a value, `http.timeout=5s`", KeyAction::Settings),
    bind(&[Char('g')], "g", "", "facts about the conditions, `api=3`", KeyAction::Tags),
    bind(&[Char('e')], "e", "edit", "open the scenario in $EDITOR, then check it", KeyAction::Edit),
    bind(&[Char('H')], "H", "history", "past runs", KeyAction::History),
    HELP,
    QUIT,
    bind(&[Char('R')], "R", "rescan", "look again what can be run", KeyAction::Rescan),
];

const LIVE: &[KeyBinding] = &[
    bind(&[Char('s')], "s", "stop", "stop: requests in flight get 5 s", KeyAction::Stop),
    bind(&[Char('p')], "p", "pause", "pause arrivals, and let them go on", KeyAction::Pause),
    bind(&[Char('+'), Char('=')], "+ −", "5 %", "raise the rate by 5 %", KeyAction::Faster),
    bind(&[Char('-'), Char('_')], "−", "", "lower the rate by 5 %", KeyAction::Slower),
    bind(&[PageUp], "PgUp PgDn", "10 %", "raise the rate by 10 %", KeyAction::MuchFaster),
    bind(&[PageDown], "PgDn", "", "lower the rate by 10 %", KeyAction::MuchSlower),
    bind(&[Char('h')], "h", "hold", "hold the rate of this moment to the end", KeyAction::Hold),
    bind(&[Char('n')], "n", "skip", "go on with the next stage", KeyAction::Skip),
    bind(&[Char('m')], "m", "mark", "note something in the log", KeyAction::Mark),
    bind(&[Char('X')], "X", "abort", "stop at once", KeyAction::Abort),
    HELP,
    bind(&[Tab], "⇥", "panel", "next panel", KeyAction::NextPanel),
    bind(&[BackTab], "⇧⇥", "", "previous panel", KeyAction::PreviousPanel),
    bind(&[Char('z'), Enter], "z", "zoom", "the panel alone, and back", KeyAction::Zoom),
    bind(&[Char('o')], "o", "sort", "sort the steps by another column", KeyAction::Sort),
    bind(&[Char('w')], "w", "window", "charts of all, 5 min or 1 min", KeyAction::Window),
    UP,
    DOWN,
    bind(&[Char('q')], "q", "quit", "stop the run and leave", KeyAction::Quit),
];

const AFTER: &[KeyBinding] = &[
    bind(&[Char('r')], "r", "run again", "the same run again", KeyAction::Again),
    bind(&[Char('c')], "c", "compare", "step by step with the run before", KeyAction::Compare),
    bind(
        &[Char('v')],
        "v",
        "charts",
        "the charts of the run or search, and back",
        KeyAction::Charts,
    ),
    bind(&[Esc], "Esc", "back", "where you came from", KeyAction::Back),
    bind(&[Char('l')], "l", "launcher", "choose another run", KeyAction::Launcher),
    bind(&[Char('H')], "H", "history", "past runs", KeyAction::History),
    UP,
    DOWN,
    bind(&[Tab], "⇥", "", "next panel of the charts", KeyAction::NextPanel),
    bind(&[BackTab], "⇧⇥", "", "previous panel", KeyAction::PreviousPanel),
    bind(&[Char('z'), Enter], "z", "", "the panel alone, and back", KeyAction::Zoom),
    bind(&[Char('o')], "o", "", "sort the steps by another column", KeyAction::Sort),
    bind(&[Char('w')], "w", "", "charts of all, 5 min or 1 min", KeyAction::Window),
    HELP,
    QUIT,
];

const HISTORY: &[KeyBinding] = &[
    bind(&[Enter], "⏎", "open", "the verdict of the run", KeyAction::Open),
    bind(&[Char(' ')], "space", "choose", "choose two runs to compare", KeyAction::Choose),
    bind(&[Char('c')], "c", "compare", "the chosen runs step by step", KeyAction::Compare),
    bind(&[Char('a')], "a", "before", "add the run to A, what was", KeyAction::ChooseBefore),
    bind(&[Char('b')], "b", "after", "add the run to B, what is", KeyAction::ChooseAfter),
    UP,
    DOWN,
    bind(&[Esc], "Esc", "back", "where you came from", KeyAction::Back),
    bind(&[Char('l')], "l", "", "choose another run", KeyAction::Launcher),
    bind(&[Char('R')], "R", "rescan", "look again", KeyAction::Rescan),
    HELP,
    QUIT,
];

const DIFF: &[KeyBinding] = &[
    UP,
    DOWN,
    bind(&[Esc], "Esc", "back", "where you came from", KeyAction::Back),
    bind(&[Char('H')], "H", "history", "past runs", KeyAction::History),
    bind(&[Char('l')], "l", "launcher", "choose another run", KeyAction::Launcher),
    HELP,
    QUIT,
];

const CAPACITY: &[KeyBinding] = &[
    bind(&[Char('s')], "s", "stop", "stop the search: what is known is reported", KeyAction::Stop),
    bind(&[Char('m')], "m", "mark", "note something in the log", KeyAction::Mark),
    UP,
    DOWN,
    bind(
        &[Char('v'), Enter],
        "v",
        "report",
        "what to buy, when the search is over",
        KeyAction::Charts,
    ),
    bind(&[Esc], "Esc", "back", "when the search is over", KeyAction::Back),
    bind(&[Char('l')], "l", "", "the launcher, when the search is over", KeyAction::Launcher),
    HELP,
    bind(&[Char('q')], "q", "quit", "stop the search and leave", KeyAction::Quit),
];

/// The keys of a page, most used first.
pub(super) const fn table(page: Page) -> &'static [KeyBinding] {
    match page {
        Page::Launcher => LAUNCHER,
        Page::Live => LIVE,
        Page::After => AFTER,
        Page::History => HISTORY,
        Page::Diff => DIFF,
        Page::Capacity => CAPACITY,
    }
}

/// What `key` does on `page`. Everywhere Ctrl-C is the same as `q`, and Ctrl-Z leads back to the shell.
pub(super) fn action(page: Page, key: KeyEvent) -> Option<KeyAction> {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            Char('c') => Some(KeyAction::Quit),
            Char('z') => Some(KeyAction::Suspend),
            _ => None,
        };
    }
    let known = table(page).iter().find(|binding| binding.codes.contains(&key.code));
    known.map(|binding| binding.action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_on_one_page() {
        for page in
            [Page::Launcher, Page::Live, Page::After, Page::History, Page::Diff, Page::Capacity]
        {
            let mut seen = Vec::new();
            for code in table(page).iter().flat_map(|binding| binding.codes) {
                assert!(!seen.contains(&code), "{code:?} twice on {page:?}");
                seen.push(code);
            }
        }
    }
}
