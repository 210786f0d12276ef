//! What pandas writes beside a table: which of its columns are the index.

use serde_json::Value;

/// The columns that the text under the key `pandas` (of a Parquet file's or an Arrow schema's metadata) names as the index. An
/// index of row numbers that is no column is left out; so is everything of a text that is none of pandas'.
pub fn pandas_index(metadata: &str) -> Vec<String> {
    let Ok(metadata) = serde_json::from_str::<Value>(metadata) else { return Vec::new() };
    let columns = metadata.get("index_columns").and_then(Value::as_array);
    columns.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_a_column_or_a_range() {
        let range = r#"{"index_columns": [{"kind": "range", "name": null, "start": 0, "stop": 3, "step": 1}], "columns": []}"#;
        assert!(pandas_index(range).is_empty());
        let two = r#"{"index_columns": ["day", "__index_level_1__"], "columns": [{"name": "x", "field_name": "x"}]}"#;
        assert_eq!(pandas_index(two), ["day", "__index_level_1__"]);
        for other in ["", "{", "[]", "null", r#"{"index_columns": 5}"#, r#"{"index_columns": {"a": "b"}}"#] {
            assert!(pandas_index(other).is_empty(), "{other}");
        }
    }
}
