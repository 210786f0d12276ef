//! Values and how often they occur.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use serde::Serialize;
use serde_json::Value;

use crate::values::{Column, Key};

/// A value and how often it occurs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tally {
    pub value: Value,
    pub count: u64,
}

/// A column as numbered categories.
pub struct Categories {
    /// For each row its category; `None` if missing.
    pub codes: Vec<Option<u32>>,
    /// For each category the first row that has it, and how many have it; in order of first appearance.
    pub members: Vec<(usize, u64)>,
}

impl Categories {
    /// The categories of `column`: its distinct values.
    pub fn of(column: &Column) -> Self {
        let mut numbers: HashMap<Key, u32, FixedState> = HashMap::default();
        let mut members: Vec<(usize, u64)> = Vec::new();
        let mut codes = Vec::with_capacity(column.len());
        for row in 0..column.len() {
            codes.push(column.key(row).map(|key| {
                let code = *numbers.entry(key).or_insert_with(|| {
                    members.push((row, 0));
                    members.len() as u32 - 1
                });
                members[code as usize].1 += 1;
                code
            }));
        }
        Self { codes, members }
    }

    /// Distinct values.
    pub fn distinct(&self) -> usize {
        self.members.len()
    }

    /// The `most` frequent values, the most frequent first and the first to appear among equals.
    pub fn top(&self, column: &Column, most: usize) -> Vec<Tally> {
        let mut order: Vec<(usize, u64)> = self.members.clone();
        order.sort_by_key(|(row, count)| (std::cmp::Reverse(*count), *row));
        order.truncate(most);
        order.into_iter().map(|(row, count)| Tally { value: column.json(row), count }).collect()
    }
}

/// Figures of a column of text.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Text {
    /// Characters of the shortest and the longest value, and on average.
    pub min_length: u64,
    pub max_length: u64,
    pub mean_length: f64,
    /// Values with nothing but white space.
    pub blank: u64,
    /// Share of the values that read as a date or time, 0 to 1.
    pub dates: f64,
    /// Share of the values that read as a number, 0 to 1.
    pub numbers: f64,
}

/// The figures of a column of text; each distinct value is looked at once.
pub fn text(column: &Column, categories: &Categories) -> Text {
    let mut figures = Text { min_length: u64::MAX, ..Text::default() };
    let [mut total, mut letters, mut dates, mut numbers] = [0; 4];
    for &(row, count) in &categories.members {
        let value = column.text(row).unwrap_or_default();
        let length = value.chars().count() as u64;
        figures.min_length = figures.min_length.min(length);
        figures.max_length = figures.max_length.max(length);
        total += count;
        letters += count * length;
        figures.blank += if value.trim().is_empty() { count } else { 0 };
        dates += if is_date(value) { count } else { 0 };
        numbers += if is_number(value) { count } else { 0 };
    }
    if total == 0 {
        return Text::default();
    }
    let share = |n: u64| n as f64 / total as f64;
    Text { mean_length: share(letters), dates: share(dates), numbers: share(numbers), ..figures }
}

/// Whether the text reads as a date, with or without a time of day: year first, or day, month and year with
/// one separator of `-`, `/` or `.`.
pub fn is_date(text: &str) -> bool {
    let date = text.trim().split(['T', ' ']).next().unwrap_or_default();
    let Some(separator) = date.chars().find(|c| !c.is_ascii_digit()) else { return false };
    if !['-', '/', '.'].contains(&separator) {
        return false;
    }
    let fields: Vec<&str> = date.split(separator).collect();
    let [a, b, c] = fields[..] else { return false };
    let number =
        |field: &str, digits: std::ops::RangeInclusive<usize>, range: std::ops::RangeInclusive<u32>| {
            digits.contains(&field.len()) && field.parse().is_ok_and(|n: u32| range.contains(&n))
        };
    let (day, month) = (|f| number(f, 1..=2, 1..=31), |f| number(f, 1..=2, 1..=12));
    let year = |f| number(f, 4..=4, 1000..=2999);
    (year(a) && month(b) && day(c)) || (year(c) && ((day(a) && month(b)) || (month(a) && day(b))))
}

/// Whether the text reads as a number to people: with thousands separators, a percent or currency sign.
pub fn is_number(text: &str) -> bool {
    let text = text.trim();
    let text = text.trim_end_matches(['%', '€', '$', '£']).trim_start_matches(['€', '$', '£']).trim();
    text.chars().any(|c| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || "+-.,eE".contains(c))
        && text.replace(',', "").parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, StringArray};
    use serde_json::json;

    use super::*;

    #[test]
    fn the_most_frequent_come_first() {
        let array: ArrayRef =
            Arc::new(StringArray::from(vec![Some("b"), Some("a"), None, Some("a"), Some("c")]));
        let column = Column::new("x", &array).unwrap();
        let categories = Categories::of(&column);
        assert_eq!(categories.codes, [Some(0), Some(1), None, Some(1), Some(2)]);
        let top = categories.top(&column, 2);
        assert_eq!(top, [Tally { value: json!("a"), count: 2 }, Tally { value: json!("b"), count: 1 }]);
    }

    #[test]
    fn dates_and_numbers_are_seen_in_text() {
        for date in ["2024-02-29", "2024-02-29T12:00:00Z", "31.12.1999", "12/31/1999 08:00", "1/2/2020"] {
            assert!(is_date(date), "{date}");
        }
        for other in ["", "2024", "10.5.3", "99-99-2020", "192.168.0.1", "1-800-5555", "a-b-2020"] {
            assert!(!is_date(other), "{other}");
        }
        for number in ["12", " 1,234.5", "99%", "$ 5", "-1e6"] {
            assert!(is_number(number), "{number}");
        }
        for other in ["", "-", "e", "12 apples", "1.2.3", "%"] {
            assert!(!is_number(other), "{other}");
        }
    }
}
