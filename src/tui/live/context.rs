//! What each panel of the live page needs to know of the page.

use crate::theme::Theme;

use super::super::page::ViewOptions;

/// What a panel needs to draw itself.
#[derive(Clone, Copy)]
pub(super) struct PanelContext {
    pub(super) theme: Theme,
    pub(super) look: ViewOptions,
    /// Whether it is the chosen panel.
    pub(super) chosen: bool,
}

impl PanelContext {
    /// Lines to skip: only the chosen panel scrolls.
    pub(super) const fn scroll(&self) -> usize {
        if self.chosen { self.look.scroll } else { 0 }
    }
}
