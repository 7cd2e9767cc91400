//! The cells as graphs of arcs: nodes on a line, edges above it, the drawn ones in a colour of their own.

use super::colour::{CHOSEN, DRAWN};
use super::seen::Seen;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::Block;
use ratatui::widgets::canvas::{Canvas, Points};
use std::f64::consts::PI;

/// The width that a graph needs.
const WIDTH: u16 = 26;

/// Draws the cell types side by side; where there is no room for all, from that of the chosen edge on.
pub(super) fn draw(frame: &mut Frame, area: Rect, seen: &Seen, chosen: usize) {
    let mut names: Vec<&str> = Vec::new();
    for edge in &seen.edges {
        if !names.contains(&edge.cell.as_str()) {
            names.push(&edge.cell);
        }
    }
    let room = usize::from(area.width / WIDTH).max(1);
    if names.len() > room {
        let at = seen.edges.get(chosen).and_then(|edge| names.iter().position(|name| *name == edge.cell));
        names.rotate_left(at.unwrap_or(0));
        names.truncate(room);
    }
    let areas = Layout::horizontal(vec![Constraint::Fill(1); names.len().max(1)]).split(area);
    for (name, area) in names.into_iter().zip(areas.iter()) {
        cell(frame, *area, seen, name, chosen);
    }
}

fn cell(frame: &mut Frame, area: Rect, seen: &Seen, name: &str, chosen: usize) {
    let edges = seen.edges.iter().enumerate().filter(|(_, edge)| edge.cell == name);
    let arcs: Vec<(usize, usize, usize)> =
        edges.filter_map(|(index, edge)| edge.ends.map(|(from, to)| (index, from, to))).collect();
    let nodes = arcs.iter().map(|(.., to)| to + 1).max().unwrap_or(1);
    let longest = arcs.iter().map(|(_, from, to)| to - from).max().unwrap_or(1) as f64;
    let colour = |index: usize| {
        if seen.drawn.contains(&index) {
            DRAWN
        } else if index == chosen {
            CHOSEN
        } else {
            Color::DarkGray
        }
    };
    let mut title = vec![Span::raw(format!(" {name} "))];
    if arcs.iter().any(|(index, ..)| seen.drawn.contains(index)) {
        title.push(Span::styled(if seen.inverted { "drawn, −α " } else { "drawn " }, DRAWN));
    }
    let block = Block::bordered().title(Line::from(title)).border_style(Style::new().fg(Color::DarkGray));
    let right = nodes as f64 - 0.5;
    let canvas =
        Canvas::default().block(block).marker(Marker::Braille).x_bounds([-0.5, right]).y_bounds([-0.3, 1.05]).paint(
            |context| {
                // What stands out is drawn last, above the rest.
                let mut order = arcs.clone();
                order.sort_by_key(|(index, ..)| (seen.drawn.contains(index), *index == chosen));
                for (index, from, to) in order {
                    let (middle, half) = (f64::midpoint(from as f64, to as f64), (to - from) as f64 / 2.0);
                    let tall = 0.15 + 0.85 * (to - from) as f64 / longest;
                    let steps = 160.0;
                    let point = |step: u32| {
                        let angle = PI * f64::from(step) / steps;
                        (middle - half * angle.cos(), tall * angle.sin())
                    };
                    let coords: Vec<(f64, f64)> = (0..=steps as u32).map(point).collect();
                    context.draw(&Points::new(&coords, colour(index)));
                }
                context.layer();
                for node in 0..nodes {
                    context.print(node as f64, -0.28, Line::from(node.to_string()));
                }
            },
        );
    frame.render_widget(canvas, area);
}
