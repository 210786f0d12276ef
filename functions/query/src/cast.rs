//! Casts.

use crate::{
    calendar::{self, DAY},
    functions::spans,
    kind::Kind,
    value::Value,
};

/// What it costs to give an argument another type unasked. None if that is not done.
pub(crate) fn cast_cost(from: &Kind, to: &Kind, literal: bool) -> Option<u32> {
    match from.implicit_cost(to) {
        None if literal && *from == Kind::Text && !matches!(to, Kind::Other(_)) => Some(20),
        cost => cost,
    }
}

/// Whether there is a cast.
pub(crate) fn can_cast(from: &Kind, to: &Kind) -> bool {
    use Kind::{BigInt, Boolean, Date, Double, Interval, Null, Other, Text, Timestamp, TimestampTz};
    match (from, to) {
        (a, b) if a == b => true,
        (Other(_), _) | (_, Other(_)) => false,
        (Null | Text, _) | (_, Text) => true,
        (Boolean | BigInt | Double, Boolean | BigInt | Double) => true,
        (Date | Timestamp | TimestampTz, Date | Timestamp | TimestampTz) => true,
        (Interval, _) | (_, Interval) => false,
        _ => false,
    }
}

/// The value in another type.
///
/// # Errors
/// If it has none there.
pub(crate) fn cast<'a>(value: Value<'a>, from: &Kind, to: &Kind) -> Result<Value<'a>, String> {
    if from == to {
        return Ok(value);
    }
    Ok(match (value, to) {
        (Value::Null, _) => Value::Null,
        (Value::Text(text), to) => parse(&text, to).ok_or_else(|| unread(&text, to))?,
        (value, Kind::Text) => Value::text(print(&value, from)),
        (Value::Boolean(v), Kind::BigInt) => Value::BigInt(v.into()),
        (Value::Boolean(v), Kind::Double) => Value::Double(u8::from(v).into()),
        (Value::BigInt(v), Kind::Boolean) => Value::Boolean(v != 0),
        (Value::BigInt(v), Kind::Double) => Value::Double(v as f64),
        (Value::Double(v), Kind::Boolean) => Value::Boolean(v != 0.0),
        (Value::Double(v), Kind::BigInt) => {
            let whole = v.round_ties_even();
            // 2^63 is the first that does not fit.
            if !(-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&whole) {
                return Err(format!("{} does not fit into a BIGINT", print_double(v)));
            }
            Value::BigInt(whole as i64)
        }
        (Value::Date(v), Kind::Timestamp | Kind::TimestampTz) => {
            Value::Timestamp(calendar::join(v, 0).ok_or(calendar::FAR)?)
        }
        (Value::Timestamp(v), Kind::Date) => Value::Date(v.div_euclid(DAY) as i32),
        (value, _) => value,
    })
}

fn unread(text: &str, to: &Kind) -> String {
    let shown: String = text.chars().take(60).collect();
    let form = match to {
        Kind::Date => ", such as `2024-01-31`; strptime reads other formats",
        Kind::Timestamp | Kind::TimestampTz => {
            ", such as `2024-01-31 10:11:12`; strptime reads other formats"
        }
        _ => "; TRY_CAST gives NULL instead",
    };
    format!("`{shown}` is no {to}{form}")
}

fn parse(text: &str, to: &Kind) -> Option<Value<'static>> {
    let trimmed = text.trim();
    Some(match to {
        Kind::Boolean => match trimmed.to_ascii_lowercase().as_str() {
            "true" | "t" | "1" | "yes" | "y" => Value::Boolean(true),
            "false" | "f" | "0" | "no" | "n" => Value::Boolean(false),
            _ => return None,
        },
        Kind::BigInt => Value::BigInt(parse_integer(trimmed)?),
        Kind::Double => Value::Double(parse_double(trimmed)?),
        Kind::Date => Value::Date(calendar::split(calendar::parse_timestamp(text)?.0).0),
        Kind::Timestamp => Value::Timestamp(calendar::parse_timestamp(text)?.0),
        Kind::TimestampTz => {
            let (time, offset) = calendar::parse_timestamp(text)?;
            Value::Timestamp(time.checked_sub(offset.unwrap_or(0))?)
        }
        Kind::Interval => Value::Interval(spans::parse(text)?),
        _ => return None,
    })
}

fn parse_double(text: &str) -> Option<f64> {
    // Rust reads what DuckDB does: signs, points without digits on one side, `inf`, `nan`.
    text.replace('_', "").parse().ok().filter(|_| !text.starts_with('_') && !text.ends_with('_'))
}

fn parse_integer(text: &str) -> Option<i64> {
    let plain = text.replace('_', "");
    if text.starts_with('_') || text.ends_with('_') {
        return None;
    }
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, &plain[1..]),
        b'+' => (false, &plain[1..]),
        _ => (false, plain.as_str()),
    };
    let signed = |magnitude: i128| i64::try_from(if negative { -magnitude } else { magnitude }).ok();
    for (prefix, radix) in [("0x", 16), ("0X", 16), ("0b", 2), ("0B", 2)] {
        if let Some(digits) = digits.strip_prefix(prefix) {
            let digits = Some(digits).filter(|digits| digits.starts_with(|c: char| c.is_ascii_hexdigit()))?;
            return signed(i128::from_str_radix(digits, radix).ok()?);
        }
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if digits.contains(['e', 'E']) {
        let value = digits.parse::<f64>().ok()?.round();
        return (value < 9.2e18).then(|| signed(value as i128))?;
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let valid =
        !(whole.is_empty() && fraction.is_empty()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
    let up = fraction.bytes().next().is_some_and(|first| first >= b'5');
    valid.then(|| signed(i128::from(whole) + i128::from(up)))?
}

/// A value as a text.
pub(crate) fn print(value: &Value<'_>, kind: &Kind) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Boolean(v) => v.to_string(),
        Value::BigInt(v) => v.to_string(),
        Value::Double(v) => print_double(*v),
        Value::Text(v) => v.to_string(),
        Value::Date(v) => calendar::format_date(*v),
        Value::Timestamp(v) if *kind == Kind::TimestampTz => format!("{}+00", calendar::format_timestamp(*v)),
        Value::Timestamp(v) => calendar::format_timestamp(*v),
        Value::Interval(v) => spans::format(*v),
    }
}

/// The shortest text that reads as the same number: `0.1`, `1e+16`.
fn print_double(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').expect("it is of this form");
    let exponent: i32 = exponent.parse().expect("it is a number");
    if (-4..16).contains(&exponent) || value == 0.0 {
        return format!("{value:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_printed_as_duckdb_does() {
        let cases = [
            (1.0, "1.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e-5, "1.5e-05"),
            (0.0001, "0.0001"),
            (-0.0, "-0.0"),
        ];
        for (value, text) in cases {
            assert_eq!(print_double(value), text);
        }
    }

    #[test]
    fn integers_are_read_with_what_may_stand_around_them() {
        let cases = [
            ("1.5", Some(2)),
            ("1e3", Some(1000)),
            ("0x1F", Some(31)),
            (".5", Some(1)),
            ("5.", Some(5)),
            ("+5", Some(5)),
        ];
        for (text, value) in cases {
            assert_eq!(parse_integer(text), value, "{text}");
        }
        for text in ["", ".", "-", "x", "9223372036854775808", "1..2", "0x", "--1", "0x-1"] {
            assert_eq!(parse_integer(text), None, "{text}");
        }
        assert_eq!(parse_integer("-9223372036854775808"), Some(i64::MIN));
    }
}
