//! The table that the examples work on.

use millstream_sdk::arrow_array::RecordBatch;
use millstream_sdk::arrow_schema::DataType;
use millstream_sdk::predict::{Request, parse};
use millstream_sdk::table::{schema_of, sparse_type};
use std::fmt::Write as _;

const HEADER: &str = "row,month,a,b,c,d,e,gaps,value,label,flag,count,above,query,pairs";

/// So many rows of numbers that follow from each other, with noise, a row a month; with targets of every kind.
///
/// - `row`, `month`: times, as numbers and dates
/// - `a` to `e`: features without missing values; `gaps`: one with
/// - `value`: a number; `count`: whole numbers from 0; `above`: numbers above 1
/// - `label`: three classes; `flag`: two
/// - `query`: groups of eight rows
/// - `pairs`: sparse rows
pub fn table(rows: usize) -> RecordBatch {
    let types = HEADER.split(',').map(|name| {
        let kind = match name {
            "row" | "query" => DataType::Int64,
            "month" => DataType::Date32,
            "label" => DataType::Utf8,
            "flag" => DataType::Boolean,
            "pairs" => sparse_type(),
            _ => DataType::Float64,
        };
        (name, kind)
    });
    let request = Request { content_type: "text/csv".into(), accept: None, body: csv(rows).into() };
    parse(&request, &schema_of(types)).expect("sound CSV").rows
}

/// The same as CSV.
pub fn csv(rows: usize) -> String {
    let mut text = format!("{HEADER}\n");
    for i in 0..rows {
        let noise = |k: usize| ((i * k + k) % 1009) as f64 / 1009.0 - 0.5;
        let (a, b, c) = (3.0 * noise(37), 2.0 * noise(101) + 1.0, noise(271));
        let (d, e) = (a * b + noise(53), 10.0 * noise(677));
        let value = 2.0 * a - b + 0.3 * e + d * d + noise(911);
        let label = ["no", "yes", "maybe"][usize::from(value > 0.0) + usize::from(value > 2.0)];
        let count = value.abs().floor();
        let (year, month) = (1990 + i / 12, i % 12 + 1);
        let gaps = if i % 7 == 3 || value > 2.5 { String::new() } else { format!("{:.6}", a + b) };
        let pairs = ["7:1", "0:2 7:-1", "", "4000000000:1.5 9:2"][i % 4];
        write!(
            text,
            "{i},{year}-{month:02}-01,{a:.6},{b:.6},{c:.6},{d:.6},{e:.6},{gaps},{value:.6},{label},"
        )
        .expect("a string takes it");
        writeln!(text, "{},{count},{},{},{pairs}", value > 0.0, count + 1.0, i / 8)
            .expect("a string takes it");
    }
    text
}
