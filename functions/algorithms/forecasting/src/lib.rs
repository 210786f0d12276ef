//! Forecasting: what series at regular times may do next.

mod clock;
mod frequency;
mod model;
mod params;
mod report;
mod series;
mod step;
mod time;

use arrow_array::{ArrayRef, Float64Array};
use millstream_learners::forecasting::{self, Forecast};
use millstream_learners::{Checked, Error};
use millstream_sdk::table::batch_of;
use millstream_sdk::{
    Channel, Context, Direction, Failure, Job, Kind, Manifest, Output, Summary, invalid_parameter,
};
use millstream_training::blame;
pub use model::Forecasts;
pub use params::{Method, Params};
use report::{Report, Tested};
use series::All;
use std::sync::Arc;
pub use time::Missing;

const NAME: &str = "forecasting";
const TRAIN: &str = "train";

/// The job.
pub struct Train;

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        Manifest::new(NAME, env!("CARGO_PKG_VERSION"), "Forecasts series with intervals, by the method that back-tests find best.")
            .description(
                "Each row is a time, a value and, for several series, an item. Steps must be regular, by the clock or the \
                 calendar; `missing` says what stands in for gaps. `ets` smooths each series exponentially (level, additive or multiplicative trend and \
                 season; Holt and Winters), `boosted-lags` learns trees from all series together, `seasonal-naive` repeats \
                 the last season. Intervals are those of the normal distribution. Figures come from back-tests: the last \
                 horizons are forecast from what was before. The model answers rows of a time, and an item if there are \
                 several, with what was forecast for it: `prediction` and the quantiles, for the steps of the horizon.",
            )
            .channel(Channel::required(TRAIN, Kind::Table, "Times, values and items, in any order."))
            .output(Output::table(
                "forecasts",
                "A row for each item and step: the item, the time, `mean`, and a column for each quantile such as `p10`.",
            ))
            .output(Output::model("model", "The forecasts, for whoever asks for a time (and item) of them.").follows(TRAIN))
            .output(Output::report("backtest", "application/json", "The frequency that was found, the method that was chosen with its parameters (of `ets` those of each series), \
                 and the figures of each method that was tested."))
            .metric("backtest:mase", Direction::Minimize, "mean absolute error over that of the last season, within the series")
            .metric("backtest:smape", Direction::Minimize, "symmetric mean absolute percentage error, 0 to 200")
            .metric("backtest:mae", Direction::Minimize, "mean absolute error")
            .metric("backtest:rmse", Direction::Minimize, "root of the mean squared error")
            .metric("backtest:wql", Direction::Minimize, "weighted quantile loss, the mean of the quantiles 0.1 to 0.9")
            .metric("backtest:coverage_80", Direction::Neither, "share of values within the interval of 80 %")
            .metric("series", Direction::Neither, "series that were forecast")
            .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let table = context.table(TRAIN)?;
        let all = All::read(&table, &params)?;
        all.warnings.iter().for_each(|warning| context.warn(warning));
        if all.filled > 0 {
            context.info(format!("{} steps without a value were filled in", all.filled));
        }
        let kernel = params.kernel(all.season(), context.seed())?;
        report::steps(&params, &kernel, &all, context)?;
        let (chosen, tested) = choose(&params, &kernel, &all, context)?;
        let forecasts = context
            .phase("fit", || kernel.forecast(&all.series, chosen))
            .map_err(|error| failure(error, &all))?;

        let mut times = Vec::new();
        for place in 0..all.series.len() {
            times.extend(all.ahead(place)?);
        }
        let mut named: Vec<(String, ArrayRef)> = Vec::new();
        if let (Some(name), Some(items)) = (&params.item_id, all.item_column()) {
            named.push((name.clone(), items));
        }
        named.push((params.time.clone(), all.times.column(times)));
        report::method(&params, &kernel, &all, chosen, &forecasts, context);
        let flat = |of: fn(&Forecast) -> &Vec<f64>| forecasts.iter().flat_map(of).copied().collect();
        let together = Forecast { mean: flat(|own| &own.mean), sd: flat(|own| &own.sd), smoothing: None };
        named.extend(columns("mean", &together, &params.quantiles));
        for (place, (name, _)) in named.iter().enumerate() {
            if named[..place].iter().any(|(other, _)| other == name) {
                let message = format!("two columns of the output would be called `{name}`");
                return Err(invalid_parameter("quantiles", message)
                    .allowed("distinct ones; or rename the input's column"));
            }
        }
        let rows = batch_of(named.iter().map(|(name, column)| (name.as_str(), column.clone())))?;
        context.put_table("forecasts", &rows)?;
        model::put(context, &params, &all, together)?;

        let own = tested.iter().find(|tested| tested.method == chosen);
        let mut summary = Summary::new(format!(
            "forecast {} steps of {} of {} series by {}",
            all.horizon,
            all.step_text(),
            all.series.len(),
            report::name(chosen)
        ))
        .metric("series", all.series.len() as f64);
        if let Some(own) = own {
            for (name, value) in [("backtest:mase", own.mase), ("backtest:wql", own.wql)] {
                summary = value.into_iter().fold(summary, |summary, value| summary.metric(name, value));
            }
            summary = summary
                .metric("backtest:smape", own.smape)
                .metric("backtest:mae", own.mae)
                .metric("backtest:rmse", own.rmse)
                .metric("backtest:coverage_80", own.coverage_80);
        }
        context.put_json("backtest", &Report::new(&params, &kernel, &all, chosen, &forecasts, tested))?;
        Ok(summary)
    }
}

/// What was forecast as columns: the mean under that name, and the quantiles.
fn columns(mean: &str, forecast: &Forecast, quantiles: &[f64]) -> Vec<(String, ArrayRef)> {
    let column = |values: Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
    let mut columns = vec![(mean.to_owned(), column(forecast.mean.clone()))];
    for &level in quantiles {
        // To a millionth, so that 0.29 is p29.
        let percent = (level * 1e8).round() / 1e6;
        columns.push((format!("p{percent}"), column(forecast.quantile(level))));
    }
    columns
}

/// Tests the methods, and says which is to be used: the one of the least error.
fn choose(
    params: &Params,
    kernel: &Checked<forecasting::Params>,
    all: &All,
    context: &Context,
) -> Result<(forecasting::Method, Vec<Tested>), Failure> {
    let candidates = params.method.candidates();
    let first = candidates[0];
    let longest = all.series.iter().map(|series| series.values.len()).max().unwrap_or_default();
    let shortest = kernel.least_values(first);
    if longest < shortest {
        context.warn(format!(
            "no series has {shortest} values: forecasts by {} were not tested",
            report::name(first)
        ));
        return Ok((first, Vec::new()));
    }
    let mut tested: Vec<Tested> = Vec::new();
    for (done, &method) in candidates.iter().enumerate() {
        let needed = kernel.least_values(method);
        if longest < needed && candidates.len() > 1 {
            context.info(format!("{} were not tried: no series has {needed} values", report::name(method)));
            continue;
        }
        let test = context
            .phase("backtest", || kernel.backtest(&all.series, method))
            .map_err(|error| failure(error, all))?;
        tested.push(Tested::new(method, &test));
        context.progress(done as u64 + 1, Some(candidates.len() as u64 + 1));
    }
    let error = |tested: &Tested| tested.mase.unwrap_or(tested.mae);
    let best = tested.iter().fold(&tested[0], |best, own| if error(own) < error(best) { own } else { best });
    Ok((best.method, tested))
}

/// Kernels count series from 0; people know items.
fn failure(error: Error, all: &All) -> Failure {
    let named = match error {
        Error::Data { message, .. } => {
            let place =
                message.strip_prefix("series ").and_then(|rest| rest.split([':', ' ']).next()?.parse().ok());
            let place = place.filter(|place: &usize| *place < all.series.len());
            Error::data(place.map_or(message.clone(), |place| {
                message.replacen(&format!("series {place}"), &all.name(place), 1)
            }))
        }
        other => other,
    };
    blame::failure(named, Some(TRAIN), &[])
}

millstream_sdk::export!(algorithm: Train, model: Forecasts);

#[cfg(test)]
mod tests;
