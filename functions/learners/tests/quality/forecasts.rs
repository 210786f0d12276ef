//! Forecasts of a series, by the hour, beside statsmodels' exponential smoothing and LightGBM on the latest values.

use crate::hold::{Beside, Case, hold};
use crate::table::{Fold, HORIZON};
use millstream_learners::Check;
use millstream_learners::forecasting::{Method, Params, Seasonal, Series, Trend};
use millstream_learners::metrics::regression;

const SETS: &[&str] = &["taxi_hours"];

fn forecast(fold: &Fold, method: Method, params: Params) -> Vec<(&'static str, f64)> {
    let params = Params { horizon: HORIZON as u32, season_length: 24, ..params }.check().unwrap();
    let series = Series { values: fold.y.clone(), calendar: Vec::new() };
    let forecast = &params.forecast(&[series], method).unwrap()[0];
    vec![("mean_absolute_error", regression::mae(&fold.truth, &forecast.mean, None).unwrap())]
}

pub fn cases() -> Vec<Case> {
    let naive = Case::new("forecasting-seasonal-naive", SETS, |fold, _| {
        forecast(fold, Method::SeasonalNaive, Params::default())
    });
    let ets = Case::new("forecasting-ets", SETS, |fold, _| {
        let (trend, seasonal, damped) = (Trend::None, Seasonal::Additive, Some(false));
        forecast(fold, Method::Ets, Params { trend, seasonal, damped, ..Params::default() })
    });
    let chosen = Case::new("forecasting-ets of the least AICc", SETS, |fold, _| {
        forecast(fold, Method::Ets, Params::default())
    });
    let boosted = Case::new("forecasting-boosted-lags", SETS, |fold, _| {
        forecast(fold, Method::BoostedLags, Params::default())
    });
    let naive = Case { beside: Beside::Same(1e-9), ..naive };
    vec![naive, ets, Case { peer: "forecasting-ets", ..chosen }, boosted]
}

#[test]
fn forecasts_are_as_good() {
    hold(cases());
}
