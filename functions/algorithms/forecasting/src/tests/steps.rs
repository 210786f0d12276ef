//! How far steps are apart: by the clock, by the calendar, by the user.

use super::*;
use crate::time::Times;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, TimestampMicrosecondArray};
use chrono::{Datelike as _, Days, NaiveDate, Weekday};
use millstream_sdk::Level;
use millstream_sdk::arrow_schema::DataType;
use millstream_sdk::table::{format_date, format_timestamp, parse_date, parse_timestamp};

/// A column of dates, or of times if they have a `T` or a blank.
pub fn days(times: &[impl AsRef<str>]) -> ArrayRef {
    let times = times.iter().map(|time| time.as_ref().as_bytes());
    if times.clone().all(|time| parse_date(time).is_some()) {
        return Arc::new(Date32Array::from_iter_values(times.map(|time| parse_date(time).unwrap())));
    }
    let times: Vec<(i64, bool)> = times.map(|time| parse_timestamp(time).unwrap()).collect();
    let zone = times[0].1.then_some("UTC");
    let times = TimestampMicrosecondArray::from_iter_values(times.into_iter().map(|(time, _)| time));
    Arc::new(times.with_timezone_opt(zone))
}

/// A host with values from 10 on at these times.
pub fn host(times: &[impl AsRef<str>]) -> Host {
    let values = Float64Array::from_iter_values((0..times.len()).map(|row| 10.0 + row as f64));
    Host::new().rows("train", &batch_of([("day", days(times)), ("y", Arc::new(values) as ArrayRef)]).unwrap())
}

/// The same with items.
pub fn items(rows: &[(&str, &str)]) -> Host {
    let items: StringArray = rows.iter().map(|(item, _)| Some(*item)).collect();
    let times: Vec<&str> = rows.iter().map(|(_, time)| *time).collect();
    let values = Float64Array::from_iter_values((0..rows.len()).map(|row| 10.0 + row as f64));
    let columns = [("item", Arc::new(items) as ArrayRef), ("day", days(&times)), ("y", Arc::new(values))];
    Host::new().rows("train", &batch_of(columns).unwrap())
}

pub fn asked(times: &[&str]) -> RecordBatch {
    batch_of([("day", days(times))]).unwrap()
}

pub fn column(array: &ArrayRef) -> Vec<String> {
    match array.data_type() {
        DataType::Date32 => {
            array.as_primitive::<Date32Type>().values().iter().map(|days| format_date(*days)).collect()
        }
        _ => {
            let times = array.as_primitive::<TimestampMicrosecondType>();
            let utc = times.timezone().is_some();
            times.values().iter().map(|time| format_timestamp(*time, utc)).collect()
        }
    }
}

/// The times ahead, of which the model knows every one.
pub fn ahead(host: &Host, horizon: usize, more: &str) -> Result<Vec<String>, String> {
    let params = format!(r#"{{"target": "y", "time": "day", "horizon": {horizon}, "method": "ets"{more}}}"#);
    host.run::<Train>(&params).map_err(|failure| failure.to_string())?;
    let out = host.table("forecasts");
    let times = out.schema().index_of("day").unwrap();
    let answer = host.load::<Forecasts>("model").unwrap().predict_batch(&out).unwrap();
    assert_eq!(answer.column(0), out.column(out.schema().index_of("mean").unwrap()));
    Ok(column(out.column(times)))
}

pub fn said(host: &Host, level: Level) -> String {
    host.logs().into_iter().filter(|(own, _)| *own == level).map(|(_, text)| text + "\n").collect()
}

#[test]
fn all_times_decide_on_the_day_of_the_month() {
    for (times, next, frequency) in [
        // The 28th, though the last of them is the last day of February; and the 29th and 30th.
        (&["2022-12-28", "2023-01-28", "2023-02-28"][..], ["2023-03-28", "2023-04-28"], "M"),
        (&["2022-12-29", "2023-01-29", "2023-02-28"], ["2023-03-29", "2023-04-29"], "M"),
        (&["2023-01-30", "2023-02-28", "2023-03-30", "2023-04-30"], ["2023-05-30", "2023-06-30"], "M"),
        (&["2024-01-30", "2024-02-29"], ["2024-03-30", "2024-04-30"], "M"),
        // The last days, of which the 31st are some.
        (&["2023-01-31", "2023-02-28"], ["2023-03-31", "2023-04-30"], "ME"),
        (&["2022-11-30", "2022-12-31", "2023-01-31", "2023-02-28"], ["2023-03-31", "2023-04-30"], "ME"),
        (&["2023-12-31", "2024-01-31", "2024-02-29"], ["2024-03-31", "2024-04-30"], "ME"),
        (&["2023-11-01", "2023-12-01"], ["2024-01-01", "2024-02-01"], "MS"),
        // Of quarters, half years and years.
        (&["2022-12-31", "2023-03-31", "2023-06-30"], ["2023-09-30", "2023-12-31"], "QE"),
        (&["2022-11-30", "2023-02-28", "2023-05-30"], ["2023-08-30", "2023-11-30"], "Q"),
        (&["2023-01-01", "2023-07-01"], ["2024-01-01", "2024-07-01"], "2QS"),
        (&["2018-02-28", "2019-02-28", "2020-02-28"], ["2021-02-28", "2022-02-28"], "Y"),
        (&["2019-02-28", "2020-02-29", "2021-02-28"], ["2022-02-28", "2023-02-28"], "YE"),
        (&["2016-02-29", "2020-02-29"], ["2024-02-29", "2028-02-29"], "4YE"),
        (&["2022-04-06", "2023-04-06"], ["2024-04-06", "2025-04-06"], "Y"),
        // The first and last days from Monday to Friday.
        (&["2023-01-31", "2023-02-28", "2023-03-31", "2023-04-28"], ["2023-05-31", "2023-06-30"], "BME"),
        (&["2023-05-01", "2023-06-01", "2023-07-03", "2023-08-01"], ["2023-09-01", "2023-10-02"], "BMS"),
    ] {
        let host = host(times);
        assert_eq!(ahead(&host, 2, "").unwrap(), next, "{times:?}");
        assert_eq!(host.json("backtest")["frequency"], frequency, "{times:?}");
        // What was found may be given, and comes to the same.
        let given = format!(r#", "frequency": "{frequency}""#);
        assert_eq!(ahead(&host, 2, &given).unwrap(), next, "{times:?} {frequency}");
    }
}

#[test]
fn equal_steps_of_days_are_no_months() {
    let start = NaiveDate::from_ymd_opt(2023, 1, 15).unwrap();
    for days in [1, 2, 7, 14, 27, 28, 29, 30, 31, 90, 91, 92, 364, 365, 366] {
        let date = |step: u64| (start + Days::new(days * step)).to_string();
        let host = host(&(0..14).map(date).collect::<Vec<_>>());
        assert_eq!(ahead(&host, 3, "").unwrap(), (14..17).map(date).collect::<Vec<_>>(), "{days} days");
        let (frequency, season) =
            (host.json("backtest")["frequency"].clone(), host.json("backtest")["season_length"].clone());
        let (name, length) = match days {
            1 => ("D".to_owned(), 7),
            7 => ("W".to_owned(), 52),
            14 => ("2W".to_owned(), 26),
            28 => ("4W".to_owned(), 13),
            91 => ("13W".to_owned(), 4),
            364 => ("52W".to_owned(), 1),
            days => (format!("{days}D"), 1),
        };
        assert_eq!((frequency.as_str().unwrap(), season.as_u64().unwrap()), (name.as_str(), length));
        assert_eq!(
            ahead(&host, 3, &format!(r#", "frequency": "{days}D""#)).unwrap(),
            (14..17).map(date).collect::<Vec<_>>()
        );
    }
}

#[test]
fn gaps_do_not_change_the_step() {
    // A month and a step of 28 days are missing.
    let months = ["2022-11-30", "2022-12-30", "2023-01-30", "2023-03-30", "2023-04-30"];
    let more = r#", "missing": "interpolate""#;
    assert_eq!(ahead(&host(&months), 1, more).unwrap(), ["2023-05-30"]);
    let refused = ahead(&host(&months), 1, "").unwrap_err();
    assert!(
        refused.contains("row 4, column `day`: 1 step is missing before this row, of 1 month"),
        "{refused}"
    );
    let weeks = ["2024-01-01", "2024-01-29", "2024-02-26", "2024-04-22"];
    assert_eq!(ahead(&host(&weeks), 1, more).unwrap(), ["2024-05-20"]);
}

#[test]
fn items_have_days_of_their_own() {
    let host = items(&[
        ("a", "2023-01-15"),
        ("a", "2023-02-15"),
        ("a", "2023-03-15"),
        ("b", "2022-12-31"),
        ("b", "2023-01-31"),
        ("b", "2023-02-28"),
        ("c", "2023-01-30"),
        ("c", "2023-02-28"),
    ]);
    let times = ahead(&host, 2, r#", "item_id": "item""#).unwrap();
    assert_eq!(times, ["2023-04-15", "2023-05-15", "2023-03-31", "2023-04-30", "2023-03-30", "2023-04-30"]);
    assert!(said(&host, Level::Info).contains("1 month, each item on its own day of the month"));
    // A short series goes by the rule of the others, if it goes by it.
    let host = items(&[
        ("long", "2023-02-28"),
        ("long", "2023-03-30"),
        ("long", "2023-04-30"),
        ("short", "2023-04-30"),
    ]);
    let times = ahead(&host, 1, r#", "item_id": "item""#).unwrap();
    assert_eq!(times, ["2023-05-30", "2023-05-30"]);
}

#[test]
fn weekends_that_are_left_out() {
    let first = NaiveDate::from_ymd_opt(2024, 1, 3).unwrap();
    let all: Vec<String> = (0..40)
        .map(|day| first + Days::new(day))
        .filter(|day| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun))
        .map(|day| day.to_string())
        .collect();
    let host = host(&all[..22]);
    assert_eq!(ahead(&host, 4, "").unwrap(), all[22..26]);
    assert_eq!(
        (&host.json("backtest")["frequency"], &host.json("backtest")["season_length"]),
        (&"B".into(), &5.into())
    );
    assert_eq!(ahead(&host, 4, r#", "frequency": "B""#).unwrap(), all[22..26]);
    // Days are still days for whoever asks for them.
    let days = ahead(&host, 4, r#", "frequency": "D", "missing": "previous""#).unwrap();
    assert_eq!(days, ["2024-02-02", "2024-02-03", "2024-02-04", "2024-02-05"]);
    let refused = ahead(&self::host(&["2024-01-05", "2024-01-06"]), 1, r#", "frequency": "B""#).unwrap_err();
    assert!(refused.contains("row 2, column `day`: 2024-01-06 is a Sat"), "{refused}");
}

#[test]
fn names_of_steps_are_those_of_pandas() {
    let dates = ["2024-01-01", "2024-01-02"];
    let times = ["2024-01-01T00:00:00", "2024-01-01T06:00:00"];
    let read = |texts: &[&str], name: &str| {
        let column = host(texts).context().table("train").unwrap().column("day").unwrap().clone();
        let times = Times::read(&column, None).unwrap();
        frequency::Named::read(name, &times).map_err(|failure| failure.to_string())
    };
    for name in [
        "D", "30D", "24h", "W", "2W", "W-MON", "W-SUN", "B", "M", "MS", "ME", "3M", "BMS", "BME", "BM", "Q",
        "QS", "QE", "QE-DEC", "QS-JAN", "Q-NOV", "BQS", "BQE", "BQE-MAR", "Y", "A", "YS", "YE", "AS",
        "YE-JUN", "BYS", "BYE-DEC", "A-DEC",
    ] {
        assert!(read(&dates, name).is_ok(), "{name}");
    }
    for name in ["h", "H", "3h", "min", "T", "15min", "s", "S", "10s", "ms", "L", "us", "U"] {
        assert!(read(&times, name).is_ok(), "{name}");
        let refused = read(&dates, name).unwrap_err();
        assert!(refused.contains("parameter `frequency`") && refused.contains("`W-MON`"), "{refused}");
    }
    for name in [
        "",
        "0D",
        "-1D",
        "1.5h",
        "fortnight",
        "SM",
        "SME",
        "C",
        "bh",
        "W-XYZ",
        "M-JAN",
        "D-MON",
        "B-MON",
        "1D12h",
        "QX",
        "MSS",
        "1000001D",
        "99999999999999999999D",
        "é",
    ] {
        assert!(read(&dates, name).is_err() && read(&times, name).is_err(), "{name}");
    }
    assert!(
        Host::new()
            .csv("train", "day,y\n1,1\n3,2\n")
            .run::<Train>(r#"{"target": "y", "time": "day", "horizon": 1, "frequency": "2"}"#)
            .is_ok()
    );
}

#[test]
fn what_a_name_says_is_held_against_the_times() {
    for (times, name, expected) in [
        (
            ["2023-01-15", "2023-02-15"],
            "ME",
            "row 1, column `day`: 2023-01-15 is not on the last day of the month",
        ),
        (["2023-01-31", "2023-02-27"], "ME", "row 2, column `day`: 2023-02-27 is not"),
        (["2023-01-31", "2023-02-28"], "MS", "is not on the 1st"),
        (["2023-01-01", "2023-02-01"], "BMS", "is not on the first weekday"),
        (["2023-02-01", "2023-05-01"], "QS-JAN", "is not of a month that goes with JAN"),
        (["2023-01-31", "2023-04-30"], "QE-DEC", "is not of a month that goes with DEC"),
        (["2023-01-31", "2024-01-31"], "YE-DEC", "goes with DEC"),
        (["2024-01-02", "2024-01-09"], "W-MON", "is no Mon"),
        (["2024-01-01", "2024-01-09"], "W-MON", "row 2, column `day`: 2024-01-09 is no Mon"),
    ] {
        let refused = ahead(&host(&times), 1, &format!(r#", "frequency": "{name}""#)).unwrap_err();
        assert!(refused.contains(expected) && refused.contains(&format!("`frequency: {name}`")), "{refused}");
    }
    for (times, name, next) in [
        (["2022-12-31", "2023-03-31"], "QE-DEC", "2023-06-30"),
        (["2023-01-31", "2023-04-30"], "QE-JAN", "2023-07-31"),
        (["2023-04-01", "2024-04-01"], "YS-APR", "2025-04-01"),
        (["2024-01-01", "2024-01-08"], "W-MON", "2024-01-15"),
    ] {
        assert_eq!(ahead(&host(&times), 1, &format!(r#", "frequency": "{name}""#)).unwrap(), [next]);
    }
    // One time is enough then.
    assert_eq!(
        ahead(&host(&["2024-02-29"]), 2, r#", "frequency": "ME""#).unwrap(),
        ["2024-03-31", "2024-04-30"]
    );
}

#[test]
fn days_that_have_no_rule_stand_for_their_month() {
    let times = ["2023-01-03", "2023-02-02", "2023-03-01", "2023-04-07"];
    let refused = ahead(&host(&times), 1, "").unwrap_err();
    assert!(refused.contains("row 2") && refused.contains("set `frequency: M`"), "{refused}");
    let host = host(&times);
    let more = r#", "frequency": "M", "trend": "additive""#;
    assert_eq!(ahead(&host, 2, more).unwrap(), ["2023-05-01", "2023-06-01"]);
    assert!(said(&host, Level::Warn).contains("different days of the month"));
    // Any day of the month is of it.
    let model = host.load::<Forecasts>("model").unwrap();
    let rows = asked(&["2023-05-01", "2023-05-31", "2023-06-30"]);
    let means = model.predict_batch(&rows).unwrap();
    let means = means.column(0).as_primitive::<Float64Type>().values().to_vec();
    assert!(means[0] == means[1] && means[1] != means[2], "{means:?}");
    let twice = ahead(&self::host(&["2023-01-03", "2023-01-20", "2023-02-02"]), 1, r#", "frequency": "M""#);
    assert!(twice.unwrap_err().contains("two rows lie within the step of 2023-01-20"));
}

#[test]
fn numbers_that_are_dates_are_pointed_out() {
    let run = |more: &str| {
        let host = Host::new().csv("train", "day,y\n202311,1\n202312,2\n202401,3\n202402,4\n");
        let params = format!(r#"{{"target": "y", "time": "day", "horizon": 1, "method": "ets"{more}}}"#);
        (host.run::<Train>(&params).map_err(|failure| failure.to_string()), host)
    };
    let refused = run("").0.unwrap_err();
    assert!(refused.contains("look like months: write them as dates such as 2023-11-01"), "{refused}");
    let (done, host) = run(r#", "missing": "interpolate""#);
    assert!(done.is_ok() && said(&host, Level::Warn).contains("look like months"));
}
