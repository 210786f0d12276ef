//! A table's rows as series at regular steps.

use crate::params::Params;
use crate::time::{Missing, Step, Times};
use arrow_array::ArrayRef;
use millstream_learners::forecasting::Series;
use millstream_sdk::column::{self, Code};
use millstream_sdk::{Classes, Failure, Table, invalid_input};

/// All series of a table.
pub struct All {
    pub times: Times,
    pub step: Step,
    /// The items' ids in the order of the series, if there is a column of them.
    pub items: Option<Classes>,
    pub series: Vec<Series>,
    /// The latest time of each series.
    pub ends: Vec<i64>,
    /// Steps that had no value and were filled in.
    pub filled: u64,
    /// Steps ahead.
    pub horizon: u32,
}

impl All {
    /// Reads times, items and values.
    pub fn read(table: &Table, params: &Params) -> Result<Self, Failure> {
        table.not_empty()?;
        let schema = table.schema();
        for (parameter, name) in [
            ("target", Some(&params.target)),
            ("time", Some(&params.time)),
            ("item_id", params.item_id.as_ref()),
        ] {
            name.map(|name| column::named(&schema, parameter, name)).transpose()?;
        }
        let place = |failure: Failure| failure.channel(table.channel());
        let times = Times::read(table.column(&params.time)?)
            .map_err(|failure| place(failure.column(&params.time)))?;
        let values = table.numbers(&params.target)?;
        if let Some(row) = values.iter().position(|v| v.is_infinite()) {
            return Err(place(
                invalid_input("the value is infinite").column(&params.target).row(row as u64 + 1),
            ));
        }
        if values.iter().all(|value| value.is_nan()) {
            return Err(place(invalid_input("the column has no value in any row").column(&params.target)));
        }
        let (items, codes) = match &params.item_id {
            None => (None, vec![0; values.len()]),
            Some(name) => {
                let (items, codes) = items(table, name).map_err(place)?;
                (Some(items), codes)
            }
        };
        let count = items.as_ref().map_or(1, Classes::len);
        let mut rows: Vec<Vec<usize>> = vec![Vec::new(); count];
        codes.iter().enumerate().for_each(|(row, &code)| rows[code as usize].push(row));
        rows.iter_mut().for_each(|own| own.sort_by_key(|&row| times.ticks[row]));
        for pair in rows.iter().flat_map(|own| own.windows(2)) {
            if times.ticks[pair[0]] == times.ticks[pair[1]] {
                let message = format!("row {} has this time already; add such rows up first", pair[0] + 1);
                return Err(place(invalid_input(message).column(&params.time).row(pair[1] as u64 + 1)));
            }
        }
        let step = match params.frequency()? {
            Some(text) => times.named(text)?,
            None => {
                let pairs = rows.iter().flat_map(|own| own.windows(2));
                let differences = pairs.map(|pair| times.ticks[pair[1]] - times.ticks[pair[0]]).collect();
                times.usual(differences).ok_or_else(|| {
                    place(invalid_input(
                        "there is one time only: how far steps are apart cannot be told; set `frequency`",
                    ))
                })?
            }
        };
        let horizon = params.horizon()?;
        let (series, ends) = (Vec::new(), Vec::new());
        let mut all = Self { times, step, items, series, ends, filled: 0, horizon };
        for own in &rows {
            all.add(own, &values, params).map_err(place)?;
        }
        Ok(all)
    }

    /// The id of a series, for people.
    pub fn name(&self, place: usize) -> String {
        self.items
            .as_ref()
            .map_or("the series".to_owned(), |items| format!("item `{}`", items.names()[place]))
    }

    fn add(&mut self, rows: &[usize], values: &[f64], params: &Params) -> Result<(), Failure> {
        let (Some(&first), Some(&last)) = (rows.first(), rows.last()) else {
            return Err(invalid_input("an item has no rows"));
        };
        let start = self.times.ticks[first];
        let mut own: Vec<f64> = Vec::with_capacity(rows.len());
        for &row in rows {
            let time = self.times.ticks[row];
            let refuse = |message: String| Err(invalid_input(message).row(row as u64 + 1));
            let Some(place) = self.times.steps(self.step, start, time) else {
                let message = format!(
                    "{} does not lie a whole number of steps after {}; set `frequency`, or bring times to regular steps",
                    self.times.text(time),
                    self.times.text(start)
                );
                return refuse(message);
            };
            let place = usize::try_from(place).unwrap_or(usize::MAX);
            if place < own.len() {
                return refuse(format!("two rows lie within the step of {}", self.times.text(time)));
            }
            if place - own.len() > 10 * rows.len() + 1000 {
                return refuse(format!(
                    "there is next to nothing before {}; set `frequency`",
                    self.times.text(time)
                ));
            }
            let gap = place - own.len();
            if params.missing == Missing::Error && (gap > 0 || values[row].is_nan()) {
                let what = if gap > 0 {
                    format!("{gap} steps are missing before this row")
                } else {
                    "the value is missing".to_owned()
                };
                return refuse(format!("{what}; set `missing` to say what stands in for them"));
            }
            own.resize(place, f64::NAN);
            own.push(values[row]);
        }
        self.filled += own.iter().filter(|v| v.is_nan()).count() as u64;
        if !fill(&mut own, params.missing) {
            return Err(invalid_input(format!("{} has no value", self.name(self.series.len())))
                .column(&params.target));
        }
        let steps = own.len() as i64 + i64::from(self.horizon);
        let times: Option<Vec<i64>> = (0..steps).map(|i| self.times.after(self.step, start, i)).collect();
        let times = times.ok_or_else(|| invalid_input("times ahead are out of range; lower `horizon`"))?;
        self.series.push(Series { values: own, calendar: self.times.calendar(self.step, &times) });
        self.ends.push(self.times.ticks[last]);
        Ok(())
    }

    /// The times ahead of a series.
    pub fn ahead(&self, place: usize) -> Result<Vec<i64>, Failure> {
        let times = (1..=i64::from(self.horizon)).map(|h| self.times.after(self.step, self.ends[place], h));
        let times: Option<Vec<i64>> = times.collect();
        times.ok_or_else(|| invalid_input("times ahead are out of range; lower `horizon`"))
    }

    /// The items' column, each as often as there are steps ahead.
    pub fn item_column(&self) -> Option<ArrayRef> {
        let horizon = self.horizon as usize;
        let codes = (0..self.series.len() as u32).flat_map(|code| std::iter::repeat_n(code, horizon));
        self.items.as_ref().map(|items| items.decode(&codes.collect::<Vec<_>>()))
    }
}

/// Item ids and each row's place among them.
fn items(table: &Table, name: &str) -> Result<(Classes, Vec<u32>), Failure> {
    let items = Classes::of(table.column(name)?).map_err(|failure| failure.column(name))?;
    let codes = look_up(&items, table.column(name)?).map_err(|failure| failure.column(name))?;
    Ok((items, codes))
}

/// Each row's place among the items.
pub fn look_up(items: &Classes, column: &ArrayRef) -> Result<Vec<u32>, Failure> {
    let code = |(row, code): (usize, Code)| {
        let message = match code {
            Code::Class(code) => return Ok(code),
            Code::Missing => "the item is missing",
            Code::Unknown => "the item was not in the training rows: there is no forecast of it",
        };
        Err(invalid_input(message).row(row as u64 + 1))
    };
    items.look_up(column)?.into_iter().enumerate().map(code).collect()
}

/// Puts numbers in the place of NaN. False if there is nothing but NaN.
fn fill(values: &mut [f64], missing: Missing) -> bool {
    let Some(first) = values.iter().position(|v| !v.is_nan()) else { return false };
    let mut last = first;
    for i in 0..values.len() {
        if !values[i].is_nan() {
            last = i;
            continue;
        }
        values[i] = match missing {
            Missing::Zero => 0.0,
            Missing::Error | Missing::Previous => values[if i < first { first } else { i - 1 }],
            Missing::Interpolate if i < first => values[first],
            Missing::Interpolate => match values[i..].iter().position(|v| !v.is_nan()) {
                None => values[last],
                Some(next) => {
                    let (width, at) = ((i + next - last) as f64, (i - last) as f64);
                    values[last] + (values[i + next] - values[last]) * at / width
                }
            },
        };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled() {
        let nan = f64::NAN;
        let filled = |missing| {
            let mut values = [nan, 1.0, nan, nan, 4.0, nan];
            assert!(fill(&mut values, missing));
            values
        };
        assert_eq!(filled(Missing::Interpolate), [1.0, 1.0, 2.0, 3.0, 4.0, 4.0]);
        assert_eq!(filled(Missing::Previous), [1.0, 1.0, 1.0, 1.0, 4.0, 4.0]);
        assert_eq!(filled(Missing::Zero), [0.0, 1.0, 0.0, 0.0, 4.0, 0.0]);
        assert!(!fill(&mut [nan], Missing::Zero));
    }
}
