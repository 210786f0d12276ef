//! What is said of a job, and models of before.

use super::steps::{asked, said};
use super::*;
use millstream_sdk::arrow_schema::{DataType, Field, Schema};
use millstream_sdk::table::parse_date;
use millstream_sdk::{Level, Model as _, State};
use serde::Serialize;

#[test]
fn what_was_found_is_said() {
    let host = Host::new().rows("train", &sales(60));
    let summary = host.run::<Train>(&format!(r#"{{{MONTHLY}, "method": "ets"}}"#)).unwrap();
    assert!(summary.message.contains("6 steps of 1 month, on the 1st of 2 series"), "{}", summary.message);
    let said = said(&host, Level::Info);
    assert!(said.contains("(`frequency: MS`, as the times have it); a season is 12 of them"), "{said}");
    assert!(said.contains("exponential smoothing: 2 series with trend"), "{said}");
    let ets = host.json("backtest")["ets"].clone();
    assert_eq!(
        (&ets[1]["item"], &ets[1]["values"], &ets[1]["seasonal"]),
        (&"bell".into(), &60.into(), &"additive".into())
    );
    assert!(ets[0]["alpha"].as_f64().unwrap() > 0.0);
    let boosted = Host::new().rows("train", &sales(60));
    boosted.run::<Train>(&format!(r#"{{{MONTHLY}, "method": "boosted-lags"}}"#)).unwrap();
    assert_eq!(boosted.json("backtest")["boosted_lags"]["lags"], 12);
}

#[test]
fn shapes_that_could_not_be_are_said() {
    let run = |csv: &str, more: &str| {
        let host = Host::new().csv("train", csv);
        host.run::<Train>(&format!(r#"{{"target": "y", "time": "t", "horizon": 1, "method": "ets"{more}}}"#))
            .unwrap();
        said(&host, Level::Warn)
    };
    let values: String = (0..12).map(|t| format!("{t},{}\n", t % 4)).collect();
    let csv = format!("t,y\n{values}");
    let season = r#", "season_length": 4, "seasonal": "multiplicative""#;
    let warned = run(&csv, season);
    assert!(
        warned.contains(
            "`seasonal: multiplicative` was not followed for 1 of 1 series; the series got `additive`"
        ),
        "{warned}"
    );
    assert!(run(&csv, r#", "season_length": 7, "seasonal": "additive""#).contains("got `none`"));
    assert!(run(&csv, r#", "season_length": 7"#).contains("fewer values than two seasons (14)"));
    assert!(run(&csv, r#", "trend": "multiplicative""#).contains("`trend: multiplicative` was not followed"));
    assert!(run(&csv, r#", "trend": "none", "damped": true"#).contains("no effect"));
    assert!(
        !run(&csv, r#", "trend": "additive", "season_length": 4, "seasonal": "additive""#)
            .contains("not followed")
    );
}

#[test]
fn models_of_the_first_format_are_read() {
    // Of the 31st of January, monthly: as the first format kept it.
    #[derive(Serialize)]
    struct Old {
        target: String,
        step: step::Step,
        items: Option<millstream_sdk::Classes>,
        ends: Vec<i64>,
        horizon: u32,
        quantiles: Vec<f64>,
        #[serde(with = "millstream_learners::packed")]
        mean: Vec<f64>,
        #[serde(with = "millstream_learners::packed")]
        sd: Vec<f64>,
    }
    let end = i64::from(parse_date(b"2024-01-31").unwrap()) * 86_400_000_000;
    let old = Old {
        target: "y".to_owned(),
        step: step::Step::Months(1),
        items: None,
        ends: vec![end],
        horizon: 2,
        quantiles: vec![0.5],
        mean: vec![7.0, 8.0],
        sd: vec![1.0, 1.0],
    };
    let columns = Schema::new(vec![Field::new("day", DataType::Date32, true)]);
    let bytes = millstream_sdk::state::seal("forecasting", 1, &columns, &old).unwrap();
    let model = Forecasts::load(State::open(&bytes, "forecasting", Forecasts::FORMAT).unwrap()).unwrap();
    let answer = model.predict_table(&asked(&["2024-02-29", "2024-03-31"])).unwrap();
    assert_eq!(answer.column(0).as_primitive::<Float64Type>().values(), &[7.0, 8.0]);
}
