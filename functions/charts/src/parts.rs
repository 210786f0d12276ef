//! Pieces of a report other than charts.

use maud::{Markup, html};

use crate::chart::{Tone, px};

/// A figure that stands out: at the top of a report, or of a section.
#[derive(Clone, Debug, PartialEq)]
pub struct Tile {
    /// What it is.
    pub label: String,
    /// How much.
    pub value: String,
    /// What to compare it with, or nothing.
    pub note: String,
}

impl Tile {
    /// A tile without a note.
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self { label: label.into(), value: value.into(), note: String::new() }
    }

    /// With a line below the figure.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// Tiles side by side, as a description list.
pub fn tiles(tiles: &[Tile]) -> Markup {
    html! {
        dl.tiles {
            @for tile in tiles {
                div {
                    dt { (tile.label) }
                    dd { (tile.value) }
                    @if !tile.note.is_empty() { dd.note { (tile.note) } }
                }
            }
        }
    }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// What is built on this is wrong.
    Critical,
    /// What is built on this may be worse than it could be.
    Warning,
    /// Good to know.
    Info,
}

impl Severity {
    fn class(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Critical => "Critical",
            Self::Warning => "Warning",
            Self::Info => "Note",
        }
    }
}

/// A finding: what was found, and what to do about it.
pub fn notice(severity: Severity, message: &str, action: &str) -> Markup {
    html! {
        li.notice.(severity.class()) {
            span.badge { (severity.word()) }
            div { p { (quoted(message)) } @if !action.is_empty() { p.action { (quoted(action)) } } }
        }
    }
}

/// Text in which what stands between backquotes is a name or a value.
pub fn quoted(text: &str) -> Markup {
    // An odd backquote has no partner and stays as it is.
    let pieces: Vec<&str> = text.split('`').collect();
    let paired = pieces.len() - (pieces.len() + 1) % 2;
    html! {
        @for (i, piece) in pieces.iter().enumerate() {
            @if i >= paired { "`" (piece) } @else if i % 2 == 1 { code { (piece) } } @else { (piece) }
        }
    }
}

/// A row of a [`bar_list`].
#[derive(Clone, Debug, PartialEq)]
pub struct BarRow {
    /// At the left.
    pub label: String,
    /// At the right.
    pub value: String,
    /// Length of the bar, 0 to 1.
    pub share: f64,
}

/// Labelled horizontal bars: a table whose middle column is drawn.
pub fn bar_list(caption: &str, rows: &[BarRow], tone: Tone) -> Markup {
    html! {
        table.bars-list.(tone.class()) {
            @if !caption.is_empty() { caption { (caption) } }
            @for row in rows {
                tr {
                    th scope="row" { (row.label) }
                    td.bar aria-hidden="true" {
                        svg viewBox="0 0 100 10" preserveAspectRatio="none" {
                            rect.track width="100" height="10" {}
                            @let share = if row.share.is_finite() { row.share.clamp(0.0, 1.0) } else { 0.0 };
                            rect width=(px(share * 100.0)) height="10" {}
                        }
                    }
                    td.number { (row.value) }
                }
            }
        }
    }
}

/// A histogram the size of a word; `heights` are relative to one another.
pub fn sparkline(heights: &[f64], title: &str) -> Markup {
    let most = heights.iter().copied().filter(|h| h.is_finite()).fold(0.0, f64::max);
    let width = 96.0 / heights.len().max(1) as f64;
    html! {
        svg.spark viewBox="0 0 96 24" width="96" height="24" role="img" {
            title { (title) }
            g.bars.(Tone::Series(0).class()) {
                @for (i, height) in heights.iter().enumerate() {
                    @let tall = if *height > 0.0 && most > 0.0 { (height / most * 23.0).max(1.0) } else { 0.0 };
                    rect x=(px(i as f64 * width)) y=(px(24.0 - tall)) width=(px((width - 0.6).max(0.4))) height=(px(tall)) {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backquotes_become_code() {
        assert_eq!(quoted("`a` is <`b`>").into_string(), "<code>a</code> is &lt;<code>b</code>&gt;");
        assert_eq!(quoted("5` long").into_string(), "5` long");
        assert_eq!(quoted("`a` or `").into_string(), "<code>a</code> or `");
    }

    #[test]
    fn data_is_escaped_everywhere() {
        let evil = "<b onload=\"x\">".to_owned();
        let pieces = [
            tiles(&[Tile::new(&evil, &evil).note(&evil)]),
            notice(Severity::Critical, &evil, &evil),
            bar_list(
                &evil,
                &[BarRow { label: evil.clone(), value: evil.clone(), share: f64::NAN }],
                Tone::Muted,
            ),
            sparkline(&[f64::NAN, 1.0, 0.0], &evil),
        ];
        for piece in pieces {
            let html = piece.into_string();
            assert!(!html.contains("<b ") && !html.contains("NaN"), "{html}");
        }
    }
}
