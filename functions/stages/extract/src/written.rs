//! Whether the values of a column tell how they were written.
//!
//! Looks at texts alone, byte by byte: printing each value to compare it would take longer than reading it. What is not plainly
//! the print of its value counts as written otherwise, also where it is the print by chance, as numbers of many digits may be.

use millstream_sdk::table::Texts;

use crate::kind::Kind;

/// Digits that a number keeps whatever they are.
const DIGITS: usize = 15;

/// No number was seen yet, or some with different counts of digits after the point.
const NONE: u8 = u8::MAX;
const SEVERAL: u8 = u8::MAX - 1;

/// What is known of the texts of a column that is kept in another type.
#[derive(Clone, Debug)]
pub struct Written {
    /// The first text that is not the print of its value.
    odd: Option<String>,
    /// Digits after the point that all numbers had so far.
    decimals: u8,
    /// The words for false and true.
    words: [Option<&'static str>; 2],
    /// A day among times.
    day: Option<String>,
    /// The first time that had more digits than are kept.
    cut: Option<String>,
}

impl Default for Written {
    fn default() -> Self {
        Self { odd: None, decimals: NONE, words: [None; 2], day: None, cut: None }
    }
}

impl Written {
    /// Whether no further number can change what is known.
    #[inline]
    pub fn settled(&self) -> bool {
        self.decimals == SEVERAL && self.odd.is_some()
    }

    /// An integer, as it stands.
    #[inline]
    pub fn integer(&mut self, field: &[u8]) {
        let plain = match field {
            [b'1'..=b'9', ..] | [b'0'] => !field[field.len() - 1].is_ascii_whitespace(),
            [b'-', b'1'..=b'9', ..] => !field[field.len() - 1].is_ascii_whitespace(),
            _ => false,
        };
        if plain && self.decimals == 0 {
            return;
        }
        if plain { self.count(0) } else { self.odd(field) }
    }

    /// A number, as it stands.
    #[inline]
    pub fn number(&mut self, field: &[u8]) {
        if self.settled() {
            return;
        }
        match decimals(field) {
            Some(count) => {
                self.count(count);
                if count > 0 && field.ends_with(b"0") {
                    self.note(field);
                }
            }
            None => self.odd(field),
        }
    }

    fn count(&mut self, decimals: u8) {
        if self.decimals == NONE {
            self.decimals = decimals;
        } else if self.decimals != decimals {
            self.decimals = SEVERAL;
        }
    }

    #[cold]
    fn odd(&mut self, field: &[u8]) {
        self.decimals = SEVERAL;
        self.note(field);
    }

    fn note(&mut self, field: &[u8]) {
        if self.odd.is_none() {
            self.odd = Some(String::from_utf8_lossy(field).chars().take(40).collect());
        }
    }

    /// A truth value, as it stands.
    pub fn truth(&mut self, field: &[u8]) {
        let (truth, word) = match field {
            b"true" => (1, "true"),
            b"True" => (1, "True"),
            b"TRUE" => (1, "TRUE"),
            b"false" => (0, "false"),
            b"False" => (0, "False"),
            b"FALSE" => (0, "FALSE"),
            _ => return self.note(field),
        };
        if *self.words[truth].get_or_insert(word) != word {
            self.note(field);
        }
    }

    /// A day, as it stands.
    #[inline]
    pub fn day(&mut self, field: &[u8]) {
        if field.len() != 10 {
            self.note(field);
        }
        if self.day.is_none() {
            self.day = Some(String::from_utf8_lossy(field).into_owned());
        }
    }

    /// A time, as it stands.
    #[inline]
    pub fn time(&mut self, field: &[u8], utc: bool) {
        let (text, zone) = match field {
            [text @ .., b'Z'] => (text, true),
            text => (text, false),
        };
        if self.cut.is_none() && text.len() > 26 && cuts(field) {
            self.cut = Some(String::from_utf8_lossy(field).into_owned());
        }
        if self.odd.is_some() {
            return;
        }
        let printed = match text.len() {
            19 => true,
            23 => &text[20..] != b"000",
            26 => &text[23..] != b"000",
            _ => false,
        };
        if zone != utc || !printed || text.get(10) != Some(&b'T') {
            self.note(field);
        }
    }

    /// A field of a column that is only looked at.
    pub fn see(&mut self, kind: Kind, field: &[u8]) {
        match kind {
            Kind::Bool => self.truth(field),
            Kind::Int | Kind::Long => self.integer(field),
            Kind::Float | Kind::Huge | Kind::Big | Kind::Code | Kind::Digits => self.number(field),
            Kind::Date => self.day(field),
            Kind::Time | Kind::TimeUtc => self.time(field, kind == Kind::TimeUtc),
            Kind::Unknown | Kind::Text => {}
        }
    }

    /// That nobody will ask for the texts of so many different numbers: nothing more needs to be watched.
    pub fn give_up(&mut self, example: impl FnOnce() -> String) {
        self.decimals = SEVERAL;
        if self.odd.is_none() {
            self.odd = Some(example());
        }
    }

    /// A time whose last digits were dropped.
    pub fn cut(&self) -> Option<&str> {
        self.cut.as_deref()
    }

    /// What a column of this kind says of its texts. Integers that are written as they print need no word.
    pub fn texts(&self, kind: Kind) -> Option<Texts> {
        let changed = |text: &str| Some(Texts::Changed(text.to_owned()));
        match (kind, &self.odd) {
            (Kind::Huge | Kind::Big | Kind::Code | Kind::Digits | Kind::Text, _) => None,
            (Kind::Int | Kind::Long, None) => None,
            (Kind::Float, Some(_)) if self.decimals < SEVERAL && self.decimals > 0 => {
                Some(Texts::Decimals(self.decimals))
            }
            (Kind::Time | Kind::TimeUtc, _) if self.day.is_some() => {
                changed(self.odd.as_deref().or(self.day.as_deref()).unwrap_or_default())
            }
            (_, Some(odd)) => changed(odd),
            (Kind::Bool, None) => {
                let [no, yes] = self.words;
                let words = |word: Option<&str>, like: Option<&str>, usual: [&str; 3]| match (word, like) {
                    (Some(word), _) => word.to_owned(),
                    // The word that was not needed, in the case of the other one.
                    (None, Some("TRUE" | "FALSE")) => usual[2].to_owned(),
                    (None, Some("True" | "False")) => usual[1].to_owned(),
                    _ => usual[0].to_owned(),
                };
                Some(Texts::Words {
                    yes: words(yes, no, ["true", "True", "TRUE"]),
                    no: words(no, yes, ["false", "False", "FALSE"]),
                })
            }
            (Kind::Unknown | Kind::Float | Kind::Date | Kind::Time | Kind::TimeUtc, None) => {
                Some(Texts::Printed)
            }
        }
    }
}

/// How many digits after the point a number has that is written as numbers of few digits print, but for zeros at the end.
fn decimals(field: &[u8]) -> Option<u8> {
    let digits = field.strip_prefix(b"-").unwrap_or(field);
    if digits.len() > DIGITS + 1 {
        return None;
    }
    let point = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    let (whole, fraction) = digits.split_at(point);
    if whole.is_empty() || whole.len() > 1 && whole[0] == b'0' {
        return None;
    }
    match fraction {
        [] if whole.len() <= DIGITS => Some(0),
        [b'.', fraction @ ..] if !fraction.is_empty() && fraction.iter().all(u8::is_ascii_digit) => {
            Some(fraction.len() as u8)
        }
        _ => None,
    }
}

/// Whether a time has digits other than zeros behind microseconds.
fn cuts(field: &[u8]) -> bool {
    let Some(point) = field.iter().position(|byte| *byte == b'.') else { return false };
    let digits = field[point + 1..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.skip(6).any(|digit| *digit != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::parse_float;
    use millstream_sdk::table::{format_timestamp, parse_timestamp};
    use proptest::prelude::*;

    fn of(kind: Kind, texts: &[&str]) -> Option<Texts> {
        let mut written = Written::default();
        texts.iter().for_each(|text| written.see(Kind::of(text.as_bytes()), text.as_bytes()));
        written.texts(kind)
    }

    #[test]
    fn columns_tell_how_they_were_written() {
        let changed = |text: &str| Some(Texts::Changed(text.to_owned()));
        let words = |yes: &str, no: &str| Some(Texts::Words { yes: yes.to_owned(), no: no.to_owned() });
        for (kind, texts, expected) in [
            (Kind::Int, &["1", "-20", "0"][..], None),
            (Kind::Int, &["1", "+5"], changed("+5")),
            (Kind::Int, &["1", " 5"], changed(" 5")),
            (Kind::Int, &["1", "5 "], changed("5 ")),
            (Kind::Int, &["-0"], changed("-0")),
            (Kind::Float, &["1", "2.5"], Some(Texts::Printed)),
            (Kind::Float, &["1.0", "2.5"], Some(Texts::Decimals(1))),
            (Kind::Float, &["1.50", "2.25"], Some(Texts::Decimals(2))),
            (Kind::Float, &["1.0", "2"], changed("1.0")),
            (Kind::Float, &["1.50", "2.5"], changed("1.50")),
            (Kind::Float, &["1e3"], changed("1e3")),
            (Kind::Float, &["00.5"], changed("00.5")),
            (Kind::Float, &[".5"], changed(".5")),
            (Kind::Float, &["5."], changed("5.")),
            (Kind::Float, &["inf"], changed("inf")),
            (Kind::Float, &["0.1234567890123456"], changed("0.1234567890123456")),
            (Kind::Bool, &["TRUE", "FALSE"], words("TRUE", "FALSE")),
            (Kind::Bool, &["True"], words("True", "False")),
            (Kind::Bool, &["TRUE", "false"], words("TRUE", "false")),
            (Kind::Bool, &["TRUE", "true"], changed("true")),
            (Kind::Bool, &[" true"], changed(" true")),
            (Kind::Date, &["2024-01-31"], Some(Texts::Printed)),
            (Kind::Date, &["2024-01-31 "], changed("2024-01-31 ")),
            (Kind::Time, &["2024-01-31T10:00:00"], Some(Texts::Printed)),
            (Kind::Time, &["2024-01-31T10:00:00", "2024-01-31"], changed("2024-01-31")),
            (Kind::Time, &["2024-01-31 10:00:00"], changed("2024-01-31 10:00:00")),
            (Kind::TimeUtc, &["2024-01-31T10:00:00Z"], Some(Texts::Printed)),
            (Kind::TimeUtc, &["2024-01-31T10:00:00+00:00"], changed("2024-01-31T10:00:00+00:00")),
            (Kind::Unknown, &[], Some(Texts::Printed)),
            (Kind::Code, &["007"], None),
        ] {
            assert_eq!(of(kind, texts), expected, "{texts:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// What counts as printed is printed so, and what has so many decimals, too.
        #[test]
        fn plain_numbers_print_as_they_stand(text in "-?[0-9]{1,9}(\\.[0-9]{1,8})?|[0-9.eE+-]{1,8}") {
            if let Some(number) = parse_float(text.as_bytes()) {
                match of(Kind::Float, &[&text]) {
                    Some(Texts::Printed) => prop_assert_eq!(number.to_string(), text),
                    Some(Texts::Decimals(digits)) => {
                        prop_assert_eq!(format!("{:.1$}", number, usize::from(digits)), text);
                    }
                    other => prop_assert!(matches!(other, Some(Texts::Changed(_)))),
                }
            }
        }

        #[test]
        fn plain_times_print_as_they_stand(
            text in "20[0-9]{2}-0[1-9]-1[0-9][T ]1[0-9]:[0-5][0-9](:[0-5][0-9](\\.[05]{1,9})?)?(Z|\\+00:00)?",
        ) {
            if let Some((micros, utc)) = parse_timestamp(text.as_bytes()) {
                let kind = if utc { Kind::TimeUtc } else { Kind::Time };
                if of(kind, &[&text]) == Some(Texts::Printed) {
                    prop_assert_eq!(format_timestamp(micros, utc), text);
                }
            }
        }
    }
}
