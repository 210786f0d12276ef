//! Self-contained HTML reports with inline SVG charts.
//!
//! A report is one file: no script, no font, no request to anywhere. It follows the reader's light or dark
//! scheme through CSS variables, prints in light colours, and carries every figure as text beside its picture:
//! charts have a `<title>` and a `<desc>`, and each mark a tooltip. All text passes through [`maud`], which escapes it.
//!
//! ```
//! use maud::html;
//! use millstream_charts::{Page, chart::{Axis, Chart, Layer, Tone}};
//!
//! let curve = Chart::new("Learning curve", "The loss falls from 1.0 to 0.2 in two rounds.")
//!     .x(Axis::new("round", [0.0, 2.0]))
//!     .y(Axis::new("loss", [0.0, 1.0]))
//!     .layer(Layer::line(vec![(0.0, 1.0), (1.0, 0.5), (2.0, 0.2)], Tone::Series(0)));
//! let page = Page::new("Training").section("curve", "Learning curve", html! { (curve.render()) });
//! assert!(page.render().starts_with("<!DOCTYPE html>"));
//! ```

pub mod chart;
pub mod format;
pub mod matrix;
mod page;
pub mod parts;
pub mod scale;

pub use page::Page;
