//! A category's place in an order, as scikit-learn's `OrdinalEncoder`.

use millstream_sdk::{
    Classes, Failure, arrow_array::ArrayRef, column::Code, failure::listing, internal, invalid_input,
    invalid_parameter, nearest,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::NotSeen;
use crate::{learnt::Learnt, transform::Transform, values};

pub const STEP: &str = "ordinal";

/// Options of `ordinal`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The categories, the least first; sorted if not given.
    pub categories: Option<Vec<Value>>,
}

/// The state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ordinal {
    /// Sorted.
    classes: Classes,
    /// The place of each of them, if another order was given.
    places: Option<Vec<u32>>,
}

pub fn fit(options: &Options, parameter: &str, name: &str, array: &ArrayRef) -> Result<Learnt, Failure> {
    let found = super::classes_of(STEP, array)?;
    let state = match &options.categories {
        None => Ordinal { classes: found, places: None },
        Some(order) => given(order, &found, parameter)?,
    };
    Ok(Learnt::new(vec![name.to_owned()], Transform::Ordinal(state)))
}

/// Holds the order that was given against the values that there are.
fn given(order: &[Value], found: &Classes, parameter: &str) -> Result<Ordinal, Failure> {
    let texts: Vec<String> = order
        .iter()
        .map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
        .collect();
    let not_of_type = |text: &str| {
        let kind = millstream_sdk::column::type_name(&found.data_type());
        invalid_parameter(parameter, format!("the column holds {kind}, but the order names `{text}`"))
    };
    let mut sorted: Vec<(usize, &String)> = texts.iter().enumerate().collect();
    let classes = match found {
        Classes::Text(_) => {
            sorted.sort_by(|a, b| a.1.cmp(b.1));
            Classes::Text(sorted.iter().map(|(_, text)| (*text).clone()).collect())
        }
        Classes::Int(_) => Classes::Int(parsed(&mut sorted, i64::cmp, not_of_type)?),
        Classes::Float(_) => Classes::Float(parsed(&mut sorted, f64::total_cmp, not_of_type)?),
        Classes::Bool(_) => Classes::Bool(parsed(&mut sorted, bool::cmp, not_of_type)?),
    };
    let names = classes.names();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(invalid_parameter(parameter, format!("`{}` stands twice in the order", pair[0])));
    }
    if let Some(other) = found.names().iter().find(|name| !names.contains(name)) {
        let near = nearest(other, texts.iter().map(String::as_str)).filter(|near| near.chars().count() > 2);
        let hint = near.map_or(String::new(), |near| format!(" (is it `{near}`?)"));
        return Err(invalid_input(format!(
            "the column holds `{other}`{hint}, which is not in the order that was given: {}; add it, or recode the column",
            listing(&texts)
        )));
    }
    let mut places = vec![0; names.len()];
    sorted.iter().enumerate().for_each(|(class, (place, _))| places[class] = *place as u32);
    Ok(Ordinal { classes, places: Some(places) })
}

/// Texts as values of a type, sorted by them.
fn parsed<T: std::str::FromStr + Copy>(
    texts: &mut Vec<(usize, &String)>,
    order: impl Fn(&T, &T) -> std::cmp::Ordering,
    refuse: impl Fn(&str) -> Failure,
) -> Result<Vec<T>, Failure> {
    let mut values = Vec::with_capacity(texts.len());
    for (place, text) in texts.iter() {
        let value: T = text.parse().map_err(|_| refuse(text))?;
        values.push((value, (*place, *text)));
    }
    values.sort_by(|a, b| order(&a.0, &b.0));
    *texts = values.iter().map(|(_, text)| *text).collect();
    Ok(values.into_iter().map(|(value, _)| value).collect())
}

impl Ordinal {
    pub fn apply(&self, array: &ArrayRef, not_seen: &mut NotSeen<'_>) -> Result<Vec<ArrayRef>, Failure> {
        let mut ranks = Vec::with_capacity(millstream_sdk::arrow_array::Array::len(array));
        for (row, code) in self.classes.look_up(array)?.into_iter().enumerate() {
            ranks.push(match code {
                Code::Class(code) => {
                    f64::from(self.places.as_ref().map_or(code, |places| places[code as usize]))
                }
                Code::Missing => f64::NAN,
                Code::Unknown => {
                    not_seen.category(array, row, &self.classes)?;
                    f64::NAN
                }
            });
        }
        Ok(vec![values::column(ranks)])
    }

    pub fn classes(&self) -> &Classes {
        &self.classes
    }

    /// Whether the parts fit together.
    pub fn check(&self, gives: usize) -> Result<(), Failure> {
        match gives == 1 && self.places.as_ref().is_none_or(|places| places.len() == self.classes.len()) {
            true => Ok(()),
            false => Err(internal("the order of categories is damaged")),
        }
    }
}
