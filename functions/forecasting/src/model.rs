//! The forecasts as a model: which time of which item is asked for, and what was forecast for it.

use crate::params::Params;
use crate::series::{All, look_up};
use crate::time::{LAST_TIME, Step, Times};
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
    /// The items in the order of the series, if there is a column of them.
    items: Option<Classes>,
    /// The latest time of each series.
    ends: Vec<i64>,
    horizon: u32,
    quantiles: Vec<f64>,
    /// Of each series, step by step.
    #[serde(with = "packed")]
    mean: Vec<f64>,
    #[serde(with = "packed")]
    sd: Vec<f64>,
}

/// The predictor: answers rows of a time, and an item if there are several series.
pub struct Forecasts {
    columns: SchemaRef,
    fitted: Fitted,
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
        items: all.items.clone(),
        ends: all.ends.clone(),
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
            && self.ends.len() == series
            && self.ends.iter().all(|end| end.unsigned_abs() <= LAST_TIME)
            && cells == Some(self.mean.len())
            && cells == Some(self.sd.len())
            && self.mean.iter().chain(&self.sd).all(|value| value.is_finite())
            && self.quantiles.iter().all(|level| *level > 0.0 && *level < 1.0)
            && self.step.is_ahead()
    }

    /// The place of the forecast for a time of a series.
    fn place(&self, times: &Times, series: usize, time: i64) -> Result<usize, Failure> {
        let (end, horizon) = (self.ends[series], i64::from(self.horizon));
        // To the day: months are counted without.
        let ahead = times.steps(self.step, end, time);
        let ahead = ahead.filter(|&ahead| ahead < 1 || times.after(self.step, end, ahead) == Some(time));
        if let Some(ahead) = ahead.filter(|ahead| (1..=horizon).contains(ahead)) {
            return Ok(series * self.horizon as usize + ahead as usize - 1);
        }
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
            _ => format!(
                "{asked} does not lie a whole number of steps after {last}, the last time{of} in training"
            ),
        }))
    }
}

impl Model for Forecasts {
    const FUNCTION: &'static str = NAME;
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        let (columns, fitted): (SchemaRef, Fitted) = (state.columns(), state.decode()?);
        match fitted.is_whole(columns.fields().len()) {
            true => Ok(Self { columns, fitted }),
            false => Err(invalid_input("the model's state is damaged: train it again or restore the file")),
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
        let times = Times::read(rows.column(last)).map_err(|failure| failure.column(name))?;
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
        };
        let columns = columns("prediction", &asked, &fitted.quantiles);
        batch_of(columns.iter().map(|(name, column)| (name.as_str(), column.clone())))
    }
}
