use super::*;

fn csv(inputs: &str) -> Result<(String, &'static str), String> {
    let document = format!(r#"{{"inputs": {inputs}}}"#);
    let request = parse(document.as_bytes()).map_err(|fault| fault.message)?;
    let rows = request.rows().map_err(|fault| fault.message)?;
    Ok((String::from_utf8(rows.body.to_vec()).unwrap(), rows.content_type))
}

#[test]
fn a_tensor_for_each_column_is_a_table_with_a_header() {
    let (body, content_type) =
        csv(r#"[{"name": "age", "shape": [2], "datatype": "INT64", "data": [31, null]},
            {"name": "plan, \"new\"", "shape": [2, 1], "datatype": "BYTES", "data": [["a"], ["b,\"c\""]]},
            {"name": "spent", "shape": [2], "datatype": "FP64", "data": [0.1, 12345678901234567890e-5]},
            {"name": "paid", "shape": [2], "datatype": "BOOL", "data": [true, false]}]"#)
        .unwrap();
    assert_eq!(content_type, "text/csv; header=present");
    assert_eq!(
        body,
        "\"age\",\"plan, \"\"new\"\"\",\"spent\",\"paid\"\n31,\"a\",0.1,true\n,\"b,\"\"c\"\"\",12345678901234567890e-5,false\n"
    );
}

#[test]
fn a_table_in_one_tensor_goes_by_place() {
    for data in ["[1, 2, 3.5, -4e1]", "[[1, 2], [3.5, -4e1]]"] {
        let input = format!(r#"[{{"name": "x", "shape": [2, 2], "datatype": "FP32", "data": {data}}}]"#);
        let (body, content_type) = csv(&input).unwrap();
        assert_eq!((body.as_str(), content_type), ("1,2\n3.5,-4e1\n", "text/csv; header=absent"));
    }
    let missing = r#"[{"name": "x", "shape": [2, 1], "datatype": "FP64", "data": [null, 1]}]"#;
    assert_eq!(csv(missing).unwrap().0, "\"\"\n1\n");
}

#[test]
fn misshapen_tensors_are_named() {
    for (input, expected) in [
        ("[]", "there is no input"),
        (
            r#"[{"name": "x", "shape": [3], "datatype": "FP64", "data": [1, 2]}]"#,
            "`x` has the shape [3], but there are 2 values",
        ),
        (
            r#"[{"name": "x", "shape": [1, 1, 1], "datatype": "FP64", "data": [1]}]"#,
            "`x` has the shape [1, 1, 1]",
        ),
        (r#"[{"name": "x", "shape": [-1], "datatype": "FP64", "data": [1]}]"#, "a size of `-1`"),
        (
            r#"[{"name": "x", "shape": [18446744073709551615, 2], "datatype": "FP64", "data": [1]}]"#,
            "1 values",
        ),
        (r#"[{"name": "x", "shape": [1], "datatype": "BF16", "data": [1]}]"#, "type `BF16`"),
        (
            r#"[{"name": "x", "shape": [1], "datatype": "INT64", "data": [1.5]}]"#,
            "`1.5` in tensor `x` is no INT64",
        ),
        (r#"[{"name": "x", "shape": [1], "datatype": "FP64", "data": ["a"]}]"#, "no FP64"),
        (r#"[{"name": "x", "shape": [1], "datatype": "BYTES", "data": [1]}]"#, "no BYTES"),
        (r#"[{"name": "x", "shape": [1], "datatype": "FP64"}]"#, "no `data`"),
        (
            r#"[{"name": "x", "shape": [1], "datatype": "FP64", "data": [1]}, {"name": "y", "shape": [2], "datatype": "FP64", "data": [1, 2]}]"#,
            "`y` has 2 rows, but `x` has 1",
        ),
        (
            r#"[{"name": "x", "shape": [1], "datatype": "FP64", "data": [1]}, {"name": "x", "shape": [1], "datatype": "FP64", "data": [1]}]"#,
            "two tensors `x`",
        ),
        (
            r#"[{"name": "x", "shape": [4], "datatype": "FP64", "parameters": {"binary_data_size": 32}}]"#,
            "binary",
        ),
    ] {
        let message = csv(input).unwrap_err();
        assert!(message.contains(expected), "{input}: {message}");
    }
}

fn shaped(datatype: &str, shape: &str, data: &str) -> Result<String, String> {
    let input = format!(r#"[{{"name": "x", "shape": {shape}, "datatype": "{datatype}", "data": {data}}}]"#);
    csv(&input).map(|(body, _)| body)
}

#[test]
fn data_is_flat_or_nested_as_its_shape_says() {
    for (shape, data, expected) in [
        ("[2, 3]", "[1,2,3,4,5,6]", "1,2,3\n4,5,6\n"),
        ("[2, 3]", "[[1,2,3],[4,5,6]]", "1,2,3\n4,5,6\n"),
        ("[ 2,3 ]", " [ [ 1 , 2 , 3 ] , [ 4,5,6 ] ] ", "1,2,3\n4,5,6\n"),
        ("[2, 1]", "[[1],[2]]", "1\n2\n"),
        ("[2, 1]", "[1,2]", "1\n2\n"),
        ("[0, 3]", "[]", ""),
        ("[2]", "[1,null]", "\"x\"\n1\n\"\"\n"),
        ("[0]", "[]", "\"x\"\n"),
    ] {
        assert_eq!(shaped("FP64", shape, data).as_deref(), Ok(expected), "{shape} {data}");
    }
    for (shape, data, expected) in [
        ("[2,3]", "[[1,2],[3,4,5,6]]", "the shape [2, 3], but row 1 has 2 values"),
        ("[2,3]", "[[1,2,3],[4,5,6,7]]", "row 2 has 4 values"),
        ("[2,3]", "[[1,2],[3,4],[5,6]]", "row 1 has 2 values"),
        ("[2,3]", "[[1,2,3]]", "there are 1 rows"),
        ("[2,3]", "[[1,2,3],[4,5,6],[]]", "row 3 has 0 values"),
        ("[2,3]", "[[1,2,3],[4,5,6],[7,8,9]]", "there are 3 rows"),
        ("[2,3]", "[[[1,2,3],[4,5,6]]]", "nested deeper"),
        ("[2,3]", "[[[1],[2],[3]],[[4],[5],[6]]]", "nested deeper"),
        ("[1,3]", "[1,[2,[3]]]", "mixes values and lists"),
        ("[2,3]", "[[1,2,3],4,5,6]", "mixes values and lists"),
        ("[2,3]", "[1,2,3,4,5]", "there are 5 values"),
        ("[2,3]", "[1,2,3,4,5,6,7]", "there are 7 values"),
        ("[2,3]", "[]", "there are 0 values"),
        ("[0,3]", "[[]]", "row 1 has 0 values"),
        ("[0,3]", "[1]", "there are 1 values"),
        ("[2]", "[[1],[2]]", "nested deeper"),
        ("[2]", "[[1,2]]", "nested deeper"),
        ("[2]", "7", "is no list"),
        ("[2]", "\"12\"", "is no list"),
        ("[1]", "{\"a\": 1}", "is no list"),
        ("[1]", "[{\"a\": [1, 2]}]", "an object"),
        ("[2,0]", "[]", "rows without columns"),
        ("[2,0]", "[[],[]]", "rows without columns"),
        ("[0,0]", "[]", "rows without columns"),
        ("[]", "[1]", "the shape []"),
        ("[1,1,1]", "[1]", "the shape [1, 1, 1]"),
        ("[-1]", "[1]", "a size of `-1`"),
        ("[1, -3]", "[1]", "a size of `-3`"),
        ("[1.0]", "[1]", "a size of `1.0`"),
        ("[\"1\"]", "[1]", "a size of `\"1\"`"),
        ("[99999999999999999999]", "[1]", "a size of `99999999999999999999`"),
        ("[4294967296, 4294967296]", "[]", "there are 0 values"),
        ("[9223372036854775808, 2]", "[]", "there are 0 values"),
        ("[18446744073709551615, 18446744073709551615]", "[1]", "there are 1 values"),
        ("[1]", "null", "no `data`"),
    ] {
        let message = shaped("FP64", shape, data).unwrap_err();
        assert!(message.contains(expected), "{shape} {data}: {message}");
    }
}

#[test]
fn texts_are_nested_as_their_shape_says_too() {
    assert_eq!(shaped("BYTES", "[1,2]", r#"[["a]",",[\"b"]]"#).unwrap(), "\"a]\",\",[\"\"b\"\n");
    assert_eq!(shaped("BYTES", "[2,1]", r#"["\u00e9\n", null]"#).unwrap(), "\"\u{e9}\n\"\n\"\"\n");
    assert_eq!(shaped("BYTES", "[1]", r#"["\\"]"#).unwrap(), "\"x\"\n\"\\\"\n");
    for (shape, data) in
        [("[2,2]", r#"[["a"],["b","c","d"]]"#), ("[1]", r#"[["a"]]"#), ("[1]", "[1]"), ("[1]", "[true]")]
    {
        assert!(shaped("BYTES", shape, data).is_err(), "{shape} {data}");
    }
}

#[test]
fn each_type_takes_its_values_and_no_others() {
    let all = ["1", "-1", "0.5", "1e3", "true", "\"a\"", "300", "70000", "5000000000", "1e39", "1e400"];
    for (datatype, taken) in [
        ("FP64", &["1", "-1", "0.5", "1e3", "300", "70000", "5000000000", "1e39"][..]),
        ("FP32", &["1", "-1", "0.5", "1e3", "300", "70000", "5000000000"]),
        ("FP16", &["1", "-1", "0.5", "1e3", "300"]),
        ("INT64", &["1", "-1", "300", "70000", "5000000000"]),
        ("INT32", &["1", "-1", "300", "70000"]),
        ("INT16", &["1", "-1", "300"]),
        ("INT8", &["1", "-1"]),
        ("UINT64", &["1", "300", "70000", "5000000000"]),
        ("UINT32", &["1", "300", "70000"]),
        ("UINT16", &["1", "300"]),
        ("UINT8", &["1"]),
        ("BOOL", &["true"]),
        ("BYTES", &["\"a\""]),
    ] {
        for value in all {
            let outcome = shaped(datatype, "[1, 1]", &format!("[{value}]"));
            assert_eq!(outcome.is_ok(), taken.contains(&value), "{datatype} {value}: {outcome:?}");
        }
        assert_eq!(shaped(datatype, "[1, 1]", "[null]").unwrap(), "\"\"\n", "{datatype}");
    }
    let (most, more) = ("[18446744073709551615]", "[18446744073709551616]");
    assert_eq!(shaped("UINT64", "[1, 1]", most).unwrap(), "18446744073709551615\n");
    for (datatype, data) in [("UINT64", more), ("INT64", most), ("BF16", "[1]"), ("fp64", "[1]"), ("", "[1]")]
    {
        assert!(shaped(datatype, "[1, 1]", data).is_err(), "{datatype} {data}");
    }
}

#[test]
fn null_is_nothing_said_and_nan_is_no_json() {
    let tensor = r#"[{"name": "x", "shape": [1], "datatype": "FP64", "data": [1]}]"#;
    let document = format!(r#"{{"id": null, "inputs": {tensor}, "outputs": null, "parameters": null}}"#);
    let request = parse(document.as_bytes()).unwrap();
    assert!(request.wanted().is_empty() && request.id.is_none() && request.rows().is_ok());
    let nothing = parse(br#"{"inputs": null}"#).unwrap().rows().unwrap_err();
    assert!(nothing.message.contains("there is no input"), "{}", nothing.message);
    for value in ["NaN", "Infinity", "-Infinity"] {
        for data in [format!("[{value}]"), format!("[1, {value}, 2]"), format!("[[0.5,\n{value}]]")] {
            let message = shaped("FP64", "[1]", &data).unwrap_err();
            assert!(message.contains("a missing value is null"), "{data}: {message}");
        }
    }
}

proptest::proptest! {
    /// What is nested as its shape says is read as what is flat; ragged, it is refused.
    #[test]
    fn nested_is_flat(rows in 0..6_usize, columns in 1..6_usize, ragged: bool, place: usize) {
        let mut table: Vec<Vec<String>> =
            (0..rows).map(|row| (0..columns).map(|column| format!("{row}.{column}")).collect()).collect();
        let flat = shaped("FP64", &format!("[{rows}, {columns}]"), &format!("[{}]", table.concat().join(",")));
        if ragged && rows > 1 {
            let moved = table[place % rows].pop().unwrap();
            table[(place + 1) % rows].push(moved);
        }
        let nested: Vec<String> = table.iter().map(|row| format!("[{}]", row.join(","))).collect();
        let nested = shaped("FP64", &format!("[{rows}, {columns}]"), &format!("[{}]", nested.join(",")));
        proptest::prop_assert_eq!(nested.is_err(), ragged && rows > 1);
        if nested.is_ok() {
            proptest::prop_assert_eq!(nested, flat);
        }
    }
}
