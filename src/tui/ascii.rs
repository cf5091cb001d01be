//! Pages in ASCII alone.
//!
//! A page is drawn as always, and then each of its cells gets the character that comes nearest.

use ratatui::buffer::Buffer;

use plimsoll_report::ascii::nearest;

/// Replaces what is not ASCII.
pub(super) fn replace(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if let Some(character) = cell.symbol().chars().next().filter(|first| !first.is_ascii()) {
            cell.set_char(nearest(character));
        }
    }
}
