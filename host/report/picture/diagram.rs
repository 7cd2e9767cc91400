//! Boxes and arrows, laid out from left to right by `dagre` and written as SVG.
//!
//! The picture follows from the diagram alone: every number is worked out here, none comes from the fonts of the machine that draws.

use super::colour::{Colour, IN_BOX, INK, KINDS, LINE, PALE, PAPER};
use super::text::{cut, width};
use dagre::graph::{Graph, GraphOptions};
use dagre::{EdgeLabel, LayoutOptions, NodeLabel, RankDir};
use maud::{Markup, html};
use std::fmt::Write;

/// A graph to be drawn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagram {
    /// What stands above it.
    pub title: String,
    /// Its shapes.
    pub shapes: Vec<Shape>,
    /// Its arrows.
    pub arrows: Vec<Arrow>,
}

/// A box with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The text; one that is too long is cut, and shown in whole by what shows titles.
    pub text: String,
    /// What it looks like.
    pub look: Look,
}

/// What a box looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// A place where something comes in or goes out.
    Port,
    /// A round node.
    Node,
    /// An operation, in the colour of its kind: kinds count from 0.
    Operation(usize),
    /// An operation that carries nothing.
    Nothing,
}

impl Look {
    /// The colours of the box, of its frame and of its text.
    pub(super) fn colours(self) -> (Colour, Colour, Colour) {
        match self {
            Self::Operation(kind) => {
                let (fill, stroke) = KINDS[kind % KINDS.len()];
                (fill, stroke, IN_BOX)
            }
            Self::Nothing => (PAPER, PALE, LINE),
            Self::Port | Self::Node => (PAPER, INK, INK),
        }
    }
}

/// An arrow between two shapes, by their positions. Arrows lead from left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrow {
    /// Where it begins.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
    /// Whether it has a head.
    pub head: bool,
    /// Whether it is pale, because nothing flows along it.
    pub pale: bool,
}

/// A diagram that was laid out: SVG without its frame.
#[derive(Debug, Clone)]
pub struct Drawing {
    /// Its size, in pixels.
    pub size: (f64, f64),
    /// What is in it.
    pub body: Markup,
}

/// The most arrows that are drawn.
const MOST: usize = 300;
/// The size of a label's letters, in pixels.
const LETTERS: f64 = 13.0;
/// The height of a box.
const HEIGHT: f64 = 26.0;
/// The most columns of a label.
const COLUMNS: usize = 26;
/// What is left free around a diagram.
const MARGIN: f64 = 12.0;
/// The height of a title.
const TITLE: f64 = 26.0;

impl Diagram {
    /// Lays it out and draws it. Of one with more than 300 arrows, which nobody could follow, the picture says that much.
    pub fn draw(&self) -> Drawing {
        if self.arrows.len() > MOST {
            let text = format!("{} arrows: too many for a picture", self.arrows.len());
            let shape = Shape { text, look: Look::Port };
            return Self { title: self.title.clone(), shapes: vec![shape], arrows: Vec::new() }.draw();
        }
        let graph = self.lay_out();
        let ids = 0..self.shapes.len();
        let placed: Vec<Placed> = ids.filter_map(|at| graph.node(&at.to_string()).map(Placed::of)).collect();
        let lines: Vec<(Arrow, Vec<(f64, f64)>)> = self
            .arrows
            .iter()
            .map(|arrow| {
                let between = graph.edge(&arrow.from.to_string(), &arrow.to.to_string(), None);
                let points = between.map_or(&[][..], |edge| &edge.points).iter().map(|p| (p.x, p.y));
                // The first and last lie on the shapes' borders wherever these are nearest: here all begin at the right and end at the left.
                let inner = points.skip(1).take(between.map_or(0, |edge| edge.points.len().saturating_sub(2)));
                let (from, to) = (placed[arrow.from], placed[arrow.to]);
                let mut way = vec![(from.x + from.width / 2.0, from.y)];
                way.extend(inner.filter(|(x, _)| *x > from.x + from.width / 2.0 && *x < to.x - to.width / 2.0));
                way.push((to.x - to.width / 2.0, to.y));
                (*arrow, without_needless(&way))
            })
            .collect();
        let right = placed.iter().map(|p| p.x + p.width / 2.0);
        let wide = right.fold(width(&self.title, LETTERS) + 2.0 * MARGIN, |wide, x| wide.max(x + MARGIN));
        let ys = placed.iter().map(|p| p.y + p.height / 2.0).chain(lines.iter().flat_map(|(_, way)| way).map(|p| p.1));
        let tall = ys.fold(0.0_f64, f64::max) + MARGIN;
        let body = html! {
            text x=(number(MARGIN)) y="18" font-size=(LETTERS) font-weight="bold" fill=(INK) { (cut(&self.title, 60)) }
            g transform={ "translate(0 " (TITLE) ")" } {
                @for (arrow, way) in &lines { (line(*arrow, way)) }
                @for (a, at) in self.shapes.iter().zip(&placed) { (a.draw(*at)) }
            }
        };
        Drawing { size: (wide.ceil(), (tall + TITLE).ceil()), body }
    }

    fn lay_out(&self) -> Graph<NodeLabel, EdgeLabel> {
        let mut graph = Graph::with_options(GraphOptions { directed: true, multigraph: false, compound: false });
        for (at, a) in self.shapes.iter().enumerate() {
            let (width, height) = a.size();
            graph.set_node(at.to_string(), Some(NodeLabel { width, height, ..NodeLabel::default() }));
        }
        for arrow in &self.arrows {
            graph.set_edge(arrow.from.to_string(), arrow.to.to_string(), Some(EdgeLabel::default()), None);
        }
        let options = LayoutOptions {
            rankdir: RankDir::LR,
            nodesep: 10.0,
            edgesep: 12.0,
            ranksep: 44.0,
            marginx: MARGIN,
            marginy: MARGIN,
            ..LayoutOptions::default()
        };
        dagre::layout(&mut graph, Some(options));
        graph
    }
}

/// Where a box lies: its middle and its size.
#[derive(Debug, Clone, Copy)]
struct Placed {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Placed {
    fn of(label: &NodeLabel) -> Self {
        let at = |value: Option<f64>| value.unwrap_or_default();
        Self { x: at(label.x), y: at(label.y), width: label.width, height: label.height }
    }
}

impl Shape {
    fn size(&self) -> (f64, f64) {
        let text = width(&cut(&self.text, COLUMNS), LETTERS);
        match self.look {
            Look::Node => (HEIGHT.max(text + 12.0), HEIGHT),
            _ => (text + 18.0, HEIGHT),
        }
    }

    fn draw(&self, at: Placed) -> Markup {
        let round = if self.look == Look::Node { HEIGHT / 2.0 } else { 5.0 };
        let (fill, stroke, ink) = self.look.colours();
        let dashes = (self.look == Look::Nothing).then_some("4 3");
        let shown = cut(&self.text, COLUMNS);
        html! {
            g {
                rect x=(number(at.x - at.width / 2.0)) y=(number(at.y - at.height / 2.0)) width=(number(at.width))
                    height=(number(at.height)) rx=(number(round)) fill=(fill) stroke=(stroke) stroke-dasharray=[dashes] {}
                text x=(number(at.x)) y=(number(at.y + 4.5)) font-size=(LETTERS) text-anchor="middle" fill=(ink) { (shown) }
                @if shown != self.text { title { (self.text) } }
            }
        }
    }
}

/// The points of a way without those in the middle of a straight stretch.
fn without_needless(way: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let is_needed = |at: &usize| {
        let around = at.checked_sub(1).and_then(|before| Some((way[before].1, way.get(at + 1)?.1)));
        around.is_none_or(|(before, after)| before != way[*at].1 || after != way[*at].1)
    };
    (0..way.len()).filter(is_needed).map(|at| way[at]).collect()
}

/// A line through points that is horizontal in each of them.
fn line(arrow: Arrow, way: &[(f64, f64)]) -> Markup {
    let mut path = String::new();
    for (at, (x, y)) in way.iter().enumerate() {
        let (x, y) = (if arrow.head && at + 1 == way.len() { x - 6.0 } else { *x }, *y);
        let _ = match at.checked_sub(1).map(|before| way[before]) {
            None => write!(path, "M{} {}", number(x), number(y)),
            Some((_, above)) if above == y => write!(path, "H{}", number(x)),
            Some((left, above)) => {
                let middle = number(f64::midpoint(left, x));
                write!(path, "C{middle} {} {middle} {} {} {}", number(above), number(y), number(x), number(y))
            }
        };
    }
    let colour = if arrow.pale { PALE } else { LINE };
    html! {
        path d=(path) fill="none" stroke=(colour) stroke-width="1.2" stroke-dasharray=[arrow.pale.then_some("4 3")] {}
        @if let Some((x, y)) = way.last().filter(|_| arrow.head) {
            @let (x, y) = (*x, *y);
            path d={ "M" (number(x)) " " (number(y)) "l-7 -3.5v7z" } fill=(colour) {}
        }
    }
}

/// A length as short text: to a tenth of a pixel.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// Drawings below each other, as a file of SVG.
pub fn file(drawings: &[Drawing]) -> String {
    svg(drawings, None).into_string()
}

/// The same as an element of a page, of this class; there it may become smaller than it is, but not larger.
pub fn svg(drawings: &[Drawing], class: Option<&str>) -> Markup {
    let wide = drawings.iter().map(|drawing| drawing.size.0).fold(1.0, f64::max);
    let tall: f64 = drawings.iter().map(|drawing| drawing.size.1).sum::<f64>().max(1.0);
    let mut above = 0.0;
    let placed: Vec<(f64, &Drawing)> = drawings
        .iter()
        .map(|drawing| {
            above += drawing.size.1;
            (above - drawing.size.1, drawing)
        })
        .collect();
    html! {
        svg xmlns="http://www.w3.org/2000/svg" class=[class] style=[class.map(|_| format!("max-width:{}px", number(wide)))] width=(number(wide)) height=(number(tall))
            viewBox={ "0 0 " (number(wide)) " " (number(tall)) } font-family=(super::text::FONTS) {
            rect width="100%" height="100%" fill=(PAPER) {}
            @for (above, drawing) in placed {
                g transform={ "translate(0 " (number(above)) ")" } { (drawing.body) }
            }
        }
    }
}
