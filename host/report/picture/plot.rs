//! Plots: curves over a quantity, and bars; as SVG, and their numbers as CSV.

use super::axis::{short, span, tick, ticks};
use super::colour::{Colour, GRID, INK, LINE, PAPER, SHADE, curve};
use super::text::{FONTS, cut, width};
use crate::error::{Error, Result};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::fmt::Display;

/// Points of a plot per pixel of the page: the library places things at whole numbers.
const FINE: f64 = 4.0;
/// The width of a plot, in pixels.
const WIDTH: f64 = 560.0;
/// The height of what is between its axes.
const HEIGHT: f64 = 230.0;
/// The size of its letters.
const LETTERS: f64 = 13.0;
/// The height of a line of its legend, or of a bar.
const ROW: f64 = 20.0;

/// A plot.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plot {
    /// A short name, for files.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// What its curves are drawn over.
    pub x: String,
    /// What they show, with its unit.
    pub y: String,
    /// The curves; of bars one per part of a bar.
    pub curves: Vec<Curve>,
    /// Stretches of x that are set off, each from where to where.
    pub shaded: Vec<(f64, f64)>,
    /// What these are.
    pub shade: String,
    /// Of bars: what each stands for, by whole x from 0. There are none in a plot of curves.
    pub bars: Vec<String>,
}

/// A curve.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curve {
    /// What it shows.
    pub name: String,
    /// The number of its colour.
    pub colour: usize,
    /// Its points, by x.
    pub points: Vec<Point>,
    /// Whether a value holds until the next.
    pub steps: bool,
    /// How many values a point stands for, at most, where that is more than one.
    pub each: u64,
}

/// A point of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Where.
    pub x: f64,
    /// The value, or the mean of several; one that is not finite is not drawn.
    pub y: f64,
    /// The smallest and the largest of several.
    pub range: Option<(f64, f64)>,
}

impl Point {
    /// A single value.
    pub fn new(x: f64, y: f64) -> Self {
        Self { x, y, range: None }
    }

    /// Whether it can be drawn: numbers beyond these leave no room for axes.
    fn is_drawn(&self) -> bool {
        self.y.abs() < 1e300
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn rgb(colour: Colour) -> RGBColor {
    RGBColor(colour.0, colour.1, colour.2)
}

fn fine(pixels: f64) -> i32 {
    (pixels * FINE).round() as i32
}

/// The library's letters are smaller than it is asked for, by this.
const ASKED: f64 = 1.24;

fn letters(colour: Colour) -> TextStyle<'static> {
    (FONTS, LETTERS * ASKED * FINE).into_font().color(&rgb(colour))
}

fn wrong(error: impl Display) -> Error {
    Error::new(format!("a plot cannot be drawn: {error}"))
}

impl Plot {
    /// Whether it has anything to show.
    pub fn is_empty(&self) -> bool {
        self.curves.iter().all(|curve| !curve.points.iter().any(Point::is_drawn))
    }

    /// How many values a point of any of its curves stands for, at most.
    pub fn each(&self) -> u64 {
        self.curves.iter().map(|curve| curve.each).max().unwrap_or(0).max(1)
    }

    /// It as SVG, with a legend wherever there is more than one curve.
    ///
    /// # Errors
    /// Where the library cannot draw it.
    pub fn svg(&self) -> Result<String> {
        let legend = self.legend();
        let rows = legend.last().map_or(0, |(row, ..)| row + 1);
        let head = rows as f64 * ROW + 8.0;
        let tall = if self.bars.is_empty() { head + HEIGHT + 46.0 } else { head + self.bars.len() as f64 * ROW + 8.0 };
        let mut text = String::new();
        {
            let area = SVGBackend::with_string(&mut text, (fine(WIDTH) as u32, fine(tall) as u32)).into_drawing_area();
            area.fill(&rgb(PAPER)).map_err(wrong)?;
            for (row, x, name, colour) in &legend {
                let y = *row as f64 * ROW + 15.0;
                let swatch = [(fine(*x), fine(y - 6.0)), (fine(x + 14.0), fine(y + 2.0))];
                area.draw(&Rectangle::new(swatch, rgb(*colour).filled())).map_err(wrong)?;
                let style = letters(INK).pos(Pos::new(HPos::Left, VPos::Center));
                area.draw(&Text::new(name.clone(), (fine(x + 20.0), fine(y - 2.0)), style)).map_err(wrong)?;
            }
            let (_, below) = area.split_vertically(fine(head));
            if self.bars.is_empty() {
                self.draw_curves(&below)?
            } else {
                self.draw_bars(&below)?
            }
            area.present().map_err(wrong)?;
        }
        // At the size that it is meant to have.
        let size = format!("width=\"{}\" height=\"{}\"", fine(WIDTH), fine(tall));
        Ok(text.replacen(&size, &format!("width=\"{WIDTH}\" height=\"{tall}\""), 1))
    }

    /// Row, left end, text and colour of what the legend names.
    fn legend(&self) -> Vec<(usize, f64, String, Colour)> {
        let mut names: Vec<(String, Colour)> = Vec::new();
        if self.curves.len() > 1 {
            names.extend(self.curves.iter().map(|one| (cut(&one.name, 56), curve(one.colour))));
        }
        if !self.shaded.is_empty() {
            names.push((cut(&self.shade, 56), SHADE));
        }
        let (mut row, mut x) = (0, 8.0);
        let place = |(name, colour): (String, Colour)| {
            let wide = width(&name, LETTERS) + 34.0;
            if x > 8.0 && x + wide > WIDTH {
                (row, x) = (row + 1, 8.0);
            }
            x += wide;
            (row, x - wide, name, colour)
        };
        names.into_iter().map(place).collect()
    }

    fn draw_curves(&self, area: &Area) -> Result<()> {
        let points = || self.curves.iter().flat_map(|curve| &curve.points).filter(|point| point.is_drawn());
        let x = span(points().map(|point| point.x), 0.0);
        let mut y =
            span(points().flat_map(|p| [Some(p.y), p.range.map(|r| r.0), p.range.map(|r| r.1)]).flatten(), 0.06);
        // Between whole numbers that are few lies nothing.
        let whole = y.1 - y.0 < 12.0 && points().all(|point| point.y.fract() == 0.0 && point.range.is_none());
        if whole {
            y = ((y.0 + 0.4).floor() - 0.5, (y.1 - 0.4).ceil() + 0.5);
        }
        let mut chart = ChartBuilder::on(area)
            .margin_left(fine(6.0))
            .margin_right(fine(16.0))
            .x_label_area_size(fine(44.0))
            .y_label_area_size(fine(62.0))
            .build_cartesian_2d(x.0..x.1, y.0..y.1)
            .map_err(wrong)?;
        for (from, to) in &self.shaded {
            let corners = [(from.max(x.0), y.0), (to.min(x.1), y.1)];
            if corners[0].0 < corners[1].0 {
                chart.draw_series([Rectangle::new(corners, rgb(SHADE).filled())]).map_err(wrong)?;
            }
        }
        let line = |colour: Colour, thick: f64| ShapeStyle { stroke_width: fine(thick) as u32, ..rgb(colour).into() };
        let (across, up) = (ticks(x), ticks(y));
        chart
            .configure_mesh()
            .x_desc(self.x.as_str())
            .y_desc(cut(&self.y, 34))
            .axis_desc_style(letters(LINE))
            .label_style(letters(LINE))
            .axis_style(line(LINE, 0.75))
            .bold_line_style(line(GRID, 0.75))
            .light_line_style(TRANSPARENT)
            .set_all_tick_mark_size(fine(3.0))
            .x_labels(6)
            .y_labels(if whole { (y.1 - y.0) as usize + 1 } else { 6 })
            .x_label_formatter(&|x| tick(*x, across))
            .y_label_formatter(&|y| match whole {
                true if (y - y.round()).abs() > 1e-6 => String::new(),
                true => tick(*y, 0),
                false => tick(*y, up),
            })
            .draw()
            .map_err(wrong)?;
        for one in &self.curves {
            let colour = curve(one.colour);
            for stretch in one.points.split(|point| !point.is_drawn()).filter(|stretch| !stretch.is_empty()) {
                let band = |end: fn((f64, f64)) -> f64| stretch.iter().filter_map(move |p| Some((p.x, end(p.range?))));
                let outline: Vec<(f64, f64)> = band(|r| r.0).chain(band(|r| r.1).rev()).collect();
                if outline.len() > 2 {
                    chart.draw_series([Polygon::new(outline, rgb(colour).mix(0.2))]).map_err(wrong)?;
                }
                let mut way: Vec<(f64, f64)> = Vec::new();
                for point in stretch {
                    if let Some((_, before)) = way.last().copied().filter(|_| one.steps) {
                        way.push((point.x, before));
                    }
                    way.push((point.x, point.y));
                }
                if let [only] = way.as_slice() {
                    chart.draw_series([Circle::new(*only, fine(2.5), rgb(colour).filled())]).map_err(wrong)?;
                } else {
                    chart.draw_series(LineSeries::new(way, line(colour, 1.6))).map_err(wrong)?;
                }
            }
        }
        Ok(())
    }

    fn draw_bars(&self, area: &Area) -> Result<()> {
        let value = |curve: &Curve, bar: usize| {
            let of_bar = curve.points.iter().filter(|point| point.x == bar as f64 && point.is_drawn());
            of_bar.map(|point| point.y).sum::<f64>()
        };
        let total = |bar: usize| self.curves.iter().map(|curve| value(curve, bar)).sum::<f64>();
        let most = (0..self.bars.len()).map(total).fold(0.0, f64::max);
        let names: Vec<String> = self.bars.iter().map(|name| cut(name, 30)).collect();
        let left = names.iter().map(|name| width(name, LETTERS)).fold(0.0, f64::max) + 16.0;
        let right = (WIDTH - 84.0).max(left + 1.0);
        for (bar, name) in names.into_iter().enumerate() {
            let y = bar as f64 * ROW + ROW / 2.0;
            let style = letters(INK).pos(Pos::new(HPos::Right, VPos::Center));
            area.draw(&Text::new(name, (fine(left - 8.0), fine(y)), style)).map_err(wrong)?;
            let mut x = left;
            for one in &self.curves {
                let long = if most > 0.0 { value(one, bar) / most * (right - left) } else { 0.0 };
                let corners = [(fine(x), fine(y - 7.0)), (fine(x + long), fine(y + 7.0))];
                if long > 0.0 {
                    area.draw(&Rectangle::new(corners, rgb(curve(one.colour)).filled())).map_err(wrong)?;
                }
                x += long;
            }
            let style = letters(LINE).pos(Pos::new(HPos::Left, VPos::Center));
            area.draw(&Text::new(short(total(bar)), (fine(x + 6.0), fine(y)), style)).map_err(wrong)?;
        }
        Ok(())
    }

    /// Its numbers, a line per point: the curve, x and y as [`Plot`] names them, and where points stand for several values, the smallest
    /// and the largest of these. Numbers read back to the same bits.
    ///
    /// # Errors
    /// None that a plot could cause.
    pub fn csv(&self) -> Result<String> {
        let wrong = |e: &dyn Display| Error::new(format!("a table cannot be written: {e}"));
        let mut writer = csv::Writer::from_writer(Vec::new());
        let ranges = self.curves.iter().flat_map(|curve| &curve.points).any(|point| point.range.is_some());
        let mut head = vec!["curve", &self.x, &self.y];
        if ranges {
            head.extend(["smallest", "largest"]);
        }
        writer.write_record(head).map_err(|e| wrong(&e))?;
        for one in &self.curves {
            for point in &one.points {
                let x = match self.bars.get(point.x as usize) {
                    Some(bar) => bar.clone(),
                    None => point.x.to_string(),
                };
                let mut record = vec![one.name.clone(), x, point.y.to_string()];
                if ranges {
                    let (least, most) = point.range.unwrap_or((point.y, point.y));
                    record.extend([least.to_string(), most.to_string()]);
                }
                writer.write_record(record).map_err(|e| wrong(&e))?;
            }
        }
        let bytes = writer.into_inner().map_err(|e| wrong(&e))?;
        String::from_utf8(bytes).map_err(|e| wrong(&e))
    }
}
