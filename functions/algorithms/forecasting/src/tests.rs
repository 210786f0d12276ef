use super::*;
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type};
use arrow_array::{Date32Array, RecordBatch, StringArray};
use millstream_sdk::testing::Host;

/// Days since 1970 of a month's first day.
fn month(number: i32) -> i32 {
    let date = |number: i32| format!("{}-{:02}-01", 2015 + number / 12, number % 12 + 1);
    millstream_sdk::table::parse_date(date(number).as_bytes()).unwrap()
}

/// Sales of two items by month, with trend and season; the rows are not in order.
fn sales(months: i32) -> RecordBatch {
    let rows: Vec<(i32, usize)> = (0..months).rev().flat_map(|m| [(m, 1), (m, 0)]).collect();
    let value = |&(m, item): &(i32, usize)| {
        let season = (f64::from(m) * std::f64::consts::TAU / 12.0).sin();
        (100.0 + f64::from(m)) * (1.0 + item as f64) + 20.0 * season + f64::from(m * 7919 % 101) / 101.0
    };
    let items: StringArray = rows.iter().map(|(_, item)| Some(["anvil", "bell"][*item])).collect();
    batch_of([
        ("item", Arc::new(items) as ArrayRef),
        ("month", Arc::new(Date32Array::from_iter_values(rows.iter().map(|(m, _)| month(*m)))) as ArrayRef),
        ("sold", Arc::new(Float64Array::from_iter_values(rows.iter().map(value))) as ArrayRef),
    ])
    .unwrap()
}

const MONTHLY: &str = r#""target": "sold", "time": "month", "item_id": "item", "horizon": 6"#;

#[test]
fn every_method_forecasts_months() {
    for method in ["auto", "ets", "boosted-lags", "seasonal-naive"] {
        let host = Host::new().rows("train", &sales(60));
        let summary = host.run::<Train>(&format!(r#"{{{MONTHLY}, "method": "{method}"}}"#)).unwrap();
        let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
        assert!(figure("backtest:mase") < 1.5, "{method}: {}", figure("backtest:mase"));
        let out = host.table("forecasts");
        let names: Vec<_> = out.schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, ["item", "month", "mean", "p10", "p50", "p90"]);
        assert_eq!(out.num_rows(), 12);
        let times = out.column(1).as_primitive::<Date32Type>().values();
        assert_eq!(times[..6], (60..66).map(month).collect::<Vec<_>>()[..]);
        assert_eq!(out.column(0).as_string::<i32>().value(11), "bell");
        let column = |j: usize| out.column(j).as_primitive::<Float64Type>().values().to_vec();
        assert!((0..12).all(|i| column(3)[i] < column(4)[i] && column(4)[i] < column(5)[i]), "{method}");
        assert_eq!(host.json("backtest")["season_length"], 12);
        if method == "auto" {
            assert_eq!(host.json("backtest")["chosen"], "ets");
            let truth = 160.0 + 20.0 * (60.0_f64 * std::f64::consts::TAU / 12.0).sin();
            assert!((column(2)[0] - truth).abs() < 4.0, "{}", column(2)[0]);
        }
    }
}

#[test]
fn whole_numbers_and_quantiles() {
    let host = Host::new().csv("train", "t,y\n3,3\n1,1\n2,2\n4,4\n5,5\n6,6\n7,7\n8,8\n");
    let params = r#"{"target": "y", "time": "t", "horizon": 2, "quantiles": [0.025, 0.29], "method": "ets"}"#;
    host.run::<Train>(params).unwrap();
    let out = host.table("forecasts");
    let names: Vec<_> = out.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["t", "mean", "p2.5", "p29"]);
    assert_eq!(out.column(0).as_primitive::<Int64Type>().values(), &[9, 10]);
    assert!((out.column(1).as_primitive::<Float64Type>().value(1) - 10.0).abs() < 0.1);
}

#[test]
fn gaps_are_refused_or_filled() {
    let csv = "t,y\n1,1\n2,2\n4,4\n5,\n6,6\n";
    let host = || Host::new().csv("train", csv);
    let base = r#""target": "y", "time": "t", "horizon": 1, "frequency": "1""#;
    let refused = host().run::<Train>(&format!("{{{base}}}")).unwrap_err().to_string();
    assert!(refused.contains("input `train`, row 3") && refused.contains("missing"), "{refused}");
    let filled = host();
    filled.run::<Train>(&format!(r#"{{{base}, "missing": "interpolate"}}"#)).unwrap();
    assert!(filled.logs().iter().any(|(_, line)| line.contains("2 steps")));
}

#[test]
fn short_series_are_forecast_untested() {
    let host = Host::new().csv("train", "t,y\n1,5\n2,5\n");
    host.run::<Train>(r#"{"target": "y", "time": "t", "horizon": 3}"#).unwrap();
    assert_eq!(host.table("forecasts").column(1).as_primitive::<Float64Type>().values(), &[5.0, 5.0, 5.0]);
    assert!(host.logs().iter().any(|(_, line)| line.contains("not tested")));
}

#[test]
fn bad_input_is_named() {
    let run = |csv: &str, more: &str| {
        let params = format!(r#"{{"target": "y", "time": "t", "horizon": 1{more}}}"#);
        Host::new().csv("train", csv).run::<Train>(&params).unwrap_err().to_string()
    };
    let twice = run("t,y\n1,1\n2,2\n1,3\n", "");
    assert!(twice.contains("row 3, column `t`") && twice.contains("row 1"), "{twice}");
    assert!(run("t,y\n1,1\n", "").contains("frequency"));
    assert!(run("t,y\n1,1\n2,2\n", r#", "frequency": "fortnight""#).contains("parameter `frequency`"));
    assert!(run("t,y\n1,1\n2,2\n", r#", "quantiles": [1]"#).contains("parameter `quantiles`"));
    assert!(run("t,y\n1,1\n2,2\n", r#", "quantiles": [0.5, 0.5]"#).contains("p50"));
    assert!(run("t,y\na,1\nb,2\n", "").contains("column `t`"));
    for far in [i64::MIN, i64::MAX] {
        let far = run(&format!("t,y\n1,1\n{far},2\n"), "");
        assert!(far.contains("row 2, column `t`: the time is too far away"), "{far}");
    }
    let days = batch_of([
        ("t", Arc::new(Date32Array::from(vec![0, 1, i32::MIN])) as ArrayRef),
        ("y", Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0])) as ArrayRef),
    ]);
    let host = Host::new().rows("train", &days.unwrap());
    let far = host.run::<Train>(r#"{"target": "y", "time": "t", "horizon": 1}"#).unwrap_err().to_string();
    assert!(far.contains("row 3, column `t`: the time is too far away"), "{far}");
    assert!(run("t,y\n1,1\n4,2\n6,3\n8,2\n", "").contains("whole number of steps"));
    let unknown = run("t,y\n1,1\n2,2\n", r#", "item_id": "z""#);
    assert!(unknown.contains("`z`"), "{unknown}");
}

#[test]
fn few_values_are_not_left_to_boosted_lags() {
    let run = |params: &str| {
        let values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0];
        let rows =
            values.iter().enumerate().map(|(day, value)| format!("{day},{value}\n")).collect::<String>();
        let host = Host::new().csv("train", &format!("day,sold\n{rows}"));
        host.run::<Train>(&format!(r#"{{"target": "sold", "time": "day", "horizon": 2{params}}}"#)).unwrap();
        (host.json("backtest"), host.logs().into_iter().map(|(_, text)| text).collect::<String>())
    };
    let (report, said) = run("");
    assert_ne!(report["chosen"], "boosted-lags");
    assert_eq!(report["backtests"].as_array().unwrap().len(), 2, "{report}");
    assert!(said.contains("boosted lags were not tried: no series has 11 values"), "{said}");
    // Whoever asks for them gets them.
    assert_eq!(run(r#", "method": "boosted-lags""#).0["chosen"], "boosted-lags");
}

#[test]
fn parameters_go_by_their_other_names_too() {
    let run = |more: &str| {
        let host = Host::new().rows("train", &sales(60));
        let outcome = host.run::<Train>(&format!(r#"{{{MONTHLY}, "method": "ets"{more}}}"#));
        outcome.map(|_| (host.output("forecasts"), host.json("backtest")["season_length"].as_u64().unwrap()))
    };
    let own = run(r#", "frequency": "M", "season_length": 6, "damped": true"#).unwrap();
    let other = run(r#", "time_freq": "M", "seasonal_periods": 6, "damped_trend": true"#).unwrap();
    assert_eq!((own.1, &own), (6, &other));
    for (both, name) in [
        (r#", "frequency": "M", "time_freq": "M""#, "time_freq"),
        (r#", "season_length": 6, "seasonal_periods": 6"#, "seasonal_periods"),
        (r#", "damped": true, "damped_trend": true"#, "damped_trend"),
    ] {
        let text = run(both).unwrap_err().to_string();
        assert!(text.contains(&format!("parameter `{name}`")), "{text}");
    }
}

#[test]
fn the_model_answers_the_times_of_the_horizon() {
    let host = Host::new().rows("train", &sales(60));
    host.run::<Train>(&format!("{{{MONTHLY}}}")).unwrap();
    let out = host.table("forecasts");
    let model = host.load::<Forecasts>("model").unwrap();
    // All that was forecast, the last first.
    let rows: Vec<_> = (0..out.num_rows()).rev().map(|row| out.slice(row, 1)).collect();
    let asked = millstream_sdk::table::concat(&out.schema(), &rows).unwrap();
    let answer = model.predict_batch(&asked).unwrap();
    let names: Vec<_> = answer.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["prediction", "p10", "p50", "p90"]);
    for j in 0..4 {
        assert_eq!(answer.column(j), asked.column(j + 2));
    }
    let refused = |item: &str, month: i32| {
        let rows = batch_of([
            ("item", Arc::new(StringArray::from(vec![item])) as ArrayRef),
            ("month", Arc::new(Date32Array::from(vec![month])) as ArrayRef),
        ]);
        model.predict_batch(&rows.unwrap()).unwrap_err().to_string()
    };
    let past = refused("bell", month(59));
    assert!(past.contains("row 1, column `month`: 2019-12-01 is not after 2019-12-01"), "{past}");
    assert!(past.contains("of item `bell`") && past.contains("the 6 steps after"), "{past}");
    // Not the month's day, though in the month that is next.
    let between = refused("bell", month(60) + 3);
    assert!(between.contains("2020-01-04 does not lie a whole number of steps"), "{between}");
    let far = refused("bell", month(66));
    assert!(far.contains("7 steps after") && far.contains("larger `horizon`"), "{far}");
    assert!(
        refused("cup", month(60)).contains("row 1, column `item`: the item was not in the training rows")
    );
}

#[test]
fn a_series_without_an_item_is_asked_by_time_alone() {
    let host = Host::new().csv("train", "t,y\n1,1\n3,2\n5,3\n7,4\n9,5\n11,6\n13,7\n15,8\n");
    host.run::<Train>(r#"{"target": "y", "time": "t", "prediction_length": 2, "method": "ets"}"#).unwrap();
    let model = host.load::<Forecasts>("model").unwrap();
    let answer = model.predict_batch(&millstream_sdk::testing::rows("t\n19\n17\n")).unwrap();
    let mean = answer.column(0).as_primitive::<Float64Type>().values();
    assert!((mean[0] - 10.0).abs() < 0.1 && (mean[1] - 9.0).abs() < 0.1, "{mean:?}");
    let between = model.predict_batch(&millstream_sdk::testing::rows("t\n18\n")).unwrap_err().to_string();
    assert!(between.contains("18 does not lie a whole number of steps after 15"), "{between}");
    assert_eq!(model.predict_batch(&millstream_sdk::testing::rows("t\n")).unwrap().num_rows(), 0);
}

#[test]
fn the_horizon_has_two_names() {
    let run = |more: &str| {
        let params = format!(r#"{{"target": "y", "time": "t"{more}}}"#);
        Host::new().csv("train", "t,y\n1,1\n2,2\n").run::<Train>(&params).unwrap_err().to_string()
    };
    assert!(run("").contains("parameter `horizon`: it is not given"));
    let both = run(r#", "horizon": 1, "prediction_length": 1"#);
    assert!(both.contains("parameter `prediction_length`"), "{both}");
}

mod steps;
mod summaries;
mod zones;
