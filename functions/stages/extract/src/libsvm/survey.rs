//! What the files have, from a first reading.

use millstream_sdk::{Failure, invalid_input};

use super::line::Line;
use crate::params::{Auto, ZeroBased};

/// Of all lines so far.
pub struct Survey {
    pub rows: u64,
    /// Whether all labels are written as integers.
    pub whole: bool,
    /// Whether rows have weights, and query ids; none: there is no row.
    pub weights: Option<bool>,
    pub queries: Option<bool>,
    /// The largest index.
    pub last: Option<u32>,
    /// Whether some index is 0.
    zero: bool,
}

impl Default for Survey {
    fn default() -> Self {
        Self { rows: 0, whole: true, weights: None, queries: None, last: None, zero: false }
    }
}

impl Survey {
    /// Takes note of a line. All have weights or none, all have query ids or none.
    pub fn see(&mut self, line: &Line, number: u64) -> Result<(), Failure> {
        self.rows += 1;
        self.whole &= line.whole.is_some();
        alike(&mut self.weights, line.weight.is_some(), "a weight", number)?;
        alike(&mut self.queries, line.query.is_some(), "a `qid`", number)?;
        if let Some((first, _)) = line.pairs.first() {
            self.zero |= *first == 0;
        }
        if let Some((last, _)) = line.pairs.last() {
            self.last = self.last.max(Some(*last));
        }
        Ok(())
    }

    /// What indices begin with.
    pub fn base(&self, said: ZeroBased) -> u32 {
        match said {
            ZeroBased::Value(zero_based) => u32::from(!zero_based),
            ZeroBased::Rule(Auto::Auto) => u32::from(!self.zero),
        }
    }
}

fn alike(all: &mut Option<bool>, own: bool, what: &str, number: u64) -> Result<(), Failure> {
    match *all.get_or_insert(own) {
        true if !own => {
            Err(invalid_input(format!("line {number} has no {}, as those before have", bare(what))))
        }
        false if own => Err(invalid_input(format!("line {number} has {what}, as those before have not"))),
        _ => Ok(()),
    }
}

fn bare(what: &str) -> &str {
    what.strip_prefix("a ").unwrap_or(what)
}
