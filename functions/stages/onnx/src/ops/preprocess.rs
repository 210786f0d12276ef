//! Operators of `ai.onnx.ml` that prepare features.

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::rc::Rc;

use super::shapes;
use crate::fault::{Fault, ensure};
use crate::node::{Attributes, Inputs, Kernel, UnknownValue, axis};
use crate::tensor::{Kind, Tensor, Values, count};

/// One number for all columns, or one for each.
fn per_column(numbers: &[f64], columns: usize) -> Result<impl Fn(usize) -> f64, Fault> {
    ensure!(
        numbers.len() == 1 || numbers.len() == columns,
        "{} numbers do not go with {columns} columns",
        numbers.len()
    );
    Ok(move |column| if numbers.len() == 1 { numbers[0] } else { numbers[column] })
}

fn scaler(attributes: &Attributes<'_>) -> Result<Kernel, Fault> {
    let (offset, scale) = (attributes.numbers("offset")?, attributes.numbers("scale")?);
    Ok(Box::new(move |inputs| {
        let x = inputs.get(0)?;
        let (_, columns) = x.rows_and_columns()?;
        let (offset, scale) = (per_column(&offset, columns)?, per_column(&scale, columns)?);
        let column = |place: usize| place % columns.max(1);
        // Step by step in the precision that comes in; integers are taken in single precision.
        let scaled: Vec<f32> = match x.values() {
            Values::Double(values) => {
                let scaled = |(place, value): (usize, &f64)| {
                    ((value - offset(column(place))) * scale(column(place))) as f32
                };
                values.iter().enumerate().map(scaled).collect()
            }
            values => {
                let singles: Vec<f32> = match values {
                    Values::Int(values) => values.iter().map(|&value| value as f32).collect(),
                    _ => x.numbers()?.into_iter().map(|value| value as f32).collect(),
                };
                let scaled = |(place, value): (usize, f32)| {
                    (value - offset(column(place)) as f32) * scale(column(place)) as f32
                };
                singles.into_iter().enumerate().map(scaled).collect()
            }
        };
        Ok(vec![Tensor::new(x.shape().to_vec(), Values::Single(scaled))?])
    }))
}

fn imputer(attributes: &Attributes<'_>) -> Result<Kernel, Fault> {
    let floats = attributes.numbers("imputed_value_floats")?;
    let ints = attributes.ints("imputed_value_int64s").to_vec();
    let replaced_float = f64::from(attributes.float("replaced_value_float", 0.0));
    let replaced_int = attributes.int("replaced_value_int64", 0);
    ensure!(floats.is_empty() != ints.is_empty(), "its values are missing, or there are two kinds of them");
    Ok(Box::new(move |inputs| {
        let x = inputs.get(0)?;
        let (_, columns) = x.rows_and_columns()?;
        let places = || (0..).map(|place: usize| place % columns.max(1));
        if let Values::Int(values) = x.values() {
            ensure!(ints.len() == 1 || ints.len() == columns, "its values do not go with {columns} columns");
            let of = |column: usize| if ints.len() == 1 { ints[0] } else { ints[column] };
            let filled = values
                .iter()
                .zip(places())
                .map(|(&v, column)| if v == replaced_int { of(column) } else { v });
            return Ok(vec![Tensor::new(x.shape().to_vec(), Values::Int(filled.collect()))?]);
        }
        let of = per_column(&floats, columns)?;
        let missing = |value: f64| value == replaced_float || (value.is_nan() && replaced_float.is_nan());
        let filled = x.numbers()?.into_iter().zip(places());
        let filled = filled.map(|(value, column)| if missing(value) { of(column) } else { value }).collect();
        Ok(vec![Tensor::of_numbers(x.shape().to_vec(), filled, x.kind())?])
    }))
}

fn normalizer(attributes: &Attributes<'_>) -> Result<Kernel, Fault> {
    let norm = attributes.text("norm", "MAX")?;
    let length: fn(&[f64]) -> f64 = match norm.as_str() {
        "MAX" => |row| row.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "L1" => |row| row.iter().map(|value| value.abs()).sum(),
        "L2" => |row| row.iter().map(|value| value * value).sum::<f64>().sqrt(),
        _ => return Err(Fault::new(format!("the norm `{norm}` is not known"))),
    };
    Ok(Box::new(move |inputs| {
        let x = inputs.get(0)?;
        let (_, columns) = x.rows_and_columns()?;
        let mut numbers = x.numbers()?;
        for row in numbers.chunks_exact_mut(columns.max(1)) {
            let length = length(row);
            if length != 0.0 {
                row.iter_mut().for_each(|value| *value /= length);
            }
        }
        Ok(vec![Tensor::of_numbers(x.shape().to_vec(), numbers, Kind::Single)?])
    }))
}

fn binarizer(attributes: &Attributes<'_>) -> Kernel {
    let threshold = f64::from(attributes.float("threshold", 0.0));
    Box::new(move |inputs| {
        let x = inputs.get(0)?;
        let numbers = x.numbers()?.into_iter().map(|value| f64::from(u8::from(value > threshold))).collect();
        Ok(vec![Tensor::of_numbers(x.shape().to_vec(), numbers, x.kind())?])
    })
}

/// Columns of a matrix, or values of a list.
fn array_feature_extractor(inputs: &Inputs<'_>) -> Result<Vec<Tensor>, Fault> {
    let (x, places) = (inputs.get(0)?, inputs.get(1)?);
    let last = x.shape().len().checked_sub(1).ok_or_else(|| Fault::new("a list of values is expected"))?;
    let lines = places.ints()?.iter().map(|&line| {
        ensure!(line >= 0, "there is no value {line}");
        axis(line, x.shape()[last])
    });
    let taken = shapes::picked(x, last, &lines.collect::<Result<Vec<_>, _>>()?)?;
    // A list gives one row.
    let shape = if last == 0 { vec![1, taken.values().len()] } else { taken.shape().to_vec() };
    Ok(vec![taken.reshaped(shape)?])
}

/// A value that stands for itself in a table of values: numbers by their bits, every missing one alike. Integers are not made
/// numbers: from 2^53 on neighbours would be one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Number(u64),
    Int(i64),
    Text(String),
}

impl Key {
    fn number(value: f64) -> Self {
        // Minus zero is zero.
        Self::Number(if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() })
    }

    /// Without quotes.
    fn plain(&self) -> String {
        match self {
            Self::Number(bits) => f64::from_bits(*bits).to_string(),
            Self::Int(int) => int.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(bits) => write!(f, "{}", f64::from_bits(*bits)),
            Self::Int(int) => write!(f, "{int}"),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

fn keys(tensor: &Tensor) -> Result<Vec<Key>, Fault> {
    Ok(match tensor.values() {
        Values::Text(values) => values.iter().cloned().map(Key::Text).collect(),
        Values::Int(values) => values.iter().copied().map(Key::Int).collect(),
        _ => tensor.numbers()?.into_iter().map(Key::number).collect(),
    })
}

/// Categories as people write them.
fn names(keys: Vec<Key>) -> Rc<[String]> {
    keys.iter().map(Key::plain).collect()
}

/// Tells of a category that is not known. A missing value is none.
fn tell(inputs: &Inputs<'_>, place: usize, places: usize, key: &Key, known: &Rc<[String]>) {
    if !inputs.rehearsal && *key != Key::number(f64::NAN) {
        inputs.unknown.add(UnknownValue { place, places, value: key.plain(), known: Rc::clone(known) });
    }
}

/// Values of an attribute that comes in several types.
fn typed(attributes: &Attributes<'_>, stem: &str) -> Result<Option<Values>, Fault> {
    let name = |kind: &str| format!("{stem}_{kind}");
    if attributes.has(&name("strings")) {
        return Ok(Some(Values::Text(attributes.texts(&name("strings"))?)));
    }
    if attributes.has(&name("int64s")) {
        return Ok(Some(Values::Int(attributes.ints(&name("int64s")).to_vec())));
    }
    if attributes.has(&name("floats")) {
        let numbers = attributes.numbers(&name("floats"))?;
        return Ok(Some(Values::Single(numbers.into_iter().map(|number| number as f32).collect())));
    }
    Ok(attributes.tensor(&name("tensor"))?.map(Tensor::into_values))
}

fn label_encoder(attributes: &Attributes<'_>) -> Result<Kernel, Fault> {
    let table = |stem| typed(attributes, stem)?.ok_or_else(|| Fault::new(format!("its {stem} are missing")));
    // In its first version the one table goes both ways.
    ensure!(
        !attributes.has("classes_strings"),
        "this old version is not supported; export with a newer opset"
    );
    let (from, mut to) = (table("keys")?, table("values")?);
    ensure!(from.len() == to.len(), "its keys and values differ in number");
    let otherwise = match to.kind() {
        Kind::Text => Values::Text(vec![attributes.text("default_string", "_Unused")?]),
        Kind::Int => Values::Int(vec![attributes.int("default_int64", -1)]),
        _ => match attributes.tensor("default_tensor")? {
            Some(tensor) if tensor.values().len() == 1 && tensor.kind() == to.kind() => tensor.into_values(),
            _ => {
                Tensor::of_numbers(vec![1], vec![attributes.float("default_float", -0.0).into()], to.kind())?
                    .into_values()
            }
        },
    };
    let unknown = to.len();
    to.extend(&otherwise, 0..1)?;
    let from_kind = from.kind();
    let from = Tensor::new(vec![from.len()], from)?;
    let mut places = HashMap::new();
    for (place, key) in keys(&from)?.into_iter().enumerate() {
        places.entry(key).or_insert(place);
    }
    let names = names(keys(&from)?);
    Ok(Box::new(move |inputs| {
        let x = inputs.get(0)?;
        ensure!((x.kind() == Kind::Text) == (from_kind == Kind::Text), "text and numbers do not go together");
        ensure!(
            (x.kind() == Kind::Int) == (from_kind == Kind::Int),
            "integers and other numbers do not go together"
        );
        let keys = keys(x)?;
        let count = keys.len();
        let chosen = keys.into_iter().enumerate().map(|(place, key)| match places.get(&key) {
            Some(place) => *place,
            None => {
                tell(inputs, place, count, &key, &names);
                unknown
            }
        });
        Ok(vec![Tensor::new(x.shape().to_vec(), to.pick(chosen))?])
    }))
}

fn one_hot_encoder(attributes: &Attributes<'_>) -> Result<Kernel, Fault> {
    let texts = attributes.texts("cats_strings")?;
    let ints = attributes.ints("cats_int64s").to_vec();
    let lenient = attributes.flag("zeros", true);
    let known: Vec<Key> = match texts.is_empty() {
        true => ints.iter().copied().map(Key::Int).collect(),
        false => texts.into_iter().map(Key::Text).collect(),
    };
    let width = known.len();
    let names = names(known.clone());
    let places: HashMap<Key, usize> =
        known.into_iter().enumerate().map(|(place, key)| (key, place)).collect();
    Ok(Box::new(move |inputs| {
        let x = inputs.get(0)?;
        let mut shape = x.shape().to_vec();
        shape.push(width);
        let mut out = vec![0.0; count(&shape)?];
        let given: Vec<Key> = match x.values() {
            // What is behind the point does not count, nor is a missing value any category.
            Values::Single(_) | Values::Double(_) => {
                let key =
                    |value: f64| if value.is_nan() { Key::number(value) } else { Key::Int(value as i64) };
                x.numbers()?.into_iter().map(key).collect()
            }
            _ => keys(x)?,
        };
        let all = given.len();
        for (number, key) in given.into_iter().enumerate() {
            match places.get(&key) {
                Some(place) => out[number * width + place] = 1.0,
                None if lenient || inputs.rehearsal => tell(inputs, number, all, &key, &names),
                None => return Err(Fault::new(format!("the model does not know the category {key}"))),
            }
        }
        Ok(vec![Tensor::new(shape, Values::Single(out))?])
    }))
}

/// Several columns, or groups of them, as one matrix.
fn feature_vectorizer(inputs: &Inputs<'_>) -> Result<Vec<Tensor>, Fault> {
    let single = |place: usize| {
        let part = inputs.get(place)?;
        let shape = match part.shape() {
            [rows] => vec![*rows, 1],
            shape => shape.to_vec(),
        };
        Tensor::of_numbers(shape, part.numbers()?, Kind::Single)
    };
    let parts: Vec<Tensor> = (0..inputs.len()).map(single).collect::<Result<_, _>>()?;
    Ok(vec![shapes::concatenated(&parts.iter().collect::<Vec<_>>(), 1)?])
}

/// The operator of that name, if it is one of these.
pub fn kernel(attributes: &Attributes<'_>, operator: &str) -> Option<Result<Kernel, Fault>> {
    Some(match operator {
        "Scaler" => scaler(attributes),
        "Imputer" => imputer(attributes),
        "Normalizer" => normalizer(attributes),
        "Binarizer" => Ok(binarizer(attributes)),
        "LabelEncoder" => label_encoder(attributes),
        "OneHotEncoder" => one_hot_encoder(attributes),
        "ArrayFeatureExtractor" => Ok(Box::new(array_feature_extractor)),
        "FeatureVectorizer" => Ok(Box::new(feature_vectorizer)),
        // Names for the columns of probabilities, which the table of predictions gives them anyway.
        "ZipMap" => Ok(Box::new(|inputs| Ok(vec![inputs.get(0)?.clone()]))),
        _ => return None,
    })
}
