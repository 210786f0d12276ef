//! Texts that stand for a missing value.

use crate::kind::parse_float;

/// The tokens, ready to be looked up for each field.
pub struct Missing {
    tokens: Vec<Vec<u8>>,
    /// Bit `n` is set if a token has `n` bytes; the last bit stands for all longer ones.
    lengths: u64,
    /// A token is a number, such as `-999`: numbers must be looked up before they are read.
    pub numeric: bool,
}

impl Missing {
    /// Of these texts.
    pub fn new(tokens: &[String]) -> Self {
        let tokens: Vec<Vec<u8>> =
            tokens.iter().map(|token| token.trim_ascii().as_bytes().to_vec()).collect();
        let lengths = tokens.iter().fold(0, |lengths, token| lengths | bit(token.len()));
        let numeric = tokens.iter().any(|token| parse_float(token).is_some_and(f64::is_finite));
        Self { tokens, lengths, numeric }
    }

    /// Whether the field, blanks around it left out, is one of the texts.
    #[inline]
    pub fn has(&self, field: &[u8]) -> bool {
        let field = field.trim_ascii();
        self.lengths & bit(field.len()) != 0 && self.tokens.iter().any(|token| token == field)
    }
}

fn bit(length: usize) -> u64 {
    1 << length.min(63)
}
