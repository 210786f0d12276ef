//! Charts on two axes: histograms, curves, clouds of points.

use maud::{Markup, html};

use crate::{format::count, scale::Scale};

/// A colour of the theme; what it looks like is up to the reader's scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// The n-th series, from 0; there are eight colours, then they begin again.
    Series(usize),
    /// For what is there to compare with.
    Muted,
}

impl Tone {
    /// The CSS class that sets `--tone`.
    pub fn class(self) -> &'static str {
        const SERIES: [&str; 8] = ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"];
        match self {
            Self::Series(n) => SERIES[n % SERIES.len()],
            Self::Muted => "sm",
        }
    }
}

/// An axis: its label and the interval that it shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    label: String,
    domain: [f64; 2],
    ticks: Option<Vec<(f64, String)>>,
}

impl Axis {
    /// `label` names the quantity and its unit.
    pub fn new(label: impl Into<String>, domain: [f64; 2]) -> Self {
        Self { label: label.into(), domain, ticks: None }
    }

    /// These ticks instead of round numbers: for dates, or for names.
    pub fn ticks(self, ticks: Vec<(f64, String)>) -> Self {
        Self { ticks: Some(ticks), ..self }
    }

    fn marks(&self, scale: Scale, about: usize) -> Vec<(f64, String)> {
        self.ticks.clone().unwrap_or_else(|| scale.ticks(about))
    }
}

/// A bar of a histogram, in data units.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// Left edge.
    pub from: f64,
    /// Right edge.
    pub to: f64,
    /// Height above 0.
    pub height: f64,
    /// Tooltip.
    pub title: String,
}

enum Shape {
    Line { dashed: bool, filled: bool },
    Dots { radius: f64 },
    Bars(Vec<Bar>),
}

/// Something drawn between the axes; later layers lie above earlier ones.
pub struct Layer {
    shape: Shape,
    points: Vec<(f64, f64)>,
    tone: Tone,
    name: Option<String>,
}

impl Layer {
    /// A line through the points; points that are not finite are left out.
    pub fn line(points: Vec<(f64, f64)>, tone: Tone) -> Self {
        Self { shape: Shape::Line { dashed: false, filled: false }, points, tone, name: None }
    }

    /// A dashed line, for references.
    pub fn dashed(points: Vec<(f64, f64)>, tone: Tone) -> Self {
        Self { shape: Shape::Line { dashed: true, filled: false }, points, tone, name: None }
    }

    /// A line with the area below it tinted.
    pub fn area(points: Vec<(f64, f64)>, tone: Tone) -> Self {
        Self { shape: Shape::Line { dashed: false, filled: true }, points, tone, name: None }
    }

    /// A dot for each point. Above [`MOST_DOTS`] points an even selection is drawn, and the chart says so.
    pub fn dots(points: Vec<(f64, f64)>, tone: Tone) -> Self {
        Self { shape: Shape::Dots { radius: 2.5 }, points, tone, name: None }
    }

    /// Bars that stand on 0.
    pub fn bars(bars: Vec<Bar>, tone: Tone) -> Self {
        Self { shape: Shape::Bars(bars), points: Vec::new(), tone, name: None }
    }

    /// Its entry in the legend.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Dots of this radius in pixels instead of 2.5.
    pub fn radius(mut self, pixels: f64) -> Self {
        if let Shape::Dots { radius } = &mut self.shape {
            *radius = pixels;
        }
        self
    }
}

/// Most dots that a layer draws.
pub const MOST_DOTS: usize = 2_000;

/// Pixels of a tick's character, on average.
const CHARACTER: f64 = 6.8;
const RIGHT: f64 = 14.0;
const TOP: f64 = 10.0;
const TICKS: f64 = 24.0;
const LABEL: f64 = 18.0;

/// A chart on two axes.
pub struct Chart {
    title: String,
    description: String,
    x: Axis,
    y: Axis,
    size: [f64; 2],
    layers: Vec<Layer>,
}

impl Chart {
    /// `title` may be empty where the place says what it is. `description` says in a sentence what the chart shows,
    /// for those who can't see it.
    pub fn new(title: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            description: description.into(),
            x: Axis::new("", [0.0, 1.0]),
            y: Axis::new("", [0.0, 1.0]),
            size: [480.0, 300.0],
            layers: Vec::new(),
        }
    }

    /// The horizontal axis.
    pub fn x(mut self, axis: Axis) -> Self {
        self.x = axis;
        self
    }

    /// The vertical axis.
    pub fn y(mut self, axis: Axis) -> Self {
        self.y = axis;
        self
    }

    /// Width and height in pixels instead of 480 by 300.
    pub fn size(mut self, width: f64, height: f64) -> Self {
        self.size = [width, height];
        self
    }

    /// Draws `layer` above what is there.
    pub fn layer(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        self
    }

    /// A `<figure>` with caption, legend and picture.
    pub fn render(&self) -> Markup {
        let [width, height] = self.size;
        let y = Scale::new(self.y.domain, [height - self.foot(), TOP]);
        // As much as the labels of the vertical axis need.
        let marks = self.y.marks(y, 5);
        let widest = marks.iter().map(|(_, label)| label.chars().count()).max().unwrap_or(0) as f64;
        let left = (if self.y.label.is_empty() { 16.0 } else { 34.0 } + widest * CHARACTER).min(width / 3.0);
        let x = Scale::new(self.x.domain, [left, width - RIGHT]);
        let thinned = self.layers.iter().find_map(|layer| match layer.shape {
            Shape::Dots { .. } if layer.points.len() > MOST_DOTS => Some(layer.points.len()),
            _ => None,
        });
        html! {
            figure.chart {
                @if !self.title.is_empty() { figcaption { (self.title) } }
                (self.legend())
                svg viewBox=(format!("0 0 {width} {height}")) width=(width) height=(height) role="img" {
                    title { (if self.title.is_empty() { &self.description } else { &self.title }) }
                    desc { (self.description) }
                    (self.axes(x, y, left, &marks))
                    @for layer in &self.layers { (draw(layer, x, y)) }
                }
                @if let Some(all) = thinned {
                    p.note { "An even selection of " (count(MOST_DOTS as u64)) " of " (count(all as u64)) " points." }
                }
            }
        }
    }

    /// Pixels below the horizontal axis.
    fn foot(&self) -> f64 {
        TICKS + if self.x.label.is_empty() { 0.0 } else { LABEL }
    }

    fn legend(&self) -> Markup {
        let named: Vec<_> = self.layers.iter().filter_map(|l| Some((l, l.name.as_ref()?))).collect();
        html! {
            @if !named.is_empty() {
                ul.legend {
                    @for (layer, name) in named {
                        li {
                            @let dashed = matches!(layer.shape, Shape::Line { dashed: true, .. });
                            span.key.dashed[dashed].(layer.tone.class()) {}
                            (name)
                        }
                    }
                }
            }
        }
    }

    fn axes(&self, x: Scale, y: Scale, left: f64, marks: &[(f64, String)]) -> Markup {
        let [width, height] = self.size;
        let (bottom, right) = (height - self.foot(), width - RIGHT);
        html! {
            g.grid {
                @for (tick, label) in marks {
                    @let at = px(y.at(*tick));
                    line x1=(px(left)) x2=(px(right)) y1=(at) y2=(at) {}
                    text.end x=(px(left - 8.0)) y=(at) dy="0.32em" { (label) }
                }
                @for (tick, label) in self.x.marks(x, if width < 400.0 { 4 } else { 6 }) {
                    @let at = px(x.at(tick));
                    line.tick x1=(at) x2=(at) y1=(px(bottom)) y2=(px(bottom + 5.0)) {}
                    text.mid x=(at) y=(px(bottom + 18.0)) { (label) }
                }
                line.base x1=(px(left)) x2=(px(right)) y1=(px(bottom)) y2=(px(bottom)) {}
            }
            text.axis.mid x=(px((left + right) / 2.0)) y=(px(height - 6.0)) { (self.x.label) }
            @let middle = px((TOP + bottom) / 2.0);
            text.axis.mid x="12" y=(middle) transform=(format!("rotate(-90 12 {middle})")) { (self.y.label) }
        }
    }
}

fn draw(layer: &Layer, x: Scale, y: Scale) -> Markup {
    let tone = layer.tone.class();
    html! {
        @match &layer.shape {
            Shape::Line { dashed, filled } => {
                @let path = path(&layer.points, x, y);
                @if *filled && !path.is_empty() {
                    path.area.(tone) d=(closed(&path, &layer.points, x, y)) {}
                }
                path.line.dashed[*dashed].(tone) d=(path) {}
            }
            Shape::Dots { radius } => {
                g.dots.(tone) {
                    @for (at_x, at_y) in selection(&layer.points) {
                        circle cx=(px(x.at(at_x))) cy=(px(y.at(at_y))) r=(radius) {}
                    }
                }
            }
            Shape::Bars(bars) => {
                g.bars.(tone) {
                    @for bar in bars {
                        @let (left, right) = (x.at(bar.from), x.at(bar.to));
                        @let (top, base) = (y.at(bar.height), y.at(0.0));
                        @let gap = if right - left > 4.0 { 1.0 } else { 0.0 };
                        // A bin that holds anything is seen.
                        @let tall = if bar.height > 0.0 { (base - top).max(1.0) } else { 0.0 };
                        rect x=(px(left)) y=(px(base - tall)) width=(px((right - left - gap).max(0.5))) height=(px(tall)) {
                            title { (bar.title) }
                        }
                    }
                }
            }
        }
    }
}

fn finite(points: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> + '_ {
    points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite())
}

fn selection(points: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> + '_ {
    finite(points).step_by(points.len().div_ceil(MOST_DOTS).max(1))
}

/// SVG path data. Points that fall on the pixel of the one before are left out, and so are those within a
/// straight horizontal or vertical stretch: a ROC curve of a million rows has no more points than the picture has pixels.
fn path(points: &[(f64, f64)], x: Scale, y: Scale) -> String {
    let half = |v: f64| (v * 2.0).round() / 2.0;
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (data_x, data_y) in finite(points) {
        let next = (half(x.at(data_x)), half(y.at(data_y)));
        if kept.last() == Some(&next) {
            continue;
        }
        if let [.., a, b] = kept[..]
            && ((a.0 == b.0 && b.0 == next.0 && (b.1 - a.1) * (next.1 - b.1) > 0.0)
                || (a.1 == b.1 && b.1 == next.1 && (b.0 - a.0) * (next.0 - b.0) > 0.0))
        {
            kept.pop();
        }
        kept.push(next);
    }
    let mut path = String::new();
    for (i, (at_x, at_y)) in kept.into_iter().enumerate() {
        path.push_str(&format!("{}{} {}", if i == 0 { "M" } else { "L" }, px(at_x), px(at_y)));
    }
    path
}

fn closed(path: &str, points: &[(f64, f64)], x: Scale, y: Scale) -> String {
    let base = px(y.at(0.0));
    let first = finite(points).next().map_or(0.0, |p| x.at(p.0));
    let last = finite(points).last().map_or(0.0, |p| x.at(p.0));
    format!("{path}L{} {base}L{} {base}Z", px(last), px(first))
}

/// A pixel with at most one decimal.
pub(crate) fn px(v: f64) -> String {
    let text = format!("{v:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(layer: Layer) -> String {
        Chart::new("<Title>", "What & why").layer(layer).render().into_string()
    }

    #[test]
    fn text_is_escaped() {
        let svg = chart(
            Layer::line(vec![(0.0, 0.0), (1.0, 1.0)], Tone::Muted).named("</svg><script>alert(1)</script>"),
        );
        assert!(!svg.contains("<script") && svg.contains("&lt;/svg&gt;") && svg.contains("What &amp; why"));
    }

    #[test]
    fn long_curves_stay_small() {
        let staircase =
            (0..100_000).map(|i| (f64::from(i / 2 + i % 2) / 5e4, f64::from(i / 2) / 5e4)).collect();
        assert!(chart(Layer::line(staircase, Tone::Series(0))).len() < 40_000);
        let flat = (0..1000).map(|i| (f64::from(i) / 1000.0, 0.5)).collect();
        assert!(chart(Layer::line(flat, Tone::Series(0))).matches('L').count() <= 2);
    }

    #[test]
    fn what_is_not_finite_is_not_drawn() {
        let svg =
            chart(Layer::dots(vec![(f64::NAN, 0.0), (0.5, f64::INFINITY), (0.5, 0.5)], Tone::Series(9)));
        assert_eq!(svg.matches("<circle").count(), 1);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn many_dots_are_thinned_and_said_to_be() {
        let svg = chart(Layer::dots(vec![(0.5, 0.5); 10_001], Tone::Series(0)));
        assert!(svg.matches("<circle").count() <= MOST_DOTS);
        assert!(svg.contains("of 10,001 points"));
    }
}
