//! Figures as people read them. Nothing here depends on a locale, so a report has the same bytes everywhere.

/// A number with four significant digits: `0.9731`, `1,234`, `1.2e-7`; `–` for NaN.
pub fn figure(x: f64) -> String {
    if x.is_nan() {
        return "–".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    if x == 0.0 {
        return "0".to_owned();
    }
    if x.fract() == 0.0 && x.abs() < 1e15 {
        return signed(x, grouped(&format!("{:.0}", x.abs())));
    }
    // The exponent after rounding to four digits, so that 9.99996 has the exponent of 10.00.
    let scientific = format!("{:.3e}", x.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..15).contains(&exponent) {
        return signed(x, format!("{}e{exponent}", trimmed(mantissa)));
    }
    let decimals = (3 - exponent).max(0) as usize;
    signed(x, grouped(trimmed(&format!("{:.decimals$}", x.abs()))))
}

/// A figure between -1 and 1 with four decimals, so that a column of them lines up; others as [`figure`] has them.
pub fn score(x: f64) -> String {
    if x.abs() <= 1.0 { format!("{x:.4}").replace('-', "−") } else { figure(x) }
}

/// A whole number with thousands separators: `12,345`.
pub fn count(n: u64) -> String {
    grouped(&n.to_string())
}

/// A share of one as a percentage: `12.3%`. What is not quite none or all never reads as `0%` or `100%`.
pub fn percent(fraction: f64) -> String {
    if !fraction.is_finite() {
        return "–".to_owned();
    }
    let percent = fraction * 100.0;
    if percent != 0.0 && percent.abs() < 0.1 {
        "<0.1%".to_owned()
    } else if percent < 100.0 && percent > 99.9 {
        ">99.9%".to_owned()
    } else {
        format!("{}%", trimmed(&format!("{percent:.1}")))
    }
}

/// `1 row`, `2 rows`.
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// At most `max` characters, the last one an ellipsis if any were cut.
pub fn shortened(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(max.saturating_sub(1)).collect();
    short.push('…');
    short
}

fn signed(x: f64, digits: String) -> String {
    if x < 0.0 { format!("−{digits}") } else { digits }
}

fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

pub(crate) fn grouped(number: &str) -> String {
    let whole = number.split('.').next().unwrap_or(number).len();
    let mut text = String::with_capacity(number.len() + whole / 3);
    for (i, digit) in number.chars().enumerate() {
        if i > 0 && i < whole && (whole - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_four_digits() {
        for (x, text) in [
            (0.0, "0"),
            (-0.5, "−0.5"),
            (0.97314, "0.9731"),
            (9.99996, "10"),
            (1234.0, "1,234"),
            (1234567.891, "1,234,568"),
            (123.456, "123.5"),
            (0.000123456, "0.0001235"),
            (0.0000123456, "1.235e-5"),
            (1e300, "1e300"),
            (f64::NAN, "–"),
            (f64::NEG_INFINITY, "−∞"),
        ] {
            assert_eq!(figure(x), text);
        }
    }

    #[test]
    fn scores_line_up() {
        assert_eq!(
            [score(0.8), score(-0.25), score(1.0), score(12.5)],
            ["0.8000", "−0.2500", "1.0000", "12.5"]
        );
        assert_eq!(score(f64::NAN), "–");
    }

    #[test]
    fn percentages_do_not_round_to_none_or_all() {
        assert_eq!(percent(0.0), "0%");
        assert_eq!(percent(0.0001), "<0.1%");
        assert_eq!(percent(0.12345), "12.3%");
        assert_eq!(percent(0.9999), ">99.9%");
        assert_eq!(percent(1.0), "100%");
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(shortened("größe", 5), "größe");
        assert_eq!(shortened("größenordnung", 5), "größ…");
    }
}
