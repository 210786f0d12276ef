//! Whole queries: order of rows, names, bounds, and where they are wrong.

use std::{collections::HashMap, sync::Arc};

use arrow_array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, cast::AsArray, types::Int64Type,
};
use arrow_schema::Schema;
use millstream_query::{Problem, Query};

fn table() -> RecordBatch {
    RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5])) as ArrayRef),
        ("g", Arc::new(StringArray::from(vec![Some("b"), Some("a"), None, Some("b"), Some("a")]))),
        ("x", Arc::new(Float64Array::from(vec![Some(1.0), Some(2.0), Some(3.0), None, Some(f64::NAN)]))),
    ])
    .unwrap()
}

fn run(text: &str) -> Result<RecordBatch, Problem> {
    let table = table();
    Query::parse(text)?.bind(&[("self", &table.schema())])?.run(&[("self", &table)])
}

fn integers(text: &str, column: &str) -> Vec<Option<i64>> {
    run(text).unwrap().column_by_name(column).unwrap().as_primitive::<Int64Type>().iter().collect()
}

#[test]
fn rows_keep_the_order_of_the_input_and_groups_that_of_their_first_rows() {
    assert_eq!(integers("SELECT id FROM self WHERE id <> 3", "id"), [1, 2, 4, 5].map(Some));
    let groups = run("SELECT g, count(*) AS n FROM self GROUP BY g").unwrap();
    let names: Vec<_> = groups.column(0).as_string::<i32>().iter().collect();
    assert_eq!(names, [Some("b"), Some("a"), None]);
    assert_eq!(integers("SELECT DISTINCT id // 3 AS k FROM self", "k"), [0, 1].map(Some));
}

#[test]
fn a_left_row_without_partner_stands_where_its_partners_would() {
    let text = "SELECT a.id, b.k FROM self AS a LEFT JOIN (VALUES ('a', 7), ('a', 8)) AS b(g, k) USING (g)";
    let result = run(text).unwrap();
    let ids: Vec<_> = result.column(0).as_primitive::<Int64Type>().values().to_vec();
    assert_eq!(ids, [1, 2, 2, 3, 4, 5, 5]);
}

#[test]
fn columns_of_one_name_are_told_apart() {
    let result = run("SELECT a.id, b.id FROM self a JOIN self b ON a.id = b.id").unwrap();
    let schema = result.schema();
    let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["id", "id_1"]);
}

#[test]
fn tables_are_named_without_those_of_with() {
    let query = Query::parse(
        "WITH self AS (SELECT * FROM self), b AS (SELECT * FROM prices) \
         SELECT * FROM self JOIN b USING (id) WHERE id IN (SELECT id FROM shops)",
    )
    .unwrap();
    assert_eq!(query.tables(), ["self", "prices", "shops"]);
}

#[test]
fn a_join_that_explodes_says_how_many_rows_it_would_make() {
    let many: ArrayRef = Arc::new(Int64Array::from(vec![7; 10_000]));
    let batch = RecordBatch::try_from_iter([("k", many)]).unwrap();
    for text in ["SELECT a.k FROM t a JOIN t b USING (k)", "SELECT a.k FROM t a CROSS JOIN t b"] {
        let bound = Query::parse(text).unwrap().bind(&[("t", &batch.schema())]).unwrap();
        let problem = bound.run(&[("t", &batch)]).unwrap_err();
        assert!(problem.message.contains("10000 with 10000 rows would make 100000000 rows"), "{problem}");
    }
}

#[test]
fn a_sum_that_does_not_fit_is_an_error() {
    let problem = run("SELECT sum(9223372036854775807) FROM self").unwrap_err();
    assert!(problem.message.contains("overflow: the sum 46116860184273879035"), "{problem}");
}

#[test]
fn no_rows_have_one_total_and_no_groups() {
    assert_eq!(integers("SELECT count(*) AS n FROM self WHERE false", "n"), [Some(0)]);
    assert_eq!(run("SELECT g, count(*) FROM self WHERE false GROUP BY g").unwrap().num_rows(), 0);
    assert_eq!(run("SELECT id, row_number() OVER () FROM self WHERE false").unwrap().num_rows(), 0);
}

#[test]
fn equal_inputs_give_equal_bytes() {
    let text =
        "SELECT g, avg(x), string_agg(id::VARCHAR, '-'), stddev_samp(x) FROM self GROUP BY g ORDER BY g";
    assert_eq!(run(text).unwrap(), run(text).unwrap());
}

#[test]
fn errors_say_where_and_what_else_there_is() {
    for (text, place, what) in [
        ("SELECT idd FROM self", (1, 8), "no column `idd`; did you mean `id`?"),
        ("SELECT id FROM slef", (1, 16), "no table `slef`; did you mean `self`?"),
        ("SELECT s.id FROM self", (1, 8), "no table `s` here"),
        ("SELECT id FROM self WHERE sum(id) > 1", (1, 27), "the aggregate `sum` cannot stand in WHERE"),
        ("SELECT id, count(*) FROM self GROUP BY g", (1, 8), "`id` is neither in GROUP BY"),
        ("SELECT id FROM self ORDER BY 3", (1, 30), "there is no column 3"),
        ("SELECT id FROM self a JOIN self b ON a.id = b.id", (1, 8), "may mean `a.id`, `b.id`"),
        (
            "SELECT id FROM self WHERE id = (SELECT b.id FROM self AS b WHERE b.g = self.g)",
            (1, 72),
            "cannot depend on it",
        ),
        ("SELECT * EXCLUDE (idd) FROM self", (1, 19), "`*` has no column `idd`; did you mean `id`?"),
        ("SELECT sumn(id) FROM self", (1, 8), "no function `sumn`; did you mean `sum`?"),
    ] {
        let problem = run(text).unwrap_err();
        let position = problem.position.map(|position| (position.line, position.column));
        assert_eq!(position, Some(place), "{text}: {problem}");
        assert!(problem.message.contains(what), "{text}: {problem}");
    }
}

#[test]
fn what_is_not_there_is_named() {
    for (text, what) in [
        ("INSERT INTO self VALUES (1)", "no query"),
        ("WITH RECURSIVE r AS (SELECT 1) SELECT * FROM r", "WITH RECURSIVE is not supported"),
        ("SELECT * FROM self NATURAL JOIN self", "NATURAL JOIN"),
        ("SELECT * FROM self ASOF JOIN self b MATCH_CONDITION (self.id >= b.id)", "not supported"),
        ("SELECT id FROM self GROUP BY ROLLUP (id)", "not supported"),
        ("SELECT * FROM read_csv('x.csv')", "not supported"),
        ("SELECT id FROM self FETCH FIRST 3 ROWS ONLY", "FETCH"),
        ("SELECT sum(id) OVER (ORDER BY id GROUPS 1 PRECEDING) FROM self", "GROUPS"),
        ("SELECT id FROM self; SELECT id FROM self", "was not expected here"),
    ] {
        let message = run(text).unwrap_err().to_string();
        assert!(message.contains(what), "{text}: {message}");
    }
}

#[test]
fn columns_that_are_a_tables_own_keep_their_metadata() {
    let table = table();
    let own_schema = table.schema();
    let fields = own_schema.fields().iter().map(|field| {
        let name = field.name().clone();
        field.as_ref().clone().with_metadata(HashMap::from([("written".to_owned(), name)]))
    });
    let schema = Schema::new(fields.collect::<Vec<_>>());
    let written = |text: &str| -> Vec<Option<String>> {
        let bound = Query::parse(text).unwrap().bind(&[("self", &schema)]).unwrap();
        bound.schema.fields().iter().map(|field| field.metadata().get("written").cloned()).collect()
    };
    let own = |name: &str| Some(name.to_owned());
    assert_eq!(written("SELECT x AS y, id + 1 FROM self WHERE id > 1 ORDER BY g"), [own("x"), None]);
    assert_eq!(written("SELECT g, sum(x) FROM self GROUP BY g"), [own("g"), None]);
    assert_eq!(written("SELECT id, lag(id) OVER (ORDER BY id) FROM self"), [own("id"), None]);
    assert_eq!(
        written("WITH q AS (SELECT g AS k FROM self) SELECT a.id, b.k FROM self a, q b"),
        [own("id"), own("g")]
    );
}
