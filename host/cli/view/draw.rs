//! What the view looks like.

use super::super::output::{bytes, duration};
use super::chart::curves;
use super::colour::{CHOSEN, FIRST, QUIET};
use super::graph;
use super::seen::{Seen, Stand};
use crate::space::genotype::GenotypeEdge;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

/// How the user wants to see it.
#[derive(Debug)]
pub(super) struct Looks {
    /// The edge whose α is shown.
    pub(super) edge: usize,
    /// Whether that is the edge that was drawn last.
    pub(super) follows: bool,
    /// How many lines of the log are left out at its end.
    pub(super) back: usize,
    pub(super) help: bool,
}

impl Default for Looks {
    fn default() -> Self {
        Self { edge: 0, follows: true, back: 0, help: false }
    }
}

/// The least height of the cells' graphs; there are none where there is less room.
const GRAPH: u16 = 8;

/// Draws it.
pub(super) fn draw(frame: &mut Frame, seen: &Seen, looks: &mut Looks, has_control: bool) {
    if looks.follows
        && let Some(drawn) = seen.drawn.first()
    {
        looks.edge = *drawn;
    }
    let area = frame.area();
    let log = (area.height / 5).clamp(3, 12);
    let [head, middle, bottom, keys] =
        Layout::vertical([Constraint::Length(2), Constraint::Min(4), Constraint::Length(log), Constraint::Length(1)])
            .areas(area);
    frame.render_widget(Paragraph::new(header(seen)), head);
    if seen.is_search() {
        let [left, right] = Layout::horizontal([Constraint::Percentage(46), Constraint::Percentage(54)]).areas(middle);
        curves(frame, left, seen);
        search(frame, right, seen, looks);
    } else {
        curves(frame, middle, seen);
    }
    tail(frame, bottom, seen, looks);
    let own = match (has_control, &seen.stand) {
        (true, _) => "q stop  p pause  s save",
        (false, Stand::Ended(_)) => "q leave",
        (false, _) => "q leave (the run goes on)",
    };
    let edges = if seen.is_search() { "  ←→ edge  f follow" } else { "" };
    frame.render_widget(Paragraph::new(format!(" {own}{edges}  ↑↓ log  ? help")).style(QUIET), keys);
    if looks.help {
        help(frame, area, has_control);
    }
}

fn header(seen: &Seen) -> Vec<Line<'static>> {
    let stand = match &seen.stand {
        Stand::Running => Span::styled("running", Color::Green),
        Stand::Paused => Span::styled("paused", Color::Yellow),
        Stand::Stopping => Span::styled("stopping: ends when it is saved; q again ends it at once", Color::Yellow),
        Stand::Silent(how) => Span::styled(how.clone(), Color::Red),
        Stand::Ended(how) => Span::styled(how.clone(), Color::Cyan),
    };
    let of = |all: Option<u64>| all.map_or(String::new(), |all| format!(" of {all}"));
    let iterations = seen.epochs.zip(seen.per_epoch).map(|(epochs, each)| epochs * each);
    let mut facts = Vec::new();
    if let Some(each) = seen.per_epoch.filter(|each| *each > 0) {
        let epoch = seen.iterations.saturating_sub(1) / each;
        facts.push(format!("epoch {epoch} ({}{})", epoch + 1, of(seen.epochs)));
    }
    facts.push(format!("{}{} iterations", seen.iterations, of(iterations)));
    facts.extend(seen.pace.map(|pace| format!("{} each", time(pace))));
    facts.extend(seen.left().map(|left| format!("{} left", duration(left))));
    facts.extend(seen.memory.map(|memory| format!("{} of memory at most", bytes(memory as f64))));
    let name = Span::styled(format!(" {}  ", seen.name), Modifier::BOLD);
    vec![Line::from(vec![name, stand]), Line::from(format!(" {}", facts.join("  ·  ")))]
}

/// A short time for people.
fn time(seconds: f64) -> String {
    match seconds {
        s if s < 0.001 => format!("{:.0} µs", s * 1e6),
        s if s < 1.0 => format!("{:.1} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

fn search(frame: &mut Frame, area: Rect, seen: &Seen, looks: &Looks) {
    let candidates = seen.candidates(looks.edge);
    let bars = (candidates.len() as u16 + 2).clamp(3, area.height.saturating_sub(4).max(3));
    // Where there is little room, what was learned comes first.
    let has_graphs = area.height >= bars + GRAPH + 6;
    let [graphs, alpha, derived] =
        Layout::vertical([Constraint::Fill(has_graphs.into()), Constraint::Length(bars), Constraint::Fill(1)])
            .areas(area);
    if has_graphs {
        graph::draw(frame, graphs, seen, looks.edge);
    }
    let name = seen.edges.get(looks.edge).map_or_else(|| "no edge".to_owned(), ToString::to_string);
    let chosen = if looks.follows { "as drawn" } else { "chosen" };
    let title = Line::from(vec![Span::raw(" α of "), Span::styled(name, CHOSEN), Span::raw(format!(" ({chosen}) "))]);
    let block = Block::bordered().title(title).border_style(QUIET);
    let most = candidates.iter().map(|(.., share)| *share).fold(f64::MIN_POSITIVE, f64::max);
    let width = candidates.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0).min(18);
    let room = usize::from(alpha.width).saturating_sub(width + 14);
    let line = |(name, value, share): &(String, f64, f64)| {
        let filled = (share / most * room as f64).round() as usize;
        let name: String = name.chars().take(width).collect();
        let bar = "█".repeat(filled.min(room));
        Line::from(vec![
            Span::raw(format!(" {name:width$} ")),
            Span::raw(format!("{value:>8.4} ")),
            Span::styled(bar, FIRST),
        ])
    };
    let rows = usize::from(alpha.height.saturating_sub(2));
    let lines: Vec<Line> = match candidates.as_slice() {
        [] => vec![Line::styled(" α is told at the end of each epoch", QUIET)],
        all if all.len() <= rows => all.iter().map(line).collect(),
        all => {
            // The strongest, and how many are left out.
            let mut strongest = all.to_vec();
            strongest.sort_by(|a, b| b.1.total_cmp(&a.1));
            let shown = strongest.iter().take(rows.saturating_sub(1)).map(line);
            shown.chain([more(all.len() - rows.saturating_sub(1), "weaker")]).collect()
        }
    };
    frame.render_widget(Paragraph::new(lines).block(block), alpha);
    frame.render_widget(cells(derived, seen, looks), derived);
}

fn more(count: usize, what: &str) -> Line<'static> {
    Line::styled(format!(" … {count} {what}"), QUIET)
}

/// The derived cells, in as many columns as there is room for: all cell types, or that of the chosen edge where not all can be read.
fn cells(area: Rect, seen: &Seen, looks: &Looks) -> Paragraph<'static> {
    let block = |title: String| Block::bordered().title(title).border_style(QUIET);
    let Some(cells) = &seen.cells else {
        let text = " nothing is derived before the first validation";
        return Paragraph::new(text).style(QUIET).block(block(" derived so far ".to_owned()));
    };
    let chosen = seen.edges.get(looks.edge);
    let entries = cells.0.iter().flat_map(|(name, cell)| cell.edges.iter().map(move |edge| (name, edge)));
    let entry = |(name, edge): (&String, &GenotypeEdge)| {
        let is_chosen = chosen.is_some_and(|c| c.cell == *name && c.ends == Some((edge.from, edge.to)));
        (name.clone(), format!("{}→{} {}", edge.from, edge.to, edge.candidate), is_chosen)
    };
    let mut entries: Vec<(String, String, bool)> = entries.map(entry).collect();
    let rows = usize::from(area.height.saturating_sub(2)).max(1);
    let room = usize::from(area.width.saturating_sub(3));
    let wide = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0) + 2;
    let mut width = wide(&mut entries.iter().map(|(name, text, _)| name.chars().count() + 1 + text.chars().count()));
    let mut title = " derived so far ".to_owned();
    if entries.len().div_ceil(rows) * width <= room {
        entries.iter_mut().for_each(|(name, text, _)| *text = format!("{name} {text}"));
    } else {
        let only = chosen.map_or_else(|| entries.first().map_or(String::new(), |e| e.0.clone()), |c| c.cell.clone());
        entries.retain(|(name, ..)| *name == only);
        width = wide(&mut entries.iter().map(|(_, text, _)| text.chars().count()));
        title = format!(" derived so far: {only} ");
    }
    // Whole entries alone: what has no room is counted.
    let columns = (room / width).clamp(1, entries.len().div_ceil(rows).max(1));
    let left_out = entries.len().saturating_sub(columns * rows);
    let rows = if left_out > 0 { rows - 1 } else { rows };
    let cell = |(_, text, is_chosen): &(String, String, bool)| {
        let style = if *is_chosen { Style::new().fg(CHOSEN) } else { Style::new() };
        Span::styled(format!(" {text:<room$}", room = width - 1), style)
    };
    let shown = entries.len().min(columns * rows);
    let line =
        |row: usize| Line::from(entries[..shown].iter().skip(row).step_by(rows.max(1)).map(cell).collect::<Vec<_>>());
    let mut lines: Vec<Line> = (0..rows.min(shown)).map(line).collect();
    if left_out > 0 {
        lines.push(more(entries.len() - shown, "more"));
    }
    Paragraph::new(lines).block(block(title))
}

fn tail(frame: &mut Frame, area: Rect, seen: &Seen, looks: &mut Looks) {
    let rows = usize::from(area.height.saturating_sub(2));
    looks.back = looks.back.min(seen.log.len().saturating_sub(rows));
    let end = seen.log.len() - looks.back;
    let shown = seen.log.iter().take(end).skip(end.saturating_sub(rows));
    let lines: Vec<Line> = shown.map(|line| Line::raw(format!(" {line}"))).collect();
    let title = if looks.back > 0 { format!(" log, {} lines back ", looks.back) } else { " log ".to_owned() };
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(title).border_style(QUIET)), area);
}

fn help(frame: &mut Frame, area: Rect, has_control: bool) {
    let own = [
        "q, Ctrl-C   stop: the iteration ends, the run is saved and can go on",
        "            later; a second time ends it at once",
        "p           pause after this iteration, and go on",
        "s           save after this iteration",
    ];
    let others = ["q, Ctrl-C   leave; the run goes on in its own process"];
    let common = [
        "← →         choose the edge whose α is shown",
        "f           show the edge that was drawn last",
        "↑ ↓         scroll the log; also Page up and down, End",
        "?           this",
    ];
    let lines: Vec<&str> = if has_control { own.to_vec() } else { others.to_vec() };
    let lines: Vec<Line> = lines.into_iter().chain(common).map(|line| Line::raw(format!(" {line}"))).collect();
    let (width, height) = (76.min(area.width), (lines.len() as u16 + 2).min(area.height));
    let place = Rect { x: (area.width - width) / 2, y: (area.height - height) / 2, width, height };
    frame.render_widget(Clear, place);
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" keys ")), place);
}
