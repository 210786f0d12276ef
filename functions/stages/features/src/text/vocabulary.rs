//! A column for each word of the training rows: `tokens` counts as scikit-learn's `CountVectorizer`, `tf-idf` weighs as its
//! `TfidfVectorizer`.
//!
//! K. Spärck Jones, A statistical interpretation of term specificity and its application in retrieval, Journal of
//! Documentation 28 (1972).

use std::collections::{BTreeMap, HashMap, HashSet};

use millstream_sdk::{Context, Failure, arrow_array::ArrayRef, internal, invalid_input, invalid_parameter};
use serde::{Deserialize, Serialize};

use super::{MOST, Norm, tokens::Tokens};
use crate::{learnt::Learnt, transform::Transform};

/// Options of `tokens` and `tf-idf`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    pub lowercase: bool,
    /// Runs of so many words, from and to.
    pub ngram_range: [usize; 2],
    pub stop_words: Vec<String>,
    /// Words of fewer rows are left out: a count, or below 1 a share.
    pub min_df: f64,
    /// Words of more rows are left out: a share up to 1, or above a count.
    pub max_df: f64,
    /// Columns at the most: the most frequent words.
    pub max_features: usize,
    /// A word counts once a row.
    pub binary: bool,
    /// Of `tf-idf`; `l2` if not given.
    pub norm: Option<Norm>,
    /// Of `tf-idf`: rare words count more.
    pub use_idf: bool,
    /// Of `tf-idf`: as if one more row held every word.
    pub smooth_idf: bool,
    /// Of `tf-idf`: 1 and the logarithm in place of a count.
    pub sublinear_tf: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lowercase: true,
            ngram_range: [1, 1],
            stop_words: Vec::new(),
            min_df: 1.0,
            max_df: 1.0,
            max_features: 1000,
            binary: false,
            norm: None,
            use_idf: true,
            smooth_idf: true,
            sublinear_tf: false,
        }
    }
}

/// The state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Vocabulary {
    tokens: Tokens,
    /// Sorted.
    words: Vec<String>,
    binary: bool,
    sublinear: bool,
    norm: Norm,
    /// Of each word, if rare ones count more.
    weights: Option<Vec<f64>>,
}

/// Learns words; `weighted` for `tf-idf`.
pub fn fit(
    context: &Context,
    options: &Options,
    weighted: bool,
    name: &str,
    array: &ArrayRef,
) -> Result<Learnt, Failure> {
    let tokens = Tokens::new(options.lowercase, options.ngram_range, &options.stop_words)?;
    if options.max_features == 0 || options.max_features > MOST {
        return Err(invalid_parameter("max_features", format!("{} is out of range", options.max_features))
            .allowed(format!("1 to {MOST}")));
    }
    let texts = super::texts(if weighted { "tf-idf" } else { "tokens" }, array)?;
    // By word: rows that hold it, and how often it is there.
    let mut found: HashMap<String, (u64, u64)> = HashMap::new();
    for text in texts.iter().flatten() {
        let mut own: HashSet<String> = HashSet::new();
        tokens.each(text, |word| match found.get_mut(word) {
            Some((_, times)) => {
                *times += 1;
                if !own.contains(word) {
                    own.insert(word.to_owned());
                }
            }
            None => {
                found.insert(word.to_owned(), (0, 1));
                own.insert(word.to_owned());
            }
        });
        own.iter().for_each(|word| found.get_mut(word).into_iter().for_each(|(rows, _)| *rows += 1));
    }
    let found: BTreeMap<String, (u64, u64)> = found.into_iter().collect();
    if found.is_empty() {
        return Err(invalid_input("the column holds no words (of two letters and more); `drop` it"));
    }
    let rows = millstream_sdk::arrow_array::Array::len(array) as f64;
    let least = bound("min_df", options.min_df, options.min_df < 1.0, rows)?;
    let most = bound("max_df", options.max_df, options.max_df <= 1.0, rows)?;
    let mut kept: Vec<(String, u64, u64)> = found
        .into_iter()
        .filter(|(_, (rows, _))| (*rows as f64) >= least && (*rows as f64) <= most)
        .map(|(word, (rows, times))| (word, rows, times))
        .collect();
    if kept.is_empty() {
        return Err(invalid_input(
            "no word is left between `min_df` and `max_df`; set them so that more rows, or fewer, will do",
        ));
    }
    if kept.len() > options.max_features {
        context.info(format!(
            "column `{name}`: {} of {} words become columns, the most frequent ones (see `max_features`)",
            options.max_features,
            kept.len()
        ));
        kept.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| a.0.cmp(&b.0)));
        kept.truncate(options.max_features);
        kept.sort();
    }
    let idf = |rows_with: u64| {
        let more = if options.smooth_idf { 1.0 } else { 0.0 };
        libm::log((rows + more) / (rows_with as f64 + more)) + 1.0
    };
    let weights = (weighted && options.use_idf).then(|| kept.iter().map(|(_, rows, _)| idf(*rows)).collect());
    let words: Vec<String> = kept.into_iter().map(|(word, ..)| word).collect();
    let names = words.iter().map(|word| format!("{name}_{word}")).collect();
    let norm = options.norm.unwrap_or(if weighted { Norm::L2 } else { Norm::None });
    let sublinear = weighted && options.sublinear_tf;
    let state = Vocabulary { tokens, words, binary: options.binary, sublinear, norm, weights };
    Ok(Learnt::new(names, Transform::Vocabulary(state)))
}

/// A number of rows, given as a count or a share.
fn bound(parameter: &str, value: f64, share: bool, rows: f64) -> Result<f64, Failure> {
    match value >= 0.0 && value.is_finite() {
        true if share => Ok(value * rows),
        true => Ok(value),
        false => Err(invalid_parameter(parameter, format!("{value} is neither a count nor a share"))
            .allowed("a count of rows, or a share from 0 to 1")),
    }
}

impl Vocabulary {
    pub fn apply(&self, array: &ArrayRef) -> Result<Vec<ArrayRef>, Failure> {
        let places: HashMap<&str, u32> = self.words.iter().map(String::as_str).zip(0..).collect();
        super::columns(array, self.words.len(), |text| {
            let mut row: BTreeMap<u32, f64> = BTreeMap::new();
            self.tokens.each(text, |word| {
                if let Some(place) = places.get(word) {
                    *row.entry(*place).or_default() += 1.0;
                }
            });
            let weigh = |(place, count): (u32, f64)| {
                let count = if self.binary { 1.0 } else { count };
                let count = if self.sublinear { libm::log(count) + 1.0 } else { count };
                (place, self.weights.as_ref().map_or(count, |weights| count * weights[place as usize]))
            };
            let mut row: Vec<(u32, f64)> = row.into_iter().map(weigh).collect();
            let size = self.norm.of(&row);
            row.iter_mut().for_each(|(_, value)| *value /= size);
            row
        })
    }

    /// Whether the parts fit together.
    pub fn check(&self, gives: usize) -> Result<(), Failure> {
        let weights = self.weights.as_ref().is_none_or(|weights| weights.len() == self.words.len());
        match weights && self.words.len() == gives && gives > 0 && self.tokens.is_sound() {
            true => Ok(()),
            false => Err(internal("the vocabulary is damaged")),
        }
    }
}
