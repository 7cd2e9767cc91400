//! The view as it goes: what keys do, and when it is drawn anew.

use super::control::Control;
use super::draw::{Looks, draw};
use super::screen;
use super::seen::{Seen, Stand};
use crate::error::{Error, Result};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often what has changed is drawn.
const EVERY: Duration = Duration::from_millis(500);

/// Shows a seen until the run or the user ends it. `tick` is called before each look.
///
/// # Errors
/// Where the terminal has gone.
pub(super) fn run(seen: &Mutex<Seen>, control: &Control, mut tick: impl FnMut(&mut Seen)) -> Result<()> {
    let mut looks = Looks::default();
    let mut drawn: Option<(u64, Instant)> = None;
    let mut stale = true;
    while !control.is_over() {
        let mut frame = None;
        {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            tick(&mut seen);
            if control.interruption.is_some() {
                let stand = match (control.is_stopping(), control.is_paused()) {
                    (true, _) => Stand::Stopping,
                    (_, true) => Stand::Paused,
                    _ => Stand::Running,
                };
                stale |= stand != seen.stand;
                seen.stand = stand;
            }
            let is_due = drawn.is_none_or(|(generation, at)| generation != seen.generation && at.elapsed() >= EVERY);
            if stale || is_due {
                let has_control = control.interruption.is_some();
                frame = screen::drawn(|frame| draw(frame, &seen, &mut looks, has_control)).map_err(gone)?;
                if frame.is_none() {
                    return Ok(());
                }
                (drawn, stale) = (Some((seen.generation, Instant::now())), false);
            }
        }
        if let Some(frame) = frame {
            screen::write(frame).map_err(gone)?;
        }
        screen::wait(EVERY / 4).map_err(gone)?;
        // Not at once: where a window is resized while a key comes, the key is only heard with the next one.
        if !event::poll(EVERY / 16).map_err(gone)? {
            continue;
        }
        match event::read().map_err(gone)? {
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                let edges = seen.lock().unwrap_or_else(PoisonError::into_inner).edges.len();
                press(key, &mut looks, control, edges);
                stale = true;
            }
            Event::Resize(..) => stale = true,
            _ => {}
        }
    }
    Ok(())
}

fn gone(error: std::io::Error) -> Error {
    Error::new(format!("the terminal has gone: {error}"))
}

fn press(key: KeyEvent, looks: &mut Looks, control: &Control, edges: usize) {
    let is_ctrl_c = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        _ if is_ctrl_c => stop(control),
        KeyCode::Char('q') => stop(control),
        KeyCode::Char('p') if control.interruption.is_some() => control.toggle_pause(),
        KeyCode::Char('s') if control.interruption.is_some() => control.save(),
        KeyCode::Right | KeyCode::Char('l') if edges > 0 => looks.edge = (looks.edge + 1) % edges,
        KeyCode::Left | KeyCode::Char('h') if edges > 0 => looks.edge = (looks.edge + edges - 1) % edges,
        KeyCode::Char('f') => looks.follows = !looks.follows,
        KeyCode::Up | KeyCode::Char('k') => looks.back += 1,
        KeyCode::Down | KeyCode::Char('j') => looks.back = looks.back.saturating_sub(1),
        KeyCode::PageUp => looks.back += 10,
        KeyCode::PageDown => looks.back = looks.back.saturating_sub(10),
        KeyCode::End => looks.back = 0,
        KeyCode::Char('?') => looks.help = !looks.help,
        KeyCode::Esc => looks.help = false,
        _ => {}
    }
    if matches!(key.code, KeyCode::Right | KeyCode::Left | KeyCode::Char('l' | 'h')) {
        looks.follows = false;
    }
}

/// The first time ends the run when its iteration is over, a second time at once: as Ctrl-C does without the view. Where the run is another
/// process's, only the view ends.
fn stop(control: &Control) {
    match &control.interruption {
        None => control.end(),
        Some(interruption) if interruption.requested() => super::super::signals::end_at_once(),
        Some(interruption) => interruption.request(),
    }
}
