//! Categories of the training table that are no codes yet: texts get the codes of their places in order.

use crate::encode::codes;
use arrow_array::Array as _;
use arrow_array::cast::AsArray;
use arrow_schema::{DataType, SchemaRef};
use millstream_learners::gradient_boosting::{Categories, Encoding};
use millstream_sdk::table::{batch_of, cast, index_of, schema_of};
use millstream_sdk::unseen::{Notes, Tally};
use millstream_sdk::{Context, Failure, Table, invalid_input};
use std::collections::BTreeSet;

/// Texts of a feature at the most: the state holds them all.
const MOST_TEXTS: usize = 10_000;

/// How the texts among the features become codes. Those that are not named as categories are refused.
pub fn learn(table: &Table, features: &[String], categorical: &[String]) -> Result<Vec<Encoding>, Failure> {
    let mut encodings = Vec::new();
    for (place, name) in features.iter().enumerate() {
        let column = table.column(name)?;
        if *column.data_type() != DataType::Utf8 {
            continue;
        }
        let refused = |message: String| invalid_input(message).column(name).channel(table.channel());
        if !categorical.contains(name) {
            return Err(refused(
                "a number is needed, but the column holds text; list it in `categorical_features`, or set that to `auto`, to \
                 have each text as a category; or leave the column out by `exclude`"
                    .to_owned(),
            ));
        }
        let texts: BTreeSet<&str> = column.as_string::<i32>().iter().flatten().collect();
        if texts.len() > MOST_TEXTS {
            return Err(refused(format!(
                "{} different texts are too many for categories, of which there are {MOST_TEXTS} at the most; put rare \
                 ones together, or leave the column out",
                texts.len()
            )));
        }
        let categories = Categories::Text(texts.into_iter().map(str::to_owned).collect());
        encodings.push(Encoding { feature: place as u32, categories, unknown_is_missing: true });
    }
    Ok(encodings)
}

/// The table with codes in place of texts. Texts that have no code count as missing, and are told.
pub fn encoded(
    context: &Context,
    table: Table,
    features: &[String],
    encodings: &[Encoding],
) -> Result<Table, Failure> {
    if encodings.is_empty() {
        return Ok(table);
    }
    let mut notes = Notes::default();
    let schema = table.schema();
    let mut columns = table.columns().to_vec();
    for encoding in encodings {
        let name = &features[encoding.feature as usize];
        let refused = |failure: Failure| failure.column(name).channel(table.channel());
        let column = &mut columns[index_of(&schema, name).map_err(refused)?];
        let texts = matches!(encoding.categories, Categories::Text(_));
        if texts != (*column.data_type() == DataType::Utf8) {
            let message = if texts { "the model takes text here" } else { "the model takes numbers here" };
            return Err(refused(invalid_input(message)));
        }
        if !texts {
            *column = cast(column, &DataType::Float64).map_err(refused)?;
        }
        *column = codes(column, encoding, &mut notes).map_err(refused)?;
    }
    Tally::new(notes.take(|place| features[place].clone()), table.num_rows() as u64).say(context);
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let batch = batch_of(names.zip(columns))?;
    Ok(Table::new(table.channel(), batch))
}

/// The columns that the model takes in.
pub fn schema(features: &[String], encodings: &[Encoding]) -> SchemaRef {
    let text = |place: usize| {
        let own = encodings.iter().find(|encoding| encoding.feature as usize == place);
        own.is_some_and(|encoding| matches!(encoding.categories, Categories::Text(_)))
    };
    let one = |(place, name): (usize, &String)| -> (String, DataType) {
        (name.clone(), if text(place) { DataType::Utf8 } else { DataType::Float64 })
    };
    let columns: Vec<_> = features.iter().enumerate().map(one).collect();
    schema_of(columns.iter().map(|(name, kind)| (name.as_str(), kind.clone())))
}
