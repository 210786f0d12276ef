//! What predictors say of values that are unlike those of their training, added up.

use crate::{contract::types, host::report::MAX_MESSAGE, text::truncate};

/// Rows whose value in a column is unlike those that a model was trained on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// The column's name.
    pub column: String,
    /// How they are unlike.
    pub novelty: Novelty,
    /// How many.
    pub rows: u64,
    /// One of the values.
    pub example: Option<String>,
    /// A category that the model knows and that was likely meant by the example.
    pub near: Option<String>,
}

/// How a value is unlike those of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Novelty {
    /// A category that the model does not know.
    Category,
    /// A number below the least or above the largest one.
    OutOfRange,
    /// No value, in a column that always had one.
    Missing,
}

impl Novelty {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::OutOfRange => "out-of-range",
            Self::Missing => "missing",
        }
    }
}

/// Columns that are told apart for one model, and the longest name or example.
const MOST: usize = 4096;
const LONGEST: usize = if MAX_MESSAGE < 1024 { MAX_MESSAGE } else { 1024 };

/// What was found so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums(Vec<Unseen>);

impl Sums {
    /// Adds what a stage found. The stages behind the first see what those before them made of the rows: of them only
    /// categories count, in columns of which nobody has said so in this answer.
    pub fn stage(&mut self, place: usize, found: Vec<types::Unseen>) {
        let before = self.0.len();
        for one in found.into_iter().map(Unseen::from) {
            let known = self.0[..before].iter().any(|known| known.is_alike(&one));
            if place == 0 || one.novelty == Novelty::Category && !known {
                self.add(one);
            }
        }
    }

    /// Adds what was found in one answer.
    pub fn answer(&mut self, found: Self) {
        found.0.into_iter().for_each(|one| self.add(one));
    }

    fn add(&mut self, one: Unseen) {
        if let Some(known) = self.0.iter_mut().find(|known| known.is_alike(&one)) {
            known.rows = known.rows.saturating_add(one.rows);
            // An example for which it is known what was meant says most.
            if known.example.is_none() || known.near.is_none() && one.near.is_some() {
                (known.example, known.near) = (one.example, one.near);
            }
        } else if self.0.len() < MOST {
            self.0.push(one);
        }
    }

    /// All of it.
    pub fn list(&self) -> &[Unseen] {
        &self.0
    }

    /// All of it; nothing is left.
    pub fn take(&mut self) -> Vec<Unseen> {
        std::mem::take(&mut self.0)
    }

    /// Forgets it.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl Unseen {
    fn is_alike(&self, other: &Self) -> bool {
        self.novelty == other.novelty && self.column == other.column
    }
}

impl From<types::Unseen> for Unseen {
    fn from(types::Unseen { column, novelty, rows, example, near }: types::Unseen) -> Self {
        let novelty = match novelty {
            types::Novelty::Category => Novelty::Category,
            types::Novelty::OutOfRange => Novelty::OutOfRange,
            types::Novelty::Missing => Novelty::Missing,
        };
        let short = |text: String| if text.len() <= LONGEST { text } else { truncate(&text, LONGEST) };
        Self { column: short(column), novelty, rows, example: example.map(short), near: near.map(short) }
    }
}

impl From<&Unseen> for types::Unseen {
    fn from(unseen: &Unseen) -> Self {
        let Unseen { column, novelty, rows, example, near } = unseen.clone();
        let novelty = match novelty {
            Novelty::Category => types::Novelty::Category,
            Novelty::OutOfRange => types::Novelty::OutOfRange,
            Novelty::Missing => types::Novelty::Missing,
        };
        Self { column, novelty, rows, example, near }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(column: &str, novelty: types::Novelty, rows: u64, near: Option<&str>) -> types::Unseen {
        let example = Some(format!("{rows}"));
        types::Unseen { column: column.to_owned(), novelty, rows, example, near: near.map(str::to_owned) }
    }

    fn shown(sums: &Sums) -> Vec<(&str, Novelty, u64)> {
        sums.list().iter().map(|one| (one.column.as_str(), one.novelty, one.rows)).collect()
    }

    #[test]
    fn later_stages_count_for_categories_that_earlier_ones_pass_on() {
        use types::Novelty::*;
        let mut answer = Sums::default();
        answer.stage(0, vec![said("job", Category, 3, None), said("age", OutOfRange, 2, None)]);
        answer.stage(
            1,
            vec![
                said("job", Category, 3, None),
                said("age", OutOfRange, 9, None),
                said("zip", Category, 1, None),
            ],
        );
        let expected =
            [("job", Novelty::Category, 3), ("age", Novelty::OutOfRange, 2), ("zip", Novelty::Category, 1)];
        assert_eq!(shown(&answer), expected);
        let mut sums = Sums::default();
        sums.answer(answer.clone());
        sums.answer(answer);
        assert_eq!(shown(&sums)[0], ("job", Novelty::Category, 6));
    }

    #[test]
    fn examples_that_say_what_was_meant_stay_and_nothing_grows_without_end() {
        let mut sums = Sums::default();
        sums.stage(0, vec![said("job", types::Novelty::Category, 1, None)]);
        sums.stage(0, vec![said("job", types::Novelty::Category, 2, Some("nurse"))]);
        sums.stage(0, vec![said("job", types::Novelty::Category, u64::MAX, None)]);
        let only = &sums.list()[0];
        assert_eq!(
            (only.rows, only.example.as_deref(), only.near.as_deref()),
            (u64::MAX, Some("2"), Some("nurse"))
        );
        for column in 0..2 * MOST {
            sums.stage(
                0,
                vec![said(&format!("{column}{}", "x".repeat(2000)), types::Novelty::Missing, 1, None)],
            );
        }
        assert_eq!(sums.list().len(), MOST);
        assert!(sums.list().iter().all(|one| one.column.len() <= LONGEST + 8));
    }
}
