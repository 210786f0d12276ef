//! Times at regular steps.

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, Date32Array, Int64Array, TimestampMicrosecondArray};
use chrono::{DateTime, Datelike as _, Months, NaiveDate, NaiveDateTime, NaiveTime, Timelike as _};
use millstream_sdk::arrow_schema::DataType;
use millstream_sdk::column::type_name;
use millstream_sdk::{Failure, invalid_input, invalid_parameter};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const DAY: i64 = 86_400_000_000;

/// Far enough from the ends that steps ahead do not overflow.
pub const LAST_TIME: u64 = 1 << 60;

/// What stands in for steps without a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// Nothing: they are refused.
    #[default]
    Error,
    /// A line between the values around them.
    Interpolate,
    /// The value before them.
    Previous,
    /// 0, as for sales that were not made.
    Zero,
}

/// How far steps are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Microseconds, or units of a column of numbers.
    Ticks(i64),
    /// By the calendar.
    Months(i64),
}

impl Step {
    /// Whether it leads to a later time.
    pub fn is_ahead(self) -> bool {
        let (Self::Ticks(size) | Self::Months(size)) = self;
        size > 0
    }
}

/// A time column: microseconds since 1970, or numbers.
pub struct Times {
    pub ticks: Vec<i64>,
    kind: DataType,
}

impl Times {
    /// Reads a column of dates, times or whole numbers; none may be missing.
    pub fn read(array: &ArrayRef) -> Result<Self, Failure> {
        if let Some(row) = (0..array.len()).find(|&row| array.is_null(row)) {
            return Err(invalid_input("the time is missing").row(row as u64 + 1));
        }
        let ticks = match array.data_type() {
            DataType::Date32 => array
                .as_primitive::<Date32Type>()
                .values()
                .iter()
                .map(|days| i64::from(*days).saturating_mul(DAY))
                .collect(),
            DataType::Timestamp(..) => array.as_primitive::<TimestampMicrosecondType>().values().to_vec(),
            DataType::Int64 => array.as_primitive::<Int64Type>().values().to_vec(),
            other => {
                let message =
                    format!("times are dates, timestamps or whole numbers, not {}", type_name(other));
                return Err(invalid_input(message));
            }
        };
        let ticks: Vec<i64> = ticks;
        match ticks.iter().position(|ticks| ticks.unsigned_abs() > LAST_TIME) {
            Some(row) => Err(invalid_input("the time is too far away").row(row as u64 + 1)),
            None => Ok(Self { ticks, kind: array.data_type().clone() }),
        }
    }

    /// Of the column.
    pub fn data_type(&self) -> &DataType {
        &self.kind
    }

    fn is_calendar(&self) -> bool {
        self.kind != DataType::Int64
    }

    /// The step that the user names.
    pub fn named(&self, text: &str) -> Result<Step, Failure> {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let count: Option<i64> = if number.is_empty() { Some(1) } else { number.parse().ok() };
        let count = count.filter(|count| (1..=1_000_000).contains(count));
        let whole_days = self.kind == DataType::Date32;
        let step = match (count, unit, self.is_calendar()) {
            (Some(count), "", false) if !number.is_empty() => Some(Step::Ticks(count)),
            (Some(count), "min" | "T", true) if !whole_days => Some(Step::Ticks(count * 60_000_000)),
            (Some(count), "H" | "h", true) if !whole_days => Some(Step::Ticks(count * DAY / 24)),
            (Some(count), "D" | "d", true) => Some(Step::Ticks(count * DAY)),
            (Some(count), "W" | "w", true) => Some(Step::Ticks(count * 7 * DAY)),
            (Some(count), "M" | "MS" | "ME", true) => Some(Step::Months(count)),
            (Some(count), "Q" | "QS" | "QE", true) => Some(Step::Months(3 * count)),
            (Some(count), "Y" | "YS" | "YE", true) => Some(Step::Months(12 * count)),
            _ => None,
        };
        let allowed = match (self.is_calendar(), whole_days) {
            (false, _) => "a whole number for a time column of numbers",
            (true, true) => "`D`, `W`, `M`, `Q`, `Y`, or a number of them such as `2W`",
            (true, false) => "`min`, `H`, `D`, `W`, `M`, `Q`, `Y`, or a number of them such as `15min`",
        };
        step.ok_or_else(|| invalid_parameter("frequency", format!("`{text}` is no step")).allowed(allowed))
    }

    /// The most frequent step between neighbours; `differences` are above 0.
    pub fn usual(&self, mut differences: Vec<i64>) -> Option<Step> {
        differences.sort_unstable();
        let runs = differences.chunk_by(|a, b| self.alike(*a, *b));
        // The first of equally frequent ones, which is the shortest.
        let most = runs.fold(&[][..], |most: &[i64], run| if run.len() > most.len() { run } else { most });
        let step = *most.first()?;
        Some(match (self.is_calendar(), step / DAY) {
            (true, 28..=31) => Step::Months(1),
            (true, 89..=92) => Step::Months(3),
            (true, 365..=366) => Step::Months(12),
            _ => Step::Ticks(step),
        })
    }

    /// Months are of several lengths, and so are quarters and years.
    fn alike(&self, a: i64, b: i64) -> bool {
        let same =
            |low: i64, high: i64| (low..=high).contains(&(a / DAY)) && (low..=high).contains(&(b / DAY));
        a == b || (self.is_calendar() && (same(28, 31) || same(89, 92) || same(365, 366)))
    }

    /// How many steps `to` lies after `from`; none if it lies between two.
    pub fn steps(&self, step: Step, from: i64, to: i64) -> Option<i64> {
        match step {
            Step::Ticks(ticks) => ((to - from) % ticks == 0).then_some((to - from) / ticks),
            Step::Months(months) => {
                let (from, to) = (date(from)?, date(to)?);
                let number = |date: NaiveDateTime| i64::from(date.year()) * 12 + i64::from(date.month0());
                let between = number(to) - number(from);
                (between % months == 0).then_some(between / months)
            }
        }
    }

    /// The time so many steps after `from`.
    pub fn after(&self, step: Step, from: i64, steps: i64) -> Option<i64> {
        match step {
            Step::Ticks(ticks) => from.checked_add(ticks.checked_mul(steps)?),
            Step::Months(months) => {
                let start = date(from)?;
                let at_end = start.date() == end_of_month(start.date())?;
                let day =
                    start.date().checked_add_months(Months::new(u32::try_from(months * steps).ok()?))?;
                let day = if at_end { end_of_month(day)? } else { day };
                Some(day.and_time(start.time()).and_utc().timestamp_micros())
            }
        }
    }

    /// Steps after which a season comes again.
    pub fn season(&self, step: Step) -> u32 {
        match step {
            Step::Months(1) => 12,
            Step::Months(3) => 4,
            Step::Ticks(_) if !self.is_calendar() => 1,
            Step::Ticks(ticks) if ticks < DAY && DAY % ticks == 0 => {
                u32::try_from(DAY / ticks).unwrap_or(1).min(10_000)
            }
            Step::Ticks(DAY) => 7,
            Step::Ticks(ticks) if ticks == 7 * DAY => 52,
            _ => 1,
        }
    }

    /// What the calendar says of times: month, and day and hour where steps are so short.
    pub fn calendar(&self, step: Step, times: &[i64]) -> Vec<Vec<f64>> {
        type Part = fn(NaiveDateTime) -> u32;
        let parts: &[Part] = match step {
            _ if !self.is_calendar() => &[],
            Step::Ticks(ticks) if ticks < DAY => {
                &[|t| t.month(), |t| t.day(), |t| t.weekday().num_days_from_monday(), |t| t.hour()]
            }
            Step::Ticks(ticks) if ticks < 7 * DAY => {
                &[|t| t.month(), |t| t.day(), |t| t.weekday().num_days_from_monday()]
            }
            _ => &[|t| t.month()],
        };
        let column =
            |part: &Part| times.iter().map(|&t| date(t).map_or(f64::NAN, |t| f64::from(part(t)))).collect();
        parts.iter().map(column).collect()
    }

    /// A column of times in the type of this one.
    pub fn column(&self, ticks: Vec<i64>) -> ArrayRef {
        match &self.kind {
            DataType::Date32 => {
                Arc::new(Date32Array::from_iter_values(ticks.iter().map(|t| t.div_euclid(DAY) as i32)))
            }
            DataType::Timestamp(_, zone) => {
                Arc::new(TimestampMicrosecondArray::from(ticks).with_timezone_opt(zone.clone()))
            }
            _ => Arc::new(Int64Array::from(ticks)),
        }
    }

    /// A time for people.
    pub fn text(&self, ticks: i64) -> String {
        match date(ticks).filter(|_| self.is_calendar()) {
            Some(time) if time.time() == NaiveTime::MIN => time.date().to_string(),
            Some(time) => time.to_string(),
            None => ticks.to_string(),
        }
    }
}

fn date(micros: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros).map(|time| time.naive_utc())
}

fn end_of_month(date: NaiveDate) -> Option<NaiveDate> {
    date.with_day(1)?.checked_add_months(Months::new(1))?.pred_opt()
}
