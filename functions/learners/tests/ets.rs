//! Exponential smoothing beside statsmodels' `ETSModel`: `reference/make_ets.py` says what that makes of the same series.
#![allow(clippy::disallowed_methods)]

use millstream_learners::Check;
use millstream_learners::forecasting::{Forecast, Method, Params, Seasonal, Series, Shape, Smoothing, Trend};
use millstream_learners::metrics::regression;
use serde_json::Value;

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/ets.json")).unwrap()
}

fn shape(of: &Value) -> Shape {
    let text = |name: &str| of[name].as_str().unwrap();
    let trend = match text("trend") {
        "none" => Trend::None,
        "additive" => Trend::Additive,
        _ => Trend::Multiplicative,
    };
    let seasonal = match text("seasonal") {
        "none" => Seasonal::None,
        "additive" => Seasonal::Additive,
        _ => Seasonal::Multiplicative,
    };
    Shape { trend, damped: of["damped"].as_bool().unwrap(), seasonal }
}

fn forecast(values: &[f64], season: u32, shape: Shape, horizon: u32) -> Forecast {
    let Shape { trend, damped, seasonal } = shape;
    let damped = Some(damped);
    let params = Params { horizon, season_length: season, trend, seasonal, damped, ..Params::default() };
    let series = Series { values: values.to_vec(), calendar: Vec::new() };
    params.check().unwrap().forecast(&[series], Method::Ets).unwrap().remove(0)
}

fn series(of: &Value) -> (u32, Vec<f64>) {
    let values = of["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap());
    (of["season"].as_u64().unwrap() as u32, values.collect())
}

/// No shape of no series is less likely than statsmodels finds it, but for rounding.
#[test]
fn every_shape_is_as_likely_as_statsmodels_finds_it() {
    let reference = reference();
    let (mut held, mut worse) = (0, Vec::new());
    for own in reference["reached"].as_array().unwrap() {
        let Some(theirs) = own["llf"].as_f64() else { continue };
        let (season, values) = series(&reference["series"][own["series"].as_str().unwrap()]);
        let wanted = shape(own);
        let Smoothing { shape, paces, log_likelihood, .. } =
            forecast(&values, season, wanted, 1).smoothing.unwrap();
        assert_eq!(shape, wanted);
        let told =
            format!("{} {shape:?}: {log_likelihood:.3}, statsmodels {theirs:.3}, {paces:?}", own["series"]);
        println!("{told}");
        held += 1;
        if log_likelihood < theirs - 0.05 {
            worse.push(told);
        }
    }
    assert!(held > 150, "{held}");
    assert!(worse.is_empty(), "{}", worse.join("\n"));
}

/// A year of monthly airline passengers from three origins: as likely at least, and as good where both found the same.
#[test]
fn airline_passengers_are_forecast_as_by_statsmodels() {
    let reference = reference();
    let (season, values) = series(&reference["series"]["airline"]);
    let (mut same, mut ours_by_shape) = (0, Vec::new());
    for own in reference["origins"].as_array().unwrap() {
        let wanted = shape(own);
        let mut errors = 0.0;
        for (place, back) in [36, 24, 12].into_iter().enumerate() {
            let (llf, mae) = (own["llf"][place].as_f64().unwrap(), own["mae"][place].as_f64().unwrap());
            let end = values.len() - back;
            let made = forecast(&values[..end], season, wanted, 12);
            let likely = made.smoothing.unwrap().log_likelihood;
            let ours = regression::mae(&values[end..end + 12], &made.mean, None).unwrap();
            println!("{wanted:?} {back}: {likely:.2} {ours:.2}, statsmodels {llf:.2} {mae:.2}");
            errors += ours / 3.0;
            assert!(likely > llf - 0.05, "{wanted:?} {back}: {likely}, statsmodels {llf}");
            if (likely - llf).abs() < 0.05 {
                same += 1;
                assert!((ours / mae - 1.0).abs() < 0.03, "{wanted:?} {back}: {ours}, statsmodels {mae}");
            }
        }
        ours_by_shape.push((wanted, errors));
    }
    assert!(same > 0);
    // Two places are the best ones around: the likelier one errs by 22.0.
    let wanted = Shape { trend: Trend::Additive, damped: false, seasonal: Seasonal::Multiplicative };
    let (_, errors) = ours_by_shape.iter().find(|(shape, _)| *shape == wanted).unwrap();
    assert!(*errors < 16.0, "{errors}");
}
