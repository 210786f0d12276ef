//! Figures and times for people.

use millstream_core::completion::{Figure, Phase};

use super::foreign;
pub use super::table::{screen, table};

/// How much of a long list is shown: `most` on a terminal, everything in a pipe or file.
pub fn at_most(most: usize) -> usize {
    screen().map_or(usize::MAX, |_| most)
}

/// A duration of `ms` milliseconds.
pub fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms}ms"),
        1_000..60_000 => format!("{:.1}s", ms as f64 / 1e3),
        60_000..3_600_000 => format!("{}m{:02}s", ms / 60_000, ms / 1_000 % 60),
        _ => format!("{}h{:02}m", ms / 3_600_000, ms / 60_000 % 60),
    }
}

/// A figure with four digits that count; whole numbers stay whole.
pub fn figure(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return value.to_string();
    }
    if value.fract() == 0.0 && size < 1e9 {
        return format!("{value}");
    }
    if !(1e-4..1e9).contains(&size) {
        return format!("{value:.3e}");
    }
    let decimals = (3 - size.log10().floor() as i32).clamp(0, 7) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// `name value` pairs in a line; at most `most` of them.
pub fn metrics(metrics: &[(String, Figure)], most: usize) -> String {
    let shown: Vec<String> = metrics
        .iter()
        .take(most)
        .map(|(name, value)| format!("{} {}", foreign::line(name), figure(value.0)))
        .collect();
    let more = metrics.len().saturating_sub(most);
    let tail = if more > 0 { format!("  (+{more})") } else { String::new() };
    shown.join("  ") + &tail
}

/// Where time went: the phases in their order, such as `read 12ms, fit 1.2s`.
pub fn phases(phases: &[Phase]) -> String {
    let shown: Vec<String> = phases
        .iter()
        .map(|phase| {
            format!("{} {}", foreign::line(&phase.name), duration(phase.milliseconds.round() as u64))
        })
        .collect();
    shown.join(", ")
}

/// Bytes.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A moment, given in milliseconds since 1970, in this machine's time zone.
pub fn moment(ms: u64) -> String {
    let time = jiff::Timestamp::from_millisecond(i64::try_from(ms).unwrap_or(i64::MAX)).unwrap_or_default();
    time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `1 task`, `2 tasks`.
pub fn count(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_the_digits_that_count() {
        for (value, text) in [
            (0.997_123, "0.9971"),
            (0.5, "0.5"),
            (3.0, "3"),
            (1234.567, "1235"),
            (0.000_012, "1.200e-5"),
            (f64::NAN, "NaN"),
            (0.0, "0"),
            (-12.345, "-12.35"),
            (1e12, "1.000e12"),
        ] {
            assert_eq!(figure(value), text);
        }
    }

    #[test]
    fn durations_and_sizes() {
        assert_eq!(
            [0, 999, 1_500, 61_000, 7_260_000].map(duration),
            ["0ms", "999ms", "1.5s", "1m01s", "2h01m"]
        );
        assert_eq!([0, 1023, 1536, 5 << 30].map(bytes), ["0 B", "1023 B", "1.5 KiB", "5.0 GiB"]);
    }
}
