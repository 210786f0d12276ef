//! Two versions side by side.

use std::fmt::Write as _;

use console::style;
use millstream_core::nearest;
use millstream_registry::{Models, compare as side_by_side};
use serde_json::{Value, json};

use super::{approval, shown};
use crate::{
    commands::{print, print_json},
    display::{foreign, text},
};

/// A list of more entries is counted in the table, and compared below it: a cell as long as that makes the rest unreadable.
const LONG: usize = 4;

pub fn compare(models: &Models<'_>, name: &str, a: u32, b: u32, as_json: bool) -> anyhow::Result<()> {
    let (a, b) = (models.version(name, a)?, models.version(name, b)?);
    let differences = side_by_side(&a, &b);
    if as_json {
        return print_json(&json!({"name": name, "a": a, "b": b, "differences": differences}));
    }
    let titles = [
        String::new(),
        format!("version {}", a.version),
        format!("version {}", b.version),
        "change".to_owned(),
    ];
    let mut rows = vec![titles.to_vec()];
    let mut lists = String::new();
    for row in differences.iter().filter(|row| !(row.a.is_null() && row.b.is_null())) {
        let change = row.change.map(|change| format!("{change:+.4}")).unwrap_or_default();
        let title = foreign::line(row.what.strip_prefix("metrics.").unwrap_or(&row.what)).into_owned();
        if row.what == "stages" {
            rows.extend(stages(&entries(&row.a), &entries(&row.b)));
            continue;
        }
        if [&row.a, &row.b].iter().any(|value| entries(value).len() > LONG) {
            lists.push_str(&differing(&title, (a.version, &row.a), (b.version, &row.b)));
        }
        rows.push(vec![title, cell(&row.what, &row.a), cell(&row.what, &row.b), change]);
    }
    print(&(text::table(&rows) + &lists))
}

/// A cell of a comparison.
fn cell(what: &str, value: &Value) -> String {
    match (what, value) {
        (_, Value::Null) => String::new(),
        ("created", value) => text::moment(value.as_u64().unwrap_or(0)),
        ("bytes", value) => text::bytes(value.as_u64().unwrap_or(0)),
        ("approval", value) => serde_json::from_value(value.clone()).map(approval).unwrap_or_default(),
        (_, value @ Value::Array(all)) => match entries(value) {
            few if few.len() <= LONG => foreign::line(&nearest::list(&few)).into_owned(),
            _ => format!("{} (below)", all.len()),
        },
        (_, Value::String(text)) => foreign::line(text).into_owned(),
        (_, value) => shown(Some(value)),
    }
}

/// A row for each stage, as a chain of them in one cell is wider than a screen.
fn stages(a: &[&str], b: &[&str]) -> Vec<Vec<String>> {
    let stage = |of: &[&str], place: usize| of.get(place).map(|stage| foreign::line(stage).into_owned());
    let row = |place: usize| {
        vec![
            format!("stage {}", place + 1),
            stage(a, place).unwrap_or_default(),
            stage(b, place).unwrap_or_default(),
        ]
    };
    (0..a.len().max(b.len())).map(row).collect()
}

fn entries(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What is in both lists, and what in one of them alone.
fn differing(title: &str, (a, of_a): (u32, &Value), (b, of_b): (u32, &Value)) -> String {
    let (of_a, of_b) = (entries(of_a), entries(of_b));
    let (both, only_a): (Vec<&str>, Vec<&str>) = of_a.iter().partition(|entry| of_b.contains(entry));
    let only_b: Vec<&str> = of_b.iter().copied().filter(|entry| !of_a.contains(entry)).collect();
    let mut rows = Vec::new();
    let titles = ["  in both".to_owned(), format!("  only in version {a}"), format!("  only in version {b}")];
    for (title, list) in titles.into_iter().zip([both, only_a, only_b]) {
        if !list.is_empty() {
            rows.push(vec![title, foreign::line(&list.join(", ")).into_owned()]);
        }
    }
    let mut text = String::new();
    let _ = write!(text, "\n{}\n{}", style(title).bold(), text::table(&rows));
    text
}
