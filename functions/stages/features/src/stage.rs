//! A column that has been learnt, applied to rows.

use std::sync::Arc;

use chrono::{DateTime, Datelike as _, TimeDelta, Timelike as _};
use millstream_sdk::{
    Classes, Failure,
    arrow_array::{
        Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
        cast::AsArray,
        types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType},
    },
    arrow_schema::DataType,
    column::{self, Code},
    internal, invalid_input,
    unseen::Notes,
};
use serde::{Deserialize, Serialize};

use crate::params::Unknown;

/// One column's way to features.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stage {
    /// The column that goes in.
    pub column: String,
    taken: Taken,
    fill: Option<Fill>,
    encoder: Encoder,
}

/// The type in which the column goes in.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Taken {
    Int,
    Float,
    Bool,
    Text,
    Date,
    Time,
    TimeUtc,
}

/// What stands in for a missing value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fill {
    /// In a column of numbers.
    Float(f64),
    /// In a column of integers.
    Int(i64),
    /// In a column of booleans.
    Bool(bool),
    /// In a column of text.
    Text(String),
}

/// What is made of a value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Encoder {
    /// Itself.
    Passthrough,
    /// `(value - shift) / divisor`.
    Scale {
        /// Subtracted first.
        shift: f64,
        /// Not zero.
        divisor: f64,
    },
    /// A column for each slot.
    OneHot {
        /// All that training saw.
        classes: Classes,
        /// Which column a class is marked in.
        slots: Vec<u32>,
        /// What the columns are called after.
        names: Vec<String>,
        /// Missing values have a column of their own, the last one.
        missing: bool,
    },
    /// The class's place.
    Ordinal {
        /// All that training saw.
        classes: Classes,
    },
    /// Year, month, day, day of week; hour and minute if there is a time of day.
    DateParts {
        /// There is a time of day.
        time: bool,
    },
}

/// A feature: its name and its values.
pub type Feature = (String, ArrayRef);

impl Fill {
    /// A text as a value of a column's type.
    pub fn parse(text: &str, kind: &DataType) -> Option<Self> {
        Some(match kind {
            DataType::Int64 => Self::Int(text.parse().ok()?),
            DataType::Float64 => Self::Float(text.parse().ok().filter(|value: &f64| value.is_finite())?),
            DataType::Boolean => Self::Bool(text.parse().ok()?),
            DataType::Utf8 => Self::Text(text.to_owned()),
            _ => return None,
        })
    }

    /// A class as a value.
    pub fn of_class(classes: &Classes, place: usize) -> Self {
        match classes {
            Classes::Int(values) => Self::Int(values[place]),
            Classes::Float(values) => Self::Float(values[place]),
            Classes::Bool(values) => Self::Bool(values[place]),
            Classes::Text(values) => Self::Text(values[place].clone()),
        }
    }

    /// The column with no value missing.
    pub fn apply(&self, array: &ArrayRef) -> Result<ArrayRef, Failure> {
        let mismatch = || internal("a column's type differs from what fills it");
        Ok(match (self, array.data_type()) {
            (Self::Float(fill), DataType::Float64) => {
                let values = array.as_primitive::<Float64Type>().iter();
                let values = values.map(|value| value.filter(|value| !value.is_nan()).unwrap_or(*fill));
                Arc::new(Float64Array::from_iter_values(values))
            }
            (Self::Int(fill), DataType::Int64) => {
                let values = array.as_primitive::<Int64Type>().iter();
                Arc::new(Int64Array::from_iter_values(values.map(|value| value.unwrap_or(*fill))))
            }
            (Self::Bool(fill), DataType::Boolean) => {
                let values = array.as_boolean().iter();
                Arc::new(BooleanArray::from(values.map(|value| value.unwrap_or(*fill)).collect::<Vec<_>>()))
            }
            (Self::Text(fill), DataType::Utf8) => {
                let values = array.as_string::<i32>().iter();
                Arc::new(StringArray::from_iter_values(values.map(|value| value.unwrap_or(fill))))
            }
            _ => return Err(mismatch()),
        })
    }
}

impl Stage {
    /// Of a column that goes in as `taken`.
    pub fn new(
        column: &str,
        taken: &DataType,
        fill: Option<Fill>,
        encoder: Encoder,
    ) -> Result<Self, Failure> {
        let taken = match taken {
            DataType::Int64 => Taken::Int,
            DataType::Float64 => Taken::Float,
            DataType::Boolean => Taken::Bool,
            DataType::Utf8 => Taken::Text,
            DataType::Date32 => Taken::Date,
            DataType::Timestamp(_, None) => Taken::Time,
            DataType::Timestamp(_, Some(_)) => Taken::TimeUtc,
            other => return Err(internal(format!("a column of type {other} cannot be learnt"))),
        };
        Ok(Self { column: column.to_owned(), taken, fill, encoder })
    }

    /// The type in which the column goes in.
    pub fn data_type(&self) -> DataType {
        match self.taken {
            Taken::Int => DataType::Int64,
            Taken::Float => DataType::Float64,
            Taken::Bool => DataType::Boolean,
            Taken::Text => DataType::Utf8,
            Taken::Date => DataType::Date32,
            Taken::Time => millstream_sdk::table::timestamp_type(),
            Taken::TimeUtc => millstream_sdk::table::utc_timestamp_type(),
        }
    }

    /// Whether a text is a category that training saw, or there are no categories.
    pub fn knows(&self, category: &str) -> bool {
        match &self.encoder {
            Encoder::OneHot { classes: Classes::Text(known), .. }
            | Encoder::Ordinal { classes: Classes::Text(known) } => {
                known.binary_search_by(|known| known.as_str().cmp(category)).is_ok()
            }
            _ => true,
        }
    }

    /// The features of rows that hold the column in its type.
    /// `place` is that of the column, for the notes on categories that training has not seen.
    pub fn apply(
        &self,
        rows: &RecordBatch,
        place: usize,
        unknown: Unknown,
        notes: &mut Notes,
    ) -> Result<Vec<Feature>, Failure> {
        let mut array = column::get(rows, &self.column)?.clone();
        if let Some(fill) = &self.fill {
            array = fill.apply(&array)?;
        }
        let not_seen = NotSeen { place, unknown, notes };
        self.encode(&array, not_seen).map_err(|failure| failure.column(&self.column))
    }

    fn encode(&self, array: &ArrayRef, mut not_seen: NotSeen<'_>) -> Result<Vec<Feature>, Failure> {
        let name = &self.column;
        match &self.encoder {
            Encoder::Passthrough => Ok(vec![(name.clone(), as_feature(array))]),
            Encoder::Scale { shift, divisor } => {
                let values = array.as_primitive::<Float64Type>();
                let scaled = values.unary::<_, Float64Type>(|value| (value - shift) / divisor);
                Ok(vec![(name.clone(), Arc::new(scaled))])
            }
            Encoder::OneHot { classes, slots, names, missing } => {
                let mut columns = vec![vec![0.0; array.len()]; names.len() + usize::from(*missing)];
                for (row, code) in classes.look_up(array)?.into_iter().enumerate() {
                    match code {
                        Code::Class(code) => columns[slots[code as usize] as usize][row] = 1.0,
                        Code::Missing if *missing => columns[names.len()][row] = 1.0,
                        Code::Missing => not_seen.missing(row)?,
                        Code::Unknown => not_seen.category(array, row, classes)?,
                    }
                }
                let names = names.iter().map(|category| format!("{name}_{category}"));
                let names = names.chain([format!("{name}_nan")]);
                let arrays =
                    columns.into_iter().map(|values| Arc::new(Float64Array::from(values)) as ArrayRef);
                Ok(names.zip(arrays).collect())
            }
            Encoder::Ordinal { classes } => {
                let mut places = Vec::with_capacity(array.len());
                for (row, code) in classes.look_up(array)?.into_iter().enumerate() {
                    places.push(match code {
                        Code::Class(code) => Some(f64::from(code)),
                        Code::Missing => None,
                        Code::Unknown => {
                            not_seen.category(array, row, classes)?;
                            None
                        }
                    });
                }
                Ok(vec![(name.clone(), Arc::new(Float64Array::from(places)))])
            }
            Encoder::DateParts { time } => Ok(date_parts(name, array, *time)),
        }
    }
}

/// What is done with values that training has not seen.
struct NotSeen<'a> {
    /// Of the column.
    place: usize,
    unknown: Unknown,
    notes: &'a mut Notes,
}

impl NotSeen<'_> {
    /// A missing value, where there was none. (That is noted for every column, whatever becomes of it.)
    fn missing(&self, row: usize) -> Result<(), Failure> {
        self.refuse(row, "the value is missing, as it never was")
    }

    fn category(&mut self, array: &ArrayRef, row: usize, classes: &Classes) -> Result<(), Failure> {
        let value = shown(array, row);
        self.notes.category(self.place, &value, || classes.names().into_iter());
        self.refuse(row, &format!("the category `{value}` was not seen"))
    }

    fn refuse(&self, row: usize, what: &str) -> Result<(), Failure> {
        if self.unknown == Unknown::Ignore {
            return Ok(());
        }
        let help = "train with such rows or set `handle_unknown: ignore`";
        Err(invalid_input(format!("{what} in training; {help}")).row(row as u64 + 1))
    }
}

/// A value of a column of categories.
fn shown(array: &ArrayRef, row: usize) -> String {
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        _ => String::new(),
    }
}

/// Booleans are 0 and 1 among features.
fn as_feature(array: &ArrayRef) -> ArrayRef {
    if *array.data_type() != DataType::Boolean {
        return array.clone();
    }
    let values = array.as_boolean().iter().map(|value| value.map(|value| f64::from(u8::from(value))));
    Arc::new(values.collect::<Float64Array>())
}

fn date_parts(name: &str, array: &ArrayRef, time: bool) -> Vec<Feature> {
    let midnight = |days: i32| DateTime::UNIX_EPOCH.checked_add_signed(TimeDelta::days(i64::from(days)));
    let times: Vec<Option<DateTime<_>>> = if time {
        let micros = array.as_primitive::<TimestampMicrosecondType>().iter();
        micros.map(|micros| DateTime::from_timestamp_micros(micros?)).collect()
    } else {
        array.as_primitive::<Date32Type>().iter().map(|days| midnight(days?)).collect()
    };
    type Part = (&'static str, fn(&DateTime<chrono::Utc>) -> i32);
    let parts: [Part; 6] = [
        ("year", |time| time.year()),
        ("month", |time| time.month() as i32),
        ("day", |time| time.day() as i32),
        ("day_of_week", |time| time.weekday().num_days_from_monday() as i32),
        ("hour", |time| time.hour() as i32),
        ("minute", |time| time.minute() as i32),
    ];
    let parts = &parts[..if time { 6 } else { 4 }];
    let feature = |(part, of): &Part| {
        let values = times.iter().map(|time| time.as_ref().map(|time| f64::from(of(time))));
        (format!("{name}_{part}"), Arc::new(values.collect::<Float64Array>()) as ArrayRef)
    };
    parts.iter().map(feature).collect()
}
