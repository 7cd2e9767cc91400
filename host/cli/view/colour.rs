//! The colours of the view.

use ratatui::style::{Color, Style};

/// Of the edge that was drawn.
pub(super) const DRAWN: Color = Color::Yellow;
/// Of the edge that was chosen.
pub(super) const CHOSEN: Color = Color::Cyan;
/// Of what says less.
pub(super) const QUIET: Style = Style::new().fg(Color::DarkGray);
/// Of the first curve.
pub(super) const FIRST: Color = Color::LightBlue;
/// Of the second.
pub(super) const SECOND: Color = Color::LightRed;
