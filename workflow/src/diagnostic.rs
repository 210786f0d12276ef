//! What is wrong with a workflow file, shown with its place.

use std::{fmt, ops::Range};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where, in bytes of the file.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Everything that is wrong with a file, in order of place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    /// The file's name.
    pub file: String,
    /// Its text.
    pub text: String,
    /// At least one.
    pub all: Vec<Diagnostic>,
}

impl std::error::Error for Diagnostics {}

impl Diagnostics {
    /// Line and column of a byte, both from 1; the column counts characters.
    pub fn place(&self, byte: usize) -> (usize, usize) {
        let before = &self.text[..floor(&self.text, byte)];
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        (line, before[start..].chars().count() + 1)
    }
}

fn floor(text: &str, byte: usize) -> usize {
    let mut at = byte.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, diagnostic) in self.all.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            let (line, column) = self.place(diagnostic.span.start);
            writeln!(f, "{}:{line}:{column}: {}", self.file, diagnostic.message)?;
            let shown = self.text.lines().nth(line - 1).unwrap_or_default();
            let rest = shown.chars().count().saturating_sub(column - 1);
            let (start, end) =
                (floor(&self.text, diagnostic.span.start), floor(&self.text, diagnostic.span.end));
            let width = self.text[start..end.max(start)].chars().count().min(rest).max(1);
            let margin = line.to_string().len();
            // Tabs stay tabs, so that the carets stand below what they point at.
            let indent: String =
                shown.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            writeln!(
                f,
                "{:margin$} |\n{line} | {shown}\n{:margin$} | {indent}{}",
                "",
                "",
                "^".repeat(width)
            )?;
            if let Some(help) = &diagnostic.help {
                writeln!(f, "{:margin$} = {help}", "")?;
            }
        }
        Ok(())
    }
}
