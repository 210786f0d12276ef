//! Text as words, as scikit-learn's vectorizers cut it: runs of two and more letters, digits and underscores.

use millstream_sdk::{Failure, invalid_parameter};
use serde::{Deserialize, Serialize};

/// Words in a row at the most.
const LONGEST: usize = 10;

/// How text is cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tokens {
    /// Case does not count.
    pub lowercase: bool,
    /// From so many words in a row, to so many.
    pub ngram_range: [usize; 2],
    /// Words that are passed over: sorted.
    pub stop_words: Vec<String>,
}

impl Tokens {
    /// Checks what the user gave.
    pub fn new(lowercase: bool, ngram_range: [usize; 2], stop_words: &[String]) -> Result<Self, Failure> {
        let [from, to] = ngram_range;
        if from == 0 || from > to || to > LONGEST {
            return Err(invalid_parameter("ngram_range", format!("{from} to {to} words are no range"))
                .allowed(format!("two numbers from 1 to {LONGEST}, the lower one first")));
        }
        let mut stop_words = stop_words.to_vec();
        stop_words.sort();
        Ok(Self { lowercase, ngram_range, stop_words })
    }

    /// Calls `each` with all words and runs of words of a text.
    pub fn each(&self, text: &str, mut each: impl FnMut(&str)) {
        let lower;
        let text = match self.lowercase {
            true => {
                lower = text.to_lowercase();
                &lower
            }
            false => text,
        };
        let words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let words = words.filter(|word| word.chars().nth(1).is_some());
        let stops = |word: &&str| self.stop_words.binary_search_by(|stop| stop.as_str().cmp(word)).is_ok();
        let words: Vec<&str> = words.filter(|word| !stops(word)).collect();
        let [from, to] = self.ngram_range;
        let mut joined = String::new();
        for length in from..=to.min(words.len()) {
            for run in words.windows(length) {
                match run {
                    [one] => each(one),
                    several => {
                        joined.clear();
                        for (place, word) in several.iter().enumerate() {
                            joined.push_str(if place > 0 { " " } else { "" });
                            joined.push_str(word);
                        }
                        each(&joined);
                    }
                }
            }
        }
    }

    /// Whether it can be worked with.
    pub fn is_sound(&self) -> bool {
        let [from, to] = self.ngram_range;
        from > 0 && from <= to && to <= LONGEST && self.stop_words.is_sorted()
    }
}
