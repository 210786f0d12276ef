//! Numbers as people write them. A whole number is one value however it is written, and keeps all its digits: from -2^63 to
//! 2^64-1, which is what JSON and the functions can hold.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// The least whole number.
pub const LEAST: i128 = i64::MIN as i128;
/// The greatest whole number.
pub const GREATEST: i128 = u64::MAX as i128;

/// How long a number may be that is looked at digit by digit; a longer one is refused.
const LONGEST: usize = 400;

/// Whether `value` is a whole number that can be held.
pub fn in_range(value: i128) -> bool {
    (LEAST..=GREATEST).contains(&value)
}

/// The range of whole numbers, for people.
pub fn range() -> String {
    format!("whole numbers go from {LEAST} to {GREATEST}")
}

/// Reads a number in decimal notation: `12`, `-0.5`, `6.0`, `1e3`. None if the text is not a number.
///
/// What has a point or an exponent is a float; all else is a whole number.
///
/// # Errors
/// A number that would become another one: a whole number out of range, or a float that is whole but has more digits than a float
/// keeps (`9007199254740993.0`), or one that is larger than any float.
pub fn read(text: &str) -> Option<Result<Number, String>> {
    let decimal = Decimal::parse(text)?;
    if text.len() > LONGEST {
        return Some(Err(format!("a number of {} characters is too long", text.len())));
    }
    if decimal.is_integer {
        return Some(match decimal.whole().and_then(json) {
            Some(number) => Ok(number),
            None => Err(format!("{text} is out of range: {}; in quotes it is text", range())),
        });
    }
    let Some(float) = text.parse().ok().filter(|float: &f64| float.is_finite()) else {
        return Some(Err(format!("{text} is too large for a number")));
    };
    match decimal.whole() {
        // With an exponent it is meant as a float, and has as many digits as one.
        Some(whole) if !decimal.has_exponent && in_range(whole) && whole_of(float) != Some(whole) => Some(
            Err(format!("{text} has more digits than a number with a point can keep; write it as {whole}")),
        ),
        _ => Some(Number::from_f64(float).ok_or_else(|| format!("{text} is too large for a number"))),
    }
}

/// Reads a whole number in any notation: `6`, `6.0`, `1e3`. None if the text is not a number.
///
/// # Errors
/// It has a fraction, or is out of range.
pub fn read_whole(text: &str) -> Option<Result<Number, String>> {
    let decimal = Decimal::parse(text)?;
    if text.len() > LONGEST {
        return Some(Err(format!("a number of {} characters is too long", text.len())));
    }
    Some(match decimal.whole() {
        Some(whole) => json(whole).ok_or_else(|| format!("it is out of range: {}", range())),
        None if decimal.is_whole() => Err(format!("it is out of range: {}", range())),
        None => Err("it has a fraction".to_owned()),
    })
}

/// Looks for numbers in a JSON text that reading it would change.
///
/// # Errors
/// The first such number, as [`read`] says it.
pub fn check_json(text: &str) -> Result<(), String> {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        rest = &rest[at..];
        let end = if let Some(text) = rest.strip_prefix('"') {
            let mut escaped = false;
            let close = text.find(|c: char| {
                let closes = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                closes
            });
            close.map_or(rest.len(), |close| close + 2)
        } else {
            let part = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
            let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
            if let Some(Err(message)) = read(&rest[..end]) {
                return Err(message);
            }
            end
        };
        rest = &rest[end..];
    }
    Ok(())
}

/// A whole number as JSON; none if it is out of range.
pub fn json(value: i128) -> Option<Number> {
    match i64::try_from(value) {
        Ok(value) => Some(value.into()),
        Err(_) => u64::try_from(value).ok().map(Number::from),
    }
}

/// The whole number that a float is; none if it has a fraction or is out of range.
pub fn whole_of(float: f64) -> Option<i128> {
    // 2^63 and 2^64 are floats, 2^64-1 is not: the comparison is exact.
    let in_range = (-(2f64.powi(63))..2f64.powi(64)).contains(&float);
    (in_range && float.fract() == 0.0).then_some(float as i128)
}

/// The whole number that a JSON value is, written as `6` or as `6.0`.
pub fn whole(value: &Value) -> Option<i128> {
    let Value::Number(number) = value else { return None };
    if let Some(value) = number.as_i64() {
        return Some(value.into());
    }
    number.as_u64().map(i128::from).or_else(|| number.as_f64().and_then(whole_of))
}

/// Writes every number that is whole as a whole number, in lists and objects too: `6.0` becomes `6`. What is checked, what a
/// task's key is made of and what a function gets are one value by that.
pub fn normalise(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(whole) = number.as_f64().and_then(whole_of).and_then(json) {
                *number = whole;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(normalise),
        Value::Object(map) => map.values_mut().for_each(normalise),
        _ => {}
    }
}

/// Whether two JSON values are the same: numbers by what they are, not how they are written.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => match (whole(a), whole(b)) {
            (Some(x), Some(y)) => x == y,
            (None, None) => x.as_f64() == y.as_f64(),
            _ => false,
        },
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y)),
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(name, x)| y.get(name).is_some_and(|y| same(x, y)))
        }
        _ => a == b,
    }
}

/// How a whole number and a float compare, exactly; none for NaN.
pub fn compare(whole: i128, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    // Every whole number in range is between these, and floats between these fit.
    if float.abs() >= 2f64.powi(100) {
        return Some(if float > 0.0 { Ordering::Less } else { Ordering::Greater });
    }
    let below = float.floor();
    Some(match whole.cmp(&(below as i128)) {
        Ordering::Equal if float > below => Ordering::Less,
        order => order,
    })
}

/// A number in decimal notation, digit by digit.
struct Decimal<'a> {
    negative: bool,
    /// Before and after the point.
    digits: (&'a str, &'a str),
    exponent: i64,
    has_exponent: bool,
    /// Neither point nor exponent.
    is_integer: bool,
}

impl<'a> Decimal<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
            Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
            None => (unsigned, None),
        };
        let (before, after) = match mantissa.split_once('.') {
            Some((before, after)) => (before, Some(after)),
            None => (mantissa, None),
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(before) || !after.is_none_or(digits) || before.len() + after.map_or(0, str::len) == 0 {
            return None;
        }
        let exponent = match exponent {
            None => None,
            Some(text) => {
                let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
                if unsigned.is_empty() || !digits(unsigned) {
                    return None;
                }
                // So many digits that the number is 0 or too large anyway.
                let limit = if text.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 };
                Some(text.parse().unwrap_or(limit))
            }
        };
        Some(Self {
            negative,
            digits: (before, after.unwrap_or("")),
            exponent: exponent.unwrap_or(0),
            has_exponent: exponent.is_some(),
            is_integer: after.is_none() && exponent.is_none(),
        })
    }

    /// All digits without zeros at either end, and how many places they stand left of the point's.
    fn significant(&self) -> (String, i64) {
        let all = format!("{}{}", self.digits.0, self.digits.1);
        let places = self.exponent.saturating_sub(self.digits.1.len() as i64);
        let kept = all.trim_end_matches('0');
        let places = places.saturating_add((all.len() - kept.len()) as i64);
        (kept.trim_start_matches('0').to_owned(), places)
    }

    fn is_whole(&self) -> bool {
        let (digits, places) = self.significant();
        digits.is_empty() || places >= 0
    }

    /// Its value, if it is whole and has at most 38 digits.
    fn whole(&self) -> Option<i128> {
        let (digits, places) = self.significant();
        if digits.is_empty() {
            return Some(0);
        }
        let places = u32::try_from(places).ok()?;
        let value: i128 = digits.parse().ok()?;
        let value = value.checked_mul(10i128.checked_pow(places)?)?;
        Some(if self.negative { -value } else { value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(text: &str) -> String {
        match read(text) {
            None => "no number".to_owned(),
            Some(Ok(number)) => number.to_string(),
            Some(Err(message)) => message,
        }
    }

    #[test]
    fn a_number_is_what_was_written_or_refused() {
        for (written, found) in [
            ("5", "5"),
            ("-0", "0"),
            ("007", "7"),
            ("6.0", "6.0"),
            ("1e3", "1000.0"),
            (".5", "0.5"),
            ("9007199254740993", "9007199254740993"),
            ("9223372036854775808", "9223372036854775808"),
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("1e18", "1e+18"),
            ("1.2345678901234566e17", "1.2345678901234566e+17"),
            ("1.5.2", "no number"),
            ("", "no number"),
            ("-", "no number"),
            ("1e", "no number"),
            ("e5", "no number"),
            ("1-2", "no number"),
        ] {
            assert_eq!(text(written), found, "{written}");
        }
        for written in ["18446744073709551616", "99999999999999999999", "-9223372036854775809"] {
            assert!(text(written).contains("is out of range"), "{}", text(written));
        }
        assert!(text("9007199254740993.0").contains("write it as 9007199254740993"));
        assert!(text("1e400").contains("too large") && text(&"9".repeat(1000)).contains("too long"));
        assert_eq!(text("1e-99999999999999999999999"), "0.0");
    }

    #[test]
    fn a_whole_number_may_have_any_notation() {
        let whole = |text: &str| match read_whole(text) {
            None => "no number".to_owned(),
            Some(Ok(number)) => number.to_string(),
            Some(Err(message)) => message,
        };
        for (written, found) in [
            ("6", "6"),
            ("6.0", "6"),
            ("6.000", "6"),
            ("1e3", "1000"),
            ("1.5e1", "15"),
            ("15e-1", "it has a fraction"),
            ("6.5", "it has a fraction"),
            ("9007199254740993.0", "9007199254740993"),
            ("1844674407370955161.5e1", "18446744073709551615"),
            ("0e99999999999999999999", "0"),
            ("six", "no number"),
        ] {
            assert_eq!(whole(written), found, "{written}");
        }
        assert!(whole("1e20").contains("out of range") && whole("1e999999").contains("out of range"));
    }

    #[test]
    fn numbers_in_json_text_are_looked_at_and_text_is_not() {
        assert_eq!(check_json(r#"[1, {"a\"99999999999999999999": 2.5}, "99999999999999999999"]"#), Ok(()));
        assert!(check_json("[1, 99999999999999999999]").is_err());
        assert!(check_json("{\"a\": [-9223372036854775809]}").is_err());
    }

    #[test]
    fn whole_numbers_have_one_form() {
        let mut value =
            json!({"a": [6.0, 6.5, -0.0, 1e18, 1e19, 1e20, "6.0", null], "b": 18446744073709551615u64});
        normalise(&mut value);
        let wanted = json!({"a": [6, 6.5, 0, 1000000000000000000u64, 10000000000000000000u64, 1e20, "6.0", null], "b": 18446744073709551615u64});
        assert_eq!(value.to_string(), wanted.to_string());
        assert!(same(&json!([1, {"x": 2.0}]), &json!([1.0, {"x": 2}])));
        assert!(!same(&json!(1), &json!("1")) && !same(&json!(1), &json!(true)));
        assert!(!same(&json!(9007199254740993u64), &json!(9007199254740992.0)));
    }

    #[test]
    fn whole_numbers_and_floats_compare_exactly() {
        use Ordering::*;
        for (whole, float, order) in [
            (9_007_199_254_740_993, 9_007_199_254_740_992.0, Some(Greater)),
            (3, 3.5, Some(Less)),
            (-3, -3.5, Some(Greater)),
            (3, 3.0, Some(Equal)),
            (GREATEST, 18_446_744_073_709_552_000.0, Some(Less)),
            (LEAST, -9_223_372_036_854_775_808.0, Some(Equal)),
            (0, f64::INFINITY, Some(Less)),
            (0, f64::NEG_INFINITY, Some(Greater)),
            (0, f64::NAN, None),
        ] {
            assert_eq!(compare(whole, float), order, "{whole} {float}");
        }
    }
}
