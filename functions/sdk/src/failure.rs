//! Whose fault it is, and what to do next.

use std::{fmt, io};

/// Why a function could not do its work. Made by [`invalid_input`], [`invalid_parameter`] and [`internal`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The input is at fault: the user mends the data.
    InvalidInput(Box<InvalidInput>),
    /// A parameter is at fault: the user mends the workflow.
    InvalidParameter(Box<InvalidParameter>),
    /// The function needs more memory than its limit.
    OutOfMemory(String),
    /// The function is at fault: report it to its author.
    Internal(String),
}

/// What is wrong with an input, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InvalidInput {
    /// What is wrong and what would be right.
    pub message: String,
    /// The channel it came by.
    pub channel: Option<String>,
    /// The part of the channel.
    pub part: Option<String>,
    /// The row, counted from 1, the header not included.
    pub row: Option<u64>,
    /// The column's name.
    pub column: Option<String>,
}

/// What is wrong with a parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InvalidParameter {
    /// Its name; a dotted path for a nested one.
    pub name: String,
    /// What is wrong.
    pub message: String,
    /// What would have been taken.
    pub allowed: Option<String>,
}

/// The data is at fault. Say where with [`Failure::channel`], [`Failure::row`] and [`Failure::column`].
pub fn invalid_input(message: impl Into<String>) -> Failure {
    Failure::InvalidInput(Box::new(InvalidInput { message: message.into(), ..Default::default() }))
}

/// The parameter `name` is at fault. Say what would be taken with [`Failure::allowed`].
pub fn invalid_parameter(name: impl Into<String>, message: impl Into<String>) -> Failure {
    let (name, message) = (name.into(), message.into());
    Failure::InvalidParameter(Box::new(InvalidParameter { name, message, allowed: None }))
}

/// The function itself is at fault.
pub fn internal(message: impl Into<String>) -> Failure {
    Failure::Internal(message.into())
}

/// A column that is asked for is not there; names those that are, the nearest one first.
pub fn missing_column<'a>(name: &str, present: impl IntoIterator<Item = &'a str>) -> Failure {
    let present: Vec<&str> = present.into_iter().collect();
    let hint = match nearest(name, present.iter().copied()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!("; the columns are {}", listing(&present)),
    };
    invalid_input(format!("the table has no column `{name}`{hint}")).column(name)
}

/// Columns that are asked for are not there: all of them, each with the nearest of the names in `left`, which nobody else
/// means. `present` are those that are there.
pub fn missing_columns(names: &[&str], present: &[&str], left: &[&str]) -> Failure {
    const SHOWN: usize = 12;
    let near = |name: &str| nearest(name, left.iter().copied());
    if let [name] = names {
        let hint = match near(name) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => format!("; the columns are {}", listing(present)),
        };
        return invalid_input(format!("the table has no column `{name}`{hint}")).column(*name);
    }
    let mut any = false;
    let shown: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| match near(name) {
            Some(near) => {
                any = true;
                format!("`{name}` (did you mean `{near}`?)")
            }
            None => format!("`{name}`"),
        })
        .collect();
    let more = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let there = if any { String::new() } else { format!("; the columns are {}", listing(present)) };
    let message = format!("the table lacks {} columns: {}{more}{there}", names.len(), shown.join(", "));
    let failure = invalid_input(message);
    match names.first() {
        Some(first) => failure.column(*first),
        None => failure,
    }
}

/// A number for a message: as it is, but `1e200` rather than 201 digits.
pub fn shown(number: f64) -> String {
    // As long as whole numbers of 64 bits get.
    let text = number.to_string();
    if text.len() > 20 && number.is_finite() { format!("{number:e}") } else { text }
}

/// At most a dozen names in backquotes, then how many more there are.
pub fn listing(names: &[impl AsRef<str>]) -> String {
    const SHOWN: usize = 12;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{}`", name.as_ref())).collect();
    match names.len() {
        0 => "none".to_owned(),
        n if n > SHOWN => format!("{} and {} more", shown.join(", "), n - SHOWN),
        _ => shown.join(", "),
    }
}

/// The name that was most likely meant by `given`: the one at the smallest edit distance (letters compared
/// without case), if that is at most a third of its length. The first of equals.
pub fn nearest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given: Vec<char> = given.to_lowercase().chars().collect();
    let mut best: Option<(usize, &str)> = None;
    for name in names {
        let letters: Vec<char> = name.to_lowercase().chars().collect();
        let allowed = (given.len().max(letters.len()) / 3).max(1);
        let distance = edit_distance(&given, &letters);
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, name));
        }
    }
    best.map(|(_, name)| name)
}

/// Letters that are inserted, left out, replaced, or swapped with their neighbour (optimal string alignment).
fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

impl Failure {
    fn place(mut self, set: impl FnOnce(&mut InvalidInput)) -> Self {
        if let Self::InvalidInput(input) = &mut self {
            set(input);
        }
        self
    }

    /// Says in which channel, unless that is known already. Changes invalid input only, like the others below.
    pub fn channel(self, name: impl Into<String>) -> Self {
        self.place(|input| _ = input.channel.get_or_insert_with(|| name.into()))
    }

    /// Says in which part, unless that is known already.
    pub fn part(self, name: impl Into<String>) -> Self {
        self.place(|input| _ = input.part.get_or_insert_with(|| name.into()))
    }

    /// Says in which row (from 1, the header not included), unless that is known already.
    pub fn row(self, row: u64) -> Self {
        self.place(|input| _ = input.row.get_or_insert(row))
    }

    /// Moves the row, if one is named, by the `rows` that came before: from a place in a batch to one in the whole table.
    pub fn after(self, rows: u64) -> Self {
        self.place(|input| input.row = input.row.map(|row| row + rows))
    }

    /// Says in which column, unless that is known already.
    pub fn column(self, name: impl Into<String>) -> Self {
        self.place(|input| _ = input.column.get_or_insert_with(|| name.into()))
    }

    /// Says what a parameter may be. Changes invalid parameters only.
    pub fn allowed(mut self, allowed: impl Into<String>) -> Self {
        if let Self::InvalidParameter(parameter) = &mut self {
            parameter.allowed = Some(allowed.into());
        }
        self
    }

    /// The failure behind an IO error: the one that a part's reader or writer wrapped, or `otherwise`.
    pub fn from_io(error: io::Error, otherwise: impl FnOnce(String) -> Self) -> Self {
        match error.downcast::<Self>() {
            Ok(failure) => failure,
            Err(error) => otherwise(error.to_string()),
        }
    }
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        Self::other(failure)
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidInput(input) => {
                let mut separator = "";
                let mut say = |f: &mut fmt::Formatter<'_>, what: fmt::Arguments<'_>| {
                    write!(f, "{separator}{what}")?;
                    separator = ", ";
                    Ok(())
                };
                if let Some(channel) = &input.channel {
                    say(f, format_args!("input `{channel}`"))?;
                }
                if let Some(part) = &input.part {
                    say(f, format_args!("{part}"))?;
                }
                if let Some(row) = &input.row {
                    say(f, format_args!("row {row}"))?;
                }
                if let Some(column) = &input.column {
                    say(f, format_args!("column `{column}`"))?;
                }
                write!(f, "{}{}", if separator.is_empty() { "" } else { ": " }, input.message)
            }
            Self::InvalidParameter(parameter) => {
                write!(f, "parameter `{}`: {}", parameter.name, parameter.message)?;
                match &parameter.allowed {
                    Some(allowed) => write!(f, " (allowed: {allowed})"),
                    None => Ok(()),
                }
            }
            Self::OutOfMemory(message) | Self::Internal(message) => f.write_str(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_once_and_from_the_inside_out() {
        let failure = invalid_input("not a number").column("age").row(3).channel("train").column("other");
        assert_eq!(failure.to_string(), "input `train`, row 3, column `age`: not a number");
    }

    #[test]
    fn a_row_of_a_batch_becomes_one_of_the_table() {
        assert_eq!(invalid_input("no number").row(3).after(100), invalid_input("no number").row(103));
        assert_eq!(invalid_input("no number").after(100), invalid_input("no number"));
        assert_eq!(invalid_parameter("rows", "too many").after(1), invalid_parameter("rows", "too many"));
    }

    #[test]
    fn the_nearest_name_is_near() {
        assert_eq!(nearest("chruned", ["plan", "churned"]), Some("churned"));
        assert_eq!(nearest("Age", ["age", "page"]), Some("age"));
        assert_eq!(nearest("aeg", ["plan", "age"]), Some("age"));
        assert_eq!(nearest("x", ["colour", "weight"]), None);
        assert!(missing_column("chruned", ["churned"]).to_string().contains("did you mean `churned`?"));
    }

    #[test]
    fn a_failure_survives_its_way_through_io() {
        let error: io::Error = invalid_input("broken").into();
        assert_eq!(Failure::from_io(error, internal), invalid_input("broken"));
        assert_eq!(Failure::from_io(io::Error::other("disk"), internal), internal("disk"));
    }
}
