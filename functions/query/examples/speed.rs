//! How long queries take on a million rows of mixed columns: `cargo run --release -p millstream-query --example speed`.

use std::{sync::Arc, time::Instant};

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use millstream_query::Query;

const ROWS: usize = 1_000_000;

fn table() -> RecordBatch {
    let mut state = 18_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let cities: Vec<String> = (0..200).map(|n| format!("city-{n}")).collect();
    let id: Int64Array = (0..ROWS as i64).map(Some).collect();
    let city: StringArray =
        (0..ROWS).map(|_| Some(cities[next() % cities.len()].as_str()).filter(|_| next() % 50 > 0)).collect();
    let code: Int64Array = (0..ROWS).map(|_| Some((next() % 1000) as i64)).collect();
    let price: Float64Array = (0..ROWS).map(|_| (next() % 20 > 0).then(|| next() as f64 / 1e6)).collect();
    RecordBatch::try_from_iter([
        ("id", Arc::new(id) as ArrayRef),
        ("city", Arc::new(city)),
        ("code", Arc::new(code)),
        ("price", Arc::new(price)),
    ])
    .expect("columns are of one length")
}

fn main() {
    let table = table();
    for text in [
        "SELECT id, price * 1.2 + code AS p FROM self WHERE price > 1000 AND code <> 7",
        "SELECT city, count(*), sum(price), avg(code), max(price) FROM self GROUP BY city",
        "SELECT code, sum(price * 2) FROM self WHERE price > 500 GROUP BY code",
        "SELECT city, code, count(*) FROM self GROUP BY city, code",
        "SELECT upper(city) AS c, CASE WHEN price > 1000 THEN 'high' ELSE 'low' END AS level FROM self",
        "SELECT id FROM self ORDER BY price DESC, id",
        "SELECT id, lag(price) OVER (PARTITION BY city ORDER BY id) AS l FROM self",
        "SELECT a.id, b.price FROM self a JOIN self b USING (id)",
    ] {
        let query = Query::parse(text).expect("it is a query");
        let bound = query.bind(&[("self", &table.schema())]).expect("its columns are there");
        let start = Instant::now();
        let rows = bound.run(&[("self", &table)]).expect("it runs").num_rows();
        println!("{:7.1} ms  {rows:8} rows  {text}", start.elapsed().as_secs_f64() * 1e3);
    }
}
