//! What is learnt from a column.

use millstream_sdk::{
    Classes, Context, Failure,
    arrow_array::{Array, ArrayRef, RecordBatch},
    arrow_schema::DataType,
    column::{self, Code},
    invalid_input, invalid_parameter,
    table::cast,
};

use crate::{
    params::{ColumnPlan, Impute, Transform},
    stage::{Encoder, Fill, Stage},
};

/// Learns a column. Failures name it.
pub fn fit(
    context: &Context,
    batch: &RecordBatch,
    name: &str,
    plan: &ColumnPlan,
    max_categories: usize,
) -> Result<Stage, Failure> {
    let array = column::get(batch, name)?;
    let place = |failure: Failure| failure.column(name);
    let numeric = column::is_numeric(array.data_type());
    let scaled = matches!(plan.transform, Transform::Standard | Transform::MinMax);
    if scaled && !numeric {
        let kind = column::type_name(array.data_type());
        return Err(place(invalid_input(format!(
            "`standard` and `min-max` take numbers, but the column holds {kind}; use `one-hot` or `ordinal`"
        ))));
    }
    // Averages of integers and booleans are no integers: such a column is one of numbers from here on.
    let averaged = matches!(plan.impute, Some(Impute::Mean | Impute::Median));
    let mut array =
        if numeric && (scaled || averaged) { cast(array, &DataType::Float64)? } else { array.clone() };
    let fill = plan.impute.as_ref().map(|impute| fill(&array, impute, name)).transpose().map_err(place)?;
    let taken = array.data_type().clone();
    if let Some(fill) = &fill {
        array = fill.apply(&array)?;
    }
    let encoder = encoder(context, &array, name, plan.transform, max_categories).map_err(place)?;
    Stage::new(name, &taken, fill, encoder)
}

fn fill(array: &ArrayRef, impute: &Impute, name: &str) -> Result<Fill, Failure> {
    let kind = array.data_type();
    let nothing =
        || invalid_input("the column has no value to impute from; `drop` it or use `impute:constant:VALUE`");
    match impute {
        Impute::Mean | Impute::Median => {
            if *kind != DataType::Float64 {
                let kind = column::type_name(kind);
                return Err(invalid_input(format!(
                    "means and medians need numbers, but the column holds {kind}; use `impute:most-frequent`"
                )));
            }
            let mut values = present(array)?;
            if values.is_empty() {
                return Err(nothing());
            }
            let typical = if *impute == Impute::Mean { mean(&values) } else { median(&mut values) };
            if !typical.is_finite() {
                finite(array)?;
                measurable(typical)?;
            }
            Ok(Fill::Float(typical))
        }
        Impute::MostFrequent => {
            let classes = Classes::of(array)?;
            let mut counts = vec![0u64; classes.len()];
            for code in classes.look_up(array)? {
                if let Code::Class(code) = code {
                    counts[code as usize] += 1;
                }
            }
            let most = counts.iter().max().ok_or_else(nothing)?;
            let place = counts.iter().position(|count| count == most).ok_or_else(nothing)?;
            Ok(Fill::of_class(&classes, place))
        }
        Impute::Constant(text) => Fill::parse(text, kind).ok_or_else(|| {
            let kind = column::type_name(kind);
            invalid_parameter(
                format!("columns.{name}"),
                format!("the column holds {kind}, but the constant is `{text}`"),
            )
        }),
    }
}

fn encoder(
    context: &Context,
    array: &ArrayRef,
    name: &str,
    transform: Transform,
    max_categories: usize,
) -> Result<Encoder, Failure> {
    Ok(match transform {
        Transform::Passthrough => Encoder::Passthrough,
        Transform::Standard => {
            let values = finite(array)?;
            let mean = mean(&values);
            let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
            let deviation = (squares / values.len() as f64).sqrt();
            measurable(deviation)?;
            Encoder::Scale { shift: mean, divisor: divisor(context, name, deviation, mean.abs() * 1e-12) }
        }
        Transform::MinMax => {
            let values = finite(array)?;
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            measurable(most - least)?;
            Encoder::Scale { shift: least, divisor: divisor(context, name, most - least, 0.0) }
        }
        Transform::OneHot => one_hot(context, array, name, max_categories)?,
        Transform::Ordinal => {
            let classes = Classes::of(array)?;
            if classes.is_empty() {
                return Err(invalid_input("the column has no value to learn categories from; `drop` it"));
            }
            Encoder::Ordinal { classes }
        }
        Transform::DateParts => match array.data_type() {
            DataType::Date32 => Encoder::DateParts { time: false },
            DataType::Timestamp(..) => Encoder::DateParts { time: true },
            other => {
                let kind = column::type_name(other);
                return Err(invalid_input(format!(
                    "`date-parts` takes dates and timestamps, but the column holds {kind}; set its type in `extract`"
                )));
            }
        },
    })
}

/// Refuses values whose spread is not finite: scaled by it, all of them would be the same.
fn measurable(spread: f64) -> Result<(), Failure> {
    match spread.is_finite() {
        true => Ok(()),
        false => Err(invalid_input(
            "the values are too large to be scaled: check for a placeholder value such as 1e308, or divide the column",
        )),
    }
}

/// A constant column is left as it is but for its mean, as scikit-learn does.
fn divisor(context: &Context, name: &str, spread: f64, least: f64) -> f64 {
    if spread > least {
        return spread;
    }
    context.warn(format!("column `{name}` is constant: it tells the algorithm nothing"));
    1.0
}

fn one_hot(context: &Context, array: &ArrayRef, name: &str, most: usize) -> Result<Encoder, Failure> {
    let classes = Classes::of(array)?;
    if classes.is_empty() {
        return Err(invalid_input("the column has no value to learn categories from; `drop` it"));
    }
    let codes = classes.look_up(array)?;
    let missing = codes.contains(&Code::Missing);
    let names = classes.names();
    if classes.len() <= most {
        return Ok(Encoder::OneHot { slots: (0..names.len() as u32).collect(), names, classes, missing });
    }
    context.warn(format!(
        "column `{name}` has {} categories: the rarest share `{name}_infrequent` (see `max_categories`); if it \
         identifies rows, `drop` it",
        classes.len()
    ));
    let mut counts = vec![0u64; classes.len()];
    for code in codes {
        if let Code::Class(code) = code {
            counts[code as usize] += 1;
        }
    }
    let mut order: Vec<usize> = (0..classes.len()).collect();
    order.sort_by_key(|class| (u64::MAX - counts[*class], *class));
    let mut frequent = order[..most - 1].to_vec();
    frequent.sort_unstable();
    let mut slots = vec![frequent.len() as u32; classes.len()];
    frequent.iter().enumerate().for_each(|(slot, class)| slots[*class] = slot as u32);
    let names = frequent.iter().map(|class| names[*class].clone()).chain(["infrequent".to_owned()]).collect();
    Ok(Encoder::OneHot { classes, slots, names, missing })
}

/// The values that are there.
fn present(array: &ArrayRef) -> Result<Vec<f64>, Failure> {
    let rows = millstream_sdk::table::batch_of([("", array.clone())])?;
    Ok(column::numbers(&rows, "")?.into_iter().filter(|value| !value.is_nan()).collect())
}

/// The values that are there, none of them infinite, at least one.
fn finite(array: &ArrayRef) -> Result<Vec<f64>, Failure> {
    let rows = millstream_sdk::table::batch_of([("", array.clone())])?;
    let values = column::numbers(&rows, "")?;
    if let Some(row) = values.iter().position(|value| value.is_infinite()) {
        return Err(invalid_input("the value is infinite; replace it or drop the row").row(row as u64 + 1));
    }
    let values: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
    if values.is_empty() {
        return Err(invalid_input("the column has no value to learn from; `drop` it"));
    }
    Ok(values)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Of an even number of values, the mean of the middle two.
fn median(values: &mut [f64]) -> f64 {
    let even = values.len().is_multiple_of(2);
    let half = values.len() / 2;
    let (below, upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    match below.iter().copied().reduce(f64::max) {
        Some(lower) if even => lower + (*upper - lower) / 2.0,
        _ => *upper,
    }
}
