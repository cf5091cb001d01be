//! The keys, as one table: it is asked what a key does, and prints the footer and the help.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::model::Page;

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
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
    Help,
    Quit,
}

/// One line of the table.
pub(super) struct Binding {
    codes: &'static [KeyCode],
    /// The keys as the footer shows them.
    pub(super) keys: &'static str,
    /// One word for the footer; empty keeps it out of there.
    pub(super) label: &'static str,
    /// A sentence for the help.
    pub(super) help: &'static str,
    action: Action,
}

const fn bind(
    codes: &'static [KeyCode],
    keys: &'static str,
    label: &'static str,
    help: &'static str,
    action: Action,
) -> Binding {
    Binding { codes, keys, label, help, action }
}

use KeyCode::{BackTab, Char, Enter, Esc, PageDown, PageUp, Tab};

const HELP: Binding = bind(&[Char('?'), KeyCode::F(1)], "?", "help", "this help", Action::Help);
const UP: Binding = bind(&[KeyCode::Up, Char('k')], "↑", "", "up, or scroll the panel", Action::Up);
const DOWN: Binding =
    bind(&[KeyCode::Down, Char('j')], "↓", "", "down, or scroll the panel", Action::Down);
const QUIT: Binding = bind(&[Char('q')], "q", "quit", "leave", Action::Quit);

const LAUNCHER: &[Binding] = &[
    bind(&[Enter], "⏎", "start", "start the chosen workload", Action::Start),
    UP,
    DOWN,
    bind(&[KeyCode::Right, Char('l')], "←→", "workload", "next workload", Action::Right),
    bind(&[KeyCode::Left, Char('h')], "←", "", "previous workload", Action::Left),
    bind(&[Char('t')], "t", "", "send the load elsewhere", Action::Target),
    bind(&[Char('r')], "r", "", "another highest rate, `300 req/s`", Action::RateField),
    bind(&[Char('d')], "d", "", "another duration, `90s`", Action::DurationField),
    bind(&[Char('i')], "i", "", "scale think times, `10%`", Action::ThinkField),
    bind(&[Char('s')], "s", "", "another seed", Action::SeedField),
    bind(&[Char('=')], "=", "", "change a value, `http.timeout=5s`", Action::Settings),
    bind(&[Char('g')], "g", "", "facts about the conditions, `api=3`", Action::Tags),
    bind(&[Char('e')], "e", "edit", "open the scenario in $EDITOR, then check it", Action::Edit),
    bind(&[Char('H')], "H", "history", "past runs", Action::History),
    HELP,
    QUIT,
    bind(&[Char('R')], "R", "rescan", "look again what can be run", Action::Rescan),
];

const LIVE: &[Binding] = &[
    bind(&[Char('+'), Char('=')], "+ −", "5 %", "raise the rate by 5 %", Action::Faster),
    bind(&[Char('-'), Char('_')], "−", "", "lower the rate by 5 %", Action::Slower),
    bind(&[PageUp], "PgUp PgDn", "10 %", "raise the rate by 10 %", Action::MuchFaster),
    bind(&[PageDown], "PgDn", "", "lower the rate by 10 %", Action::MuchSlower),
    bind(&[Char('h')], "h", "hold", "hold the rate of this moment to the end", Action::Hold),
    bind(&[Char('n')], "n", "skip", "go on with the next stage", Action::Skip),
    bind(&[Char('m')], "m", "mark", "note something in the log", Action::Mark),
    bind(&[Char('p')], "p", "pause", "pause arrivals, and let them go on", Action::Pause),
    bind(&[Char('s')], "s", "stop", "stop: requests in flight get 5 s", Action::Stop),
    bind(&[Char('X')], "X", "abort", "stop at once", Action::Abort),
    HELP,
    bind(&[Tab], "⇥", "panel", "next panel", Action::NextPanel),
    bind(&[BackTab], "⇧⇥", "", "previous panel", Action::PreviousPanel),
    bind(&[Char('z'), Enter], "z", "zoom", "the panel alone, and back", Action::Zoom),
    bind(&[Char('o')], "o", "sort", "sort the steps by another column", Action::Sort),
    bind(&[Char('w')], "w", "window", "charts of all, 5 min or 1 min", Action::Window),
    UP,
    DOWN,
    bind(&[Char('q')], "q", "quit", "stop the run and leave", Action::Quit),
];

const AFTER: &[Binding] = &[
    bind(&[Char('r')], "r", "run again", "the same run again", Action::Again),
    bind(&[Char('c')], "c", "compare", "step by step with the run before", Action::Compare),
    bind(&[Char('v')], "v", "charts", "the charts of the run or search, and back", Action::Charts),
    bind(&[Esc, Char('l')], "Esc", "launcher", "choose another run", Action::Back),
    bind(&[Char('H')], "H", "history", "past runs", Action::History),
    UP,
    DOWN,
    bind(&[Tab], "⇥", "", "next panel of the charts", Action::NextPanel),
    bind(&[BackTab], "⇧⇥", "", "previous panel", Action::PreviousPanel),
    bind(&[Char('z'), Enter], "z", "", "the panel alone, and back", Action::Zoom),
    bind(&[Char('o')], "o", "", "sort the steps by another column", Action::Sort),
    bind(&[Char('w')], "w", "", "charts of all, 5 min or 1 min", Action::Window),
    HELP,
    QUIT,
];

const HISTORY: &[Binding] = &[
    bind(&[Enter], "⏎", "open", "the verdict of the run", Action::Open),
    bind(&[Char(' ')], "space", "choose", "choose two runs to compare", Action::Choose),
    bind(&[Char('c')], "c", "compare", "the chosen runs step by step", Action::Compare),
    bind(&[Char('a')], "a", "before", "add the run to A, what was", Action::ChooseBefore),
    bind(&[Char('b')], "b", "after", "add the run to B, what is", Action::ChooseAfter),
    UP,
    DOWN,
    bind(&[Esc, Char('l')], "Esc", "launcher", "back", Action::Back),
    bind(&[Char('R')], "R", "rescan", "look again", Action::Rescan),
    HELP,
    QUIT,
];

const DIFF: &[Binding] = &[
    UP,
    DOWN,
    bind(&[Esc, Char('H')], "Esc", "history", "back to the history", Action::History),
    bind(&[Char('l')], "l", "launcher", "choose another run", Action::Back),
    HELP,
    QUIT,
];

const CAPACITY: &[Binding] = &[
    bind(&[Char('s')], "s", "stop", "stop the search: what is known is reported", Action::Stop),
    bind(&[Char('m')], "m", "mark", "note something in the log", Action::Mark),
    UP,
    DOWN,
    bind(
        &[Char('v'), Enter],
        "v",
        "report",
        "what to buy, when the search is over",
        Action::Charts,
    ),
    bind(&[Esc, Char('l')], "Esc", "launcher", "when the search is over", Action::Back),
    HELP,
    bind(&[Char('q')], "q", "quit", "stop the search and leave", Action::Quit),
];

/// The keys of a page, most used first.
pub(super) const fn table(page: Page) -> &'static [Binding] {
    match page {
        Page::Launcher => LAUNCHER,
        Page::Live => LIVE,
        Page::After => AFTER,
        Page::History => HISTORY,
        Page::Diff => DIFF,
        Page::Capacity => CAPACITY,
    }
}

/// What `key` does on `page`. Ctrl-C is the same as `q` everywhere.
pub(super) fn action(page: Page, key: KeyEvent) -> Option<Action> {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return (key.code == Char('c')).then_some(Action::Quit);
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
