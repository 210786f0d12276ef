//! CSV without quotes.

use super::{Numbers, number};
use crate::Matrix;

impl Numbers {
    /// The rows, and whether there was a header.
    pub(super) fn csv(&self, body: &[u8], header: Option<bool>) -> Option<(Matrix, bool)> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let end = body.iter().position(|byte| *byte == b'\n').unwrap_or(body.len());
        let (line, rest) = body.split_at(end);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let header = header.unwrap_or_else(|| match self.ambiguous {
            true => self.names_most(line),
            false => !line.is_empty() && fields(line).next().and_then(number).is_none(),
        });
        match header {
            true => Some((self.records(rest).filter(|_| self.names_all(line))?, true)),
            false => Some((self.records(body)?, false)),
        }
    }

    /// Whether a line holds at least half of the columns' names.
    fn names_most(&self, line: &[u8]) -> bool {
        let named = |name: &&String| {
            let name = name.as_bytes();
            fields(line).any(|field| field == name || field.trim_ascii() == name.trim_ascii())
        };
        let known = self.names.iter().filter(named).count();
        known > 0 && known * 2 >= self.names.len()
    }

    /// Whether a line holds the columns' names in their order, and nothing else.
    fn names_all(&self, line: &[u8]) -> bool {
        !line.contains(&b'"') && fields(line).eq(self.names.iter().map(|name| name.as_bytes()))
    }

    fn records(&self, mut rest: &[u8]) -> Option<Matrix> {
        let width = self.names.len();
        // A short body is a row or two; of a long one, a value and its comma are guessed to take eight bytes.
        let mut cells = Vec::with_capacity(if rest.len() < 1024 { width } else { rest.len() / 8 });
        loop {
            // Empty lines are passed over.
            match rest {
                [] => return Some(Matrix::from_rows(&self.names, cells)),
                [b'\n', after @ ..] | [b'\r', b'\n', after @ ..] => {
                    rest = after;
                    continue;
                }
                _ => {}
            }
            for place in 0..width {
                let (value, after) = field(rest)?;
                cells.push(value);
                rest = match (after, place + 1 == width) {
                    ([b',', after @ ..], false) => after,
                    ([b'\n', after @ ..] | [b'\r', b'\n', after @ ..], true) | (after @ [], true) => after,
                    _ => return None,
                };
            }
        }
    }
}

/// The number at the beginning, and what follows its field.
fn field(rest: &[u8]) -> Option<(f64, &[u8])> {
    if let Ok((value, length)) = fast_float2::parse_partial::<f64, _>(rest)
        && let after @ ([] | [b',' | b'\n', ..] | [b'\r', b'\n', ..]) = &rest[length..]
    {
        return Some((value, after));
    }
    let end = rest.iter().position(|byte| matches!(byte, b',' | b'\n')).unwrap_or(rest.len());
    let (own, after) = rest.split_at(end);
    let returns = own.ends_with(b"\r") && after.first() == Some(&b'\n');
    let (own, after) = if returns { rest.split_at(end - 1) } else { (own, after) };
    Some((number(own).filter(|_| !own.contains(&b'\r'))?, after))
}

fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b',')
}
