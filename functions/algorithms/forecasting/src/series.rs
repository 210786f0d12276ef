//! A table's rows as series at regular steps.

use crate::frequency::{self, Frequency, Named};
use crate::params::Params;
use crate::step::{DAY, Day, Grid, Step};
use crate::time::{Missing, Times};
use arrow_array::ArrayRef;
use millstream_learners::forecasting::Series;
use millstream_sdk::column::{self, Code};
use millstream_sdk::{Classes, Failure, Table, invalid_input};

/// All series of a table.
pub struct All {
    pub times: Times,
    pub step: Step,
    /// What the user named, if so.
    named: Option<Named>,
    /// What to do about a time between two steps.
    advice: String,
    /// The items' ids in the order of the series, if there is a column of them.
    pub items: Option<Classes>,
    pub series: Vec<Series>,
    /// The times of each series, whose steps from the first to the last are those of its values.
    pub grids: Vec<Grid>,
    /// Steps that had no value and were filled in.
    pub filled: u64,
    /// What is likely not meant.
    pub warnings: Vec<String>,
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
        let times = Times::read(table.column(&params.time)?, params.timezone.as_deref())
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
            let time = times.ticks[pair[0]];
            if time == times.ticks[pair[1]] {
                let turned = times.is_calendar() && !times.has_zone() && time.rem_euclid(DAY) != 0;
                let or =
                    if turned { ", or give times with their zone if a clock was turned back" } else { "" };
                let message =
                    format!("row {} has this time already; add such rows up first{or}", pair[0] + 1);
                return Err(place(invalid_input(message).column(&params.time).row(pair[1] as u64 + 1)));
            }
        }
        let own_times = |own: &Vec<usize>| own.iter().map(|&row| times.ticks[row]).collect::<Vec<i64>>();
        let series_times: Vec<Vec<i64>> = rows.iter().map(own_times).collect();
        let named = params.frequency()?.map(|text| Named::read(text, &times)).transpose()?;
        let found = match &named {
            Some(named) => Some(named.with(&series_times, &times)),
            None => frequency::usual(&series_times, &times),
        };
        let Some(Frequency { step, days, warning }) = found else {
            return Err(place(invalid_input(
                "there is one time only: how far steps are apart cannot be told; set `frequency`",
            )));
        };
        let mut warnings: Vec<String> = warning.into_iter().collect();
        let of_day = |time: &i64| times.has_zone() && time.rem_euclid(DAY) != 0;
        if params.timezone.is_none() && step.is_of_days() && series_times.iter().flatten().any(of_day) {
            warnings.push(
                "days and months are counted in UTC, where they do not begin with the times of the column: set `timezone` if \
                 these are of a clock with daylight saving time"
                    .to_owned(),
            );
        }
        let grids = series_times.iter().zip(days).map(|(own, day)| Grid::new(times.clock(), day, own));
        let grids = grids.collect();
        let advice = frequency::advice(&series_times, &times, named.is_some());
        let (series, horizon) = (Vec::new(), params.horizon()?);
        let mut all = Self { times, step, named, advice, items, series, grids, filled: 0, warnings, horizon };
        for (number, own) in rows.iter().enumerate() {
            all.add(number, own, &values, params).map_err(place)?;
        }
        if let Some(looks) = all.written_dates().filter(|_| all.filled > 0) {
            all.warnings.push(looks);
        }
        Ok(all)
    }

    fn written_dates(&self) -> Option<String> {
        if self.times.is_calendar() { None } else { frequency::written_dates(&self.times.ticks) }
    }

    /// The step as `frequency` has it.
    pub fn frequency(&self) -> String {
        self.step.name(self.times.is_calendar(), &self.days())
    }

    fn days(&self) -> Vec<Day> {
        self.grids.iter().map(|grid| grid.day).collect()
    }

    /// The step for people: `1 month, on the 28th`.
    pub fn step_text(&self) -> String {
        let step = self.step.text(self.times.is_calendar());
        let Step::Months(_) = self.step else { return step };
        let days = self.days();
        match days.first().filter(|first| days.iter().all(|day| day == *first)) {
            Some(day) => format!("{step}, {}", day.text()),
            None => format!("{step}, each item on its own day of the month"),
        }
    }

    /// Steps after which a season comes again.
    pub fn season(&self) -> u32 {
        self.step.season(self.times.is_calendar())
    }

    /// The id of a series, for people.
    pub fn name(&self, place: usize) -> String {
        self.items
            .as_ref()
            .map_or("the series".to_owned(), |items| format!("item `{}`", items.names()[place]))
    }

    fn add(&mut self, number: usize, rows: &[usize], values: &[f64], params: &Params) -> Result<(), Failure> {
        let Some(&first) = rows.first() else {
            return Err(invalid_input("an item has no rows"));
        };
        let (start, grid) = (self.times.ticks[first], self.grids[number]);
        let mut own: Vec<f64> = Vec::with_capacity(rows.len());
        for &row in rows {
            let time = self.times.ticks[row];
            let text = || self.times.text(time);
            let refuse =
                |message: String| Err(invalid_input(message).column(&params.time).row(row as u64 + 1));
            if let (Some(lacks), Some(name)) =
                (self.named.and_then(|named| named.lacks(time, &self.times)), params.frequency()?)
            {
                return refuse(format!(
                    "{} {lacks}, as `frequency: {name}` has it; leave such rows out, or set another `frequency`",
                    text()
                ));
            }
            let Some(place) = grid.steps(self.times.clock(), self.step, time).filter(|place| *place >= 0)
            else {
                let message = format!(
                    "{} does not lie a whole number of steps of {} after {}; {}",
                    text(),
                    self.step_text(),
                    self.times.text(start),
                    self.advice
                );
                return refuse(message);
            };
            let place = usize::try_from(place).unwrap_or(usize::MAX);
            if place < own.len() {
                return refuse(format!("two rows lie within the step of {}", text()));
            }
            let looks = || self.written_dates().map_or(String::new(), |looks| format!("; {looks}"));
            if place - own.len() > 10 * rows.len() + 1000 {
                return refuse(format!(
                    "there is next to nothing before {}; set `frequency`{}",
                    text(),
                    looks()
                ));
            }
            let gap = place - own.len();
            if params.missing == Missing::Error && (gap > 0 || values[row].is_nan()) {
                if gap == 0 {
                    let message = "the value is missing; set `missing` to say what stands in for it";
                    return Err(invalid_input(message).column(&params.target).row(row as u64 + 1));
                }
                let (are, them) = if gap == 1 { ("step is", "it") } else { ("steps are", "them") };
                return refuse(format!(
                    "{gap} {are} missing before this row, of {} each; set `missing` to say what stands in for {them}{}",
                    self.step_text(),
                    looks()
                ));
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
        let times: Option<Vec<i64>> = (0..steps).map(|k| self.at(grid, k)).collect();
        let times = times.ok_or_else(|| invalid_input("times ahead are out of range; lower `horizon`"))?;
        self.series.push(Series { values: own, calendar: self.times.calendar(self.step, &times) });
        Ok(())
    }

    fn at(&self, grid: Grid, steps: i64) -> Option<i64> {
        grid.at(self.times.clock(), self.step, steps)
    }

    /// The times ahead of a series.
    pub fn ahead(&self, place: usize) -> Result<Vec<i64>, Failure> {
        let length = self.series[place].values.len() as i64;
        let times: Option<Vec<i64>> =
            (0..i64::from(self.horizon)).map(|h| self.at(self.grids[place], length + h)).collect();
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
