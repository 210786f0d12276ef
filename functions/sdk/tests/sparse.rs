//! Columns of sparse rows on their way through tables, states and requests.

use std::sync::Arc;

use millstream_sdk::{
    Description, Failure, Model, State, Task,
    arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, cast::AsArray, types::Float64Type},
    arrow_schema::DataType,
    column::{SparseColumn, numbers},
    model::Loaded,
    predict::{Request, write_csv},
    state::seal,
    table::{
        Growing, SparseBuilder, batch_of, cast, concat, conform, from_ipc, pick, schema_of, sparse_type,
        to_ipc,
    },
};
use proptest::prelude::*;

type Row = Option<Vec<(u32, f64)>>;

fn column(rows: &[Row]) -> ArrayRef {
    let mut column = SparseBuilder::with_capacity(rows.len());
    for row in rows {
        match row {
            None => column.append_null(),
            Some(pairs) => {
                pairs.iter().for_each(|(index, value)| column.push(*index, *value));
                column.end_row().unwrap();
            }
        }
    }
    assert_eq!((column.len(), column.is_empty()), (rows.len(), rows.is_empty()));
    column.finish()
}

fn table(rows: &[Row]) -> RecordBatch {
    let numbers: Int64Array = (0..rows.len() as i64).collect();
    batch_of([("x", column(rows)), ("n", Arc::new(numbers) as ArrayRef)]).unwrap()
}

fn any_rows() -> impl Strategy<Value = Vec<Row>> {
    let pairs = prop::collection::btree_map(any::<u32>(), -1e3..1e3f64, 0..5);
    prop::collection::vec(
        prop::option::weighted(0.9, pairs.prop_map(|pairs| pairs.into_iter().collect())),
        0..20,
    )
}

proptest! {
    /// Slices, pieces put together again, rows picked out, a way through bytes.
    #[test]
    fn rows_stay_what_they_are(rows in any_rows(), from in 0usize..20, length in 0usize..20) {
        let all = table(&rows);
        let from = from.min(rows.len());
        let end = rows.len().min(from + length);
        let slice = all.slice(from, end - from);
        let expected = table(&rows).slice(from, end - from);
        prop_assert_eq!(&from_ipc(to_ipc(&slice).unwrap()).unwrap(), &expected);
        prop_assert_eq!(&conform(&slice, &all.schema()).unwrap(), &expected);
        let pieces = [all.slice(0, from), slice, all.slice(end, rows.len() - end)];
        prop_assert_eq!(&concat(&all.schema(), &pieces).unwrap(), &all);
        let places: Vec<u32> = (0..rows.len() as u32).rev().collect();
        let picked = pick(&pieces[1], &places[rows.len() - (end - from)..]).unwrap();
        let mut backwards = rows[from..end].to_vec();
        backwards.reverse();
        prop_assert_eq!(picked.column(0), &column(&backwards));
    }

    #[test]
    fn sound_rows_are_read(rows in any_rows()) {
        let batch = table(&rows);
        match (rows.iter().position(Option::is_none), SparseColumn::of(&batch, "x")) {
            (None, Ok(sparse)) => {
                let read = sparse.iter().map(|(i, v)| Some(i.iter().copied().zip(v.iter().copied()).collect()));
                prop_assert_eq!(read.collect::<Vec<Row>>(), rows);
            }
            (Some(row), Err(failure)) => {
                let place = format!("row {}, column `x`: the row is missing", row + 1);
                prop_assert!(failure.to_string().starts_with(&place), "{}", failure);
            }
            (_, outcome) => prop_assert!(false, "{outcome:?}"),
        }
    }
}

#[test]
fn what_is_unsound_is_refused_by_row() {
    let refusal = |row: Vec<(u32, f64)>| {
        SparseColumn::of(&table(&[Some(vec![(3, 1.0)]), Some(row)]), "x").unwrap_err().to_string()
    };
    for (row, expected) in [
        (vec![(1, 1.0), (1, 2.0)], "index 1 comes twice"),
        (vec![(7, 1.0), (1, 2.0)], "index 1 comes after 7; sort each row by index"),
        (vec![(7, f64::NAN)], "the value of index 7 is NaN"),
        (vec![(7, f64::INFINITY)], "the value of index 7 is inf"),
    ] {
        assert_eq!(refusal(row), format!("row 2, column `x`: {expected}"));
    }
    let failure = SparseColumn::of(&table(&[None]), "n").unwrap_err().to_string();
    assert_eq!(failure, "column `n`: the model takes sparse rows here, but the column holds integers");
}

#[test]
fn who_takes_numbers_says_so() {
    let batch = table(&[Some(vec![])]);
    let failure = numbers(&batch, "x").unwrap_err().to_string();
    assert!(
        failure.starts_with("column `x`: a number is needed, but the column holds sparse rows"),
        "{failure}"
    );
    assert!(failure.contains("`features: dense`"), "{failure}");
    let to = |from: &ArrayRef, to: DataType| cast(from, &to).unwrap_err().to_string();
    assert_eq!(to(batch.column(0), DataType::Utf8), "a column of sparse rows cannot be read as Utf8");
    assert_eq!(to(batch.column(1), sparse_type()), "a column of type Int64 cannot be read as sparse rows");
    assert!(Growing::new(&DataType::UInt32, 0).is_err());
}

/// Adds up each row.
struct Sum;

impl Model for Sum {
    const FUNCTION: &'static str = "sum";
    const FORMAT: u16 = 1;

    fn load(_: State<'_>) -> Result<Self, Failure> {
        Ok(Self)
    }

    fn describe(&self) -> Description {
        Description::new(Task::Regression, &["features".into()])
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        let sparse = SparseColumn::of(rows, "features")?;
        let sum = |(i, v): (&[u32], &[f64])| i.iter().zip(v).fold(0.0, |sum, (i, v)| sum + f64::from(*i) * v);
        let sums = sparse.iter().map(sum);
        batch_of([("prediction", Arc::new(sums.collect::<Float64Array>()) as ArrayRef)])
    }
}

fn ask(content_type: &str, body: &str) -> Result<String, String> {
    let state = seal("sum", 1, &schema_of([("features", sparse_type())]), &()).unwrap();
    let model = Loaded::<Sum>::load(&state).unwrap();
    assert!(model.describe().contains(r#""inputs":[{"name":"features","type":"sparse rows"}]"#));
    let request =
        Request { content_type: content_type.into(), accept: Some("text/csv".into()), body: body.into() };
    let response = model.predict(&request).map_err(|failure| failure.to_string())?;
    Ok(String::from_utf8(response.body).unwrap().replace("prediction\n", "").replace('\n', " ").trim().into())
}

#[test]
fn requests_hold_sparse_rows() {
    let json = "application/json";
    let sagemaker = r#"{"instances": [{"data": {"features": {"keys": [26, 3], "shape": [30], "values": [1, 2.5]}}},
        {"data": {"features": {"keys": [], "shape": [30], "values": []}}}]}"#;
    assert_eq!(ask(json, sagemaker).unwrap(), "33.5 0.0");
    let lists =
        r#"[{"features": [{"index": 2, "value": 1.5}]}, {"features": [[2, 1.5], [1, 4]]}, [[[1, 1]]]]"#;
    assert_eq!(ask(json, lists).unwrap(), "3.0 7.0 1.0");
    let lines = "{\"features\": {\"keys\": [4], \"values\": [1]}}\n{\"data\": {\"features\": [[1, 2]]}}\n";
    assert_eq!(ask("application/x-ndjson", lines).unwrap(), "4.0 2.0");
    assert_eq!(ask("text/csv", "features\n3:1 4:0.5\n\"\"\n17:2\n").unwrap(), "5.0 0.0 34.0");
    let batch = batch_of([("features", column(&[Some(vec![(5, 2.0)])]))]).unwrap();
    let mut text = Vec::new();
    write_csv(&mut text, &batch, true).unwrap();
    assert_eq!(String::from_utf8(text).unwrap(), "features\n5:2\n");
    assert_eq!(
        batch
            .column(0)
            .as_list::<i32>()
            .value(0)
            .as_struct()
            .column(1)
            .as_primitive::<Float64Type>()
            .value(0),
        2.0
    );
}

#[test]
fn requests_are_refused_by_row_and_column() {
    let json = |row: &str| {
        ask("application/json", &format!(r#"[{{"features": []}}, {{"features": {row}}}]"#)).unwrap_err()
    };
    for (row, expected) in [
        ("7", "a sparse row is {"),
        ("{\"keys\": [1]}", "a sparse row is {"),
        ("{\"keys\": [1], \"values\": []}", "there are 1 keys and 0 values"),
        ("{\"keys\": [9], \"shape\": [9], \"values\": [1]}", "the key 9 is beyond the `shape` 9"),
        ("[[1, 2], [1, 2]]", "index 1 comes twice"),
        ("[[-1, 2]]", "the index -1 is not a whole number from 0 to 4294967295"),
        ("[[1, null]]", "the value of index 1 is not a number"),
        ("[[1, 2, 3]]", "a sparse row is {"),
        ("null", "the row is missing"),
    ] {
        let refusal = json(row);
        let place = "row 2, column `features`: ";
        assert!(refusal.starts_with(&format!("{place}{expected}")), "{refusal}");
    }
    let csv = ask("text/csv", "features\n1:1\n3:x\n").unwrap_err();
    assert!(csv.contains("row 2, column `features`: `3:x` is not `index:value`"), "{csv}");
}
