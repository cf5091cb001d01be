//! Colours: the sixteen that every terminal has, and none with `NO_COLOR`.
//!
//! Colour only repeats what a word or a symbol says already.

use ratatui::style::{Color, Modifier, Style};

use crate::slo::{ObjectiveStatus, ValidityStatus, Verdict};

/// What a text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Title,
    Strong,
    Faint,
    Good,
    Warning,
    Bad,
    Accent,
    Key,
    Focus,
    Median,
    High,
    Highest,
}

/// How meanings look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    colour: bool,
}

impl Theme {
    /// Sixteen colours, or none.
    pub const fn new(colour: bool) -> Self {
        Self { colour }
    }

    pub(super) fn style(self, tone: Tone) -> Style {
        let style = match tone {
            Tone::Title | Tone::Strong | Tone::Bad | Tone::Key | Tone::Focus => {
                Style::new().add_modifier(Modifier::BOLD)
            }
            Tone::Faint if !self.colour => Style::new().add_modifier(Modifier::DIM),
            _ => Style::new(),
        };
        match Self::colour_of(tone) {
            Some(colour) if self.colour => style.fg(colour),
            _ => style,
        }
    }

    /// Text on a ground of its own: badges.
    pub(super) fn badge(self, tone: Tone) -> Style {
        self.style(tone).add_modifier(Modifier::REVERSED | Modifier::BOLD)
    }

    /// The chosen row of a list; told by a mark as well.
    pub(super) const CHOSEN: Style = Style::new().add_modifier(Modifier::REVERSED);

    const fn colour_of(tone: Tone) -> Option<Color> {
        match tone {
            Tone::Plain | Tone::Strong => None,
            Tone::Title | Tone::Focus | Tone::Accent => Some(Color::Cyan),
            Tone::Faint => Some(Color::DarkGray),
            Tone::Good | Tone::Median => Some(Color::Green),
            Tone::Warning | Tone::High | Tone::Key => Some(Color::Yellow),
            Tone::Bad => Some(Color::Red),
            Tone::Highest => Some(Color::Magenta),
        }
    }
}

pub(super) const fn verdict_tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Pass => Tone::Good,
        Verdict::AtRisk | Verdict::Inconclusive => Tone::Warning,
        Verdict::Fail | Verdict::NotValid => Tone::Bad,
    }
}

pub(super) const fn status_tone(status: ObjectiveStatus) -> Tone {
    match status {
        ObjectiveStatus::Pass => Tone::Good,
        ObjectiveStatus::NotMeasured => Tone::Faint,
        ObjectiveStatus::AtRisk | ObjectiveStatus::Inconclusive => Tone::Warning,
        ObjectiveStatus::Fail => Tone::Bad,
    }
}

pub(super) const fn validity_tone(status: ValidityStatus) -> Tone {
    match status {
        ValidityStatus::Valid => Tone::Good,
        ValidityStatus::Suspect => Tone::Warning,
        ValidityStatus::NotValid => Tone::Bad,
    }
}
