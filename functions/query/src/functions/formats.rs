//! Dates and times by a format.

use super::{
    Function, Memory,
    parts::{DAYS, MONTHS},
    strict,
};
use crate::{
    calendar::{self, Cursor, Date, FAR, HOUR, MINUTE, SECOND},
    kind::Kind::{Text, Timestamp},
    value::Value,
};

pub(super) static FUNCTIONS: &[Function] = &[
    strict("strftime", &[Timestamp, Text], Text, |a, _| format(a[0].int(), a[1].str()).map(Value::text)),
    strict("strptime", &[Text, Text], Timestamp, |a, _| match parse(a[0].str(), a[1].str())? {
        Some(micros) => Ok(Value::Timestamp(micros)),
        None => Err(format!(
            "`{}` is no time of the format `{}`; try_strptime gives NULL instead",
            a[0].str(),
            a[1].str()
        )),
    }),
    strict("try_strptime", &[Text, Text], Timestamp, |a, _: &mut Memory| {
        Ok(parse(a[0].str(), a[1].str())?.map_or(Value::Null, Value::Timestamp))
    }),
];

/// A format's places: `%-d` is without zeros in front.
fn places(format: &str) -> Result<Vec<(char, bool)>, String> {
    let (mut places, mut characters) = (Vec::new(), format.chars());
    while let Some(c) = characters.next() {
        if c != '%' {
            places.push((c, true));
            continue;
        }
        let mut code = characters.next();
        let bare = code == Some('-');
        if bare {
            code = characters.next();
        }
        match code {
            Some('%') => places.push(('%', true)),
            // What stands for other places.
            Some('x') => places.extend(self::places("%Y-%m-%d")?),
            Some('X' | 'T') => places.extend(self::places("%H:%M:%S")?),
            Some('c') => places.extend(self::places("%Y-%m-%d %H:%M:%S")?),
            Some(code) if "YymdHIMSfgnpjaAbBhwuUWGVzZ".contains(code) => {
                let code = if code == 'h' { 'b' } else { code };
                // The sign of a place cannot stand in a text as such.
                places.push((
                    char::from_u32(0xF_0000 + code as u32 * 2 + u32::from(bare)).expect("a private one"),
                    false,
                ));
            }
            Some(code) => {
                return Err(format!(
                    "`%{code}` is no place of a format; there are %Y %y %m %d %H %I %M %S %f %g %n %p %j %a %A %b %B %w %u \
                     %U %W %G %V %z %Z %x %X %c %%"
                ));
            }
            None => return Err(format!("the format `{format}` ends with %")),
        }
    }
    Ok(places)
}

fn code(place: char) -> (char, bool) {
    let n = place as u32 - 0xF_0000;
    (char::from_u32(n / 2).unwrap_or('%'), n % 2 == 1)
}

fn format(micros: i64, text: &str) -> Result<String, String> {
    let (days, time) = calendar::split(micros);
    let date = Date::of(days);
    let weekday = calendar::iso_weekday(days);
    let hour = time / HOUR;
    let mut out = String::new();
    for (c, plain) in places(text)? {
        if plain {
            out.push(c);
            continue;
        }
        let (code, bare) = code(c);
        let (number, width) = match code {
            'Y' => (date.year, 4),
            'y' => (date.year.rem_euclid(100), 2),
            'm' => (date.month, 2),
            'd' => (date.day, 2),
            'H' => (hour, 2),
            'I' => ((hour + 11) % 12 + 1, 2),
            'M' => (time / MINUTE % 60, 2),
            'S' => (time / SECOND % 60, 2),
            'f' => (time % SECOND, 6),
            'g' => (time % SECOND / 1000, 3),
            'n' => (time % SECOND * 1000, 9),
            'j' => (calendar::day_of_year(days), 3),
            'w' => (weekday % 7, 1),
            'u' => (weekday, 1),
            'U' => ((calendar::day_of_year(days) + 6 - weekday % 7) / 7, 2),
            'W' => ((calendar::day_of_year(days) + 6 - (weekday - 1)) / 7, 2),
            'G' => (calendar::iso_week(days).0, 4),
            'V' => (calendar::iso_week(days).1, 2),
            other => {
                out.push_str(match other {
                    'p' if hour < 12 => "AM",
                    'p' => "PM",
                    'a' => &DAYS[weekday as usize - 1][..3],
                    'A' => DAYS[weekday as usize - 1],
                    'b' => &MONTHS[date.month as usize - 1][..3],
                    'B' => MONTHS[date.month as usize - 1],
                    'z' => "+00",
                    _ => "",
                });
                continue;
            }
        };
        let width = if bare { 1 } else { width };
        out.push_str(&format!("{number:0width$}"));
    }
    Ok(out)
}

/// The time of a text. None if it is not of the format.
///
/// # Errors
/// If the format is none.
fn parse(text: &str, format: &str) -> Result<Option<i64>, String> {
    let places = places(format)?;
    let mut read = Read { year: 1900, month: 1, day: 1, ..Read::default() };
    let mut cursor = Cursor { rest: text.trim().as_bytes() };
    for (c, plain) in places {
        let met = if plain { cursor.character(c) } else { read.place(code(c).0, &mut cursor) };
        if met.is_none() {
            return Ok(None);
        }
    }
    if !cursor.rest.is_empty() {
        return Ok(None);
    }
    read.finish()
}

impl Cursor<'_> {
    fn character(&mut self, c: char) -> Option<()> {
        if c.is_ascii_whitespace() {
            let n = self.rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.rest = &self.rest[n..];
            return (n > 0).then_some(());
        }
        let mut bytes = [0; 4];
        self.rest = self.rest.strip_prefix(c.encode_utf8(&mut bytes).as_bytes())?;
        Some(())
    }

    /// Which of some names stands here, in full or by its first three letters.
    fn name(&mut self, names: &[&str], short: bool) -> Option<usize> {
        let length = |name: &str| if short { 3 } else { name.len() };
        let found = names.iter().position(|name| {
            let name = &name.as_bytes()[..length(name)];
            self.rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
        })?;
        self.rest = &self.rest[length(names[found])..];
        Some(found)
    }

    fn fraction(&mut self, places: usize) -> Option<i64> {
        let before = self.rest.len();
        let number = self.digits(1, places)?;
        let read = before - self.rest.len();
        Some(number * 10_i64.pow((places - read) as u32))
    }
}

#[derive(Default)]
struct Read {
    year: i64,
    month: i64,
    day: i64,
    day_of_year: Option<i64>,
    hour: i64,
    afternoon: Option<bool>,
    twelve: bool,
    minute: i64,
    second: i64,
    micros: i64,
    offset: i64,
}

impl Read {
    fn place(&mut self, code: char, cursor: &mut Cursor<'_>) -> Option<()> {
        match code {
            'Y' => {
                let negative = cursor.eat(b"-").is_some();
                let year = cursor.digits(1, 4)?;
                self.year = if negative { -year } else { year };
            }
            'y' => {
                let year = cursor.digits(1, 2)?;
                self.year = if year < 69 { 2000 + year } else { 1900 + year };
            }
            'm' => self.month = cursor.digits(1, 2)?,
            'd' => self.day = cursor.digits(1, 2)?,
            'j' => self.day_of_year = Some(cursor.digits(1, 3)?),
            'H' | 'I' => {
                self.hour = cursor.digits(1, 2)?;
                self.twelve = code == 'I';
                let valid = if self.twelve { 1..=12 } else { 0..=23 };
                valid.contains(&self.hour).then_some(())?;
            }
            'M' => self.minute = cursor.digits(1, 2).filter(|n| *n < 60)?,
            'S' => self.second = cursor.digits(1, 2).filter(|n| *n < 60)?,
            'f' => self.micros = cursor.fraction(6)?,
            'g' => self.micros = cursor.fraction(3)? * 1000,
            'n' => self.micros = cursor.fraction(9)? / 1000,
            'p' => self.afternoon = Some(cursor.name(&["AM", "PM"], false)? == 1),
            'a' => _ = cursor.name(&DAYS, true)?,
            'A' => _ = cursor.name(&DAYS, false)?,
            'b' => self.month = cursor.name(&MONTHS, true)? as i64 + 1,
            'B' => self.month = cursor.name(&MONTHS, false)? as i64 + 1,
            'w' | 'u' => _ = cursor.digits(1, 1)?,
            'U' | 'W' | 'V' => _ = cursor.digits(1, 2)?,
            'z' => self.offset = cursor.zone_offset()?,
            _ => return None,
        }
        Some(())
    }

    fn finish(self) -> Result<Option<i64>, String> {
        let mut hour = self.hour;
        if self.twelve {
            hour = hour % 12 + if self.afternoon == Some(true) { 12 } else { 0 };
        }
        let date = Date { year: self.year, month: self.month, day: self.day };
        let days = match self.day_of_year {
            None => date.days(),
            Some(day) => {
                let first = Date { year: self.year, month: 1, day: 1 }.days();
                let last = 365 + i64::from(calendar::is_leap(self.year));
                first.filter(|_| (1..=last).contains(&day)).map(|first| first + day as i32 - 1)
            }
        };
        let Some(days) = days else { return Ok(None) };
        let time = hour * HOUR + self.minute * MINUTE + self.second * SECOND + self.micros - self.offset;
        calendar::join(days, time).map(Some).ok_or_else(|| FAR.to_owned())
    }
}

impl Cursor<'_> {
    /// `+02`, `-0230`, `+02:30`, `Z`, in microseconds.
    fn zone_offset(&mut self) -> Option<i64> {
        if self.eat(b"Zz").is_some() {
            return Some(0);
        }
        let sign = if self.eat(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.digits(2, 2)?;
        let colon = self.eat(b":").is_some();
        let minutes = match self.digits(2, 2) {
            Some(minutes) => minutes,
            None if colon => return None,
            None => 0,
        };
        Some(sign * (hours * HOUR + minutes * MINUTE))
    }
}
