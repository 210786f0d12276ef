//! Types of tensors: which values they hold, and how a value becomes a field of CSV.

use std::borrow::Cow;

use super::table::quote;

/// What the values of a tensor are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Type {
    Bytes,
    Bool,
    /// Whole numbers from the first to the last.
    Whole(i128, i128),
    /// Numbers up to this size.
    Number(f64),
}

impl Type {
    /// A type by its name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "FP64" => Self::Number(f64::MAX),
            "FP32" => Self::Number(f64::from(f32::MAX)),
            "FP16" => Self::Number(65_504.0),
            "INT64" => Self::Whole(i64::MIN.into(), i64::MAX.into()),
            "INT32" => Self::Whole(i32::MIN.into(), i32::MAX.into()),
            "INT16" => Self::Whole(i16::MIN.into(), i16::MAX.into()),
            "INT8" => Self::Whole(i8::MIN.into(), i8::MAX.into()),
            "UINT64" => Self::Whole(0, u64::MAX.into()),
            "UINT32" => Self::Whole(0, u32::MAX.into()),
            "UINT16" => Self::Whole(0, u16::MAX.into()),
            "UINT8" => Self::Whole(0, u8::MAX.into()),
            "BOOL" => Self::Bool,
            "BYTES" => Self::Bytes,
            _ => return None,
        })
    }

    /// A value as a field of CSV, numbers just as they are written; or the value, if it is of another type or too large.
    pub fn field(self, value: &str) -> Result<Cow<'_, str>, String> {
        let wrong = || Err(format!("`{value}`"));
        if value == "null" {
            return Ok(Cow::Borrowed(""));
        }
        let sound = match self {
            Self::Bytes => {
                let Ok(text) = serde_json::from_str::<Cow<'_, str>>(value) else { return wrong() };
                let mut quoted = String::with_capacity(text.len() + 2);
                quote(&mut quoted, &text);
                return Ok(Cow::Owned(quoted));
            }
            Self::Bool => value == "true" || value == "false",
            // Not even 0 is written with a fraction or an exponent.
            Self::Whole(first, last) => {
                value.parse::<i128>().is_ok_and(|number| (first..=last).contains(&number))
            }
            Self::Number(most) => {
                is_number(value)
                    && ((value.len() <= SHORT && most > 1e30 && !value.contains(['e', 'E']))
                        || value.parse::<f64>().is_ok_and(|number| number.abs() <= most))
            }
        };
        if sound { Ok(Cow::Borrowed(value)) } else { wrong() }
    }
}

/// So many digits are less than what single precision holds.
const SHORT: usize = 38;

fn is_number(value: &str) -> bool {
    value.starts_with(|letter: char| letter == '-' || letter.is_ascii_digit())
}
