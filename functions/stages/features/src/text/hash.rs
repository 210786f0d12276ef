//! Words in a fixed number of columns, as scikit-learn's `HashingVectorizer`.

use std::collections::BTreeMap;

use millstream_sdk::{Failure, arrow_array::ArrayRef, internal, invalid_parameter};
use serde::{Deserialize, Serialize};

use super::{MOST, Norm, tokens::Tokens};
use crate::{learnt::Learnt, murmur, transform::Transform};

pub const STEP: &str = "text-hash";

/// Options of `text-hash`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    pub lowercase: bool,
    pub ngram_range: [usize; 2],
    pub stop_words: Vec<String>,
    /// Columns.
    pub n_features: usize,
    /// Half of the words count as -1.
    pub alternate_sign: bool,
    pub norm: Norm,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lowercase: true,
            ngram_range: [1, 1],
            stop_words: Vec::new(),
            n_features: 64,
            alternate_sign: true,
            norm: Norm::L2,
        }
    }
}

/// The state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HashedText {
    tokens: Tokens,
    width: u32,
    alternate_sign: bool,
    norm: Norm,
}

pub fn fit(options: &Options, name: &str, array: &ArrayRef) -> Result<Learnt, Failure> {
    let tokens = Tokens::new(options.lowercase, options.ngram_range, &options.stop_words)?;
    super::texts(STEP, array)?;
    let width = options.n_features;
    if width == 0 || width > MOST {
        return Err(invalid_parameter("n_features", format!("{width} is out of range"))
            .allowed(format!("1 to {MOST}")));
    }
    let names = (0..width).map(|place| format!("{name}_{place}")).collect();
    let (alternate_sign, norm) = (options.alternate_sign, options.norm);
    let state = HashedText { tokens, width: width as u32, alternate_sign, norm };
    Ok(Learnt::new(names, Transform::HashedText(state)))
}

impl HashedText {
    pub fn apply(&self, array: &ArrayRef) -> Result<Vec<ArrayRef>, Failure> {
        let width = self.width as usize;
        super::columns(array, width, |text| {
            let mut row: BTreeMap<u32, f64> = BTreeMap::new();
            self.tokens.each(text, |word| {
                let (place, sign) = murmur::place(word.as_bytes(), width);
                *row.entry(place as u32).or_default() += if self.alternate_sign { sign } else { 1.0 };
            });
            let mut row: Vec<(u32, f64)> = row.into_iter().collect();
            let size = self.norm.of(&row);
            row.iter_mut().for_each(|(_, value)| *value /= size);
            row
        })
    }

    /// Whether `gives` columns come out.
    pub fn check(&self, gives: usize) -> Result<(), Failure> {
        match self.width as usize == gives && gives > 0 && gives <= MOST && self.tokens.is_sound() {
            true => Ok(()),
            false => Err(internal("the hashed words are damaged")),
        }
    }
}
