//! Tables of rows with a further column that says what became of each.

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{Field, Schema};
use millstream_sdk::{Failure, Table, internal, invalid_input};
use std::sync::Arc;

/// The rows of `table` with a column behind theirs.
///
/// # Errors
/// If there is a column of this name already.
pub fn with_column(table: &Table, name: &str, values: ArrayRef) -> Result<RecordBatch, Failure> {
    let batch = table.batch();
    let schema = batch.schema();
    if schema.fields().iter().any(|field| field.name() == name) {
        return Err(invalid_input("the output has a column of this name: rename the one in the input")
            .column(name)
            .channel(table.channel()));
    }
    let mut fields = schema.fields().to_vec();
    fields.push(Arc::new(Field::new(name, values.data_type().clone(), true)));
    let columns = batch.columns().iter().chain([&values]).cloned().collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|error| internal(error.to_string()))
}

/// The rows of `table` with the number of each one's `cluster` behind it.
///
/// # Errors
/// If there is a column of this name already.
pub fn with_clusters(table: &Table, clusters: &[u32]) -> Result<RecordBatch, Failure> {
    let numbers: Int64Array = clusters.iter().map(|&cluster| i64::from(cluster)).collect();
    with_column(table, "cluster", Arc::new(numbers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_sdk::testing::rows;

    #[test]
    fn a_column_of_its_own_name() {
        let table = Table::new("train", rows("x\n1\n2\n"));
        let labels: ArrayRef = Arc::new(Int64Array::from(vec![0, 1]));
        assert_eq!(with_column(&table, "cluster", labels.clone()).unwrap().num_columns(), 2);
        let failure = with_column(&table, "x", labels).unwrap_err().to_string();
        assert!(failure.contains("input `train`, column `x`"), "{failure}");
    }
}
