//! What training saw of a column, as a state keeps it.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, RecordBatch,
    cast::AsArray,
    types::{Float64Type, Int64Type},
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use super::{Notes, Novelty};
use crate::{column::is_numeric, failure::shown};

/// Under this key a schema's field carries it to the state.
const KEY: &str = "millstream:seen";

/// Codes of categories that are kept for a column at the most; of a column with more, nothing is unknown.
const MOST_CODES: usize = 10_000;

/// What training saw of a column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Whether a value was missing.
    #[serde(default)]
    missing: bool,
    /// The least number; none if that says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    least: Option<Exact>,
    /// The largest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    largest: Option<Exact>,
    /// All numbers, if each stands for a category: sorted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    codes: Option<Vec<Exact>>,
}

/// A number as text: JSON's reader rounds, and the largest value of training must not be beyond itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Exact(f64);

impl From<Exact> for String {
    fn from(number: Exact) -> Self {
        number.0.to_string()
    }
}

impl TryFrom<String> for Exact {
    type Error = std::num::ParseFloatError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl Seen {
    /// Of numbers, where missing is NaN.
    pub fn of_numbers(values: &[f64]) -> Self {
        let mut missing = false;
        let (mut least, mut largest) = (f64::INFINITY, f64::NEG_INFINITY);
        for &value in values {
            missing |= value.is_nan();
            least = least.min(value);
            largest = largest.max(value);
        }
        // Beyond an infinite value there is none.
        let told = |bound: f64| bound.is_finite().then_some(Exact(bound));
        Self { missing, least: told(least), largest: told(largest), codes: None }
    }

    /// Of a column that a model takes in as `kind`.
    fn of(array: &ArrayRef, kind: &DataType) -> Self {
        let missing = array.null_count() > 0;
        if !is_numeric(kind) || !is_numeric(array.data_type()) {
            return Self { missing, ..Self::default() };
        }
        Self::of_numbers(&numbers(array))
    }

    /// What this and other rows of the column hold together.
    pub fn joined(self, other: Self) -> Self {
        // Without a number, or with an infinite one, a side has no bound: then there is none. Rows without any number are
        // rare enough.
        let both = |a: Option<Exact>, b: Option<Exact>, f: fn(f64, f64) -> f64| Some(Exact(f(a?.0, b?.0)));
        Self {
            missing: self.missing || other.missing,
            least: both(self.least, other.least, f64::min),
            largest: both(self.largest, other.largest, f64::max),
            codes: None,
        }
    }

    /// Takes note of the values that are unlike those of training.
    pub fn look(&self, place: usize, values: &[f64], notes: &mut Notes) {
        let least = self.least.map_or(f64::NEG_INFINITY, |least| least.0);
        let largest = self.largest.map_or(f64::INFINITY, |largest| largest.0);
        let (mut missing, mut beyond) = (0u64, 0u64);
        for &value in values {
            missing += u64::from(value.is_nan());
            beyond += u64::from(value < least || value > largest);
        }
        if missing > 0 && !self.missing {
            notes.add(place, Novelty::Missing, missing, || None);
        }
        if let Some(codes) = &self.codes {
            Self::look_for_codes(codes, place, values, notes);
        } else if beyond > 0 {
            let example = || {
                // The farthest says most.
                let far = |value: f64| (least - value).max(value - largest);
                let worst = values.iter().copied().filter(|value| far(*value) > 0.0);
                worst.max_by(|a, b| far(*a).total_cmp(&far(*b))).map(|value| self.of_range(value))
            };
            notes.add(place, Novelty::OutOfRange, beyond, example);
        }
    }

    fn look_for_codes(codes: &[Exact], place: usize, values: &[f64], notes: &mut Notes) {
        let known = |value: f64| codes.binary_search_by(|code| code.0.total_cmp(&(value + 0.0))).is_ok();
        let unknown = || values.iter().copied().filter(|value| !value.is_nan() && !known(*value));
        let rows = unknown().count() as u64;
        if rows > 0 {
            notes.add(place, Novelty::Category, rows, || unknown().next().map(shown));
        }
    }

    /// A number with the range that it is out of.
    fn of_range(&self, value: f64) -> String {
        match (self.least.map(|least| least.0), self.largest.map(|largest| largest.0)) {
            (Some(least), Some(largest)) => {
                format!("{}, training saw {} to {}", shown(value), shown(least), shown(largest))
            }
            (Some(least), None) => format!("{}, training saw {} and more", shown(value), shown(least)),
            (None, Some(largest)) => format!("{}, training saw up to {}", shown(value), shown(largest)),
            (None, None) => shown(value),
        }
    }

    /// The same for a column of any type.
    pub fn look_at(&self, place: usize, array: &ArrayRef, notes: &mut Notes) {
        if is_numeric(array.data_type()) {
            if let Some(floats) = array.as_primitive_opt::<Float64Type>()
                && floats.null_count() == 0
            {
                return self.look(place, floats.values(), notes);
            }
            return self.look(place, &numbers(array), notes);
        }
        let missing = array.null_count() as u64;
        if missing > 0 && !self.missing {
            notes.add(place, Novelty::Missing, missing, || None);
        }
    }

    /// What a schema's field carries.
    pub(crate) fn of_field(field: &Field) -> Option<Self> {
        serde_json::from_str(field.metadata().get(KEY)?).ok()
    }

    fn put(self, field: &Field) -> Field {
        // Numbers and truth values always become JSON.
        let text = serde_json::to_string(&self).unwrap_or_default();
        let mut metadata = field.metadata().clone();
        metadata.insert(KEY.to_owned(), text);
        field.clone().with_metadata(metadata)
    }
}

/// A column of integers, numbers or booleans; missing is NaN.
fn numbers(array: &ArrayRef) -> Vec<f64> {
    match array.data_type() {
        DataType::Int64 => {
            let integers = array.as_primitive::<Int64Type>().iter();
            integers.map(|value| value.map_or(f64::NAN, |value| value as f64)).collect()
        }
        DataType::Boolean => {
            let truths = array.as_boolean().iter();
            truths.map(|value| value.map_or(f64::NAN, |value| f64::from(u8::from(value)))).collect()
        }
        _ => {
            let floats = array.as_primitive::<Float64Type>().iter();
            floats.map(|value| value.unwrap_or(f64::NAN)).collect()
        }
    }
}

/// A model's columns with what `table`, which it was trained on, holds in them: for
/// [`Context::put_model`](crate::Context::put_model).
pub fn seen_in(columns: &Schema, table: &RecordBatch) -> SchemaRef {
    let of = |field: &Arc<Field>| match table.column_by_name(field.name()) {
        Some(array) => Arc::new(Seen::of(array, field.data_type()).put(field)),
        None => Arc::clone(field),
    };
    Arc::new(Schema::new(columns.fields().iter().map(of).collect::<Vec<_>>()))
}

/// The same schema, where numbers in the column of that name stand for categories: those in `values` are known.
pub fn codes_of(columns: &Schema, name: &str, values: &[f64]) -> SchemaRef {
    let mut codes: Vec<f64> =
        values.iter().filter(|value| !value.is_nan()).map(|value| value + 0.0).collect();
    codes.sort_unstable_by(f64::total_cmp);
    codes.dedup();
    let few = codes.len() <= MOST_CODES && codes.iter().all(|code| code.is_finite());
    let codes: Option<Vec<Exact>> = few.then(|| codes.into_iter().map(Exact).collect());
    let of = |field: &Arc<Field>| match Seen::of_field(field) {
        Some(seen) if field.name() == name => Arc::new(Seen { codes: codes.clone(), ..seen }.put(field)),
        _ => Arc::clone(field),
    };
    Arc::new(Schema::new(columns.fields().iter().map(of).collect::<Vec<_>>()))
}

/// The same columns with what each of them holds, in their order, as far as it goes.
pub fn with_seen(columns: &Schema, seen: impl IntoIterator<Item = Seen>) -> SchemaRef {
    let mut seen = seen.into_iter();
    let of = |field: &Arc<Field>| match seen.next() {
        Some(seen) => Arc::new(seen.put(field)),
        None => Arc::clone(field),
    };
    Arc::new(Schema::new(columns.fields().iter().map(of).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{table::schema_of, testing::rows, unseen::Unseen};

    fn found(seen: &Seen, values: &[f64]) -> Vec<(Novelty, u64, Option<String>)> {
        let mut notes = Notes::default();
        seen.look(0, values, &mut notes);
        let told = notes.take(|_| "x".to_owned());
        told.into_iter().map(|Unseen { novelty, rows, example, .. }| (novelty, rows, example)).collect()
    }

    #[test]
    fn what_is_beyond_and_what_is_newly_missing_is_found() {
        let seen = Seen::of_numbers(&[1.0, -2.5, 7.0]);
        assert_eq!(found(&seen, &[1.0, 7.0, -2.5]), []);
        let example = Some("99, training saw -2.5 to 7".to_owned());
        assert_eq!(
            found(&seen, &[8.0, f64::NAN, 99.0, -3.0]),
            [(Novelty::OutOfRange, 3, example), (Novelty::Missing, 1, None)]
        );
        let gaps = Seen::of_numbers(&[1.0, f64::NAN]);
        assert_eq!(found(&gaps, &[f64::NAN, 1.0]), []);
        let endless = Seen::of_numbers(&[f64::INFINITY, 3.0]);
        assert_eq!(found(&endless, &[1e300, f64::INFINITY]), []);
        assert_eq!(found(&endless, &[2.0])[0].2.as_deref(), Some("2, training saw 3 and more"));
        assert_eq!(found(&Seen::default(), &[1e300, f64::NAN])[0].0, Novelty::Missing);
        assert_eq!(found(&Seen::of_numbers(&[f64::NAN]), &[5.0, f64::NAN]), [], "there is no range");
    }

    #[test]
    fn a_schema_carries_it_for_columns_of_every_type() {
        let table = rows("n,f,b,t\n3,1.5,true,x\n5,,false,\n");
        let columns = schema_of([
            ("t", DataType::Utf8),
            ("n", DataType::Float64),
            ("f", DataType::Float64),
            ("b", DataType::Boolean),
            ("gone", DataType::Int64),
        ]);
        let schema = seen_in(&columns, &table);
        let of = |name: &str| Seen::of_field(schema.field_with_name(name).unwrap());
        assert_eq!(of("t"), Some(Seen { missing: true, ..Seen::default() }));
        assert_eq!(of("n"), Some(Seen::of_numbers(&[3.0, 5.0])));
        assert_eq!(of("f"), Some(Seen::of_numbers(&[1.5, f64::NAN])));
        assert_eq!(of("b"), Some(Seen::of_numbers(&[0.0, 1.0])));
        assert_eq!(of("gone"), None);
    }

    #[test]
    fn codes_are_categories() {
        let schema = seen_in(&schema_of([("n", DataType::Float64)]), &rows("n\n3\n5\n"));
        let schema = codes_of(&schema, "n", &[3.0, f64::NAN, 5.0, -0.0, 3.0]);
        let seen = Seen::of_field(schema.field(0)).unwrap();
        assert_eq!(found(&seen, &[5.0, 0.0, 4.0, 9.0]), [(Novelty::Category, 2, Some("4".to_owned()))]);
        let many: Vec<f64> = (0..20_000).map(f64::from).collect();
        let seen = Seen::of_field(codes_of(&schema, "n", &many).field(0)).unwrap();
        assert_eq!(found(&seen, &[4.0]), [], "too many are kept for none of them");
    }

    proptest! {
        /// Whatever the numbers: none of training is unlike training, after a state's way too.
        #[test]
        fn training_rows_are_like_themselves(values in prop::collection::vec(any::<f64>(), 1..20)) {
            let seen = Seen::of_numbers(&values);
            let back: Seen = serde_json::from_str(&serde_json::to_string(&seen).unwrap()).unwrap();
            prop_assert_eq!(&back, &seen);
            prop_assert_eq!(found(&back, &values), []);
            let (one, other) = values.split_at(values.len() / 2);
            prop_assert_eq!(found(&Seen::of_numbers(one).joined(Seen::of_numbers(other)), &values), []);
        }
    }
}
