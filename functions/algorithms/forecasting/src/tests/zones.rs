//! Days, months and hours by clocks that are turned.

use super::steps::{ahead, host, said};
use super::*;
use chrono::{Days, Months, NaiveDate};
use millstream_sdk::Level;
use millstream_sdk::table::{format_timestamp, parse_date, parse_timestamp};

/// Times of a zone at these days and this time of day, in UTC.
fn local(zone: &str, days: &[NaiveDate], of_day: i64) -> Vec<String> {
    let clock = clock::Clock::of(zone).unwrap();
    let time = |day: &NaiveDate| {
        let days = i64::from(parse_date(day.to_string().as_bytes()).unwrap());
        format_timestamp(clock.time(days * 86_400_000_000 + of_day).unwrap(), true)
    };
    days.iter().map(time).collect()
}

#[test]
fn local_midnights_stay_midnights() {
    let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
    for (zone, start) in [
        ("Europe/Berlin", day(2024, 3, 20)),
        ("Europe/Berlin", day(2024, 10, 20)),
        ("America/New_York", day(2024, 3, 1)),
        ("Australia/Lord_Howe", day(2024, 4, 1)),
        ("America/Sao_Paulo", day(2018, 10, 30)),
        ("Asia/Kolkata", day(2024, 1, 1)),
        ("UTC", day(2024, 1, 1)),
    ] {
        for (days, of_day) in [(1, 0), (1, 45_000_000_000), (7, 0)] {
            let all: Vec<NaiveDate> = (0..30).map(|step| start + Days::new(days * step)).collect();
            let times = local(zone, &all, of_day);
            // Before and after the clock is turned.
            for length in [4, 8, 12, 20] {
                let more = format!(r#", "timezone": "{zone}""#);
                let next = ahead(&host(&times[..length]), 10, &more).unwrap();
                assert_eq!(next, times[length..length + 10], "{zone} {days} {length}");
                let given = format!(r#"{more}, "frequency": "{days}D""#);
                assert_eq!(ahead(&host(&times[..length]), 10, &given).unwrap(), next);
            }
        }
        // Months, and days from Monday to Friday.
        let months: Vec<NaiveDate> = (0..12).map(|step| day(2023, 1, 31) + Months::new(step)).collect();
        let times = local(zone, &months, 0);
        let host = host(&times[..5]);
        assert_eq!(ahead(&host, 7, &format!(r#", "timezone": "{zone}""#)).unwrap(), times[5..], "{zone}");
        assert_eq!(host.json("backtest")["frequency"], "ME");
    }
}

#[test]
fn clocks_that_are_turned_are_told_from_the_times() {
    let start = NaiveDate::from_ymd_opt(2024, 3, 20).unwrap();
    let days: Vec<NaiveDate> = (0..20).map(|step| start + Days::new(step)).collect();
    let times = local("Europe/Berlin", &days, 0);
    let refused = ahead(&host(&times), 2, "").unwrap_err();
    assert!(refused.contains("row 13, column `day`: 2024-03-31 22:00:00 does not lie"), "{refused}");
    assert!(refused.contains("set `timezone`"), "{refused}");
    // Where it is not turned nothing can be told: that is said.
    let winter = host(&times[..10]);
    ahead(&winter, 2, "").unwrap();
    assert!(said(&winter, Level::Warn).contains("set `timezone`"));
    let utc = host(&["2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"]);
    ahead(&utc, 2, "").unwrap();
    assert!(!said(&utc, Level::Warn).contains("timezone"));
    for (times, zone, expected) in [
        (&times[..2], "Europe/Berln", "did you mean `Europe/Berlin`?"),
        (&["2024-01-01".to_owned(), "2024-01-02".to_owned()], "UTC", "has no times of day"),
        (&["2024-01-01T00:00".to_owned(), "2024-01-02T00:00".to_owned()], "UTC", "have no zone"),
    ] {
        let refused = ahead(&host(times), 1, &format!(r#", "timezone": "{zone}""#)).unwrap_err();
        assert!(refused.contains("parameter `timezone`") && refused.contains(expected), "{refused}");
    }
}

#[test]
fn hours_go_on_while_a_clock_is_turned() {
    let (start, utc) = parse_timestamp(b"2024-03-30T20:00:00Z").unwrap();
    let time = |hour: i64| format_timestamp(start + hour * 3_600_000_000, utc);
    let all: Vec<String> = (0..30).map(time).collect();
    for more in ["", r#", "timezone": "Europe/Berlin""#, r#", "timezone": "Europe/Berlin", "frequency": "h""#]
    {
        let host = host(&all[..12]);
        assert_eq!(ahead(&host, 3, more).unwrap(), all[12..15]);
        assert_eq!(host.json("backtest")["frequency"], "h");
    }
    // Four times a local day.
    let days: Vec<NaiveDate> = (29..32).map(|day| NaiveDate::from_ymd_opt(2024, 3, day).unwrap()).collect();
    let mut quarters: Vec<String> =
        (0..4).flat_map(|part| local("Europe/Berlin", &days, part * 21_600_000_000)).collect();
    quarters.sort_unstable();
    for more in ["", r#", "frequency": "6h""#] {
        let more = format!(r#", "timezone": "Europe/Berlin"{more}"#);
        assert_eq!(ahead(&host(&quarters[..10]), 2, &more).unwrap(), quarters[10..], "{more}");
    }
    // Without a zone an hour comes twice, or never.
    let autumn = ["2024-10-27 01:00:00", "2024-10-27 02:00:00", "2024-10-27 02:00:00", "2024-10-27 03:00:00"];
    let refused = ahead(&host(&autumn), 1, "").unwrap_err();
    assert!(refused.contains("row 3") && refused.contains("give times with their zone"), "{refused}");
}
