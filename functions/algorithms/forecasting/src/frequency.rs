//! How far steps are apart: as the user names it, or as the times have it.

use crate::step::{DAY, Day, Grid, HOUR, Step, WEEK, date, month_number};
use crate::time::Times;
use chrono::{Datelike as _, NaiveDate, Weekday};
use millstream_sdk::failure::listing;
use millstream_sdk::{Failure, invalid_parameter};

/// Steps, with the day of the month of each series.
#[derive(Debug)]
pub struct Frequency {
    pub step: Step,
    pub days: Vec<Day>,
    /// What is to be said about it.
    pub warning: Option<String>,
}

/// What the user asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    step: Step,
    day: Option<Day>,
    weekday: Option<Weekday>,
    /// The month that quarters or years begin or end with, 1 to 12.
    month: Option<u32>,
}

const WEEKDAYS: [&str; 7] = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

impl Named {
    /// Reads the name of a step, as pandas has them.
    pub fn read(text: &str, times: &Times) -> Result<Self, Failure> {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let count: Option<i64> = if number.is_empty() { Some(1) } else { number.parse().ok() };
        let count = count.filter(|count| (1..=1_000_000).contains(count));
        let named = match (count, times.is_calendar()) {
            (Some(count), false) if unit.is_empty() && !number.is_empty() => {
                Some(Self { step: Step::Ticks(count), day: None, weekday: None, month: None })
            }
            (Some(count), true) => Self::calendar(count, unit, times),
            _ => None,
        };
        let allowed = match (times.is_calendar(), times.are_days()) {
            (false, _) => "a whole number for a time column of numbers",
            (true, true) => {
                "`D`, `B`, `W`, `M`, `MS`, `ME`, `BMS`, `BME`, the same of `Q` and `Y`, with the day or month that they \
                 begin or end with, such as `W-MON` or `QE-DEC`, or a number of them such as `30D` or `2W`"
            }
            (true, false) => {
                "`s`, `min`, `h`, `D`, `B`, `W`, `M`, `MS`, `ME`, `BMS`, `BME`, the same of `Q` and `Y`, with the day or \
                 month that they begin or end with, such as `W-MON` or `QE-DEC`, or a number of them such as `15min` or `30D`"
            }
        };
        named.ok_or_else(|| invalid_parameter("frequency", format!("`{text}` is no step")).allowed(allowed))
    }

    fn calendar(count: i64, unit: &str, times: &Times) -> Option<Self> {
        let (unit, suffix) = match unit.split_once('-') {
            Some((unit, suffix)) => (unit, Some(suffix)),
            None => (unit, None),
        };
        let place = |names: &[&str]| names.iter().position(|name| Some(*name) == suffix);
        let plain = |step: Step| Self { step, day: None, weekday: None, month: None };
        let short = |size: i64| (!times.are_days() || count * size % DAY == 0).then_some(count * size);
        let long = |size: i64| if times.clock().has_zone() { Step::Shown(size) } else { Step::Ticks(size) };
        let size = match unit {
            "us" | "U" => short(1),
            "ms" | "L" => short(1_000),
            "s" | "S" => short(1_000_000),
            "min" | "T" => short(60_000_000),
            "h" | "H" => short(HOUR),
            "D" | "d" => Some(count * DAY),
            "W" | "w" => {
                let weekday = match (suffix, place(&WEEKDAYS)) {
                    (Some(_), None) => return None,
                    (_, place) => place.and_then(|place| Weekday::try_from(place as u8).ok()),
                };
                return Some(Self { weekday, ..plain(long(count * WEEK)) });
            }
            "B" => return suffix.is_none().then_some(plain(Step::Weekdays(count))),
            _ => None,
        };
        if let Some(size) = size {
            let step = if size % DAY == 0 && unit.eq_ignore_ascii_case("d") {
                long(size)
            } else {
                Step::Ticks(size)
            };
            return suffix.is_none().then_some(plain(step));
        }
        let (weekdays, rest) = match unit.strip_prefix('B') {
            Some(rest) => (true, rest),
            None => (false, unit),
        };
        let (months, rest) = match rest.as_bytes().first()? {
            b'M' => (1, &rest[1..]),
            b'Q' => (3, &rest[1..]),
            b'Y' | b'A' => (12, &rest[1..]),
            _ => return None,
        };
        let day = match (weekdays, rest) {
            (false, "") => None,
            (false, "S") => Some(Day::Of(1)),
            (false, "E") => Some(Day::Last),
            (true, "S") => Some(Day::FirstWeekday),
            (true, "E" | "") => Some(Day::LastWeekday),
            _ => return None,
        };
        let month = match (suffix, place(&MONTHS)) {
            (None, _) => None,
            (Some(_), Some(place)) if months > 1 => Some(place as u32 + 1),
            _ => return None,
        };
        Some(Self { day, month, ..plain(Step::Months(count * months)) })
    }

    /// Brings the name together with the times of the series, each of which is in order.
    pub fn with(self, series: &[Vec<i64>], times: &Times) -> Frequency {
        let (days, warning) = match (self.step, self.day) {
            (Step::Months(_), Some(day)) => (vec![day; series.len()], None),
            (Step::Months(_), None) => match month_days(series, times) {
                Some(days) => (days, None),
                None => (
                    vec![Day::Any; series.len()],
                    Some(
                        "times are of different days of the month: each stands for its month, and the times ahead are \
                         the first days of theirs"
                            .to_owned(),
                    ),
                ),
            },
            _ => (vec![Day::Any; series.len()], None),
        };
        let mut step = self.step;
        if let (Step::Ticks(size), true) = (step, times.clock().has_zone()) {
            // Such as midnight and noon, 11 or 13 hours apart when the clock is turned.
            let shown = Step::Shown(size);
            if size > HOUR && !fits(series, times, step, &days) && fits(series, times, shown, &days) {
                step = shown;
            }
        }
        Frequency { step, days, warning }
    }

    /// What a time lacks of what the name says, if anything.
    pub fn lacks(&self, time: i64, times: &Times) -> Option<String> {
        let own = date(times.shown(time)?)?;
        if let Some(weekday) = self.weekday.filter(|weekday| *weekday != own.weekday()) {
            return Some(format!("is no {weekday}"));
        }
        if matches!(self.step, Step::Weekdays(_)) && own.weekday().num_days_from_monday() > 4 {
            return Some(format!("is a {}", own.weekday()));
        }
        if let Some(day) = self.day.filter(|day| day.within(own) != Some(own)) {
            return Some(format!("is not {}", day.text()));
        }
        let (month, Step::Months(months)) = (self.month?, self.step) else { return None };
        let phase = if months % 12 == 0 { 12 } else { 3 };
        (own.month() % phase != month % phase)
            .then(|| format!("is not of a month that goes with {}", MONTHS[month as usize - 1]))
    }
}

/// The step that is most frequent between neighbours: months if all times go by the calendar, days from Monday to Friday if
/// they leave out weekends. None if there are no neighbours.
pub fn usual(series: &[Vec<i64>], times: &Times) -> Option<Frequency> {
    let any = vec![Day::Any; series.len()];
    let plain = |step: Step| Some(Frequency { step, days: any.clone(), warning: None });
    let apart = most(series, Some)?;
    if !times.is_calendar() {
        return plain(Step::Ticks(apart));
    }
    if let Some(months) =
        most(series, |time| Some(month_number(date(times.shown(time)?)?))).filter(|n| *n > 0)
        && let Some(days) = month_days(series, times)
    {
        return Some(Frequency { step: Step::Months(months), days, warning: None });
    }
    if leave_out_weekends(series, times) && fits(series, times, Step::Weekdays(1), &any) {
        return plain(Step::Weekdays(1));
    }
    if !times.clock().has_zone() || fits(series, times, Step::Ticks(apart), &any) && apart < DAY {
        return plain(Step::Ticks(apart));
    }
    let shown = most(series, |time| times.shown(time)).filter(|size| *size > HOUR)?;
    let by_clock = shown % DAY == 0 || fits(series, times, Step::Shown(shown), &any);
    plain(if by_clock { Step::Shown(shown) } else { Step::Ticks(apart) })
}

/// The difference between neighbours that is most frequent; of equally frequent ones the least.
fn most(series: &[Vec<i64>], of: impl Fn(i64) -> Option<i64>) -> Option<i64> {
    let pairs = series.iter().flat_map(|own| own.windows(2));
    let mut apart: Vec<i64> = pairs.map(|pair| Some(of(pair[1])? - of(pair[0])?)).collect::<Option<_>>()?;
    apart.sort_unstable();
    let runs = apart.chunk_by(|a, b| a == b);
    let longest = runs.fold(&[][..], |most: &[i64], run| if run.len() > most.len() { run } else { most });
    longest.first().copied()
}

/// The day of the month of each series: one for all if there is one, else one for each. None if there is no rule, or two
/// times of a series are of one month.
fn month_days(series: &[Vec<i64>], times: &Times) -> Option<Vec<Day>> {
    let dates = |own: &Vec<i64>| -> Option<Vec<NaiveDate>> {
        own.iter().map(|time| date(times.shown(*time)?)).collect()
    };
    let dates: Vec<Vec<NaiveDate>> = series.iter().map(dates).collect::<Option<_>>()?;
    let one_each =
        |own: &Vec<NaiveDate>| own.windows(2).all(|pair| month_number(pair[0]) < month_number(pair[1]));
    if !dates.iter().all(one_each) {
        return None;
    }
    let even = |own: &Vec<NaiveDate>| own.windows(3).all(|three| three[1] - three[0] == three[2] - three[1]);
    let all_even = dates.iter().all(even);
    let joint = Day::of_all(&dates.concat(), all_even).map(|day| vec![day; series.len()]);
    let days = joint.or_else(|| dates.iter().map(|own| Day::of_all(own, even(own))).collect())?;
    // The time of day, too.
    fits(series, times, Step::Months(1), &days).then_some(days)
}

/// Whether all times lie whole numbers of steps after the first one of their series.
fn fits(series: &[Vec<i64>], times: &Times, step: Step, days: &[Day]) -> bool {
    series.iter().zip(days).all(|(own, day)| {
        let grid = Grid::new(times.clock(), *day, own);
        own.iter().all(|time| grid.steps(times.clock(), step, *time).is_some())
    })
}

/// Whether times are most often a day apart, never of a Saturday or Sunday, and go over a weekend.
fn leave_out_weekends(series: &[Vec<i64>], times: &Times) -> bool {
    let number = |time: i64| Some(times.shown(time)?.div_euclid(DAY));
    let over = |pair: &[i64]| {
        let (Some(from), Some(to)) = (number(pair[0]), number(pair[1])) else { return false };
        let friday = date(from * DAY).is_some_and(|date| date.weekday() == Weekday::Fri);
        friday && to - from == 3
    };
    most(series, number) == Some(1) && series.iter().flat_map(|own| own.windows(2)).any(over)
}

/// What may be the matter with times that lie between two steps.
pub fn advice(series: &[Vec<i64>], times: &Times, given: bool) -> String {
    let all = || series.iter().flatten().copied();
    let other = if given { "set another `frequency`" } else { "set `frequency`" };
    if times.is_calendar() && !times.are_days() && !times.clock().has_zone() {
        // Midnight by a clock that is turned by an hour, or by half of one.
        let mut of_day: Vec<i64> = all().map(|time| time.rem_euclid(DAY)).collect();
        of_day.sort_unstable();
        of_day.dedup();
        let near = |a: i64, b: i64| [HOUR, HOUR / 2].contains(&(b - a).min(DAY - (b - a)));
        if matches!(of_day.as_slice(), [a, b] if near(*a, *b)) {
            let first = if times.has_zone() { "" } else { "give times with their zone, and " };
            return format!(
                "these look like times of a clock with daylight saving time, brought to UTC: {first}set `timezone` to its \
                 name, such as `Europe/Berlin`"
            );
        }
    }
    let month = |time: i64| Some(month_number(date(times.shown(time)?)?));
    let apart = |own: &Vec<i64>| own.windows(2).all(|pair| pair[1] - pair[0] >= 20 * DAY);
    if times.is_calendar() && !given && series.iter().all(apart) && most(series, month) == Some(1) {
        return "if months are meant, bring times to one day of the month, or set `frequency: M` to take each for its month"
            .to_owned();
    }
    format!("{other}, or bring times to regular steps")
}

/// What numbers look like that are dates written without signs, if all do.
pub fn written_dates(ticks: &[i64]) -> Option<String> {
    let month = |n: i64| (190_001..=299_912).contains(&n) && (1..=12).contains(&(n % 100));
    let day =
        |n: i64| (19_000_101..=29_991_231).contains(&n) && month(n / 100) && (1..=31).contains(&(n % 100));
    let first = *ticks.first()?;
    let (form, like) = match () {
        () if ticks.iter().all(|n| month(*n)) => ("months", format!("{}-{:02}-01", first / 100, first % 100)),
        () if ticks.iter().all(|n| day(*n)) => {
            ("days", format!("{}-{:02}-{:02}", first / 10_000, first / 100 % 100, first % 100))
        }
        () => return None,
    };
    Some(format!(
        "numbers such as {} look like {form}: write them as dates such as {like}",
        listing(&[first.to_string()])
    ))
}
