//! Steps by the clock and by the calendar.

use crate::clock::Clock;
use chrono::{Datelike as _, Days, Months, NaiveDate};
use serde::{Deserialize, Serialize};

pub const HOUR: i64 = 3_600_000_000;
pub const DAY: i64 = 24 * HOUR;
pub const WEEK: i64 = 7 * DAY;

/// 1970-01-01 in days since the first day of the year 1.
const EPOCH: i64 = 719_163;

/// How far steps are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Microseconds, or units of a column of numbers.
    Ticks(i64),
    /// By the calendar.
    Months(i64),
    /// Microseconds as a clock shows them, whose days may be 23 or 25 hours long.
    Shown(i64),
    /// Days from Monday to Friday.
    Weekdays(i64),
}

/// Which day of its month a time is of, where steps are months.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Day {
    /// That one, or the last one of a month that has fewer: 1 to 30.
    Of(u32),
    Last,
    /// The first one from Monday to Friday.
    FirstWeekday,
    /// The last one from Monday to Friday.
    LastWeekday,
    /// Whichever: the month is meant. Times ahead are of its first day.
    Any,
}

/// The times of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    /// The first one.
    pub start: i64,
    /// The time of day, in microseconds as the clock shows it.
    pub of_day: i64,
    pub day: Day,
}

impl Step {
    /// Whether it leads to a later time.
    pub fn is_ahead(self) -> bool {
        let (Self::Ticks(size) | Self::Months(size) | Self::Shown(size) | Self::Weekdays(size)) = self;
        size > 0
    }

    /// Whether it is counted in days or longer, so that it matters when a day begins.
    pub fn is_of_days(self) -> bool {
        match self {
            Self::Ticks(size) | Self::Shown(size) => size % DAY == 0,
            Self::Months(_) | Self::Weekdays(_) => true,
        }
    }

    /// For people: `3 months`.
    pub fn text(self, calendar: bool) -> String {
        let counted = |count: i64, unit: &str| {
            if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
        };
        match self {
            Self::Months(count) if count % 12 == 0 => counted(count / 12, "year"),
            Self::Months(count) => counted(count, "month"),
            Self::Weekdays(count) => counted(count, "day") + " from Monday to Friday",
            Self::Ticks(size) if !calendar => size.to_string(),
            Self::Ticks(size) | Self::Shown(size) => {
                let (_, unit, length) = unit(size);
                counted(size / length, unit)
            }
        }
    }

    /// As `frequency` has it, for series whose times are of these days of a month.
    pub fn name(self, calendar: bool, days: &[Day]) -> String {
        let counted =
            |count: i64, unit: &str| if count == 1 { unit.to_owned() } else { format!("{count}{unit}") };
        match self {
            Self::Months(months) => {
                let same = days.first().filter(|first| days.iter().all(|day| day == *first));
                let (before, after) = match same {
                    Some(Day::Of(1)) => ("", "S"),
                    Some(Day::Last) => ("", "E"),
                    Some(Day::FirstWeekday) => ("B", "S"),
                    Some(Day::LastWeekday) => ("B", "E"),
                    _ => ("", ""),
                };
                let (count, unit) = match months {
                    _ if months % 12 == 0 => (months / 12, "Y"),
                    _ if months % 3 == 0 => (months / 3, "Q"),
                    _ => (months, "M"),
                };
                counted(count, &format!("{before}{unit}{after}"))
            }
            Self::Weekdays(count) => counted(count, "B"),
            Self::Ticks(size) if !calendar => size.to_string(),
            Self::Ticks(size) | Self::Shown(size) => {
                let (name, _, length) = unit(size);
                counted(size / length, name)
            }
        }
    }

    /// Steps after which a season comes again; 1 if none is usual.
    pub fn season(self, calendar: bool) -> u32 {
        let parts = |whole: i64, size: i64| match whole % size {
            // A kernel takes no more.
            0 => u32::try_from(whole / size).ok().filter(|count| *count <= 10_000).unwrap_or(1),
            _ => 1,
        };
        match self {
            Self::Ticks(_) if !calendar => 1,
            Self::Months(months) => parts(12, months),
            Self::Weekdays(1) => 5,
            Self::Weekdays(_) => 1,
            Self::Ticks(DAY) | Self::Shown(DAY) => 7,
            Self::Ticks(size) | Self::Shown(size) if size < DAY => parts(DAY, size),
            Self::Ticks(size) | Self::Shown(size) if size % WEEK == 0 => parts(52, size / WEEK),
            Self::Ticks(_) | Self::Shown(_) => 1,
        }
    }
}

/// The longest unit that a length is whole numbers of: its name in `frequency`, for people, its length.
fn unit(size: i64) -> (&'static str, &'static str, i64) {
    const UNITS: [(&str, &str, i64); 7] = [
        ("W", "week", WEEK),
        ("D", "day", DAY),
        ("h", "hour", HOUR),
        ("min", "minute", 60_000_000),
        ("s", "second", 1_000_000),
        ("ms", "millisecond", 1_000),
        ("us", "microsecond", 1),
    ];
    // 28 days are four weeks, but 30 days are none.
    *UNITS.iter().find(|(_, _, length)| size % length == 0).unwrap_or(&UNITS[6])
}

impl Day {
    /// The day of a month that all dates are of; none if there is no such rule. `even` dates are equally many days apart:
    /// a rule of weekdays would say more than they show.
    pub fn of_all(dates: &[NaiveDate], even: bool) -> Option<Self> {
        let latest = dates.iter().map(|date| date.day()).max()?;
        let rules = [Self::Last, Self::Of(latest), Self::FirstWeekday, Self::LastWeekday];
        let rules = if even { &rules[..2] } else { &rules[..] };
        rules.iter().copied().find(|rule| dates.iter().all(|date| rule.within(*date) == Some(*date)))
    }

    /// That day of a date's month.
    pub fn within(self, date: NaiveDate) -> Option<NaiveDate> {
        let first = date.with_day(1)?;
        let last = first.checked_add_months(Months::new(1))?.pred_opt()?;
        let beyond = |day: NaiveDate| u64::from(day.weekday().num_days_from_monday().saturating_sub(4));
        match self {
            Self::Any => Some(first),
            Self::Of(day) => first.with_day(day.min(last.day())),
            Self::Last => Some(last),
            Self::FirstWeekday => {
                let wait = (7 - u64::from(first.weekday().num_days_from_monday())) % 7;
                first.checked_add_days(Days::new(if beyond(first) > 0 { wait } else { 0 }))
            }
            Self::LastWeekday => last.checked_sub_days(Days::new(beyond(last))),
        }
    }

    /// For people: `on the 28th`.
    pub fn text(self) -> String {
        match self {
            Self::Of(day) => {
                let ending = match day {
                    1 | 21 | 31 => "st",
                    2 | 22 => "nd",
                    3 | 23 => "rd",
                    _ => "th",
                };
                let short = if day > 28 { ", or the last day of a shorter month" } else { "" };
                format!("on the {day}{ending}{short}")
            }
            Self::Last => "on the last day of the month".to_owned(),
            Self::FirstWeekday => "on the first weekday of the month".to_owned(),
            Self::LastWeekday => "on the last weekday of the month".to_owned(),
            Self::Any => "on any day of the month".to_owned(),
        }
    }

    /// Whether it is one that a month may have.
    pub fn is_sound(self) -> bool {
        !matches!(self, Self::Of(day) if !(1..=31).contains(&day))
    }
}

impl Grid {
    /// Of times in order; there is one at least. The first may be of a day that leaves out its time of day when the clock
    /// is turned on: the second one then tells which it is.
    pub fn new(clock: &Clock, day: Day, times: &[i64]) -> Self {
        let start = times[0];
        let shown = clock.shows(start).unwrap_or(start);
        let of_day = shown.rem_euclid(DAY);
        let second = times.get(1).and_then(|second| Some(clock.shows(*second)?.rem_euclid(DAY)));
        let meant = second.filter(|second| {
            *second != of_day && clock.has_zone() && clock.time(shown - of_day + second) == Some(start)
        });
        Self { start, of_day: meant.unwrap_or(of_day), day }
    }

    /// The time so many steps after the first; none beyond what can be counted.
    pub fn at(&self, clock: &Clock, step: Step, steps: i64) -> Option<i64> {
        if let Step::Ticks(size) = step {
            return self.start.checked_add(size.checked_mul(steps)?);
        }
        let first = clock.shows(self.start)?;
        let shown = match step {
            Step::Ticks(size) | Step::Shown(size) => {
                let start = first.checked_sub(first.rem_euclid(DAY))?.checked_add(self.of_day)?;
                start.checked_add(size.checked_mul(steps)?)?
            }
            Step::Months(months) => {
                let ahead = u32::try_from(months.checked_mul(steps)?).ok()?;
                let month = date(first)?.with_day(1)?.checked_add_months(Months::new(ahead))?;
                let of_day = if self.day == Day::Any { 0 } else { self.of_day };
                shown_at(self.day.within(month)?, of_day)?
            }
            Step::Weekdays(days) => {
                let number = weekday_number(date(first)?)?.checked_add(days.checked_mul(steps)?)?;
                // Day 0 is a Thursday; that of number 0 the Monday before.
                let day = number.div_euclid(5).checked_mul(7)?.checked_add(number.rem_euclid(5) - 3)?;
                day.checked_mul(DAY)?.checked_add(self.of_day)?
            }
        };
        clock.time(shown)
    }

    /// How many steps a time lies after the first, or before it; none if it lies between two.
    pub fn steps(&self, clock: &Clock, step: Step, time: i64) -> Option<i64> {
        let between = |to: i64, from: i64, size: i64| {
            let apart = to.checked_sub(from)?;
            (apart % size == 0).then_some(apart / size)
        };
        let (first, shown) = (clock.shows(self.start)?, clock.shows(time)?);
        let steps = match step {
            Step::Ticks(size) => return between(time, self.start, size),
            Step::Shown(size) => {
                let start = first.checked_sub(first.rem_euclid(DAY))?.checked_add(self.of_day)?;
                // A clock that is turned on shows more than it should.
                shown.checked_sub(start)?.div_euclid(size)
            }
            Step::Months(months) => {
                let steps = between(month_number(date(shown)?), month_number(date(first)?), months)?;
                if self.day == Day::Any {
                    return Some(steps);
                }
                steps
            }
            Step::Weekdays(days) => {
                between(weekday_number(date(shown)?)?, weekday_number(date(first)?)?, days)?
            }
        };
        // Months before the first time are not asked for.
        let same = |steps: i64| match steps {
            0.. => self.at(clock, step, steps) == Some(time),
            _ => {
                matches!(step, Step::Shown(_) | Step::Weekdays(_))
                    && self.at(clock, step, steps) == Some(time)
            }
        };
        [steps, steps.saturating_add(1)].into_iter().find(|steps| same(*steps))
    }
}

/// Months since the year 0.
pub fn month_number(date: NaiveDate) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month0())
}

/// Days from Monday to Friday since the Monday before 1970-01-01; none of a Saturday or Sunday.
fn weekday_number(date: NaiveDate) -> Option<i64> {
    let day = i64::from(date.weekday().num_days_from_monday());
    let monday = i64::from(date.num_days_from_ce()) - EPOCH - day + 3;
    (day < 5).then_some(monday / 7 * 5 + day)
}

/// The date of a time that a clock shows.
pub fn date(shown: i64) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(i32::try_from(shown.div_euclid(DAY) + EPOCH).ok()?)
}

fn shown_at(date: NaiveDate, of_day: i64) -> Option<i64> {
    (i64::from(date.num_days_from_ce()) - EPOCH).checked_mul(DAY)?.checked_add(of_day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> i64 {
        i64::from(millstream_sdk::table::parse_date(text.as_bytes()).unwrap()) * DAY
    }

    fn dates(texts: &[&str]) -> Vec<NaiveDate> {
        texts.iter().map(|text| date(day(text)).unwrap()).collect()
    }

    #[test]
    fn days_of_months_are_told_by_all_dates() {
        for (texts, rule) in [
            (&["2022-12-28", "2023-01-28", "2023-02-28"][..], Day::Of(28)),
            (&["2022-12-30", "2023-01-30", "2023-02-28", "2023-04-30"], Day::Of(30)),
            (&["2022-12-29", "2023-01-29", "2023-02-28"], Day::Of(29)),
            (&["2023-12-29", "2024-01-29", "2024-02-29"], Day::Of(29)),
            (&["2022-12-31", "2023-01-31", "2023-02-28", "2023-04-30"], Day::Last),
            (&["2023-06-30", "2023-09-30"], Day::Last),
            (&["2016-02-29", "2017-02-28", "2020-02-29"], Day::Last),
            (&["2019-02-28", "2020-02-28"], Day::Of(28)),
            (&["2023-01-31", "2023-02-28", "2023-03-31", "2023-04-28"], Day::LastWeekday),
            (&["2023-01-02", "2023-02-01", "2023-03-01", "2023-04-03", "2023-05-01"], Day::FirstWeekday),
        ] {
            assert_eq!(Day::of_all(&dates(texts), false), Some(rule), "{texts:?}");
        }
        assert_eq!(Day::of_all(&dates(&["2023-01-15", "2023-02-14"]), false), None);
        // 28 days apart, and first weekdays by chance.
        assert_eq!(Day::of_all(&dates(&["2023-04-03", "2023-05-01"]), true), None);
    }

    #[test]
    fn steps_lead_there_and_back() {
        let clock = Clock::default();
        for (step, rule, start, next) in [
            (Step::Months(1), Day::Of(30), "2023-01-30", ["2023-02-28", "2023-03-30"]),
            (Step::Months(1), Day::Of(30), "2024-01-30", ["2024-02-29", "2024-03-30"]),
            (Step::Months(1), Day::Last, "2023-04-30", ["2023-05-31", "2023-06-30"]),
            (Step::Months(1), Day::LastWeekday, "2023-08-31", ["2023-09-29", "2023-10-31"]),
            (Step::Months(3), Day::FirstWeekday, "2022-10-03", ["2023-01-02", "2023-04-03"]),
            (Step::Months(12), Day::Last, "2019-02-28", ["2020-02-29", "2021-02-28"]),
            (Step::Months(12), Day::Of(28), "2019-02-28", ["2020-02-28", "2021-02-28"]),
            (Step::Weekdays(1), Day::Any, "2024-01-04", ["2024-01-05", "2024-01-08"]),
            (Step::Weekdays(2), Day::Any, "1969-12-30", ["1970-01-01", "1970-01-05"]),
            (Step::Ticks(30 * DAY), Day::Any, "2023-01-15", ["2023-02-14", "2023-03-16"]),
        ] {
            let grid = Grid::new(&clock, rule, &[day(start)]);
            for (steps, date) in (0..).zip([start].into_iter().chain(next)) {
                assert_eq!(grid.at(&clock, step, steps), Some(day(date)), "{step:?} {rule:?}");
                assert_eq!(grid.steps(&clock, step, day(date)), Some(steps), "{step:?} {rule:?} {date}");
            }
            assert_eq!(grid.steps(&clock, step, day(next[0]) + 1), None, "{step:?} {rule:?}");
        }
    }

    #[test]
    fn days_that_leave_out_midnight() {
        // Summer time began at midnight there: 2018-11-04 began at one o'clock.
        let clock = Clock::of("America/Sao_Paulo").unwrap();
        let midnight = day("2018-11-03") + 3 * HOUR;
        let times = [midnight, midnight + 24 * HOUR, midnight + 47 * HOUR];
        for from in 0..2 {
            let grid = Grid::new(&clock, Day::Any, &times[from..]);
            let all: Vec<i64> =
                (0..3 - from as i64).map(|steps| grid.at(&clock, Step::Shown(DAY), steps).unwrap()).collect();
            assert_eq!(all, times[from..]);
            let back = times[from..].iter().map(|time| grid.steps(&clock, Step::Shown(DAY), *time).unwrap());
            assert!(back.eq(0..3 - from as i64));
        }
    }

    #[test]
    fn seasons_and_names() {
        for (step, days, name, season) in [
            (Step::Months(1), &[Day::Last][..], "ME", 12),
            (Step::Months(1), &[Day::Of(15), Day::Last], "M", 12),
            (Step::Months(2), &[Day::Of(1)], "2MS", 6),
            (Step::Months(3), &[Day::LastWeekday], "BQE", 4),
            (Step::Months(12), &[Day::Of(28)], "Y", 1),
            (Step::Months(5), &[Day::Of(28)], "5M", 1),
            (Step::Ticks(30 * DAY), &[Day::Any], "30D", 1),
            (Step::Ticks(28 * DAY), &[Day::Any], "4W", 13),
            (Step::Shown(DAY), &[Day::Any], "D", 7),
            (Step::Weekdays(1), &[Day::Any], "B", 5),
            (Step::Ticks(3 * HOUR), &[Day::Any], "3h", 8),
            (Step::Ticks(90 * 60_000_000), &[Day::Any], "90min", 16),
            (Step::Ticks(1_000_000), &[Day::Any], "s", 1),
        ] {
            assert_eq!((step.name(true, days).as_str(), step.season(true)), (name, season), "{step:?}");
        }
        assert_eq!((Step::Ticks(7).name(false, &[]), Step::Ticks(7).season(false)), ("7".to_owned(), 1));
    }

    proptest::proptest! {
        /// Whatever a damaged model holds: no panic, and where a way leads, it leads back.
        #[test]
        fn no_grid_panics(start: i64, of_day: i64, size in 1i64.., kind in 0..4usize, steps in 0i64.., time: i64) {
            let step = [Step::Ticks(size), Step::Months(size), Step::Shown(size), Step::Weekdays(size)][kind];
            for clock in [Clock::default(), Clock::of("Europe/Berlin").unwrap()] {
                let grid = Grid { start: start >> 3, of_day: of_day.rem_euclid(DAY), day: Day::Of(30) };
                let _ = (grid.at(&clock, step, steps), grid.steps(&clock, step, time));
            }
        }
    }
}
