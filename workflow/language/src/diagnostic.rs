//! What is wrong with a workflow file, shown with its place.

use std::{borrow::Cow, fmt, ops::Range};

use millstream_errors::{Code, Coded};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind of fault it is.
    pub code: Code,
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

impl Coded for Diagnostics {
    /// The first one's.
    fn code(&self) -> Code {
        self.all.first().map_or(Code::NotYaml, |first| first.code)
    }
}

impl Diagnostics {
    /// Line and column of a byte, both from 1; the column counts characters.
    pub fn place(&self, byte: usize) -> (usize, usize) {
        let before = &self.text[..floor(&self.text, byte)];
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        (line, before[start..].chars().count() + 1)
    }
}

/// Names and values of the file stand in what is said of them; an end of a line in one must not look like a line of ours.
fn line(text: &str) -> Cow<'_, str> {
    if text.contains(['\n', '\r']) {
        text.replace('\n', "\\n").replace('\r', "\\r").into()
    } else {
        text.into()
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
            let (number, column) = self.place(diagnostic.span.start);
            writeln!(
                f,
                "{}:{number}:{column}: error[{}]: {}",
                line(&self.file),
                diagnostic.code,
                line(&diagnostic.message)
            )?;
            let shown = self.text.lines().nth(number - 1).unwrap_or_default();
            let rest = shown.chars().count().saturating_sub(column - 1);
            let (start, end) =
                (floor(&self.text, diagnostic.span.start), floor(&self.text, diagnostic.span.end));
            let width = self.text[start..end.max(start)].chars().count().min(rest).max(1);
            let margin = number.to_string().len();
            // Tabs stay tabs, so that the carets stand below what they point at.
            let indent: String =
                shown.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            writeln!(
                f,
                "{:margin$} |\n{number} | {shown}\n{:margin$} | {indent}{}",
                "",
                "",
                "^".repeat(width)
            )?;
            if let Some(help) = &diagnostic.help {
                writeln!(f, "{:margin$} = {}", "", line(help))?;
            }
        }
        Ok(())
    }
}
