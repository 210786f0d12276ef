//! Texts that stand for a missing value: the same for files, requests and batches.
//!
//! In CSV an empty field is missing, quoted or not, and so is each of [`TEXTS`], as in pandas. In JSON `null` is
//! missing, and a string is what it says, `""` and `"NA"` too, as in pandas and DuckDB; where a column holds no text, a
//! string is read as a field of CSV. Whoever reads training rows with other texts says so in the column's metadata; the
//! model's state keeps it, so that rows for the model are read alike.

use arrow_schema::Field;

/// The texts that pandas takes for missing.
pub const TEXTS: [&str; 19] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A",
    "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
];

/// Key of a column's metadata: a JSON list of the texts that were missing when it was read, if they are not [`TEXTS`].
pub const KEY: &str = "millstream:missing-values";

/// Whether a field, blanks around it left out, is one of [`TEXTS`].
#[inline]
pub fn is_missing(text: &[u8]) -> bool {
    match text.trim_ascii() {
        [] => true,
        // No other byte begins one.
        text @ [b'#' | b'-' | b'1' | b'<' | b'N' | b'n', ..] if text.len() <= 8 => {
            TEXTS.iter().any(|missing| missing.as_bytes() == text)
        }
        _ => false,
    }
}

/// Texts that stand for a missing value, ready to be looked up for each field.
#[derive(Clone, Debug)]
pub struct Missing {
    texts: Vec<String>,
    /// Bit `n` is set if a text has `n` bytes; the last bit stands for all longer ones.
    lengths: u64,
    numeric: bool,
}

impl Missing {
    /// Of these texts; blanks around them do not count.
    pub fn new<T: AsRef<str>>(texts: &[T]) -> Self {
        let texts: Vec<String> = texts.iter().map(|text| text.as_ref().trim_ascii().to_owned()).collect();
        let lengths = texts.iter().fold(0, |lengths, text| lengths | bit(text.len()));
        let numeric = texts.iter().any(|text| text.parse::<f64>().is_ok_and(f64::is_finite));
        Self { texts, lengths, numeric }
    }

    /// Those that a column says it was read with; none if they are the default ones.
    pub fn of(column: &Field) -> Option<Self> {
        let texts: Vec<String> = serde_json::from_str(column.metadata().get(KEY)?).ok()?;
        Some(Self::new(&texts))
    }

    /// The texts.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Whether they are the default ones, in whatever order.
    pub fn is_default(&self) -> bool {
        self.texts.len() == TEXTS.len() && TEXTS.iter().all(|text| self.texts.iter().any(|own| own == text))
    }

    /// Whether one of them is a number, such as `-999`: numbers must be looked up before they are read.
    #[inline]
    pub fn numeric(&self) -> bool {
        self.numeric
    }

    /// Whether the field, blanks around it left out, is one of the texts.
    #[inline]
    pub fn has(&self, field: &[u8]) -> bool {
        let field = field.trim_ascii();
        self.lengths & bit(field.len()) != 0 && self.texts.iter().any(|text| text.as_bytes() == field)
    }

    /// The column with metadata that say so; as it is if these are the default texts.
    pub fn mark(&self, column: Field) -> Field {
        if self.is_default() {
            return column;
        }
        let texts = serde_json::to_string(&self.texts).unwrap_or_default();
        let mut metadata = column.metadata().clone();
        metadata.insert(KEY.to_owned(), texts);
        column.with_metadata(metadata)
    }
}

impl Default for Missing {
    fn default() -> Self {
        Self::new(&TEXTS)
    }
}

fn bit(length: usize) -> u64 {
    1 << length.min(63)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::DataType;

    #[test]
    fn the_texts_of_pandas_are_missing() {
        let all = Missing::default();
        for text in TEXTS {
            assert!(is_missing(text.as_bytes()) && all.has(text.as_bytes()), "{text}");
            assert!(is_missing(format!(" {text}\t").as_bytes()), "{text}");
        }
        for text in ["na", "NONE", "0", "-", "?", "N A", "#N/A N/A N/A", "nil"] {
            assert!(!is_missing(text.as_bytes()) && !all.has(text.as_bytes()), "{text}");
        }
        assert!(all.is_default() && !all.numeric());
    }

    #[test]
    fn other_texts_travel_with_the_column() {
        let own = Missing::new(&["-999", "?"]);
        assert!(own.numeric() && own.has(b" -999 ") && !own.has(b"NA") && !own.is_default());
        let marked = own.mark(Field::new("x", DataType::Utf8, true));
        assert_eq!(Missing::of(&marked).unwrap().texts(), ["-999", "?"]);
        let plain = Missing::default().mark(Field::new("x", DataType::Utf8, true));
        assert!(plain.metadata().is_empty() && Missing::of(&plain).is_none());
    }
}
