//! Times, sizes and shares as people write them: `90s`, `1h30m`, `512 MiB`, `10%`.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration(pub u64);

/// Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

/// Reads `10%` as 10. The sign has to be there: `0.1` could mean a tenth, or a tenth of a percent.
pub fn percent(text: &str) -> Option<f64> {
    let number = text.trim().strip_suffix('%')?.trim_end();
    let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    number.parse().ok().filter(|share: &f64| plain && share.is_finite())
}

const TIMES: [(&str, f64); 5] =
    [("ms", 1.0), ("s", 1_000.0), ("m", 60_000.0), ("h", 3_600_000.0), ("d", 86_400_000.0)];
const SIZES: [(&str, f64); 9] = [
    ("B", 1.0),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
];

/// The sum of all `<number><unit>` in `text`, rounded; none if it is anything else.
fn sum(text: &str, units: &[(&str, f64)]) -> Option<u64> {
    let mut rest = text.trim();
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (_, factor) = units.iter().find(|(unit, _)| unit.eq_ignore_ascii_case(&rest[..end]))?;
        total += number * factor;
        rest = rest[end..].trim_start();
    }
    (total >= 1.0 && total < 2f64.powi(53)).then(|| total.round() as u64)
}

impl Duration {
    /// Reads `500ms`, `90s`, `1h30m`.
    pub fn parse(text: &str) -> Option<Self> {
        sum(text, &TIMES).map(Self)
    }
}

impl Size {
    /// Reads `512MiB`, `1.5 GB`.
    pub fn parse(text: &str) -> Option<Self> {
        sum(text, &SIZES).map(Self)
    }
}

macro_rules! as_text {
    ($type:ty, $name:literal, $unit:literal, $what:literal, $pattern:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visit;
                impl serde::de::Visitor<'_> for Visit {
                    type Value = $type;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($what)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        let no = || E::custom(format!("`{text}` is not {}", $what));
                        <$type>::parse(text).ok_or_else(no)
                    }
                }
                deserializer.deserialize_str(Visit)
            }
        }
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&format_args!("{}{}", self.0, $unit))
            }
        }
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "description": $what })
            }
        }
    };
}

as_text!(
    Duration,
    "Duration",
    "ms",
    "a time such as 500ms, 90s, 10m or 1h30m",
    r"^\s*([0-9.]+\s*(ms|s|m|h|d)\s*)+$"
);
as_text!(Size, "Size", "B", "a size such as 512MiB or 2GB", r"^\s*([0-9.]+\s*([KMGTkmgt][iI]?)?[bB]\s*)+$");

impl fmt::Display for Duration {
    /// In the largest units that are whole: `1h30m`, `90s` as `1m30s`, `250ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64); 5] =
            [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, size) in UNITS {
            if rest >= size {
                write!(f, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_back_as_they_are_shown() {
        for ms in [1, 250, 1_000, 90_000, 3_600_000, 5_400_000, 90_061_001] {
            let text = Duration(ms).to_string();
            assert_eq!(Duration::parse(&text), Some(Duration(ms)), "{text}");
        }
        assert_eq!(Duration(90_000).to_string(), "1m30s");
    }

    #[test]
    fn shares_need_their_sign() {
        assert_eq!(percent("10%"), Some(10.0));
        assert_eq!(percent(" 0.5 % "), Some(0.5));
        for bad in ["10", "%", "-1%", "1e3%", "inf%", "1..2%", ""] {
            assert_eq!(percent(bad), None, "{bad}");
        }
    }

    #[test]
    fn reads_times_and_sizes() {
        assert_eq!(Duration::parse("1h30m"), Some(Duration(5_400_000)));
        assert_eq!(Duration::parse("0.5 s"), Some(Duration(500)));
        assert_eq!(Size::parse("1.5 GiB"), Some(Size(1_610_612_736)));
        assert_eq!(Size::parse("2gb"), Some(Size(2_000_000_000)));
        for bad in ["", "10", "m", "10x", "-1s", "0s", "1..2s", "99999999999999999999d", "ñ"] {
            assert_eq!(Duration::parse(bad), None, "{bad}");
        }
    }
}
