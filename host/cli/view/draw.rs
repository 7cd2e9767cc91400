//! What the view looks like.

use super::super::output::{bytes, duration};
use super::graph;
use super::seen::{Seen, Stand};
use crate::report::history::Series;
use crate::space::genotype::GenotypeEdge;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Clear, Dataset, GraphType, Paragraph};

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

pub(super) const DRAWN: Color = Color::Yellow;
pub(super) const CHOSEN: Color = Color::Cyan;
const QUIET: Style = Style::new().fg(Color::DarkGray);
const FIRST: Color = Color::LightBlue;
const SECOND: Color = Color::LightRed;

/// Draws it.
pub(super) fn draw(frame: &mut Frame, model: &Seen, looks: &mut Looks, has_control: bool) {
    if looks.follows
        && let Some(drawn) = model.drawn.first()
    {
        looks.edge = *drawn;
    }
    let area = frame.area();
    let log = (area.height / 5).clamp(3, 12);
    let [head, middle, bottom, keys] =
        Layout::vertical([Constraint::Length(2), Constraint::Min(4), Constraint::Length(log), Constraint::Length(1)])
            .areas(area);
    frame.render_widget(Paragraph::new(header(model)), head);
    if model.is_search() {
        let [left, right] = Layout::horizontal([Constraint::Percentage(46), Constraint::Percentage(54)]).areas(middle);
        curves(frame, left, model);
        search(frame, right, model, looks);
    } else {
        curves(frame, middle, model);
    }
    tail(frame, bottom, model, looks);
    let text = if has_control {
        " q stop  p pause  s save  ←→ edge  f follow  ↑↓ log  ? help"
    } else {
        " q leave (the run goes on)  ←→ edge  f follow  ↑↓ log  ? help"
    };
    frame.render_widget(Paragraph::new(text).style(QUIET), keys);
    if looks.help {
        help(frame, area, has_control);
    }
}

fn header(model: &Seen) -> Vec<Line<'static>> {
    let stand = match &model.stand {
        Stand::Running => Span::styled("running", Color::Green),
        Stand::Paused => Span::styled("paused", Color::Yellow),
        Stand::Stopping => Span::styled("stopping: ends when it is saved; q again ends it at once", Color::Yellow),
        Stand::Ended(how) => Span::styled(how.clone(), Color::Cyan),
    };
    let of = |all: Option<u64>| all.map_or(String::new(), |all| format!(" of {all}"));
    let iterations = model.epochs.zip(model.per_epoch).map(|(epochs, each)| epochs * each);
    let mut facts = Vec::new();
    if let Some(each) = model.per_epoch.filter(|each| *each > 0) {
        let epoch = model.iterations.saturating_sub(1) / each;
        facts.push(format!("epoch {epoch} ({}{})", epoch + 1, of(model.epochs)));
    }
    facts.push(format!("{}{} iterations", model.iterations, of(iterations)));
    facts.extend(model.pace.map(|pace| format!("{} each", time(pace))));
    facts.extend(model.left().map(|left| format!("{} left", duration(left))));
    facts.extend(model.memory.map(|memory| format!("{} of memory", bytes(memory as f64))));
    let name = Span::styled(format!(" {}  ", model.name), Modifier::BOLD);
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

fn curves(frame: &mut Frame, area: Rect, model: &Seen) {
    let [above, below] = Layout::vertical([Constraint::Percentage(50), Constraint::Percentage(50)]).areas(area);
    let losses = [("architecture", &model.search_loss, FIRST), ("weights", &model.train_loss, SECOND)];
    chart(frame, above, "loss", "iteration", &losses);
    let [train, test] = &model.tests;
    if model.is_search() {
        let accuracies = [("supernet", &model.supernet, FIRST), ("derived", &model.derived, SECOND)];
        chart(frame, below, "accuracy", "iteration", &accuracies);
    } else {
        chart(frame, below, "accuracy", "epoch", &[("train", train, FIRST), ("test", test, SECOND)]);
    }
}

fn chart(frame: &mut Frame, area: Rect, title: &str, x: &str, series: &[(&str, &Series, Color)]) {
    let finite = |series: &Series| -> Vec<(f64, f64)> {
        series.points().into_iter().filter(|point| point.y.is_finite()).map(|point| (point.x, point.y)).collect()
    };
    let data = series.iter().map(|(name, series, colour)| (*name, finite(series), *colour));
    let data: Vec<_> = data.filter(|(_, points, _)| !points.is_empty()).collect();
    let mut names = vec![Span::raw(format!(" {title} "))];
    for (name, points, colour) in &data {
        let last = points.last().map_or(f64::NAN, |point| point.1);
        names.push(Span::styled(format!("{name} {last:.4} "), *colour));
    }
    let block = Block::bordered().title(Line::from(names)).border_style(QUIET);
    let all = || data.iter().flat_map(|(_, points, _)| points);
    let ends = |of: fn(&(f64, f64)) -> f64| {
        let (least, most) = all().map(of).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        [least, most]
    };
    let wide = |[least, most]: [f64; 2]| if least < most { [least, most] } else { [least - 0.5, least + 0.5] };
    if data.is_empty() {
        frame.render_widget(Paragraph::new(format!(" no {title} yet")).style(QUIET).block(block), area);
        return;
    }
    let (across, up) = (ends(|point| point.0), ends(|point| point.1));
    let datasets = data.iter().map(|(_, points, colour)| {
        Dataset::default().marker(Marker::Braille).graph_type(GraphType::Line).style(*colour).data(points)
    });
    let chart = Chart::new(datasets.collect())
        .block(block)
        .x_axis(
            Axis::default()
                .bounds(wide(across))
                .labels([format!("{:.0}", across[0]), x.to_owned(), format!("{:.0}", across[1])])
                .style(QUIET),
        )
        .y_axis(Axis::default().bounds(wide(up)).labels(up.map(|y| format!("{y:.3}"))).style(QUIET));
    frame.render_widget(chart, area);
}

fn search(frame: &mut Frame, area: Rect, model: &Seen, looks: &Looks) {
    let candidates = model.candidates(looks.edge);
    let bars = (candidates.len() as u16 + 2).clamp(3, 12).min(area.height / 3 + 2);
    let [graphs, alpha, derived] =
        Layout::vertical([Constraint::Min(6), Constraint::Length(bars), Constraint::Percentage(34)]).areas(area);
    graph::draw(frame, graphs, model, looks.edge);
    let name = model.edges.get(looks.edge).map_or_else(|| "no edge".to_owned(), ToString::to_string);
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
    let lines: Vec<Line> = match candidates.as_slice() {
        [] => vec![Line::styled(" α is told at the end of each epoch", QUIET)],
        some => some.iter().map(line).collect(),
    };
    frame.render_widget(Paragraph::new(lines).block(block), alpha);
    frame.render_widget(cells(derived, model, looks), derived);
}

/// The derived cells, in as many columns as there is room for: all cell types, or that of the chosen edge where not all can be read.
fn cells(area: Rect, model: &Seen, looks: &Looks) -> Paragraph<'static> {
    let block = |title: String| Block::bordered().title(title).border_style(QUIET);
    let Some(cells) = &model.cells else {
        let text = " nothing is derived before the first validation";
        return Paragraph::new(text).style(QUIET).block(block(" derived so far ".to_owned()));
    };
    let chosen = model.edges.get(looks.edge);
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
    let columns = entries.len().div_ceil(rows).max(1);
    let width = width.min(room / columns).max(1);
    let cell = |(_, text, is_chosen): &(String, String, bool)| {
        let text: String = text.chars().take(width - 1).collect();
        Span::styled(
            format!(" {text:<room$}", room = width - 1),
            if *is_chosen { Style::new().fg(CHOSEN) } else { Style::new() },
        )
    };
    let line = |row: usize| Line::from(entries.iter().skip(row).step_by(rows).map(cell).collect::<Vec<_>>());
    Paragraph::new((0..rows.min(entries.len())).map(line).collect::<Vec<_>>()).block(block(title))
}

fn tail(frame: &mut Frame, area: Rect, model: &Seen, looks: &mut Looks) {
    let rows = usize::from(area.height.saturating_sub(2));
    looks.back = looks.back.min(model.log.len().saturating_sub(rows));
    let end = model.log.len() - looks.back;
    let shown = model.log.iter().take(end).skip(end.saturating_sub(rows));
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
