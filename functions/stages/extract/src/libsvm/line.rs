//! One line.

use millstream_sdk::{Failure, invalid_input};

use crate::kind::{parse_float, parse_int};

/// What a line says, its indices as they stand there.
#[derive(Debug, Default, PartialEq)]
pub struct Line {
    pub label: f64,
    /// The label, if it is written as an integer.
    pub whole: Option<i64>,
    pub weight: Option<f64>,
    pub query: Option<i64>,
    /// Indices that rise, with their values.
    pub pairs: Vec<(u32, f64)>,
}

/// Reads line after line into the same memory.
pub struct Reader {
    line: Line,
    /// The least index that there may be.
    least: u32,
}

/// A word and where it begins, from 1.
struct Token<'a> {
    number: u64,
    column: usize,
    text: &'a [u8],
}

impl Token<'_> {
    /// What is wrong with it.
    fn refuse(&self, what: &str) -> Failure {
        const SHOWN: usize = 40;
        let text = String::from_utf8_lossy(self.text);
        let short: String = text.chars().take(SHOWN).collect();
        let more = if short.len() < text.len() { "..." } else { "" };
        let (number, column) = (self.number, self.column);
        invalid_input(format!("line {number}, column {column}: `{short}{more}` {what}"))
    }
}

impl Reader {
    pub fn new(least: u32) -> Self {
        Self { line: Line::default(), least }
    }

    /// What line `number` says; nothing if it is blank or a comment.
    pub fn read(&mut self, bytes: &[u8], number: u64) -> Result<Option<&Line>, Failure> {
        let end = memchr::memchr(b'#', bytes).unwrap_or(bytes.len());
        let mut tokens = Tokens { number, bytes: &bytes[..end], at: 0 };
        let Some(first) = tokens.next() else { return Ok(None) };
        let line = &mut self.line;
        line.pairs.clear();
        (line.query, line.weight) = (None, None);
        read_label(&first, line)?;
        for token in tokens {
            let colon = memchr::memchr(b':', token.text).ok_or_else(|| {
                token.refuse("is not `index:value`; labels of LibSVM files are single numbers")
            })?;
            let (index, value) = (&token.text[..colon], &token.text[colon + 1..]);
            if index == b"qid" {
                if line.query.is_some() || !line.pairs.is_empty() {
                    return Err(token.refuse("is out of place: one `qid` stands between label and features"));
                }
                line.query = Some(parse_int(value).ok_or_else(|| token.refuse("is not `qid:integer`"))?);
                continue;
            }
            let index = read_index(&token, index)?;
            if index < self.least {
                return Err(token.refuse("has index 0, but `zero_based` is false: indices begin at 1"));
            }
            match line.pairs.last() {
                Some((last, _)) if *last == index => {
                    return Err(token.refuse("has the index of the value before it"));
                }
                Some((last, _)) if *last > index => {
                    return Err(token.refuse(&format!("comes after index {last}; sort each line by index")));
                }
                _ => {}
            }
            let value =
                parse_float(value).ok_or_else(|| token.refuse("is not `index:value`, both numbers"))?;
            if !value.is_finite() {
                return Err(token.refuse("has no finite value; leave it out or replace it"));
            }
            line.pairs.push((index, value));
        }
        Ok(Some(&self.line))
    }
}

fn read_label(token: &Token<'_>, line: &mut Line) -> Result<(), Failure> {
    let text = token.text;
    let (label, weight) = match memchr::memchr(b':', text) {
        None => (text, None),
        Some(colon) => (&text[..colon], Some(&text[colon + 1..])),
    };
    if label == b"qid" {
        return Err(token.refuse("stands where the label belongs"));
    }
    if memchr::memchr(b',', label).is_some() {
        return Err(token.refuse("has several labels; a row has one"));
    }
    line.whole = parse_int(label);
    let number = line.whole.map(|whole| whole as f64).or_else(|| parse_float(label));
    line.label = number.ok_or_else(|| token.refuse("is not a label: a number is needed"))?;
    if !line.label.is_finite() {
        return Err(token.refuse("is not a finite label; drop such rows"));
    }
    if let Some(weight) = weight {
        let weight = parse_float(weight).filter(|weight| weight.is_finite() && *weight >= 0.0);
        let weight = weight.ok_or_else(|| {
            token.refuse("is not `label:weight` with a weight that is finite and not negative")
        })?;
        line.weight = Some(weight);
    }
    Ok(())
}

fn read_index(token: &Token<'_>, text: &[u8]) -> Result<u32, Failure> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    if !digits {
        return Err(token.refuse("is not `index:value` with a whole number for its index"));
    }
    let index = parse_int(text).and_then(|index| u32::try_from(index).ok());
    index.ok_or_else(|| token.refuse(&format!("has an index above {}", u32::MAX)))
}

/// The words of a line.
struct Tokens<'a> {
    number: u64,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let rest = &self.bytes[self.at..];
        let start = self.at + rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        let word = &self.bytes[start..];
        let length = word.iter().position(u8::is_ascii_whitespace).unwrap_or(word.len());
        self.at = start + length;
        Some(Token { number: self.number, column: start + 1, text: &word[..length] })
    }
}
