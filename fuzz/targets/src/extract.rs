//! Files that `extract` reads.

use crate::seeds::{folder, texts};
use crate::{blameless, suspicion};
use fn_extract::Extract;
use millstream_sdk::testing::{Host, rows};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

/// Reads a file; if there is a table, it has rows.
fn extract(name: &str, parameters: &str, bytes: &[u8]) {
    let host = Host::new().file("source", name, bytes);
    if blameless(host.run::<Extract>(parameters)).is_some() {
        assert!(host.table("table").num_rows() > 0);
    }
}

/// The first byte chooses among the ways to read.
fn choose<'a>(bytes: &'a [u8], ways: &[&'static str]) -> Option<(&'static str, &'a [u8])> {
    let (&first, file) = bytes.split_first()?;
    Some((ways[usize::from(first) % ways.len()], file))
}

pub fn csv(bytes: &[u8]) {
    let ways = [
        "{}",
        r#"{"format": "csv", "header": false}"#,
        r#"{"format": "csv", "delimiter": ";", "quote": "'", "missing_values": ["-"], "skip_rows": 1}"#,
        r#"{"format": "csv", "header": false, "column_names": ["a", "b"], "types": {"a": "timestamp", "b": "int"}}"#,
        r#"{"format": "csv", "delimiter": "tab", "limit": 2}"#,
        r#"{"format": "csv", "skip_initial_space": true}"#,
    ];
    if let Some((parameters, file)) = choose(bytes, &ways) {
        extract("a.csv", parameters, file);
    }
}

pub fn json_lines(bytes: &[u8]) {
    let ways = [
        "{}",
        r#"{"format": "json-lines", "columns": ["a", "b"], "types": {"a": "string"}}"#,
        r#"{"types": {"a": "date"}, "skip_rows": 1, "limit": 2}"#,
    ];
    if let Some((parameters, file)) = choose(bytes, &ways) {
        extract("a.jsonl", parameters, file);
    }
}

pub fn libsvm(bytes: &[u8]) {
    let ways = [
        "{}",
        r#"{"format": "libsvm", "features": "sparse", "zero_based": true}"#,
        r#"{"features": "dense", "zero_based": false, "n_features": 9, "types": {"label": "float"}}"#,
        r#"{"columns": ["f1", "label"], "skip_rows": 1, "limit": 2}"#,
    ];
    if let Some((parameters, file)) = choose(bytes, &ways) {
        extract("a.libsvm", parameters, file);
    }
}

pub fn parquet(bytes: &[u8]) {
    let ways = ["{}", r#"{"columns": ["c", "a"], "skip_rows": 1, "limit": 1}"#];
    if let Some((parameters, file)) = choose(bytes, &ways) {
        // The library that reads Parquet panics at some damaged files. The function says so beforehand.
        suspicion::excused(|| extract("a.parquet", parameters, file));
    }
}

pub fn csv_seeds() -> Vec<Vec<u8>> {
    let mut seeds = texts(&[
        "\0a,b,c,d,e\n1,x,true,2024-01-31,0.5\n2,\"y, \"\"z\"\"\n\",false,2024-02-01,NaN\n,NA,,,1e300\n",
        "\x011,2\r\n3,4\r\n9223372036854775808,-0\r\n",
        "\x02note\n'a';'b'\n1;-\n'x;';2.5\n",
        "\x032024-01-31T09:30:00Z,7\n2024-01-31 10:00,8\n",
        "\x04a\tb\n1\t2\n3\t4\n5\t6\n",
        "\0\u{feff}name,name\n1,2\n",
        "\x05a, \"b\", c\n007, \"x, y\",\t17758512297797920001\nTRUE,1.0, 2024-01-31 10:00\n",
    ]);
    seeds.extend(folder("workflow/examples", ".csv").into_iter().map(|file| {
        // Some lines are as good as all.
        let lines = file.split_inclusive(|&byte| byte == b'\n').take(6).flatten().copied();
        [0].into_iter().chain(lines).collect()
    }));
    seeds
}

pub fn json_lines_seeds() -> Vec<Vec<u8>> {
    texts(&[
        "\0{\"a\": 1, \"b\": \"x\", \"c\": true, \"d\": null, \"e\": [1, {}]}\n\n{\"b\": \"y\", \"a\": 2.5, \"f\": \"2024-01-31\"}\n",
        "\x01{\"a\": 7, \"b\": {\"c\": 1}}\n{\"a\": \"\\u00e9\\ud83d\\ude00\", \"b\": -0.0}\n",
        "\0{\"a\": NaN, \"b\": \"NaN\\\"\"}\n{\"a\": Infinity}\n{\"a\": 9007199254740993}\n{\"a\": 0.5}\n",
        "\x02{}\n{\"a\": \"2024-01-31\"}\n{\"a\": \"1969-12-31\"}\n",
    ])
}

pub fn libsvm_seeds() -> Vec<Vec<u8>> {
    texts(&[
        "\0+1 1:0.5 3:-2 # first\n\n-1 2:1e3\r\n+1\n",
        "\x010.5:2 qid:1 0:1 4294967295:2\n1:0 qid:-1 7:nan\n",
        "\x021 1:1 9:1\n0 2:1\n",
        "\x03note\n1 1:1 2:2\n0 2:3\n1 1:4\n",
        "\x001 1000:1\n2 1:1\n",
    ])
}

pub fn parquet_seeds() -> Vec<Vec<u8>> {
    let rows = rows("a,b,c,d\n1,x,true,0.5\n2,,false,\n,z,,-1.5\n");
    let write = |compression, first: u8| {
        let properties = WriterProperties::builder().set_compression(compression).build();
        let mut bytes = vec![first];
        let mut writer =
            ArrowWriter::try_new(&mut bytes, rows.schema(), Some(properties)).expect("a sound schema");
        writer.write(&rows).expect("memory can be written");
        writer.close().expect("memory can be written");
        bytes
    };
    vec![write(Compression::UNCOMPRESSED, 0), write(Compression::SNAPPY, 1)]
}
