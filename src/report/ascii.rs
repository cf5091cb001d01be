//! Text in ASCII alone, for terminals and locales that have nothing else.

/// `text` with the character that comes nearest for each that is not ASCII: one for one, so that nothing moves.
pub fn text(text: &str) -> String {
    text.chars().map(|one| if one.is_ascii() { one } else { nearest(one) }).collect()
}

/// Dots of a braille character by how high they stand: the topmost of its rows decides.
fn of_braille(character: char) -> char {
    let dots = character as u32 - 0x2800;
    match (dots & 0x09, dots & 0x12, dots & 0x24, dots & 0xC0) {
        (0, 0, 0, 0) => ' ',
        (0, 0, 0, _) => '_',
        (0, 0, _, _) => '.',
        (0, _, _, _) => '-',
        _ => '\'',
    }
}

/// The character of ASCII that comes nearest to one that is not.
pub fn nearest(character: char) -> char {
    match character {
        '\u{2800}'..='\u{28FF}' => of_braille(character),
        '─' | '━' | '═' | '╌' | '−' | '–' | '—' => '-',
        '│' | '┃' | '║' | '┆' | '▏' | '▎' | '‖' => '|',
        '\u{250C}'..='\u{257F}' | '▒' => '+',
        '▁' | '▂' => '_',
        '▃' | '▄' => '=',
        '▍' | '▌' | '▋' | '▊' | '▉' | '▅' | '▆' | '▇' | '█' | '▓' | '▮' | '■' | '◼' => {
            '#'
        }
        '░' => ':',
        '·' | '•' | '…' => '.',
        '✔' | '▼' | '↓' => 'v',
        '✖' | '✘' | '×' | '⊘' => 'x',
        '▲' | '↑' | '⇧' => '^',
        '▸' | '▶' | '→' | '›' | '⇥' | '≥' => '>',
        '←' | '≤' => '<',
        '●' | '◐' => '*',
        '○' => 'o',
        '⚑' | '✎' => '!',
        '±' | '⏎' => '~',
        'µ' => 'u',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn pages_need_no_character_that_has_no_neighbour() {
        let known = "─━╭╮╰╯┏┓┗┛│┃·…✔✖▲⊘●○◐▸▶■◼‖→←↑↓⏎⇥⇧≤≥−–µ×░▒▓█▁▂▃▄▅▆▇▏▎▍▌▋▊▉▮•⚑✎›⠁⠂⡀⣿";
        for character in known.chars() {
            let found = nearest(character);
            assert!(found.is_ascii() && found != '?', "{character}: {found}");
        }
        assert_eq!(nearest('日'), '?');
    }
}
