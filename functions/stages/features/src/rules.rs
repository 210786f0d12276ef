//! Which steps a column takes: by name, by pattern, or by type.

use std::collections::BTreeMap;

use millstream_sdk::{
    Context, Failure,
    arrow_schema::{DataType, Schema},
    column,
    failure::listing,
    invalid_parameter,
};
use regex::Regex;

use crate::{params::Params, steps::Step};

/// Words behind `type:`.
const TYPES: [&str; 4] = ["number", "text", "date", "boolean"];

/// What a key of `columns` means.
enum Key {
    Name,
    /// How many letters it fixes: the more, the more specific.
    Pattern(Regex, usize),
    Type(&'static str),
}

/// A key of `columns` with its steps.
struct Rule<'a> {
    written: &'a str,
    key: Key,
    /// None leaves columns out.
    steps: Option<Vec<Step>>,
}

/// What becomes of a column that a rule fits.
#[derive(Clone, Debug)]
pub struct ChosenSteps {
    /// The rule as it is written.
    pub rule: String,
    /// None leaves the column out.
    pub steps: Option<Vec<Step>>,
}

/// A pattern of names: `lag_*`, or a regular expression between slashes; and how many letters it fixes.
///
/// # Errors
/// For a regular expression that is none.
pub fn pattern(text: &str, parameter: &str) -> Result<Option<(Regex, usize)>, Failure> {
    if let Some(inner) =
        text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).filter(|inner| !inner.is_empty())
    {
        let fixed = inner.chars().filter(|letter| letter.is_alphanumeric() || *letter == '_').count();
        let regex = Regex::new(inner).map_err(|error| {
            let error = error.to_string();
            let last = error.lines().last().unwrap_or_default().to_owned();
            invalid_parameter(parameter, format!("`{text}` is no regular expression: {last}"))
        })?;
        return Ok(Some((regex, fixed)));
    }
    if !text.contains('*') {
        return Ok(None);
    }
    let parts: Vec<String> = text.split('*').map(regex::escape).collect();
    let regex = Regex::new(&format!("(?s)^{}$", parts.join(".*")))
        .map_err(|_| invalid_parameter(parameter, format!("`{text}` is no pattern")))?;
    Ok(Some((regex, text.chars().filter(|letter| *letter != '*').count())))
}

/// The steps of each column that a rule fits, and says which columns go by a pattern or a type.
///
/// # Errors
/// For a name or pattern that fits no column, for two patterns that are as specific, and for steps that there are not.
pub fn choose(
    params: &Params,
    schema: &Schema,
    context: &Context,
) -> Result<BTreeMap<String, ChosenSteps>, Failure> {
    let target = params.target.as_deref();
    let mut rules = Vec::with_capacity(params.columns.len());
    for (written, steps) in &params.columns {
        let there = schema.column_with_name(written).is_some();
        let key = match written.strip_prefix("type:").map(str::trim).filter(|_| !there) {
            Some(word) => Key::Type(of_types(word, written)?),
            None => match pattern(written, "columns")?.filter(|_| !there) {
                Some((regex, fixed)) => Key::Pattern(regex, fixed),
                None => {
                    column::named(schema, "columns", written)?;
                    if target == Some(written) {
                        return Err(invalid_parameter(
                            format!("columns.{written}"),
                            "is the target, which passes through unchanged",
                        ));
                    }
                    Key::Name
                }
            },
        };
        rules.push(Rule { written, key, steps: steps.read(written)? });
    }
    let mut chosen = BTreeMap::new();
    let mut taken: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut fits: Vec<bool> = rules.iter().map(|rule| matches!(rule.key, Key::Name | Key::Type(_))).collect();
    for field in schema.fields() {
        let name = field.name().as_str();
        if target == Some(name) {
            continue;
        }
        let mut best: Option<(usize, &Rule<'_>)> = None;
        for (rule, fits) in rules.iter().zip(&mut fits) {
            let Some(rank) = rule.rank(name, field.data_type()) else { continue };
            *fits = true;
            match best {
                Some((before, other)) if before == rank && rank < usize::MAX => {
                    return Err(invalid_parameter(
                        "columns",
                        format!(
                            "`{}` and `{}` both fit the column `{name}`, and neither is more specific; give the column steps by its name",
                            other.written, rule.written
                        ),
                    ));
                }
                Some((before, _)) if before > rank => {}
                _ => best = Some((rank, rule)),
            }
        }
        if let Some((_, rule)) = best {
            if !matches!(rule.key, Key::Name) {
                taken.entry(rule.written).or_default().push(name);
            }
            chosen.insert(
                name.to_owned(),
                ChosenSteps { rule: rule.written.to_owned(), steps: rule.steps.clone() },
            );
        }
    }
    for (rule, names) in taken {
        context.info(format!("`{rule}` takes {}", listing(&names)));
    }
    match rules.iter().zip(fits).find(|(_, fits)| !fits) {
        None => Ok(chosen),
        Some((rule, _)) => {
            Err(invalid_parameter("columns", format!("no column fits the pattern `{}`", rule.written)))
        }
    }
}

fn of_types(word: &str, written: &str) -> Result<&'static str, Failure> {
    TYPES.into_iter().find(|known| *known == word).ok_or_else(|| {
        let names = TYPES.map(|word| format!("`type:{word}`")).join(", ");
        invalid_parameter("columns", format!("there is no type of columns `{written}`")).allowed(names)
    })
}

impl Rule<'_> {
    /// How specific the rule is for a column; none if it does not fit.
    fn rank(&self, name: &str, kind: &DataType) -> Option<usize> {
        match &self.key {
            Key::Name => (self.written == name).then_some(usize::MAX),
            Key::Pattern(regex, fixed) => regex.is_match(name).then_some(1 + fixed),
            Key::Type(word) => {
                let own = match kind {
                    DataType::Int64 | DataType::Float64 => "number",
                    DataType::Utf8 => "text",
                    DataType::Boolean => "boolean",
                    DataType::Date32 | DataType::Timestamp(..) => "date",
                    _ => return None,
                };
                (own == *word).then_some(0)
            }
        }
    }
}
