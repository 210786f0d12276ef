//! Text. Positions and lengths count characters, from one.

use super::{Body, Function, strict};
use crate::{
    kind::Kind::{BigInt, Boolean, Text},
    value::Value,
};

/// No function makes a longer text than this.
const MAX: usize = 1 << 24;

pub(super) static FUNCTIONS: &[Function] = &[
    strict("||", &[Text, Text], Text, |a, _| join(&[a[0].str(), a[1].str()], "")),
    Function {
        name: "concat",
        args: &[Text],
        rest: Some(Text),
        result: Text,
        body: Body::Row(|a, _| join(&there(a), "")),
    },
    Function {
        name: "concat_ws",
        args: &[Text, Text],
        rest: Some(Text),
        result: Text,
        body: Body::Row(
            |a, _| if a[0].is_null() { Ok(Value::Null) } else { join(&there(&a[1..]), a[0].str()) },
        ),
    },
    strict("upper", &[Text], Text, |a, _| Ok(Value::text(map_characters(a[0].str(), upper)))),
    strict("ucase", &[Text], Text, |a, _| Ok(Value::text(map_characters(a[0].str(), upper)))),
    strict("lower", &[Text], Text, |a, _| Ok(Value::text(map_characters(a[0].str(), lower)))),
    strict("lcase", &[Text], Text, |a, _| Ok(Value::text(map_characters(a[0].str(), lower)))),
    strict("length", &[Text], BigInt, |a, _| Ok(count(a[0].str().chars().count()))),
    strict("len", &[Text], BigInt, |a, _| Ok(count(a[0].str().chars().count()))),
    strict("char_length", &[Text], BigInt, |a, _| Ok(count(a[0].str().chars().count()))),
    strict("strlen", &[Text], BigInt, |a, _| Ok(count(a[0].str().len()))),
    strict("reverse", &[Text], Text, |a, _| Ok(Value::text(a[0].str().chars().rev().collect::<String>()))),
    strict("trim", &[Text], Text, |a, _| trim(a, true, true)),
    strict("trim", &[Text, Text], Text, |a, _| trim(a, true, true)),
    strict("ltrim", &[Text], Text, |a, _| trim(a, true, false)),
    strict("ltrim", &[Text, Text], Text, |a, _| trim(a, true, false)),
    strict("rtrim", &[Text], Text, |a, _| trim(a, false, true)),
    strict("rtrim", &[Text, Text], Text, |a, _| trim(a, false, true)),
    strict("substring", &[Text, BigInt], Text, |a, _| Ok(substring(a[0].str(), a[1].int(), None))),
    strict("substring", &[Text, BigInt, BigInt], Text, |a, _| {
        Ok(substring(a[0].str(), a[1].int(), Some(a[2].int())))
    }),
    strict("substr", &[Text, BigInt], Text, |a, _| Ok(substring(a[0].str(), a[1].int(), None))),
    strict("substr", &[Text, BigInt, BigInt], Text, |a, _| {
        Ok(substring(a[0].str(), a[1].int(), Some(a[2].int())))
    }),
    strict("left", &[Text, BigInt], Text, |a, _| {
        let (text, n) = (a[0].str(), a[1].int());
        let n = if n < 0 { text.chars().count() as i64 + n } else { n };
        Ok(Value::text(text.chars().take(clamped(n)).collect::<String>()))
    }),
    strict("right", &[Text, BigInt], Text, |a, _| {
        let (text, n) = (a[0].str(), a[1].int());
        let all = text.chars().count() as i64;
        let skipped = if n < 0 { n.saturating_neg() } else { (all - n).max(0) };
        Ok(Value::text(text.chars().skip(clamped(skipped)).collect::<String>()))
    }),
    strict("replace", &[Text, Text, Text], Text, |a, _| {
        let (text, from, to) = (a[0].str(), a[1].str(), a[2].str());
        if from.is_empty() {
            return Ok(a[0].clone());
        }
        let found = text.matches(from).count();
        bounded(text.len() + found * to.len())?;
        Ok(Value::text(text.replace(from, to)))
    }),
    strict("translate", &[Text, Text, Text], Text, |a, _| {
        let (from, to): (Vec<char>, Vec<char>) = (a[1].str().chars().collect(), a[2].str().chars().collect());
        let mapped = a[0].str().chars().filter_map(|c| match from.iter().position(|f| *f == c) {
            Some(i) => to.get(i).copied(),
            None => Some(c),
        });
        Ok(Value::text(mapped.collect::<String>()))
    }),
    strict("split_part", &[Text, Text, BigInt], Text, |a, _| {
        Ok(split_part(a[0].str(), a[1].str(), a[2].int()))
    }),
    strict("lpad", &[Text, BigInt, Text], Text, |a, _| pad(a, "lpad", true)),
    strict("rpad", &[Text, BigInt, Text], Text, |a, _| pad(a, "rpad", false)),
    strict("repeat", &[Text, BigInt], Text, |a, _| {
        let n = usize::try_from(a[1].int()).unwrap_or(0);
        bounded(a[0].str().len().saturating_mul(n))?;
        Ok(Value::text(a[0].str().repeat(n)))
    }),
    strict("contains", &[Text, Text], Boolean, |a, _| Ok(Value::Boolean(a[0].str().contains(a[1].str())))),
    strict("starts_with", &[Text, Text], Boolean, |a, _| {
        Ok(Value::Boolean(a[0].str().starts_with(a[1].str())))
    }),
    strict("prefix", &[Text, Text], Boolean, |a, _| Ok(Value::Boolean(a[0].str().starts_with(a[1].str())))),
    strict("ends_with", &[Text, Text], Boolean, |a, _| Ok(Value::Boolean(a[0].str().ends_with(a[1].str())))),
    strict("suffix", &[Text, Text], Boolean, |a, _| Ok(Value::Boolean(a[0].str().ends_with(a[1].str())))),
    strict("instr", &[Text, Text], BigInt, |a, _| Ok(position(a[0].str(), a[1].str()))),
    strict("strpos", &[Text, Text], BigInt, |a, _| Ok(position(a[0].str(), a[1].str()))),
    strict("position", &[Text, Text], BigInt, |a, _| Ok(position(a[0].str(), a[1].str()))),
    strict("ascii", &[Text], BigInt, |a, _| {
        Ok(Value::BigInt(a[0].str().chars().next().map_or(0, |c| c as i64)))
    }),
    strict("chr", &[BigInt], Text, |a, _| match u32::try_from(a[0].int()).ok().and_then(char::from_u32) {
        Some(c) => Ok(Value::text(c.to_string())),
        None => Err(format!("chr({}): there is no character of this number", a[0].int())),
    }),
];

/// A number of characters. A machine of 32 bits gives what one of 64 does: no text is so long.
fn clamped(n: i64) -> usize {
    usize::try_from(n.max(0)).unwrap_or(usize::MAX)
}

fn count(n: usize) -> Value<'static> {
    Value::BigInt(n as i64)
}

fn bounded(length: usize) -> Result<(), String> {
    if length > MAX {
        return Err(format!(
            "a text of {length} bytes would be longer than the {MAX} that a function may make"
        ));
    }
    Ok(())
}

fn there<'v>(values: &'v [Value<'_>]) -> Vec<&'v str> {
    values.iter().filter(|value| !value.is_null()).map(Value::str).collect()
}

fn join<'a>(parts: &[&str], separator: &str) -> Result<Value<'a>, String> {
    bounded(parts.iter().map(|part| part.len() + separator.len()).sum())?;
    Ok(Value::text(parts.join(separator)))
}

/// Each character for itself, so that lengths stay: what becomes several characters stays as it is.
fn map_characters(text: &str, map: fn(char) -> char) -> String {
    text.chars().map(map).collect()
}

fn upper(c: char) -> char {
    if c == 'ß' {
        return 'ẞ';
    }
    let mut all = c.to_uppercase();
    match (all.next(), all.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

fn lower(c: char) -> char {
    let mut all = c.to_lowercase();
    match (all.next(), all.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

fn trim<'a>(args: &[Value<'a>], left: bool, right: bool) -> Result<Value<'a>, String> {
    let mut text = args[0].str();
    let set = args.get(1).map_or(" ", Value::str);
    if left {
        text = text.trim_start_matches(|c| set.contains(c));
    }
    if right {
        text = text.trim_end_matches(|c| set.contains(c));
    }
    Ok(Value::text(text.to_owned()))
}

/// From a position, counted from one or, if negative, from the end, as many characters; a negative number goes back.
fn substring(text: &str, from: i64, length: Option<i64>) -> Value<'static> {
    let all = text.chars().count() as i64;
    let start = match from {
        0 => -1,
        1.. => from - 1,
        _ => all.saturating_add(from),
    };
    let (start, end) = match length {
        None => (start, all),
        Some(length) if length >= 0 => (start, start.saturating_add(length)),
        Some(length) => (start.saturating_add(length), start),
    };
    let (start, end) = (start.clamp(0, all), end.clamp(0, all));
    Value::text(text.chars().skip(start as usize).take((end - start).max(0) as usize).collect::<String>())
}

fn split_part(text: &str, separator: &str, part: i64) -> Value<'static> {
    let single: Vec<String>;
    let parts: Vec<&str> = if separator.is_empty() {
        single = text.chars().map(|c| c.to_string()).collect();
        single.iter().map(String::as_str).collect()
    } else {
        text.split(separator).collect()
    };
    let index = match part {
        0 => None,
        1.. => usize::try_from(part - 1).ok(),
        _ => usize::try_from(part.unsigned_abs()).ok().and_then(|back| parts.len().checked_sub(back)),
    };
    Value::text(index.and_then(|i| parts.get(i)).copied().unwrap_or("").to_owned())
}

fn pad<'a>(args: &[Value<'a>], name: &str, left: bool) -> Result<Value<'a>, String> {
    let (text, length, with) = (args[0].str(), clamped(args[1].int()), args[2].str());
    bounded(length.saturating_mul(with.chars().map(char::len_utf8).max().unwrap_or(1)))?;
    let there = text.chars().count();
    let missing = length.saturating_sub(there);
    if missing > 0 && with.is_empty() {
        return Err(format!("{name}: the text to pad with is empty"));
    }
    let padding = with.chars().cycle().take(missing);
    let kept = text.chars().take(length);
    Ok(Value::text(if left {
        padding.chain(kept).collect::<String>()
    } else {
        kept.chain(padding).collect()
    }))
}

fn position(text: &str, what: &str) -> Value<'static> {
    count(text.find(what).map_or(0, |at| text[..at].chars().count() + 1))
}
