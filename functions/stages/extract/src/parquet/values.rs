//! Values of Parquet files into those of the table, and what is lost on the way.

use std::collections::BTreeMap;

use millstream_sdk::{
    Failure,
    arrow_array::{
        Array, ArrayRef,
        cast::AsArray,
        types::{
            Date32Type, Decimal128Type, DecimalType, Int64Type, TimestampMicrosecondType,
            TimestampNanosecondType, TimestampSecondType,
        },
    },
    arrow_schema::{DataType, Field, TimeUnit},
    invalid_input,
    table::{Growing, cast, cast_column, format_date, format_timestamp, print, stand_for_missing},
};

use super::columns::Column;
use crate::kind::EXACT;

/// What is said once of a column.
#[derive(Default)]
pub struct Losses(BTreeMap<String, String>);

impl Losses {
    /// A line for each column that lost something.
    pub fn lines(&self) -> impl Iterator<Item = &String> {
        self.0.values()
    }

    fn note(&mut self, column: &str, line: impl FnOnce() -> String) {
        if !self.0.contains_key(column) {
            self.0.insert(column.to_owned(), line());
        }
    }

    fn has(&self, column: &str) -> bool {
        self.0.contains_key(column)
    }
}

/// A column of a batch as the table has it.
pub fn convert(
    array: &ArrayRef,
    theirs: &Field,
    column: &Column,
    losses: &mut Losses,
) -> Result<ArrayRef, Failure> {
    let name = theirs.name();
    let place = |failure: Failure| failure.column(name);
    let to = column.field.data_type();
    if !losses.has(name) {
        note_losses(array, to, name, losses);
    }
    if column.widened && *to == DataType::Float64 {
        whole_numbers_fit(array).map_err(place)?;
    }
    let made = if column.printed {
        print(array).map_err(place)?
    } else {
        cast_column(array, theirs, &Field::new(name, to.clone(), true))?
    };
    let made = match &column.missing {
        Some(texts) => without(&made, &stand_for_missing(&made, texts)?)?,
        None => made,
    };
    within_calendar(&made).map_err(place)?;
    Ok(made)
}

/// The column with missing values in these places.
fn without(array: &ArrayRef, places: &[usize]) -> Result<ArrayRef, Failure> {
    if places.is_empty() {
        return Ok(array.clone());
    }
    let mut column = Growing::new(array.data_type(), array.len())?;
    let mut places = places.iter().copied().peekable();
    for row in 0..array.len() {
        match places.next_if_eq(&row) {
            Some(_) => column.push_null(),
            None => column.push_row(array, row)?,
        }
    }
    Ok(column.finish())
}

fn note_losses(array: &ArrayRef, to: &DataType, name: &str, losses: &mut Losses) {
    match (array.data_type(), to) {
        (DataType::Timestamp(TimeUnit::Nanosecond, _), _) => {
            let finer = |nanos: i64| nanos % 1_000 != 0;
            if array.as_primitive::<TimestampNanosecondType>().iter().flatten().any(finer) {
                losses.note(name, || {
                    format!(
                        "column `{name}` has times finer than a microsecond: they are cut to microseconds"
                    )
                });
            }
        }
        (DataType::Decimal128(precision, scale), DataType::Float64) if *precision > 15 && *scale > 0 => {
            // What is shorter is the shortest text of the number that is nearest.
            let long = |value: &i128| value.unsigned_abs() >= 1_000_000_000_000_000;
            for value in array.as_primitive::<Decimal128Type>().iter().flatten().filter(long) {
                let text = Decimal128Type::format_decimal(value, *precision, *scale);
                let number: f64 = text.parse().unwrap_or(f64::NAN);
                if number.to_string() != text.trim_end_matches('0').trim_end_matches('.') {
                    losses.note(name, || {
                        format!(
                            "column `{name}` holds decimals of more digits than a floating-point number keeps, such as `{text}`, \
                             which is {number} now; set `types: {{ {name}: string }}` to keep all digits"
                        )
                    });
                    return;
                }
            }
        }
        _ => {}
    }
}

/// Integers become floating-point numbers only if none loses a digit.
fn whole_numbers_fit(array: &ArrayRef) -> Result<(), Failure> {
    if !array.data_type().is_integer() {
        return Ok(());
    }
    let whole = cast(array, &DataType::Int64)?;
    let lossy = |value: i64| value.unsigned_abs() > EXACT && value as f64 as i128 != i128::from(value);
    let values = whole.as_primitive::<Int64Type>();
    match values.iter().position(|value| value.is_some_and(lossy)) {
        None => Ok(()),
        Some(row) => Err(invalid_input(format!(
            "{} would lose digits as a floating-point number, which the column holds in another file; say by `types` what it is \
             to hold",
            values.value(row)
        ))
        .row(row as u64 + 1)),
    }
}

/// Days and times that no calendar has would print as nothing.
fn within_calendar(array: &ArrayRef) -> Result<(), Failure> {
    let refuse = |row: usize, what: &str| {
        let message =
            format!("the {what} is out of the range of the calendar, which ends with the year 262142");
        Err(invalid_input(message).row(row as u64 + 1))
    };
    match array.data_type() {
        DataType::Date32 => {
            let outside = |days: i32| days.unsigned_abs() > 95_000_000 && format_date(days).is_empty();
            let found = array.as_primitive::<Date32Type>().iter().position(|days| days.is_some_and(outside));
            found.map_or(Ok(()), |row| refuse(row, "date"))
        }
        DataType::Timestamp(..) => {
            const NEAR: u64 = 95_000_000 * 86_400_000_000;
            let outside =
                |micros: i64| micros.unsigned_abs() > NEAR && format_timestamp(micros, false).is_empty();
            let values = array.as_primitive::<TimestampMicrosecondType>().iter();
            let found = values.enumerate().find(|(_, micros)| micros.is_some_and(outside));
            found.map_or(Ok(()), |(row, _)| refuse(row, "time"))
        }
        _ => Ok(()),
    }
}

/// Holds times of 96 bits in microseconds, which may have wrapped around, against the same in seconds, which cannot.
pub fn not_wrapped(micros: &ArrayRef, seconds: &ArrayRef) -> Result<(), Failure> {
    let micros = micros.as_primitive::<TimestampMicrosecondType>().iter();
    let seconds = seconds.as_primitive::<TimestampSecondType>().iter();
    let mut pairs = micros.zip(seconds).enumerate();
    let wrapped = |(micros, seconds): (Option<i64>, Option<i64>)| {
        micros.zip(seconds).is_some_and(|(micros, seconds)| micros.div_euclid(1_000_000) != seconds)
    };
    match pairs.find(|(_, pair)| wrapped(*pair)) {
        None => Ok(()),
        Some((row, _)) => {
            Err(invalid_input("the time is out of the range of microseconds since 1970").row(row as u64 + 1))
        }
    }
}
