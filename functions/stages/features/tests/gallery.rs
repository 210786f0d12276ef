//! The examples of docs/features.md give what is written there. `MILLSTREAM_UPDATE_GALLERY=1` writes it anew.

use std::{env, fmt::Write as _, fs, path::Path};

use fn_features::{Features, Fitted};
use millstream_sdk::{
    arrow_array::{Array, RecordBatch, cast::AsArray, types::Float64Type},
    arrow_schema::DataType,
    table::{batch_of, parse_date, print},
    testing::{Host, rows},
};
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::Value;
use std::sync::Arc;

fn json(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(truth)) => (*truth).into(),
        Yaml::Value(Scalar::Integer(number)) => (*number).into(),
        Yaml::Value(Scalar::FloatingPoint(number)) => number.into_inner().into(),
        Yaml::Value(Scalar::String(text)) => text.as_ref().into(),
        Yaml::Sequence(items) => items.iter().map(json).collect(),
        Yaml::Mapping(entries) => {
            let entry =
                |(key, value): (&Yaml<'_>, &Yaml<'_>)| (key.as_str().unwrap().to_owned(), json(value));
            Value::Object(entries.iter().map(entry).collect())
        }
        other => panic!("{other:?}"),
    }
}

/// A table from CSV, with columns of dates as such.
fn table(csv: &str) -> RecordBatch {
    let rows = rows(csv);
    let column = |(place, field): (usize, &Arc<millstream_sdk::arrow_schema::Field>)| {
        let array = rows.column(place).clone();
        let days = array.as_string_opt::<i32>().and_then(|texts| {
            texts.iter().map(|text| parse_date(text?.as_bytes())).collect::<Option<Vec<i32>>>()
        });
        let array = match days {
            Some(days) => Arc::new(millstream_sdk::arrow_array::Date32Array::from(days)) as _,
            None => array,
        };
        (field.name().clone(), array)
    };
    let columns: Vec<_> = rows.schema().fields().iter().enumerate().map(column).collect();
    batch_of(columns.iter().map(|(name, array)| (name.as_str(), array.clone()))).unwrap()
}

/// CSV with numbers rounded to three digits.
fn csv(table: &RecordBatch) -> String {
    let schema = table.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut text = names.join(",") + "\n";
    for row in 0..table.num_rows() {
        let cell = |column: &millstream_sdk::arrow_array::ArrayRef| match column.data_type() {
            _ if column.is_null(row) => String::new(),
            DataType::Float64 => {
                ((column.as_primitive::<Float64Type>().value(row) * 1e3).round() / 1e3 + 0.0).to_string()
            }
            _ => print(column).unwrap().as_string::<i32>().value(row).to_owned(),
        };
        let cells: Vec<String> = table.columns().iter().map(cell).collect();
        writeln!(text, "{}", cells.join(",")).unwrap();
    }
    text
}

#[test]
fn examples_give_what_is_written() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/features.md");
    let text = fs::read_to_string(&path).unwrap();
    let mut parts: Vec<String> = text.split("```").map(str::to_owned).collect();
    // Text and blocks take turns.
    let blocks: Vec<usize> =
        (1..parts.len()).step_by(2).filter(|part| !parts[*part].starts_with("text\n")).collect();
    assert!(blocks.len() > 60 && blocks.len().is_multiple_of(3), "{} blocks", blocks.len());
    let mut wrong = Vec::new();
    for example in blocks.chunks_exact(3) {
        let [yaml, given, expected] = [0, 1, 2].map(|part| parts[example[part]].clone());
        let yaml = yaml.strip_prefix("yaml\n").unwrap_or_else(|| panic!("yaml is expected, not {yaml}"));
        let with = json(&Yaml::load_from_str(yaml).unwrap()[0]).to_string();
        let table = table(given.strip_prefix("csv\n").unwrap());
        let host = Host::new().rows("table", &table);
        host.run::<Features>(&with).unwrap_or_else(|failure| panic!("{yaml}{failure}"));
        host.load::<Fitted>("model").unwrap().predict_batch(&table).unwrap();
        let made = format!("csv\n{}", csv(&host.table("table")));
        if made != expected {
            wrong.push(format!("{yaml}{expected}is {made}"));
        }
        parts[example[2]] = made;
    }
    if env::var_os("MILLSTREAM_UPDATE_GALLERY").is_some() {
        fs::write(&path, parts.join("```")).unwrap();
        return;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
