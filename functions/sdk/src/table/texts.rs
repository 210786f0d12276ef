//! How the values of a typed column were written in the file they were read from.
//!
//! A reader of text that finds `TRUE` keeps a boolean, and of `1.0` a number. If a model takes the same column as text, as
//! other rows of its training file were none, the texts are wanted back. A column's metadata says whether its values tell
//! them, so that a cast to text gives the very bytes of the file or is refused.

use arrow_schema::{DataType, Field};

use super::{format_date, format_timestamp};

/// Key of a column's metadata.
pub const KEY: &str = "millstream:text";

/// What was written for the values of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Texts {
    /// Each as its value prints: `1.5`, `true`, `2024-01-31`.
    Printed,
    /// Numbers with so many digits after the point: `1.0`, `2.5`.
    Decimals(u8),
    /// Booleans by these words.
    Words {
        /// That for true.
        yes: String,
        /// That for false.
        no: String,
    },
    /// In a way that the values do not tell; this is one of the texts.
    Changed(String),
}

impl Texts {
    /// What a column says of itself. Nothing: it was not read from text, or its values are integers that are written as they
    /// print.
    pub fn of(column: &Field) -> Option<Self> {
        let text = column.metadata().get(KEY)?;
        let (kind, rest) = text.split_once('=').unwrap_or((text, ""));
        Some(match kind {
            "printed" => Self::Printed,
            "decimals" => Self::Decimals(rest.parse().ok()?),
            "words" => {
                let (yes, no) = rest.split_once(',')?;
                Self::Words { yes: yes.to_owned(), no: no.to_owned() }
            }
            "changed" => Self::Changed(rest.to_owned()),
            _ => return None,
        })
    }

    /// The column with metadata that say so.
    pub fn mark(&self, column: Field) -> Field {
        let text = match self {
            Self::Printed => "printed".to_owned(),
            Self::Decimals(digits) => format!("decimals={digits}"),
            Self::Words { yes, no } => format!("words={yes},{no}"),
            Self::Changed(example) => format!("changed={example}"),
        };
        let mut metadata = column.metadata().clone();
        metadata.insert(KEY.to_owned(), text);
        column.with_metadata(metadata)
    }

    /// What holds of two parts of one column.
    pub fn of_both(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (one, other) if one == other => one,
            (Some(Self::Changed(example)), _) | (_, Some(Self::Changed(example))) => {
                Some(Self::Changed(example))
            }
            (Some(_), Some(Self::Words { yes, no })) | (Some(Self::Words { yes, no }), Some(_)) => {
                Some(Self::Changed(format!("{yes}, {no}")))
            }
            (Some(_), Some(Self::Decimals(digits))) | (Some(Self::Decimals(digits)), Some(_)) => {
                Some(Self::Changed(number(1.0, Some(digits))))
            }
            // One of them says nothing.
            _ => None,
        }
    }
}

/// A number with so many digits after the point, or as it prints: in the shortest form that reads back as the same number.
pub(super) fn number(value: f64, digits: Option<u8>) -> String {
    match digits {
        Some(digits) => format!("{value:.0$}", usize::from(digits)),
        None => value.to_string(),
    }
}

/// A day or time as it prints, from days or microseconds since 1970.
pub(super) fn time(kind: &DataType, value: i64) -> String {
    match kind {
        DataType::Date32 => i32::try_from(value).map_or(String::new(), format_date),
        DataType::Timestamp(_, zone) => format_timestamp(value, zone.is_some()),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Texts> {
        let words = |yes: &str, no: &str| Texts::Words { yes: yes.into(), no: no.into() };
        vec![
            Texts::Printed,
            Texts::Decimals(1),
            Texts::Decimals(2),
            words("TRUE", "FALSE"),
            words("true", "false"),
            Texts::Changed("1e3".into()),
            Texts::Changed("a=b,c".into()),
        ]
    }

    #[test]
    fn marks_are_read_back() {
        for texts in all() {
            let field = texts.mark(Field::new("x", DataType::Float64, true));
            assert_eq!(Texts::of(&field), Some(texts));
        }
        assert_eq!(Texts::of(&Field::new("x", DataType::Float64, true)), None);
    }

    #[test]
    fn two_parts_say_no_more_than_both() {
        for a in all() {
            assert_eq!(Texts::of_both(Some(a.clone()), Some(a.clone())), Some(a.clone()));
            assert!(matches!(Texts::of_both(Some(a.clone()), None), None | Some(Texts::Changed(_))));
            for b in all().into_iter().filter(|b| *b != a) {
                let both = Texts::of_both(Some(a.clone()), Some(b));
                assert!(matches!(both, Some(Texts::Changed(_))), "{both:?}");
            }
        }
    }
}
