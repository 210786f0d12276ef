//! Patterns: LIKE, SIMILAR TO and regular expressions. The `regex` crate's take time linear in the text.

use hashbrown::HashMap;
use regex::{Regex, RegexBuilder};

use super::{Function, strict};
use crate::{
    kind::Kind::{BigInt, Boolean, Text},
    value::Value,
};

/// A compiled pattern may take as many bytes.
const SIZE: usize = 1 << 20;
const KEPT: usize = 64;

/// What is kept from one row to the next.
#[derive(Default)]
pub(crate) struct Memory {
    patterns: HashMap<(String, String), Regex, foldhash::fast::FixedState>,
    pub(super) zones: HashMap<String, jiff::tz::TimeZone, foldhash::fast::FixedState>,
}

pub(super) static FUNCTIONS: &[Function] = &[
    strict("like", &[Text, Text], Boolean, |a, m| like(a, None, "", m)),
    strict("like", &[Text, Text, Text], Boolean, |a, m| like(a, Some(a[2].str()), "", m)),
    strict("ilike", &[Text, Text], Boolean, |a, m| like(a, None, "i", m)),
    strict("ilike", &[Text, Text, Text], Boolean, |a, m| like(a, Some(a[2].str()), "i", m)),
    strict("similar to", &[Text, Text], Boolean, full_match),
    strict("regexp_full_match", &[Text, Text], Boolean, full_match),
    strict("regexp_full_match", &[Text, Text, Text], Boolean, full_match),
    strict("regexp_matches", &[Text, Text], Boolean, matches),
    strict("regexp_matches", &[Text, Text, Text], Boolean, matches),
    strict("regexp_extract", &[Text, Text], Text, |a, m| extract(a, 0, "", m)),
    strict("regexp_extract", &[Text, Text, BigInt], Text, |a, m| extract(a, a[2].int(), "", m)),
    strict("regexp_extract", &[Text, Text, BigInt, Text], Text, |a, m| extract(a, a[2].int(), a[3].str(), m)),
    strict("regexp_replace", &[Text, Text, Text], Text, |a, m| replace(a, "", m)),
    strict("regexp_replace", &[Text, Text, Text, Text], Text, |a, m| replace(a, a[3].str(), m)),
];

impl Memory {
    fn regex(&mut self, pattern: &str, options: &str) -> Result<&Regex, String> {
        let key = (pattern.to_owned(), options.to_owned());
        if !self.patterns.contains_key(&key) {
            if self.patterns.len() >= KEPT {
                self.patterns.clear();
            }
            let regex = compile(pattern, options)?;
            self.patterns.insert(key.clone(), regex);
        }
        Ok(&self.patterns[&key])
    }
}

fn compile(pattern: &str, options: &str) -> Result<Regex, String> {
    let mut builder = RegexBuilder::new(pattern);
    builder.size_limit(SIZE).dfa_size_limit(SIZE);
    for option in options.chars() {
        match option {
            'i' => builder.case_insensitive(true),
            'c' => builder.case_insensitive(false),
            's' => builder.dot_matches_new_line(true),
            'm' | 'n' | 'p' => builder.multi_line(true),
            'g' => &mut builder,
            other => {
                return Err(format!(
                    "`{other}` is not an option of regular expressions; there are c, g, i, m, n, p, s"
                ));
            }
        };
    }
    builder.build().map_err(|error| match error {
        regex::Error::CompiledTooBig(limit) => {
            format!("the regular expression `{pattern}` needs more than {limit} bytes; make its repetitions smaller")
        }
        error => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            format!("`{pattern}` is not a regular expression: {last}")
        }
    })
}

fn full_match<'a>(args: &[Value<'a>], memory: &mut Memory) -> Result<Value<'a>, String> {
    let options = args.get(2).map_or("", Value::str);
    let regex = memory.regex(&format!("^(?:{})$", args[1].str()), options)?;
    Ok(Value::Boolean(regex.is_match(args[0].str())))
}

fn matches<'a>(args: &[Value<'a>], memory: &mut Memory) -> Result<Value<'a>, String> {
    let regex = memory.regex(args[1].str(), args.get(2).map_or("", Value::str))?;
    Ok(Value::Boolean(regex.is_match(args[0].str())))
}

fn extract<'a>(
    args: &[Value<'a>],
    group: i64,
    options: &str,
    memory: &mut Memory,
) -> Result<Value<'a>, String> {
    let regex = memory.regex(args[1].str(), options)?;
    let Some(group) = usize::try_from(group).ok().filter(|group| *group < regex.captures_len()) else {
        return Err(format!(
            "`{}` has no group {group}; its last one is {}",
            args[1].str(),
            regex.captures_len() - 1
        ));
    };
    let found = regex.captures(args[0].str()).and_then(|found| found.get(group));
    Ok(Value::text(found.map_or("", |found| found.as_str()).to_owned()))
}

fn replace<'a>(args: &[Value<'a>], options: &str, memory: &mut Memory) -> Result<Value<'a>, String> {
    let regex = memory.regex(args[1].str(), options)?;
    let (text, with) = (args[0].str(), args[2].str());
    let expand = |found: &regex::Captures<'_>| {
        let mut out = String::new();
        let mut characters = with.chars();
        while let Some(c) = characters.next() {
            match (c, characters.as_str().chars().next()) {
                ('\\', Some(digit)) if digit.is_ascii_digit() => {
                    characters.next();
                    out.push_str(found.get(digit as usize - '0' as usize).map_or("", |group| group.as_str()));
                }
                ('\\', Some('\\')) => {
                    characters.next();
                    out.push('\\');
                }
                _ => out.push(c),
            }
        }
        out
    };
    let all = options.contains('g');
    Ok(Value::text(regex.replacen(text, usize::from(!all), expand).into_owned()))
}

/// `%` is any text, `_` any character; what follows the escape stands for itself.
fn like<'a>(
    args: &[Value<'a>],
    escape: Option<&str>,
    options: &str,
    memory: &mut Memory,
) -> Result<Value<'a>, String> {
    let mut escapes = escape.unwrap_or_default().chars();
    let escape = escapes.next();
    if escapes.next().is_some() {
        return Err("ESCAPE takes one character".to_owned());
    }
    let (text, pattern) = (args[0].str(), args[1].str());
    // The commonest patterns, without the detour by an expression.
    if options.is_empty() && escape.is_none() {
        let inner = pattern.trim_start_matches('%').trim_end_matches('%');
        if !inner.contains(['%', '_']) {
            let (open, close) = (pattern.starts_with('%'), pattern.ends_with('%'));
            return Ok(Value::Boolean(match (open, close) {
                (true, true) => text.contains(inner),
                (true, false) => text.ends_with(inner),
                (false, true) => text.starts_with(inner),
                (false, false) => text == inner,
            }));
        }
    }
    let mut expression = String::from("^");
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        match c {
            _ if Some(c) == escape => match characters.next() {
                Some(next) => expression.push_str(&regex::escape(next.encode_utf8(&mut [0; 4]))),
                None => return Err("the LIKE pattern ends with its escape character".to_owned()),
            },
            '%' => expression.push_str(".*"),
            '_' => expression.push('.'),
            _ => expression.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    expression.push('$');
    let regex = memory.regex(&expression, if options.is_empty() { "s" } else { "si" })?;
    Ok(Value::Boolean(regex.is_match(text)))
}
