//! What a model takes note of while it answers.

use std::collections::{BTreeMap, HashMap};

use super::{Novelty, Unseen, fold::folded, short};

/// Categories of a column beyond which nearly alike ones are not looked for.
const MOST_FOLDED: usize = 100_000;

/// Unknown categories of one answer that are held against the known ones, for each column.
const MOST_COMPARED: u64 = 100;

/// Takes note of values that are unlike those of training. Columns go by their places in the model's.
#[derive(Debug, Default)]
pub struct Notes {
    found: Vec<Note>,
    /// For columns where an unknown category came up: the known ones by what is left of them without blanks, case, accents
    /// and leading zeros.
    folded: BTreeMap<usize, HashMap<String, String>>,
}

#[derive(Debug)]
struct Note {
    place: usize,
    novelty: Novelty,
    rows: u64,
    example: Option<String>,
    near: Option<String>,
}

impl Notes {
    /// `rows` more rows are unlike those of training in the column at `place`. `example` is asked for once.
    pub fn add(
        &mut self,
        place: usize,
        novelty: Novelty,
        rows: u64,
        example: impl FnOnce() -> Option<String>,
    ) {
        let note = self.note(place, novelty);
        note.rows += rows;
        if note.example.is_none() {
            note.example = example().map(|example| short(&example));
        }
    }

    /// The category `value` of one more row is none of `known`.
    pub fn category<I>(&mut self, place: usize, value: &str, known: impl FnOnce() -> I)
    where
        I: ExactSizeIterator<Item = String>,
    {
        let note = self.note(place, Novelty::Category);
        note.rows += 1;
        if note.example.is_none() {
            note.example = Some(short(value));
        }
        if note.near.is_some() || note.rows > MOST_COMPARED {
            return;
        }
        let known = self.folded.entry(place).or_insert_with(|| {
            let known = known();
            if known.len() > MOST_FOLDED {
                return HashMap::new();
            }
            known.map(|category| (folded(&category), category)).collect()
        });
        if let Some(near) = known.get(&folded(value)) {
            let near = short(near);
            let note = self.note(place, Novelty::Category);
            note.example = Some(short(value));
            note.near = Some(near);
        }
    }

    fn note(&mut self, place: usize, novelty: Novelty) -> &mut Note {
        let known = self.found.iter().position(|note| note.place == place && note.novelty == novelty);
        let at = known.unwrap_or_else(|| {
            self.found.push(Note { place, novelty, rows: 0, example: None, near: None });
            self.found.len() - 1
        });
        &mut self.found[at]
    }

    /// Forgets what was found.
    pub fn clear(&mut self) {
        self.found.clear();
    }

    /// What was found, by column; nothing is left.
    pub fn take(&mut self, name: impl Fn(usize) -> String) -> Vec<Unseen> {
        if self.found.is_empty() {
            return Vec::new();
        }
        let mut found = std::mem::take(&mut self.found);
        // Numbers that are categories have no range.
        let categories: Vec<usize> =
            found.iter().filter(|note| note.novelty == Novelty::Category).map(|note| note.place).collect();
        found.retain(|note| note.novelty != Novelty::OutOfRange || !categories.contains(&note.place));
        found.sort_by_key(|note| (note.place, note.novelty));
        let told = |Note { place, novelty, rows, example, near }| Unseen {
            column: name(place),
            novelty,
            rows,
            example,
            near,
        };
        found.into_iter().map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_that_is_nearly_known_says_most() {
        let mut notes = Notes::default();
        let known = || ["clerk", "nurse"].map(str::to_owned).into_iter();
        for value in ["astronaut", " Nurse", " clerk"] {
            notes.category(3, value, known);
        }
        notes.add(1, Novelty::Missing, 2, || None);
        notes.add(1, Novelty::Missing, 1, || None);
        let told = notes.take(|place| format!("c{place}"));
        let expected = [
            Unseen { column: "c1".into(), novelty: Novelty::Missing, rows: 3, example: None, near: None },
            Unseen {
                column: "c3".into(),
                novelty: Novelty::Category,
                rows: 3,
                example: Some(" Nurse".into()),
                near: Some("nurse".into()),
            },
        ];
        assert_eq!(told, expected);
        assert_eq!(notes.take(|_| String::new()), []);
    }

    #[test]
    fn examples_are_short() {
        let mut notes = Notes::default();
        notes
            .category(0, &"é".repeat(5000), || std::iter::empty::<String>().collect::<Vec<_>>().into_iter());
        let told = notes.take(|_| String::new());
        assert_eq!(told[0].example.as_ref().unwrap().chars().count(), 103);
    }
}
