//! The forecasts as a model: which time of which item is asked for, and what was forecast for it.

use crate::clock::Clock;
use crate::params::Params;
use crate::series::{All, look_up};
use crate::step::{DAY, Day, Grid, Step, date};
use crate::time::{LAST_TIME, Times};
use crate::{NAME, columns};
use arrow_array::RecordBatch;
use millstream_learners::forecasting::Forecast;
use millstream_learners::packed;
use millstream_sdk::arrow_schema::{Field, Schema, SchemaRef};
use millstream_sdk::table::batch_of;
use millstream_sdk::{Classes, Context, Description, Failure, Model, State, Task, invalid_input};
use serde::{Deserialize, Serialize};

/// What is kept of a job.
#[derive(Debug, Serialize, Deserialize)]
struct Fitted {
    target: String,
    step: Step,
    /// The time zone whose clock days and months go by.
    timezone: Option<String>,
    /// The items in the order of the series, if there is a column of them.
    items: Option<Classes>,
    /// The times of each series.
    grids: Vec<Grid>,
    /// How many of them were there in training.
    lengths: Vec<u32>,
    horizon: u32,
    quantiles: Vec<f64>,
    /// Of each series, step by step.
    #[serde(with = "packed")]
    mean: Vec<f64>,
    #[serde(with = "packed")]
    sd: Vec<f64>,
}

/// As format 1 had it: months went by the day of the latest time.
#[derive(Debug, Deserialize)]
struct Fitted1 {
    target: String,
    step: Step,
    items: Option<Classes>,
    ends: Vec<i64>,
    horizon: u32,
    quantiles: Vec<f64>,
    #[serde(with = "packed")]
    mean: Vec<f64>,
    #[serde(with = "packed")]
    sd: Vec<f64>,
}

impl From<Fitted1> for Fitted {
    fn from(old: Fitted1) -> Self {
        let grid = |end: &i64| {
            let date = date(*end);
            let day = match date.map(|date| (date, Day::Last.within(date))) {
                Some((date, last)) if last == Some(date) => Day::Last,
                Some((date, _)) => Day::Of(chrono::Datelike::day(&date)),
                None => Day::Any,
            };
            Grid { start: *end, of_day: end.rem_euclid(DAY), day }
        };
        let (grids, lengths) = (old.ends.iter().map(grid).collect(), vec![1; old.ends.len()]);
        let Fitted1 { target, step, items, horizon, quantiles, mean, sd, .. } = old;
        Self { target, step, timezone: None, items, grids, lengths, horizon, quantiles, mean, sd }
    }
}

/// The predictor: answers rows of a time, and an item if there are several series.
pub struct Forecasts {
    columns: SchemaRef,
    fitted: Fitted,
    clock: Clock,
}

/// Writes the model of what was forecast, one series after another.
pub fn put(context: &Context, params: &Params, all: &All, forecasts: Forecast) -> Result<(), Failure> {
    let time = Field::new(&params.time, all.times.data_type().clone(), true);
    let item = params.item_id.as_ref().zip(all.items.as_ref());
    let item = item.map(|(name, items)| Field::new(name, items.data_type(), true));
    let schema = Schema::new(item.into_iter().chain([time]).collect::<Vec<_>>());
    let fitted = Fitted {
        target: params.target.clone(),
        step: all.step,
        timezone: params.timezone.clone(),
        items: all.items.clone(),
        grids: all.grids.clone(),
        lengths: all.series.iter().map(|series| series.values.len() as u32).collect(),
        horizon: all.horizon,
        quantiles: params.quantiles.clone(),
        mean: forecasts.mean,
        sd: forecasts.sd,
    };
    context.put_model::<Forecasts>("model", &schema, &fitted)
}

impl Fitted {
    /// Whether its parts go together, so that no state can lead astray.
    fn is_whole(&self, columns: usize) -> bool {
        let series = self.items.as_ref().map_or(1, Classes::len);
        let cells = series.checked_mul(self.horizon as usize);
        columns == 1 + usize::from(self.items.is_some())
            && self.grids.len() == series
            && self.grids.iter().all(|grid| {
                grid.start.unsigned_abs() <= LAST_TIME
                    && grid.day.is_sound()
                    && (0..DAY).contains(&grid.of_day)
            })
            && self.lengths.len() == series
            && self.lengths.iter().all(|length| *length > 0)
            && cells == Some(self.mean.len())
            && cells == Some(self.sd.len())
            && self.mean.iter().chain(&self.sd).all(|value| value.is_finite())
            && self.quantiles.iter().all(|level| *level > 0.0 && *level < 1.0)
            && self.step.is_ahead()
    }

    /// The place of the forecast for a time of a series.
    fn place(&self, times: &Times, series: usize, time: i64) -> Result<usize, Failure> {
        let (grid, horizon) = (self.grids[series], i64::from(self.horizon));
        let known = i64::from(self.lengths[series]);
        let clock = times.clock();
        let ahead = grid.steps(clock, self.step, time).and_then(|steps| steps.checked_sub(known - 1));
        if let Some(ahead) = ahead.filter(|ahead| (1..=horizon).contains(ahead)) {
            return Ok(series * self.horizon as usize + ahead as usize - 1);
        }
        let end = grid.at(clock, self.step, known - 1).unwrap_or(grid.start);
        let of = match &self.items {
            Some(items) => format!(" of item `{}`", items.names()[series]),
            None => String::new(),
        };
        let (asked, last) = (times.text(time), times.text(end));
        Err(invalid_input(match ahead {
            _ if time <= end => format!(
                "{asked} is not after {last}, the last time{of} in training: the model answers the {horizon} steps after that"
            ),
            Some(ahead @ 1..) => format!(
                "{asked} is {ahead} steps after {last}, the last time{of} in training: the model answers {horizon}; train it \
                 with a larger `horizon`"
            ),
            _ => {
                let next = grid
                    .at(clock, self.step, known)
                    .map_or(String::new(), |next| format!("; the next one is {}", times.text(next)));
                format!(
                    "{asked} does not lie a whole number of steps after {last}, the last time{of} in training{next}"
                )
            }
        }))
    }
}

impl Model for Forecasts {
    const FUNCTION: &'static str = NAME;
    const FORMAT: u16 = 2;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        let columns = state.columns();
        let fitted = match state.format() {
            1 => state.decode::<Fitted1>()?.into(),
            _ => state.decode::<Fitted>()?,
        };
        let clock = fitted.timezone.as_deref().map_or(Ok(Clock::default()), Clock::of);
        match (clock, fitted.is_whole(columns.fields().len())) {
            (Ok(clock), true) => Ok(Self { columns, fitted, clock }),
            _ => Err(invalid_input("the model's state is damaged: train it again or restore the file")),
        }
    }

    fn describe(&self) -> Description {
        let names: Vec<String> = self.columns.fields().iter().map(|field| field.name().clone()).collect();
        Description::new(Task::Regression, &names).target(&self.fitted.target)
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        let fitted = &self.fitted;
        let last = self.columns.fields().len() - 1;
        let name = self.columns.field(last).name();
        let times = Times::asked(rows.column(last), &self.clock).map_err(|failure| failure.column(name))?;
        let series = match &fitted.items {
            None => vec![0; rows.num_rows()],
            Some(items) => {
                let name = self.columns.field(0).name();
                look_up(items, rows.column(0)).map_err(|failure| failure.column(name))?
            }
        };
        let place = |(row, (&series, &time)): (usize, (&u32, &i64))| {
            let place = fitted.place(&times, series as usize, time);
            place.map_err(|failure| failure.row(row as u64 + 1).column(name))
        };
        let places: Vec<usize> =
            series.iter().zip(&times.ticks).enumerate().map(place).collect::<Result<_, _>>()?;
        let asked = Forecast {
            mean: places.iter().map(|&place| fitted.mean[place]).collect(),
            sd: places.iter().map(|&place| fitted.sd[place]).collect(),
            smoothing: None,
        };
        let columns = columns("prediction", &asked, &fitted.quantiles);
        batch_of(columns.iter().map(|(name, column)| (name.as_str(), column.clone())))
    }
}
