//! Columns of values, as Arrow arrays of the types in which expressions are computed.

use std::{borrow::Cow, sync::Arc};

use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal32Array, Decimal64Array, Decimal128Array,
    Float64Array, Int64Array, IntervalMonthDayNanoArray, NullArray, StringArray, TimestampMicrosecondArray,
    cast::AsArray,
    downcast_dictionary_array, downcast_integer_array,
    types::{
        Date32Type, Date64Type, Float16Type, Float32Type, Float64Type, Int64Type, IntervalMonthDayNano,
        IntervalMonthDayNanoType, TimestampMicrosecondType, TimestampMillisecondType,
        TimestampNanosecondType, TimestampSecondType, UInt32Type,
    },
};
use arrow_array::{PrimitiveArray, UInt32Array};
use arrow_buffer::{ArrowNativeType as _, BooleanBuffer};
use arrow_schema::{DataType, TimeUnit};

use crate::{
    kind::Kind,
    problem::{Problem, Result},
    value::{Span, Value},
};

/// More text than this is not held in one column.
const MAX_TEXT: usize = 1 << 30;

/// A column; one of a single row may stand for the same value in every row.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub kind: Kind,
    pub array: ArrayRef,
    /// Whether the one row stands for all rows.
    pub constant: bool,
}

impl Column {
    pub fn new(kind: Kind, array: ArrayRef) -> Self {
        Self { kind, array, constant: false }
    }

    /// Reads an array of a table.
    ///
    /// # Errors
    /// If a value does not fit into the type in which it would be computed.
    pub fn read(array: &ArrayRef) -> Result<Self> {
        let kind = Kind::of(array.data_type());
        let array: ArrayRef = match array.data_type() {
            t if *t == kind.data_type() => array.clone(),
            t if t.is_integer() => Arc::new(integers(array)?),
            DataType::Float16 => {
                let floats = array.as_primitive::<Float16Type>();
                Arc::new(floats.iter().map(|v| v.map(f64::from)).collect::<Float64Array>())
            }
            DataType::Float32 => {
                Arc::new(array.as_primitive::<Float32Type>().unary::<_, Float64Type>(f64::from))
            }
            DataType::Decimal32(_, scale) => {
                let array = array.as_any().downcast_ref::<Decimal32Array>().expect("its type");
                Arc::new(decimals(array.iter().map(|v| v.map(i128::from)), *scale))
            }
            DataType::Decimal64(_, scale) => {
                let array = array.as_any().downcast_ref::<Decimal64Array>().expect("its type");
                Arc::new(decimals(array.iter().map(|v| v.map(i128::from)), *scale))
            }
            DataType::Decimal128(_, scale) => {
                let array = array.as_any().downcast_ref::<Decimal128Array>().expect("its type");
                Arc::new(decimals(array.iter(), *scale))
            }
            DataType::LargeUtf8 => Arc::new(array.as_string::<i64>().iter().collect::<StringArray>()),
            DataType::Utf8View => Arc::new(array.as_string_view().iter().collect::<StringArray>()),
            DataType::Date64 => Arc::new(
                array
                    .as_primitive::<Date64Type>()
                    .unary::<_, Date32Type>(|v| i32::try_from(v.div_euclid(86_400_000)).unwrap_or(i32::MAX)),
            ),
            DataType::Timestamp(unit, _) => Arc::new(times(array, *unit)?.with_data_type(kind.data_type())),
            DataType::Dictionary(..) if kind == Kind::Text => {
                let array: &dyn Array = array.as_ref();
                downcast_dictionary_array!(
                    array => {
                        let values = Self::read(array.values())?;
                        let keys = array.keys().iter().map(|key| key.map(|key| key.as_usize() as u32));
                        let keys = keys.collect::<UInt32Array>();
                        arrow_select::take::take(&values.array, &keys, None).map_err(|e| Problem::new(e.to_string()))?
                    },
                    _ => unreachable!("it is a dictionary")
                )
            }
            _ => array.clone(),
        };
        Ok(Self::new(kind, array))
    }

    /// One value for all rows.
    ///
    /// # Errors
    /// If it cannot be held.
    pub fn constant(kind: &Kind, value: &Value<'_>) -> Result<Self> {
        let mut builder = Builder::new(kind.clone(), 1);
        builder.push(value.clone()).map_err(Problem::new)?;
        Ok(Self { constant: true, ..builder.finish() })
    }

    /// Missing values.
    pub fn nulls(kind: &Kind, rows: usize) -> Self {
        Self::new(kind.clone(), arrow_array::new_null_array(&kind.data_type(), rows))
    }

    /// The row of the array that holds a row's value.
    #[inline]
    pub fn index(&self, row: usize) -> usize {
        if self.constant { 0 } else { row }
    }

    pub fn is_null(&self, row: usize) -> bool {
        self.kind == Kind::Null || self.array.is_null(self.index(row))
    }

    /// The value of a row. Those of other types are taken for missing.
    pub fn value(&self, row: usize) -> Value<'_> {
        let row = self.index(row);
        if self.array.is_null(row) {
            return Value::Null;
        }
        match &self.kind {
            Kind::Null | Kind::Other(_) => Value::Null,
            Kind::Boolean => Value::Boolean(self.array.as_boolean().value(row)),
            Kind::BigInt => Value::BigInt(self.array.as_primitive::<Int64Type>().value(row)),
            Kind::Double => Value::Double(self.array.as_primitive::<Float64Type>().value(row)),
            Kind::Text => Value::Text(Cow::Borrowed(self.array.as_string::<i32>().value(row))),
            Kind::Date => Value::Date(self.array.as_primitive::<Date32Type>().value(row)),
            Kind::Timestamp | Kind::TimestampTz => {
                Value::Timestamp(self.array.as_primitive::<TimestampMicrosecondType>().value(row))
            }
            Kind::Interval => {
                let v = self.array.as_primitive::<IntervalMonthDayNanoType>().value(row);
                Value::Interval(Span { months: v.months, days: v.days, micros: v.nanoseconds / 1000 })
            }
        }
    }

    /// With as many rows as said.
    pub fn expand(self, rows: usize) -> Self {
        if !self.constant {
            return self;
        }
        let zeros = UInt32Array::from(vec![0; rows]);
        let array = arrow_select::take::take(&self.array, &zeros, None).expect("row 0 is there");
        Self::new(self.kind, array)
    }

    /// The rows of these numbers; a missing number gives a missing value.
    pub fn take(&self, rows: &UInt32Array) -> Self {
        if self.constant && rows.null_count() == 0 {
            return self.clone();
        }
        let zeros;
        let rows = if self.constant {
            zeros = rows.unary::<_, UInt32Type>(|_| 0);
            &zeros
        } else {
            rows
        };
        let array = arrow_select::take::take(&self.array, rows, None).expect("the rows are there");
        Self::new(self.kind.clone(), array)
    }

    /// Which rows of truth values are true, and which are not missing.
    pub fn truths(&self, rows: usize) -> (BooleanBuffer, BooleanBuffer) {
        let all = |set: bool| if set { BooleanBuffer::new_set(rows) } else { BooleanBuffer::new_unset(rows) };
        if self.constant || self.kind != Kind::Boolean {
            return (all(rows > 0 && self.is_true(0)), all(rows > 0 && !self.is_null(0)));
        }
        let array = self.array.as_boolean();
        match array.nulls() {
            None => (array.values().clone(), all(true)),
            Some(nulls) => (array.values() & nulls.inner(), nulls.inner().clone()),
        }
    }

    /// Whether a row of truth values is true.
    pub fn is_true(&self, row: usize) -> bool {
        let row = self.index(row);
        self.kind == Kind::Boolean && self.array.is_valid(row) && self.array.as_boolean().value(row)
    }
}

fn integers(array: &ArrayRef) -> Result<Int64Array> {
    let array: &dyn Array = array.as_ref();
    downcast_integer_array!(
        array => {
            let mut values = Vec::with_capacity(array.len());
            for row in 0..array.len() {
                let value = i128::from(array.value(row));
                match i64::try_from(value) {
                    Ok(value) => values.push(value),
                    Err(_) if array.is_null(row) => values.push(0),
                    Err(_) => return Err(Problem::new(format!("{value} is more than a BIGINT holds")).in_row(row)),
                }
            }
            Ok(Int64Array::new(values.into(), array.nulls().cloned()))
        },
        _ => unreachable!("it is an array of integers")
    )
}

fn decimals(values: impl Iterator<Item = Option<i128>>, scale: i8) -> Float64Array {
    // A power of ten up to 22 is exact, so that the quotient is the nearest number.
    let unit = libm::pow(10.0, f64::from(scale.unsigned_abs()));
    let scaled = |v: i128| if scale < 0 { v as f64 * unit } else { v as f64 / unit };
    values.map(|v| v.map(scaled)).collect()
}

fn times(array: &ArrayRef, unit: TimeUnit) -> Result<TimestampMicrosecondArray> {
    let checked = |v: Option<i64>, factor: i64, row: usize| match v {
        None => Ok(None),
        Some(v) => v.checked_mul(factor).map(Some).ok_or_else(|| {
            Problem::new("a time is farther away than a TIMESTAMP of microseconds holds").in_row(row)
        }),
    };
    match unit {
        TimeUnit::Second => {
            let times = array.as_primitive::<TimestampSecondType>().iter().enumerate();
            times.map(|(row, v)| checked(v, 1_000_000, row)).collect()
        }
        TimeUnit::Millisecond => {
            let times = array.as_primitive::<TimestampMillisecondType>().iter().enumerate();
            times.map(|(row, v)| checked(v, 1000, row)).collect()
        }
        TimeUnit::Microsecond => Ok(array.as_primitive::<TimestampMicrosecondType>().clone()),
        TimeUnit::Nanosecond => {
            Ok(array.as_primitive::<TimestampNanosecondType>().unary(|v| v.div_euclid(1000)))
        }
    }
}

/// Makes a column value by value.
pub(crate) struct Builder {
    kind: Kind,
    values: Values,
    text: usize,
}

enum Values {
    Null(usize),
    Boolean(Vec<Option<bool>>),
    BigInt(Vec<Option<i64>>),
    Double(Vec<Option<f64>>),
    Text(arrow_array::builder::StringBuilder),
    Date(Vec<Option<i32>>),
    Timestamp(Vec<Option<i64>>),
    Interval(Vec<Option<IntervalMonthDayNano>>),
}

impl Builder {
    pub fn new(kind: Kind, rows: usize) -> Self {
        let values = match &kind {
            Kind::Null | Kind::Other(_) => Values::Null(0),
            Kind::Boolean => Values::Boolean(Vec::with_capacity(rows)),
            Kind::BigInt => Values::BigInt(Vec::with_capacity(rows)),
            Kind::Double => Values::Double(Vec::with_capacity(rows)),
            Kind::Text => Values::Text(arrow_array::builder::StringBuilder::with_capacity(rows, rows * 8)),
            Kind::Date => Values::Date(Vec::with_capacity(rows)),
            Kind::Timestamp | Kind::TimestampTz => Values::Timestamp(Vec::with_capacity(rows)),
            Kind::Interval => Values::Interval(Vec::with_capacity(rows)),
        };
        Self { kind, values, text: 0 }
    }

    /// Appends a value of the column's type or a missing one.
    ///
    /// # Errors
    /// If the column's text grows too long.
    pub fn push(&mut self, value: Value<'_>) -> Result<(), String> {
        match (&mut self.values, value) {
            (Values::Null(rows), _) => *rows += 1,
            (Values::Boolean(all), Value::Boolean(v)) => all.push(Some(v)),
            (Values::Boolean(all), _) => all.push(None),
            (Values::BigInt(all), Value::BigInt(v)) => all.push(Some(v)),
            (Values::BigInt(all), _) => all.push(None),
            (Values::Double(all), Value::Double(v)) => all.push(Some(if v.is_nan() { f64::NAN } else { v })),
            (Values::Double(all), _) => all.push(None),
            (Values::Text(all), Value::Text(v)) => {
                self.text += v.len();
                if self.text > MAX_TEXT {
                    return Err("the texts of this column are more than 1 GiB together".to_owned());
                }
                all.append_value(&v);
            }
            (Values::Text(all), _) => all.append_null(),
            (Values::Date(all), Value::Date(v)) => all.push(Some(v)),
            (Values::Date(all), _) => all.push(None),
            (Values::Timestamp(all), Value::Timestamp(v)) => all.push(Some(v)),
            (Values::Timestamp(all), _) => all.push(None),
            (Values::Interval(all), Value::Interval(v)) => {
                let nanos =
                    v.micros.checked_mul(1000).ok_or("an INTERVAL is longer than 292 years of time")?;
                all.push(Some(IntervalMonthDayNano::new(v.months, v.days, nanos)));
            }
            (Values::Interval(all), _) => all.push(None),
        }
        Ok(())
    }

    pub fn finish(self) -> Column {
        let array: ArrayRef = match self.values {
            Values::Null(rows) => match &self.kind {
                Kind::Other(data_type) => arrow_array::new_null_array(data_type, rows),
                _ => Arc::new(NullArray::new(rows)),
            },
            Values::Boolean(all) => Arc::new(BooleanArray::from(all)),
            Values::BigInt(all) => Arc::new(Int64Array::from(all)),
            Values::Double(all) => Arc::new(Float64Array::from(all)),
            Values::Text(mut all) => Arc::new(all.finish()),
            Values::Date(all) => Arc::new(Date32Array::from(all)),
            Values::Timestamp(all) => Arc::new(
                PrimitiveArray::<TimestampMicrosecondType>::from(all).with_data_type(self.kind.data_type()),
            ),
            Values::Interval(all) => Arc::new(IntervalMonthDayNanoArray::from(all)),
        };
        Column::new(self.kind, array)
    }
}
