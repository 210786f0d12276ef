//! What is wrong with a text or with the rows it met.

use std::fmt;

use sqlparser::tokenizer::Location;

/// A place in a text. Lines and columns count from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: u64,
    /// Column, in characters.
    pub column: u64,
}

/// An error: what is wrong, where in the text, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where in the text, if it is known.
    pub position: Option<Position>,
    /// What is wrong, and what to do about it.
    pub message: String,
    /// The row in which a value was wrong, counted from zero.
    pub row: Option<usize>,
}

/// A result of this crate.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { position: None, message: message.into(), row: None }
    }

    pub(crate) fn at(at: At, message: impl Into<String>) -> Self {
        Self { position: at.0, message: message.into(), row: None }
    }

    /// The same, at a place, where it had none.
    pub(crate) fn or_at(mut self, at: At) -> Self {
        self.position = self.position.or(at.0);
        self
    }

    /// The same, in a row, where it had none.
    pub(crate) fn in_row(mut self, row: usize) -> Self {
        self.row = self.row.or(Some(row));
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Position { line, column }) = self.position {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(&self.message)?;
        match self.row {
            Some(row) => write!(f, " (row {row})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// A place that is carried along and never makes two expressions differ.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct At(pub Option<Position>);

impl PartialEq for At {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl From<Location> for At {
    fn from(place: Location) -> Self {
        // The parser gives line 0 to what it does not know.
        Self((place.line > 0).then_some(Position { line: place.line, column: place.column }))
    }
}

/// `; did you mean ...?`, if one of the names is near.
pub(crate) fn did_you_mean<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let name = name.to_lowercase();
    let near = names
        .into_iter()
        .map(|other| (strsim::jaro_winkler(&name, &other.to_lowercase()), other))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)));
    near.map_or(String::new(), |(_, near)| format!("; did you mean `{near}`?"))
}

/// A list of names for an error, cut where it grows long.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().collect();
    let shown = names.iter().take(20).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => "none".to_owned(),
        n if n > 20 => format!("{shown} and {} more", n - 20),
        _ => shown,
    }
}
