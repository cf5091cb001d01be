//! Colours: for dark and light terminals, for both, the sixteen that every terminal has, and none.
//!
//! Colour only repeats what a word or a symbol says already. Where the ground is not known, the colours are as far from
//! black as from white.

use ratatui::style::{Color, Modifier, Style};

use plimsoll_slo::{ObjectiveStatus, ValidityStatus, Verdict};

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

/// Which colours a terminal shows well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThemeColours {
    /// 256 colours on a ground that is not known.
    #[default]
    Either,
    /// 256 colours on a dark ground.
    Dark,
    /// 256 colours on a light ground.
    Light,
    /// Sixteen colours, which the terminal defines.
    Sixteen,
    /// No colours.
    None,
}

/// How meanings look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    colours: ThemeColours,
    ascii: bool,
}

/// Shades of a heat map, from few to many.
const SHADES: usize = 5;

impl Theme {
    /// A theme of these colours; with `ascii`, of no other characters than those of ASCII.
    pub const fn new(colours: ThemeColours, ascii: bool) -> Self {
        Self { colours, ascii }
    }

    /// Whether only characters of ASCII may be shown.
    pub(super) const fn is_ascii(self) -> bool {
        self.ascii
    }

    pub(super) fn style(self, tone: Tone) -> Style {
        let is_plain = self.colours == ThemeColours::None;
        let style = match tone {
            Tone::Title | Tone::Strong | Tone::Bad | Tone::Key | Tone::Focus => {
                Style::new().add_modifier(Modifier::BOLD)
            }
            Tone::Faint if is_plain => Style::new().add_modifier(Modifier::DIM),
            _ => Style::new(),
        };
        match self.colour_of(tone) {
            Some(colour) => style.fg(colour),
            None => style,
        }
    }

    /// Text on a ground of its own: badges.
    pub(super) fn badge(self, tone: Tone) -> Style {
        self.style(tone).add_modifier(Modifier::REVERSED | Modifier::BOLD)
    }

    /// A shade of a heat map: 0 for the fewest, 4 for the most.
    pub(super) fn shade(self, shade: usize) -> Style {
        let shade = shade.min(SHADES - 1);
        match self.colours {
            ThemeColours::None => Style::new(),
            ThemeColours::Sixteen => {
                let all = [Color::DarkGray, Color::Blue, Color::Cyan, Color::Magenta, Color::Red];
                Style::new().fg(all[shade])
            }
            ThemeColours::Either => Style::new().fg(Color::Indexed([243, 67, 31, 133, 160][shade])),
            ThemeColours::Dark => Style::new().fg(Color::Indexed([245, 75, 80, 221, 203][shade])),
            ThemeColours::Light => Style::new().fg(Color::Indexed([242, 25, 30, 94, 124][shade])),
        }
    }

    /// The chosen row of a list; told by a mark as well.
    pub(super) const CHOSEN: Style = Style::new().add_modifier(Modifier::REVERSED);

    const fn colour_of(self, tone: Tone) -> Option<Color> {
        let of_tone = match tone {
            Tone::Plain | Tone::Strong => return None,
            Tone::Title | Tone::Focus | Tone::Accent => 0,
            Tone::Faint => 1,
            Tone::Good => 2,
            Tone::Warning | Tone::Key => 3,
            Tone::Bad => 4,
            Tone::Median => 5,
            Tone::High => 6,
            Tone::Highest => 7,
        };
        match self.colours {
            ThemeColours::None => None,
            ThemeColours::Sixteen => Some(SIXTEEN[of_tone]),
            ThemeColours::Either => Some(Color::Indexed(EITHER[of_tone])),
            ThemeColours::Dark => Some(Color::Indexed(DARK[of_tone])),
            ThemeColours::Light => Some(Color::Indexed(LIGHT[of_tone])),
        }
    }
}

/// Accent, faint, good, warning, bad, median, high, highest.
const SIXTEEN: [Color; 8] = [
    Color::Cyan,
    Color::DarkGray,
    Color::Green,
    Color::Yellow,
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Magenta,
];
/// The same in xterm's 256 colours.
const EITHER: [u8; 8] = [31, 243, 28, 130, 160, 32, 166, 133];
const DARK: [u8; 8] = [80, 246, 114, 221, 210, 75, 215, 213];
const LIGHT: [u8; 8] = [24, 240, 22, 94, 124, 25, 94, 90];

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

#[cfg(test)]
mod tests {
    use super::*;

    /// xterm's colours from 16 on: a cube of six steps a channel, then greys.
    fn rgb(index: u8) -> [f64; 3] {
        let step = |value: u8| if value == 0 { 0.0 } else { f64::from(value) * 40.0 + 55.0 };
        if index >= 232 {
            return [f64::from(index - 232) * 10.0 + 8.0; 3];
        }
        let cube = index - 16;
        [step(cube / 36), step(cube / 6 % 6), step(cube % 6)]
    }

    /// WCAG 2.2, relative luminance.
    fn luminance(colour: [f64; 3]) -> f64 {
        let [r, g, b] = colour.map(|value| {
            let share = value / 255.0;
            if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    fn contrast(index: u8, ground: [f64; 3]) -> f64 {
        let (a, b) = (luminance(rgb(index)), luminance(ground));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// Goal: prove that every text can be read on the grounds that a theme is for: 4.5:1 where the ground is known. No
    /// colour has more than 4.58:1 on black and on white; 3.5:1 leaves room to tell several apart.
    #[test]
    fn texts_stand_out_from_the_ground_they_are_for() {
        let (black, nearly_black) = ([0.0; 3], [30.0; 3]);
        let (white, nearly_white) = ([255.0; 3], [253.0, 246.0, 227.0]);
        let themes = [
            (DARK, vec![black, nearly_black], 4.5),
            (LIGHT, vec![white, nearly_white], 4.5),
            (EITHER, vec![black, white], 3.5),
        ];
        for (colours, grounds, least) in themes {
            for colour in colours {
                for ground in &grounds {
                    let found = contrast(colour, *ground);
                    assert!(found >= least, "{colour} on {ground:?}: {found:.2}");
                }
            }
        }
    }
}
