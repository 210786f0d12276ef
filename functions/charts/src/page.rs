//! The page around the sections.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// A report: a heading, what stands at its top, and sections with a table of contents.
pub struct Page {
    title: String,
    lead: String,
    top: Markup,
    sections: Vec<Section>,
    colophon: String,
}

struct Section {
    id: String,
    title: String,
    body: Markup,
}

impl Page {
    /// An empty report.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            lead: String::new(),
            top: html! {},
            sections: Vec::new(),
            colophon: String::new(),
        }
    }

    /// A sentence below the heading.
    pub fn lead(mut self, lead: impl Into<String>) -> Self {
        self.lead = lead.into();
        self
    }

    /// What stands above the sections, such as tiles.
    pub fn top(mut self, top: Markup) -> Self {
        self.top = top;
        self
    }

    /// A section; `id` is its anchor: letters, digits and hyphens.
    pub fn section(mut self, id: impl Into<String>, title: impl Into<String>, body: Markup) -> Self {
        self.sections.push(Section { id: id.into(), title: title.into(), body });
        self
    }

    /// The last line: what made the report.
    pub fn colophon(mut self, colophon: impl Into<String>) -> Self {
        self.colophon = colophon.into();
        self
    }

    /// The whole file.
    pub fn render(&self) -> String {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="referrer" content="no-referrer";
                    // A report needs nothing from anywhere, and its data must not be able to fetch or run anything.
                    meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                    title { (self.title) }
                    style { (PreEscaped(include_str!("theme.css"))) }
                }
                body {
                    header {
                        h1 { (self.title) }
                        @if !self.lead.is_empty() { p.lead { (self.lead) } }
                        (self.top)
                        @if self.sections.len() > 1 {
                            nav aria-label="Sections" {
                                @for section in &self.sections { a href=(format!("#{}", section.id)) { (section.title) } }
                            }
                        }
                    }
                    main {
                        @for section in &self.sections {
                            section id=(section.id) {
                                h2 { (section.title) }
                                (section.body)
                            }
                        }
                    }
                    @if !self.colophon.is_empty() { footer { (self.colophon) } }
                }
            }
        }
        .into_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_loads_and_runs_nothing() {
        let page = Page::new("</title><script>x</script>").section("a", "<i>", html! { p { "b" } }).render();
        for banned in ["<script", "http://", "https://", "url(", "@import", "<i>"] {
            assert!(!page.contains(banned), "{banned}");
        }
    }
}
