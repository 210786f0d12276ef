//! Heat maps: correlations and confusion matrices.

use maud::{Markup, html};

use crate::{chart::px, format::shortened};

/// A cell of a heat map.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// -1 to 1: the sign chooses the colour, the size its strength. NaN is drawn as "no value".
    pub strength: f64,
    /// Written into the cell where there is room.
    pub text: String,
    /// Tooltip.
    pub title: String,
}

/// A table of tinted cells.
pub struct Matrix {
    /// Caption.
    pub title: String,
    /// A sentence for those who can't see it.
    pub description: String,
    /// What the rows are (`actual`), or nothing.
    pub row_axis: String,
    /// What the columns are (`predicted`), or nothing.
    pub column_axis: String,
    /// One for each row.
    pub rows: Vec<String>,
    /// One for each column.
    pub columns: Vec<String>,
    /// Row by row; as many as rows times columns.
    pub cells: Vec<Cell>,
}

/// Pixels of a label's character, on average; and of a label at most.
const CHARACTER: f64 = 6.6;
const LONGEST: usize = 22;

impl Matrix {
    /// A `<figure>` with caption and picture.
    ///
    /// # Panics
    /// If there are not rows times columns cells.
    pub fn render(&self) -> Markup {
        let (n_rows, n_columns) = (self.rows.len(), self.columns.len());
        assert_eq!(self.cells.len(), n_rows * n_columns, "a cell for each row and column");
        let widest = self.cells.iter().map(|cell| cell.text.chars().count()).max().unwrap_or(0) as f64;
        let room = widest * CHARACTER + 10.0;
        let side = match n_columns.max(n_rows) {
            0..=4 => 72.0f64.max(room),
            5..=16 => 40.0f64.max(room),
            n => (720.0 / n as f64).clamp(6.0, 34.0),
        };
        let written = side >= room;
        let tall = if written { side.min(72.0) } else { side };
        let letters = |labels: &[String]| {
            labels.iter().map(|l| l.chars().count().min(LONGEST)).max().unwrap_or(0) as f64
        };
        let axis = |label: &str| if label.is_empty() { 0.0 } else { 22.0 };
        // Labels of columns are upright where they fit and slanted otherwise.
        let upright = letters(&self.columns) * CHARACTER <= side - 4.0;
        let slanted = letters(&self.columns) * CHARACTER * 0.72 + 12.0;
        let top = axis(&self.column_axis) + if upright { 22.0 } else { slanted };
        let left = axis(&self.row_axis) + letters(&self.rows) * CHARACTER + 14.0;
        let overhang = if upright { 2.0 } else { slanted };
        let (width, height) = (left + side * n_columns as f64 + overhang, top + tall * n_rows as f64 + 2.0);
        html! {
            figure.chart.matrix {
                figcaption { (self.title) }
                div.scroll {
                    svg viewBox=(format!("0 0 {} {}", px(width), px(height))) width=(px(width)) height=(px(height)) role="img" {
                        title { (self.title) }
                        desc { (self.description) }
                        @if !self.column_axis.is_empty() {
                            text.axis.mid x=(px(left + side * n_columns as f64 / 2.0)) y="14" { (self.column_axis) }
                        }
                        @if !self.row_axis.is_empty() {
                            @let middle = px(top + tall * n_rows as f64 / 2.0);
                            text.axis.mid x="12" y=(middle) transform=(format!("rotate(-90 12 {middle})")) { (self.row_axis) }
                        }
                        @for (j, label) in self.columns.iter().enumerate() {
                            @let x = px(left + side * (j as f64 + 0.5));
                            @let y = px(top - 8.0);
                            @if upright {
                                text.mid x=(x) y=(y) { (label) }
                            } @else if side >= 9.0 {
                                text x=(x) y=(y) transform=(format!("rotate(-45 {x} {y})")) {
                                    (shortened(label, LONGEST)) title { (label) }
                                }
                            }
                        }
                        @for (i, label) in self.rows.iter().enumerate() {
                            @if tall >= 9.0 {
                                text.end x=(px(left - 8.0)) y=(px(top + tall * (i as f64 + 0.5))) dy="0.32em" {
                                    (shortened(label, LONGEST)) title { (label) }
                                }
                            }
                        }
                        @for (k, cell) in self.cells.iter().enumerate() {
                            @let (i, j) = (k / n_columns, k % n_columns);
                            (self.cell(cell, [left + side * j as f64, top + tall * i as f64], [side, tall], written))
                        }
                    }
                }
            }
        }
    }

    fn cell(&self, cell: &Cell, [x, y]: [f64; 2], [side, tall]: [f64; 2], written: bool) -> Markup {
        let strength = cell.strength.abs().min(1.0);
        let class = match cell.strength {
            s if s.is_nan() => "none",
            s if s < 0.0 => "negative",
            _ => "positive",
        };
        let gap = if side > 12.0 { 2.0 } else { 0.5 };
        html! {
            g.cell {
                title { (cell.title) }
                rect.(class) x=(px(x)) y=(px(y)) width=(px(side - gap)) height=(px(tall - gap)) rx=(if side > 12.0 { "3" } else { "0" })
                    // Squared in between, so that weak values recede.
                    fill-opacity=(if strength.is_nan() { "1".to_owned() } else { format!("{:.3}", 0.06 + 0.94 * strength.powf(1.4)) }) {}
                @if written {
                    text.mid.strong[strength > 0.72] x=(px(x + (side - gap) / 2.0)) y=(px(y + (tall - gap) / 2.0)) dy="0.34em" { (cell.text) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(n: usize) -> Matrix {
        let names: Vec<String> = (0..n).map(|i| format!("column <{i}>")).collect();
        let cell = |k: usize| Cell {
            strength: k as f64 / (n * n) as f64,
            text: "0.12".into(),
            title: "a & b".into(),
        };
        Matrix {
            title: "Correlation".into(),
            description: "All of them.".into(),
            row_axis: String::new(),
            column_axis: String::new(),
            rows: names.clone(),
            columns: names,
            cells: (0..n * n).map(cell).collect(),
        }
    }

    #[test]
    fn every_cell_is_drawn_and_escaped() {
        for n in [0, 1, 3, 12, 25, 60, 200] {
            let svg = matrix(n).render().into_string();
            assert_eq!(svg.matches("class=\"cell\"").count(), n * n);
            assert!(!svg.contains("<0>"));
        }
    }

    #[test]
    fn a_cell_without_value_has_full_opacity() {
        let mut one = matrix(1);
        one.cells[0].strength = f64::NAN;
        let svg = one.render().into_string();
        assert!(svg.contains("class=\"none\"") && !svg.contains("NaN"));
    }
}
