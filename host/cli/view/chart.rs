//! Losses and accuracies as curves.

use super::colour::{FIRST, QUIET, SECOND};
use super::seen::Seen;
use crate::report::history::Series;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Color;
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, Paragraph};

/// Draws them: of a search over iterations, of an evaluation its accuracies over epochs.
pub(super) fn curves(frame: &mut Frame, area: Rect, seen: &Seen) {
    let [above, below] = Layout::vertical([Constraint::Percentage(50), Constraint::Percentage(50)]).areas(area);
    let losses = [("architecture", &seen.search_loss, FIRST), ("weights", &seen.train_loss, SECOND)];
    chart(frame, above, "loss", "iteration", &losses);
    let [train, test] = &seen.tests;
    if seen.is_search() {
        let accuracies = [("supernet", &seen.supernet, FIRST), ("derived", &seen.derived, SECOND)];
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
    let last = |digits: usize, named: bool| {
        let told = series.iter().filter_map(|(name, series, colour)| Some((name, series.last()?, *colour)));
        let span = |(name, last, colour): (&&str, f64, Color)| {
            let name = if named { format!("{name} ") } else { String::new() };
            Span::styled(format!("{name}{last:.digits$} "), colour)
        };
        Line::from([Span::raw(format!(" {title} "))].into_iter().chain(told.map(span)).collect::<Vec<_>>())
    };
    // The longest that has room: a number that is cut would be another one.
    let titles = [last(4, true), last(2, true), last(2, false), Line::raw(format!(" {title} "))];
    let room = usize::from(area.width.saturating_sub(2));
    let names = titles.into_iter().find(|title| title.width() <= room).unwrap_or_default();
    let block = Block::bordered().title(names).border_style(QUIET);
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
