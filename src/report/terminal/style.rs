//! Colour, and doing without it.

/// How a summary may look. Who decides (terminal or not, `NO_COLOR`) is the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalStyle {
    /// No escape sequences at all.
    Plain,
    /// The sixteen colours of the user's own theme.
    Colour,
}

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextTone {
    Plain,
    Strong,
    Title,
    Faint,
    Good,
    Warning,
    Bad,
    Accent,
}

impl TextTone {
    /// SGR parameters (ECMA-48).
    const fn codes(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong | Self::Title => "1",
            Self::Faint => "2",
            Self::Good => "32",
            Self::Warning => "33",
            Self::Bad => "31",
            Self::Accent => "36",
        }
    }
}

impl TerminalStyle {
    /// `text` in its tone.
    pub(super) fn paint(self, tone: TextTone, text: &str) -> String {
        match (self, tone.codes()) {
            (Self::Plain, _) | (_, "") => text.to_owned(),
            (Self::Colour, _) if text.is_empty() => String::new(),
            (Self::Colour, codes) => format!("\x1b[{codes}m{text}\x1b[0m"),
        }
    }

    /// `text` on a ground of its tone, for the verdict.
    pub(super) fn badge(self, tone: TextTone, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\x1b[1;7;{}m{text}\x1b[0m", tone.codes()),
        }
    }
}
